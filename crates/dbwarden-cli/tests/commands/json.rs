//! `--json` prints one document with a stable shape.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// Runs with `--json`, and sees that standard output is one document with its frame, and standard error empty.
#[track_caller]
fn document(sandbox: &Sandbox, exit: i32, arguments: &[&str], command: &str) -> Value {
    let with: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
    let ran = sandbox.run(&with).exits(exit);
    assert_eq!(ran.err, "", "{}", ran.transcript);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.transcript);
    let json = ran.json();
    assert_eq!((&json["schema"], &json["command"]), (&json!(1), &json!(command)), "{}", ran.transcript);
    json
}

#[track_caller]
fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "{field} is missing in {value}");
    }
}

#[test]
fn migrate_and_rollback() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n"),
        ("0002_b.sql", "CREATE TABLE b (id INTEGER);\n-- rollback\nDROP TABLE b;\n"),
    ]);
    for (arguments, command) in [
        (&["migrate", "-c", "1"][..], "migrate"),
        (&["upgrade", "head"], "migrate"),
        (&["rollback"], "rollback"),
        (&["downgrade", "-1"], "rollback"),
        (&["stamp", "head"], "stamp"),
        (&["migrate"], "migrate"),
    ] {
        let json = document(&sandbox, 0, arguments, command);
        let database = &json["databases"][0];
        has(
            database,
            &[
                "name",
                "target",
                "engine",
                "applied",
                "pending",
                "error",
                "current",
                "at_head",
                "notes",
                "duration_ms",
            ],
        );
        assert_eq!(database["name"], "primary");
        assert_eq!(database["error"], Value::Null);
        for applied in database["applied"].as_array().unwrap() {
            has(applied, &["version", "description", "statements", "duration_ms"]);
        }
    }
    let json = document(&sandbox, 0, &["rollback", "--dry-run"], "rollback");
    assert_eq!(json["databases"][0]["plan"]["steps"][0]["id"], "0002");
}

#[test]
fn an_error_has_its_code_place_and_what_to_do_next() {
    let sandbox =
        Sandbox::holding(&[("0001_a.sql", "CREATE TABLE a (id INTEGER);\nCREATE TABEL b (id INTEGER);\n")]);
    let json = document(&sandbox, 1, &["migrate"], "migrate");
    let error = &json["error"];
    assert_eq!(error["code"], "sql");
    assert_eq!(
        (&error["file"], &error["line"], &error["column"]),
        (&json!("migrations/0001_a.sql"), &json!(2), &json!(8))
    );
    assert_eq!(error["next"], "correct the file, then `dbwarden migrate`");
    assert!(error["kept"].as_array().unwrap().contains(&json!("0001 is rolled back whole")), "{error}");
    assert_eq!(error["database"], "primary");
    let json = document(&sandbox, 2, &["migrate", "-t", "0009"], "migrate");
    assert_eq!(json["error"]["code"], "unknown-revision");
}

#[test]
fn what_cannot_be_read_is_a_document_too() {
    let sandbox = Sandbox::shop();
    let ran = sandbox.run(&["--json", "migrate", "--nonsense"]).exits(2);
    assert_eq!(ran.json()["error"]["code"], "usage");
    assert_eq!(ran.err, "");
    let ran = sandbox.run(&["--json", "nonsense"]).exits(2);
    assert_eq!(ran.json()["error"]["code"], "usage");
    let empty = Sandbox::empty();
    assert_eq!(empty.run(&["--json", "status"]).exits(2).json()["error"]["code"], "no-settings");
}

#[test]
fn every_command() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_more.sql", "CREATE TABLE more (id INTEGER);\n");
    let status = document(&sandbox, 0, &["current"], "status");
    has(
        &status["databases"][0],
        &["name", "applied", "pending", "not_selected", "pending_count", "current", "at_head", "lock"],
    );
    assert_eq!(status["databases"][0]["applied"].as_array().unwrap().len(), 3);
    let history = document(&sandbox, 0, &["history"], "history");
    let revisions = history["databases"][0]["revisions"].as_array().unwrap();
    assert_eq!(revisions.len(), 4);
    has(&revisions[0], &["version", "description", "parents", "labels", "head", "applied"]);
    assert_eq!(revisions[0]["version"], "0004");
    let heads = document(&sandbox, 0, &["heads"], "heads");
    assert_eq!(heads["databases"][0]["heads"][0]["version"], "0004");
    let branches = document(&sandbox, 0, &["branches"], "branches");
    has(&branches["databases"][0], &["branches", "labels"]);
    let show = document(&sandbox, 0, &["show", "2"], "show");
    has(&show["databases"][0], &["version", "file", "kind", "headers", "checksum", "up", "down", "applied"]);
    assert_eq!(show["databases"][0]["version"], "0002");
    let verify = document(&sandbox, 0, &["verify"], "verify");
    assert_eq!(verify["databases"][0]["holds"], true);
    let lock = document(&sandbox, 0, &["lock-status"], "lock-status");
    assert_eq!(lock["databases"][0]["holder"], Value::Null);
    let unlock = document(&sandbox, 0, &["unlock"], "unlock");
    assert_eq!(unlock["databases"][0]["unlock"]["outcome"], "free");
    let config = document(&sandbox, 0, &["config"], "config");
    has(&config["databases"][0]["settings"][0], &["key", "value", "origin", "problem"]);
    let list = document(&sandbox, 0, &["database", "list"], "database list");
    has(&list["databases"][0], &["name", "engine", "target", "migrations", "default", "protected", "error"]);
    let doctor = document(&sandbox, 0, &["doctor"], "doctor");
    has(&doctor["databases"][0], &["checks"]);
    let version = document(&sandbox, 0, &["version"], "version");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    let sql = document(&sandbox, 0, &["migrate", "--sql"], "migrate");
    assert!(sql["databases"][0]["sql"].as_str().unwrap().contains("CREATE TABLE more"));
    let new = document(&sandbox, 0, &["new", "add coupons"], "new");
    assert_eq!(new["databases"][0]["version"], "0005");
    let init = document(&sandbox, 0, &["init"], "init");
    has(&init, &["written", "kept"]);
}

#[test]
fn a_failed_run_says_what_was_applied_before() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("0002_b.sql", "CREATE TABEL b (id INTEGER);\n"),
    ]);
    let json = document(&sandbox, 1, &["migrate"], "migrate");
    assert_eq!(json["applied"][0]["version"], "0001");
    assert_eq!(json["error"]["code"], "sql");
    let json = document(&sandbox, 2, &["migrate", "-t", "0009"], "migrate");
    assert_eq!(json["applied"], json!([]));
    let json = document(&sandbox, 1, &["migrate", "--all"], "migrate");
    assert_eq!(json["databases"][0]["applied"], json!([]));
}
