//! Good practice: what breaks is said, what was done is not done again, large tables.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dbwarden::apply::run::Event;
use dbwarden::migration::rust::RustMigration;
use testkit::Engine;

use super::{INDEXES, VERSIONS, project, revision};
use crate::program::{columns, indexes, migrator_of};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    project(walk);
    walk.not_yet(
        "1. small and focused, 2. tested thoroughly: what a look at the files can say of it",
        "dbwarden check",
    );
    breaking(walk);
    idempotent(walk);
    concurrently(walk);
    in_batches(walk);
}

fn breaking(walk: &mut Walk) {
    project(walk);
    let sql = match walk.engine() {
        Engine::Sqlite => "ALTER TABLE tokens RENAME COLUMN balance TO balance_msat;",
        _ => "ALTER TABLE tokens ALTER COLUMN balance TYPE BIGINT;",
    };
    revision(walk, "c3d4e5f6a7b8", INDEXES, "change_balance", sql, "SELECT 1;");
    let file = format!("{VERSIONS}/c3d4e5f6a7b8_change_balance.sql");
    let text = walk.sandbox.read(&file);
    walk.does(
        "3. a docstring that begins with `BREAKING:`, with the order of the deployment",
        "`-- breaking: TEXT`, and comments under it: `status` and the run show it, and on a protected database it wants `--yes`",
    );
    let said = "the application must know both before this runs";
    let order = "-- Deploy order: the application that handles both, this, then the one that handles the new one alone.\n";
    walk.sandbox.write(&file, format!("-- breaking: {said}\n{order}{text}"));
    let ran = walk.runs("dbwarden status").exits(0);
    assert!(ran.out.contains(said), "{}", ran.transcript);
    walk.sandbox.set("ENVIRONMENT", "production");
    let ran = walk.runs("dbwarden upgrade").exits(6);
    assert!(ran.err.contains(said) && walk.database.versions().is_empty(), "{}", ran.transcript);
    let ran = walk.runs("dbwarden upgrade --yes").exits(0);
    assert!(ran.out.contains(said) || ran.err.contains(said), "{}", ran.transcript);
    assert_eq!(walk.database.versions().len(), 3);
}

fn idempotent(walk: &mut Walk) {
    project(walk);
    let up = "-- unless: column tokens.new_column\nALTER TABLE tokens ADD COLUMN new_column TEXT;";
    revision(
        walk,
        "c3d4e5f6a7b8",
        INDEXES,
        "add_new_column",
        up,
        "ALTER TABLE tokens DROP COLUMN new_column;",
    );
    walk.does(
        "4. `op.add_column(…)` only where the inspector does not find the column",
        "`-- unless: column tokens.new_column` before the statement; in Rust `if !work.has_column(\"tokens\", \"new_column\")?`",
    );
    walk.runs("dbwarden upgrade f6e5d4c3b2a1").exits(0);
    walk.database.execute("ALTER TABLE tokens ADD COLUMN new_column TEXT");
    walk.runs("dbwarden upgrade").exits(0);
    walk.runs("dbwarden downgrade").exits(0);
    assert!(!columns(walk, "tokens").contains(&"new_column".to_owned()));
    walk.runs("dbwarden upgrade").exits(0);
    assert!(columns(walk, "tokens").contains(&"new_column".to_owned()));
    let in_rust = || {
        RustMigration::new("d4e5f6a7b8c9", "add in rust", |work| {
            for column in ["new_column", "newer_column"] {
                if !work.has_column("tokens", column)? {
                    work.run(&format!("ALTER TABLE tokens ADD COLUMN {column} TEXT"))?;
                }
            }
            Ok(())
        })
        .after(["c3d4e5f6a7b8"])
    };
    assert_eq!(migrator_of(walk, VERSIONS).rust(in_rust()).build().unwrap().migrate().unwrap().count(), 1);
    assert!(columns(walk, "tokens").contains(&"newer_column".to_owned()));
}

fn concurrently(walk: &mut Walk) {
    project(walk);
    walk.runs("dbwarden upgrade").exits(0);
    if walk.does_on(
        Engine::Postgres,
        "`op.create_index(…, postgresql_concurrently=True)`",
        "`dbwarden template add-index --table tokens --column note --concurrently`: `CREATE INDEX CONCURRENTLY`, which runs outside a transaction by itself",
    ) {
        let ran = walk.runs("dbwarden template add-index --table tokens --column note --concurrently --write 'index notes'").exits(0);
        let file = ran.out.lines().next().unwrap().to_owned();
        assert!(walk.sandbox.read(&file).contains("CREATE INDEX CONCURRENTLY"), "{}", ran.transcript);
        walk.runs("dbwarden upgrade").exits(0);
        assert_eq!(indexes(walk, "tokens"), ["ix_tokens_hash", "ix_tokens_note"]);
        walk.runs("dbwarden downgrade").exits(0);
        assert_eq!(indexes(walk, "tokens"), ["ix_tokens_hash"]);
    }
}

fn in_batches(walk: &mut Walk) {
    project(walk);
    let tokens = match walk.engine() {
        Engine::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) SELECT 'token ' || i FROM n"
        }
        _ => "SELECT 'token ' || i FROM generate_series(1, 2500) AS i",
    };
    let up = format!(
        "ALTER TABLE tokens ADD COLUMN processed BOOLEAN NOT NULL DEFAULT FALSE;\nINSERT INTO tokens (hash) {tokens};"
    );
    revision(
        walk,
        "c3d4e5f6a7b8",
        INDEXES,
        "add_processed",
        &up,
        "ALTER TABLE tokens DROP COLUMN processed;",
    );
    walk.does(
        "a loop of `UPDATE …` with `LIMIT 1000` until `rowcount` is 0, with a rest of 0.1 s",
        "a `RustMigration` `.without_transaction()`: `work.execute(…)?` returns how many rows it changed, and each call is committed",
    );
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let batches = RustMigration::new("d4e5f6a7b8c9", "process tokens", |work| {
        loop {
            let changed = work.execute(
                "UPDATE tokens SET processed = TRUE WHERE id IN (SELECT id FROM tokens WHERE NOT processed LIMIT 1000)",
                &[],
            )?;
            if changed == 0 || work.is_stopped() {
                return Ok(());
            }
            work.says(&format!("{changed} processed"));
            std::thread::sleep(Duration::from_millis(100));
        }
    })
    .after(["c3d4e5f6a7b8"])
    .without_transaction();
    let mut migrator = migrator_of(walk, VERSIONS)
        .rust(batches)
        .on_event(move |event: &Event<'_>| {
            if let Event::Notice { notice } = event {
                heard.lock().unwrap().push(notice.text.clone());
            }
        })
        .build()
        .unwrap();
    assert_eq!(migrator.migrate().unwrap().count(), 4);
    assert_eq!(walk.database.rows("SELECT count(*) FROM tokens WHERE processed"), ["2500"]);
    assert_eq!(*said.lock().unwrap(), ["1000 processed", "1000 processed", "500 processed"]);
    walk.sandbox.migration(
        "versions/e5f6a7b8c9d0_unprocess.sql",
        "-- down_revision: c3d4e5f6a7b8\n-- batch: table=tokens key=id size=1000 pause=100ms\n\
         UPDATE tokens SET processed = FALSE WHERE id IN (:batch);\n",
    );
    walk.not_yet_in_file(
        "the same in SQL",
        "`-- batch: table=tokens key=id size=1000 pause=100ms` before the statement",
        "dbwarden upgrade",
    );
}
