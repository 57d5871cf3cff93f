//! Which objects a script touches, by its text alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

use dbwarden::migration::objects::{Overlap, Touched};
use dbwarden::sql::Syntax;
use insta::assert_snapshot;
use proptest::prelude::*;

const ALL: [Syntax; 4] = [Syntax::Sqlite, Syntax::Postgres, Syntax::Mysql, Syntax::Duckdb];

fn touched(text: &str, syntax: Syntax) -> Touched {
    Touched::by(text, syntax).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// One line a statement: what it writes, what it reads, what is not known.
fn table(syntax: Syntax, statements: &[&str]) -> String {
    let lines = statements.iter().map(|text| {
        let touched = touched(text, syntax);
        let mut said = Vec::new();
        let written: Vec<_> = touched.written().map(|it| format!("{} {}", it.kind.word(), it.name)).collect();
        if !written.is_empty() {
            said.push(format!("writes {}", written.join(", ")));
        }
        let read: Vec<_> = touched.read().map(ToString::to_string).collect();
        if !read.is_empty() {
            said.push(format!("reads {}", read.join(", ")));
        }
        if let Some(unknown) = touched.unknown() {
            said.push(format!("UNKNOWN {} ({})", unknown.statement, unknown.reason));
        }
        if said.is_empty() {
            said.push("nothing".to_owned());
        }
        format!("{text}\n    {}\n", said.join("; "))
    });
    lines.collect()
}

#[test]
fn on_every_engine() {
    let statements = [
        "CREATE TABLE users (id INTEGER PRIMARY KEY, team INTEGER REFERENCES teams (id) ON DELETE CASCADE ON UPDATE CASCADE)",
        "CREATE TABLE IF NOT EXISTS app.users (id INTEGER)",
        "CREATE TABLE copies AS SELECT o.id FROM orders o JOIN lines l ON l.order_id = o.id, Extra",
        "CREATE VIEW late AS SELECT * FROM (SELECT * FROM orders WHERE due < 5) x, (a JOIN b ON a.i = b.i)",
        "CREATE OR REPLACE VIEW v AS WITH w AS (SELECT 1 FROM inner_one) SELECT * FROM w",
        "CREATE UNIQUE INDEX by_name ON users (lower(name))",
        "ALTER TABLE users ADD COLUMN email TEXT",
        "ALTER TABLE users ADD COLUMN team INTEGER REFERENCES teams (id)",
        "ALTER TABLE users RENAME TO people",
        "ALTER TABLE users RENAME COLUMN a TO b",
        "ALTER TABLE users RENAME a TO b",
        "DROP TABLE IF EXISTS a, b",
        "DROP VIEW v",
        "DROP INDEX by_name",
        "DROP TABLE users CASCADE",
        "INSERT INTO users (id, name) VALUES (1, 'from teams'), (2, 'b')",
        "INSERT INTO totals SELECT user_id, count(*) FROM orders GROUP BY user_id, day",
        "UPDATE users SET name = (SELECT name FROM names WHERE names.id = users.id), a = 1 WHERE x IN (SELECT id FROM chosen)",
        "DELETE FROM users WHERE id NOT IN (SELECT user_id FROM orders)",
        "SELECT 1",
        "SELECT count(*) FROM users",
        "SELECT make_partitions('orders')",
        "INSERT INTO archive TABLE users",
        "INSERT INTO archive (id, name) TABLE users",
        "BEGIN",
        "BEGIN WORK",
        "COMMIT",
        "FROBNICATE users",
        "-- only a remark",
    ];
    let said = table(Syntax::Sqlite, &statements);
    assert_snapshot!("every_engine", said);
    // What stands here means the same everywhere, but for PostgreSQL's folding, which these names do not show.
    for syntax in [Syntax::Postgres, Syntax::Duckdb] {
        assert_eq!(table(syntax, &statements), table(Syntax::Sqlite, &statements), "{syntax:?}");
    }
}

#[test]
fn on_sqlite() {
    let said = table(
        Syntax::Sqlite,
        &[
            "CREATE TABLE [Users] (\"a\" INTEGER)",
            "CREATE TABLE `Users` (x)",
            "INSERT OR REPLACE INTO \"Users\" VALUES (1)",
            "REPLACE INTO users VALUES (1)",
            "CREATE VIRTUAL TABLE posts_fts USING fts5(title, content='posts')",
            "CREATE TRIGGER t AFTER UPDATE OF name ON users BEGIN INSERT INTO log SELECT * FROM extra; UPDATE totals SET n = n + 1; END",
            "DROP TRIGGER t",
            "PRAGMA foreign_keys = OFF",
            "PRAGMA writable_schema = ON",
            "ATTACH 'x.db' AS x",
            "VACUUM",
            "VACUUM INTO 'copy.db'",
            "BEGIN IMMEDIATE TRANSACTION",
            "ANALYZE users",
            "REINDEX by_name",
        ],
    );
    assert_snapshot!(said);
}

#[test]
fn on_postgresql() {
    let said = table(
        Syntax::Postgres,
        &[
            "CREATE TABLE public.users (id int)",
            "CREATE TABLE \"Users\" (id int)",
            "CREATE TABLE USERS (id int)",
            "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10)",
            "CREATE TABLE child (x int) INHERITS (parent)",
            "CREATE TABLE twin (LIKE users INCLUDING ALL)",
            "CREATE UNLOGGED TABLE quick (id int DEFAULT nextval('public.quick_ids'))",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY app.users USING gin (tags)",
            "CREATE INDEX ON users (email)",
            "CREATE MATERIALIZED VIEW m AS SELECT * FROM ONLY users",
            "CREATE TYPE mood AS ENUM ('sad', 'ok')",
            "ALTER TYPE mood ADD VALUE 'good'",
            "CREATE DOMAIN email AS text",
            "CREATE SEQUENCE ids OWNED BY users.id",
            "CREATE SCHEMA IF NOT EXISTS app",
            "CREATE EXTENSION IF NOT EXISTS citext",
            "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log SELECT * FROM audit; RETURN NEW; END $$",
            "CREATE FUNCTION all_users() RETURNS SETOF users LANGUAGE sql AS 'SELECT * FROM users u JOIN teams t USING (id)'",
            "CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()",
            "CREATE CONSTRAINT TRIGGER c AFTER DELETE ON users FROM teams FOR EACH ROW EXECUTE FUNCTION touch()",
            "DROP TRIGGER touch ON users",
            "CREATE POLICY mine ON users USING (owner = (SELECT id FROM sessions))",
            "CREATE RULE r AS ON INSERT TO users DO ALSO INSERT INTO log VALUES (1)",
            "ALTER TABLE ONLY users ADD CONSTRAINT f FOREIGN KEY (team) REFERENCES public.teams (id) ON DELETE CASCADE",
            "ALTER TABLE users SET SCHEMA old",
            "ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES IN (2)",
            "ALTER TABLE users DROP COLUMN a CASCADE",
            "ALTER TABLE ALL IN TABLESPACE x SET TABLESPACE y",
            "ALTER SEQUENCE ids OWNED BY public.users.id",
            "ALTER FUNCTION touch() OWNER TO app",
            "DROP FUNCTION touch(int, text), other()",
            "DROP TYPE mood",
            "DROP SCHEMA app CASCADE",
            "DROP INDEX CONCURRENTLY i",
            "TRUNCATE users, ONLY orders RESTART IDENTITY",
            "TRUNCATE users CASCADE",
            "COPY users (a, b) FROM stdin;\n1\t2\n\\.\n",
            "COPY (SELECT * FROM users) TO '/tmp/x'",
            "MERGE INTO stock USING arrivals a ON a.id = stock.id WHEN MATCHED THEN UPDATE SET n = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)",
            "INSERT INTO a SELECT * FROM b ON CONFLICT (id) DO UPDATE SET x = 1, y = 2 RETURNING z",
            "WITH gone AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM gone",
            "UPDATE ONLY users SET a = b.a FROM b, c WHERE b.id = users.id",
            "DELETE FROM users USING teams, more WHERE teams.id = users.team",
            "SELECT * INTO fresh FROM users",
            "SELECT * FROM a FOR UPDATE OF a",
            "TABLE users",
            "SELECT setval('users_id_seq', (SELECT max(id) FROM users))",
            "SELECT 'public.users'::regclass",
            "DO $$ BEGIN EXECUTE 'x'; END $$",
            "CALL refresh()",
            "GRANT SELECT, INSERT ON users, orders TO app",
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO app",
            "GRANT USAGE ON SCHEMA app TO x",
            "GRANT admin TO ana",
            "COMMENT ON COLUMN public.users.email IS 'x'",
            "COMMENT ON TABLE users IS 'x'",
            "COMMENT ON CONSTRAINT c ON users IS 'x'",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
            "LOCK TABLE users, orders IN ACCESS EXCLUSIVE MODE",
            "SET search_path TO app",
            "SET lock_timeout = '5s'",
            "SET LOCAL statement_timeout = 0",
            "ANALYZE users",
            "ANALYZE VERBOSE users (name), orders",
            "VACUUM (FULL, ANALYZE) users",
            "VACUUM",
            "CLUSTER users USING by_name",
            "CLUSTER by_name ON users",
            "REINDEX TABLE CONCURRENTLY users",
            "REINDEX INDEX by_name",
            "REINDEX DATABASE shop",
            "ALTER INDEX by_name RENAME TO by_names",
            "ALTER SEQUENCE users_id_seq RESTART WITH 1000",
            "DROP SEQUENCE ids",
            "CREATE SEQUENCE fresh; ALTER SEQUENCE fresh RESTART WITH 7",
            "CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.n > 0 THEN UPDATE stock SET n = n - 1; END IF; RETURN NEW; END $$",
            "CREATE FUNCTION clear() RETURNS void LANGUAGE plpgsql AS $$ BEGIN TRUNCATE TABLE gone; CREATE TABLE made (x int); DROP TABLE IF EXISTS old; END $$",
            "CREATE TRIGGER t BEFORE UPDATE OR TRUNCATE ON users EXECUTE FUNCTION touch()",
            "CREATE RULE r AS ON UPDATE TO users DO UPDATE stock SET n = 1",
            "CREATE RULE r AS ON UPDATE TO users DO INSTEAD (UPDATE stock SET n = 1; DELETE FROM log)",
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE",
            "CREATE CAST (a AS b) WITH FUNCTION f(a)",
            "CREATE PUBLICATION p FOR ALL TABLES",
            "DROP INDEX users@by_name",
            "CREATE TABLE U&\"d\\0061t\" (x int)",
        ],
    );
    assert_snapshot!(said);
}

#[test]
fn on_mysql() {
    let said = table(
        Syntax::Mysql,
        &[
            "CREATE TABLE `Shop`.`Users` (id INT)",
            "CREATE TABLE twin LIKE users",
            "/*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */ /*!50001 VIEW v AS SELECT 1 FROM t */",
            "/*!40101 SET NAMES utf8 */",
            "CREATE FULLTEXT INDEX i ON users (name)",
            "DROP INDEX i ON users",
            "INSERT IGNORE users VALUES (1)",
            "INSERT INTO users VALUES (1) ON DUPLICATE KEY UPDATE n = n + 1, m = 2",
            "UPDATE users u JOIN teams t ON t.id = u.team, more SET u.a = t.a",
            "DELETE u FROM users AS u JOIN gone g ON g.id = u.id",
            "DELETE FROM users WHERE id = 1",
            "RENAME TABLE a TO b, c TO shop.d",
            "ALTER TABLE a RENAME b",
            "ALTER TABLE a RENAME INDEX i TO j",
            "ALTER TABLE a EXCHANGE PARTITION p WITH TABLE b",
            "CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW BEGIN UPDATE totals SET n = 1; END",
            "CREATE DEFINER=`a`@`%` PROCEDURE p() BEGIN DELETE FROM old; END",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM old",
            "LOAD DATA INFILE 'x' INTO TABLE users",
            "LOCK TABLES a READ, b WRITE",
            "UNLOCK TABLES",
            "GRANT SELECT ON shop.* TO 'app'@'%'",
            "SET @n = (SELECT count(*) FROM users)",
            "SET sql_mode = 'ANSI_QUOTES'",
            "USE other",
            "TRUNCATE TABLE users",
            "CREATE TRIGGER t AFTER INSERT ON orders FOR EACH ROW BEGIN IF NEW.n > 0 THEN UPDATE stock SET n = 1; END IF; END",
            "CREATE TRIGGER t AFTER UPDATE ON orders FOR EACH ROW BEGIN WHILE @i < 3 DO UPDATE stock SET n = 1; END WHILE; END",
            "CREATE TRIGGER t AFTER DELETE ON orders FOR EACH ROW INSERT log VALUES (REPLACE('a', 'b', 'c'))",
            "CREATE PROCEDURE p() BEGIN DELETE u FROM users AS u JOIN gone g ON g.id = u.id; UPDATE a JOIN b SET b.x = 1; REPLACE c VALUES (1); END",
            "BEGIN NOT ATOMIC UPDATE stock SET n = 1; END",
            "ANALYZE TABLE users, orders",
            "ANALYZE FORMAT=JSON UPDATE users SET n = 1",
            "OPTIMIZE NO_WRITE_TO_BINLOG TABLE users",
        ],
    );
    assert_snapshot!(said);
}

#[test]
fn on_duckdb() {
    let said = table(
        Syntax::Duckdb,
        &[
            "CREATE OR REPLACE TABLE \"Users\" AS FROM read_csv('x.csv')",
            "CREATE MACRO twice(x) AS x * 2",
            "DROP MACRO TABLE both",
            "COPY users FROM 'x.csv'",
            "COPY FROM DATABASE a TO b",
            "INSERT OR IGNORE INTO users SELECT * FROM other.users",
            "CREATE TYPE mood AS ENUM (SELECT m FROM moods)",
            "INSTALL httpfs",
        ],
    );
    assert_snapshot!(said);
}

/// How two scripts stand in each other's way.
fn stand(one: &str, other: &str, syntax: Syntax) -> String {
    match touched(one, syntax).overlap(&touched(other, syntax)) {
        None => "free".to_owned(),
        Some(Overlap::BothWrite(object)) => format!("both write {object}"),
        Some(Overlap::FirstWrites(object)) => format!("the first writes {object}"),
        Some(Overlap::SecondWrites(object)) => format!("the second writes {object}"),
        Some(Overlap::FirstUnknown(opaque)) => format!("the first is unknown: {}", opaque.reason),
        Some(Overlap::SecondUnknown(opaque)) => format!("the second is unknown: {}", opaque.reason),
    }
}

#[test]
fn two_scripts() {
    let users = "ALTER TABLE users ADD COLUMN a INT;";
    let table = [
        (users, "ALTER TABLE public.users ADD COLUMN b INT;"),
        (users, "ALTER TABLE \"users\" ADD COLUMN b INT;"),
        (users, "ALTER TABLE \"Users\" ADD COLUMN b INT;"),
        ("ALTER TABLE app.users ADD a INT;", "ALTER TABLE public.users ADD b INT;"),
        (users, "CREATE TABLE orders (u INT REFERENCES users);"),
        ("CREATE TABLE orders (u INT REFERENCES users);", users),
        ("CREATE TABLE a (u INT REFERENCES users);", "CREATE TABLE b (u INT REFERENCES users);"),
        (users, "CREATE INDEX i ON users (a);"),
        ("ALTER TYPE mood ADD VALUE 'x';", "CREATE TABLE people (m mood);"),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
            "CREATE TABLE t (x int DEFAULT f());",
        ),
        ("CREATE SEQUENCE s;", "CREATE TABLE t (x int DEFAULT nextval('s'));"),
        ("CREATE SCHEMA app;", "CREATE TABLE app.t (x int);"),
        ("CREATE TABLE status (x int);", "CREATE TABLE orders (status text);"),
        (
            "CREATE TRIGGER touch BEFORE UPDATE ON a EXECUTE FUNCTION f();",
            "CREATE TRIGGER touch BEFORE UPDATE ON b EXECUTE FUNCTION f();",
        ),
        ("DO $$ BEGIN END $$;", "CREATE TABLE a (x int);"),
        ("CREATE TABLE a (x int);", "SELECT create_hypertable('a', 'x');"),
        ("DROP INDEX i;", "CREATE TABLE a (x int);"),
        (
            "CREATE TABLE a (x int); CREATE TABLE b (x int);",
            "CREATE TABLE c (x int); INSERT INTO b VALUES (1);",
        ),
        ("", users),
    ];
    let said: String = table
        .iter()
        .map(|(one, other)| format!("{one}\n{other}\n    {}\n", stand(one, other, Syntax::Postgres)))
        .collect();
    assert_snapshot!(said);
}

#[test]
fn case_and_quotes_are_those_of_the_engine() {
    for (syntax, one, other, same) in [
        (Syntax::Postgres, "Users", "users", true),
        (Syntax::Postgres, "\"Users\"", "users", false),
        (Syntax::Postgres, "\"users\"", "USERS", true),
        (Syntax::Postgres, "\"a\"\"b\"", "\"a\"\"b\"", true),
        (Syntax::Sqlite, "\"Users\"", "users", true),
        (Syntax::Sqlite, "[Users]", "`users`", true),
        (Syntax::Duckdb, "\"Users\"", "users", true),
        (Syntax::Mysql, "`Users`", "users", true),
        (Syntax::Mysql, "shop.users", "users", true),
        (Syntax::Mysql, "shop.users", "other.users", false),
        (Syntax::Sqlite, "main.users", "users", true),
    ] {
        let table = |name: &str| format!("CREATE TABLE {name} (x INTEGER)");
        let met = touched(&table(one), syntax).overlap(&touched(&table(other), syntax)).is_some();
        assert_eq!(met, same, "{syntax:?} {one} {other}");
    }
    // PostgreSQL cuts what is longer than 63 bytes.
    let (one, other) = ("a".repeat(63) + "b", "a".repeat(63) + "c");
    let table = |name: &str| touched(&format!("CREATE TABLE {name} (x int)"), Syntax::Postgres);
    assert!(table(&one).overlap(&table(&other)).is_some());
}

#[test]
fn a_very_long_statement_is_read_to_its_end() {
    let rows = |last: &str| format!("INSERT INTO big VALUES {}(0){last}", "(1, 'one'), ".repeat(60_000));
    assert_eq!(touched(&rows(""), Syntax::Sqlite).unknown(), None);
    let hidden = rows(" ON CONFLICT DO UPDATE SET x = (SELECT y FROM z)");
    assert!(touched(&hidden, Syntax::Sqlite).unknown().is_some());
}

fn piece() -> impl Strategy<Value = String> {
    let words = [
        "CREATE",
        "ALTER",
        "DROP",
        "TABLE",
        "VIEW",
        "INDEX",
        "ON",
        "FROM",
        "JOIN",
        "INTO",
        "UPDATE",
        "SET",
        "SELECT",
        "INSERT",
        "DELETE",
        "users",
        "orders",
        "\"Users\"",
        "`t`",
        "[x]",
        "(",
        ")",
        ",",
        ".",
        "*",
        "'text'",
        "$$body$$",
        "1",
        "=",
        "AS",
        "REFERENCES",
        "RENAME",
        "TO",
        "USING",
        "TRIGGER",
        "FUNCTION",
        "RETURNS",
        "CASCADE",
        "@",
        "/*!1 x */",
        "OWNED",
        "BY",
    ];
    prop_oneof![8 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

proptest! {
    /// Whatever stands there, it comes to an end, and says the same the other way round.
    #[test]
    fn any_text(one in prop::collection::vec(piece(), 0..24), other in prop::collection::vec(piece(), 0..24)) {
        for syntax in ALL {
            let (Ok(one), Ok(other)) = (Touched::by(&one.join(" "), syntax), Touched::by(&other.join(" "), syntax)) else {
                continue;
            };
            prop_assert_eq!(one.overlap(&other).is_some(), other.overlap(&one).is_some());
            if one.written().next().is_some() || one.unknown().is_some() {
                prop_assert!(one.overlap(&one).is_some(), "it is in its own way");
            }
        }
    }

    /// White space, comments and the case of what is not quoted make no difference.
    #[test]
    fn layout(words in prop::collection::vec(piece(), 0..16)) {
        for syntax in ALL {
            let plain = words.iter().filter(|word| !word.contains(['\'', '"', '`', '[', '$', '/', '-', '#', '\\'])).cloned();
            let plain: Vec<String> = plain.collect();
            let (Ok(one), Ok(other)) = (
                Touched::by(&plain.join(" "), syntax),
                Touched::by(&plain.join("\n/* x */\t").to_ascii_uppercase(), syntax),
            ) else {
                continue;
            };
            let shown = |touched: &Touched| {
                let written: Vec<_> = touched.written().cloned().collect();
                let read: Vec<_> = touched.read().cloned().collect();
                (written, read, touched.unknown().map(|it| it.reason))
            };
            prop_assert_eq!(shown(&one), shown(&other));
        }
    }

    /// More statements never touch less.
    #[test]
    fn more_touches_more(one in prop::collection::vec(piece(), 0..16), more in prop::collection::vec(piece(), 0..16)) {
        for syntax in ALL {
            let (one, more) = (one.join(" "), more.join(" "));
            let (Ok(first), Ok(second)) = (Touched::by(&one, syntax), Touched::by(&more, syntax)) else { continue };
            let mut both = first.clone();
            both.add(&second);
            for written in first.written().chain(second.written()) {
                prop_assert!(both.written().any(|it| it == written));
            }
            prop_assert_eq!(both.unknown().is_some(), first.unknown().is_some() || second.unknown().is_some());
        }
    }
}
