//! So many migrations, counted from where the database was when it was asked.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use dbwarden::apply::hooks::{Hook, HookOutcome, Moment};
use dbwarden::apply::run::Silent;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::rollback::{RollbackOptions, rollback as back};
use dbwarden::ops::stamp::{Stamp, StampOptions, stamp as stamp_with};
use testkit::{Database, on_every_database};

use crate::stamps::{exactly, stamp};
use crate::{LOG, deployment, log, migrate, migrate_to, rollback, steps};

/// Says that it holds the lock, and rests.
struct Slow(Sender<()>);

impl Hook for Slow {
    fn before(&self, _: &mut Moment<'_>) -> HookOutcome {
        self.0.send(()).ok();
        std::thread::sleep(Duration::from_millis(700));
        Ok(())
    }
}

const SECOND: (&str, &str) = (
    "0002_two.sql",
    "INSERT INTO log (what) VALUES ('2');\n-- rollback\nDELETE FROM log WHERE what = '2';\n",
);
const THIRD: (&str, &str) = (
    "0003_three.sql",
    "INSERT INTO log (what) VALUES ('3');\n-- rollback\nDELETE FROM log WHERE what = '3';\n",
);

const ON_CHANGE: (&str, &str) = ("ROC__more.sql", "INSERT INTO log (what) VALUES ('on change');\n");

/// Runs `then` while a run that was asked before it, `migrate -c 1`, has the lock; returns what each came to.
fn behind_one<T: Send>(database: &Database, then: impl FnOnce() -> T) -> T {
    let (tell, told) = channel();
    let mut first = deployment(database);
    first.hooks.push(Arc::new(Slow(tell)));
    let one = MigrateOptions { count: Some(1), ..MigrateOptions::default() };
    std::thread::scope(|scope| {
        let first = scope.spawn(|| run(&mut first, &one, &mut Silent).unwrap());
        told.recv().unwrap();
        let came_to = then();
        assert_eq!(first.join().unwrap().count(), 1);
        came_to
    })
}

on_every_database! {
    fn who_waits_with_a_repeatable_runs_it_when_nothing_stays_pending(database) {
        database.write(&[LOG, SECOND, THIRD, ON_CHANGE]);
        migrate_to(&database, "0001").unwrap();
        let one = MigrateOptions { count: Some(1), ..MigrateOptions::default() };
        let second = behind_one(&database, || run(&mut deployment(&database), &one, &mut Silent).unwrap());
        assert!(steps(&second).is_empty(), "0003 stays pending");
        assert_eq!(second.notes.len(), 1);
        assert!(second.notes[0].starts_with("0002: applied meanwhile, by "), "{:?}", second.notes);
        assert_eq!(log(&database), ["2"]);
        let last = run(&mut deployment(&database), &one, &mut Silent).unwrap();
        assert_eq!(steps(&last), ["0003", "ROC__more"]);
    }

    fn who_waits_stamps_what_it_meant_and_no_more(database) {
        database.write(&[LOG, SECOND, THIRD]);
        migrate_to(&database, "0001").unwrap();
        let second = behind_one(&database, || stamp(&database, exactly("+1")).unwrap());
        assert_eq!(second.count(), 0, "{:?}", second.steps);
        assert!(second.notes[0].starts_with("0002: applied meanwhile, by "), "{:?}", second.notes);
        assert_eq!(database.versions(), ["0001", "0002"]);
        rollback(&database).unwrap();
        let second = behind_one(&database, || stamp(&database, Stamp::Add("+1".to_owned())).unwrap());
        assert_eq!(second.count(), 0, "{:?}", second.steps);
        assert_eq!(database.versions(), ["0001", "0002"]);
        assert_eq!(database.lock_owner(), "");
    }

    fn two_who_stamp_one_back_take_one_row(database) {
        for back in [exactly("-1"), Stamp::Remove("-1".to_owned())] {
            database.write(&[LOG, SECOND, THIRD]);
            stamp(&database, exactly("base")).unwrap();
            stamp(&database, exactly("head")).unwrap();
            let (kept, gone) = if matches!(back, Stamp::Remove(_)) { ("0003", "0002") } else { ("0002", "0003") };
            // Both have looked before either has the lock.
            let (looked, all) = (Arc::new(Barrier::new(2)), Arc::new(std::sync::Mutex::new(Vec::new())));
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    let (looked, all, back, database) = (Arc::clone(&looked), Arc::clone(&all), back.clone(), &database);
                    scope.spawn(move || {
                        let mut deployment = deployment(database);
                        deployment.points = Some(Arc::new(move |point| {
                            if point == "history-read" {
                                looked.wait();
                            }
                        }));
                        let options = StampOptions { stamp: back, dry_run: false, agreed: false };
                        let report = stamp_with(&mut deployment, &options, &mut Silent).unwrap();
                        all.lock().unwrap().push((report.count(), report.notes));
                    });
                }
            });
            let mut all = all.lock().unwrap().clone();
            all.sort();
            let note = format!("{gone}: taken out of the records by another run meanwhile");
            assert_eq!(all, [(0, vec![note]), (1, Vec::new())]);
            assert_eq!(database.versions(), ["0001", kept]);
        }
    }

    fn thirty_two_who_ask_for_one_apply_one(database) {
        database.write(&[LOG]);
        let looked = Arc::new(Barrier::new(32));
        let counts: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..32)
                .map(|_| {
                    let (looked, database) = (Arc::clone(&looked), &database);
                    scope.spawn(move || {
                        let mut deployment = deployment(database);
                        deployment.points = Some(Arc::new(move |point| {
                            if point == "history-read" {
                                looked.wait();
                            }
                        }));
                        let one = MigrateOptions { count: Some(1), ..MigrateOptions::default() };
                        run(&mut deployment, &one, &mut Silent).unwrap().count()
                    })
                })
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(counts.iter().sum::<usize>(), 1, "{counts:?}");
        assert_eq!((database.versions(), database.lock_owner()), (vec!["0001".to_owned()], String::new()));
    }

    fn what_came_between_keeps_a_count_from_meaning_something_else(database) {
        database.write(&[LOG, SECOND, THIRD]);
        migrate_to(&database, "0002").unwrap();
        let options = RollbackOptions::default();
        let error = behind_one(&database, || back(&mut deployment(&database), &options, &mut Silent).unwrap_err());
        assert_eq!(error.to_string(), "another run applied 0003 above 0002 meanwhile: nothing was changed");
        assert_eq!(database.versions(), ["0001", "0002", "0003"]);
        assert_eq!(database.lock_owner(), "");
    }

    fn who_waits_undoes_what_it_meant_and_no_more(database) {
        database.write(&[LOG, SECOND, THIRD]);
        migrate(&database).unwrap();
        let (tell, told) = channel();
        let mut first = deployment(&database);
        first.hooks.push(Arc::new(Slow(tell)));
        std::thread::scope(|scope| {
            let first = scope.spawn(move || back(&mut first, &RollbackOptions::default(), &mut Silent).unwrap());
            told.recv().unwrap();
            let second = rollback(&database).unwrap();
            assert_eq!(steps(&first.join().unwrap()), ["0003"]);
            assert_eq!(second.count(), 0);
            assert!(second.notes.contains(&"0003: undone by another run meanwhile".to_owned()), "{:?}", second.notes);
        });
        assert_eq!((database.versions(), log(&database)), (vec!["0001".to_owned(), "0002".to_owned()], vec!["2".to_owned()]));
        assert_eq!(steps(&rollback(&database).unwrap()), ["0002"]);
    }

    fn who_waits_applies_what_was_next_and_no_more(database) {
        database.write(&[LOG, SECOND, THIRD]);
        migrate_to(&database, "0001").unwrap();
        let (tell, told) = channel();
        let mut first = deployment(&database);
        first.hooks.push(Arc::new(Slow(tell)));
        let one = MigrateOptions { count: Some(1), ..MigrateOptions::default() };
        std::thread::scope(|scope| {
            let first = scope.spawn(|| run(&mut first, &one, &mut Silent).unwrap());
            told.recv().unwrap();
            assert_eq!(run(&mut deployment(&database), &one, &mut Silent).unwrap().count(), 0);
            assert_eq!(steps(&first.join().unwrap()), ["0002"]);
        });
        assert_eq!(log(&database), ["2"]);
    }
}
