//! SQLite.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, born REAL, picture BLOB);
         CREATE TABLE \"My table\" (\"a \"\"b\" INTEGER, c AS (\"a \"\"b\" + 1), d AS (\"a \"\"b\" || 'x') STORED);
         INSERT INTO users VALUES (1, 'ana', 0.1, x'00ff'), (2, 'bob', NULL, 'text');
         INSERT INTO \"My table\" VALUES (1), (2);",
        "CREATE TABLE added (a)",
        &["column added.a", "rows of added", "table added"],
    ),
    ("", "DROP TABLE added", &["column added.a", "rows of added", "table added"]),
    (
        "",
        "ALTER TABLE users ADD COLUMN name TEXT DEFAULT 'x'",
        &["column users.name", "table users", "values of users.name"],
    ),
    ("", "INSERT INTO users (id, email) VALUES (3, 'eve')", &["rows of users"]),
    ("", "UPDATE users SET email = 'Ana' WHERE id = 1", &["values of users.email"]),
    ("", "UPDATE users SET picture = x'74657874' WHERE id = 2", &["values of users.picture"]),
    ("", "UPDATE users SET born = born + 1e-15 WHERE id = 1", &["values of users.born"]),
    (
        "",
        "UPDATE users SET email = CASE id WHEN 1 THEN 'bob' WHEN 2 THEN 'Ana' ELSE email END",
        &["values of users"],
    ),
    (
        "",
        "UPDATE \"My table\" SET \"a \"\"b\" = 7 WHERE \"a \"\"b\" = 1",
        &["values of \"My table\".\"a \"\"b\"", "values of \"My table\".c", "values of \"My table\".d"],
    ),
    (
        "CREATE TABLE texts (t TEXT); INSERT INTO texts VALUES (CAST(x'ff' AS TEXT))",
        "UPDATE texts SET t = CAST(x'fe' AS TEXT)",
        &["values of texts.t"],
    ),
    ("", "CREATE INDEX users_email ON users (email) WHERE email > ''", &["index users.users_email"]),
    (
        "CREATE VIEW everybody AS SELECT email FROM users",
        "DROP VIEW everybody; CREATE VIEW everybody AS SELECT id, email FROM users",
        &["view everybody"],
    ),
    (
        "CREATE TRIGGER users_insert AFTER INSERT ON users BEGIN SELECT 1; END",
        "DROP TRIGGER users_insert; CREATE TRIGGER users_insert AFTER INSERT ON users BEGIN SELECT 2; END",
        &["trigger users.users_insert"],
    ),
    (
        "CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO numbered DEFAULT VALUES",
        "INSERT INTO numbered VALUES (99); DELETE FROM numbered WHERE id = 99",
        &["last number of numbered"],
    ),
    ("", "PRAGMA user_version = 3", &["user_version"]),
    ("", "PRAGMA application_id = 4", &["application_id"]),
    (
        "CREATE VIRTUAL TABLE words USING fts5(word); INSERT INTO words VALUES ('one')",
        "UPDATE words SET word = 'two'",
        &["values of words.word"],
    ),
    ("", "ANALYZE", &[]),
    ("", "VACUUM", &[]),
    ("CREATE VIEW broken AS SELECT x FROM nowhere", "DROP VIEW broken", &["view broken"]),
];
