INSERT INTO t VALUES ('a;b', 'it''s; fine', 'it\'s; fine', 'end\\');
INSERT INTO t VALUES ("a;b", "say ""hi;""", "say \"hi;", 'x"y;', "x'y;");
SELECT N'n;\'', x'3b', B'01', _utf8mb4'ü;', `a;b`, `tick``;`, `back\`;
SELECT \N, 1;
