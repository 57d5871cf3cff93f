--one; it's no statement
SELECT 1; --DROP TABLE t;
  --three
/* four */ --five;
SELECT 6 --6;
;
SELECT 7
--7
;
