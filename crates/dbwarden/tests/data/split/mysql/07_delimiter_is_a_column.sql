CREATE TABLE t (
  delimiter VARCHAR(10),
  b INT
);
SELECT a,
  delimiter
FROM t;
SELECT 'x',
  delimiter ,
  b FROM t;
