//! The lock from inside one process: a live holder keeps it, a lost one commits nothing.

use std::sync::Arc;
use std::time::Duration;

use dbwarden::apply::lock::{LockError, LockGuard, LockOptions, LockRow, read};
use dbwarden::apply::run::{Cancel, Event, Run, Silent, SystemClock};
use dbwarden::driver::{self, OpenOptions, Session};
use dbwarden::ops::lock::{Unlocked, lock_status, unlock};
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::project::DatabaseSettings;
use testkit::{Database, on_every_database};

use crate::{LOG, code, deployment, migrate, settings};

fn open_options(settings: &DatabaseSettings) -> OpenOptions {
    OpenOptions {
        create: true,
        foreign_keys: false,
        lock_timeout: Duration::from_secs(10),
        prelude: Vec::new(),
        schema: None,
        duckdb_library: settings.duckdb_library.clone(),
    }
}

fn session(settings: &DatabaseSettings) -> Box<dyn Session> {
    driver::open(&settings.url, &open_options(settings)).unwrap()
}

/// Runs `sql` in a session beside those that are open: no other process gets in beside us on DuckDB.
fn beside(database: &Database, sql: &str) {
    session(&settings(database)).execute(sql, &[]).unwrap();
}

/// Takes the lock as the run `id`, with a heartbeat.
fn acquire(database: &Database, id: &str, options: &LockOptions) -> Result<LockGuard<'static>, LockError> {
    let settings = settings(database);
    let records = Arc::new(deployment(database).dialect().unwrap().records(&settings.tables));
    let mut run = Run {
        id: id.to_owned(),
        clock: &SystemClock,
        cancel: Cancel::default(),
        observer: &mut Silent,
        points: None,
        who: format!("{id}@test"),
        next: None,
        meant: None,
    };
    LockGuard::acquire(
        session(&settings),
        records,
        options,
        Some((&settings.url, &open_options(&settings))),
        &mut run,
    )
}

fn quick(wait: u64) -> LockOptions {
    LockOptions {
        wait: Duration::from_millis(wait),
        lease: Duration::from_millis(2000),
        beat: Duration::from_millis(100),
    }
}

on_every_database! {
    fn a_holder_that_beats_keeps_it_for_many_leases(database) {
        let guard = acquire(&database, "first", &quick(1000)).unwrap();
        let LockError::Held { holder, .. } = acquire(&database, "second", &quick(5000)).unwrap_err() else { panic!("it is held") };
        assert_eq!(holder.unwrap().owner.user, "first");
        guard.release().unwrap();
        acquire(&database, "second", &quick(1000)).unwrap().release().unwrap();
    }

    fn a_dropped_guard_releases_it(database) {
        drop(acquire(&database, "first", &quick(1000)).unwrap());
        assert_eq!(database.lock_owner(), "");
        acquire(&database, "second", &quick(1000)).unwrap().release().unwrap();
    }

    fn a_token_is_never_given_twice(database) {
        let mut session = session(&settings(&database));
        let records = deployment(&database).dialect().unwrap().records(&settings(&database).tables);
        let mut last = 0;
        for _ in 0..5 {
            acquire(&database, "run", &quick(1000)).unwrap().release().unwrap();
            let LockRow::Free(token) = read(&mut *session, &records).unwrap() else { panic!("it is free") };
            assert!(token > last);
            last = token;
        }
    }

    fn a_holder_whose_token_is_gone_commits_nothing(database) {
        // Taken away while the first migration runs: between its begin and its commit nobody could, so before.
        database.write(&[LOG, ("0002_a.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
        let mut first = deployment(&database);
        let mut observer = |event: &Event<'_>| {
            if let Event::StepStarted { step } = event && step.id.as_str() == "0002" {
                beside(&database, "UPDATE dbwarden_lock SET token = token + 1, owner = NULL");
            }
        };
        let error = run(&mut first, &MigrateOptions::default(), &mut observer).unwrap_err();
        assert_eq!(error.code(), "lock-lost", "{error}");
        assert_eq!(database.versions(), ["0001"]);
        assert!(database.rows("SELECT * FROM log").is_empty());
        migrate(&database).unwrap();
    }

    fn what_failed_because_another_took_over_says_so(database) {
        database.write(&[LOG, ("0002_a.sql", "CREATE TABLE a (x INTEGER);\n")]);
        let mut first = deployment(&database);
        let mut observer = |event: &Event<'_>| {
            if let Event::StepStarted { step } = event && step.id.as_str() == "0002" {
                // What the other has done by the time this one goes on.
                beside(&database, "CREATE TABLE a (x INTEGER)");
                beside(&database, "UPDATE dbwarden_lock SET token = token + 1, owner = NULL");
            }
        };
        assert_eq!(code(run(&mut first, &MigrateOptions::default(), &mut observer)), "lock-lost");
    }

    fn nothing_pending_takes_no_lock_and_writes_nothing(database) {
        database.write(&[LOG]);
        migrate(&database).unwrap();
        let before = database.rows("SELECT * FROM dbwarden_migrations");
        let guard = acquire(&database, "first", &quick(1000)).unwrap();
        assert_eq!(migrate(&database).unwrap().count(), 0);
        guard.release().unwrap();
        assert_eq!(database.rows("SELECT * FROM dbwarden_migrations"), before);
    }

    fn status_and_unlock_of_a_free_lock(database) {
        database.write(&[LOG]);
        for _ in 0..2 {
            assert!(lock_status(&mut deployment(&database)).unwrap().holder.is_none());
            assert!(matches!(unlock(&mut deployment(&database), false, &mut Silent).unwrap(), Unlocked::Free));
            migrate(&database).unwrap();
        }
    }
}
