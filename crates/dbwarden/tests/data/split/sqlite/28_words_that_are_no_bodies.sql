CREATE TABLE t (begin, trigger); CREATE VIEW trigger_begin AS SELECT 1 AS "begin";
CREATE INDEX i ON t(begin); SELECT begin, trigger FROM t; SELECT 1;
