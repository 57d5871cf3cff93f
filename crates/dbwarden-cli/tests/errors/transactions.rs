//! Transactions in files.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

#[track_caller]
fn refused(text: &str) -> String {
    let sandbox = Sandbox::holding(&[("0001_tx.sql", text)]);
    let said = sandbox.refuses(1, &["migrate"]).transcript;
    assert!(!sandbox.path("app.db").exists());
    said
}

#[test]
fn begin_without_commit() {
    assert_snapshot!(refused("BEGIN;\nCREATE TABLE a (id INTEGER);\n"));
}

#[test]
fn commit_without_begin() {
    let said =
        [refused("CREATE TABLE a (id INTEGER);\nCOMMIT;\n"), refused("CREATE TABLE a (id INTEGER);\nEND;\n")];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn nested_begin() {
    assert_snapshot!(refused("BEGIN;\nCREATE TABLE a (id INTEGER);\nBEGIN IMMEDIATE;\nCOMMIT;\n"));
}

#[test]
fn rollback() {
    assert_snapshot!(refused("BEGIN;\nCREATE TABLE a (id INTEGER);\nROLLBACK;\n"));
}

#[test]
fn vacuum_inside_begin() {
    assert_snapshot!(refused("BEGIN;\nCREATE TABLE a (id INTEGER);\nVACUUM;\nCOMMIT;\n"));
}

#[test]
fn foreign_keys_in_the_middle() {
    assert_snapshot!(refused(
        "CREATE TABLE a (id INTEGER);\nPRAGMA foreign_keys = OFF;\nDROP TABLE a;\nPRAGMA foreign_keys = ON;\n"
    ));
}

const PARENTS: &str = "CREATE TABLE parents (id INTEGER PRIMARY KEY);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parents (id));
INSERT INTO parents VALUES (1), (2);
INSERT INTO children VALUES (1, 1), (2, 2), (3, 2);
";

#[test]
fn foreign_keys_violated_by_a_rebuild() {
    let sandbox = Sandbox::holding(&[("0001_parents.sql", PARENTS)]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.migration(
        "0002_rebuild.sql",
        "PRAGMA foreign_keys = OFF;
CREATE TABLE parents_new (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO parents_new (id) SELECT id FROM parents WHERE id < 2;
DROP TABLE parents;
ALTER TABLE parents_new RENAME TO parents;
PRAGMA foreign_keys = ON;
",
    );
    assert_snapshot!(sandbox.fails(1, &["migrate"]).transcript);
}

#[test]
fn a_conflict_clause_that_ends_the_transaction() {
    let sandbox = Sandbox::holding(&[("0001_parents.sql", PARENTS)]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.migration("0002_or.sql", "CREATE TABLE a (id INTEGER);\nINSERT OR ROLLBACK INTO parents VALUES (1);\nCREATE TABLE b (id INTEGER);\n");
    assert_snapshot!(sandbox.fails(1, &["migrate"]).transcript);
}

#[test]
fn a_trigger_that_ends_the_transaction() {
    let sandbox = Sandbox::holding(&[("0001_parents.sql", PARENTS)]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.migration("0002_trigger.sql", "CREATE TABLE a (id INTEGER);\nCREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT RAISE(ROLLBACK, 'no'); END;\nINSERT INTO a VALUES (1);\n");
    assert_snapshot!(sandbox.fails(1, &["migrate"]).transcript);
}

#[test]
fn the_second_of_two_transactions_fails() {
    let sandbox = Sandbox::holding(&[(
        "0001_two.sql",
        "BEGIN;\nCREATE TABLE a (id INTEGER);\nINSERT INTO a VALUES (1);\nCOMMIT;\nBEGIN;\nCREATE TABLE b (id INTEGER);\nINSERT INTO c VALUES (1);\nCOMMIT;\n",
    )]);
    let ran = sandbox.run(&["migrate"]).exits(1);
    assert_eq!(sandbox.values("SELECT name FROM sqlite_schema WHERE name IN ('a', 'b')"), "a");
    assert_snapshot!(ran.transcript);
    sandbox.migration("0001_two.sql", sandbox.read("migrations/0001_two.sql").replace("INTO c", "INTO b"));
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.values("SELECT count(*) FROM a"), "1");
}
