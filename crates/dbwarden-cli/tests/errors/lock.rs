//! The lock is held.

use std::process::Stdio;

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, wait_for, wait_until};

const SLOW: &str = "CREATE TABLE slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;\n";

#[cfg(unix)]
#[test]
fn held_by_a_run_that_lives() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_slow.sql", SLOW);
    let mut holder =
        sandbox.command(&["migrate"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the lock is held", || !sandbox.lock_is_free());
    let before = sandbox.contents();
    let migrate = sandbox.run(&["migrate", "--lock-wait", "0s"]).exits(4).transcript;
    let rollback = sandbox.run(&["rollback", "--lock-wait", "10ms"]).exits(4).transcript;
    let waited = sandbox.run(&["migrate", "--lock-wait", "1500ms"]).exits(4);
    let shown = sandbox.run(&["lock-status"]).exits(0).transcript;
    let status = sandbox.run(&["status"]).exits(0).transcript;
    assert_eq!(before, sandbox.contents());
    let pid = rustix::process::Pid::from_child(&holder);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(wait_for(&mut holder).code(), Some(130));
    assert!(sandbox.lock_is_free());
    // In a log it is said once, with its limit, and not each second.
    assert_eq!(waited.err.matches("waiting for").count(), 1, "{}", waited.err);
    assert!(waited.err.contains(" of at most 1.5 s]"), "{}", waited.err);
    let status = regex::Regex::new("held by .*").unwrap().replace(&status, "held by [who]").into_owned();
    assert_snapshot!([migrate, rollback, shown, status].join("\n"));
}

#[test]
fn the_file_itself_is_locked_by_another_program() {
    let sandbox = Sandbox::with_settings(
        "url = \"sqlite:///app.db\"\n[databases.primary.safety]\nlock_timeout = \"20ms\"\n",
    );
    sandbox.migration("0001_a.sql", "CREATE TABLE a (id INTEGER);\n");
    sandbox.sql("CREATE TABLE theirs (id INTEGER)");
    let other = sandbox.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = sandbox.run(&["migrate", "--lock-wait", "100ms"]).exits(4);
    other.execute_batch("ROLLBACK").unwrap();
    assert_snapshot!(ran.transcript);
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    sandbox.run(&["status", "--lock-wait", "100ms"]).exits(4);
}

#[test]
fn unlock_with_nothing_held() {
    let sandbox = Sandbox::shop();
    let fresh = Sandbox::new();
    let said = [
        sandbox.refuses(0, &["unlock"]).transcript,
        fresh.refuses(0, &["unlock"]).transcript,
        fresh.refuses(0, &["lock-status"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}
