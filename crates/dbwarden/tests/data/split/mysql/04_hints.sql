SELECT /*+ NO_ICP(t); */ * FROM t;
SELECT 2;
