//! Branches in a team: heads that are joined, numbers that are given anew, and the check against a base branch.

use insta::assert_snapshot;
use serde_json::json;

use crate::sandbox::{Sandbox, git, listing};

fn two_heads() -> Sandbox {
    Sandbox::holding(&[
        ("0006_users.sql", "CREATE TABLE users (id INTEGER);\n"),
        ("0007_add_sms.sql", "-- down_revision: 0006\n-- branch: sms\nCREATE TABLE sms (id INTEGER);\n"),
        ("0008_add_push.sql", "-- down_revision: 0006\n-- branch: push\nCREATE TABLE push (id INTEGER);\n"),
    ])
}

#[test]
fn heads_that_touch_different_objects() {
    let sandbox = two_heads();
    let said = [
        sandbox.run(&["heads"]).exits(0).transcript,
        sandbox.run(&["migrate", "--dry-run"]).exits(0).transcript,
        sandbox.run(&["migrate", "+2"]).exits(0).transcript,
        sandbox.run(&["migrate"]).exits(0).transcript,
        sandbox.run(&["migrate"]).exits(0).transcript,
        sandbox.run(&["status"]).exits(0).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_merge() {
    let sandbox = two_heads();
    let said = [
        sandbox.run(&["merge", "-m", "sms and push", "7", "push@head"]).exits(0).transcript,
        sandbox.run(&["merge"]).exits(0).transcript,
        sandbox.run(&["status"]).exits(0).transcript,
        sandbox.run(&["migrate", "--strict"]).exits(0).transcript,
        sandbox.run(&["show", "head"]).exits(0).transcript,
        sandbox.run(&["history"]).exits(0).transcript,
    ];
    assert_snapshot!(said.join("\n"));
    let text = sandbox.read("migrations/0009_sms_and_push.sql");
    assert!(text.contains("-- down_revision: [\"0007\", \"0008\"]\n"), "{text}");
    let json = sandbox.run(&["merge", "--json"]).exits(0).json();
    let merged = &json["databases"][0];
    assert_eq!(
        (&merged["path"], &merged["heads"], &merged["clashes"]),
        (&json!(null), &json!(["0009"]), &json!([]))
    );
}

#[test]
fn a_merge_of_revisions_with_hashes() {
    let sandbox = Sandbox::holding(&[
        (
            "a1b2c3d4e5f6_users.sql",
            "-- revision: a1b2c3d4e5f6\n-- down_revision: none\nCREATE TABLE users (id INTEGER);\n",
        ),
        (
            "b2c3d4e5f6a1_sms.sql",
            "-- revision: b2c3d4e5f6a1\n-- down_revision: a1b2c3d4e5f6\nCREATE TABLE sms (id INTEGER);\n",
        ),
        (
            "c3d4e5f6a1b2_push.sql",
            "-- revision: c3d4e5f6a1b2\n-- down_revision: a1b2c3d4e5f6\nALTER TABLE users ADD x TEXT;\n",
        ),
    ]);
    let json =
        sandbox.run(&["merge", "-m", "Merge migrations", "b2c3d4", "c3d4e5", "--json"]).exits(0).json();
    let merged = &json["databases"][0];
    let (path, version) = (merged["path"].as_str().unwrap(), merged["version"].as_str().unwrap());
    assert!(path.ends_with("_merge_migrations.sql"), "{path}");
    let text = sandbox.read(path);
    assert!(
        text.contains(&format!(
            "-- revision: {version}\n-- down_revision: [\"b2c3d4e5f6a1\", \"c3d4e5f6a1b2\"]\n"
        )),
        "{text}"
    );
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(
        sandbox.run(&["heads", "--json"]).exits(0).json()["databases"][0]["heads"][0]["version"],
        version
    );
}

#[test]
fn a_merge_in_other_layouts() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.up.sql", "CREATE TABLE a (x);\n"),
        ("0001_a.down.sql", "DROP TABLE a;\n"),
        ("0002_b.up.sql", "-- down_revision: none\nCREATE TABLE b (x);\n"),
        ("0002_b.down.sql", "DROP TABLE b;\n"),
    ]);
    sandbox.run(&["merge"]).exits(0);
    assert!(sandbox.path("migrations/0003_merge_0001_0002.down.sql").is_file());
    sandbox.run(&["migrate"]).exits(0);
    sandbox.run(&["rollback", "base"]).exits(0);
    assert_eq!(sandbox.applied(), "");
}

#[test]
fn a_number_that_was_taken() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("0002_b.sql", "CREATE TABLE b (id INTEGER);\n"),
    ]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.migration("0002_c.sql", "-- revision: 0002\nCREATE TABLE c (id INTEGER);\n");
    let said = [
        sandbox.run(&["migrate"]).exits(1).transcript,
        sandbox.run(&["new", "--renumber", "migrations/0002_c.sql"]).exits(0).transcript,
        sandbox.run(&["migrate"]).exits(0).transcript,
        sandbox.run(&["new", "--renumber", "0001_a.sql"]).exits(6).transcript,
    ];
    assert_eq!(listing(&sandbox.path("migrations")), ["0001_a.sql", "0002_b.sql", "0003_c.sql"]);
    assert!(sandbox.read("migrations/0003_c.sql").starts_with("-- revision: 0003\n"));
    assert_snapshot!(said.join("\n"));
}

#[test]
fn references_follow_the_number() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("0005_b/up.sql", "-- down_revision: 0001\nCREATE TABLE b (id INTEGER);\n"),
        ("0005_b/down.sql", "DROP TABLE b;\n"),
        ("0006_c.sql", "-- depends_on: [\"5\"]\n-- down_revision: 0001\nCREATE TABLE c (id INTEGER);\n"),
        ("0007_d.sql", "-- down_revision: 0001\nCREATE TABLE d (id INTEGER);\n"),
    ]);
    let ran = sandbox.run(&["new", "--renumber", "migrations/0005_b"]).exits(0);
    assert_eq!(
        listing(&sandbox.path("migrations")),
        ["0001_a.sql", "0006_c.sql", "0007_d.sql", "0008_b"],
        "{}",
        ran.transcript
    );
    assert!(sandbox.read("migrations/0006_c.sql").starts_with("-- depends_on: [\"0008\"]\n"));
    assert_snapshot!(ran.transcript);
    let json = sandbox.run(&["new", "--renumber", "migrations/0008_b/up.sql", "--json"]).exits(0).json();
    assert_eq!(
        (&json["databases"][0]["from"], &json["databases"][0]["to"]),
        (&json!("0008"), &json!("0008"))
    );
    sandbox.run(&["migrate"]).exits(0);
}

/// `1` is the number of another file, and the beginning of this one's id.
#[test]
fn a_number_is_no_prefix_where_it_is_anothers() {
    let header = "-- depends_on: [\"1\"]\nCREATE TABLE c (id INTEGER);\n";
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("V10__b.sql", "CREATE TABLE b (id INTEGER);\n"),
        ("0011_c.sql", header),
    ]);
    let ran = sandbox.run(&["new", "--renumber", "migrations/V10__b.sql"]).exits(0);
    assert_eq!(sandbox.read("migrations/0011_c.sql"), header, "{}", ran.transcript);
    assert!(!sandbox.path("migrations/V10__b.sql").exists(), "{}", ran.transcript);
    sandbox.run(&["migrate"]).exits(0);
}

#[test]
fn a_database_that_cannot_be_asked() {
    let sandbox = Sandbox::with_settings("url = \"postgresql://nobody@127.0.0.1:1/none\"\n");
    sandbox.migrations(&[
        ("0001_a.sql", "CREATE TABLE a (id int);\n"),
        ("0001_b.sql", "CREATE TABLE b (id int);\n"),
    ]);
    let ran = sandbox.run(&["new", "--renumber", "0001_b.sql"]).exits(0);
    assert!(
        ran.err.contains("note: the database was not asked whether it has 0001 applied"),
        "{}",
        ran.transcript
    );
    assert_eq!(listing(&sandbox.path("migrations")), ["0001_a.sql", "0002_b.sql"]);
}

/// A repository whose branch `main` has two migrations, with `topic` checked out.
fn repository() -> Sandbox {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("0002_b.sql", "CREATE TABLE b (id INTEGER);\n"),
    ]);
    git(&sandbox, &["init", "-q", "-b", "main"]);
    commit(&sandbox);
    git(&sandbox, &["checkout", "-q", "-b", "topic"]);
    sandbox
}

fn commit(sandbox: &Sandbox) {
    git(sandbox, &["add", "."]);
    git(sandbox, &["commit", "-q", "-m", "work"]);
}

/// Puts a file onto `main`, behind the place where `topic` left it.
fn on_main(sandbox: &Sandbox, name: &str, text: &str) {
    git(sandbox, &["checkout", "-q", "main"]);
    sandbox.migration(name, text);
    commit(sandbox);
    git(sandbox, &["checkout", "-q", "topic"]);
}

#[test]
fn a_branch_in_order() {
    let sandbox = repository();
    on_main(&sandbox, "0003_main.sql", "CREATE TABLE m (id INTEGER);\n");
    sandbox.migration("0004_mine.sql", "CREATE TABLE mine (id INTEGER);\n");
    sandbox.migration("ROC__views.sql", "SELECT 1;\n");
    sandbox.migration("0001_a.sql", "-- better said\nCREATE TABLE a (id INTEGER);\n");
    let ran = sandbox.run(&["verify", "--against", "main"]).exits(0);
    assert!(sandbox.bytes().is_none(), "no database is made");
    let json = sandbox.run(&["verify", "--against", "main", "--json"]).exits(0).json();
    let found = &json["databases"][0];
    assert_eq!((&found["holds"], &found["added"]), (&json!(true), &json!(["0004", "ROC__views"])));
    assert_snapshot!(ran.transcript);
}

#[test]
fn a_branch_that_is_not_in_order() {
    let mut said = Vec::new();
    let mut found = |sandbox: &Sandbox| {
        said.push(sandbox.run(&["verify", "--against", "main"]).exits(5).transcript);
    };
    // Changed and deleted.
    let sandbox = repository();
    sandbox.migration("0001_a.sql", "CREATE TABLE a (id BIGINT);\n");
    sandbox.remove("migrations/0002_b.sql");
    found(&sandbox);
    // Called otherwise.
    let sandbox = repository();
    sandbox.rename("migrations/0002_b.sql", "migrations/0003_b.sql");
    found(&sandbox);
    // Taken twice.
    let sandbox = repository();
    on_main(&sandbox, "0003_main.sql", "CREATE TABLE m (id INTEGER);\n");
    sandbox.migration("0003_mine.sql", "CREATE TABLE mine (id INTEGER);\n");
    found(&sandbox);
    // Late.
    let sandbox = repository();
    on_main(&sandbox, "0005_main.sql", "CREATE TABLE m (id INTEGER);\n");
    sandbox.migration("0004_mine.sql", "CREATE TABLE mine (id INTEGER);\n");
    found(&sandbox);
    // Several heads.
    let sandbox = repository();
    on_main(&sandbox, "0003_main.sql", "-- down_revision: 0002\nALTER TABLE b ADD m INTEGER;\n");
    sandbox.migration("0004_mine.sql", "-- down_revision: 0002\nALTER TABLE b ADD n INTEGER;\n");
    found(&sandbox);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn what_is_no_finding() {
    // What the base changed itself, and this branch has not got yet.
    let sandbox = repository();
    on_main(&sandbox, "0002_b.sql", "CREATE TABLE b (id BIGINT);\n");
    sandbox.run(&["verify", "--against", "main"]).exits(0);
    // Heads that touch different objects, which want no merge.
    on_main(&sandbox, "0003_main.sql", "-- down_revision: 0002\nCREATE TABLE m (id INTEGER);\n");
    sandbox.migration("0004_mine.sql", "-- down_revision: 0002\nCREATE TABLE mine (id INTEGER);\n");
    let ran = sandbox.run(&["verify", "--against", "main"]).exits(0);
    assert!(ran.out.contains("they touch different objects"), "{}", ran.transcript);
    // The same file on both sides, brought by a cherry-pick.
    let sandbox = repository();
    on_main(&sandbox, "0003_both.sql", "CREATE TABLE m (id INTEGER);\n");
    sandbox.migration("0003_both.sql", "CREATE TABLE m (id INTEGER);\n");
    sandbox.run(&["verify", "--against", "main"]).exits(0);
}

#[test]
fn targets_wherever_a_revision_is_taken() {
    let sandbox = two_heads();
    sandbox.run(&["migrate"]).exits(0);
    for (arguments, exit) in [
        (&["show", "sms@head"][..], 0),
        (&["show", "0008-1"], 0),
        (&["show", "0006"], 0),
        (&["show", "6"], 0),
        // Two are current.
        (&["show", "-1"], 2),
        (&["show", "heads"], 2),
        (&["verify", "push@head"], 0),
        (&["verify", "8"], 0),
        (&["stamp", "--remove", "push@head"], 0),
        (&["stamp", "--only", "+1"], 0),
        (&["stamp", "sms@head"], 0),
        (&["show", "+1"], 0),
        (&["show", "-1"], 0),
        (&["verify", "-1"], 0),
        (&["stamp", "+1"], 0),
        (&["stamp", "-1"], 0),
        (&["stamp", "0008"], 0),
        (&["rollback", "0008-1", "--dry-run"], 6),
        (&["new", "a", "--head", "push@head"], 0),
        (&["new", "b", "--head", "0009", "--depends-on", "sms@head"], 0),
        (&["new", "c", "--head", "head"], 0),
        (&["new", "d", "--head", "+1"], 2),
        (&["verify", "--accept", "push@head", "--reason", "x"], 2),
    ] {
        sandbox.run(arguments).exits(exit);
    }
    assert!(sandbox.read("migrations/0009_a.sql").contains("-- down_revision: 0008\n"));
    let last = sandbox.read("migrations/0010_b.sql");
    assert!(last.contains("-- down_revision: 0009\n-- depends_on: [\"0007\"]\n"), "{last}");
}
