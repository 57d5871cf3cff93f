//! One test a row of the specification's table of exit codes.

use crate::sandbox::{ORDERS, Sandbox};

#[test]
fn done_is_0() {
    let sandbox = Sandbox::shop();
    for command in
        ["migrate", "status", "history", "heads", "branches", "verify", "doctor", "config", "version"]
    {
        sandbox.run(&[command]).exits(0);
    }
    sandbox.run(&["--help"]).exits(0);
    sandbox.run(&["--version"]).exits(0);
    sandbox.run(&["migrate", "--help"]).exits(0);
}

#[test]
fn failed_is_1() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", "SELECT nonsense;\n")]);
    sandbox.run(&["migrate"]).exits(1);
}

#[test]
fn usage_and_settings_are_2() {
    let sandbox = Sandbox::empty();
    sandbox.run(&["migrate"]).exits(2);
    sandbox.run(&["nonsense"]).exits(2);
    sandbox.run(&[]).exits(2);
    sandbox.run(&["migrate", "--nonsense"]).exits(2);
}

#[test]
fn pending_is_3() {
    let sandbox = Sandbox::shop();
    sandbox.run(&["status", "--check"]).exits(0);
    sandbox.migration("0004_more.sql", "CREATE TABLE more (id INTEGER);\n");
    sandbox.run(&["status"]).exits(0);
    sandbox.refuses(3, &["status", "--check"]);
    sandbox.refuses(3, &["current", "--check", "--quiet"]);
    assert_eq!(
        sandbox.run(&["status", "--check", "--json"]).exits(3).json()["databases"][0]["pending_count"],
        1
    );
}

/// Three databases, the middle one broken.
fn three() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "warden.toml",
        "default = \"a\"\n[databases.a]\nurl = \"sqlite:///a.db\"\nmigrations = \"m/a\"\n[databases.b]\nurl = \"sqlite:///b.db\"\nmigrations = \"m/b\"\n[databases.c]\nurl = \"sqlite:///c.db\"\nmigrations = \"m/c\"\n",
    );
    sandbox.write("m/a/0001_a.sql", "CREATE TABLE a (id INTEGER);\n");
    sandbox.write("m/b/0001_b.sql", "CREATE TABEL b (id INTEGER);\n");
    sandbox.write("m/c/0001_c.sql", "CREATE TABLE c (id INTEGER);\n");
    sandbox
}

#[test]
fn a_part_of_all_is_3() {
    let sandbox = three();
    let ran = sandbox.run(&["migrate", "--all"]).exits(3);
    assert!(ran.err.contains("m/b/0001_b.sql:1:8"), "{}", ran.transcript);
    for name in ["a", "c"] {
        let database = sandbox.database_at(&format!("{name}.db"));
        let count: i64 =
            database.query_row("SELECT count(*) FROM dbwarden_migrations", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1, "{name} is migrated all the same");
    }
    let json = sandbox.run(&["migrate", "--all", "--json"]).exits(3).json();
    let databases = json["databases"].as_array().unwrap();
    assert_eq!(databases.iter().map(|it| it["name"].as_str().unwrap()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(databases[1]["error"]["code"], "sql");
    assert_eq!(databases[0]["error"], serde_json::Value::Null);
    sandbox.write("m/b/0001_b.sql", "CREATE TABLE b (id INTEGER);\n");
    sandbox.run(&["migrate", "--all"]).exits(0);
}

#[test]
fn all_broken_alike_is_their_own_code() {
    let sandbox = three();
    for name in ["a", "c"] {
        sandbox.write(&format!("m/{name}/0001_{name}.sql"), "CREATE TABEL x (id INTEGER);\n");
    }
    sandbox.run(&["migrate", "--all"]).exits(1);
}

#[test]
fn unverified_is_5() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0002_create_orders.sql", ORDERS.replace("NOT NULL", ""));
    sandbox.refuses(5, &["verify"]);
    sandbox.refuses(5, &["migrate"]);
}

#[test]
fn refused_is_6() {
    let sandbox = Sandbox::shop();
    sandbox.refuses(6, &["rollback", "--env", "prod"]);
}

#[test]
fn all_at_once_say_each_in_one_piece() {
    let sandbox = three();
    let ran = sandbox.run(&["migrate", "--all", "--jobs", "3"]).exits(3);
    let said: Vec<_> =
        ran.err.lines().filter(|line| line.starts_with("  = ") || line.contains("error[")).collect();
    assert!(ran.err.contains("m/b/0001_b.sql:1:8"), "{}", ran.transcript);
    assert_eq!(ran.out.matches("applied 1 in").count(), 2, "{}", ran.transcript);
    assert!(said.iter().any(|line| line.contains("error[sql]")), "{}", ran.transcript);
    let json = sandbox.run(&["migrate", "--all", "--jobs", "2", "--json"]).exits(3).json();
    let databases = json["databases"].as_array().unwrap();
    assert_eq!(databases.iter().map(|it| it["name"].as_str().unwrap()).collect::<Vec<_>>(), ["a", "b", "c"]);
    sandbox.refuses(2, &["migrate", "--jobs", "2"]);
    sandbox.refuses(2, &["migrate", "--all", "--jobs", "0"]);
}
