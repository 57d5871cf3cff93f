//! Statements that the engine refuses.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

const GOOD: &str = "CREATE TABLE good (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);\nINSERT INTO good VALUES (1, 'a');\n";

#[track_caller]
fn failing(text: &str) -> String {
    let sandbox = Sandbox::holding(&[("0001_good.sql", GOOD)]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.write(
        "warden.toml",
        "[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\nforeign_keys = true\n",
    );
    sandbox.migration("0002_fails.sql", text);
    sandbox.fails(1, &["migrate"]).transcript
}

#[test]
fn a_syntax_error() {
    let said = [
        failing("CREATE TABLE a (id INTEGER);\nCREATE TABEL b (id INTEGER);\n"),
        failing("CREATE TABLE a (\n  id INTEGER,\n  name TEXT NOT NUL\n);\n"),
        failing("INSERT INTO good (id, name) VALUES (2, 'b'\n"),
        failing("-- upgrade\n  UPDATE good SET naem = 'c' WHERE id = 1;\n"),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn an_unknown_table() {
    let said = [
        failing("CREATE TABLE a (id INTEGER);\nINSERT INTO\n  custmers VALUES (1);\n"),
        failing("DROP TABLE absent;\n"),
        failing("CREATE INDEX i ON absent (id);\n"),
        failing("ALTER TABLE good ADD COLUMN name TEXT;\n"),
        failing("CREATE TABLE good (id INTEGER);\n"),
        failing("\\connect shop\nCREATE TABLE a (id INTEGER);\n"),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn constraints() {
    let said = [
        failing("INSERT INTO good VALUES (2, 'b');\nINSERT INTO good VALUES (3, 'a');\n"),
        failing("INSERT INTO good VALUES (2, NULL);\n"),
        failing(
            "CREATE TABLE a (g INTEGER REFERENCES good (id), n INTEGER CHECK (n > 0));\nINSERT INTO a VALUES (1, 0);\n",
        ),
        failing("CREATE TABLE a (g INTEGER REFERENCES good (id));\nINSERT INTO a VALUES (9);\n"),
        failing(
            "CREATE TABLE a (g INTEGER REFERENCES good (id) DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO a VALUES (9);\n",
        ),
        failing(
            "CREATE TRIGGER t BEFORE INSERT ON good BEGIN SELECT RAISE(ABORT, 'not on a Sunday'); END;\nINSERT INTO good VALUES (2, 'b');\n",
        ),
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn in_the_middle_of_several() {
    let sandbox = Sandbox::holding(&[
        ("0001_good.sql", GOOD),
        ("0002_also_good.sql", "CREATE TABLE two (id INTEGER);\n"),
        (
            "0003_fails.sql",
            "CREATE TABLE three (id INTEGER);\nINSERT INTO custmers VALUES (1);\nCREATE TABLE four (id INTEGER);\n",
        ),
        ("0004_later.sql", "CREATE TABLE five (id INTEGER);\n"),
        ("0005_later.sql", "CREATE TABLE six (id INTEGER);\n"),
        ("RA__views.sql", "SELECT 1;\n"),
    ]);
    let ran = sandbox.run(&["migrate"]).exits(1);
    assert_eq!(sandbox.applied(), "0001,0002");
    assert_eq!(sandbox.values("SELECT name FROM sqlite_schema WHERE name IN ('three', 'four', 'five')"), "");
    assert!(sandbox.lock_is_free());
    assert_snapshot!(ran.transcript);
}

#[test]
fn in_one_transaction_with_others() {
    let sandbox = Sandbox::holding(&[
        ("0001_good.sql", GOOD),
        ("0002_fails.sql", "CREATE TABLE two (id INTEGER);\nINSERT INTO custmers VALUES (1);\n"),
        ("0003_later.sql", "CREATE TABLE three (id INTEGER);\n"),
    ]);
    assert_snapshot!(sandbox.fails(1, &["migrate", "--single-transaction"]).transcript);
}

#[test]
fn cannot_share_a_transaction() {
    let each = Sandbox::holding(&[
        ("0001_good.sql", GOOD),
        ("0002_each.sql", "-- no-transaction\nCREATE TABLE a (id INTEGER);\n"),
    ]);
    let keys = Sandbox::holding(&[(
        "0001_keys.sql",
        "PRAGMA foreign_keys = OFF;\nCREATE TABLE a (id INTEGER);\nPRAGMA foreign_keys = ON;\n",
    )]);
    let said = [
        each.fails(1, &["migrate", "--single-transaction"]).transcript,
        keys.fails(1, &["migrate", "--single-transaction"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

/// Three statements, one by one, and the second one fails.
fn part_done() -> Sandbox {
    let sandbox = Sandbox::holding(&[
        (
            "0001_each.sql",
            "-- no-transaction\nCREATE TABLE one (id INTEGER);\nINSERT INTO two VALUES (1);\nCREATE TABLE three (id INTEGER);\n-- rollback\nDROP TABLE one;\n",
        ),
        ("0002_later.sql", "CREATE TABLE later (id INTEGER);\n"),
    ]);
    sandbox.run(&["migrate"]).exits(1);
    sandbox
}

#[test]
fn outside_a_transaction() {
    let sandbox = part_done();
    assert_eq!(sandbox.values("SELECT name FROM sqlite_schema WHERE name IN ('one', 'three')"), "one");
    assert_eq!(sandbox.applied(), "");
    let again = sandbox.fails(1, &["migrate"]).transcript;
    let said = [
        again,
        sandbox.refuses(0, &["status"]).transcript,
        sandbox.refuses(0, &["history"]).transcript,
        sandbox.refuses(0, &["show", "0001"]).transcript,
        sandbox.refuses(5, &["verify"]).transcript,
        sandbox.refuses(1, &["rollback"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_rollback_outside_a_transaction() {
    let sandbox = Sandbox::holding(&[(
        "0001_each.sql",
        "-- no-transaction\nCREATE TABLE one (id INTEGER);\nCREATE TABLE two (id INTEGER);\n-- rollback\nDROP TABLE one;\nDROP TABLE twoo;\n",
    )]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.run(&["rollback"]).exits(1);
    let here = [
        sandbox.refuses(0, &["status"]).transcript,
        sandbox.refuses(0, &["history"]).transcript,
        sandbox.refuses(0, &["show", "0001"]).transcript,
    ];
    let history = sandbox.run(&["history", "--json"]).json();
    let revision = &history["databases"][0]["revisions"][0];
    assert_eq!(
        (&revision["unfinished"]["direction"], &revision["unfinished"]["done"]),
        (&"down".into(), &1.into())
    );
    assert_eq!(revision["applied"]["version"], "0001");
    // Without its file it is no less begun.
    sandbox.remove("migrations/0001_each.sql");
    let gone = sandbox.refuses(0, &["history"]).transcript;
    assert_snapshot!([here.join("\n"), gone].join("\n"));
}

#[test]
fn a_part_done_migration_goes_on_once_it_is_mended() {
    let sandbox = part_done();
    let text = sandbox.read("migrations/0001_each.sql");
    sandbox.remove("migrations/0001_each.sql");
    let gone = sandbox.refuses(0, &["history"]).transcript;
    assert!(gone.contains("0001 (no file)") && gone.contains("part done, 1 statement done"), "{gone}");
    sandbox.migration(
        "0001_each.sql",
        text.replace("INSERT INTO two VALUES (1)", "CREATE TABLE two (id INTEGER)"),
    );
    assert_snapshot!(sandbox.run(&["migrate"]).exits(0).transcript);
    assert_eq!(sandbox.applied(), "0001,0002");
    assert_eq!(sandbox.values("SELECT count(*) FROM dbwarden_journal"), "0");
}

#[test]
fn an_edited_statement_that_has_run_already() {
    let sandbox = part_done();
    sandbox.migration("0001_each.sql", "-- no-transaction\nCREATE TABLE uno (id INTEGER);\nCREATE TABLE two (id INTEGER);\nCREATE TABLE three (id INTEGER);\n");
    assert_snapshot!(sandbox.fails(5, &["migrate"]).transcript);
}

#[test]
fn a_failing_rollback() {
    let sandbox = Sandbox::holding(&[
        ("0001_good.sql", "CREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n"),
        ("0002_bad.sql", "CREATE TABLE b (id INTEGER);\n-- rollback\nDROP TABLE b;\nDROP TABLE bb;\n"),
        ("0003_good.sql", "CREATE TABLE c (id INTEGER);\n-- rollback\nDROP TABLE c;\n"),
    ]);
    sandbox.run(&["migrate"]).exits(0);
    let ran = sandbox.run(&["rollback", "-t", "base"]).exits(1);
    assert_eq!(sandbox.applied(), "0001,0002");
    assert_eq!(
        sandbox.values("SELECT name FROM sqlite_schema WHERE name IN ('a', 'b', 'c') ORDER BY 1"),
        "a,b"
    );
    assert_snapshot!(ran.transcript);
}

#[test]
fn a_condition_that_cannot_be_looked_up() {
    assert_snapshot!(failing(
        "-- only-if: query SELECT count(*) FROM absent\nINSERT INTO good VALUES (2, 'b');\n"
    ));
}

#[test]
fn a_statement_that_runs_too_long() {
    let text = "-- statement_timeout: 50ms\nCREATE TABLE slow AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;\n";
    assert_snapshot!(failing(text));
}

#[test]
fn a_secret_in_the_line_is_masked() {
    let said = failing("CREATE USER ana WITH PASSWORD 'hunter2';\n");
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_hook_before_it() {
    let sandbox = Sandbox::holding(&[("0001_good.sql", GOOD), ("0002_next.sql", "SELECT 1;\n")]);
    sandbox.run(&["migrate", "-c", "1"]).exits(0);
    sandbox.write(
        "warden.toml",
        "[databases.primary]\nmigrations = \"migrations\"\nurl = \"sqlite:///app.db\"\n\
         hooks = { before = [\"echo the window is closed >&2; exit 7\"] }\n",
    );
    assert_snapshot!(sandbox.fails(1, &["migrate"]).transcript);
}
