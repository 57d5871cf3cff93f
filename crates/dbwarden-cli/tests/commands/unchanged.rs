//! What is only to be looked at changes nothing, and scripts do what `migrate` does.

use std::process::{Command, Stdio};

use crate::sandbox::{CUSTOMERS, ORDERS, Sandbox, TOTALS, contents, listing, schema};

#[test]
fn a_dry_run_changes_nothing() {
    let sandbox = Sandbox::holding(&[("0001_create_customers.sql", CUSTOMERS)]);
    sandbox.refuses(0, &["migrate", "--dry-run"]);
    assert_eq!(listing(&sandbox.path("")), ["migrations", "warden.toml"], "not even a file");
    sandbox.run(&["migrate"]).exits(0);
    let before = listing(&sandbox.path(""));
    sandbox.migration("0002_create_orders.sql", ORDERS);
    for arguments in [
        &["migrate", "--dry-run"][..],
        &["rollback", "--dry-run"],
        &["stamp", "base", "--dry-run"],
        &["migrate", "--sql"],
        &["migrate", "--baseline", "--dry-run"],
        &["status"],
        &["verify"],
        &["history"],
        &["doctor"],
        &["lock-status"],
    ] {
        sandbox.refuses(0, arguments);
        assert_eq!(listing(&sandbox.path("")), before, "{arguments:?}");
    }
}

#[test]
fn nothing_to_do_writes_nothing() {
    let sandbox = Sandbox::shop();
    let ran = sandbox.refuses(0, &["migrate"]);
    assert!(ran.out.contains("nothing to do, at 0003 (head)"), "{}", ran.transcript);
}

#[test]
fn the_script_does_what_migrate_does() {
    let files = [
        ("0001_create_customers.sql", CUSTOMERS),
        ("0002_create_orders.sql", ORDERS),
        ("0003_order_totals.sql", TOTALS),
        (
            "0004_rebuild.sql",
            "PRAGMA foreign_keys = OFF;\nCREATE TABLE n (id INTEGER PRIMARY KEY, email TEXT);\nINSERT INTO n SELECT id, email FROM customers;\nDROP TABLE customers;\nALTER TABLE n RENAME TO customers;\nPRAGMA foreign_keys = ON;\n",
        ),
        (
            "0005_trigger.sql",
            "CREATE TRIGGER t AFTER INSERT ON orders BEGIN UPDATE orders SET total = CASE WHEN 1 THEN 2 END; END;\n",
        ),
        (
            "0006_own.sql",
            "BEGIN;\nCREATE TABLE o (id INTEGER);\nCOMMIT;\nBEGIN;\nINSERT INTO o VALUES ('a;b');\nCOMMIT;\n",
        ),
        ("0007_each.sql", "-- no-transaction\nCREATE TABLE e (id INTEGER);\nVACUUM;\n"),
        ("RA__view.sql", "DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT 1 AS one;\n"),
    ];
    let (by_script, by_migrate) = (Sandbox::holding(&files), Sandbox::holding(&files));
    by_migrate.run(&["migrate"]).exits(0);
    let script = by_script.run(&["migrate", "--sql"]).exits(0).out;
    by_script.write("script.sql", &script);
    let shell = Command::new("sqlite3")
        .arg("-bail")
        .arg(by_script.path("app.db"))
        .stdin(std::fs::File::open(by_script.path("script.sql")).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output();
    match shell {
        Ok(output) => {
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && error.is_empty(), "{error}\n{script}");
        }
        // No shell here: the library it is made from.
        Err(_) => by_script.database().execute_batch(&script).unwrap(),
    }
    assert_eq!(schema(&by_script.database()), schema(&by_migrate.database()));
    let down = "SELECT down_script FROM dbwarden_migrations ORDER BY version";
    assert_eq!(by_script.values(down), by_migrate.values(down));
    assert_eq!(by_script.applied(), by_migrate.applied());
    let ran = by_script.run(&["migrate", "-t", "head"]).exits(0);
    assert!(ran.out.contains("nothing to do") || ran.out.contains("RA__view"), "{}", ran.transcript);
    assert!(!ran.out.contains("\n  000"), "nothing versioned runs again: {}", ran.transcript);
}

#[test]
fn a_script_leaves_to_its_reader_what_only_the_database_knows() {
    let sandbox = Sandbox::holding(&[(
        "0001_a.sql",
        "CREATE TABLE a (id INTEGER);\n-- only-if: engine mysql\nCREATE NONSENSE;\n-- unless: env prod\nINSERT INTO a VALUES (1);\n",
    )]);
    let script = sandbox.run(&["migrate", "--sql"]).exits(0).out;
    assert!(!script.contains("NONSENSE") && script.contains("INSERT INTO a VALUES (1)"), "{script}");
    sandbox.migration("0002_b.sql", "-- unless: table b\nCREATE TABLE b (id INTEGER);\n");
    let script = sandbox.run(&["migrate", "--sql"]).exits(0).out;
    assert!(
        script.contains("-- CHECK FIRST, then keep or remove the next statement: unless: table b"),
        "{script}"
    );
}

#[test]
fn a_script_runs_repeatables_again() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("RA__x.sql", "DELETE FROM a;\n"),
    ]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.migration("0002_b.sql", "CREATE TABLE b (id INTEGER);\n");
    let script = sandbox.run(&["migrate", "--sql", "--from", "0001"]).exits(0).out;
    sandbox.sql(&script);
    sandbox.run(&["status", "--check"]).exits(0);
}

#[test]
fn a_part_of_the_script() {
    let sandbox = Sandbox::holding(&[
        ("0001_create_customers.sql", CUSTOMERS),
        ("0002_create_orders.sql", ORDERS),
        ("0003_order_totals.sql", TOTALS),
    ]);
    let script = sandbox.run(&["migrate", "--sql", "--from", "0001", "-t", "0002"]).exits(0).out;
    assert!(
        script.contains("CREATE TABLE orders")
            && !script.contains("TABLE customers (")
            && !script.contains("total"),
        "{script}"
    );
}

#[test]
fn init_names_the_database_as_it_is_told() {
    for (name, section) in [("shop", "[databases.shop]"), ("the shop", "[databases.\"the shop\"]")] {
        let sandbox = Sandbox::empty();
        sandbox.run(&["init", "-d", name]).exits(0);
        let text = sandbox.read("warden.toml");
        assert!(text.contains(section) && text.contains(&format!("default = \"{name}\"")), "{text}");
        sandbox.run(&["migrate"]).exits(0);
        assert!(sandbox.run(&["status", "-d", name]).exits(0).out.starts_with(name));
        assert_eq!(sandbox.run(&["init", "-d", name]).exits(0).err, "");
        let ran = sandbox.run(&["init", "-d", "another"]).exits(0);
        assert!(ran.err.contains("has no database \"another\""), "{}", ran.transcript);
        assert_eq!(sandbox.read("warden.toml"), text);
    }
}

#[test]
fn init_never_overwrites() {
    let sandbox = Sandbox::empty();
    sandbox.run(&["init"]).exits(0);
    let written = (sandbox.read("warden.toml"), listing(&sandbox.path("migrations")));
    sandbox.write("warden.toml", "# mine\n[databases.primary]\nurl = \"sqlite:///mine.db\"\n");
    sandbox.write("migrations/0001_create_customers.sql", "-- mine\nSELECT 1;\n");
    let ran = sandbox.run(&["init"]).exits(0);
    assert!(ran.out.contains("kept     warden.toml"), "{}", ran.transcript);
    assert!(sandbox.read("warden.toml").starts_with("# mine"));
    assert!(sandbox.read("migrations/0001_create_customers.sql").starts_with("-- mine"));
    assert!(!written.0.is_empty() && written.1.len() == 1);
    let fresh = Sandbox::empty();
    fresh.run(&["init"]).exits(0);
    fresh.run(&["migrate"]).exits(0);
    fresh.run(&["rollback"]).exits(0);
    assert_eq!(contents(&fresh.database()), "no file\n");
}
