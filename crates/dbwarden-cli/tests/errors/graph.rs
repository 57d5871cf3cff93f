//! Files that do not hang together, and references that lead nowhere.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

const A: &str = "CREATE TABLE a (id INTEGER);\n";
const B: &str = "CREATE TABLE b (id INTEGER);\n";

#[track_caller]
fn refused(files: &[(&str, &str)], exit: i32, arguments: &[&str]) -> String {
    let sandbox = Sandbox::holding(files);
    let ran = sandbox.refuses(exit, arguments);
    assert!(!sandbox.path("app.db").exists(), "no file is made: {}", ran.transcript);
    ran.transcript
}

#[test]
fn duplicate_ids() {
    let said = [
        refused(&[("0001_a.sql", A), ("0002_b.sql", B), ("0002_c.sql", A)], 1, &["migrate"]),
        refused(&[("0001_a.sql", A), ("2_b.sql", B), ("0002_c.sql", A)], 1, &["migrate"]),
        refused(&[("0001_a.sql", A), ("x/0001_a.sql", A)], 1, &["migrate"]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn an_unknown_parent() {
    let said = [
        refused(&[("0001_a.sql", A), ("0002_b.sql", "-- down_revision: 0011\nSELECT 1;\n")], 1, &["migrate"]),
        refused(&[("0001_a.sql", A), ("0002_b.sql", "-- down_revision: 0002\nSELECT 1;\n")], 1, &["migrate"]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn an_unknown_dependency() {
    let said = [
        refused(
            &[("0001_a.sql", A), ("0002_b.sql", "-- depends_on: [\"0007\"]\nSELECT 1;\n")],
            1,
            &["migrate"],
        ),
        refused(
            &[
                ("0001_a.sql", A),
                ("0002_b.sql", "-- depends_on: RA__views\nSELECT 1;\n"),
                ("RA__views.sql", B),
            ],
            1,
            &["migrate"],
        ),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_cycle() {
    let files = [
        ("0001_a.sql", "-- depends_on: 0003\nSELECT 1;\n"),
        ("0002_b.sql", B),
        ("0003_c.sql", "SELECT 1;\n"),
    ];
    assert_snapshot!(refused(&files, 1, &["migrate"]));
}

#[test]
fn a_first_file_that_does_not_say_so_among_hashes() {
    let files = [
        ("e5d4c3b2a1f6_initial.sql", A),
        ("f6e5d4c3b2a1_more.sql", "-- down_revision: e5d4c3b2a1f6\nSELECT 1;\n"),
        ("a1b2c3d4e5f6_last.sql", "-- down_revision: f6e5d4c3b2a1\nSELECT 1;\n"),
    ];
    assert_snapshot!(refused(&files, 1, &["migrate"]));
}

#[test]
fn an_ambiguous_prefix() {
    let files = [("a1b2c3d4e5f6_users.sql", A), ("a1b2c3ffe5f6_orders.sql", B)];
    let said = [refused(&files, 2, &["migrate", "-t", "a1b2"]), refused(&files, 2, &["show", "a1b2"])];
    assert_snapshot!(said.join("\n"));
}

fn two_heads() -> Vec<(&'static str, &'static str)> {
    vec![
        ("0006_users.sql", A),
        ("0007_add_sms.sql", "-- down_revision: 0006\n-- branch: sms\nALTER TABLE a ADD COLUMN sms TEXT;\n"),
        (
            "0008_add_push.sql",
            "-- down_revision: 0006\n-- branch: push\nALTER TABLE a ADD COLUMN push TEXT;\n",
        ),
    ]
}

#[test]
fn several_heads() {
    let said = [
        refused(&two_heads(), 1, &["migrate"]),
        refused(&two_heads(), 1, &["migrate", "--dry-run"]),
        refused(&two_heads(), 1, &["stamp", "head"]),
        refused(&two_heads(), 2, &["migrate", "-t", "mail@head"]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn several_heads_are_applied_when_they_are_named() {
    let sandbox = Sandbox::holding(&two_heads());
    sandbox.run(&["migrate", "-t", "sms@head"]).exits(0);
    assert_eq!(sandbox.applied(), "0006,0007");
    sandbox.run(&["migrate", "heads"]).exits(0);
    assert_eq!(sandbox.applied(), "0006,0007,0008");
}

#[test]
fn targets_that_do_not_exist() {
    let sandbox = Sandbox::shop();
    let said: Vec<_> = [
        &["migrate", "-t", "0009"][..],
        &["migrate", "-t", "0003+2"],
        &["migrate", "+5"],
        &["migrate", "-t", "-1"],
        &["migrate", "base"],
        &["rollback", "-t", "0009"],
        &["rollback", "-t", "-7"],
        &["rollback", "+1"],
        &["show", "0009"],
        &["show", "nothing"],
        &["stamp", "0009"],
        &["verify", "0009"],
        &["new", "x", "--head", "0009"],
        &["new", "x", "--depends-on", "0009"],
    ]
    .iter()
    .map(|arguments| sandbox.refuses(2, arguments).transcript)
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_rollback_to_what_is_not_applied() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_more.sql", A);
    assert_snapshot!(sandbox.refuses(2, &["rollback", "-t", "0004"]).transcript);
}

#[test]
fn texts_that_are_no_target() {
    let sandbox = Sandbox::shop();
    let said: Vec<_> = [
        &["migrate", "-t", "+0"][..],
        &["migrate", "-t", "+x"],
        &["migrate", "-t", "a@b"],
        &["migrate", "-t", ""],
        &["rollback", "-t", "-0"],
    ]
    .iter()
    .map(|arguments| sandbox.refuses(2, arguments).transcript)
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn counts() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_more.sql", A);
    let said: Vec<_> = [
        &["migrate", "-c", "0"][..],
        &["migrate", "-c", "2"],
        &["migrate", "-c", "-1"],
        &["migrate", "-c", "many"],
        &["rollback", "-c", "0"],
        &["rollback", "-c", "4"],
        &["migrate", "-c", "1", "-t", "0004"],
        &["rollback", "-c", "1", "-t", "0001"],
    ]
    .iter()
    .map(|arguments| sandbox.refuses(2, arguments).transcript)
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn nothing_to_roll_back() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", A)]);
    assert_snapshot!(sandbox.refuses(2, &["rollback"]).transcript);
}

#[test]
fn replaced_by_half() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", A), ("0002_b.sql", B)]);
    sandbox.run(&["migrate", "-c", "1"]).exits(0);
    sandbox.remove("migrations/0001_a.sql");
    sandbox.remove("migrations/0002_b.sql");
    sandbox.migration(
        "0003_squashed.sql",
        "-- replaces: [\"0001\", \"0002\"]\nCREATE TABLE a (id INTEGER);\nCREATE TABLE b (id INTEGER);\n",
    );
    assert_snapshot!(sandbox.refuses(1, &["migrate"]).transcript);
}

#[test]
fn two_heads_are_named_by_status() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("0002_b.sql", "-- down_revision: 0001\nCREATE TABLE b (id INTEGER);\n"),
        ("0003_c.sql", "-- down_revision: 0001\nCREATE TABLE c (id INTEGER);\n"),
    ]);
    let said = [
        sandbox.run(&["status"]).exits(0).transcript,
        sandbox.run(&["migrate", "-t", "0002"]).exits(0).transcript,
        sandbox.run(&["status"]).exits(0).transcript,
        sandbox.run(&["migrate"]).exits(0).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}
