//! The async face. Its verbs are the blocking ones; its own is that a future which is dropped ends what it runs.

use std::time::Duration;

use dbwarden::apply::run::Event;
use dbwarden::asynchronous::Migrator;
use testkit::{Database, on_every_database};

use crate::{LOG, log, settings};

const LONG: &str = "INSERT INTO log (what) VALUES ('lost');\n\
    INSERT INTO log (what) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'never' FROM n WHERE i < 0;\n";

fn builder(database: &Database) -> dbwarden::Builder<'static> {
    dbwarden::Migrator::with_settings(settings(database)).directory(database.migrations())
}

on_every_database! {
    fn a_future_that_is_dropped_ends_its_run(database) {
        database.write(&[LOG, ("0002_long.sql", LONG)]);
        let (began, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let watched = builder(&database).on_event(move |event: &Event<'_>| {
            if matches!(event, Event::StatementStarted { text, .. } if text.contains("RECURSIVE")) {
                began.send(()).ok();
            }
        });
        let migrator = Migrator::from(watched.build().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let called = migrator.clone();
        let run = runtime.spawn(async move { called.migrate().await });
        runtime.block_on(begins.recv()).unwrap();
        // What was sent is not yet reached everywhere.
        std::thread::sleep(Duration::from_millis(500));
        run.abort();
        assert!(runtime.block_on(run).unwrap_err().is_cancelled());
        // The next call waits for the end of that run, and is not cancelled itself.
        assert_eq!(runtime.block_on(migrator.current()).unwrap(), ["0001".into()]);
        assert_eq!((log(&database), database.lock_owner()), (Vec::<String>::new(), String::new()));
        database.write(&[("0002_long.sql", "INSERT INTO log (what) VALUES ('2');\n")]);
        assert_eq!(runtime.block_on(migrator.migrate()).unwrap().count(), 1);
        assert_eq!(log(&database), ["2"]);
    }
}
