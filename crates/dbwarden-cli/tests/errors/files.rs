//! Files that cannot be taken as migrations.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

/// What `migrate` and `status` say of one wrong file beside a good one; the database is as before.
#[track_caller]
fn file(name: &str, text: impl AsRef<[u8]>) -> String {
    let sandbox = Sandbox::holding(&[("0001_good.sql", "CREATE TABLE good (id INTEGER);\n")]);
    sandbox.migration(name, text);
    let ran = sandbox.refuses(1, &["migrate"]);
    assert!(!sandbox.path("app.db").exists(), "no file is made");
    let status = sandbox.refuses(1, &["status"]);
    assert_eq!(ran.err, status.err, "a wrong file is never passed over");
    ran.transcript
}

#[test]
fn a_directory_with_the_name_of_a_file() {
    let sandbox = Sandbox::holding(&[("0001_good.sql", "CREATE TABLE good (id INTEGER);\n")]);
    std::fs::create_dir(sandbox.path("migrations/0002_folder.sql")).unwrap();
    // A directory is a directory, whatever it is called: its files are read.
    sandbox.run(&["migrate"]).exits(0);
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere() {
    let sandbox = Sandbox::holding(&[("0001_good.sql", "CREATE TABLE good (id INTEGER);\n")]);
    std::os::unix::fs::symlink("/nowhere/at/all", sandbox.path("migrations/0002_link.sql")).unwrap();
    assert_snapshot!(sandbox.refuses(1, &["migrate"]).transcript);
}

#[test]
fn not_utf8() {
    assert_snapshot!(file("0002_latin.sql", b"-- upgrade\nINSERT INTO good VALUES ('caf\xe9');\n"));
}

#[test]
fn a_nul_byte() {
    assert_snapshot!(file("0002_nul.sql", b"CREATE TABLE a (id INTEGER);\nINSERT INTO a \0VALUES (1);\n"));
}

#[test]
fn utf16() {
    let text: Vec<u8> =
        "\u{feff}CREATE TABLE a (id);".encode_utf16().flat_map(|unit| unit.to_le_bytes()).collect();
    assert_snapshot!(file("0002_utf16.sql", text));
}

#[test]
fn an_unterminated_string() {
    let text = "-- upgrade\nINSERT INTO good VALUES (1);\nINSERT INTO good (id) VALUES ('it);\nSELECT 1;\n";
    assert_snapshot!(file("0002_quote.sql", text));
}

#[test]
fn an_unterminated_name() {
    assert_snapshot!(file("0002_name.sql", "CREATE TABLE \"orders (id INTEGER);\n"));
}

#[test]
fn an_unterminated_comment() {
    assert_snapshot!(file(
        "0002_comment.sql",
        "CREATE TABLE a (id INTEGER);\n/* to be continued\nDROP TABLE a;\n"
    ));
}

#[test]
fn an_unterminated_trigger() {
    let text = "CREATE TRIGGER t AFTER INSERT ON good\nBEGIN\n  DELETE FROM good;\n";
    assert_snapshot!(file("0002_trigger.sql", text));
}

#[test]
fn a_marker_inside_a_statement() {
    assert_snapshot!(file(
        "0002_marker.sql",
        "-- upgrade\nCREATE TABLE a (\n  id INTEGER\n-- rollback\nDROP TABLE a;\n"
    ));
}

#[test]
fn a_near_miss_of_a_header() {
    let said = [
        file("0002_near.sql", "-- depend_on: [\"0001\"]\n-- upgrade\nCREATE TABLE a (id INTEGER);\n"),
        file("0002_near.sql", "-- upgrade\n-- irreversable\nCREATE TABLE a (id INTEGER);\n"),
        file("0002_near.sql", "-- no-transactions\nCREATE TABLE a (id INTEGER);\n"),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_near_miss_of_a_marker() {
    let said = [
        file("0002_near.sql", "-- upgrade\nCREATE TABLE a (id INTEGER);\n-- rolback\nDROP TABLE a;\n"),
        file("0002_near.sql", "-- upgrade:\nCREATE TABLE a (id INTEGER);\n-- rollback:\nDROP TABLE a;\n"),
        file("0002_near.sql", "CREATE TABLE a (id INTEGER);\n-- ===== Roll back =====\nDROP TABLE a;\n"),
        file("0002_near.sql", "CREATE TABLE a (id INTEGER);\n-- undo\nDROP TABLE a;\n"),
        file("0002_near.sql", "-- +goose Up\nCREATE TABLE a (id INTEGER);\n-- +goose Down\nDROP TABLE a;\n"),
        file(
            "0002_near.sql",
            "-- migrate:up\nCREATE TABLE a (id INTEGER);\n-- migrate:down\nDROP TABLE a;\n",
        ),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_header_without_its_colon() {
    let with = |header: &str| {
        file("0002_colon.sql", format!("-- irreversible\n-- {header}\nCREATE TABLE a (id INTEGER);\n"))
    };
    let said: Vec<_> = [
        "depends_on [\"0001\"]",
        "depends on 0001",
        "lock timeout 5s",
        "tags demo",
        "tags demo, show",
        "environments [\"dev\"]",
        "branch billing",
        "phase contract",
        "retries 3",
        "revision a1b2",
    ]
    .iter()
    .map(|header| with(header))
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_header_for_what_the_name_says() {
    let with = |header: &str| file("0002_roc.sql", format!("-- {header}\nCREATE TABLE a (id INTEGER);\n"));
    let said: Vec<_> = ["run on change", "run_on_change: true", "runs-always", "runOnChange:true"]
        .iter()
        .map(|header| with(header))
        .collect();
    assert_snapshot!(said.join("\n"));
    // Where the name says it too, it is a remark.
    let sandbox = Sandbox::new();
    sandbox.migration("ROC__a.sql", "-- run on change\nSELECT 1;\n");
    sandbox.migration("RA__a.sql", "-- Runs always\nSELECT 1;\n");
    sandbox.run(&["migrate"]).exits(0);
}

#[test]
fn sentences_are_no_headers() {
    for text in [
        "tags of orders, and what they are called",
        "tags table",
        "tags users",
        "tags users, posts",
        "branch offices",
        "branch id",
        "retries 3",
        "revision 2024",
        "Tags are kept apart",
        "branch offices have their own",
        "environments differ in this",
        "depends on orders",
        "depends on what 0001 made",
        "revision of the totals",
        "phase one of three",
        "retries are counted here",
        "created by ana",
        "breaking nothing",
        "run on change of the totals",
        "lock timeout is five seconds",
    ] {
        let sandbox = Sandbox::new();
        sandbox.migration("0001_a.sql", format!("-- {text}\nCREATE TABLE a (id INTEGER);\n"));
        sandbox.run(&["migrate"]).exits(0);
    }
}

#[test]
fn a_header_twice() {
    let text = "-- depends_on: 0001\n-- branch: a\n-- depends_on: [\"0001\"]\nCREATE TABLE a (id INTEGER);\n";
    assert_snapshot!(file("0002_twice.sql", text));
}

#[test]
fn header_values() {
    let said: Vec<_> = [
        "revision: two words",
        "revision:",
        "down_revision:",
        "down_revision: [\"0001\"",
        "depends_on: []",
        "depends_on:",
        "replaces: [",
        "branch: two words",
        "tags:",
        "environments: ,",
        "lock_timeout: soon",
        "statement_timeout: 15",
        "retries: -1",
        "retries: many",
        "breaking:",
        "created:",
        "phase: shrink",
        "seed: yes",
        "no-transaction: true",
        "irreversible: because",
    ]
    .iter()
    .map(|header| file("0002_value.sql", format!("-- {header}\nCREATE TABLE a (id INTEGER);\n")))
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn two_sections_of_a_kind() {
    let text = "-- upgrade\nCREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n-- upgrade\nCREATE TABLE b (id INTEGER);\n";
    assert_snapshot!(file("0002_two.sql", text));
}

#[test]
fn two_rollback_sections() {
    let text = "CREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n-- @UNDO\nDROP TABLE a;\n";
    assert_snapshot!(file("0002_two.sql", text));
}

#[test]
fn a_statement_before_its_marker() {
    let text = "CREATE TABLE a (id INTEGER);\n\n-- upgrade\nCREATE TABLE b (id INTEGER);\n";
    assert_snapshot!(file("0002_before.sql", text));
}

#[test]
fn an_empty_up_script() {
    let texts = ["", "-- what was I about to do\n", "-- upgrade\n\n-- rollback\nDROP TABLE good;\n"];
    let said = texts.map(|text| {
        let sandbox = Sandbox::holding(&[("0001_good.sql", "CREATE TABLE good (id INTEGER);\n")]);
        sandbox.migration("0002_empty.sql", text);
        let ran = sandbox.refuses(1, &["migrate"]);
        assert!(!sandbox.path("app.db").exists(), "no file is made");
        // A file that is still to be written keeps nobody from looking, nor from going up to the one before it.
        sandbox.run(&["status"]).exits(0);
        sandbox.run(&["heads"]).exits(0);
        sandbox.run(&["migrate", "-t", "0001"]).exits(0);
        ran.transcript
    });
    assert_snapshot!(said.join("\n"));
}

#[test]
fn irreversible_with_a_rollback() {
    let text = "-- irreversible\n-- upgrade\nCREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n";
    assert_snapshot!(file("0002_irreversible.sql", text));
}

#[test]
fn directives() {
    let said: Vec<_> = [
        "unless: column users",
        "unless: tabel users",
        "unless:",
        "only-if: engine oracle",
        "only_if: table",
        "unles: table users",
        "onlyif: table users",
        "dbwarden: silence drop-table",
        "batch: table=users key=id size=1000 pause=100ms",
    ]
    .iter()
    .map(|directive| {
        let text = format!("CREATE TABLE a (id INTEGER);\n-- {directive}\nCREATE TABLE b (id INTEGER);\n");
        file("0002_directive.sql", text)
    })
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_directive_before_what_is_no_statement() {
    let text = "-- unless: table a\nBEGIN;\nCREATE TABLE a (id INTEGER);\nCOMMIT;\n";
    assert_snapshot!(file("0002_directive.sql", text));
}

#[test]
fn a_name_that_says_no_revision() {
    assert_snapshot!(file("add coupons.sql", "CREATE TABLE coupons (id INTEGER);\n"));
}

#[test]
fn wide_lines_and_wide_letters_keep_the_caret_in_place() {
    let long = format!("INSERT INTO good VALUES ({}'it);\n", "1, ".repeat(60));
    let said = [
        file("0002_long.sql", long),
        file("0002_wide.sql", "INSERT INTO \"日本語のテーブル\" VALUES ('it);\n"),
        file("0002_tab.sql", "\tINSERT INTO good\t VALUES ('it);\n"),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_header_behind_a_statement() {
    let table = "CREATE TABLE a (id INTEGER);\n";
    let said = [
        format!("{table}-- no-transaction\nCREATE INDEX i ON a (id);\n"),
        format!("{table}-- tags: demo\nCREATE INDEX i ON a (id);\n"),
        format!("{table}-- irreversible\n"),
        format!("{table}-- lock_timeout: soon\n-- rollback\nDROP TABLE a;\n"),
        format!("{table}-- rollback\n-- depends_on: [\"0001\"]\nDROP TABLE a;\n"),
    ]
    .map(|text| file("0002_late.sql", text));
    assert_snapshot!(said.join("\n"));
}

#[test]
fn remarks_behind_a_statement_are_no_headers() {
    let sandbox = Sandbox::holding(&[(
        "0001_remarks.sql",
        "CREATE TABLE a (id INTEGER, x TEXT DEFAULT '
-- tags: demo
'); -- tags: demo
-- tags: are kept in x
-- revision: the second one
-- phase: two
-- seed
-- created: by hand
-- Tags
/*
-- no-transaction
*/
INSERT INTO a (id) VALUES (1);
-- rollback
DROP TABLE a; -- irreversible
",
    )]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.run(&["rollback"]).exits(0);
}

#[test]
fn a_directive_without_a_statement() {
    let table = "CREATE TABLE a (id INTEGER);\n";
    let said = [
        format!("{table}-- unless: table b\n"),
        format!("{table}-- only-if: table a\n-- rollback\nDROP TABLE a;\n"),
        format!("-- unless: table a\n-- upgrade\n{table}"),
    ]
    .map(|text| file("0002_dangling.sql", text));
    assert_snapshot!(said.join("\n"));
}

#[test]
fn names_of_flyway() {
    let said = ["R__views.sql", "U1__first.sql", "X1__first.sql"].map(|name| file(name, "SELECT 1;\n"));
    assert_snapshot!(said.join("\n"));
}
