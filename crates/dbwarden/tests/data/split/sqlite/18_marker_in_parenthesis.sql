CREATE TABLE t (
  a INT,
  -- rollback
  b (INT));
