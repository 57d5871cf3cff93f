//! A holder of the lock is stopped, and wakes up when another has long taken over: it must commit nothing.
//!
//! A holder with an open transaction keeps every other writer out of SQLite: the engine itself sees to that. It finishes first.
//! On PostgreSQL its session is ended, and the transaction with it. On DuckDB the file is the holder's while it lives, stopped or
//! not: nobody takes it over, and whoever comes is told.

#![cfg(all(unix, debug_assertions))]

use std::time::Duration;

use testkit::{Database, Engine, Program};

const BINARY: &str = env!("CARGO_BIN_EXE_dbwarden");

/// Milliseconds; long enough that a busy machine does not make a live holder look dead between two beats.
const LEASE: u64 = 1500;

fn database(engine: Engine) -> Database {
    let database = Database::new(engine);
    let alone = match engine {
        Engine::Mariadb => "-- unless: table nowhere\nANALYZE TABLE log",
        Engine::Duckdb => "CHECKPOINT",
        _ => "VACUUM",
    };
    database.write(&[
        ("0001_log.sql", "CREATE TABLE log (what TEXT);\nINSERT INTO log VALUES ('1');\n"),
        (
            "0002_each.sql",
            &format!("-- no-transaction\nINSERT INTO log VALUES ('2a');\n{alone};\nINSERT INTO log VALUES ('2b');\n"),
        ),
        ("0003_table.sql", "CREATE TABLE a (x INTEGER);\nINSERT INTO log VALUES ('3');\n"),
    ]);
    database
}

fn once_each(database: &Database, at: &str) {
    assert_eq!(database.rows("SELECT what FROM log ORDER BY what"), ["1", "2a", "2b", "3"], "{at}");
    assert_eq!(database.versions(), ["0001", "0002", "0003"], "{at}");
    assert_eq!(database.journalled(), 0, "{at}");
    assert_eq!(database.lock_owner(), "", "{at}");
    assert!(!database.lock_file(), "{at}");
}

/// Stops a run at `point`, lets another come to its end, and wakes the first: it must end with one of `codes`.
fn taken_over(engine: Engine, point: &str, codes: &[i32]) {
    let database = database(engine);
    let program = Program::new(BINARY, &database).with_lease(LEASE);
    let paused = program.ending_at(format!("pause:{point}")).start(&["migrate"]);
    paused.wait_until_stopped();
    let other = program.run(&["migrate", "--lock-wait", "60s"]).expect(0);
    assert!(other.stdout.contains("at 0003 (head)"), "{point}: {}", other.stdout);
    let before = (database.snapshot(), database.rows("SELECT * FROM dbwarden_migrations"));
    if engine == Engine::Postgres {
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND application_name = 'dbwarden'";
        let left = if codes == [0] { ["0", "1"].as_slice() } else { &["0"] };
        assert!(left.contains(&database.one(sessions).as_str()), "{point}: the old session has ended");
    }
    paused.go_on();
    let woken = paused.finish();
    assert!(
        woken.code.is_some_and(|code| codes.contains(&code)),
        "{point}: {:?}\n{}",
        woken.code,
        woken.stderr
    );
    if !woken.succeeded() {
        assert!(woken.stderr.contains("error[lock-lost]"), "{point}: {}", woken.stderr);
    }
    assert_eq!((database.snapshot(), database.rows("SELECT * FROM dbwarden_migrations")), before, "{point}");
    once_each(&database, point);
}

#[test]
fn a_paused_holder_without_a_transaction_is_taken_over_and_commits_nothing_on_sqlite() {
    // It holds nothing yet, or finds under the lock that everything is done.
    taken_over(Engine::Sqlite, "history-read", &[0]);
    taken_over(Engine::Sqlite, "session-locked", &[0]);
    taken_over(Engine::Sqlite, "lock-taken", &[0]);
    // It has planned what another has done by the time it wakes up.
    taken_over(Engine::Sqlite, "planned", &[1]);
    taken_over(Engine::Sqlite, "committed:1", &[1]);
    taken_over(Engine::Sqlite, "committed:2", &[1]);
    taken_over(Engine::Sqlite, "unit-begun", &[1]);
    // It is done: there was only the lock to be released.
    taken_over(Engine::Sqlite, "committed:5", &[0]);
    taken_over(Engine::Sqlite, "released", &[0]);
}

#[test]
fn a_paused_holder_is_taken_over_and_commits_nothing_on_postgres() {
    // It holds nothing yet, or there is only the lock to be released.
    for point in ["history-read", "session-locked", "committed:5", "released"] {
        taken_over(Engine::Postgres, point, &[0]);
    }
    for point in
        ["planned", "begun", "committed:1", "begun:2", "statement-run:1", "unit-run", "unit-recorded"]
    {
        taken_over(Engine::Postgres, point, &[1]);
    }
    for point in ["renewed:1", "unit-begun", "statement-run:2", "committed:3"] {
        taken_over(Engine::Postgres, point, &[1]);
    }
}

#[test]
fn a_paused_holder_with_an_open_transaction_keeps_others_out_and_finishes_first() {
    for point in
        ["records-created", "begun", "statement-run", "recorded", "renewed", "unit-run", "unit-recorded"]
    {
        let database = database(Engine::Sqlite);
        let program = Program::new(BINARY, &database).with_lease(LEASE);
        let paused = program.ending_at(format!("pause:{point}")).start(&["migrate"]);
        paused.wait_until_stopped();
        let other = program.run(&["migrate", "--lock-wait", "3s"]).expect(4);
        assert!(other.stderr.contains("error[locked]"), "{point}: {}", other.stderr);
        assert!(other.took < Duration::from_secs(20), "{point}: --lock-wait is kept: {:?}", other.took);
        let waiting = program.start(&["migrate"]);
        std::thread::sleep(Duration::from_millis(300));
        paused.go_on();
        paused.finish().expect(0);
        waiting.finish().expect(0);
        once_each(&database, point);
    }
}

fn a_paused_rollback(engine: Engine) {
    let database = database(engine);
    database.write(&[
        ("0003_table.sql", "CREATE TABLE a (x INTEGER);\nINSERT INTO log VALUES ('3');\n-- rollback\nINSERT INTO log VALUES ('undone');\n"),
    ]);
    let program = Program::new(BINARY, &database).with_lease(LEASE);
    program.run(&["migrate"]).expect(0);
    let paused = program.ending_at("pause:planned").start(&["rollback"]);
    paused.wait_until_stopped();
    program.run(&["rollback"]).expect(0);
    paused.go_on();
    let woken = paused.finish().expect(1);
    assert!(woken.stderr.contains("error[lock-lost]"), "{}", woken.stderr);
    assert_eq!(database.one("SELECT count(*) FROM log WHERE what = 'undone'"), "1");
    assert_eq!(database.versions(), ["0001", "0002"]);
}

#[test]
fn a_paused_rollback_is_taken_over_and_commits_nothing_on_sqlite() {
    a_paused_rollback(Engine::Sqlite);
}

#[test]
fn a_paused_rollback_is_taken_over_and_commits_nothing_on_postgres() {
    a_paused_rollback(Engine::Postgres);
}

fn a_holder_whose_lock_is_forced_open(engine: Engine) {
    let database = database(engine);
    let program = Program::new(BINARY, &database);
    let paused = program.ending_at("pause:committed:1").start(&["migrate"]);
    paused.wait_until_stopped();
    program.run(&["unlock", "--force"]).expect(0);
    assert_eq!(database.lock_owner(), "");
    // The sleeper's lock on the file stands as long as it lives; the row is what counts.
    let other = program.with_lease(LEASE).run(&["migrate", "--lock-wait", "30s"]).expect(0);
    assert!(other.stdout.contains("at 0003 (head)"), "{}", other.stdout);
    paused.go_on();
    let woken = paused.finish().expect(1);
    assert!(woken.stderr.contains("error[lock-lost]"), "{}", woken.stderr);
    once_each(&database, "forced open");
}

#[test]
fn a_holder_whose_lock_is_forced_open_commits_nothing_on_sqlite() {
    a_holder_whose_lock_is_forced_open(Engine::Sqlite);
}

#[test]
fn a_holder_whose_lock_is_forced_open_commits_nothing_on_postgres() {
    a_holder_whose_lock_is_forced_open(Engine::Postgres);
}

#[test]
fn the_heartbeat_leaves_no_connection_open() {
    let database = Database::new(Engine::Sqlite);
    database.write(&[
        ("0001_wal.sql", "PRAGMA journal_mode = WAL;\nCREATE TABLE log (what TEXT);\n"),
        (
            "0002_long.sql",
            "INSERT INTO log WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000) \
             SELECT 'n' FROM n WHERE i = 2000000;\n",
        ),
        // A second connection of ours would refuse this.
        ("0003_back.sql", "PRAGMA journal_mode = DELETE;\nINSERT INTO log VALUES ('3');\n"),
    ]);
    Program::new(BINARY, &database).with_lease(300).run(&["migrate"]).expect(0);
    assert_eq!(database.rows("SELECT what FROM log"), ["n", "3"]);
    assert_eq!(database.one("PRAGMA journal_mode"), "delete");
}

#[test]
fn a_paused_holder_is_taken_over_and_commits_nothing_on_mariadb() {
    // It holds nothing yet, or there is only the lock to be released.
    for point in ["history-read", "session-locked", "released"] {
        taken_over(Engine::Mariadb, point, &[0]);
    }
    // The first file is one packet; the second has a condition, so that its statements go one by one.
    for point in
        ["planned", "begun:1", "committed:1", "statement-run:1", "renewed:1", "unit-run", "unit-recorded"]
    {
        taken_over(Engine::Mariadb, point, &[1]);
    }
    for point in ["unit-begun", "statement-run:2", "committed:3"] {
        taken_over(Engine::Mariadb, point, &[1]);
    }
}

#[test]
fn a_paused_rollback_is_taken_over_and_commits_nothing_on_mariadb() {
    a_paused_rollback(Engine::Mariadb);
}

#[test]
fn a_holder_whose_lock_is_forced_open_commits_nothing_on_mariadb() {
    a_holder_whose_lock_is_forced_open(Engine::Mariadb);
}

/// Stops a run on DuckDB at `point`, far longer than a lease; two others find that the file is not theirs.
#[cfg(feature = "duckdb")]
fn kept_out(point: &str, then: impl FnOnce(&testkit::Running), codes: &[Option<i32>]) {
    let database = database(Engine::Duckdb);
    let program = Program::new(BINARY, &database).with_lease(LEASE);
    let paused = program.ending_at(format!("pause:{point}")).start(&["migrate"]);
    paused.wait_until_stopped();
    let other = program.run(&["migrate", "--lock-wait", "3s"]).expect(4);
    assert!(other.took >= Duration::from_secs(3), "{point}: it waits: {:?}", other.took);
    assert!(other.took < Duration::from_secs(20), "{point}: --lock-wait is kept: {:?}", other.took);
    for told in [&other, &program.run(&["status"]), &program.run(&["unlock", "--force", "--yes"])] {
        assert_eq!(told.code, Some(4), "{point}: {}{}", told.stdout, told.stderr);
        assert!(told.stderr.contains("error[locked]"), "{point}: {}", told.stderr);
        assert!(told.stderr.contains(&format!("(PID {})", paused.pid())), "{point}: {}", told.stderr);
    }
    let waiting = program.start(&["migrate"]);
    std::thread::sleep(Duration::from_millis(300));
    then(&paused);
    let first = paused.finish();
    assert!(codes.contains(&first.code), "{point}: {:?}\n{}", first.code, first.stderr);
    let second = waiting.finish().expect(0);
    assert!(second.took < Duration::from_secs(20), "{point}: {:?}", second.took);
    // Where nothing was left to be done, nobody took the killed one's lock over.
    program.run(&["unlock"]).expect(0);
    once_each(&database, point);
}

#[test]
#[cfg(feature = "duckdb")]
fn a_paused_holder_keeps_others_out_and_finishes_first_on_duckdb() {
    for point in ["history-read", "session-locked", "lock-taken", "planned", "begun", "renewed", "unit-begun"]
    {
        kept_out(point, testkit::Running::go_on, &[Some(0)]);
    }
}

#[test]
#[cfg(feature = "duckdb")]
fn a_paused_holder_that_is_killed_leaves_the_work_to_who_waits_on_duckdb() {
    for point in ["committed:1", "unit-run", "unit-recorded", "statement-run:2", "committed:5"] {
        kept_out(point, testkit::Running::kill, &[None]);
    }
}
