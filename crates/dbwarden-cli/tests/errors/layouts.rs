//! Migrations of two files that do not go together, and files of other tools.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

/// What `migrate` says of these files beside a good one; `status` says the same, and the database is as before.
#[track_caller]
fn files(files: &[(&str, &str)]) -> String {
    let sandbox = Sandbox::holding(&[("0001_good.sql", "CREATE TABLE good (id INTEGER);\n")]);
    sandbox.migrations(files);
    let ran = sandbox.refuses(1, &["migrate"]);
    assert!(!sandbox.path("app.db").exists(), "no file is made");
    assert_eq!(ran.err, sandbox.refuses(1, &["status"]).err, "a wrong file is never passed over");
    ran.transcript
}

const UP: &str = "CREATE TABLE a (id INTEGER);\n";
const DOWN: &str = "DROP TABLE a;\n";

#[test]
fn a_down_file_without_its_up_file() {
    let said = [
        files(&[("0002_a.down.sql", DOWN)]),
        files(&[("0002_a/down.sql", DOWN)]),
        files(&[("20240101120000_a/metadata.toml", "run_in_transaction = false\n")]),
        // The id goes with the name: another one is another migration.
        files(&[("0002_a.up.sql", UP), ("002_a.down.sql", DOWN)]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_directory_with_the_name_of_a_migration_and_none_in_it() {
    let sandbox = Sandbox::holding(&[("0001_good.sql", "CREATE TABLE good (id INTEGER);\n")]);
    sandbox.write("migrations/2018-03-31-201450_a/README.md", "To be written.\n");
    assert_snapshot!(sandbox.refuses(1, &["migrate"]).transcript);
}

#[test]
fn two_files_for_one_script() {
    let said = [
        files(&[("0002_a.up.sql", UP), ("0002_a.UP.sql", UP)]),
        files(&[("0002_a/up.sql", UP), ("0002_a/down.sql", DOWN), ("0002_a/Down.sql", DOWN)]),
        files(&[("0002_a.up.sql", UP), ("0002_b.up.sql", UP)]),
        files(&[("0002_a.up.sql", UP), ("0002_a.down.sql", DOWN), ("0002_b.down.sql", DOWN)]),
        files(&[("0002_a.sql", UP), ("0002_a.up.sql", UP)]),
        files(&[("0002_a.sql", UP), ("0002_a/up.sql", UP)]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_directory_whose_name_says_no_revision() {
    assert_snapshot!(files(&[("users/up.sql", UP), ("users/down.sql", DOWN)]));
}

#[test]
fn metadata_that_says_something_else() {
    let with = |text: &str| files(&[("0002_a/up.sql", UP), ("0002_a/metadata.toml", text)]);
    let said = [
        with("run_in_transactions = false\n"),
        with("run_in_transaction = false\n\nparents = [1, 2]\n"),
        with("run_in_transaction = \"no\"\n"),
        with("run_in_transaction = \n"),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_section_that_belongs_into_the_other_file() {
    let said = [
        files(&[
            ("0002_a.up.sql", "CREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n"),
            ("0002_a.down.sql", DOWN),
        ]),
        files(&[
            ("0002_a/up.sql", UP),
            ("0002_a/down.sql", "DROP TABLE a;\n-- upgrade\nCREATE TABLE a (id INTEGER);\n"),
        ]),
        files(&[("0002_a/up.sql", UP), ("0002_a/down.sql", "DROP TABLE a;\n-- rollback\nDROP TABLE b;\n")]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_header_of_the_whole_in_the_down_file() {
    let said = [
        files(&[("0002_a.up.sql", UP), ("0002_a.down.sql", "-- tags: demo\nDROP TABLE a;\n")]),
        files(&[
            ("0002_a/up.sql", "-- revision: 0002\nCREATE TABLE a (id INTEGER);\n"),
            ("0002_a/down.sql", "-- revision: 0003\nDROP TABLE a;\n"),
        ]),
        files(&[
            ("0002_a.up.sql", "-- irreversible\nCREATE TABLE a (id INTEGER);\n"),
            ("0002_a.down.sql", DOWN),
        ]),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn files_of_other_tools() {
    let said: Vec<_> = [
        ("0002_goose.sql", "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE a (id INTEGER);\n-- +goose StatementEnd\n-- +goose Down\nDROP TABLE a;\n"),
        ("0002_sql_migrate.sql", "-- +migrate Up notransaction\nCREATE TABLE a (id INTEGER);\n"),
        ("0002_dbmate.sql", "-- migrate:up transaction:false\nCREATE TABLE a (id INTEGER);\n\n-- migrate:down\nDROP TABLE a;\n"),
        ("0002_tern.sql", "CREATE TABLE a (id INTEGER);\n\n---- create above / drop below ----\n\nDROP TABLE a;\n"),
        ("0002_rambler.sql", "-- rambler up\nCREATE TABLE a (id INTEGER);\n-- rambler down\nDROP TABLE a;\n"),
        ("0002_play.sql", "-- !Ups\nCREATE TABLE a (id INTEGER);\n-- !Downs\nDROP TABLE a;\n"),
        ("0002_node.sql", "-- Up Migration\nCREATE TABLE a (id INTEGER);\n\n-- Down Migration\nDROP TABLE a;\n"),
        ("U2__a.sql", "DROP TABLE a;\n"),
        ("R__views.sql", "CREATE VIEW v AS SELECT 1;\n"),
        ("001.do.a.sql", UP),
        ("20150101000000-a-up.sql", UP),
    ]
    .iter()
    .map(|file| files(&[*file]))
    .collect();
    assert_snapshot!(said.join("\n"));
}
