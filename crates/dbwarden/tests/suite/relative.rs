//! So many migrations, counted from where the database was when it was asked.

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use dbwarden::apply::hooks::{Hook, HookOutcome, Moment};
use dbwarden::apply::run::Silent;
use dbwarden::ops::migrate::{MigrateOptions, migrate as run};
use dbwarden::ops::rollback::{RollbackOptions, rollback as back};
use testkit::on_every_database;

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

on_every_database! {
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
