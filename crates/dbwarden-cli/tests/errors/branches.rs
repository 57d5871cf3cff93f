//! Branches that are not merged, numbers that were taken twice, and a base branch that git does not know.

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, listing};

const FIRST: (&str, &str) =
    ("0006_users.sql", "CREATE TABLE users (id INTEGER);\n-- rollback\nDROP TABLE users;\n");

fn same_table() -> Vec<(&'static str, &'static str)> {
    vec![
        FIRST,
        (
            "0007_add_sms.sql",
            "-- down_revision: 0006\n-- branch: sms\nALTER TABLE users ADD COLUMN sms TEXT;\n",
        ),
        (
            "0008_add_push.sql",
            "-- down_revision: 0006\n-- branch: push\nCREATE INDEX users_id ON users (id);\n",
        ),
    ]
}

#[test]
fn heads_that_touch_the_same() {
    let sandbox = Sandbox::holding(&same_table());
    let said = [
        sandbox.refuses(1, &["migrate"]).transcript,
        sandbox.refuses(1, &["migrate", "--dry-run"]).transcript,
        sandbox.refuses(1, &["migrate", "-c", "2"]).transcript,
        sandbox.run(&["heads"]).exits(0).transcript,
        // The table that the one changes, the other one refers to.
        {
            sandbox.migration(
                "0008_add_push.sql",
                "-- down_revision: 0006\nCREATE TABLE push (user_id INTEGER REFERENCES users (id));\n",
            );
            sandbox.refuses(1, &["migrate"]).transcript
        },
        {
            sandbox.migration("0008_add_push.sql", "-- down_revision: 0006\n\nDROP INDEX other_table_s;\n");
            sandbox.refuses(1, &["migrate"]).transcript
        },
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn being_strict_about_heads() {
    let sandbox = Sandbox::holding(&[
        FIRST,
        ("0007_sms.sql", "-- down_revision: 0006\nCREATE TABLE sms (id INTEGER);\n"),
        ("0008_push.sql", "-- down_revision: 0006\nCREATE TABLE push (id INTEGER);\n"),
    ]);
    assert_snapshot!(sandbox.refuses(1, &["migrate", "--strict"]).transcript);
}

#[test]
fn one_side_is_applied() {
    let sandbox = Sandbox::holding(&same_table());
    sandbox.run(&["migrate", "-t", "0007"]).exits(0);
    assert_snapshot!(sandbox.refuses(1, &["migrate"]).transcript);
}

#[test]
fn merges_of_what_cannot_be_merged() {
    let sandbox = Sandbox::holding(&same_table());
    let said: Vec<_> = [
        &["merge", "0007"][..],
        &["merge", "0006", "0008"],
        &["merge", "0007", "0009"],
        &["merge", "000"],
        &["merge", "sms@head", "mail@head"],
        &["merge", "+1"],
        &["merge", "-m", "!"],
    ]
    .iter()
    .map(|arguments| {
        let ran = sandbox.run(arguments);
        assert_ne!(ran.exit, 0, "{}", ran.transcript);
        ran.transcript
    })
    .collect();
    assert_eq!(listing(&sandbox.path("migrations")).len(), 3, "nothing is written");
    assert_snapshot!(said.join("\n"));
}

#[test]
fn what_cannot_be_renumbered() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("0002_b.sql", "CREATE TABLE b (id INTEGER);\n"),
        ("RA__views.sql", "SELECT 1;\n"),
    ]);
    sandbox.run(&["migrate"]).exits(0);
    let mut said = vec![
        sandbox.refuses(6, &["new", "--renumber", "migrations/0002_b.sql"]).transcript,
        sandbox.refuses(2, &["new", "--renumber", "migrations/RA__views.sql"]).transcript,
        sandbox.refuses(2, &["new", "--renumber", "0009_x.sql"]).transcript,
        sandbox.refuses(2, &["new", "--renumber", "0002_b.sql", "text"]).transcript,
    ];
    // Of two the one that was run keeps its number; what of them is meant by a third cannot be told.
    sandbox.migration("0002_c.sql", "CREATE TABLE c (id INTEGER);\n");
    said.push(sandbox.refuses(6, &["new", "--renumber", "0002_b.sql"]).transcript);
    sandbox.migration("0003_d.sql", "-- depends_on: 0002\nCREATE TABLE d (id INTEGER);\n");
    said.push(sandbox.refuses(2, &["new", "--renumber", "0002_c.sql"]).transcript);
    sandbox.remove("migrations/0003_d.sql");
    sandbox.migration("0002_b.sql", "CREATE TABLE other (id INTEGER);\n");
    said.push(sandbox.refuses(6, &["new", "--renumber", "0002_c.sql"]).transcript);
    assert_eq!(
        listing(&sandbox.path("migrations")),
        ["0001_a.sql", "0002_b.sql", "0002_c.sql", "RA__views.sql"]
    );
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_renumbering_that_would_be_a_circle() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("0002_b.sql", "CREATE TABLE b (id INTEGER);\n"),
        ("0003_c.sql", "-- depends_on: 0002\nCREATE TABLE c (id INTEGER);\n"),
    ]);
    assert_snapshot!(sandbox.refuses(1, &["new", "--renumber", "0002_b.sql"]).transcript);
    assert_eq!(listing(&sandbox.path("migrations")), ["0001_a.sql", "0002_b.sql", "0003_c.sql"]);
}

#[test]
fn a_base_that_git_does_not_know() {
    let mut sandbox = Sandbox::holding(&[FIRST]);
    let ceiling = sandbox.path("").parent().unwrap().to_string_lossy().into_owned();
    sandbox.set("GIT_CEILING_DIRECTORIES", &ceiling);
    let mut said = vec![sandbox.refuses(2, &["verify", "--against", "main"]).transcript];
    crate::sandbox::git(&sandbox, &["init", "-q", "-b", "main"]);
    crate::sandbox::git(&sandbox, &["commit", "-q", "--allow-empty", "-m", "first"]);
    crate::sandbox::git(&sandbox, &["checkout", "-q", "--orphan", "lone"]);
    crate::sandbox::git(&sandbox, &["commit", "-q", "--allow-empty", "-m", "lone"]);
    said.push(sandbox.refuses(2, &["verify", "--against", "origin/main"]).transcript);
    said.push(sandbox.refuses(2, &["verify", "--against=--help"]).transcript);
    said.push(sandbox.refuses(2, &["verify", "--against", "main"]).transcript);
    said.push(sandbox.refuses(2, &["verify", "--against", "main", "0006"]).transcript);
    sandbox.set("PATH", "/nowhere");
    said.push(sandbox.refuses(2, &["verify", "--against", "main"]).transcript);
    assert_snapshot!(said.join("\n"));
}
