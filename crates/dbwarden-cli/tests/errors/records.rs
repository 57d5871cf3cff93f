//! Files and records that do not agree, and records that are not ours.

use insta::assert_snapshot;

use crate::sandbox::{ORDERS, Sandbox};

const A: &str = "CREATE TABLE a (id INTEGER);\n";

#[test]
fn a_changed_checksum() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0002_create_orders.sql", ORDERS.replace("NOT NULL", ""));
    sandbox.migration("0004_more.sql", A);
    let said = [
        sandbox.refuses(5, &["migrate"]).transcript,
        sandbox.refuses(5, &["verify"]).transcript,
        sandbox.refuses(5, &["verify", "0002"]).transcript,
        sandbox.refuses(0, &["status"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn two_changed_checksums() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0001_create_customers.sql", A);
    sandbox.migration("0002_create_orders.sql", ORDERS.replace("NOT NULL", ""));
    assert_snapshot!(sandbox.refuses(5, &["migrate"]).transcript);
}

#[test]
fn a_missing_file() {
    let sandbox = Sandbox::shop();
    sandbox.remove("migrations/0002_create_orders.sql");
    let said = [
        sandbox.refuses(5, &["migrate"]).transcript,
        sandbox.refuses(5, &["verify"]).transcript,
        sandbox.refuses(0, &["status"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_renamed_file() {
    let sandbox = Sandbox::shop();
    sandbox.rename("migrations/0002_create_orders.sql", "migrations/0005_create_orders.sql");
    let said = [
        sandbox.refuses(5, &["migrate"]).transcript,
        sandbox.refuses(5, &["verify"]).transcript,
        sandbox.refuses(0, &["status"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn nothing_to_accept() {
    let sandbox = Sandbox::shop();
    let said = [
        sandbox.refuses(2, &["verify", "--accept", "0002", "--reason", "because"]).transcript,
        sandbox.refuses(2, &["verify", "--accept", "0002", "--reason", " "]).transcript,
        sandbox.refuses(2, &["verify", "--accept", "0002"]).transcript,
        sandbox.refuses(2, &["stamp", "--remove", "0009"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn ahead() {
    let sandbox = Sandbox::shop();
    sandbox.remove("migrations/0003_order_totals.sql");
    let said = [sandbox.refuses(0, &["migrate"]).transcript, sandbox.refuses(0, &["status"]).transcript];
    assert_snapshot!(said.join("\n"));
    // Where the file is gone for good, a person says so, and work goes on.
    sandbox.migration("0004_more.sql", A);
    sandbox.refuses(6, &["migrate"]);
    sandbox.run(&["verify", "--accept", "0003", "--reason", "deleted on purpose"]).exits(0);
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0002,0003,0004");
}

#[test]
fn ahead_with_pending() {
    let sandbox = Sandbox::shop();
    sandbox.remove("migrations/0003_order_totals.sql");
    sandbox.migration("0002a_between.sql", "-- revision: 0002.5\nCREATE TABLE a (id INTEGER);\n");
    assert_snapshot!(sandbox.refuses(6, &["migrate"]).transcript);
}

#[test]
fn ahead_where_that_is_forbidden() {
    let sandbox = Sandbox::with_settings("url = \"sqlite:///app.db\"\nstrict_ahead = true\n");
    sandbox.migrations(&[("0001_a.sql", A), ("0002_b.sql", "CREATE TABLE b (id INTEGER);\n")]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.remove("migrations/0002_b.sql");
    assert_snapshot!(sandbox.refuses(6, &["migrate"]).transcript);
}

#[test]
fn late_with_strict() {
    let sandbox = Sandbox::shop();
    sandbox.migration("V2.5__between.sql", A);
    assert_snapshot!(sandbox.refuses(6, &["migrate", "--strict"]).transcript);
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0002,0003,2.5");
    // The row that was written last is not the newest migration.
    sandbox.migration("V2.7__later.sql", "CREATE TABLE later (id INTEGER);\n");
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert!(ran.err.contains("note: 2.7 is older than 0003, which is applied"), "{}", ran.transcript);
}

#[test]
fn irreversible_rollbacks() {
    let sandbox = Sandbox::shop();
    sandbox.migrations(&[
        ("0004_no_way_back.sql", A),
        ("0005_on_purpose.sql", "-- irreversible\nCREATE TABLE b (id INTEGER);\n"),
        ("0006_fine.sql", "CREATE TABLE c (id INTEGER);\n-- rollback\nDROP TABLE c;\n"),
    ]);
    sandbox.run(&["migrate"]).exits(0);
    let said = [
        sandbox.refuses(6, &["rollback", "-t", "0003"]).transcript,
        sandbox.refuses(6, &["rollback", "-c", "2"]).transcript,
        sandbox.refuses(6, &["rollback", "-c", "2", "--dry-run"]).transcript,
        {
            sandbox.remove("migrations/0005_on_purpose.sql");
            sandbox.refuses(6, &["rollback", "-t", "0003"]).transcript
        },
        {
            sandbox.remove("migrations/0004_no_way_back.sql");
            sandbox.refuses(6, &["rollback", "-t", "0003"]).transcript
        },
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn another_tools_records() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", A)]);
    sandbox.sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL); INSERT INTO alembic_version VALUES ('ae1027a6acf');");
    let said = [
        sandbox.refuses(6, &["migrate"]).transcript,
        sandbox.refuses(0, &["status"]).transcript,
        sandbox.refuses(0, &["verify"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn the_python_tools_records() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", A)]);
    sandbox.sql(
        "CREATE TABLE dbwarden_migrations (id INTEGER PRIMARY KEY, version VARCHAR, description VARCHAR,
           filename VARCHAR, migration_type VARCHAR, applied_at DATETIME, checksum VARCHAR);
         INSERT INTO dbwarden_migrations VALUES (1, '0001', 'a', '0001_a.sql', 'versioned', '2024-01-01 00:00:00', 'abc');
         CREATE TABLE dbwarden_lock (id INTEGER PRIMARY KEY, locked BOOLEAN, acquired_at DATETIME);",
    );
    let said = [sandbox.refuses(6, &["migrate"]).transcript, sandbox.refuses(0, &["status"]).transcript];
    assert_snapshot!(said.join("\n"));
    // Its lock alone, made first, is as telling.
    let lock = Sandbox::holding(&[("0001_a.sql", A)]);
    lock.sql("CREATE TABLE dbwarden_lock (id INTEGER PRIMARY KEY, locked BOOLEAN, acquired_at DATETIME)");
    let ran = lock.refuses(0, &["status"]);
    assert!(ran.out.contains("other tool  dbwarden_lock"), "{}", ran.transcript);
    lock.sql("CREATE TABLE dbwarden_migrations (id INTEGER PRIMARY KEY, version VARCHAR, filename VARCHAR)");
    let ran = lock.refuses(0, &["status"]);
    assert!(ran.out.contains("other tool  dbwarden_migrations"), "{}", ran.transcript);
}

#[test]
fn a_strangers_table_of_our_name() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", A)]);
    sandbox.sql("CREATE TABLE dbwarden_migrations (name TEXT)");
    let view = Sandbox::holding(&[("0001_a.sql", A)]);
    view.sql("CREATE VIEW dbwarden_lock AS SELECT 1 AS name");
    let said = [
        sandbox.refuses(6, &["migrate"]).transcript,
        sandbox.refuses(6, &["status"]).transcript,
        view.refuses(6, &["migrate"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_planted_trigger() {
    let sandbox = Sandbox::shop();
    sandbox
        .sql("CREATE TRIGGER planted AFTER INSERT ON dbwarden_migrations BEGIN DELETE FROM customers; END;");
    sandbox.migration("0004_more.sql", A);
    assert_snapshot!(sandbox.refuses(6, &["migrate"]).transcript);
}

#[test]
fn a_row_that_makes_no_sense() {
    let sandbox = Sandbox::shop();
    sandbox.sql("UPDATE dbwarden_migrations SET checksum = 'rubbish', applied_at = 'yesterday' WHERE version = '0002'");
    sandbox.sql("INSERT INTO dbwarden_migrations (version, description, kind, checksum, applied_at, duration_ms, applied_by, tool_version, run_id, statements) VALUES ('', '', '', '', '', -1, '', '', '', 0)");
    let said = [
        sandbox.refuses(0, &["status"]).transcript,
        sandbox.refuses(5, &["verify"]).transcript,
        sandbox.refuses(0, &["migrate"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_lock_table_that_makes_no_sense() {
    let sandbox = Sandbox::shop();
    sandbox.sql("UPDATE dbwarden_lock SET owner = 'nonsense' WHERE name = 'holder'");
    sandbox.migration("0004_more.sql", A);
    let said = [sandbox.refuses(1, &["migrate"]).transcript, sandbox.refuses(1, &["lock-status"]).transcript];
    assert_snapshot!(said.join("\n"));
}

/// A migration that stopped at its second statement of three.
fn half_done() -> Sandbox {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", A),
        (
            "0002_half.sql",
            "-- no-transaction\nCREATE TABLE b (id INTEGER);\nINSERT INTO nowhere VALUES (1);\nSELECT 1;\n",
        ),
    ]);
    sandbox.run(&["migrate"]).exits(1);
    sandbox
}

#[test]
fn a_half_done_migration() {
    let sandbox = half_done();
    let said = [
        sandbox.refuses(0, &["status"]).transcript,
        sandbox.refuses(5, &["verify"]).transcript,
        sandbox.refuses(1, &["verify", "--accept", "0002", "--reason", "because"]).transcript,
        sandbox.refuses(1, &["rollback"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
    let doctor = sandbox.run(&["doctor"]).exits(0).out;
    assert!(doctor.contains("0002 is half done; `dbwarden migrate` goes on with it"), "{doctor}");
}

#[test]
fn a_half_done_migration_without_its_file() {
    let sandbox = half_done();
    let file = sandbox.read("migrations/0002_half.sql");
    sandbox.remove("migrations/0002_half.sql");
    let said = [
        sandbox.refuses(1, &["migrate"]).transcript,
        sandbox.refuses(0, &["status"]).transcript,
        sandbox.refuses(5, &["verify"]).transcript,
        sandbox.refuses(5, &["verify", "0002"]).transcript,
        sandbox.refuses(1, &["verify", "--accept", "0002", "--reason", "because"]).transcript,
        sandbox.refuses(1, &["rollback"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
    let doctor = sandbox.run(&["doctor"]).exits(1).out;
    assert!(doctor.contains("`dbwarden stamp --remove 0002`"), "{doctor}");
    // Each of the two ways on works: with the file, and without it.
    sandbox.migration("0003_c.sql", "CREATE TABLE c (id INTEGER);\n");
    sandbox.refuses(1, &["migrate"]);
    sandbox.migration("0002_half.sql", file.replace("INSERT INTO nowhere VALUES (1)", "SELECT 2"));
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0002,0003");

    let sandbox = half_done();
    sandbox.remove("migrations/0002_half.sql");
    sandbox.run(&["stamp", "--remove", "0002"]).exits(0);
    assert_eq!(sandbox.values("SELECT count(*) FROM dbwarden_journal"), "0");
    sandbox.run(&["verify"]).exits(0);
    sandbox.migration("0003_c.sql", "CREATE TABLE c (id INTEGER);\n");
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0003");
}

#[test]
fn the_last_file_of_a_line_is_gone() {
    let sandbox = Sandbox::shop();
    sandbox.remove("migrations/0003_order_totals.sql");
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert!(
        ran.out.contains("nothing to do, at 0002; 0003 is applied and has no file here\n"),
        "{}",
        ran.transcript
    );
    // Accepted, it is the same line still, and no branch.
    sandbox.run(&["verify", "--accept", "0003", "--reason", "on purpose"]).exits(0);
    let ran = sandbox.run(&["status"]).exits(0);
    assert!(ran.out.contains("at 0002; 0003 is applied and has no file here"), "{}", ran.transcript);
}
