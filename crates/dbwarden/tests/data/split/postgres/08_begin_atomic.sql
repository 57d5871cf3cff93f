CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE sql
BEGIN ATOMIC
  INSERT INTO t VALUES (CASE WHEN a > 1 THEN CASE a WHEN 2 THEN 3 END ELSE 4 END);
  SELECT a AS end;
  SELECT 1;
END;
CREATE PROCEDURE p() begin /* x */ atomic END;
create function g() returns int begin atomic; return 1; end;
SELECT 2;
