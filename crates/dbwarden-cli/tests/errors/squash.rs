//! What cannot be squashed.

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, listing};

#[test]
fn what_one_file_cannot_stand_for() {
    let sandbox = Sandbox::shop();
    let before = listing(&sandbox.path("migrations"));
    let said = [
        &["squash", "--from", "0009"][..],
        &["squash", "--from", "3", "--to", "2"],
        &["squash", "-m", "…"],
        &["squash", "--scratch", "nowhere"],
        &["squash", "--scratch", "env:NOT_SET"],
    ]
    .map(|words| sandbox.refuses(2, words).transcript);
    assert_eq!(listing(&sandbox.path("migrations")), before);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn branches() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\n"),
        ("0002_b.sql", "-- down_revision: 0001\nCREATE TABLE b (id INTEGER);\n"),
        ("0003_c.sql", "-- down_revision: 0001\nCREATE TABLE c (id INTEGER);\n"),
    ]);
    let mut said = vec![sandbox.refuses(1, &["squash"]).transcript];
    sandbox.migration("0004_d.sql", "-- down_revision: [\"0002\", \"0003\"]\nCREATE TABLE d (id INTEGER);\n");
    sandbox.run(&["squash"]).exits(0);
    said.push(sandbox.refuses(2, &["squash", "--to", "3"]).transcript);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn what_does_not_stand_the_proof() {
    let sandbox = Sandbox::holding(&[
        ("0001_a.sql", "CREATE TABLE a (id INTEGER);\nINSERT INTO a VALUES (1);\n"),
        ("0002_seed.sql", "-- seed\nUPDATE a SET id = id + 1;\n"),
        ("0003_c.sql", "UPDATE a SET id = 10 * id;\n"),
    ]);
    let before = listing(&sandbox.path("migrations"));
    let mut said = vec![sandbox.refuses(5, &["squash"]).transcript];
    sandbox.migration("0003_c.sql", "UPDATE b SET id = 10 * id;\n");
    said.push(sandbox.refuses(1, &["squash"]).transcript);
    assert_eq!(listing(&sandbox.path("migrations")), before);
    assert_snapshot!(said.join("\n"));
}

#[test]
fn where_something_lies_already() {
    let sandbox = Sandbox::shop();
    sandbox.write("migrations/replaced/0001-0003/0001_create_customers.sql/x", "");
    assert_snapshot!(sandbox.refuses(1, &["squash"]).transcript);
}

#[test]
fn a_target_within_it() {
    let sandbox = Sandbox::shop();
    sandbox.run(&["squash"]).exits(0);
    std::fs::remove_dir_all(sandbox.path("migrations/replaced")).unwrap();
    sandbox.remove("app.db");
    assert_snapshot!(sandbox.run(&["migrate", "-t", "2"]).exits(2).transcript);
}
