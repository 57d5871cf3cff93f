INSERT INTO t VALUES ('a;b', 'it''s; fine', '');
INSERT INTO t VALUES ('back\slash\');
SELECT 'über; ünïcode', 2;
