PREPARE p AS SELECT $1, $2;
SELECT a$b$, foo$$bar;
SELECT 1 AS x$y$z; SELECT 2 AS x$;
