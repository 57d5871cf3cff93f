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

    fn a_panic_is_a_start_that_failed(database) {
        database.write(&[LOG]);
        let probe = Probe::new();
        let mut migrator = migrator(&database)
            .on_event(|event: &Event<'_>| assert!(!matches!(event, Event::StatementStarted { .. }), "a bad day"))
            .build()
            .unwrap();
        let start = std::panic::AssertUnwindSafe(|| migrator.start(&probe));
        std::panic::catch_unwind(start).unwrap_err();
        assert!(matches!(probe.state(), Startup::Failed { code: "panicked", .. }), "{:?}", probe.state());
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
        for (up, down) in [("SELECT 1;\n-- DOWN\nSELECT 2;", None), ("SELECT 1", Some("SELECT 2;\n-- upgrade\nSELECT 3"))] {
            let error = migrator.create_with("two in one", up, down).unwrap_err();
            let marker = if down.is_none() { "-- DOWN" } else { "-- upgrade" };
            assert_eq!(error.to_string(), format!("the comment `{marker}` in the SQL divides a migration"));
        }
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

#[cfg(feature = "tokio")]
mod of_the_async_face {
    use testkit::on_postgres;

    use super::{Duration, LOG, log, migrator};

    on_postgres! {
        fn a_handle_cancels_whatever_is_run(database) {
            database.write(&[LOG, ("0002_long.sql", "INSERT INTO log (what) VALUES ('lost'), (pg_sleep(600)::text);\n")]);
            let inner = migrator(&database).build().unwrap();
            let before = inner.cancel_handle();
            let migrator = dbwarden::asynchronous::Migrator::from(inner);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            assert_eq!(runtime.block_on(migrator.pending()).unwrap().len(), 2);
            let asleep = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
            let ran = std::thread::scope(|scope| {
                scope.spawn(|| {
                    while database.one(asleep) != "1" {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    before.cancel();
                });
                runtime.block_on(migrator.migrate())
            });
            assert_eq!(ran.unwrap_err().code(), "interrupted");
            assert_eq!((database.one(asleep).as_str(), log(&database), database.lock_owner()), ("0", Vec::new(), String::new()));
            // For good, as that of the blocking face.
            assert!(migrator.cancel_handle().is_cancelled());
            assert_eq!(runtime.block_on(migrator.migrate()).unwrap_err().code(), "interrupted");
        }
    }
}
