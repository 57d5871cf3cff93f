-- a; b
SELECT 1; -- one; two
/* a; /* not nested */ SELECT 2 /* inside; */ + 3;
SELECT 4 -- four;
;
SELECT 5--five;
;
