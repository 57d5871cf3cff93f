//! Migrations in Rust, beside those in SQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use dbwarden::apply::failure::Kept;
use dbwarden::apply::run::{Event, Silent};
use dbwarden::error::{Error, ErrorKind};
use dbwarden::migration::rust::RustMigration;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::rollback::{RollbackOptions, rollback as back};
use dbwarden::ops::{Deployment, Report};
use dbwarden::value::Value;
use testkit::{Database, on_every_database};

use crate::{LOG, code, deployment, log, status};

const USERS: (&str, &str) = (
    "0001_users.sql",
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40), full_name VARCHAR(80));\n\
     INSERT INTO users (id, name) VALUES (1, 'ada'), (2, 'o''hara'), (3, 'søren');\n\
     -- rollback\nDROP TABLE users;\n",
);

fn with(database: &Database, migrations: impl IntoIterator<Item = RustMigration>) -> Deployment<'static> {
    let mut deployment = deployment(database);
    deployment.rust = migrations.into_iter().collect();
    deployment
}

fn migrate(deployment: &mut Deployment<'_>) -> Result<Report, Error> {
    run(deployment, &MigrateOptions::default(), &mut Silent)
}

fn kept(error: &Error) -> Kept {
    match error.kind() {
        ErrorKind::Step { step, .. } => step.kept,
        other => panic!("{other:?}"),
    }
}

/// Copies each name, and says that it did.
fn names() -> RustMigration {
    RustMigration::new("0002", "fill full names", |work| {
        if !work.has_table("users")? || work.has_column("users", "no_such_column")? {
            return Err("there are no users".into());
        }
        for row in work.query("SELECT id, name FROM users ORDER BY id", &[])? {
            let name = Value::from(format!("{} the {}th", row.text(1), row.get(0)));
            let changed =
                work.execute("UPDATE users SET full_name = ? WHERE id = ?", &[name, row.get(0).clone()])?;
            assert_eq!(changed, 1);
        }
        work.says("all have a full name");
        Ok(())
    })
    .down(|work| {
        work.execute("UPDATE users SET full_name = NULL", &[])?;
        Ok(())
    })
}

/// Gives everybody who has none a full name, two at a time; fails before the `fails`th two.
fn batches(fails: usize) -> RustMigration {
    RustMigration::new("0002", "in batches", move |work| {
        for batch in 1.. {
            let next = work.query("SELECT id FROM users WHERE full_name IS NULL ORDER BY id LIMIT 2", &[])?;
            if next.is_empty() {
                return Ok(());
            }
            if batch == fails {
                return Err(format!("batch {batch} was to fail").into());
            }
            work.transaction(|work| {
                for row in &next {
                    work.execute("UPDATE users SET full_name = name WHERE id = ?", &[row.get(0).clone()])?;
                    work.execute("INSERT INTO log (what) VALUES (?)", &[row.get(0).to_string().into()])?;
                }
                Ok(())
            })?;
        }
        Ok(())
    })
    .without_transaction()
}

const FIRST: (&str, &str) = (
    "0001_users.sql",
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(40), full_name VARCHAR(80));\n\
     INSERT INTO users (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e');\n",
);
const SECOND: (&str, &str) = ("V0001.1__log.sql", LOG.1);

on_every_database! {
    fn code_stands_in_the_graph_between_files(database) {
        database.write(&[USERS, ("0003_check.sql", "DELETE FROM users WHERE full_name IS NULL;\n-- rollback\nDELETE FROM users WHERE id = 0;\n")]);
        let mut deployment = with(&database, [names()]);
        let mut said = Vec::new();
        let report = run(&mut deployment, &MigrateOptions::default(), &mut |event: &Event<'_>| {
            if let Event::Notice { notice } = event {
                said.push(notice.text.clone());
            }
        }).unwrap();
        assert_eq!(report.steps.iter().map(|step| step.version.as_str()).collect::<Vec<_>>(), ["0001", "0002", "0003"]);
        assert!(said.contains(&"all have a full name".to_owned()), "{said:?}");
        assert_eq!(database.rows("SELECT full_name FROM users ORDER BY id"), ["ada the 1th", "o'hara the 2th", "søren the 3th"]);
        let row = database.rows("SELECT description, checksum, statements FROM dbwarden_migrations WHERE version = '0002'");
        assert!(row[0].starts_with("fill full names|rust1:") && row[0].ends_with("|1"), "{row:?}");
        // Once is enough, and who does not have the code misses no file.
        assert_eq!(migrate(&mut with(&database, [names()])).unwrap().count(), 0);
        let without = status(&database);
        assert_eq!((without.gone.len(), without.ahead.len(), without.pending.len()), (0, 0, 0));
        let options = RollbackOptions { count: Some(2), ..RollbackOptions::default() };
        back(&mut with(&database, [names()]), &options, &mut Silent).unwrap();
        assert_eq!(database.rows("SELECT count(*) FROM users WHERE full_name IS NOT NULL"), ["0"]);
        assert_eq!(database.versions(), ["0001"]);
        assert_eq!(database.journalled(), 0);
    }

    fn code_that_fails_leaves_nothing(database) {
        database.write(&[USERS]);
        let fails = |how: &'static str| {
            RustMigration::new("0002", "fails", move |work| {
                work.execute("UPDATE users SET full_name = 'lost'", &[])?;
                match how {
                    "sql" => work.execute("UPDATE no_such_table SET x = 1", &[]).map(drop)?,
                    "code" => Err("three is too many")?,
                    // What the code makes of it changes nothing.
                    "hidden" => drop(work.transaction(|work| {
                        work.execute("UPDATE users SET full_name = 'inner'", &[])?;
                        Err::<(), _>("the part failed".into())
                    })),
                    _ => work.execute(how, &[]).map(drop)?,
                }
                Ok(())
            })
        };
        let all = [
            ("sql", "sql", "no_such_table"), ("code", "code", "three is too many"), ("hidden", "code", "the part failed"),
            ("COMMIT", "code", "the transaction of a migration in Rust"), ("SELECT 1; SELECT 2", "code", "one statement at a time"),
            ("-- nothing", "code", "one statement at a time"),
        ];
        for (how, expected, words) in all {
            let error = migrate(&mut with(&database, [fails(how)])).unwrap_err();
            assert_eq!((error.code(), kept(&error)), (expected, Kept::Nothing), "{how}: {error}");
            assert!(error.to_string().contains(words), "{how}: {error}");
            assert_eq!(database.rows("SELECT count(*) FROM users WHERE full_name IS NOT NULL"), ["0"], "{how}");
            assert_eq!((database.versions().len(), database.journalled(), database.lock_owner()), (1, 0, String::new()), "{how}");
        }
    }

    fn a_definition_in_code_is_as_atomic_as_the_engine_lets_it_be(database) {
        database.write(&[USERS]);
        let alters = |fails: bool| {
            RustMigration::new("0002", "adds a column", move |work| {
                work.run("ALTER TABLE users ADD COLUMN age INTEGER; CREATE TABLE other (x INTEGER);")?;
                if fails { Err("in the middle")? }
                Ok(())
            })
        };
        let error = migrate(&mut with(&database, [alters(true)])).unwrap_err();
        if database.commits_definitions() {
            assert!(error.to_string().contains("commits by itself or refuses a transaction here"), "{error}");
        } else {
            assert!(error.to_string().contains("in the middle"), "{error}");
        }
        assert_eq!(kept(&error), Kept::Nothing);
        migrate(&mut with(&database, [if database.commits_definitions() { alters(false).without_transaction() } else { alters(false) }])).unwrap();
        database.rows("SELECT age FROM users");
        database.rows("SELECT x FROM other");
        assert_eq!((database.versions().len(), database.journalled()), (2, 0));
    }

    fn batches_are_kept_and_what_is_left_is_done_by_the_next_run(database) {
        database.write(&[FIRST, SECOND]);
        let error = migrate(&mut with(&database, [batches(2)])).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), ("code", "batch 2 was to fail"));
        assert_eq!(kept(&error), Kept::Part { committed: 0, statement: 1, asks: false });
        assert_eq!(log(&database), ["1", "2"]);
        assert_eq!(database.rows("SELECT state, error FROM dbwarden_journal"), ["failed|batch 2 was to fail"]);
        let unfinished = &status(&database).unfinished;
        assert_eq!((unfinished.len(), unfinished[0].unfinished.version.as_str()), (1, "0002"));
        migrate(&mut with(&database, [batches(0)])).unwrap();
        assert_eq!(log(&database), ["1", "2", "3", "4", "5"]);
        assert_eq!((database.versions().len(), database.journalled(), database.lock_owner()), (3, 0, String::new()));
    }

    fn cancelled_between_batches_the_rest_is_done_by_the_next_run(database) {
        database.write(&[FIRST, SECOND]);
        let (tell, told) = channel();
        let slow = RustMigration::new("0002", "slow", move |work| {
            work.transaction(|work| Ok(work.execute("INSERT INTO log (what) VALUES ('once')", &[])?))?;
            tell.send(()).ok();
            while !work.is_stopped() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            work.transaction(|work| Ok(work.execute("INSERT INTO log (what) VALUES ('never')", &[])?)).ok();
            Ok(())
        })
        .without_transaction();
        let mut deployment = with(&database, [slow]);
        let cancel = deployment.cancel.clone();
        let ran = std::thread::scope(|scope| {
            let cancel = cancel.clone();
            scope.spawn(move || {
                told.recv().unwrap();
                cancel.cancel();
            });
            migrate(&mut deployment)
        });
        assert_eq!(code(ran), "interrupted");
        assert_eq!(log(&database), ["once"]);
        assert_eq!((database.versions().len(), database.lock_owner()), (2, String::new()));
        migrate(&mut with(&database, [batches(0)])).unwrap();
        assert_eq!(log(&database), ["once", "1", "2", "3", "4", "5"]);
    }

    fn who_lost_the_lock_commits_no_further_batch(database) {
        database.write(&[FIRST, SECOND]);
        let loses = RustMigration::new("0002", "loses the lock", |work| {
            work.execute("INSERT INTO log (what) VALUES ('before')", &[])?;
            work.execute("UPDATE dbwarden_lock SET token = token + 1", &[]).ok();
            work.execute("INSERT INTO log (what) VALUES ('behind')", &[]).ok();
            Ok(())
        })
        .without_transaction();
        assert_eq!(code(migrate(&mut with(&database, [loses]))), "lock-lost");
        assert_eq!(log(&database), ["before"]);
        assert_eq!(database.versions().len(), 2);
    }

    fn another_version_of_the_code_is_a_change(database) {
        database.write(&[USERS]);
        migrate(&mut with(&database, [names()])).unwrap();
        let error = migrate(&mut with(&database, [names().version("2")])).unwrap_err();
        assert_eq!(error.code(), "changed");
        let twice = names().headers(|headers| headers.seed = true);
        let error = migrate(&mut with(&database, [names(), twice])).unwrap_err();
        assert_eq!(error.code(), "duplicate-id");
        assert!(error.to_string().contains("suite/rust.rs:"), "{error}");
    }

    fn code_that_meets_nobody_is_called_once(database) {
        database.write(&[USERS]);
        assert_eq!(calls(&database), 1);
    }
}

/// Runs code that gives everybody a name, and returns how often it was called.
fn calls(database: &Database) -> usize {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let code = RustMigration::new("0002", "counts", move |work| {
        counted.fetch_add(1, Ordering::SeqCst);
        work.execute("UPDATE users SET full_name = 'x'", &[])?;
        Ok(())
    });
    migrate(&mut with(database, [code])).unwrap();
    assert_eq!(database.rows("SELECT count(*) FROM users WHERE full_name = 'x'"), ["3"]);
    calls.load(Ordering::SeqCst)
}

#[cfg(unix)]
mod conflicts {
    use super::*;

    testkit::on_scripted_cockroach! {
        fn code_that_met_a_conflict_is_run_anew(database) {
            database.write(&[USERS]);
            database.scripted().refuse("SET full_name = 'x'", 2, "40001", "restart transaction");
            assert_eq!(calls(&database), 3);
        }
    }
}
