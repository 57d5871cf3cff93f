//! What services and programs ask of the library beside the verbs: a start with a probe, health, the list of migrations.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dbwarden::Migrator;
use dbwarden::apply::run::Event;
use dbwarden::migration::rust::RustMigration;
use dbwarden::ops::rollback::RollbackOptions;
use dbwarden::ops::stamp::{Stamp, StampOptions};
use dbwarden::startup::{Probe, Startup};
use testkit::{Database, on_every_database};

use crate::{LOG, log, settings};

fn migrator(database: &Database) -> dbwarden::Builder<'static> {
    Migrator::with_settings(settings(database)).directory(database.migrations())
}

on_every_database! {
    fn many_instances_start_at_once_and_each_becomes_ready(database) {
        database.write(&[LOG, ("0002_slow.sql", "INSERT INTO log (what) VALUES ('once');\n")]);
        let applied = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let probe = Probe::new();
                    assert_eq!((probe.state(), probe.is_ready(), probe.is_alive(Duration::from_secs(60))), (Startup::Begun, false, true));
                    let mut migrator = migrator(&database).build().unwrap();
                    *applied.lock().unwrap() += migrator.start(&probe).unwrap().count();
                    assert!(probe.is_ready() && probe.is_alive(Duration::ZERO), "{:?}", probe.state());
                });
            }
        });
        assert_eq!((*applied.lock().unwrap(), log(&database)), (2, vec!["once".to_owned()]));
    }

    fn a_probe_says_what_is_under_way_and_what_failed(database) {
        database.write(&[LOG, ("0002_wrong.sql", "INSERT INTO nowhere VALUES (1);\n")]);
        let (probe, seen) = (Probe::new(), Arc::new(Mutex::new(Vec::new())));
        let (watched, states) = (probe.clone(), Arc::clone(&seen));
        let mut migrator = migrator(&database)
            .on_event(move |event: &Event<'_>| {
                if matches!(event, Event::StatementStarted { .. }) {
                    states.lock().unwrap().push(watched.state());
                }
            })
            .build()
            .unwrap();
        migrator.start(&probe).unwrap_err();
        let first = Startup::Migrating { version: "0001".into(), statement: 1, of: 1 };
        assert_eq!(seen.lock().unwrap().first(), Some(&first));
        assert!(matches!(probe.state(), Startup::Failed { code: "sql", .. }), "{:?}", probe.state());
        assert!(!probe.is_ready() && !probe.is_alive(Duration::from_secs(60)));
    }

    fn tables_are_made_before_anything_is_applied(database) {
        database.write(&[LOG]);
        let mut migrator = migrator(&database).build().unwrap();
        let before = migrator.health();
        assert!(before.is_healthy() && before.pending == 1, "{before:?}");
        migrator.initialize().unwrap();
        migrator.initialize().unwrap();
        assert_eq!((database.versions().len(), database.lock_owner()), (0, String::new()));
        migrator.migrate().unwrap();
        let after = migrator.health();
        assert!(after.is_healthy() && after.pending == 0 && after.current == ["0001".into()], "{after:?}");
        database.write(&[(LOG.0, "CREATE TABLE another (id INTEGER);\n")]);
        let changed = migrator.health();
        assert!(changed.reachable && !changed.is_healthy(), "{changed:?}");
        assert_eq!(changed.problems, ["0001 was changed"]);
    }

    fn a_program_in_production_undoes_nothing_unless_somebody_agreed(database) {
        database.write(&[LOG]);
        let mut migrator = migrator(&database).environment("production").build().unwrap();
        migrator.migrate().unwrap();
        assert_eq!(migrator.rollback().unwrap_err().code(), "protected");
        assert_eq!(migrator.stamp("base").unwrap_err().code(), "protected");
        assert_eq!(database.versions(), ["0001"]);
        let stamp = Stamp::Exactly("base".parse().unwrap());
        migrator.stamp_with(&StampOptions { stamp, dry_run: false, agreed: true }).unwrap();
        assert_eq!(database.versions().len(), 0);
        let stamp = Stamp::Exactly("head".parse().unwrap());
        migrator.stamp_with(&StampOptions { stamp, dry_run: false, agreed: true }).unwrap();
        migrator.rollback_with(&RollbackOptions { agreed: true, ..RollbackOptions::default() }).unwrap();
        assert_eq!(database.versions().len(), 0);
    }

    fn migrations_are_made_once_and_listed_with_their_scripts(database) {
        database.write(&[]);
        let migrator = migrator(&database)
            .rust(RustMigration::new("0099", "in rust", |_| Ok(())))
            .build()
            .unwrap();
        std::fs::create_dir_all(database.migrations()).unwrap();
        let (up, down) = ("CREATE TABLE users (id INTEGER);", "DROP TABLE users;");
        let first = migrator.create_with("create users table", up, Some(down)).unwrap();
        let again = migrator.create_with("create users table", "CREATE TABLE users\n  (id INTEGER)", Some("DROP TABLE users")).unwrap();
        assert_eq!((first.existed, again.existed, &first.version), (false, true, &again.version));
        let other = migrator.create_with("create users table", up, None).unwrap();
        assert!(!other.existed && other.version != first.version);
        let all = migrator.migrations().unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!((all[0].up.as_deref(), all[0].down.as_deref(), all[0].reversible), (Some(up), Some(down), true));
        assert_eq!((all[2].up.as_deref(), all[2].description.as_str(), all[2].reversible), (None, "in rust", false));
    }
}

#[test]
fn who_does_not_answer_is_not_healthy() {
    let mut migrator = Migrator::builder("postgresql://u:hidden@127.0.0.1:1/db?connect_timeout=2")
        .texts([])
        .build()
        .unwrap();
    let health = migrator.health();
    assert!(!health.reachable && !health.is_healthy());
    assert!(!format!("{health:?}").contains("hidden"), "{health:?}");
}
