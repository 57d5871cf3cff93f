//! CockroachDB, in words that PostgreSQL knows too, which answers behind the scripted one.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "CREATE TABLE users (id integer PRIMARY KEY, email text NOT NULL, score double precision, at timestamptz, picture bytea);
         INSERT INTO users VALUES (1, 'ana', 'NaN', '2026-01-01 12:00+02', '\\x00ff'), (2, 'bob', 0.1, NULL, ''), (3, 'eve', NULL, NULL, NULL);
         CREATE SCHEMA \"Other one\";
         CREATE TABLE \"Other one\".\"T.x\" (\"A \"\"b\" integer);
         INSERT INTO \"Other one\".\"T.x\" VALUES (1);",
        "CREATE TABLE added (a integer)",
        &["column added.a", "rows of added", "table added"],
    ),
    ("", "DROP TABLE added", &["column added.a", "rows of added", "table added"]),
    ("", "UPDATE users SET email = 'Ana' WHERE id = 1", &["values of users.email"]),
    ("", "UPDATE users SET score = 0.2 WHERE id = 2", &["values of users.score"]),
    ("", "UPDATE users SET picture = '\\x00fe' WHERE id = 1", &["values of users.picture"]),
    ("", "DELETE FROM users WHERE id = 3", &["rows of users"]),
    ("", "UPDATE \"Other one\".\"T.x\" SET \"A \"\"b\" = 2", &["values of \"Other one\".\"T.x\".\"A \"\"b\""]),
    ("", "ALTER TABLE users ADD COLUMN note text DEFAULT 'x'", &["column users.note", "table users", "values of users.note"]),
    ("", "ALTER TABLE users ALTER COLUMN note SET NOT NULL", &["column users.note", "table users"]),
    (
        "",
        "ALTER TABLE users ADD CONSTRAINT email_is_one CHECK (email <> '')",
        &["constraint users.email_is_one"],
    ),
    ("", "CREATE INDEX users_email ON users (email)", &["index users.users_email"]),
    (
        "CREATE VIEW everybody AS SELECT email FROM users",
        "CREATE OR REPLACE VIEW everybody AS SELECT email, id FROM users",
        &["column everybody.id", "view everybody"],
    ),
    ("CREATE TYPE mood AS ENUM ('sad', 'happy')", "ALTER TYPE mood ADD VALUE 'so-so' BEFORE 'happy'", &["type mood"]),
    ("CREATE SEQUENCE tickets", "ALTER SEQUENCE tickets INCREMENT BY 2", &["sequence tickets"]),
    ("", "SELECT nextval('tickets')", &["position of sequence tickets"]),
    (
        "CREATE FUNCTION add(a integer, b integer) RETURNS integer LANGUAGE sql AS 'SELECT a + b'",
        "CREATE OR REPLACE FUNCTION add(a integer, b integer) RETURNS integer LANGUAGE sql AS 'SELECT b + a'",
        &["function add(a integer, b integer)"],
    ),
    ("", "COMMENT ON COLUMN users.email IS 'where to write to'", &["comment on users.email"]),
    ("", "GRANT SELECT ON users TO pg_monitor", &["privileges users of pg_monitor"]),
    ("", "CREATE SCHEMA more", &["schema more"]),
];
