CREATE PROCEDURE p()
BEGIN
  IF 1 THEN
-- rollback
    SELECT 1;
  END IF;
END;
--rollback
# rollback
-- rollback
DROP PROCEDURE p;
