//! How MariaDB and MySQL go on with a migration that stopped halfway: what stands between its statements, and what was changed meanwhile.

use std::time::Duration;

use dbwarden::apply::failure::Kept;
use dbwarden::apply::run::{Event, Resume, Silent};
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use testkit::{Database, on_mysql};

use crate::mysql_alone::{ONE_BY_ONE, and_end_sessions, at, step, tables};
use crate::{LOG, code, deployment, log, migrate, migrate_with};

on_mysql! {
    fn a_setting_between_statements_belongs_to_none_of_them(database) {
        for text in [
            "CREATE TABLE a (x INT);\nSET @x = 1;\nCREATE TABLE b (x INT);\nCREATE TABLE c (x INT, NOPE);\n",
            "SET @x = 1;\nCREATE TABLE a (x INT);\nCREATE TABLE b (x INT);\nSET @y = 2;\nSET @z = 3;\nCREATE TABLE c (x INT, NOPE);\n",
            "SET @x = 1;\nSET @y = 2;\nCREATE TABLE a (x INT);\nSET @z = 3;\nINSERT INTO log (what) VALUES (@z);\n\
             INSERT INTO log (what) VALUES (@x);\nCREATE TABLE b (x INT);\nSET @z = 4;\nCREATE TABLE c (x INT, NOPE);\nSET @z = 5;\n",
        ] {
            for header in ["", ONE_BY_ONE] {
                let database = Database::new(database.engine());
                database.write(&[LOG, ("0002_abc.sql", &format!("{header}{text}"))]);
                let error = migrate(&database).unwrap_err();
                let failed = step(&error).statement;
                assert!(matches!(step(&error).kept, Kept::Statements(_)), "{error}");
                // A second failure at the same place, and then it is mended.
                let error = migrate(&database).unwrap_err();
                assert_eq!((error.code(), step(&error).statement), ("sql", failed), "{header}{text}: {error}");
                database.write(&[("0002_abc.sql", &format!("{header}{}", text.replace(", NOPE", "")))]);
                migrate(&database).unwrap_or_else(|error| panic!("{header}{text}: {error}"));
                assert_eq!(tables(&database), ["a", "b", "c", "log"]);
                assert_eq!(log(&database).len(), if text.contains("INTO log") { 2 } else { 0 });
                assert_eq!(database.journalled(), 0);
            }
        }
    }

    fn what_says_how_things_should_be_is_done_again(database) {
        for (statement, taken, seen) in [
            ("CREATE OR REPLACE TABLE a (y INTEGER)", "DROP TABLE a", "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'a'"),
            ("CREATE OR REPLACE SEQUENCE s START WITH 7", "DROP SEQUENCE s", "SELECT 'y' FROM s WHERE start_value = 7"),
        ] {
            let database = Database::new(database.engine());
            database.write(&[("0001_a.sql", "CREATE TABLE a (x INTEGER);\nCREATE SEQUENCE s;\n")]);
            migrate(&database).unwrap();
            database.write(&[("0002_b.sql", &format!("{ONE_BY_ONE}{statement};\nCREATE TABLE b (x INTEGER);\n"))]);
            let mut deployment = deployment(&database);
            // The server has taken away the old one, and is ended before the new one comes.
            deployment.points = Some(at("unit-begun", 1, and_end_sessions(&database, taken)));
            run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
            migrate(&database).unwrap();
            assert_eq!(database.rows(seen), ["y"], "{statement}");
            assert_eq!(database.journalled(), 0);
        }
    }

    fn a_statement_that_was_running_and_is_another_now_is_left_to_a_person(database) {
        let begun = "CREATE TABLE b (x INTEGER)";
        for (edited, skipped, retried) in [
            // The evidence of the one says nothing of the other: `a` has changed nothing, and is there.
            ("CREATE TABLE a (x INTEGER)", vec!["b", "log"], vec!["a", "b", "log"]),
            ("CREATE OR REPLACE TABLE a (x INTEGER)", vec!["b", "log"], vec!["a", "b", "log"]),
            ("INSERT INTO log (what) VALUES ('edited')", vec!["b", "log"], vec!["b", "log"]),
        ] {
            for resume in [Resume::Skip, Resume::Retry] {
                let database = Database::new(database.engine());
                let text = |statement: &str| {
                    format!("{ONE_BY_ONE}INSERT INTO log (what) VALUES ('before');\n{statement};\nINSERT INTO log (what) VALUES ('behind');\n")
                };
                database.write(&[LOG, ("0002_b.sql", &text(begun))]);
                let mut deployment = deployment(&database);
                deployment.points = Some(at("unit-begun", 1, and_end_sessions(&database, begun)));
                run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
                assert_eq!(database.rows("SELECT state FROM dbwarden_journal ORDER BY `first`"), ["done", "begun"]);
                database.write(&[("0002_b.sql", &text(edited))]);
                let error = migrate(&database).unwrap_err();
                assert_eq!(error.code(), "doubtful", "{error}");
                assert!(error.to_string().contains("the file has another statement in its place now"), "{error}");
                assert_eq!((tables(&database), log(&database).len()), (vec!["b".to_owned(), "log".to_owned()], 1));
                let decided = MigrateOptions { resume: Some(resume), ..MigrateOptions::default() };
                migrate_with(&database, &decided).unwrap_or_else(|error| panic!("{edited}: {error}"));
                let (expected, rows) = match resume {
                    Resume::Skip => (&skipped, vec!["before", "behind"]),
                    _ if edited.starts_with("INSERT") => (&retried, vec!["before", "edited", "behind"]),
                    _ => (&retried, vec!["before", "behind"]),
                };
                assert_eq!((&tables(&database), log(&database)), (&expected.iter().map(ToString::to_string).collect(), rows.iter().map(ToString::to_string).collect()), "{edited}");
                assert_eq!(database.journalled(), 0);
            }
        }
        // Taken out, where it was the last.
        let text = format!("{ONE_BY_ONE}CREATE TABLE a (x INTEGER);\n");
        database.write(&[("0001_ab.sql", &format!("{text}{begun};\n"))]);
        let mut deployment = deployment(&database);
        deployment.points = Some(at("unit-begun", 2, and_end_sessions(&database, begun)));
        run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
        database.write(&[("0001_ab.sql", &text)]);
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "doubtful", "{error}");
        assert!(error.to_string().contains("statement 2 of 0001") && error.to_string().contains("does not have it any more"), "{error}");
        assert!(database.versions().is_empty());
        migrate_with(&database, &MigrateOptions { resume: Some(Resume::Retry), ..MigrateOptions::default() }).unwrap();
        assert_eq!((tables(&database), database.journalled()), (vec!["a".to_owned(), "b".to_owned()], 0));
    }

    fn a_variable_is_not_counted_up_twice_where_a_lock_was_waited_for(database) {
        // In a migration that is one transaction, which is begun anew in a session that knows nothing; and behind a definition.
        for (first, expected) in [("", "ok"), ("CREATE TABLE b (x INTEGER);\n", "busy")] {
            let database = Database::new(database.engine());
            database.write(&[("0001_a.sql", "CREATE TABLE a (x INTEGER);\nCREATE TABLE c (x INTEGER);\nINSERT INTO c VALUES (1);\n")]);
            migrate(&database).unwrap();
            let text = format!(
                "-- lock_timeout: 1s\n-- retries: 5\n{first}SELECT @n := COALESCE(@n, 0) + 1;\nINSERT INTO a VALUES (@n);\nUPDATE c SET x = 2;\n"
            );
            database.write(&[("0002_b.sql", &text)]);
            let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
            let thread = std::thread::spawn(move || {
                server.shell(&name, "START TRANSACTION; UPDATE c SET x = 3; DO SLEEP(3); ROLLBACK");
            });
            std::thread::sleep(Duration::from_millis(700));
            let mut retried = 0;
            let mut observer = |event: &Event<'_>| retried += u32::from(matches!(event, Event::Retrying { .. }));
            let ran = run(&mut deployment(&database), &MigrateOptions::default(), &mut observer);
            assert_eq!(ran.as_ref().map_or_else(|error| error.code(), |_| "ok"), expected, "{ran:?}");
            assert_eq!(retried > 0, expected == "ok");
            thread.join().unwrap();
            migrate(&database).unwrap();
            assert_eq!(database.rows("SELECT x FROM a"), ["1"], "{first}");
            assert_eq!(database.rows("SELECT x FROM c"), ["2"]);
            assert_eq!(database.journalled(), 0);
        }
    }

    fn a_limit_for_rows_that_a_file_sets_is_none_for_ours(database) {
        for header in ["", ONE_BY_ONE] {
            let database = Database::new(database.engine());
            // The token is another's by the time of the last statement.
            let text = "SET sql_select_limit = 0;\nUPDATE dbwarden_lock SET token = token + 1 WHERE name = 'holder';\nCREATE TABLE late (x INTEGER);\n";
            database.write(&[LOG]);
            migrate(&database).unwrap();
            database.write(&[("0002_next.sql", &format!("{header}{text}"))]);
            let ran = migrate(&database).map_or_else(|error| error.code(), |_| "ok");
            assert_eq!(ran, "lock-lost", "{header}");
            assert_eq!(tables(&database), ["log"], "{header}");
            assert_eq!(database.versions(), ["0001"]);
            // Another's hand, as the packet begins.
            let database = Database::new(database.engine());
            database.write(&[LOG, ("0002_next.sql", &format!("{header}SET sql_select_limit = 0;\nCREATE TABLE late (x INTEGER);\n"))]);
            let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
            let mut deployment = deployment(&database);
            deployment.points = Some(at("begun", 2, move || {
                server.shell(&name, "UPDATE dbwarden_lock SET token = token + 1 WHERE name = 'holder'");
            }));
            let ran = run(&mut deployment, &MigrateOptions::default(), &mut Silent);
            assert_eq!(ran.map_or_else(|error| error.code(), |_| "ok"), "lock-lost", "{header}");
            assert_eq!(tables(&database), ["log"], "{header}");
            assert_eq!((database.versions(), database.journalled()), (vec!["0001".to_owned()], 0));
        }
    }

    fn what_failed_behind_a_limit_for_rows_is_told_as_ever(database) {
        let text = "SET sql_select_limit = 0;\nCREATE TABLE a (x INTEGER);\nDROP TABLE IF EXISTS nowhere;\nALTER TABLE a ADD COLUMN\n  x INTEGER;\n                    -- unless: table a\nCREATE TABLE a (y INTEGER);\n";
        for header in ["", ONE_BY_ONE] {
            let database = Database::new(database.engine());
            let text = if header.is_empty() { text.replace("-- unless: table a\nCREATE TABLE a", "CREATE TABLE b") } else { text.to_owned() };
            database.write(&[("0001_a.sql", &format!("{header}{text}"))]);
            let mut said = 0;
            let mut observer = |event: &Event<'_>| said += u32::from(matches!(event, Event::Notice { .. }));
            let error = run(&mut deployment(&database), &MigrateOptions::default(), &mut observer).unwrap_err();
            assert_eq!((step(&error).statement, step(&error).kept), (4, Kept::Statements(3)), "{error}");
            assert_eq!(said, 1, "{header}");
            database.write(&[("0001_a.sql", &format!("{header}{}", text.replace("  x INTEGER", "  z INTEGER")))]);
            migrate(&database).unwrap();
            assert_eq!(database.rows("SHOW COLUMNS FROM a").len(), 2);
            assert_eq!(database.journalled(), 0);
        }
    }

    fn what_another_session_would_compute_otherwise_is_asked_for(database) {
        let text = |set: &str| format!("CREATE TABLE a (x VARCHAR(40));\n{set};\nINSERT INTO a VALUES (@v);\nCREATE TABLE b (x INTEGER, NOPE);\n");
        for set in ["SET @v = UUID()", "SET @v = NOW(6)", "SET @v = (SELECT COUNT(*) FROM a)", "CALL fill(@v)"] {
            for header in ["", ONE_BY_ONE] {
                let database = Database::new(database.engine());
                let procedure = "CREATE PROCEDURE fill(OUT v TEXT) SET v = 'filled';\n";
                database.write(&[("0001_p.sql", procedure), ("0002_a.sql", &format!("{header}{}", text(set)))]);
                assert_eq!(code(migrate(&database)), "sql", "{set}");
                database.write(&[("0002_a.sql", &format!("{header}{}", text(set).replace(", NOPE", "")))]);
                let error = migrate(&database).unwrap_err();
                assert_eq!((error.code(), step(&error).statement), ("temporary-gone", 2), "{set}: {error}");
                assert_eq!(tables(&database), ["a"]);
            }
        }
        // Nothing that is finished has used it.
        let text = text("SET @v = UUID()").replace("INSERT INTO a", "INSERT INTO nowhere");
        database.write(&[("0001_a.sql", &text)]);
        assert_eq!(code(migrate(&database)), "sql");
        database.write(&[("0001_a.sql", &text.replace("INTO nowhere", "INTO a").replace(", NOPE", ""))]);
        migrate(&database).unwrap();
        assert_eq!((database.rows("SELECT x FROM a").len(), database.journalled()), (1, 0));
    }
}
