//! What `template` prints and writes.

use insta::assert_snapshot;
use serde_json::json;

use crate::sandbox::{Sandbox, listing};

#[test]
fn both_ways_on_standard_output() {
    let sandbox = Sandbox::new();
    // As the seed writes them, and as SPEC does.
    let said: Vec<_> = [
        &[
            "add_column",
            "--table",
            "users",
            "--column",
            "phone",
            "--type",
            "sa.String(20)",
            "--null",
            "--comment",
            "Phone",
        ][..],
        &["add-index", "--table", "users", "--column", "email", "--unique", "--name", "uix_users_email"],
        &[
            "create_table",
            "--table",
            "users",
            "--column",
            "username:sa.String(100)",
            "--column",
            "age:sa.Integer():null:0",
            "--with-timestamps",
            "--with-soft-delete",
        ],
        &["rename-column", "--table", "users", "--column", "name", "--to", "full_name"],
        &["data", "--up", "UPDATE users SET status = 'active' WHERE status IS NULL"],
        &["data", "--up", "DELETE FROM a; DELETE FROM b;", "--down", "SELECT 1"],
    ]
    .iter()
    .map(|words| sandbox.run(&[&["template"], *words].concat()).exits(0).transcript)
    .collect();
    assert_snapshot!(said.join("\n"));
    assert!(listing(&sandbox.path("migrations")).is_empty() && !sandbox.path("app.db").exists());
}

#[test]
fn what_is_printed_is_a_migration() {
    let sandbox = Sandbox::new();
    let words = ["template", "create-table", "--table", "users", "--column", "name:text"];
    let printed = sandbox.run(&words).exits(0).out;
    sandbox.migration("0001_users.sql", &printed);
    sandbox.run(&["migrate"]).exits(0);
    sandbox
        .run(&[
            "template",
            "add-column",
            "--table",
            "users",
            "--column",
            "age:integer:null",
            "--write",
            "add age",
        ])
        .exits(0);
    assert_eq!(listing(&sandbox.path("migrations")), ["0001_users.sql", "0002_add_age.sql"]);
    assert_snapshot!(sandbox.read("migrations/0002_add_age.sql").replace(&today(), "[today]"));
    sandbox.run(&["migrate"]).exits(0);
    sandbox.run(&["rollback", "-c", "2"]).exits(0);
    assert_eq!(sandbox.values("SELECT count(*) FROM sqlite_schema WHERE name = 'users'"), "0");
}

fn today() -> String {
    let sandbox = Sandbox::new();
    let made = sandbox.run(&["new", "x", "--timestamp"]).exits(0).out;
    let stamp = made.rsplit('/').next().unwrap();
    format!("{}-{}-{}", &stamp[..4], &stamp[4..6], &stamp[6..8])
}

#[test]
fn json() {
    let sandbox = Sandbox::new();
    let words = ["template", "rename-column", "--table", "t", "--column", "a", "--name", "b", "--json"];
    let database = &sandbox.run(&words).exits(0).json()["databases"][0];
    assert_eq!(
        *database,
        json!({
            "name": "primary",
            "upgrade": "ALTER TABLE \"t\" RENAME COLUMN \"a\" TO \"b\";",
            "downgrade": "ALTER TABLE \"t\" RENAME COLUMN \"b\" TO \"a\";",
            "irreversible": null,
            "unasked": null,
        })
    );
    let words = ["template", "data", "--up", "SELECT 1", "--write", "look", "--json"];
    let database = sandbox.run(&words).exits(0).json()["databases"][0].clone();
    assert_eq!(database["downgrade"], json!(null));
    assert_eq!(database["irreversible"], json!("no SQL is given that undoes it"));
    assert_eq!(database["path"], json!("migrations/0001_look.sql"));
    assert_eq!(database["version"], json!("0001"));
    assert_eq!(database["existed"], json!(false));
    // The same again is the same file.
    let again = sandbox.run(&words).exits(0).json()["databases"][0].clone();
    assert_eq!((&again["path"], &again["existed"]), (&database["path"], &json!(true)));
    let said = sandbox.run(&words[..words.len() - 1]).exits(0);
    assert!(said.err.contains("note: it was there already"), "{}", said.transcript);
    assert_eq!(listing(&sandbox.path("migrations")), ["0001_look.sql"]);
}
