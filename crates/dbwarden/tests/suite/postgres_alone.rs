//! What PostgreSQL alone has: statements that refuse a transaction, rows behind COPY, a server that goes on without us.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dbwarden::apply::failure::StepError;
use dbwarden::apply::run::{Event, Points, Resume, Silent};
use dbwarden::error::{Error, ErrorKind};
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::script::script;
use testkit::{Database, Loss, Proxy, on_postgres};

use crate::{LOG, code, deployment, log, migrate, migrate_with, steps};

/// Does something once, as a run passes `point` for the `time`th time.
fn at(point: &'static str, time: usize, act: impl Fn() + Send + Sync + 'static) -> Points {
    let (passed, done) = (std::sync::atomic::AtomicUsize::new(0), AtomicBool::new(false));
    Arc::new(move |now| {
        if now == point
            && passed.fetch_add(1, Ordering::SeqCst) + 1 == time
            && !done.swap(true, Ordering::SeqCst)
        {
            act();
        }
    })
}

/// Ends every other session in the database, as an administrator may.
fn end_sessions(database: &Database) -> impl Fn() + Send + Sync + 'static {
    let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
    move || {
        server.shell(
            "",
            &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
        );
    }
}

fn step(error: &Error) -> &StepError {
    match error.kind() {
        ErrorKind::Step { step, .. } => step,
        _ => panic!("{error}"),
    }
}

fn valid(database: &Database, index: &str) -> String {
    database.one(&format!("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{index}')"))
}

const ROWS: (&str, &str) =
    ("0002_rows.sql", "CREATE TABLE t (x integer);\nINSERT INTO t SELECT generate_series(1, 100);\n");
const INDEX: (&str, &str) = (
    "0003_index.sql",
    "INSERT INTO log (what) VALUES ('before');\nCREATE INDEX CONCURRENTLY t_x ON t (x);\nINSERT INTO log (what) VALUES ('after');\n",
);

on_postgres! {
    fn an_index_is_built_concurrently_in_the_middle_of_a_file(database) {
        database.write(&[LOG, ROWS, INDEX]);
        migrate(&database).unwrap();
        assert_eq!(valid(&database, "t_x"), "t");
        assert_eq!(log(&database), ["before", "after"]);
        assert_eq!(database.journalled(), 0);
    }

    fn an_index_that_a_failure_left_invalid_is_dropped_and_built_again(database) {
        let unique = INDEX.1.replace("CREATE INDEX", "CREATE UNIQUE INDEX");
        for name in ["t_x", "IF NOT EXISTS t_x"] {
            let database = Database::new(database.engine());
            database.write(&[LOG, ROWS, ("0003_index.sql", &unique.replace("t_x", name))]);
            migrate_with(&database, &MigrateOptions { count: Some(2), ..MigrateOptions::default() }).unwrap();
            database.execute("INSERT INTO t VALUES (7)");
            assert_eq!(code(migrate(&database)), "sql");
            assert_eq!(valid(&database, "t_x"), "f", "the failure leaves it");
            database.execute("DELETE FROM t WHERE x = 7");
            migrate(&database).unwrap();
            assert_eq!(valid(&database, "t_x"), "t", "{name}");
            assert_eq!(log(&database), ["before", "after"]);
            assert_eq!(database.journalled(), 0);
        }
    }

    fn a_statement_that_the_server_finished_without_us_is_not_run_again(database) {
        database.write(&[LOG, ROWS, INDEX]);
        let mut deployment = deployment(&database);
        // The third statement of the run that stands alone in its transaction is the index.
        deployment.points = Some(at("unit-begun", 1, {
            let server = database.owned().server().clone();
            let name = database.owned().name().to_owned();
            let end = end_sessions(&database);
            move || {
                server.shell(&name, "CREATE INDEX CONCURRENTLY t_x ON t (x)");
                end();
            }
        }));
        let error = run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
        assert_eq!(error.code(), "connection", "{error}");
        assert_eq!(database.journalled(), 2);
        let report = migrate(&database).unwrap();
        assert_eq!((steps(&report), report.steps[0].resumed_from), (vec!["0003"], 1));
        assert_eq!(valid(&database, "t_x"), "t");
        assert_eq!(log(&database), ["before", "after"]);
        assert_eq!(database.journalled(), 0);
    }

    fn what_nothing_tells_is_left_to_a_person(database) {
        let unnamed = INDEX.1.replace("CONCURRENTLY t_x ON", "CONCURRENTLY ON");
        database.write(&[LOG, ROWS, ("0003_index.sql", &unnamed)]);
        let mut deployment = deployment(&database);
        deployment.points = Some(at("unit-begun", 1, end_sessions(&database)));
        run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "doubtful", "{error}");
        assert!(error.to_string().contains("statement 2 of 0003"), "{error}");
        let skip = MigrateOptions { resume: Some(Resume::Skip), ..MigrateOptions::default() };
        migrate_with(&database, &skip).unwrap();
        assert_eq!(log(&database), ["before", "after"]);
        assert_eq!(database.one("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass"), "0");
    }

    fn a_statement_that_was_running_and_is_another_now_is_left_to_a_person(database) {
        for (resume, built) in [(Resume::Skip, "0"), (Resume::Retry, "1")] {
            let database = Database::new(database.engine());
            database.write(&[LOG, ROWS, INDEX]);
            let mut deployment = deployment(&database);
            deployment.points = Some(at("unit-begun", 1, end_sessions(&database)));
            run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap_err();
            // An index of that name would pass for the one that was under way.
            database.execute("CREATE INDEX t_y ON log (what)");
            let edited = INDEX.1.replace("t_x ON t (x)", "IF NOT EXISTS t_y ON t (x)");
            database.write(&[("0003_index.sql", &edited)]);
            let error = migrate(&database).unwrap_err();
            assert_eq!(error.code(), "doubtful", "{error}");
            assert!(error.to_string().contains("the file has another statement in its place now"), "{error}");
            database.execute("DROP INDEX t_y");
            migrate_with(&database, &MigrateOptions { resume: Some(resume), ..MigrateOptions::default() }).unwrap();
            assert_eq!(database.one("SELECT count(*) FROM pg_index WHERE indrelid = 't'::regclass"), built);
            assert_eq!(log(&database), ["before", "after"]);
            assert_eq!(database.journalled(), 0);
        }
    }

    fn a_commit_whose_answer_is_lost_counts(database) {
        let proxy = Proxy::before(([127, 0, 0, 1], database.owned().server().port()).into());
        let through = database.owned().server().through("127.0.0.1", proxy.port());
        database.write(&[LOG, ("0002_next.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
        migrate_with(&database, &MigrateOptions { count: Some(1), ..MigrateOptions::default() }).unwrap();
        let mut deployment = deployment(&database);
        deployment.settings.url = through.url(database.owned().name()).parse().unwrap();
        proxy.lose_answer_to("INTO log", Loss::Cut);
        let report = run(&mut deployment, &MigrateOptions::default(), &mut Silent).unwrap();
        assert_eq!(proxy.lost(), 1, "the answer was lost");
        assert_eq!(steps(&report), ["0002"]);
        assert_eq!(log(&database), ["2"]);
        assert_eq!(database.versions(), ["0001", "0002"]);
        assert_eq!(database.lock_owner(), "");
    }

    fn a_holder_that_was_followed_commits_nothing(database) {
        // In one packet, and statement by statement.
        for header in ["", "-- unless: table nowhere\n"] {
            let database = Database::new(database.engine());
            database.write(&[LOG, ("0002_next.sql", &format!("{header}INSERT INTO log (what) VALUES ('2');\n"))]);
            let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
            let mut deployment = deployment(&database);
            deployment.points = Some(at("begun", 2, move || {
                server.shell(&name, "UPDATE dbwarden_lock SET token = token + 1 WHERE name = 'holder'");
            }));
            assert_eq!(code(run(&mut deployment, &MigrateOptions::default(), &mut Silent)), "lock-lost");
            assert!(log(&database).is_empty(), "{header}");
            assert_eq!(database.versions(), ["0001"]);
        }
    }

    fn a_value_of_an_enum_is_committed_before_it_is_used(database) {
        database.write(&[
            ("0001_mood.sql", "CREATE TYPE mood AS ENUM ('sad');\nCREATE TABLE p (m mood);\n"),
            ("0002_ok.sql", "ALTER TYPE mood ADD VALUE 'ok';\nALTER TYPE mood ADD VALUE 'happy';\nINSERT INTO p VALUES ('happy');\n"),
        ]);
        migrate(&database).unwrap();
        assert_eq!(database.rows("SELECT m FROM p"), ["happy"]);
    }

    fn rows_behind_a_copy_are_sent(database) {
        let text = "CREATE TABLE c (a integer, b text);\nCOPY c (a, b) FROM stdin;\n1\tone\n2\t\\N\n\\.\nINSERT INTO c VALUES (3, 'x');\n";
        let long = format!("{text}COPY c (a, b) FROM stdin;\n{}\\.\n", "4\tmany\n".repeat(20_000));
        database.write(&[("0001_c.sql", text), ("0002_d.sql", &long.replace("TABLE c", "TABLE d").replace(" c ", " d "))]);
        migrate(&database).unwrap();
        assert_eq!(database.rows("SELECT a, b FROM c ORDER BY a"), ["1|one", "2|NULL", "3|x"]);
        assert_eq!(database.one("SELECT count(*) FROM d"), "20003");
        database.write(&[("0003_e.sql", "COPY c (a, b) FROM stdin;\n1\tone\nx\tbad\n\\.\n")]);
        assert_eq!(code(migrate(&database)), "sql");
        assert_eq!(database.one("SELECT count(*) FROM c"), "3");
        assert_eq!(database.lock_owner(), "");
    }

    fn rows_behind_a_copy_stand_in_the_script(database) {
        let text = "CREATE TABLE c (a integer, b text);\nCOPY c (a, b) FROM stdin;\n1\tone\n2\t\\N\n\\.\nINSERT INTO c VALUES (3, 'x');\n";
        database.write(&[("0001_c.sql", text), ("0002_d.sql", "-- no-transaction\nCOPY c (a, b) FROM stdin;\n4\tfour\n\\.\n")]);
        let mut out = Vec::new();
        script(&deployment(&database), &MigrateOptions::default(), None, &mut out).unwrap();
        database.owned().shell(&String::from_utf8(out).unwrap());
        assert_eq!(database.rows("SELECT a, b FROM c ORDER BY a"), ["1|one", "2|NULL", "3|x", "4|four"]);
        assert!(migrate(&database).unwrap().steps.is_empty());
    }

    fn what_a_file_sets_ends_with_it(database) {
        database.write(&[
            ("0001_a.sql", "SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.a (x integer, t text);\nINSERT INTO public.a VALUES (1, 'a\\');\n"),
            ("0002_b.sql", "CREATE TABLE b AS SELECT current_setting('search_path') AS path;\n"),
        ]);
        migrate(&database).unwrap();
        assert_eq!(database.rows("SELECT t FROM a"), ["a\\"]);
        assert_eq!(database.rows("SELECT path FROM b"), ["\"$user\", public"]);
    }

    fn another_session_in_the_way_is_waited_for_and_tried_again(database) {
        database.write(&[LOG]);
        migrate(&database).unwrap();
        database.write(&[("0002_alter.sql", "-- lock_timeout: 100ms\n-- retries: 30\nALTER TABLE log ADD COLUMN more integer;\n")]);
        let (server, name) = (database.owned().server().clone(), database.owned().name().to_owned());
        let thread = std::thread::spawn(move || {
            server.shell(&name, "BEGIN; LOCK TABLE log; SELECT pg_sleep(1); COMMIT;");
        });
        while database.one("SELECT count(*) FROM pg_locks WHERE relation = to_regclass('log') AND mode = 'AccessExclusiveLock' AND granted") != "1" {
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut retried = 0;
        let mut observer = |event: &Event<'_>| retried += u32::from(matches!(event, Event::Retrying { .. }));
        run(&mut deployment(&database), &MigrateOptions::default(), &mut observer).unwrap();
        thread.join().unwrap();
        assert!(retried > 0);
        assert_eq!(database.versions(), ["0001", "0002"]);
    }

    fn what_the_server_says_beside_is_passed_on(database) {
        database.write(&[("0001_a.sql", "DO $$ BEGIN RAISE NOTICE 'mind the gap'; END $$;\nCREATE TABLE a (x integer);\n")]);
        let mut said = Vec::new();
        let mut observer = |event: &Event<'_>| {
            if let Event::Notice { notice } = event {
                said.push(format!("{}: {}", notice.level, notice.text));
            }
        };
        run(&mut deployment(&database), &MigrateOptions::default(), &mut observer).unwrap();
        assert_eq!(said, ["NOTICE: mind the gap"]);
    }

    fn an_error_stands_where_the_server_says(database) {
        let text = "CREATE TABLE a (x integer);\nINSERT INTO a\n  VALUES ('é', nothing);\nSELECT 1;\n";
        for header in ["", "-- unless: table nowhere\n"] {
            database.write(&[("0001_a.sql", &format!("{header}{text}"))]);
            let error = migrate(&database).unwrap_err();
            let step = step(&error);
            let line = if header.is_empty() { 3 } else { 4 };
            let position = step.position.unwrap();
            assert_eq!((position.line, position.column, step.statement), (line, 16, 2), "{error}");
            assert_eq!(step.line.as_deref(), Some("  VALUES ('é', nothing);"));
        }
        // An error of the data has no place of its own: the statement's.
        database.write(&[("0001_a.sql", "CREATE TABLE a (x integer NOT NULL);\nINSERT INTO a VALUES (1);\n  INSERT INTO a VALUES (NULL);\n")]);
        let error = migrate(&database).unwrap_err();
        let position = step(&error).position.unwrap();
        assert_eq!((position.line, position.column), (3, 3));
        assert!(database.rows("SELECT * FROM a").is_empty());
    }

    fn tables_that_a_stranger_planted_are_refused(database) {
        let stranger = database.owned().server().role("stranger");
        database.write(&[LOG]);
        migrate(&database).unwrap();
        database.execute(&format!("ALTER TABLE dbwarden_migrations OWNER TO {}", stranger.name()));
        database.write(&[("0002_next.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
        assert_eq!(code(migrate(&database)), "stranger-owned");
        database.execute("ALTER TABLE dbwarden_migrations OWNER TO postgres");
        migrate(&database).unwrap();
        database.execute(
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\
             CREATE TRIGGER planted BEFORE INSERT ON dbwarden_migrations FOR EACH ROW EXECUTE FUNCTION f()",
        );
        database.write(&[("0003_next.sql", "INSERT INTO log (what) VALUES ('3');\n")]);
        assert_eq!(code(migrate(&database)), "planted-trigger");
    }
}
