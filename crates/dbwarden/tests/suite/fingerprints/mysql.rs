//! MariaDB.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "CREATE TABLE users (id INTEGER AUTO_INCREMENT PRIMARY KEY, email VARCHAR(80) NOT NULL, score DOUBLE, small FLOAT, picture BLOB,
            at TIMESTAMP NULL, about JSON, loud VARCHAR(80) AS (LENGTH(email)) STORED);
         INSERT INTO users (email, score, picture, at) VALUES ('ana', 0.1, X'00ff', '2026-01-01 12:00:00'), ('bob', NULL, '', NULL),
            ('eve', 1, NULL, NULL);
         CREATE TABLE `T.x` (`A ``b` INTEGER);
         INSERT INTO `T.x` VALUES (1);",
        "CREATE TABLE added (a INTEGER)",
        &["column added.a", "rows of added", "table added"],
    ),
    ("", "DROP TABLE added", &["column added.a", "rows of added", "table added"]),
    ("", "UPDATE users SET email = 'Ana' WHERE id = 1", &["values of users.email"]),
    ("", "UPDATE users SET email = 'Anna' WHERE id = 1", &["values of users.email", "values of users.loud"]),
    ("", "UPDATE users SET score = 0.1 + 3e-17 WHERE id = 1", &["values of users.score"]),
    ("", "UPDATE users SET picture = X'00fe' WHERE id = 1", &["values of users.picture"]),
    ("", "UPDATE users SET at = IF(id = 2, '2026-01-01 12:00:00', NULL)", &["values of users"]),
    ("", "INSERT INTO users (email) VALUES ('zoe')", &["next number of users", "rows of users"]),
    ("", "DELETE FROM users WHERE id = 4", &["rows of users"]),
    ("", "ALTER TABLE users AUTO_INCREMENT = 90", &["next number of users"]),
    ("", "UPDATE `T.x` SET `A ``b` = 2", &["values of \"T.x\".\"A `b\""]),
    ("", "ALTER TABLE users ADD COLUMN note TEXT", &["column users.note", "values of users.note"]),
    ("", "ALTER TABLE users DROP COLUMN note", &["column users.note", "values of users.note"]),
    (
        "CREATE TABLE plain (a INTEGER, b VARCHAR(20), n INTEGER)",
        "ALTER TABLE plain MODIFY b VARCHAR(20) CHARACTER SET latin1 COMMENT 'two\nlines'",
        &["column plain.b"],
    ),
    ("", "ALTER TABLE plain MODIFY n INTEGER AFTER a", &["column plain.b", "column plain.n"]),
    ("", "ALTER TABLE plain ENGINE = Aria", &["table plain"]),
    ("", "ALTER TABLE plain ENGINE = InnoDB COMMENT = 'plain'", &["table plain"]),
    ("", "ALTER TABLE plain DEFAULT COLLATE utf8mb4_bin", &["table plain"]),
    ("", "CREATE INDEX plain_a ON plain (a, b(3))", &["index plain.plain_a"]),
    ("", "ALTER TABLE plain ADD PRIMARY KEY (a)", &["column plain.a", "index plain.PRIMARY"]),
    ("", "ALTER TABLE plain ADD CONSTRAINT some CHECK (n > 0)", &["constraint plain.some"]),
    (
        "",
        "ALTER TABLE plain ADD CONSTRAINT of FOREIGN KEY (n) REFERENCES users (id) ON DELETE CASCADE",
        &["constraint plain.of", "index plain.of"],
    ),
    (
        "CREATE TABLE parts (a INTEGER) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10))",
        "ALTER TABLE parts ADD PARTITION (PARTITION p1 VALUES LESS THAN (20))",
        &["table parts"],
    ),
    (
        "CREATE VIEW everybody AS SELECT email FROM users",
        "CREATE OR REPLACE VIEW everybody AS SELECT email AS name FROM users",
        &["view everybody"],
    ),
    (
        "CREATE FUNCTION plus(a INTEGER, b INTEGER) RETURNS INTEGER DETERMINISTIC RETURN a + b",
        "CREATE OR REPLACE FUNCTION plus(a INTEGER, b INTEGER) RETURNS INTEGER DETERMINISTIC RETURN b + a",
        &["function plus"],
    ),
    ("", "CREATE PROCEDURE tidy() DELETE FROM plain", &["procedure tidy"]),
    (
        "CREATE TRIGGER noticed BEFORE INSERT ON users FOR EACH ROW SET NEW.score = 1",
        "CREATE OR REPLACE TRIGGER noticed BEFORE INSERT ON users FOR EACH ROW SET NEW.score = 2",
        &["trigger users.noticed"],
    ),
    (
        "",
        "CREATE EVENT later ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01 00:00:00' DO DELETE FROM plain",
        &["event later", "start of event later"],
    ),
    ("", "ALTER EVENT later DISABLE", &["event later"]),
    ("CREATE SEQUENCE tickets", "ALTER SEQUENCE tickets INCREMENT BY 2", &["sequence tickets"]),
    ("", "SELECT SETVAL(tickets, 5000)", &["position of sequence tickets"]),
    (
        "CREATE TABLE kept (a INTEGER) WITH SYSTEM VERSIONING",
        "ALTER TABLE kept DROP SYSTEM VERSIONING",
        &["table kept"],
    ),
    ("", "ANALYZE TABLE users, plain", &[]),
];
