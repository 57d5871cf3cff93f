SELECT `a;b`, `c``;` FROM t;
SELECT E'a\';'
'b\';
SELECT 2;
