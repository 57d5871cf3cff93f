/*+ SeqScan(t) */ SELECT * FROM t;
-- c
/*+ x */ /* y */ -- z
SELECT 2;
/*+ alone */;
