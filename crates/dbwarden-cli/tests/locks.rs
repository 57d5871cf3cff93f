//! The lock as a person meets it: who holds it, waiting for it, releasing it.

#![cfg(all(unix, debug_assertions))]

use std::time::Duration;

use testkit::{Database, Engine, Program, Running};

const BINARY: &str = env!("CARGO_BIN_EXE_dbwarden");

/// The lease is half a minute; who waits for it to run out is later than this.
const AT_ONCE: Duration = Duration::from_secs(20);

fn database() -> Database {
    let database = Database::new(Engine::Sqlite);
    database.write(&[
        ("0001_log.sql", "CREATE TABLE log (what TEXT);\nINSERT INTO log VALUES ('1');\n"),
        ("0002_more.sql", "INSERT INTO log VALUES ('2');\n"),
    ]);
    database
}

/// A run that holds the lock and stands still.
fn holding(database: &Database) -> Running {
    let running = Program::new(BINARY, database).ending_at("pause:planned").start(&["migrate"]);
    running.wait_until_stopped();
    running
}

#[test]
fn lock_status_names_the_holder() {
    let database = database();
    let program = Program::new(BINARY, &database);
    assert!(program.run(&["lock-status"]).expect(0).stdout.contains("lock free"));
    let holder = holding(&database);
    let status = program.run(&["lock-status"]).expect(0);
    assert!(status.stdout.contains(&format!("(pid {})", holder.pid())), "{}", status.stdout);
    assert!(!status.stdout.contains("gone"), "{}", status.stdout);
    let status = program.run(&["status"]).expect(0);
    assert!(status.stdout.contains("lock held by"), "{}", status.stdout);
    holder.go_on();
    holder.finish().expect(0);
    assert!(program.run(&["lock-status"]).expect(0).stdout.contains("lock free"));
    assert!(!database.lock_file());
}

#[test]
fn what_is_running_is_named_and_not_what_ran_before() {
    let database = database();
    let unit = "-- no-transaction\nINSERT INTO log VALUES ('3');\nINSERT INTO log VALUES ('4');\n";
    database.write(&[("0003_alone.sql", unit)]);
    let program = Program::new(BINARY, &database);
    // The statements of the three: two, one and two.
    for (point, running) in [
        ("planned", "0001"),
        ("statement-run", "0001"),
        ("statement-run:3", "0002"),
        ("statement-run:4", "0003"),
        ("statement-run:5", "0003 statement 2"),
    ] {
        let database = database.copy();
        let program = Program::new(BINARY, &database);
        let holder = program.ending_at(format!("pause:{point}")).start(&["migrate"]);
        holder.wait_until_stopped();
        let status = program.run(&["lock-status"]).expect(0).stdout;
        assert!(status.trim_end().ends_with(&format!(", running {running}")), "{point}: {status}");
        holder.go_on();
        holder.finish().expect(0);
    }
    program.run(&["migrate", "-t", "0002"]).expect(0);
    let holder = program.ending_at("pause:statement-run").start(&["migrate"]);
    holder.wait_until_stopped();
    let waited = program.run(&["migrate", "--lock-wait", "1s"]).expect(4);
    assert!(waited.stderr.contains(", running 0003"), "{}", waited.stderr);
    holder.go_on();
    holder.finish().expect(0);
}

#[test]
fn waiting_is_bounded_and_names_the_holder() {
    let database = database();
    let holder = holding(&database);
    let program = Program::new(BINARY, &database);
    let waited = program.run(&["migrate", "--lock-wait", "1s"]).expect(4);
    assert!(waited.stderr.contains("error[locked]"), "{}", waited.stderr);
    assert!(waited.stderr.contains(&format!("(pid {})", holder.pid())), "{}", waited.stderr);
    assert!(waited.took >= Duration::from_secs(1) && waited.took < AT_ONCE, "{:?}", waited.took);
    holder.go_on();
    holder.finish().expect(0);
}

#[test]
fn waiting_for_a_program_that_writes_is_bounded_too() {
    let database = database();
    let program = Program::new(BINARY, &database);
    let other = database.connect();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waited = program.run(&["migrate", "--lock-wait", "1s"]).expect(4);
    assert!(waited.took < Duration::from_secs(8), "{:?}", waited.took);
    other.execute_batch("ROLLBACK").unwrap();
    program.run(&["migrate", "--lock-wait", "1s"]).expect(0);
}

#[test]
fn unlock_of_a_free_lock_says_so() {
    let database = database();
    let program = Program::new(BINARY, &database);
    assert!(program.run(&["unlock"]).expect(0).stdout.contains("nothing held the lock"));
    program.run(&["migrate"]).expect(0);
    assert!(program.run(&["unlock"]).expect(0).stdout.contains("nothing held the lock"));
}

#[test]
fn a_killed_run_is_in_nobodys_way() {
    let database = database();
    let program = Program::new(BINARY, &database);
    let holder = holding(&database);
    let pid = holder.pid();
    holder.kill();
    holder.finish();
    let status = program.run(&["lock-status"]).expect(0);
    assert!(status.stdout.contains(&format!("(pid {pid})")), "{}", status.stdout);
    assert!(status.stdout.contains("that run is gone"), "{}", status.stdout);
    let status = program.run(&["status"]).expect(0);
    assert!(status.stdout.contains("lock left behind by"), "{}", status.stdout);
    assert!(status.stdout.contains("which is gone"), "{}", status.stdout);
    let unlocked = program.run(&["unlock"]).expect(0);
    assert!(unlocked.stdout.contains("is released"), "{}", unlocked.stdout);
    assert!(unlocked.took < AT_ONCE, "{:?}", unlocked.took);
    assert!(!database.lock_file());

    let holder = holding(&database);
    holder.kill();
    holder.finish();
    let next = program.run(&["migrate"]).expect(0);
    assert!(next.took < AT_ONCE, "{:?}", next.took);
    assert_eq!(database.rows("SELECT what FROM log"), ["1", "2"]);
    assert_eq!(database.lock_owner(), "");
}

#[test]
fn unlock_of_a_live_run_is_refused_without_a_terminal() {
    let database = database();
    // A transaction is open, so its counter cannot move and nobody can write: it lives all the same, and that can be seen.
    let program = Program::new(BINARY, &database);
    let holder = program.ending_at("pause:statement-run").start(&["migrate"]);
    holder.wait_until_stopped();
    let refused = program.run(&["unlock"]).expect(6);
    assert!(refused.took < AT_ONCE, "{:?}", refused.took);
    assert!(refused.stderr.contains("error[live-lock]"), "{}", refused.stderr);
    assert!(refused.stderr.contains("`dbwarden unlock --force"), "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!("(pid {})", holder.pid())), "{}", refused.stderr);
    holder.go_on();
    holder.finish().expect(0);
    assert_eq!(database.rows("SELECT what FROM log"), ["1", "2"]);
}

#[test]
fn a_run_that_writes_cannot_be_forced_and_says_so() {
    let database = database();
    let program = Program::new(BINARY, &database);
    let holder = program.ending_at("pause:statement-run").start(&["migrate"]);
    holder.wait_until_stopped();
    // Nobody can write beside it: its lock stays what it is.
    let refused = program.run(&["unlock", "--force"]).expect(6);
    assert!(refused.took < AT_ONCE, "{:?}", refused.took);
    assert!(refused.stderr.contains("error[live-lock]"), "{}", refused.stderr);
    assert!(refused.stderr.contains("has a transaction open"), "{}", refused.stderr);
    holder.go_on();
    holder.finish().expect(0);
    assert_eq!(database.rows("SELECT what FROM log"), ["1", "2"]);
    assert_eq!(database.lock_owner(), "");
}

#[test]
fn a_restored_old_copy_with_a_stale_lock_is_taken_over() {
    let database = database();
    let holder = holding(&database);
    let copy = database.copy();
    // A copy in another place: the holder has nothing to do with it, even while it lives.
    assert_ne!(copy.lock_owner(), "");
    let next = Program::new(BINARY, &copy).run(&["migrate"]).expect(0);
    assert!(next.took < AT_ONCE, "{:?}", next.took);
    assert_eq!(copy.lock_owner(), "");
    assert_eq!(copy.rows("SELECT what FROM log"), ["1", "2"]);
    holder.go_on();
    holder.finish().expect(0);

    // A copy from another machine, or from before a reboot: nothing can be seen of its holder, so one lease is waited out.
    let program = Program::new(BINARY, &copy).with_lease(500);
    let owner = r#"{"user":"ana","host":"elsewhere","pid":1,"started":"1","boot":"another","namespace":"x","session_lock":true}"#;
    copy.execute(&format!(
        "UPDATE dbwarden_lock SET owner = '{owner}', since = 'then' WHERE name = 'holder'"
    ));
    copy.write(&[("0003_last.sql", "INSERT INTO log VALUES ('3');\n")]);
    let refused = program.with_lease(60_000).run(&["migrate", "--lock-wait", "1s"]).expect(4);
    assert!(refused.stderr.contains("ana@elsewhere"), "{}", refused.stderr);
    program.run(&["migrate"]).expect(0);
    assert_eq!(copy.rows("SELECT what FROM log"), ["1", "2", "3"]);
}

#[test]
fn a_link_to_the_database_is_the_same_database() {
    let database = database();
    let link = database.folder().join("link.db");
    std::fs::write(database.file(), "").unwrap();
    std::os::unix::fs::symlink(database.file(), &link).unwrap();
    let holder = holding(&database);
    let program = Program::new(BINARY, &database).on(format!("sqlite:///{}", link.display()));
    let status = program.run(&["lock-status"]).expect(0);
    assert!(!status.stdout.contains("gone"), "{}", status.stdout);
    program.run(&["migrate", "--lock-wait", "1s"]).expect(4);
    holder.go_on();
    holder.finish().expect(0);
    assert_eq!(database.versions(), ["0001", "0002"]);
}

#[test]
fn a_table_of_the_lock_that_makes_no_sense_is_named() {
    let database = database();
    let program = Program::new(BINARY, &database);
    program.run(&["migrate", "-t", "0001"]).expect(0);
    database.execute("UPDATE dbwarden_lock SET owner = 'nonsense' WHERE name = 'holder'");
    let failed = program.run(&["migrate"]).expect(1);
    assert!(failed.stderr.contains("error[lock-table]"), "{}", failed.stderr);
    program.run(&["status"]).expect(0);
    database.execute("DELETE FROM dbwarden_lock");
    // Rows that are missing are made again.
    program.run(&["migrate"]).expect(0);
    assert_eq!(database.versions(), ["0001", "0002"]);
}
