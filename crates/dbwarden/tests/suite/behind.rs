//! What changed while a run waited for the lock: the hour, the files, another run's half of a rollback.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use dbwarden::Error;
use dbwarden::apply::hooks::{Hook, HookOutcome, Moment};
use dbwarden::apply::run::{Clock, Silent};
use dbwarden::error::{ErrorKind, Refusal};
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::rollback::{RollbackOptions, rollback as back};
use dbwarden::ops::verify::verify;
use dbwarden::ops::{Deployment, Report};
use testkit::{Database, Engine, on_every_database};

use crate::{LOG, deployment, log, migrate, migrate_to, steps};

const SECOND: (&str, &str) = (
    "0002_two.sql",
    "INSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log WHERE what = '2';\n",
);
const THIRD: (&str, &str) = (
    "0003_three.sql",
    "INSERT INTO log (what) VALUES ('3');\n-- rollback\nDELETE FROM log WHERE what = '3';\n",
);

/// Says that it holds the lock, and rests.
struct Slow(Sender<()>);

impl Hook for Slow {
    fn before(&self, _: &mut Moment<'_>) -> HookOutcome {
        self.0.send(()).ok();
        std::thread::sleep(Duration::from_millis(900));
        Ok(())
    }
}

/// Runs `verb` behind a migration to 0002, which has the lock until it has waited; does `change` meanwhile.
fn behind(
    database: &Database,
    mut waits: Deployment<'static>,
    verb: impl FnOnce(&mut Deployment<'static>) -> Result<Report, Error> + Send,
    change: impl FnOnce(),
) -> Result<Report, Error> {
    let ((tell, told), (ask, asked)) = (channel(), channel());
    let mut first = deployment(database);
    first.hooks.push(Arc::new(Slow(tell)));
    let options = MigrateOptions { target: Some("0002".parse().unwrap()), ..MigrateOptions::default() };
    // It has looked, and waits.
    waits.points = Some(Arc::new(move |point| {
        if point == "session-locked" {
            ask.send(()).ok();
        }
    }));
    std::thread::scope(|scope| {
        let first = scope.spawn(move || run(&mut first, &options, &mut Silent).unwrap());
        told.recv().unwrap();
        let second = scope.spawn(move || verb(&mut waits));
        asked.recv().unwrap();
        change();
        assert_eq!(steps(&first.join().unwrap()), ["0002"]);
        second.join().unwrap()
    })
}

/// Three o'clock, and five once it is told so.
#[derive(Debug, Default)]
struct Later(AtomicBool);

impl Clock for Later {
    fn now(&self) -> jiff::Timestamp {
        let hour = if self.0.load(Ordering::SeqCst) { 5 } else { 3 };
        format!("2026-11-20T0{hour}:00:00Z").parse().unwrap()
    }
}

fn refusal(outcome: Result<Report, Error>) -> Refusal {
    let error = outcome.unwrap_err();
    match error.kind() {
        ErrorKind::Refused { refusal } => refusal.clone(),
        other => panic!("{other:?}"),
    }
}

on_every_database! {
    fn a_window_that_closes_meanwhile_is_closed(database) {
        database.write(&[LOG, SECOND, THIRD]);
        migrate_to(&database, "0001").unwrap();
        for down in [false, true] {
            let clock = Arc::new(Later::default());
            let mut waits = deployment(&database);
            waits.settings.safety.window = Some("02:00-04:00 UTC".parse().unwrap());
            waits.clock = Arc::<Later>::clone(&clock);
            let verb = |waits: &mut Deployment<'static>| if down {
                let base = Some("base".parse().unwrap());
                back(waits, &RollbackOptions { target: base, ..RollbackOptions::default() }, &mut Silent)
            } else {
                run(waits, &MigrateOptions::default(), &mut Silent)
            };
            let outcome = behind(&database, waits, verb, || clock.0.store(true, Ordering::SeqCst));
            assert!(matches!(refusal(outcome), Refusal::Window { .. }));
            assert_eq!((log(&database), database.lock_owner()), (vec!["2".to_owned()], String::new()));
            crate::rollback(&database).unwrap();
        }
    }

    fn a_breaking_file_that_comes_meanwhile_is_asked_about(database) {
        database.write(&[LOG, SECOND, THIRD]);
        migrate_to(&database, "0001").unwrap();
        let mut waits = deployment(&database);
        waits.settings.protected = true;
        let verb = |waits: &mut Deployment<'static>| run(waits, &MigrateOptions::default(), &mut Silent);
        let outcome = behind(&database, waits, verb, || {
            database.write(&[("0004_four.sql", "-- breaking: nobody reads the log any more\nDROP TABLE log;\n")]);
        });
        assert!(matches!(refusal(outcome), Refusal::Breaking { .. }));
        assert_eq!(log(&database), ["2"]);
    }

    fn a_file_that_goes_meanwhile_has_its_stored_script_read_first(database) {
        database.write(&[LOG, SECOND, THIRD]);
        migrate_to(&database, "0001").unwrap();
        let mut waits = deployment(&database);
        waits.settings.protected = true;
        let options = RollbackOptions {
            target: Some("base".parse().unwrap()),
            without_checks: true,
            ..RollbackOptions::default()
        };
        let verb = |waits: &mut Deployment<'static>| back(waits, &options, &mut Silent);
        let outcome = behind(&database, waits, verb, || {
            for (name, _) in [SECOND, THIRD] {
                database.remove(name);
            }
        });
        assert!(matches!(refusal(outcome), Refusal::RecordedScript { .. }));
        assert_eq!(log(&database), ["2"]);
    }
}

/// Runs `beside` while a rollback is in the middle of 0002.
fn in_the_middle_of_a_rollback<T: Send>(
    engine: Engine,
    beside: impl FnOnce(&Database) -> T,
) -> (Database, T) {
    let database = Database::new(engine);
    let down = "INSERT INTO log (what) VALUES ('back');\nDELETE FROM log WHERE what = '2';\n";
    let second = format!("-- no-transaction\nINSERT INTO log (what) VALUES ('2');\n-- rollback\n{down}");
    database.write(&[LOG, ("0002_two.sql", &second)]);
    migrate(&database).unwrap();
    let (tell, told) = channel();
    let mut first = deployment(&database);
    let tell = std::sync::Mutex::new(tell);
    first.points = Some(Arc::new(move |point| {
        if point == "committed" {
            tell.lock().unwrap().send(()).ok();
            std::thread::sleep(Duration::from_millis(900));
        }
    }));
    let came_to = std::thread::scope(|scope| {
        let first = scope.spawn(move || back(&mut first, &RollbackOptions::default(), &mut Silent).unwrap());
        told.recv().unwrap();
        let came_to = beside(&database);
        assert_eq!(steps(&first.join().unwrap()), ["0002"]);
        came_to
    });
    (database, came_to)
}

fn migrate_waits_for_a_rollback(engine: Engine) {
    let (database, report) = in_the_middle_of_a_rollback(engine, |database| migrate(database).unwrap());
    assert_eq!(steps(&report), ["0002"]);
    assert_eq!(log(&database), ["back", "2"]);
    assert_eq!(database.lock_owner(), "");
}

fn verify_says_that_a_run_is_under_way(engine: Engine) {
    let (database, found) =
        in_the_middle_of_a_rollback(engine, |database| verify(&mut deployment(database), None).unwrap());
    assert!(found.holds(), "{found:?}");
    let [finding] = &found.findings[..] else { panic!("{found:?}") };
    assert_eq!((finding.code, finding.problem), ("under-way", false));
    assert!(finding.message.starts_with("its rollback is under way, by "), "{}", finding.message);
    assert!(verify(&mut deployment(&database), None).unwrap().findings.is_empty());
}

#[test]
fn migrate_waits_for_a_rollback_on_sqlite() {
    migrate_waits_for_a_rollback(Engine::Sqlite);
}

#[test]
fn migrate_waits_for_a_rollback_on_postgres() {
    migrate_waits_for_a_rollback(Engine::Postgres);
}

#[test]
fn verify_says_that_a_run_is_under_way_on_sqlite() {
    verify_says_that_a_run_is_under_way(Engine::Sqlite);
}

#[test]
fn verify_says_that_a_run_is_under_way_on_postgres() {
    verify_says_that_a_run_is_under_way(Engine::Postgres);
}
