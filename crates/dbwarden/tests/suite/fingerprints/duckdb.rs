//! DuckDB.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR NOT NULL, score DOUBLE, picture BLOB, since TIMESTAMP, tags VARCHAR[],
            about STRUCT(a INTEGER, b VARCHAR), loud VARCHAR AS (upper(email)));
         INSERT INTO users (id, email, score, picture, since, tags, about) VALUES (1, 'ana', 'NaN', '\\x00\\xFF', '2026-01-01', ['a', 'b'],
            {'a': 1, 'b': 'x'}), (2, 'bob', 0.1, NULL, 'infinity', NULL, NULL), (3, 'eve', '-Infinity', '', NULL, [], NULL);
         CREATE SCHEMA \"Other one\";
         CREATE TABLE \"Other one\".\"T.x\" (\"A \"\"b\" INTEGER);
         INSERT INTO \"Other one\".\"T.x\" VALUES (1);",
        "CREATE TABLE added (a INTEGER)",
        &["column added.a", "rows of added", "table added"],
    ),
    ("", "DROP TABLE added", &["column added.a", "rows of added", "table added"]),
    ("", "UPDATE users SET email = 'Ana' WHERE id = 1", &["values of users.email"]),
    ("", "UPDATE users SET email = 'Anna' WHERE id = 1", &["values of users.email", "values of users.loud"]),
    ("", "UPDATE users SET score = 0.1 + 1e-17 * 3 WHERE id = 2", &["values of users.score"]),
    ("", "UPDATE users SET picture = '\\x00\\xFE' WHERE id = 1", &["values of users.picture"]),
    ("", "UPDATE users SET tags = ['a', 'c'] WHERE id = 1", &["values of users.tags"]),
    ("", "UPDATE users SET since = CASE id WHEN 3 THEN TIMESTAMP '2026-01-01' WHEN 2 THEN 'infinity'::TIMESTAMP END", &["values of users"]),
    ("", "DELETE FROM users WHERE id = 3", &["rows of users"]),
    ("", "UPDATE \"Other one\".\"T.x\" SET \"A \"\"b\" = 2", &["values of \"Other one\".\"T.x\".\"A \"\"b\""]),
    (
        "CREATE TABLE plain (a INTEGER, b VARCHAR)",
        "ALTER TABLE plain ADD COLUMN c INTEGER DEFAULT 7",
        &["column plain.c", "table plain"],
    ),
    ("", "ALTER TABLE plain ALTER COLUMN b SET NOT NULL", &["column plain.b", "constraint plain.plain_b_not_null", "table plain"]),
    ("", "COMMENT ON COLUMN plain.a IS 'first'", &["column plain.a"]),
    ("", "COMMENT ON TABLE plain IS 'nothing'", &["table plain"]),
    ("", "CREATE UNIQUE INDEX plain_a ON plain (a)", &["index plain.plain_a"]),
    ("", "DROP INDEX plain_a", &["index plain.plain_a"]),
    (
        "CREATE VIEW everybody AS SELECT email FROM users",
        "CREATE OR REPLACE VIEW everybody AS SELECT email AS name FROM users",
        &["view everybody"],
    ),
    ("CREATE SEQUENCE tickets", "CREATE OR REPLACE SEQUENCE tickets INCREMENT BY 2", &["sequence tickets"]),
    ("", "SELECT nextval('tickets')", &["position of sequence tickets"]),
    ("CREATE TYPE mood AS ENUM ('sad', 'happy')", "DROP TYPE mood; CREATE TYPE mood AS ENUM ('sad', 'glad')", &["type mood"]),
    ("CREATE TYPE pair AS STRUCT(a INTEGER)", "DROP TYPE pair; CREATE TYPE pair AS STRUCT(a INTEGER, b mood)", &["type pair"]),
    ("CREATE MACRO add(a, b) AS a + b", "CREATE OR REPLACE MACRO add(a, b) AS a - b", &["macro add(a, b)"]),
    ("", "CREATE MACRO rows_of(n) AS TABLE SELECT n", &["table macro rows_of(n)"]),
    ("", "CREATE SCHEMA more", &["schema more"]),
    ("", "CHECKPOINT", &[]),
];
