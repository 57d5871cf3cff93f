INSERT INTO t VALUES ('a;b', 'it''s; fine', 'back\');
SELECT E'it\'s; fine', e'\\', E'a''b;';
SELECT U&'d\0061t;', u&"d\0061;" FROM t;
SELECT B'1;', x'1F;', N'n;';
SELECT nameE'x;\';
