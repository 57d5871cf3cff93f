-- upgrade
CREATE MACRO f(a) AS (a + 1);
-- rollback
DROP MACRO f;
