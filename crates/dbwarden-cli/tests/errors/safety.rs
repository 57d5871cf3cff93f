//! What is refused until a person agrees, where nobody is there to ask.

use insta::assert_snapshot;

use crate::sandbox::{CUSTOMERS, Sandbox};

/// A database with one migration applied, and then these lines in its settings.
fn guarded(lines: &str) -> Sandbox {
    let sandbox = Sandbox::holding(&[("0001_create_customers.sql", CUSTOMERS)]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.write(
        "warden.toml",
        format!("[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\n{lines}\n"),
    );
    sandbox
}

#[test]
fn a_protected_database() {
    let sandbox = guarded("protected = true");
    sandbox.migration("0002_break.sql", "-- breaking: release 7 still reads customers.email\nALTER TABLE customers RENAME COLUMN email TO mail;\n");
    let said = [
        sandbox.refuses(6, &["rollback"]).transcript,
        sandbox.refuses(6, &["stamp", "base"]).transcript,
        sandbox.refuses(6, &["migrate"]).transcript,
        sandbox.refuses(6, &["migrate", "--json"]).transcript,
        sandbox.refuses(0, &["rollback", "--dry-run"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
    sandbox.run(&["migrate", "--yes"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0002");
}

#[test]
fn what_a_migration_breaks_is_said_before_it_runs() {
    let sandbox = guarded("");
    sandbox.migrations(&[
        ("0002_break.sql", "-- breaking: release 7 still reads customers.email\nALTER TABLE customers RENAME COLUMN email TO mail;\n-- rollback\nALTER TABLE customers RENAME COLUMN mail TO email;\n"),
        ("0003_fails.sql", "-- breaking: release 7 still writes old\nDROP TABLE old;\n"),
    ]);
    let said = [
        sandbox.run(&["status"]).exits(0).transcript,
        sandbox.run(&["migrate", "--dry-run"]).exits(0).transcript,
        sandbox.run(&["migrate"]).exits(1).transcript,
        sandbox.run(&["rollback"]).exits(0).transcript,
    ];
    assert_snapshot!(said.join("\n"));
    assert!(sandbox.run(&["migrate", "-t", "0002", "--quiet"]).exits(0).err.is_empty());
}

#[test]
fn the_production_environment() {
    let sandbox = guarded("");
    assert_snapshot!(sandbox.refuses(6, &["rollback", "--env", "production"]).transcript);
    sandbox.run(&["rollback", "--env", "dev"]).exits(0);
}

#[test]
fn outside_the_window() {
    // A window of one minute, half a day from now.
    let minutes = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / 60 + 12 * 60;
    let time = |minutes: u64| format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60);
    let window = format!("{}-{} UTC", time(minutes), time(minutes + 1));
    let sandbox = guarded(&format!("[databases.primary.safety]\nwindow = \"{window}\""));
    sandbox.migration("0002_more.sql", "CREATE TABLE more (id INTEGER);\n");
    let said = [sandbox.refuses(6, &["migrate"]).transcript, sandbox.refuses(6, &["rollback"]).transcript];
    assert_snapshot!(said.join("\n").replace(&window, "[window]"));
    sandbox.run(&["migrate", "--yes"]).exits(0);
}

#[test]
fn no_backup() {
    let sandbox = guarded("[databases.primary.safety]\nrequire_backup_within = \"24h\"");
    let short = guarded("[databases.primary.safety]\nrequire_backup_within = \"30min\"");
    let said = [sandbox.refuses(6, &["rollback"]).transcript, short.refuses(6, &["rollback"]).transcript];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_down_script_from_the_database() {
    let sandbox = guarded("protected = true");
    sandbox.migration("0002_more.sql", "CREATE TABLE more (id INTEGER);\n-- rollback\nDROP TABLE more;\n");
    sandbox.run(&["migrate"]).exits(0);
    sandbox.remove("migrations/0002_more.sql");
    assert_snapshot!(sandbox.refuses(6, &["rollback"]).transcript);
    sandbox.run(&["rollback", "--yes"]).exits(0);
    assert_eq!(sandbox.applied(), "0001");
}
