//! Migrations as a person writes them by hand, in each of the styles that are read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "../sandbox/mod.rs"]
mod sandbox;

mod layouts;

use sandbox::Sandbox;

/// Applies, sees ids and tables, goes back to the start and applies again.
#[track_caller]
fn works(files: &[(&str, &str)], ids: &str) -> Sandbox {
    let sandbox = Sandbox::holding(files);
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), ids);
    let schema = sandbox::schema(&sandbox.database());
    sandbox.run(&["verify"]).exits(0);
    sandbox.run(&["downgrade", "base"]).exits(0);
    assert_eq!(sandbox.values("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 't_'"), "");
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox::schema(&sandbox.database()), schema, "up, down and up again");
    sandbox
}

const T1: &str = "-- upgrade\nCREATE TABLE t1 (id INTEGER);\n\n-- rollback\nDROP TABLE t1;\n";
const T2: &str = "-- upgrade\nCREATE TABLE t2 (id INTEGER);\n\n-- rollback\nDROP TABLE t2;\n";
const T3: &str = "-- upgrade\nCREATE TABLE t3 (id INTEGER);\n\n-- rollback\nDROP TABLE t3;\n";

#[test]
fn numbers() {
    works(&[("0001_one.sql", T1), ("0002_two.sql", T2), ("0010_three.sql", T3)], "0001,0002,0010");
    works(&[("1_one.sql", T1), ("2_two.sql", T2), ("10_three.sql", T3)], "1,2,10");
}

#[test]
fn strata_stamps() {
    works(
        &[("V20240215_143000__create_users.sql", T1), ("V20240216_090000__add_posts.sql", T2)],
        "20240215_143000,20240216_090000",
    );
}

#[test]
fn versions() {
    works(&[("V1__one.sql", T1), ("V1.2__two.sql", T2), ("V1.10__three.sql", T3)], "1,1.2,1.10");
}

#[test]
fn stamps() {
    let text = |table: &str| {
        format!(
            "-- Migration: {table}\n-- Created: 2023-01-01\n\n-- Forward migration\nCREATE TABLE {table} (id INTEGER);\n\n-- @UNDO\n-- Undo migration\nDROP TABLE {table};\n"
        )
    };
    works(
        &[("20230101120000_create_users.sql", &text("t1")), ("20230101120001_create_posts.sql", &text("t2"))],
        "20230101120000,20230101120001",
    );
}

#[test]
fn hashes_with_parents() {
    works(
        &[
            (
                "ffb2c3d4e5f6_create_users.sql",
                "-- revision: ffb2c3d4e5f6\n-- down_revision: none\n-- upgrade\nCREATE TABLE t1 (id INTEGER);\n-- rollback\nDROP TABLE t1;\n",
            ),
            (
                "0a9f8e7d6c5b_add_posts.sql",
                "-- down_revision: ffb2c3d4e5f6\nCREATE TABLE t2 (id INTEGER);\n-- DOWN\nDROP TABLE t2;\n",
            ),
        ],
        "ffb2c3d4e5f6,0a9f8e7d6c5b",
    );
}

#[test]
fn an_id_in_the_header_and_any_name() {
    works(
        &[
            ("users.sql", "-- revision: 0001\nCREATE TABLE t1 (id INTEGER);\n-- rollback\nDROP TABLE t1;\n"),
            (
                "add posts!.sql",
                "-- revision: 0002\nCREATE TABLE t2 (id INTEGER);\n-- rollback\nDROP TABLE t2;\n",
            ),
        ],
        "0001,0002",
    );
}

#[test]
fn markers_in_any_case_and_spacing() {
    for (up, down) in [
        ("-- upgrade", "-- rollback"),
        ("--UPGRADE", "--Rollback"),
        ("  --   Upgrade  ", "\t-- ROLLBACK\t"),
        ("-- Forward migration", "-- @UNDO"),
        ("-- forward   migration", "-- Undo migration"),
        ("-- Forward migration", "-- @UNDO\n-- Undo migration"),
        ("-- upgrade", "-- DOWN"),
        ("", "-- down"),
        ("", "-- rollback"),
    ] {
        let text = format!("{up}\nCREATE TABLE t1 (id INTEGER);\n{down}\nDROP TABLE t1;\n");
        works(&[("0001_one.sql", &text)], "0001");
        works(&[("0001_one.sql", &text.replace('\n', "\r\n"))], "0001");
        works(&[("0001_one.sql", &format!("\u{feff}{}", text.trim_end()))], "0001");
    }
}

#[test]
fn no_marker_is_the_up_script_alone() {
    let sandbox = Sandbox::holding(&[("0001_one.sql", "CREATE TABLE t1 (id INTEGER)")]);
    sandbox.run(&["migrate"]).exits(0);
    let ran = sandbox.refuses(6, &["rollback"]);
    assert!(ran.err.contains("0001 has no down script"), "{}", ran.transcript);
}

#[test]
fn markers_in_strings_and_behind_code_are_none() {
    let text = "CREATE TABLE t1 (id INTEGER, note TEXT DEFAULT '
-- rollback
');
INSERT INTO t1 (id) VALUES (1); -- rollback
/*
-- rollback
*/
INSERT INTO t1 (id) VALUES (2);
-- the rollback of this is not easy
INSERT INTO t1 (id) VALUES (3);
-- rollback
DROP TABLE t1;
";
    let sandbox = works(&[("0001_one.sql", text)], "0001");
    assert_eq!(sandbox.values("SELECT count(*) FROM t1"), "3");
}

#[test]
fn all_styles_in_one_directory_and_below_it() {
    works(
        &[
            ("0001_one.sql", T1),
            ("V2__two.sql", T2),
            (
                "2023/20230101120000_three.sql",
                "-- Forward migration\nCREATE TABLE t3 (id INTEGER);\n-- @UNDO\nDROP TABLE t3;\n",
            ),
            (
                "2024/spring/V20240215_143000__four.sql",
                "CREATE TABLE t4 (id INTEGER);\n-- DOWN\nDROP TABLE t4;\n",
            ),
            ("README.md", "Not a migration.\n"),
        ],
        // Numbers compare as numbers, and 20240215_143000 is two of them.
        "0001,2,20240215_143000,20230101120000",
    );
}

#[test]
fn a_databases_name_in_front() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "warden.toml",
        "default = \"primary\"\n[databases.primary]\nurl = \"sqlite:///app.db\"\nmigrations = \"migrations\"\n[databases.analytics]\nurl = \"sqlite:///analytics.db\"\nmigrations = \"migrations\"\n",
    );
    sandbox.migrations(&[
        ("primary__0001_users.sql", "CREATE TABLE users (id INTEGER);\n"),
        ("analytics__0001_events.sql", "CREATE TABLE events (id INTEGER);\n"),
        ("primary__RA__touch.sql", "DELETE FROM users;\n"),
        ("analytics__ROC__view.sql", "DROP VIEW IF EXISTS v;\nCREATE VIEW v AS SELECT 1 AS one;\n"),
    ]);
    sandbox.run(&["migrate", "--all"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,RA__touch");
    let analytics = sandbox::contents(&sandbox.database_at("analytics.db"));
    assert!(
        analytics.contains("table events") && analytics.contains("view v") && !analytics.contains("users"),
        "{analytics}"
    );
}

#[test]
fn repeatables() {
    let sandbox = Sandbox::holding(&[
        ("0001_one.sql", "CREATE TABLE log (what TEXT);\n"),
        ("RA__always.sql", "INSERT INTO log VALUES ('always');\n"),
        ("ROC__changed.sql", "INSERT INTO log VALUES ('changed 1');\n"),
    ]);
    let log = || sandbox.values("SELECT what FROM log ORDER BY rowid");
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(log(), "always,changed 1", "by name");
    sandbox.run(&["status", "--check"]).exits(0);
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(log(), "always,changed 1,always");
    sandbox.migration("ROC__changed.sql", "INSERT INTO log VALUES ('changed 2');\n");
    sandbox.run(&["status", "--check"]).exits(3);
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(log(), "always,changed 1,always,always,changed 2");
    assert_eq!(sandbox.applied().matches("ROC__changed").count(), 1);
    // Short of the head they wait.
    sandbox.migrations(&[("0002_two.sql", "SELECT 1;\n"), ("0003_three.sql", "SELECT 1;\n")]);
    sandbox.run(&["migrate", "-c", "1"]).exits(0);
    assert_eq!(log(), "always,changed 1,always,always,changed 2");
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(log(), "always,changed 1,always,always,changed 2,always");
}

#[test]
fn seeds_tags_and_environments() {
    let sandbox = Sandbox::holding(&[
        ("0001_one.sql", "CREATE TABLE log (what TEXT);\n"),
        ("0002_seed.sql", "-- seed\nINSERT INTO log VALUES ('seed');\n"),
        ("0003_demo.sql", "-- tags: demo, show\nINSERT INTO log VALUES ('demo');\n"),
        ("0004_dev.sql", "-- environments: dev, staging\nINSERT INTO log VALUES ('dev');\n"),
        ("0005_last.sql", "INSERT INTO log VALUES ('last');\n"),
    ]);
    sandbox.run(&["migrate", "--no-seeds"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0005");
    let status = sandbox.run(&["status"]).exits(0).out;
    assert!(status.contains("not selected  0003"), "{status}");
    sandbox.run(&["migrate"]).exits(0);
    sandbox.run(&["status", "--check"]).exits(0);
    sandbox.run(&["migrate", "--tag", "demo"]).exits(0);
    sandbox.run(&["migrate", "--env", "development"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0005,0002,0003,0004");
}

#[test]
fn branches_labels_and_merges() {
    let sandbox = Sandbox::holding(&[
        ("0001_base.sql", T1),
        (
            "0002_billing.sql",
            "-- down_revision: 0001\n-- branch: billing\n-- upgrade\nCREATE TABLE t2 (id INTEGER);\n-- rollback\nDROP TABLE t2;\n",
        ),
        (
            "0003_mail.sql",
            "-- down_revision: 0001\n-- branch: mail\n-- upgrade\nCREATE TABLE t3 (id INTEGER);\n-- rollback\nDROP TABLE t3;\n",
        ),
    ]);
    // They touch different objects: refused where that is asked for alone.
    sandbox.refuses(1, &["migrate", "--strict"]);
    sandbox.run(&["migrate", "mail@head"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0003");
    sandbox.migration(
        "0004_merge.sql",
        "-- down_revision: [\"0002\", \"0003\"]\nSELECT 1;\n-- rollback\nSELECT 1;\n",
    );
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0003,0002,0004");
    let branches = sandbox.run(&["branches"]).exits(0).out;
    assert!(
        branches.contains("label billing") && branches.contains("0001 base  (branch point)"),
        "{branches}"
    );
}

#[test]
fn needs_are_applied_first() {
    let sandbox = Sandbox::holding(&[
        ("0001_base.sql", T1),
        ("0002_side.sql", "-- down_revision: none\nCREATE TABLE side (id INTEGER);\n"),
        (
            "0003_needs.sql",
            "-- down_revision: 0001\n-- depends_on: [\"0002\"]\nCREATE TABLE needs (id INTEGER);\n",
        ),
    ]);
    sandbox.run(&["migrate", "-t", "0003"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0002,0003");
}

#[test]
fn directives() {
    let sandbox = Sandbox::holding(&[(
        "0001_maybe.sql",
        "CREATE TABLE users (id INTEGER);
-- unless: column users.status
ALTER TABLE users ADD COLUMN status TEXT;
-- unless: column users.status
ALTER TABLE users ADD COLUMN status TEXT;
-- only-if: engine mysql
CREATE NONSENSE;
-- only-if: query SELECT count(*) = 0 FROM users
INSERT INTO users VALUES (1, 'a');
-- only-if: table nothing_here
DROP TABLE nothing_here;
",
    )]);
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.values("SELECT status FROM users"), "a");
    assert!(
        ran.err.contains("statement 3 of 0001 is left out: unless: column users.status"),
        "{}",
        ran.transcript
    );
}

#[test]
fn the_seeds_own_queries_work() {
    let sandbox = works(&[("0001_one.sql", T1), ("0002_two.sql", T2)], "0001,0002");
    let database = sandbox.database();
    let mut statement = database
        .prepare("SELECT version, checksum, applied_at FROM dbwarden_migrations ORDER BY applied_at")
        .unwrap();
    let rows: Vec<(String, String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 2);
    assert!(rows[0].1.starts_with("v1:") && rows[0].2.starts_with("20"), "{rows:?}");
    drop(statement);
    database.execute_batch("DELETE FROM dbwarden_migrations WHERE version = '0002'; DROP TABLE t2;").unwrap();
    drop(database);
    sandbox.run(&["status", "--check"]).exits(3);
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.applied(), "0001,0002");
}

#[test]
fn rollback_works_without_the_file() {
    let sandbox = works(&[("0001_one.sql", T1), ("0002_two.sql", T2)], "0001,0002");
    sandbox.remove("migrations/0002_two.sql");
    sandbox.run(&["rollback"]).exits(0);
    assert_eq!(sandbox.applied(), "0001");
    assert_eq!(sandbox.values("SELECT name FROM sqlite_schema WHERE name = 't2'"), "");
}

#[test]
fn squashed_files_count_where_the_old_ones_are_applied() {
    let sandbox = works(&[("0001_one.sql", T1), ("0002_two.sql", T2)], "0001,0002");
    sandbox.remove("migrations/0001_one.sql");
    sandbox.remove("migrations/0002_two.sql");
    sandbox.migration(
        "0003_squashed.sql",
        "-- replaces: [\"0001\", \"0002\"]\nCREATE TABLE t1 (id INTEGER);\nCREATE TABLE t2 (id INTEGER);\n",
    );
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert!(ran.out.contains("nothing to do"), "{}", ran.transcript);
    sandbox.run(&["status", "--check"]).exits(0);
}

#[test]
fn a_rebuild_with_foreign_keys_off() {
    let sandbox = Sandbox::with_settings("url = \"sqlite:///app.db\"\nforeign_keys = true\n");
    sandbox.migrations(&[
        ("0001_tables.sql", "CREATE TABLE p (id INTEGER PRIMARY KEY);\nCREATE TABLE c (p_id INTEGER REFERENCES p (id) ON DELETE CASCADE);\nINSERT INTO p VALUES (1);\nINSERT INTO c VALUES (1);\n"),
        ("0002_rebuild.sql", "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE new_p (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO new_p (id) SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE new_p RENAME TO p;\nCOMMIT;\nPRAGMA foreign_keys=ON;\n"),
    ]);
    sandbox.run(&["migrate"]).exits(0);
    assert_eq!(sandbox.values("SELECT count(*) FROM c"), "1", "no row is lost by the cascade");
}
