//! Cancelling, statement timeouts, and other sessions that stand in the way.

use std::time::{Duration, Instant};

use dbwarden::Error;
use dbwarden::apply::run::{Event, Silent};
use dbwarden::ops::Report;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use testkit::{Database, Engine, Random, on_every_database, on_sqlite};

use crate::{LOG, code, deployment, log, migrate, status};

/// A statement that takes longer than anybody waits.
const ENDLESS: &str = "INSERT INTO log (what) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'never' FROM n WHERE i < 0;\n";

/// Runs, and cancels when the endless statement begins.
fn cancelled(database: &Database) -> Result<Report, Error> {
    let mut deployment = deployment(database);
    let cancel = deployment.cancel.clone();
    std::thread::scope(|scope| {
        let mut observer = |event: &Event<'_>| match event {
            Event::StatementStarted { text, .. } if text.contains("RECURSIVE") => {
                // In one packet with what stands before it: that it was sent does not say that it is reached.
                if database.engine() == Engine::Mariadb {
                    scope.spawn(|| {
                        wait_until_it_runs(database, "INSERT INTO log (what) WITH RECURSIVE");
                        cancel.cancel();
                    });
                } else {
                    cancel.cancel();
                }
            }
            _ => {}
        };
        run(&mut deployment, &MigrateOptions::default(), &mut observer)
    })
}

/// Waits until MariaDB works on a statement that begins so.
fn wait_until_it_runs(database: &Database, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let running = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND command = 'Query' AND info LIKE '{words}%'"
    );
    while database.one(&running) == "0" && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
}

on_every_database! {
    fn a_cancelled_run_rolls_back_and_releases_the_lock(database) {
        database.write(&[LOG, ("0002_long.sql", &format!("INSERT INTO log (what) VALUES ('lost');\n{ENDLESS}"))]);
        assert_eq!(code(cancelled(&database)), "interrupted");
        assert!(log(&database).is_empty());
        assert_eq!(database.versions(), ["0001"]);
        assert_eq!(database.lock_owner(), "");
        database.write(&[("0002_long.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["2"]);
    }

    fn a_cancelled_run_without_a_transaction_goes_on_where_it_stopped(database) {
        let text = format!("-- no-transaction\nINSERT INTO log (what) VALUES ('1');\n{ENDLESS}INSERT INTO log (what) VALUES ('3');\n");
        database.write(&[LOG, ("0002_long.sql", &text)]);
        assert_eq!(code(cancelled(&database)), "interrupted");
        assert_eq!(log(&database), ["1"]);
        let unfinished = &status(&database).unfinished[0];
        assert_eq!((unfinished.done, unfinished.total), (1, Some(3)));
        assert_eq!(unfinished.unfinished.units[1].error.as_deref(), Some("interrupted"));
        database.write(&[("0002_long.sql", &text.replace(ENDLESS, "INSERT INTO log (what) VALUES ('2');\n"))]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["1", "2", "3"]);
    }

    fn cancelled_at_any_moment_it_leaves_no_lock(database) {
        let mut random = Random::new(3);
        database.write(&[LOG]);
        migrate(&database).unwrap();
        let (mut done, mut interrupted) = (0, 0);
        for round in 2..40 {
            let text = "INSERT INTO log (what) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) \
                        SELECT 'once' FROM n WHERE i = 30000;\n";
            database.write(&[(&format!("{round:04}_next.sql"), text)]);
            let mut deployment = deployment(&database);
            let (cancel, delay) = (deployment.cancel.clone(), random.time_below(Duration::from_millis(25)));
            let thread = std::thread::spawn(move || {
                std::thread::sleep(delay);
                cancel.cancel();
            });
            match run(&mut deployment, &MigrateOptions::default(), &mut Silent) {
                Ok(report) => done += report.count(),
                Err(error) => {
                    assert_eq!(error.code(), "interrupted", "{error}");
                    done += error.report().map_or(0, Report::count);
                    interrupted += 1;
                }
            }
            thread.join().unwrap();
            assert_eq!(database.lock_owner(), "", "round {round}");
        }
        let rest = migrate(&database).unwrap().count();
        println!("{done} done, {interrupted} interrupted");
        assert_eq!(done + rest, 38);
        assert_eq!(log(&database).len(), 38);
    }

    fn cancelled_between_statements_of_their_own_nothing_is_done_twice(database) {
        let mut random = Random::new(7);
        // An UPDATE that is told to stop may say on MariaDB that it found no row.
        let pair = |n| format!("INSERT INTO log (what) VALUES ('{n}');\nUPDATE counted SET times = times + 1 WHERE id = {n};\n");
        let rows: String = (1..=75).map(pair).collect();
        let ids: Vec<_> = (1..=75).map(|n| format!("({n}, 0)")).collect();
        let counted = format!(
            "CREATE TABLE counted (id INTEGER PRIMARY KEY, times INTEGER);\nINSERT INTO counted VALUES {};\n", ids.join(", ")
        );
        database.write(&[LOG, ("0002_counted.sql", &counted)]);
        migrate(&database).unwrap();
        for round in 1..5 {
            database.write(&[(&format!("{:04}_rows.sql", round + 2), &format!("-- no-transaction\n{rows}"))]);
            loop {
                let mut deployment = deployment(&database);
                let (cancel, delay) = (deployment.cancel.clone(), random.time_below(Duration::from_millis(90)));
                // From the first statement on: to open a database may take longer than all of them.
                let (begins, begun) = std::sync::mpsc::channel();
                let thread = std::thread::spawn(move || {
                    begun.recv().ok();
                    std::thread::sleep(delay);
                    cancel.cancel();
                });
                let ran = run(&mut deployment, &MigrateOptions::default(), &mut |event: &Event<'_>| {
                    if matches!(event, Event::StatementStarted { .. }) {
                        begins.send(()).ok();
                    }
                });
                drop(begins);
                thread.join().unwrap();
                if let Err(error) = &ran {
                    assert_eq!(error.code(), "interrupted", "{error}");
                }
                if database.versions().len() == round + 2 {
                    break;
                }
            }
            let wrong = format!("SELECT what, count(*) FROM log GROUP BY what HAVING count(*) <> {round}");
            assert_eq!(database.rows(&wrong), [""; 0], "round {round}");
            let wrong = format!("SELECT id, times FROM counted WHERE times <> {round}");
            assert_eq!(database.rows(&wrong), [""; 0], "round {round}");
        }
        assert_eq!((database.journalled(), log(&database).len()), (0, 300));
    }

    fn a_statement_that_runs_too_long_is_ended(database) {
        database.write(&[LOG, ("0002_long.sql", &format!("-- statement_timeout: 200ms\nINSERT INTO log (what) VALUES ('lost');\n{ENDLESS}"))]);
        let error = migrate(&database).unwrap_err();
        assert_eq!(error.code(), "statement-timeout", "{error}");
        assert!(log(&database).is_empty());
        assert_eq!(database.lock_owner(), "");
        // The limit is the migration's own.
        database.write(&[
            ("0002_long.sql", "-- statement_timeout: 10min\nINSERT INTO log (what) VALUES ('2');\n"),
            ("0003_next.sql", "INSERT INTO log (what) VALUES ('3');\n"),
        ]);
        migrate(&database).unwrap();
        assert_eq!(log(&database), ["2", "3"]);
    }
}

on_sqlite! {
    fn a_writer_that_ends_in_time_is_waited_for(database) {
        database.write(&[LOG]);
        let other = database.connect();
        other.execute_batch("BEGIN IMMEDIATE; CREATE TABLE theirs (x INTEGER)").unwrap();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(600));
            other.execute_batch("COMMIT").unwrap();
        });
        migrate(&database).unwrap();
        thread.join().unwrap();
        assert_eq!(database.versions(), ["0001"]);
    }

    fn a_writer_that_does_not_end_is_named_busy(database) {
        database.write(&[LOG]);
        let other = database.connect();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut deployment = deployment(&database);
        deployment.lock.wait = Duration::from_millis(500);
        let started = Instant::now();
        assert_eq!(code(run(&mut deployment, &MigrateOptions::default(), &mut Silent)), "locked");
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        other.execute_batch("ROLLBACK").unwrap();
        migrate(&database).unwrap();
    }

    fn a_writer_in_the_middle_of_a_run_is_waited_for(database) {
        // It gets in between two migrations, when the lock is ours and the database is not.
        database.write(&[LOG, ("0002_next.sql", "-- lock_timeout: 100ms\n-- retries: 50\nINSERT INTO log (what) VALUES ('2');\n")]);
        let mut deployment = deployment(&database);
        let mut retried = 0;
        let mut thread = None;
        let mut observer = |event: &Event<'_>| match event {
            Event::StepStarted { step } if step.id.as_str() == "0002" => {
                let other = database.connect();
                other.execute_batch("BEGIN IMMEDIATE").unwrap();
                thread = Some(std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(500));
                    other.execute_batch("ROLLBACK").unwrap();
                }));
            }
            Event::Retrying { .. } => retried += 1,
            _ => {}
        };
        run(&mut deployment, &MigrateOptions::default(), &mut observer).unwrap();
        thread.unwrap().join().unwrap();
        assert!(retried > 0);
        assert_eq!(log(&database), ["2"]);
    }
}

mod told_to_stop {
    use super::*;

    /// Runs, and cancels while the server rests.
    fn interrupted_at_its_rest(database: &Database) -> Result<Report, Error> {
        let mut deployment = deployment(database);
        let cancel = deployment.cancel.clone();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                wait_until_it_runs(database, "DO SLEEP");
                cancel.cancel();
            });
            run(&mut deployment, &MigrateOptions::default(), &mut Silent)
        })
    }

    testkit::on_mysql! {
        fn what_the_server_passes_over_when_it_is_told_to_stop_is_not_recorded_as_done(database) {
            database.write(&[LOG]);
            migrate(&database).unwrap();
            for header in ["", "-- no-transaction\n"] {
                // MariaDB makes a warning of it.
                database.write(&[("0002_rest.sql", &format!("{header}INSERT INTO log (what) VALUES ('2');\nDO SLEEP(30);\n"))]);
                assert_eq!(code(interrupted_at_its_rest(&database)), "interrupted");
                assert_eq!(database.versions(), ["0001"]);
            }
            assert_eq!(log(&database), ["2"]);
        }

        fn a_call_that_was_told_to_stop_is_asked_for(database) {
            database.write(&[LOG, ("0002_procedure.sql", "CREATE PROCEDURE p() BEGIN DO SLEEP(30); INSERT INTO log (what) VALUES ('p'); END;\n")]);
            migrate(&database).unwrap();
            database.write(&[("0003_call.sql", "CALL p();\nINSERT INTO log (what) VALUES ('behind');\n")]);
            assert_eq!(code(interrupted_at_its_rest(&database)), "interrupted");
            assert_eq!(database.versions(), ["0001", "0002"]);
            assert_eq!(database.rows("SELECT state FROM dbwarden_journal"), ["begun"]);
            assert_eq!(code(migrate(&database)), "doubtful");
        }
    }
}
