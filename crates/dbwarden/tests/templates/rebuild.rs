//! SQLite: a table that is made anew keeps everything that was not to change.

use dbwarden::operation::{Action, Alteration, Column, Operation, TableName};
use dbwarden::ops::migrate::{MigrateOptions, migrate};
use testkit::{Database, on_sqlite};

use crate::kinds::{add, alter, check, column, data_type, default, foreign_key, users};
use crate::{deployment, down, newest, path, up, write};

/// Tables of all sorts that hang together, with rows.
const SCHEMA: &str = "\
CREATE TABLE \"users\" (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- the key
    name TEXT NOT NULL COLLATE NOCASE,
    age TEXT CHECK (users.age <> 'q'),
    boss INTEGER REFERENCES users (id) ON DELETE CASCADE,
    twice TEXT AS (age || age) STORED,
    UNIQUE (name) ON CONFLICT REPLACE
) STRICT;
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE);
CREATE TABLE \"loose\" (a TEXT, b TEXT);
CREATE TABLE \"pairs\" (k TEXT PRIMARY KEY, v INT) WITHOUT ROWID;
CREATE TABLE log (what TEXT);
CREATE INDEX ix_age ON users (age DESC) WHERE age IS NOT NULL;
CREATE UNIQUE INDEX ux ON users (lower(name));
CREATE VIEW adults AS SELECT id, name FROM users WHERE age > '17';
CREATE VIEW seniors AS SELECT * FROM adults;
CREATE VIEW unrelated AS SELECT * FROM loose;
CREATE TRIGGER t1 AFTER INSERT ON users BEGIN INSERT INTO log VALUES ('user ' || NEW.id); END;
CREATE TRIGGER t2 AFTER INSERT ON posts BEGIN UPDATE users SET age = '99' WHERE id = NEW.user_id; END;
CREATE TRIGGER t3 INSTEAD OF INSERT ON seniors BEGIN INSERT INTO log VALUES ('senior'); END;
INSERT INTO users (id, name, age, boss) VALUES (1, 'a', '20', NULL), (2, 'b', '30', 1), (9, 'c', '40', 1);
DELETE FROM users WHERE id = 9;
INSERT INTO posts VALUES (1, 1), (2, 2);
INSERT INTO loose (rowid, a, b) VALUES (7, 'x', '1'), (3, 'y', '2');
INSERT INTO pairs VALUES ('k', 4);
DELETE FROM log;
";

/// Everything: definitions as they are written, rows with their numbers, and what was given as a key.
fn state(database: &Database) -> String {
    let numbers = database.rows("SELECT rowid, a, b FROM loose ORDER BY rowid");
    let given = database.rows("SELECT name, seq FROM sqlite_sequence ORDER BY name");
    let given: Vec<_> = given.into_iter().filter(|row| !row.starts_with("dbwarden")).collect();
    let broken = database.rows("PRAGMA foreign_key_check");
    // RENAME puts quotes around names of the table.
    format!("{}{numbers:?}\n{given:?}\n{broken:?}", database.snapshot()).replace('"', "")
}

#[track_caller]
fn keeps(database: &Database, operation: Operation, lines: usize) {
    database.execute(SCHEMA);
    let before = state(database);
    write(database, &[operation]).unwrap();
    up(database);
    let after = state(database);
    assert_ne!(after, before);
    // Rows and definitions may have more at their ends.
    let changed = before.lines().filter(|line| !after.contains(*line)).count();
    assert_eq!(changed, lines, "{before}\n----\n{after}");
    // Triggers are there and fire, keys are not given twice, and what refers to the table still does.
    let connection = database.connect();
    let works = "SAVEPOINT s; PRAGMA foreign_keys = ON; INSERT INTO users (name, age) VALUES ('new', '5'); \
                 INSERT INTO posts VALUES (5, 10); INSERT INTO seniors VALUES (1, 'x')";
    connection.execute_batch(works).unwrap();
    let log: String =
        connection.query_row("SELECT group_concat(what, ', ') FROM log", [], |row| row.get(0)).unwrap();
    assert_eq!(log, "user 10, senior");
    let age: String =
        connection.query_row("SELECT age FROM users WHERE id = 10", [], |row| row.get(0)).unwrap();
    assert_eq!(age, "99");
    connection.execute_batch("ROLLBACK TO s; RELEASE s").unwrap();
    drop(connection);
    assert_eq!(state(database), after);
    down(database);
    assert_eq!(state(database), before, "{}", newest(database));
}

fn to(to: Alteration) -> Operation {
    alter("age", to)
}

on_sqlite! {
    fn another_default(database) {
        keeps(&database, to(Alteration { default: default("5"), ..Alteration::default() }), 1);
    }

    fn another_type(database) {
        // ANY takes what it is given, also in a STRICT table.
        keeps(&database, to(Alteration { data_type: Some(data_type("ANY")), ..Alteration::default() }), 1);
    }

    fn nothing_forbidden(database) {
        keeps(&database, to(Alteration { nullable: Some(false), ..Alteration::default() }), 1);
    }

    fn a_check(database) {
        keeps(&database, check("short", "length(name) < 50"), 0);
    }

    fn a_foreign_key(database) {
        keeps(&database, foreign_key("posts", "id", "users.id", Some(Action::SetNull)), 1);
    }

    fn a_column_with_the_time(database) {
        let at = Column { data_type: data_type("text"), ..column("at:text:now()") };
        keeps(&database, Operation::AddColumn { table: users(), column: at }, 0);
    }

    fn a_table_without_a_key_keeps_its_numbers(database) {
        let operation = Operation::AlterColumn {
            table: TableName::new("loose"),
            column: "b".to_owned(),
            to: Box::new(Alteration { nullable: Some(false), ..Alteration::default() }),
            from: Box::default(),
            was: None,
        };
        keeps(&database, operation, 1);
    }

    fn a_table_without_numbers(database) {
        let operation = Operation::AlterColumn {
            table: TableName::new("pairs"),
            column: "v".to_owned(),
            to: Box::new(Alteration { default: default("1"), ..Alteration::default() }),
            from: Box::default(),
            was: None,
        };
        keeps(&database, operation, 1);
    }

    fn a_column_that_refers_to_a_table_is_dropped_and_comes_back_in_its_place(database) {
        database.execute(SCHEMA);
        database.execute("UPDATE users SET boss = NULL");
        let before = state(&database);
        write(&database, &[Operation::DropColumn { table: users(), column: "boss".to_owned(), was: None }]).unwrap();
        up(&database);
        assert!(!state(&database).contains("boss"), "{}", state(&database));
        down(&database);
        assert_eq!(state(&database), before);
    }

    fn a_column_with_an_index_takes_it_along_and_brings_it_back(database) {
        database.execute("CREATE TABLE \"users\" (id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE INDEX i ON users (a); CREATE INDEX j ON users (b)");
        let before = state_of_two(&database);
        write(&database, &[Operation::DropColumn { table: users(), column: "a".to_owned(), was: None }]).unwrap();
        up(&database);
        assert!(!state_of_two(&database).contains("INDEX i"));
        down(&database);
        assert_eq!(state_of_two(&database), before);
    }

    fn an_index_that_only_looks_like_the_column_stays(database) {
        for of in ["status INTEGER REFERENCES status (id)", "status TEXT"] {
            database.execute("DROP TABLE IF EXISTS status");
            database.execute(&format!("CREATE TABLE status (id INTEGER PRIMARY KEY, other TEXT, lower TEXT, {of})"));
            let kept = [
                "CREATE UNIQUE INDEX ux_other ON status(other)",
                "CREATE INDEX \"status__\" ON \"status\" (other) WHERE other <> 'status'",
                "CREATE INDEX calls ON status (lower(other))",
            ];
            let gone = [
                "CREATE INDEX one ON status (other, \"STATUS\" DESC)",
                "CREATE INDEX partial ON status (other) WHERE [status] IS NOT NULL",
                "CREATE UNIQUE INDEX computed ON status (other, lower(status))",
            ];
            database.execute(&[kept, gone].concat().join(";"));
            let before = database.snapshot();
            for (column, kept, gone) in [("status", &kept[..], &gone[..]), ("lower", &[&kept[..], &gone[..]].concat(), &[])] {
                let drop = Operation::DropColumn { table: TableName::new("status"), column: column.to_owned(), was: None };
                write(&database, &[drop]).unwrap();
                up(&database);
                let after = database.snapshot();
                assert!(kept.iter().all(|index| after.contains(index)), "{after}{}", newest(&database));
                assert!(gone.iter().all(|index| !after.contains(index)), "{after}");
                down(&database);
                let plain = |text: &str| {
                    let mut lines: Vec<_> = text.replace('"', "").lines().map(str::to_owned).collect();
                    lines.sort();
                    lines
                };
                assert_eq!(plain(&database.snapshot()), plain(&before), "{}", newest(&database));
                std::fs::remove_file(path(&database)).unwrap();
            }
        }
    }

    fn what_drop_column_leaves_is_what_the_way_back_expects(database) {
        let text = "(\n  a TEXT DEFAULT 'x, y', -- of a, so\n  b TEXT NOT NULL DEFAULT '', /* of b */\n  c TEXT DEFAULT 1 -- of c\n{})";
        for (at, rule) in ["", "  , CHECK (id > 0) -- a rule\n"].iter().enumerate() {
            for column in ["a", "b", "c"] {
                let name = format!("t{at}{column}");
                database.execute(&format!("CREATE TABLE {name}{}", text.replace("{}", rule).replacen('(', "(id INTEGER PRIMARY KEY,", 1)));
                let before = database.snapshot().replace('"', "");
                let drop = Operation::DropColumn { table: TableName::new(&name), column: column.to_owned(), was: None };
                write(&database, &[drop]).unwrap();
                up(&database);
                down(&database);
                assert_eq!(database.snapshot().replace('"', ""), before);
                std::fs::remove_file(path(&database)).unwrap();
            }
        }
    }

    fn a_key_that_numbers_its_rows_stays_one(database) {
        database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, age INTEGER); INSERT INTO users VALUES (7, 1)");
        let id = |data_type: &str, default| {
            alter("id", Alteration { data_type: Some(crate::kinds::data_type(data_type)), default, ..Alteration::default() })
        };
        for wrong in [id("bigint", None), id("text", None), id("uuid", default("1"))] {
            let error = write(&database, &[wrong]).unwrap_err();
            insta::allow_duplicates! {
                insta::assert_snapshot!(error.to_string(), @"the table users cannot be made anew: id numbers its rows, and is an INTEGER of 64 bits for that");
            }
        }
        write(&database, &[id("bigint", Some(None))]).unwrap();
        up(&database);
        database.execute("INSERT INTO users (age) VALUES (2)");
        assert_eq!(database.rows("SELECT id FROM users ORDER BY id"), ["7", "8"]);
        // A key of another sort may be of any type.
        database.execute("CREATE TABLE pairs (id INTEGER PRIMARY KEY, v) WITHOUT ROWID");
        let operation = Operation::AlterColumn {
            table: TableName::new("pairs"),
            column: "id".to_owned(),
            to: Box::new(Alteration { data_type: Some(data_type("bigint")), ..Alteration::default() }),
            from: Box::default(),
            was: None,
        };
        write(&database, &[operation]).unwrap();
    }

    fn a_list_of_texts_takes_its_check_along(database) {
        database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY)");
        write(&database, &[add("kind:enum('a','it''s (b)'):null:a")]).unwrap();
        up(&database);
        database.execute("INSERT INTO users (id) VALUES (1)");
        let before = database.snapshot().replace('"', "");
        let of = |text: &str| alter("kind", Alteration { data_type: Some(data_type(text)), ..Alteration::default() });
        for (to, value, wrong) in [("enum('a','c')", "c", Some("z")), ("text", "anything", None)] {
            write(&database, &[of(to)]).unwrap();
            up(&database);
            database.execute(&format!("UPDATE users SET kind = '{value}'"));
            if let Some(wrong) = wrong {
                assert!(database.connect().execute(&format!("UPDATE users SET kind = '{wrong}'"), []).is_err());
            }
            database.execute("UPDATE users SET kind = 'a'");
            down(&database);
            assert_eq!(database.snapshot().replace('"', ""), before);
            std::fs::remove_file(path(&database)).unwrap();
        }
        // A check that somebody wrote stays.
        database.execute("DROP TABLE users; CREATE TABLE users (kind TEXT CHECK (kind IN ('a')) CONSTRAINT k CHECK (\"kind\" IN ('a')) CHECK (\"kind\" IN ('a') OR 1))");
        write(&database, &[of("integer")]).unwrap();
        up(&database);
        assert_eq!(database.snapshot().matches("CHECK").count(), 3);
    }

    fn a_column_that_is_computed_and_stored_comes_back(database) {
        database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, a INTEGER, twice INTEGER AS (a * 2) STORED); INSERT INTO users (a) VALUES (4)");
        let before = database.snapshot().replace('"', "");
        write(&database, &[Operation::DropColumn { table: users(), column: "twice".to_owned(), was: None }]).unwrap();
        up(&database);
        down(&database);
        assert_eq!(database.snapshot().replace('"', ""), before);
    }

    fn a_way_back_that_rows_refuse_says_so(database) {
        database.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b TEXT NOT NULL DEFAULT '')");
        let drop = |column: &str| Operation::DropColumn { table: users(), column: column.to_owned(), was: None };
        let refuses = "-- A table that has rows refuses this";
        for (column, says) in [("a", 1), ("b", 0)] {
            let text = crate::template(&mut deployment(&database), &[drop(column)]).unwrap().downgrade.unwrap();
            assert_eq!(text.matches(refuses).count(), says, "{text}");
        }
    }

    fn what_needs_the_column_is_named(database) {
        database.execute(SCHEMA);
        for (column, user) in [("age", "twice"), ("name", "UNIQUE"), ("id", "boss")] {
            let drop = Operation::DropColumn { table: users(), column: column.to_owned(), was: None };
            let error = write(&database, &[drop]).unwrap_err();
            assert_eq!(error.code(), "table-rebuild");
            assert!(error.to_string().contains(user), "{error}");
        }
    }

    fn rows_that_would_be_lost_stop_it(database) {
        // The script is made to copy one row of two.
        database.execute(SCHEMA);
        let before = state(&database);
        write(&database, &[check("short", "length(name) < 50")]).unwrap();
        let text = newest(&database).replacen("FROM \"users\";", "FROM \"users\" LIMIT 1;", 1);
        std::fs::write(path(&database), text).unwrap();
        let error = migrate(&mut deployment(&database), &MigrateOptions::default(), &mut dbwarden::apply::run::Silent).unwrap_err();
        assert!(error.to_string().contains("every row of users was copied"), "{error}");
        assert_eq!(state(&database), before);
    }

    fn what_was_not_there_when_it_was_written_is_not_lost(database) {
        database.execute(SCHEMA);
        write(&database, &[check("short", "length(name) < 50")]).unwrap();
        for more in [
            "CREATE INDEX more ON users (boss)",
            "CREATE INDEX more ON USERS (boss)",
            "CREATE TRIGGER more DELETE ON users BEGIN SELECT 1; END",
            "CREATE TRIGGER more DELETE ON Users BEGIN SELECT 1; END",
            "CREATE TRIGGER more INSTEAD OF DELETE ON adults BEGIN SELECT 1; END",
            "ALTER TABLE users ADD COLUMN more TEXT",
        ] {
            is_not_what_it_was(&database, more);
            database.execute("DROP INDEX IF EXISTS more; DROP TRIGGER IF EXISTS more");
        }
    }

    fn what_was_changed_since_it_was_written_is_not_undone(database) {
        let another = |object: &str, text: &str| format!("DROP {object}; CREATE {text}");
        for change in [
            another("INDEX ix_age", "INDEX ix_age ON users (age)"),
            another("TRIGGER t1", "TRIGGER t1 AFTER INSERT ON users BEGIN INSERT INTO log VALUES ('someone'); END"),
            another("TRIGGER t2", "TRIGGER t2 AFTER INSERT ON posts BEGIN UPDATE users SET age = '98' WHERE id = NEW.user_id; END"),
            another("VIEW seniors", "VIEW seniors AS SELECT * FROM adults WHERE id < 100"),
        ] {
            let database = Database::new(database.engine());
            database.execute(SCHEMA);
            write(&database, &[check("short", "length(name) < 50")]).unwrap();
            is_not_what_it_was(&database, &change);
        }
        // Two of our own, written before one `migrate`.
        database.execute(SCHEMA);
        write(&database, &[check("short", "length(name) < 50")]).unwrap();
        write(&database, &[to(Alteration { default: default("5"), ..Alteration::default() })]).unwrap();
        let error = migrate(&mut deployment(&database), &MigrateOptions::default(), &mut dbwarden::apply::run::Silent).unwrap_err();
        assert!(error.to_string().contains("that this was written for"), "{error}");
        assert_eq!(database.versions(), ["0001"]);
        assert!(database.snapshot().contains("\"short\""));
        // In one call it is told at once.
        std::fs::remove_file(path(&database)).unwrap();
        let both = [check("long", "length(name) > 0"), to(Alteration { default: default("5"), ..Alteration::default() })];
        let error = write(&database, &both).unwrap_err();
        assert_eq!(error.code(), "template-order");
        insta::assert_snapshot!(error.to_string(), @"the table users is changed by an operation before this one, which is written from the table as it is: write it when the other has been run");
    }

    fn what_came_behind_and_went_again_is_no_change(database) {
        database.execute(SCHEMA);
        write(&database, &[check("short", "length(name) < 50")]).unwrap();
        up(&database);
        let between = state(&database);
        write(&database, &[add("more:integer:null:0")]).unwrap();
        up(&database);
        write(&database, &[Operation::RenameColumn { table: users(), from: "age".to_owned(), to: "years".to_owned() }]).unwrap();
        up(&database);
        down(&database);
        down(&database);
        assert_eq!(state(&database), between);
        std::fs::remove_file(path(&database)).unwrap();
        std::fs::remove_file(path(&database)).unwrap();
        // Both ways, and once more.
        down(&database);
        up(&database);
        assert_eq!(state(&database), between);
    }

    fn rows_that_break_the_new_rule_stop_it(database) {
        database.execute(SCHEMA);
        let before = state(&database);
        write(&database, &[check("long", "length(name) > 50")]).unwrap();
        migrate(&mut deployment(&database), &MigrateOptions::default(), &mut dbwarden::apply::run::Silent).unwrap_err();
        assert_eq!(state(&database), before);
        std::fs::remove_file(path(&database)).unwrap();
        // A row of another table that refers to nothing is found, too.
        write(&database, &[foreign_key("loose", "b", "pairs.k", None)]).unwrap();
        let error = migrate(&mut deployment(&database), &MigrateOptions::default(), &mut dbwarden::apply::run::Silent).unwrap_err();
        assert!(error.to_string().contains("would point at nothing"), "{error}");
        assert_eq!(state(&database), before);
    }

    fn what_must_be_known_is_asked_for(database) {
        let error = write(&database, &[check("short", "length(name) < 50")]).unwrap_err();
        assert_eq!(error.code(), "unknown-table");
        database.execute("CREATE VIRTUAL TABLE users USING fts5(name)");
        let error = write(&database, &[check("short", "length(name) < 50")]).unwrap_err();
        assert_eq!(error.code(), "table-rebuild");
        // What ALTER TABLE can do asks nothing.
        assert!(crate::template(&mut deployment(&database), &[add("x:integer:null")]).is_ok());
    }
}

/// Runs the newest migration behind `change`: it says so, and changes nothing.
#[track_caller]
fn is_not_what_it_was(database: &Database, change: &str) {
    database.execute(change);
    let before = state(database);
    let options = MigrateOptions::default();
    let error = migrate(&mut deployment(database), &options, &mut dbwarden::apply::run::Silent).unwrap_err();
    assert!(error.to_string().contains("that this was written for"), "{change}: {error}");
    assert_eq!(state(database), before);
}

fn state_of_two(database: &Database) -> String {
    database.snapshot()
}
