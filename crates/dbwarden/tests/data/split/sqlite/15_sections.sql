-- upgrade

CREATE TABLE t (a);
CREATE TRIGGER tr AFTER INSERT ON t BEGIN
  SELECT 1;
  -- rollback
  SELECT 2;
END;

-- rollback
DROP TRIGGER tr;
DROP TABLE t;
