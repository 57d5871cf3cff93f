//! What one engine alone has, squashed: statements that refuse a transaction, bodies with semicolons, tables made anew.

use std::fs;

use dbwarden::ops::squash::{SquashOptions, squash as run};
use testkit::{Database, on_mysql, on_postgres, on_sqlite};

use crate::{deployment, discreet, migrate, steps};

/// Squashes `files`, and sees that the squash comes to what they come to, by the engine's own account of it; returns its text.
fn proved(database: &Database, files: &[(&str, &str)]) -> String {
    let old = Database::new(database.engine());
    for database in [database, &old] {
        database.write(files);
    }
    migrate(&old).unwrap();
    let squashed = discreet(run(&mut deployment(database), &SquashOptions::default())).unwrap();
    assert_eq!(squashed.replaced.len(), files.len());
    assert_eq!(steps(&migrate(database).unwrap()).len(), 1);
    assert_eq!(database.snapshot(), old.snapshot());
    let path = squashed.path.unwrap();
    fs::read_to_string(path).unwrap()
}

mod postgres_has {
    use super::*;

    on_postgres! {
        fn statements_that_refuse_a_transaction_and_values_that_want_a_commit(database) {
            let text = proved(&database, &[
                ("0001_moods.sql", "CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE people (id integer PRIMARY KEY, feels mood);\n-- rollback\nDROP TABLE people;\nDROP TYPE mood;\n"),
                ("0002_happy.sql", "ALTER TYPE mood ADD VALUE 'happy';\n-- rollback\nSELECT 1;\n"),
                ("0003_ana.sql", "INSERT INTO people VALUES (1, 'happy');\n-- rollback\nDELETE FROM people;\n"),
                ("0004_index.sql", "CREATE INDEX CONCURRENTLY people_feel ON people (feels);\n-- rollback\nDROP INDEX CONCURRENTLY people_feel;\n"),
                ("0005_rows.sql", "COPY people (id, feels) FROM stdin;\n2\tsad\n3\t\\N\n\\.\nUPDATE people SET id = id + 1 WHERE id = 3;\n-- rollback\nDELETE FROM people WHERE id > 1;\n"),
                ("0006_body.sql", "CREATE FUNCTION one() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;\n-- rollback\nDROP FUNCTION one;\n"),
            ]);
            assert!(text.contains("COMMIT;") && text.contains("-- rollback"), "{text}");
            // What it does not undo is told by name: a value of an enum stays no longer than its type.
            assert_eq!(database.rows("SELECT id FROM people ORDER BY id"), ["1", "2", "4"]);
        }

        fn what_all_databases_of_a_server_share_is_not_touched(database) {
            for text in ["CREATE ROLE web_ro", "ALTER DATABASE x RESET work_mem", "ALTER SYSTEM SET work_mem = '5MB'", "DO $$ BEGIN DROP ROLE IF EXISTS web_ro; END $$"] {
                database.write(&[("0001_a.sql", "CREATE TABLE a (id integer);\n"), ("0002_b.sql", &format!("{text};\n"))]);
                let error = run(&mut deployment(&database), &SquashOptions::default()).unwrap_err();
                assert!(error.to_string().contains("it would reach past that"), "{text}: {error}");
            }
            database.write(&[("0002_b.sql", "GRANT SELECT ON a TO public;\n")]);
            run(&mut deployment(&database), &SquashOptions::default()).unwrap();
        }

        fn one_that_can_be_one_transaction_is(database) {
            let text = proved(&database, &[
                ("0001_a.sql", "CREATE TABLE a (id integer);\n-- rollback\nDROP TABLE a;\n"),
                ("0002_b.sql", "CREATE TABLE b (id integer);\n-- rollback\nDROP TABLE b;\n"),
            ]);
            assert!(!text.contains("BEGIN"), "{text}");
        }
    }
}

mod mysql_has {
    use super::*;

    on_mysql! {
        fn a_file_that_names_its_own_database_is_refused(database) {
            let name = database.owned().name();
            for text in [format!("INSERT INTO {name}.a VALUES (2)"), format!("INSERT INTO `{name}` . a VALUES (2)"), format!("USE {name}")] {
                let database = Database::new(database.engine());
                database.write(&[("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"), ("0002_b.sql", "INSERT INTO a VALUES (1);\n")]);
                let other = text.replace(name, database.owned().name());
                database.write(&[("0003_c.sql", &other)]);
                let error = run(&mut deployment(&database), &SquashOptions::default()).unwrap_err();
                assert_eq!(error.code(), "usage", "{error}");
                assert!(error.to_string().contains("it would reach past that"), "{error}");
            }
        }

        fn what_all_databases_of_a_server_share_is_not_touched(database) {
            for text in ["CREATE USER IF NOT EXISTS 'web'@'%'", "INSERT IGNORE INTO billing.log VALUES (1)", "DELETE FROM `billing`.`log`", "SET GLOBAL max_connections = 5", "DROP DATABASE billing"] {
                database.write(&[("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"), ("0002_b.sql", &format!("{text};\n"))]);
                let error = run(&mut deployment(&database), &SquashOptions::default()).unwrap_err();
                assert!(error.to_string().contains("it would reach past that"), "{text}: {error}");
            }
            database.write(&[("0002_b.sql", "CREATE TABLE b (id INTEGER, a INTEGER);\nUPDATE b JOIN a ON a.id = b.a SET b.id = a.id WHERE b.a > 1;\nINSERT INTO b SELECT a.id, a.id FROM a;\n")]);
            run(&mut deployment(&database), &SquashOptions::default()).unwrap();
        }

        fn bodies_with_semicolons(database) {
            let text = proved(&database, &[
                ("0001_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER);\n-- rollback\nDROP TABLE a;\n"),
                ("0002_trigger.sql", "DELIMITER //\nCREATE TRIGGER a_n BEFORE INSERT ON a FOR EACH ROW\nBEGIN\n  SET NEW.n = 1;\n  SET NEW.n = NEW.n + 1;\nEND//\nDELIMITER ;\n-- rollback\nDROP TRIGGER a_n;\n"),
                ("0003_rows.sql", "INSERT INTO a (id) VALUES (1);\n-- rollback\nDELETE FROM a;\n"),
                ("0004_proc.sql", "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END;\n-- rollback\nDROP PROCEDURE p;\n"),
            ]);
            assert!(text.contains("DELIMITER"), "{text}");
            assert_eq!(database.rows("SELECT n FROM a"), ["2"]);
        }
    }
}

mod sqlite_has {
    use super::*;

    on_sqlite! {
        fn tables_that_are_made_anew(database) {
            proved(&database, &[
                ("0001_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY, n INTEGER);\nCREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a (id));\nINSERT INTO a VALUES (1, 2);\nINSERT INTO b VALUES (1, 1);\n"),
                ("0002_anew.sql", "PRAGMA foreign_keys = OFF;\nCREATE TABLE a_new (id INTEGER PRIMARY KEY, n TEXT NOT NULL);\nINSERT INTO a_new SELECT id, n FROM a;\nDROP TABLE a;\nALTER TABLE a_new RENAME TO a;\nPRAGMA foreign_keys = ON;\n"),
                ("0003_again.sql", "PRAGMA foreign_keys = OFF;\nCREATE TABLE a_new (id INTEGER PRIMARY KEY, n TEXT NOT NULL, m TEXT);\nINSERT INTO a_new (id, n) SELECT id, n FROM a;\nDROP TABLE a;\nALTER TABLE a_new RENAME TO a;\nPRAGMA foreign_keys = ON;\n"),
                ("0004_trigger.sql", "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET n = 'x;'; DELETE FROM b; END;\n"),
                ("0005_own.sql", "BEGIN;\nINSERT INTO b VALUES (2, 1);\nCOMMIT;\n"),
            ]);
            assert_eq!(database.rows("SELECT id FROM b ORDER BY id"), ["1", "2"]);
        }
    }
}
