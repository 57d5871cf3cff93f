//! Large tables: less blocking, batches, timing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use dbwarden::apply::run::{Clock, Event, SystemClock};
use dbwarden::asynchronous;
use dbwarden::migration::rust::RustMigration;
use testkit::Engine;

use super::stamped;
use crate::program::{awaits, columns, has_table, migrator, nullable};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    walk.anew();
    less_blocking(walk);
    walk.anew();
    in_batches(walk);
    at_night(walk);
    walk.anew();
    in_small_transactions(walk);
    walk.anew();
    measured(walk);
}

fn less_blocking(walk: &mut Walk) {
    stamped(walk);
    walk.runs("dbwarden migrate").exits(0);
    walk.database.execute(
        "INSERT INTO users (nickname, mail) VALUES ('ada', 'ada@example.org'), ('bob', 'bob@example.org')",
    );
    walk.does("`ADD COLUMN … BOOLEAN NOT NULL DEFAULT FALSE`", "the same");
    walk.sandbox.migration(
        "20230103140000_add_banned.sql",
        "ALTER TABLE users ADD COLUMN banned BOOLEAN NOT NULL DEFAULT FALSE;\n-- @UNDO\nALTER TABLE users DROP COLUMN banned;\n",
    );
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.rows("SELECT count(*) FROM users WHERE NOT banned"), ["2"]);
    let on_postgres = walk.does_on(
        Engine::Postgres,
        "`ADD COLUMN … BOOLEAN`, `UPDATE …`, `ALTER COLUMN … SET NOT NULL`",
        "the same, in one file or in three",
    );
    if on_postgres {
        walk.sandbox.migration(
            "20230104150000_add_checked.sql",
            "ALTER TABLE users ADD COLUMN checked BOOLEAN;\nUPDATE users SET checked = FALSE;\nALTER TABLE users ALTER COLUMN checked SET NOT NULL;\n\
             -- @UNDO\nALTER TABLE users DROP COLUMN checked;\n",
        );
        walk.runs("dbwarden migrate").exits(0);
        assert!(!nullable(walk, "users").contains(&"checked".to_owned()));
        walk.runs("dbwarden rollback").exits(0);
        walk.sandbox.remove("migrations/20230104150000_add_checked.sql");
    }
    walk.types("the same, in each engine's own words: the column", "dbwarden template add-column --table users --column mail_verified:boolean --write 'add mail verified'");
    walk.types("… its values", "dbwarden template data --up 'UPDATE users SET mail_verified = FALSE' --down 'UPDATE users SET mail_verified = NULL' --write 'fill mail verified'");
    walk.runs("dbwarden migrate").exits(0);
    assert!(nullable(walk, "users").contains(&"mail_verified".to_owned()));
    walk.types("… and then NOT NULL; on SQLite the table is made anew", "dbwarden template alter-column --table users --column mail_verified --not-null --write 'require mail verified'");
    walk.runs("dbwarden migrate").exits(0);
    assert!(!nullable(walk, "users").contains(&"mail_verified".to_owned()));
    assert_eq!(
        walk.database.rows("SELECT nickname FROM users WHERE NOT mail_verified ORDER BY nickname"),
        ["ada", "bob"]
    );
    walk.runs("dbwarden rollback -c 3").exits(0);
    assert_eq!(columns(walk, "users").last().unwrap(), "banned");
    assert_eq!(walk.database.rows("SELECT count(*) FROM users"), ["2"]);
}

/// A table of so many rows, by the engine's own means.
fn numbers(walk: &Walk, table: &str, column: &str, count: u32) -> String {
    match walk.engine() {
        Engine::Sqlite => format!(
            "INSERT INTO {table} ({column}) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             SELECT 'number ' || i FROM n;"
        ),
        _ => format!(
            "INSERT INTO {table} ({column}) SELECT 'number ' || i FROM generate_series(1, {count}) AS i;"
        ),
    }
}

fn in_batches(walk: &mut Walk) {
    let key = walk.database.key();
    walk.sandbox.migration(
        "0001_create_members.sql",
        format!(
            "CREATE TABLE members (id {key}, first_name TEXT, last_name TEXT DEFAULT 'of them', full_name TEXT);\n{}\n",
            numbers(walk, "members", "first_name", 2500)
        ),
    );
    walk.does(
        "a loop of `UPDATE …` with `LIMIT` and `OFFSET`, 1,000 rows at a time, that prints how far it is",
        "`RustMigration::new(…).without_transaction()`: each batch is committed, `work.says(…)` tells how far it is, and a run that was stopped goes on with \
         what is left",
    );
    let said = Arc::new(Mutex::new(Vec::new()));
    let (calls, heard) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&said));
    let fills = RustMigration::new("0002", "fill full names", move |work| {
        let left = "SELECT count(*) FROM members WHERE full_name IS NULL";
        let total =
            work.query("SELECT count(*) FROM members", &[])?[0].get(0).as_integer().unwrap_or_default();
        loop {
            let changed = work.execute(
                "UPDATE members SET full_name = first_name || ' ' || last_name WHERE id IN \
                 (SELECT id FROM members WHERE full_name IS NULL ORDER BY id LIMIT ?)",
                &[1000.into()],
            )?;
            if changed == 0 {
                return Ok(());
            }
            let left = work.query(left, &[])?[0].get(0).as_integer().unwrap_or_default();
            work.says(&format!("processed {} of {total}", total - left));
            // The first run is stopped behind its second batch.
            if calls.fetch_add(1, Ordering::SeqCst) == 1 {
                return Err("the power went out".into());
            }
        }
    })
    .without_transaction();
    let mut migrator = migrator(walk)
        .rust(fills)
        .on_event(move |event: &Event<'_>| {
            if let Event::Notice { notice } = event {
                heard.lock().unwrap().push(notice.text.clone());
            }
        })
        .build()
        .unwrap();
    let error = migrator.migrate().unwrap_err();
    assert!(error.to_string().contains("the power went out"), "{error}");
    assert_eq!(walk.database.rows("SELECT count(*) FROM members WHERE full_name IS NOT NULL"), ["2000"]);
    assert_eq!(walk.database.versions(), ["0001"]);
    assert_eq!(migrator.migrate().unwrap().count(), 1);
    assert_eq!(walk.database.rows("SELECT count(*) FROM members WHERE full_name IS NOT NULL"), ["2500"]);
    assert_eq!(walk.database.one("SELECT full_name FROM members WHERE id = 7"), "number 7 of them");
    let said = said.lock().unwrap();
    assert_eq!(*said, ["processed 1000 of 2500", "processed 2000 of 2500", "processed 2500 of 2500"]);

    walk.sandbox.migration(
        "0003_trim_names.sql",
        "-- batch: table=members key=id size=1000\nUPDATE members SET full_name = trim(full_name) WHERE id IN (:batch);\n",
    );
    walk.not_yet_in_file(
        "the same in SQL",
        "`-- batch: table=members key=id size=1000` before the statement",
        "dbwarden migrate",
    );
    walk.sandbox.remove("migrations/0003_trim_names.sql");
}

fn at_night(walk: &mut Walk) {
    walk.does(
        "3. schedule during low-traffic periods",
        "`safety.window = \"02:00-05:00 UTC\"` in the settings: outside of it `migrate` is refused, unless it is agreed to with `--yes`",
    );
    walk.sandbox.migration("0004_create_seats.sql", "CREATE TABLE seats (id INTEGER);\n");
    let hour = SystemClock.now().as_second() / 3600;
    let settings = walk.sandbox.read("warden.toml");
    let at = |hour: i64| {
        format!("{settings}safety.window = \"{:02}:00-{:02}:00 UTC\"\n", hour % 24, (hour + 3) % 24)
    };
    walk.sandbox.write("warden.toml", at(hour + 11));
    let ran = walk.runs("dbwarden migrate").exits(6);
    assert!(ran.err.contains("window") && !has_table(walk, "seats"), "{}", ran.transcript);
    walk.runs("dbwarden migrate --yes").exits(0);
    assert!(has_table(walk, "seats"));
    walk.sandbox.migration("0005_create_rows.sql", "CREATE TABLE seat_rows (id INTEGER);\n");
    walk.sandbox.write("warden.toml", at(hour + 23));
    walk.runs("dbwarden migrate").exits(0);
    assert!(has_table(walk, "seat_rows"));
}

fn in_small_transactions(walk: &mut Walk) {
    let key = walk.database.key();
    walk.sandbox.migration(
        "0001_create_jobs.sql",
        format!(
            "CREATE TABLE jobs (id {key}, name TEXT, processed BOOLEAN DEFAULT FALSE);\n{}\n",
            numbers(walk, "jobs", "name", 250)
        ),
    );
    walk.does(
        "lists of 100 ids, each with a `db.run_in_transaction(…)` of its own",
        "`ids.chunks(100)` and `work.transaction(|work| …)` in a `RustMigration` without a transaction of its own",
    );
    let chunks = |fails: usize| {
        RustMigration::new("0002", "process jobs", move |work| {
            let ids = work.query("SELECT id FROM jobs WHERE NOT processed ORDER BY id", &[])?;
            for (number, chunk) in ids.chunks(100).enumerate() {
                work.transaction(|work| {
                    for row in chunk {
                        work.execute("UPDATE jobs SET processed = TRUE WHERE id = ?", &[row.get(0).clone()])?;
                    }
                    if number == fails { Err("the chunk failed".into()) } else { Ok(()) }
                })?;
            }
            Ok(())
        })
        .without_transaction()
    };
    let processed = |walk: &Walk| walk.database.one("SELECT count(*) FROM jobs WHERE processed");
    let mut failing = migrator(walk).rust(chunks(1)).build().unwrap();
    failing.migrate().unwrap_err();
    assert_eq!(processed(walk), "100", "a chunk that fails leaves nothing of itself");
    assert_eq!(migrator(walk).rust(chunks(usize::MAX)).build().unwrap().migrate().unwrap().count(), 1);
    assert_eq!((processed(walk), walk.database.versions().len()), ("250".to_owned(), 2));
    walk.sandbox.migration(
        "0003_index_jobs.sql",
        "CREATE INDEX jobs_name ON jobs (name);\n-- @UNDO\nDROP INDEX jobs_name;\n",
    );
    let ran = walk.types("3. monitor the queries of a migration", "dbwarden -v migrate");
    assert!(
        ran.err.contains("CREATE INDEX jobs_name") || ran.out.contains("CREATE INDEX jobs_name"),
        "{}",
        ran.transcript
    );
}

fn measured(walk: &mut Walk) {
    let key = walk.database.key();
    walk.database.execute(&format!("CREATE TABLE test_users (id {key}, name TEXT)"));
    walk.database.execute(&numbers(walk, "test_users", "name", 10_000));
    walk.sandbox.migration(
        "0001_add_mail.sql",
        "ALTER TABLE test_users ADD COLUMN mail TEXT;\n-- @UNDO\nALTER TABLE test_users DROP COLUMN mail;\n",
    );
    walk.does(
        "the time that an `ALTER TABLE` takes on 10,000 rows",
        "`migrator.migrate().await?`: `report.duration_ms`, and for each migration `report.steps[0].duration_ms`, which is recorded too",
    );
    let migrator = asynchronous::Migrator::from(migrator(walk).build().unwrap());
    let started = Instant::now();
    let report = awaits(migrator.migrate()).unwrap();
    let whole = u64::try_from(started.elapsed().as_millis()).unwrap() + 1;
    assert!(report.steps[0].duration_ms <= report.duration_ms && report.duration_ms <= whole, "{report:?}");
    let recorded = awaits(migrator.applied()).unwrap()[0].duration_ms;
    // It is recorded in the same transaction, so a little before its end.
    assert!(u64::try_from(recorded).unwrap() <= whole, "{recorded} ms are recorded of {whole}");
    let ran = walk.types("the same, by a command", "dbwarden history");
    assert!(ran.out.contains(" ms "), "{}", ran.transcript);
    assert_eq!(walk.database.rows("SELECT count(*) FROM test_users WHERE mail IS NULL"), ["10000"]);
    walk.does(
        "`DROP TABLE test_users`",
        "the same; or a database for each test: `examples/service/tests/fresh.rs`",
    );
    walk.database.execute("DROP TABLE test_users");
}
