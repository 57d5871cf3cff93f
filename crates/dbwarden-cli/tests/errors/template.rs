//! What a template cannot be made of.

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, listing};

/// Says no to each, and writes nothing.
fn refused(sandbox: &Sandbox, exit: i32, typed: &[&[&str]]) -> String {
    let before = listing(&sandbox.path("migrations"));
    let said: Vec<_> = typed
        .iter()
        .map(|words| {
            sandbox.refuses(exit, &[&["template"], *words, &["--write", "text"]].concat()).transcript
        })
        .collect();
    assert_eq!(listing(&sandbox.path("migrations")), before);
    said.join("\n")
}

#[test]
fn a_second_statement_in_each_flag() {
    let sandbox = Sandbox::shop();
    let evil = "x; DROP TABLE y";
    let call = "f(1); DROP TABLE y()";
    let add = ["add-column", "--table", "t", "--column", "c", "--type", "text"];
    let with = |more: &[&'static str]| [&add[..], more].concat();
    let key = ["add-foreign-key", "--column", "c", "--references", "t.c"];
    assert_snapshot!(refused(
        &sandbox,
        2,
        &[
            &["add-column", "--table", evil, "--column", "c", "--type", "text"],
            &["add-column", "--table", "t", "--column", evil, "--type", "text"],
            &["add-column", "--table", "t", "--column", "c", "--type", "text; DROP TABLE y"],
            &["add-column", "--table", "t", "--column", "c:text; DROP TABLE y"],
            &["add-column", "--table", "t", "--column", "c:text:(1); DROP TABLE y"],
            &with(&["--default", "(1); DROP TABLE y"]),
            &with(&["--default", "f('a'); DROP TABLE y()"]),
            &["create-table", "--table", evil, "--column", "a:text"],
            &["create-table", "--table", "t", "--column", "a:text) ; DROP TABLE y"],
            &["rename-column", "--table", "t", "--column", "a", "--name", evil],
            &["add-index", "--table", "t", "--column", "a", "--name", evil],
            &["add-index", "--table", "t", "--column", "(a); DROP TABLE y"],
            &["add-index", "--table", "t", "--column", "a", "--where", evil],
            &["add-index", "--table", "t", "--column", "a", "--using", evil],
            &[&key[..], &["--table", evil]].concat(),
            &["add-foreign-key", "--table", "t", "--column", "c", "--references", "t.c; DROP TABLE y"],
            &[&key[..], &["--table", "t", "--on-delete", "cascade; DROP TABLE y"]].concat(),
            &[&key[..], &["--table", "t", "--name", evil]].concat(),
            &["add-check", "--table", "orders", "--name", evil, "--condition", "a > 0"],
            &["add-check", "--table", "orders", "--name", "n", "--condition", "a > 0); DROP TABLE y; --"],
            &["alter-column", "--table", "orders", "--column", "total", "--type", "text", "--using", call],
            &["alter-column", "--table", "orders", "--column", "total", "--default", call],
            &[
                "alter-column",
                "--table",
                "orders",
                "--column",
                "total",
                "--type",
                "text",
                "--from-type",
                "int; DROP TABLE y"
            ],
            &["create-enum", "--name", evil, "--value", "a"],
        ]
    ));
    // A text is quoted, whatever it says.
    let words = ["template", "add-column", "--table", "t", "--column", "c", "--type", "text"];
    let said = sandbox
        .run(&[&words[..], &["--default", evil, "--comment", "x\n-- rollback\nDROP TABLE y;"]].concat());
    assert_snapshot!(said.exits(0).transcript);
}

#[test]
fn what_makes_no_sense() {
    let sandbox = Sandbox::shop();
    assert_snapshot!(refused(
        &sandbox,
        2,
        &[
            &["add-column", "--table", "t", "--column", "c"],
            &["add-column", "--table", "t", "--column", "c:text", "--type", "text"],
            &["add-column", "--table", "t", "--column", "c:text:null", "--not-null"],
            &["add-column", "--table", "t", "--column", "c", "--type", "text", "--null", "--not-null"],
            &["add-column", "--table", "t", "--column", "c", "--type", "integer NOT NULL"],
            &["add-column", "--table", "t", "--column", "c", "--type", "sa.Strin(20)"],
            &["add-column", "--table", "t", "--column", "c", "--type", "sa.Enum(Status)"],
            &["add-column", "--table", "t", "--column", "c", "--type", "text", "--where", "a > 0"],
            &["add-column", "--table", "", "--column", "c", "--type", "text"],
            &["add-column", "--table", "a.b.c", "--column", "c", "--type", "text"],
            &["create-table", "--table", "t", "--no-id"],
            &["create-table", "--table", "t", "--column", "a"],
            &["create-table", "--table", "t", "--column", "a:text", "--column", "A:text"],
            &["add-index", "--table", "t"],
            &["add-index", "--table", "t", "--column", "a:down"],
            &["add-index", "--table", "t", "--column", "(lower(a))"],
            &["add-index", "--table", "t", "--column", "a", "--using", "gin"],
            &["add-foreign-key", "--table", "t", "--column", "a", "--references", "users"],
            &[
                "add-foreign-key",
                "--table",
                "t",
                "--column",
                "a",
                "--references",
                "u.id",
                "--on-delete",
                "explode"
            ],
            &["add-check", "--table", "t", "--condition", "a > 0"],
            &["add-check", "--table", "t", "--name", "n", "--condition", ""],
            &["alter-column", "--table", "orders", "--column", "total"],
            &["alter-column", "--table", "orders", "--column", "total", "--comment", "sum"],
            &["alter-column", "--table", "orders", "--column", "none", "--type", "text"],
            &["alter-column", "--table", "none", "--column", "total", "--type", "text"],
            &["create-enum", "--name", "status", "--value", "a"],
            &["data", "--up", "-- nothing"],
            &["data", "--up", "UPDATE t SET a = 'open"],
            &["data", "--up", "SELECT 1", "--down", ""],
            &["data", "--up", "SELECT 1;\n-- rollback\nDROP TABLE y"],
            &["drop-column", "--table", "t", "--column", "a", "--default", "1"],
            &["add-colum", "--table", "t"],
        ]
    ));
    let none: &[&[&str]] =
        &[&["add-column", "--table", "t", "--column", "c", "--type", "text", "--write", "!!!"]];
    for words in none {
        let said = sandbox.refuses(2, &[&["template"], *words].concat());
        assert!(said.err.contains("no letter or digit"), "{}", said.transcript);
    }
}

#[test]
fn what_is_there_and_cannot_be_changed() {
    let sandbox = Sandbox::shop();
    sandbox.sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, UNIQUE (a, b)); CREATE VIRTUAL TABLE f USING fts5(a); \
         CREATE TABLE s (a TEXT, b TEXT); CREATE VIEW v AS SELECT b FROM s",
    );
    assert_snapshot!(refused(
        &sandbox,
        1,
        &[
            &["drop-column", "--table", "t", "--column", "a"],
            &["drop-column", "--table", "s", "--column", "b"],
            &["add-check", "--table", "f", "--name", "n", "--condition", "a > 0"],
        ]
    ));
}

#[test]
fn no_database_where_one_is_needed() {
    let sandbox = Sandbox::with_settings("url = \"mysql://app@127.0.0.1:1/shop\"\n");
    let said = [
        sandbox
            .run(&["template", "alter-column", "--table", "t", "--column", "c", "--type", "text"])
            .exits(1),
        sandbox
            .run(&[
                "template",
                "alter-column",
                "--table",
                "t",
                "--column",
                "c",
                "--type",
                "text",
                "--not-null",
            ])
            .exits(0),
        sandbox.run(&["template", "drop-column", "--table", "t", "--column", "c"]).exits(0),
        sandbox.run(&["template", "drop-column", "--table", "t", "--column", "c:text:null"]).exits(0),
    ];
    assert_snapshot!(said.map(|said| said.transcript).join("\n"));
}

#[test]
fn names_that_the_engine_would_cut() {
    let long = "n".repeat(64);
    let sandbox = Sandbox::with_settings("url = \"postgresql://app@127.0.0.1:1/shop\"\n");
    let said = sandbox.run(&["template", "add-index", "--table", "t", "--column", "a", "--name", &long]);
    assert_snapshot!(said.exits(2).transcript);
}
