//! A signal in the middle of a long statement.
#![cfg(unix)]

use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{Sandbox, wait_for, wait_until};

/// A statement that would run for days.
const ENDLESS: &str = "CREATE TABLE before (id INTEGER);
CREATE TABLE slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;
";

fn running(sandbox: &Sandbox) -> Child {
    let child = sandbox.command(&["migrate"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the lock is held", || !sandbox.lock_is_free());
    child
}

fn interrupts(signal: Signal) {
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_endless.sql", ENDLESS);
    let before = sandbox.contents();
    let mut child = running(&sandbox);
    kill_process(Pid::from_child(&child), signal).unwrap();
    assert_eq!(wait_for(&mut child).code(), Some(130));
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("error[interrupted]"), "{error}");
    assert!(error.contains("0004 is rolled back whole"), "{error}");
    assert!(error.contains("next: `dbwarden migrate`"), "{error}");
    assert_eq!(sandbox.contents(), before);
    assert!(sandbox.lock_is_free());
    // And it just goes on.
    sandbox.migration("0004_endless.sql", "CREATE TABLE quick (id INTEGER);\n");
    sandbox.run(&["migrate"]).exits(0);
}

#[test]
fn ctrl_c_is_130() {
    interrupts(Signal::INT);
}

#[test]
fn sigterm_is_130() {
    interrupts(Signal::TERM);
}

#[test]
fn ctrl_c_while_waiting_for_the_lock_is_130() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_endless.sql", ENDLESS);
    let mut holder = running(&sandbox);
    let mut waiter =
        sandbox.command(&["migrate"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    kill_process(Pid::from_child(&waiter), Signal::INT).unwrap();
    assert_eq!(wait_for(&mut waiter).code(), Some(130));
    kill_process(Pid::from_child(&holder), Signal::INT).unwrap();
    assert_eq!(wait_for(&mut holder).code(), Some(130));
    assert!(sandbox.lock_is_free());
}

#[test]
fn unlock_asks_before_it_takes_the_lock_of_a_run_that_lives() {
    let mut sandbox = Sandbox::shop();
    sandbox.set("DBWARDEN_TEST_LEASE_MS", "600");
    sandbox.migration("0004_endless.sql", ENDLESS);
    let mut holder = running(&sandbox);
    let ran = sandbox.run(&["unlock"]);
    // SQLite lets nobody write beside the run, so its counter stands still; the run itself is seen to live.
    assert!(ran.exit == 6 || ran.exit == 4, "{}", ran.transcript);
    assert!(!sandbox.lock_is_free());
    kill_process(Pid::from_child(&holder), Signal::TERM).unwrap();
    assert_eq!(wait_for(&mut holder).code(), Some(130));
}

#[test]
fn the_lock_of_a_killed_run_is_taken_over_at_once() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_endless.sql", ENDLESS);
    let mut child = running(&sandbox);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!sandbox.lock_is_free(), "a killed run cannot let go");
    let shown = sandbox.run(&["lock-status"]).exits(0).out;
    assert!(shown.contains("that run is gone"), "{shown}");
    sandbox.migration("0004_endless.sql", "CREATE TABLE quick (id INTEGER);\n");
    let started = std::time::Instant::now();
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{}", ran.transcript);
    assert!(ran.err.contains("its lock is taken over"), "{}", ran.transcript);
    assert!(sandbox.lock_is_free());
}

#[test]
fn unlock_releases_the_lock_of_a_killed_run() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_endless.sql", ENDLESS);
    let mut child = running(&sandbox);
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox.run(&["unlock"]).exits(0);
    assert!(sandbox.lock_is_free());
}

/// Of all databases the first is done; whichever run is under way then, and those to come, are ended.
#[test]
fn the_second_of_all_is_interrupted_too() {
    for jobs in ["1", "2"] {
        let sandbox = Sandbox::empty();
        sandbox.write(
            "warden.toml",
            "[databases.a]\nurl = \"sqlite:///a.db\"\nmigrations = \"m/a\"\n[databases.b]\nurl = \"sqlite:///b.db\"\nmigrations = \"m/b\"\n",
        );
        sandbox.write("m/a/0001_a.sql", "CREATE TABLE a (id INTEGER);\n");
        sandbox.write("m/b/0001_b.sql", "CREATE TABLE b AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;\n");
        let mut child = sandbox.command(&["migrate", "--all", "--jobs", jobs, "-q"]).spawn().unwrap();
        wait_until("the second one runs", || {
            let first = sandbox.path("a.db").exists()
                && sandbox.database_at("a.db").query_row(
                    "SELECT count(*) FROM dbwarden_migrations",
                    [],
                    |row| row.get(0),
                ) == Ok(1);
            first && sandbox.path("b.db-wal").exists() | sandbox.path("b.db-journal").exists()
        });
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        assert_eq!(wait_for(&mut child).code(), Some(130));
    }
}
