//! What MariaDB and MySQL alone have: statements that commit by themselves, a journal in one packet with them, a server that says
//! what it thinks in warnings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dbwarden::apply::failure::{Kept, StepError};
use dbwarden::apply::run::{Event, Points, Resume, Silent};
use dbwarden::error::{Error, ErrorKind};
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::script::script;
use testkit::{Database, Loss, Proxy, on_mysql};

use crate::{LOG, code, deployment, log, migrate, migrate_with, rollback, status, steps};

/// Does something once, as a run passes `point` for the `time`th time.
pub(crate) fn at(point: &'static str, time: usize, act: impl Fn() + Send + Sync + 'static) -> Points {
    let (passed, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    Arc::new(move |now| {
        if now == point
            && passed.fetch_add(1, Ordering::SeqCst) + 1 == time
            && !done.swap(true, Ordering::SeqCst)
        {
            act();
        }
    })
}

/// Runs `sql` there, as the administrator, and ends every other session in the database.
pub(crate) fn and_end_sessions(database: &Database, sql: &'static str) -> impl Fn() + Send + Sync + 'static {
    let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
    move || {
        server.shell(&name, sql);
        let sessions = format!("SELECT id FROM information_schema.processlist WHERE db = '{name}'");
        for id in server.shell("", &sessions).lines() {
            server.try_shell("", &format!("KILL {id}")).ok();
        }
    }
}

pub(crate) fn step(error: &Error) -> &StepError {
    match error.kind() {
        ErrorKind::Step { step, .. } => step,
        _ => panic!("{error}"),
    }
}

/// The tables of a database, but for ours.
pub(crate) fn tables(database: &Database) -> Vec<String> {
    database.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
         AND table_name NOT LIKE 'dbwarden%' ORDER BY table_name",
    )
}

/// Forces each statement to go by itself.
pub(crate) const ONE_BY_ONE: &str = "-- unless: table nowhere\n";

on_mysql! {
    fn what_failed_in_the_middle_is_gone_on_with(database) {
        let text = "CREATE TABLE a (x INTEGER);\nINSERT INTO a VALUES (1);\nALTER TABLE a\n  ADD COLUMN x INTEGER;\nCREATE TABLE b (y INTEGER);\n";
        for header in ["", ONE_BY_ONE] {
            let database = Database::new(database.engine());
            database.write(&[("0001_a.sql", &format!("{header}{text}"))]);
            let error = migrate(&database).unwrap_err();
            let failed = step(&error);
            assert_eq!((failed.statement, failed.total, failed.kept), (3, 4, Kept::Statements(2)), "{error}");
            let position = failed.position.unwrap();
            let line = 3 + u32::from(!header.is_empty());
            assert_eq!((position.line, position.column), (line + 1, 14), "at the column's name");
            assert!(error.to_string().contains("Duplicate column name 'x' (1060)"), "{error}");
            assert_eq!(status(&database).unfinished[0].done, 2);
            database.write(&[("0001_a.sql", &format!("{header}{}", text.replace("ADD COLUMN x", "ADD COLUMN z")))]);
            let report = migrate(&database).unwrap();
            assert_eq!(report.steps[0].resumed_from, 2);
            assert_eq!(tables(&database), ["a", "b"]);
            assert_eq!(database.rows("SELECT x, z FROM a"), ["1|NULL"]);
            assert_eq!(database.journalled(), 0);
        }
    }

    fn what_failed_and_did_nothing_is_as_if_it_had_never_been_begun(database) {
        for header in ["", ONE_BY_ONE] {
            let database = Database::new(database.engine());
            let wrong = format!("{header}CREATE TABLE log (x INTEGER);\nCREATE TABLE b (x INTEGER);\n");
            database.write(&[LOG, ("0002_wrong.sql", &wrong)]);
            let error = migrate(&database).unwrap_err();
            assert_eq!((step(&error).statement, step(&error).kept), (1, Kept::Nothing), "{error}");
            assert_eq!(database.journalled(), 0);
            // It is in nobody's way.
            database.remove("0002_wrong.sql");
            database.write(&[("0003_a.sql", "CREATE TABLE a (x INTEGER);\n-- rollback\nDROP TABLE nowhere;\nDROP TABLE a;\n")]);
            migrate(&database).unwrap();
            let error = rollback(&database).unwrap_err();
            assert_eq!(step(&error).kept, Kept::Nothing, "{error}");
            database.write(&[("0004_b.sql", "CREATE TABLE b (x INTEGER);\n")]);
            migrate(&database).unwrap();
            assert_eq!(tables(&database), ["a", "b", "log"]);
        }
    }

    fn what_failed_and_did_a_part_is_told_as_that(database) {
        let procedure = "DELIMITER //\nCREATE PROCEDURE half()\nBEGIN\n  CREATE TABLE half_way (x INTEGER);\n  \
                         INSERT INTO nowhere VALUES (1);\nEND//\n";
        for (wrong, asks, left) in
            [("DROP TABLE a, nowhere;\n", false, vec!["log"]), ("CALL half();\n", true, vec!["a", "half_way", "log"])]
        {
            let database = Database::new(database.engine());
            database.write(&[LOG, ("0002_a.sql", "CREATE TABLE a (x INTEGER);\n"), ("0003_half.sql", procedure)]);
            migrate(&database).unwrap();
            database.write(&[("0004_wrong.sql", wrong)]);
            let error = migrate(&database).unwrap_err();
            assert_eq!(step(&error).kept, Kept::Part { committed: 0, statement: 1, asks }, "{error}");
            assert_eq!(tables(&database), left);
            assert_eq!(database.journalled(), 1, "it stays under way");
            if asks {
                assert_eq!(code(migrate(&database)), "doubtful");
                let skip = MigrateOptions { resume: Some(Resume::Skip), ..MigrateOptions::default() };
                migrate_with(&database, &skip).unwrap();
            } else {
                database.write(&[("0004_wrong.sql", "DROP TABLE IF EXISTS a;\n")]);
                migrate(&database).unwrap();
            }
            assert_eq!(database.journalled(), 0);
            assert_eq!(database.versions().len(), 4);
        }
    }

    fn rows_between_definitions_commit_with_their_row(database) {
        let text = "CREATE TABLE a (x INTEGER);\nINSERT INTO log (what) VALUES ('1');\nINSERT INTO log (what) VALUES ('2');\n\
                    INSERT INTO nowhere VALUES (1);\nCREATE TABLE b (y INTEGER);\n";
        database.write(&[LOG, ("0002_a.sql", text)]);
        let error = migrate(&database).unwrap_err();
        assert_eq!((step(&error).statement, step(&error).kept), (4, Kept::Statements(1)), "{error}");
        assert!(log(&database).is_empty(), "rolled back");
        assert_eq!(tables(&database), ["a", "log"]);
        database.write(&[("0002_a.sql", &text.replace("INTO nowhere VALUES (1)", "INTO log (what) VALUES ('3')"))]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["1", "2", "3"]);
        assert_eq!(tables(&database), ["a", "b", "log"]);
    }

    fn a_definition_that_the_server_finished_without_us_is_not_run_again(database) {
        for (statement, done) in [
            ("CREATE TABLE b (x INTEGER)", "CREATE TABLE b (x INTEGER)"),
            ("ALTER TABLE a ADD COLUMN y INTEGER, ADD INDEX a_x (x)", "ALTER TABLE a ADD COLUMN y INTEGER, ADD INDEX a_x (x)"),
            ("CREATE INDEX a_x ON a (x)", "CREATE INDEX a_x ON a (x)"),
            ("DROP TABLE a", "DROP TABLE a"),
            ("RENAME TABLE a TO b", "RENAME TABLE a TO b"),
            ("CREATE VIEW v AS SELECT x FROM a", "CREATE VIEW v AS SELECT x FROM a"),
            ("CREATE PROCEDURE p() SELECT 1", "CREATE PROCEDURE p() SELECT 1"),
            ("CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @n = 1", "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET @n = 1"),
            // The first of two is gone, and the second is not.
            ("DROP TABLE a, c", "DROP TABLE a"),
        ] {
            let database = Database::new(database.engine());
            database.write(&[
                LOG,
                ("0002_a.sql", "CREATE TABLE a (x INTEGER);\nCREATE TABLE c (x INTEGER);\n"),
            ]);
            migrate(&database).unwrap();
            database.write(&[("0003_b.sql", &format!("{ONE_BY_ONE}{statement};\nINSERT INTO log (what) VALUES ('behind');\n"))]);
            let mut deployment = deployment(&database);
            deployment.points = Some(at("unit-begun", 1, and_end_sessions(&database, done)));
            let error = run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
            assert_eq!(error.code(), "connection", "{statement}: {error}");
            assert_eq!(database.rows("SELECT state FROM dbwarden_journal"), ["begun"], "{statement}");
            migrate(&database).unwrap_or_else(|error| panic!("{statement}: {error}"));
            assert_eq!(log(&database), ["behind"], "{statement}");
            assert_eq!(database.journalled(), 0);
            if statement.contains(", c") {
                assert_eq!(tables(&database), ["log"], "the rest of it is finished");
            }
        }
    }

    fn a_definition_that_was_not_done_is_run(database) {
        // What was there before it is no sign of it.
        database.write(&[LOG, ("0002_a.sql", &format!("{ONE_BY_ONE}CREATE TABLE IF NOT EXISTS log (x INTEGER);\nCREATE TABLE b (x INTEGER);\n"))]);
        for time in [1, 2] {
            let mut deployment = deployment(&database);
            deployment.points = Some(at("unit-begun", time, and_end_sessions(&database, "SELECT 1")));
            run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
        }
        migrate(&database).unwrap();
        assert_eq!(tables(&database), ["b", "log"]);
    }

    fn what_nothing_tells_is_left_to_a_person(database) {
        database.write(&[LOG, (
            "0002_call.sql",
            "DELIMITER //\nCREATE PROCEDURE note()\nBEGIN\n  INSERT INTO log (what) VALUES ('called');\n  COMMIT;\nEND//\nDELIMITER ;\n",
        )]);
        migrate(&database).unwrap();
        for (resume, expected) in [(Resume::Skip, vec!["called"]), (Resume::Retry, vec!["called", "called", "called"])] {
            let name = if resume == Resume::Skip { "0003_call.sql" } else { "0004_call.sql" };
            database.write(&[(name, &format!("{ONE_BY_ONE}CALL note();\n"))]);
            let mut deployment = deployment(&database);
            deployment.points = Some(at("unit-begun", 1, and_end_sessions(&database, "CALL note()")));
            run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
            let error = migrate(&database).unwrap_err();
            assert_eq!(error.code(), "doubtful", "{error}");
            migrate_with(&database, &MigrateOptions { resume: Some(resume), ..MigrateOptions::default() }).unwrap();
            assert_eq!(log(&database), expected);
        }
    }

    fn a_holder_that_was_followed_defines_nothing(database) {
        for header in ["", ONE_BY_ONE] {
            let database = Database::new(database.engine());
            database.write(&[LOG, ("0002_next.sql", &format!("{header}CREATE TABLE late (x INTEGER);\n"))]);
            let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
            let mut deployment = deployment(&database);
            deployment.points = Some(at("begun", 2, move || {
                server.shell(&name, "UPDATE dbwarden_lock SET token = token + 1 WHERE name = 'holder'");
            }));
            assert_eq!(code(run(&mut deployment, &MigrateOptions::default(), &mut Silent)), "lock-lost");
            assert_eq!(tables(&database), ["log"], "{header}");
            assert_eq!(database.versions(), ["0001"]);
            assert_eq!(database.journalled(), 0);
        }
    }

    fn a_packet_whose_answer_is_lost_counts(database) {
        let proxy = Proxy::before(([127, 0, 0, 1], database.owned().server().port()).into());
        let through = database.owned().server().through("127.0.0.1", proxy.port());
        database.write(&[LOG, ("0002_next.sql", "CREATE TABLE a (x INTEGER);\nINSERT INTO log (what) VALUES ('2');\n")]);
        migrate_with(&database, &MigrateOptions { count: Some(1), ..MigrateOptions::default() }).unwrap();
        let mut deployment = deployment(&database);
        deployment.settings.url = through.url(database.owned().name()).parse().unwrap();
        proxy.lose_answer_to("INTO log", Loss::Cut);
        // The packet may have come to its end by the time its session is ended, or not: what is said of it is true.
        let ran = run(&mut deployment, &MigrateOptions::default(), &mut Silent);
        assert_eq!(proxy.lost(), 1, "the answer was lost");
        match ran {
            Ok(report) => assert_eq!(steps(&report), ["0002"]),
            Err(error) => {
                assert_eq!(error.code(), "connection", "{error}");
                assert_eq!(database.versions(), ["0001"]);
                migrate(&database).unwrap();
            }
        }
        assert_eq!(log(&database), ["2"]);
        assert_eq!((database.versions().len(), database.journalled()), (2, 0));
        assert_eq!(database.lock_owner(), "");
    }

    fn procedures_triggers_and_events_are_one_statement_each(database) {
        let text = "DELIMITER $$\nCREATE PROCEDURE note(what TEXT)\nBEGIN\n  DECLARE n INT DEFAULT 2;\n  WHILE n > 0 DO\n    \
                    INSERT INTO log (what) VALUES (what);\n    SET n = n - 1;\n  END WHILE;\n  SELECT 'a', 'b';\nEND$$\n\
                    CREATE TRIGGER noted AFTER INSERT ON a FOR EACH ROW\nBEGIN\n  INSERT INTO log (what) VALUES ('trigger');\nEND$$\n\
                    CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2$$\n\
                    CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM a; END$$\nDELIMITER ;\n\
                    CALL note('called');\nINSERT INTO a VALUES (twice(2));\n";
        database.write(&[LOG, ("0002_a.sql", "CREATE TABLE a (x INTEGER);\n"), ("0003_all.sql", text)]);
        let report = migrate(&database).unwrap();
        assert_eq!(report.steps[2].statements, 6);
        assert_eq!(log(&database), ["called", "called", "trigger"]);
        assert_eq!(database.rows("SELECT x FROM a"), ["4"]);
        assert_eq!(database.one("SELECT event_name FROM information_schema.events WHERE event_schema = DATABASE()"), "nightly");
    }

    fn a_semicolon_before_a_delimiter_is_no_statement(database) {
        let text = "DELIMITER //\nDROP PROCEDURE IF EXISTS note//\nCREATE PROCEDURE note(what TEXT)\nBEGIN\n  \
                    INSERT INTO log (what) VALUES (what);\nEND;\n\n//\nCREATE TRIGGER noted AFTER INSERT ON a FOR EACH ROW\n\
                    BEGIN\n  CALL note('trigger');\nEND; //\nDELIMITER ;\nINSERT INTO a VALUES (1);\n\
                    DELIMITER //\nUPDATE a SET x = 2;\n";
        for header in ["", ONE_BY_ONE] {
            let database = Database::new(database.engine());
            let text = format!("{header}{text}");
            database.write(&[LOG, ("0002_a.sql", "CREATE TABLE a (x INTEGER);\n"), ("0003_all.sql", &text)]);
            assert_eq!(migrate(&database).unwrap().steps[2].statements, 5);
            assert_eq!(log(&database), ["trigger"]);
            assert_eq!(database.rows("SELECT x FROM a"), ["2"]);
        }
    }

    fn statements_under_one_delimiter_are_journalled_one_by_one(database) {
        let text = "DELIMITER $$\nCREATE TABLE b (x INTEGER); INSERT INTO b VALUES (1); CREATE TABLE a (x INTEGER bogus)$$\nDELIMITER ;\n";
        database.write(&[("0001_ab.sql", text)]);
        let error = migrate(&database).unwrap_err();
        assert_eq!((step(&error).statement, step(&error).total), (3, 3), "{error}");
        database.write(&[("0001_ab.sql", &text.replace(" bogus", ""))]);
        migrate(&database).unwrap();
        assert_eq!(tables(&database), ["a", "b"]);
        assert_eq!(database.rows("SELECT x FROM b"), ["1"]);
    }

    fn a_script_with_routines_runs_in_the_shell(database) {
        let text = "CREATE PROCEDURE note(what TEXT)\nBEGIN\n  INSERT INTO log (what) VALUES (what); -- 1 // 2\n  \
                    INSERT INTO log (what) VALUES ('a;b');\nEND;\nCALL note('x;y');\n\
                    INSERT INTO log (what) VALUES ('Zażółć 😀');\n-- rollback\nDELETE FROM log WHERE what = 'a\\\\b';\n";
        database.write(&[LOG, ("0002_note.sql", text)]);
        let mut out = Vec::new();
        script(&deployment(&database), &MigrateOptions::default(), None, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("DELIMITER").count(), 2, "{text}");
        database.owned().shell(&text);
        assert_eq!(log(&database), ["x;y", "a;b", "Zażółć 😀"]);
        assert_eq!(database.versions(), ["0001", "0002"]);
        assert_eq!(database.rows("SELECT LENGTH(down_script) - LENGTH(REPLACE(down_script, CHAR(92), '')) FROM dbwarden_migrations WHERE version = '0002'"), ["2"]);
        assert!(migrate(&database).unwrap().steps.is_empty());
    }

    fn warnings_are_passed_on(database) {
        let text = "CREATE TABLE a (x INTEGER);\nDROP TABLE IF EXISTS nowhere;\nSELECT 'a', 1;\nINSERT IGNORE INTO a VALUES ('1 and more');\n";
        for header in ["", ONE_BY_ONE] {
            let database = Database::new(database.engine());
            database.write(&[("0001_a.sql", &format!("{header}{text}"))]);
            let mut said = Vec::new();
            let mut observer = |event: &Event<'_>| {
                if let Event::Notice { notice } = event {
                    said.push(format!("{}: {}", notice.level, notice.text));
                }
            };
            run(&mut deployment(&database), &MigrateOptions::default(), &mut observer).unwrap();
            assert_eq!(said.len(), 2, "{said:?}");
            assert!(said[0].starts_with("Note: Unknown table '") && said[0].ends_with(".nowhere' (1051)"), "{said:?}");
            assert!(said[1].starts_with("Warning: Data truncated for column 'x'"), "{said:?}");
        }
    }

    fn another_session_in_the_way_is_waited_for_and_tried_again(database) {
        database.write(&[LOG]);
        migrate(&database).unwrap();
        for (version, header) in [("0002", ""), ("0003", ONE_BY_ONE)] {
            let text = format!("-- lock_timeout: 1s\n-- retries: 30\n{header}ALTER TABLE log ADD COLUMN a{version} INTEGER;\n");
            database.write(&[(&format!("{version}_alter.sql"), &text)]);
            let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
            let thread = std::thread::spawn(move || {
                server.shell(&name, "BEGIN; SELECT * FROM log; DO SLEEP(2.5); COMMIT;");
            });
            while database.one("SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND state = 'User sleep'") != "1" {
                std::thread::sleep(Duration::from_millis(10));
            }
            let mut retried = 0;
            let mut observer = |event: &Event<'_>| retried += u32::from(matches!(event, Event::Retrying { .. }));
            run(&mut deployment(&database), &MigrateOptions::default(), &mut observer).unwrap();
            thread.join().unwrap();
            assert!(retried > 0, "{header}");
            assert_eq!(database.versions().last().unwrap(), version);
        }
    }

    fn what_a_file_sets_ends_with_it(database) {
        let text = "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES';\nSET NAMES latin1;\nUSE mysql;\nSET @x = 'x';\n\
                    CREATE TABLE {home}.\"a\" (\"t\" VARCHAR(20));\nINSERT INTO {home}.\"a\" VALUES ('a\\b');\n-- rollback\nDROP TABLE a; -- \u{e9} '\\\n";
        database.write(&[
            ("0001_a.sql", &text.replace("{home}", database.owned().name())),
            ("0002_b.sql", "CREATE TABLE b AS SELECT @@sql_mode LIKE '%ANSI%' AS mode, DATABASE() AS home, @x AS x;\n"),
        ]);
        migrate(&database).unwrap();
        assert_eq!(database.rows("SELECT t FROM a"), ["a\\b"]);
        assert_eq!(database.rows("SELECT mode, home, x FROM b"), [format!("0|{}|NULL", database.owned().name())]);
        let down = database.one("SELECT down_script FROM dbwarden_migrations WHERE version = '0001'");
        assert!(down.contains("\u{e9} '\\"), "{down}");
    }

    fn what_a_session_left_is_done_again_or_asked_for(database) {
        let text = "INSERT INTO log (what) VALUES ('1');\nSET @id = LAST_INSERT_ID();\nCREATE TABLE a (x INTEGER);\n\
                    INSERT INTO nowhere VALUES (@id);\n";
        database.write(&[LOG, ("0002_id.sql", text)]);
        assert_eq!(code(migrate(&database)), "sql");
        database.write(&[("0002_id.sql", &text.replace("INTO nowhere", "INTO a"))]);
        assert_eq!(code(migrate(&database)), "temporary-gone");
        database.write(&[("0002_id.sql", &text.replace("INTO nowhere VALUES (@id)", "INTO a SELECT MAX(id) FROM log"))]);
        assert_eq!(code(migrate(&database)), "temporary-gone", "nobody knows what comes behind it");
    }

    fn a_role_without_rights_is_told_what_it_needs(database) {
        let role = database.owned().server().role("reader");
        let (name, role_name) = (database.owned().name(), role.name());
        database.execute(&format!("GRANT SELECT ON {name}.* TO '{role_name}'@'%'"));
        database.write(&[LOG]);
        let mut deployment = deployment(&database);
        deployment.settings.url = database.owned().url_as(&role).parse().unwrap();
        let error = run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
        assert_eq!(error.code(), "rights", "{error}");
        let ErrorKind::Lock(dbwarden::apply::lock::LockError::Rights { grant, .. }) = error.kind() else {
            panic!("{error:?}")
        };
        assert_eq!(grant, &format!("GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON `{name}`.* TO '{role_name}'@'%'"));
        assert!(tables(&database).is_empty() && database.rows("SELECT * FROM dbwarden_lock").is_empty());
        migrate(&database).unwrap();
        let status = dbwarden::ops::status::status(&mut deployment, &dbwarden::ops::status::StatusOptions::default()).unwrap();
        assert_eq!(status.pending_count, 0);
        assert_eq!(run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap().count(), 0);
        assert_eq!(database.lock_owner(), "");
    }

    fn statements_that_a_run_cannot_have_are_refused(database) {
        for statement in ["LOCK TABLES log WRITE", "XA START 'a'", "SET autocommit = 0", "SET completion_type = 1", "BEGIN;\nCREATE TABLE a (x INTEGER);\nCOMMIT"] {
            database.write(&[LOG, ("0002_a.sql", &format!("{statement};\n"))]);
            assert_eq!(code(migrate(&database)), "transaction", "{statement}");
            assert!(tables(&database).is_empty());
        }
    }

    fn ways_to_the_server(database) {
        let (server, name) = (testkit::server::mariadb(), database.owned().name());
        database.write(&[LOG]);
        let tries = |url: &str| {
            let mut deployment = deployment(&database);
            deployment.settings.url = url.parse().unwrap();
            run(&mut deployment, &MigrateOptions::default(), &mut Silent).map(|_| ())
        };
        let with = |setting: &str| server.with_setting(setting).url(name);
        tries(&server.url(name)).unwrap();
        if let (Some(ca_file), Some(folder)) = (server.ca_file(), server.socket_folder()) {
            let ca = ca_file.display();
            tries(&with(&format!("ssl-mode=verify-identity&ssl-ca={ca}"))).unwrap();
            tries(&with(&format!("sslmode=verify-full&sslrootcert={ca}"))).unwrap();
            tries(&with("ssl-mode=REQUIRED")).unwrap();
            // Nobody that the machine trusts has signed it.
            assert_eq!(code(tries(&with("ssl-mode=verify-ca"))), "open");
            let socket = folder.join("socket").display().to_string();
            tries(&with(&format!("socket={socket}"))).unwrap();
        }
        assert_eq!(code(tries(&with("ssl-mode=perhaps"))), "open");
        assert_eq!(code(tries(&server.url("nowhere_at_all"))), "open");
        let role = server.role("key");
        database.owned().give_to(&role);
        let login = if server.try_shell("", "INSTALL SONAME 'auth_ed25519'").is_ok()
            || !server.shell("", "SELECT plugin_name FROM information_schema.plugins WHERE plugin_name = 'ed25519'").is_empty()
        {
            "ed25519"
        } else {
            "mysql_native_password"
        };
        let (role_name, password) = (role.name(), role.password());
        server.shell("", &format!("ALTER USER '{role_name}'@'%' IDENTIFIED VIA {login} USING PASSWORD('{password}')"));
        tries(&server.url_as(&role, name)).unwrap();
        server.shell("", &format!("ALTER USER '{role_name}'@'%' IDENTIFIED BY 'another'"));
        let error = tries(&server.url_as(&role, name)).unwrap_err();
        assert_eq!(error.code(), "open");
        assert!(!error.to_string().contains(password), "{error}");
    }

    /// Whether our own row stood behind a commit or before it, when it met a lock, the answer to a packet does not say.
    fn rows_before_a_row_of_ours_that_is_locked_are_not_run_twice(database) {
        let text = "-- lock_timeout: 1s\nCREATE TABLE a (x INTEGER);\nINSERT INTO log (what) VALUES ('2');\nALTER TABLE a ADD COLUMN y INTEGER;\n";
        database.write(&[LOG]);
        migrate(&database).unwrap();
        database.write(&[("0002_a.sql", text)]);
        let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
        let mut deployment = deployment(&database);
        deployment.points = Some(at("begun", 1, move || {
            let (server, name) = (server.clone(), name.clone());
            std::thread::spawn(move || {
                let row = "START TRANSACTION; INSERT INTO dbwarden_journal (version, direction, `first`, `count`, hash, state, started_at, \
                           run_id, summary) VALUES ('0002', 'up', 3, 1, '', 'begun', '', '', ''); DO SLEEP(3); ROLLBACK";
                server.try_shell(&name, row).ok();
            });
            std::thread::sleep(Duration::from_millis(700));
        }));
        let error = run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
        assert_eq!((error.code(), step(&error).kept), ("busy", Kept::Statements(2)), "{error}");
        std::thread::sleep(Duration::from_secs(3));
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["2"]);
        assert_eq!(database.rows("SHOW COLUMNS FROM a").len(), 2);
        assert_eq!(database.journalled(), 0);
    }
}
