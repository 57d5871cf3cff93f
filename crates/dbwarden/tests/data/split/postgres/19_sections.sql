-- upgrade
CREATE FUNCTION f() RETURNS void AS $$
-- rollback
$$ LANGUAGE sql;
CREATE FUNCTION g() RETURNS int BEGIN ATOMIC
-- rollback
  SELECT 1;
END;
/* /* */
-- rollback
*/
-- rollback
DROP FUNCTION f(); DROP FUNCTION g();
