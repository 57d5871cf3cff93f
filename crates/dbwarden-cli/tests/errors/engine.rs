//! The database itself: not there, not one, not writable, full.

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, is_root, left_out};

const A: &str = "CREATE TABLE a (id INTEGER);\n";

#[test]
fn no_database_is_needed_to_look() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", A)]);
    for arguments in [
        &["status"][..],
        &["history"],
        &["heads"],
        &["show", "0001"],
        &["verify"],
        &["lock-status"],
        &["unlock"],
        &["doctor"],
        &["config"],
        &["database", "list"],
        &["migrate", "--dry-run"],
        &["migrate", "--sql"],
        &["stamp", "head", "--dry-run"],
    ] {
        sandbox.refuses(0, arguments);
        assert!(!sandbox.path("app.db").exists(), "{arguments:?} made the file");
    }
}

#[test]
fn no_folder() {
    let sandbox = Sandbox::with_settings("url = \"sqlite:///data/shop.db\"\n");
    sandbox.migration("0001_a.sql", A);
    let said: Vec<_> = ["migrate", "status", "lock-status"]
        .iter()
        .map(|command| sandbox.refuses(1, &[command]).transcript)
        .collect();
    assert_snapshot!(said.join("\n"));
    assert!(!sandbox.path("data").exists());
    // A file that is not there yet, in a folder that is, is as good as an empty database.
    sandbox.run(&["status", "--url", "sqlite:///new.db"]).exits(0);
}

#[test]
fn a_directory_in_its_place() {
    let sandbox = Sandbox::with_settings("url = \"sqlite:///data\"\n");
    sandbox.migration("0001_a.sql", A);
    std::fs::create_dir(sandbox.path("data")).unwrap();
    assert_snapshot!(sandbox.refuses(1, &["migrate"]).transcript);
}

#[test]
fn not_a_database() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", A)]);
    sandbox.write("app.db", "A letter to my aunt, which is no database at all. ".repeat(40));
    let said = [sandbox.refuses(1, &["migrate"]).transcript, sandbox.refuses(1, &["status"]).transcript];
    assert_snapshot!(said.join("\n"));
}

#[cfg(unix)]
#[test]
fn a_file_that_may_only_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_more.sql", A);
    if is_root() {
        // Rights do not hold root back; a connection that may not write does the same by SQLite's own means.
        sandbox.write("warden.toml", "[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\nsession = [\"PRAGMA query_only = ON\"]\n");
    } else {
        std::fs::set_permissions(sandbox.path("app.db"), std::fs::Permissions::from_mode(0o444)).unwrap();
    }
    assert_snapshot!(sandbox.refuses(1, &["migrate"]).transcript);
    sandbox.refuses(0, &["status"]);
}

#[test]
fn a_session_statement_that_fails() {
    let sandbox = Sandbox::with_settings("url = \"sqlite:///app.db\"\nsession = [\"PRAGMA a b\"]\n");
    sandbox.migration("0001_a.sql", A);
    assert_snapshot!(sandbox.run(&["migrate"]).exits(1).transcript);
}

const BIG: &str = "CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) SELECT i, hex(zeroblob(1000)) AS filler FROM n;\n";

#[test]
fn a_database_that_may_not_grow() {
    let sandbox = Sandbox::shop();
    sandbox.write("warden.toml", "[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\nsession = [\"PRAGMA max_page_count = 40\"]\n");
    sandbox.migration("0004_big.sql", BIG);
    sandbox.migration("0005_later.sql", A);
    assert_snapshot!(sandbox.fails(1, &["migrate"]).transcript);
    sandbox.write(
        "warden.toml",
        "[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\n",
    );
    sandbox.run(&["migrate"]).exits(0);
}

/// A file system of 200 KiB, unmounted when it is dropped.
#[cfg(target_os = "linux")]
struct Small<'a>(&'a Sandbox);

#[cfg(target_os = "linux")]
impl<'a> Small<'a> {
    /// None where this process may not mount: [`a_database_that_may_not_grow`] has met the same answer of SQLite then.
    fn mount(sandbox: &'a Sandbox) -> Option<Self> {
        std::fs::create_dir(sandbox.path("small")).unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=200k", "tmpfs"])
            .arg(sandbox.path("small"))
            .output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(sandbox))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Small<'_> {
    fn drop(&mut self) {
        std::process::Command::new("umount").arg(self.0.path("small")).status().ok();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let sandbox = Sandbox::with_settings("url = \"sqlite:///small/app.db\"\n");
    sandbox.migrations(&[("0001_a.sql", A), ("0002_big.sql", BIG)]);
    let Some(_small) = Small::mount(&sandbox) else {
        // A right cannot be installed; the suite fills a database by its page limit everywhere.
        left_out("this process may not mount a tmpfs, so no disk is full");
        return;
    };
    let ran = sandbox.run(&["migrate"]).exits(1);
    assert_snapshot!(ran.transcript);
    let database = sandbox.database_at("small/app.db");
    let count: i64 =
        database.query_row("SELECT count(*) FROM dbwarden_migrations", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 1);
    let held: i64 =
        database.query_row("SELECT count(owner) FROM dbwarden_lock", [], |row| row.get(0)).unwrap();
    assert_eq!(held, 0, "the lock is released");
    drop(database);
}

#[test]
fn a_damaged_database() {
    let sandbox = Sandbox::shop();
    sandbox.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO customers SELECT i, 'customer ' || i FROM n");
    let mut bytes = sandbox.bytes().unwrap();
    // The pages behind those of the schema and of our records.
    let from = bytes.len() / 2;
    bytes[from..].fill(0xa5);
    sandbox.write("app.db", bytes);
    sandbox.migration("0004_copy.sql", "CREATE TABLE copy AS SELECT * FROM customers ORDER BY email;\n");
    let ran = sandbox.run(&["migrate"]).exits(1);
    assert!(ran.err.contains("error[not-a-database]"), "{}", ran.transcript);
    assert!(ran.err.contains("= the database: app.db\n"), "{}", ran.transcript);
    assert!(
        ran.err.contains("PRAGMA integrity_check") && !ran.err.contains("correct the file"),
        "{}",
        ran.transcript
    );
}

#[cfg(target_os = "linux")]
#[test]
fn no_right_to_make_the_file() {
    // A folder in which nobody makes a file, root neither.
    let sandbox = Sandbox::with_settings("url = \"sqlite:////sys/shop.db\"\n");
    sandbox.migration("0001_a.sql", A);
    assert_snapshot!(sandbox.refuses(1, &["migrate"]).transcript);
}
