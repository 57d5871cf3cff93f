//! On DuckDB the file itself is copied, by the process that has it open.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use testkit::{Engine, Program};

use crate::{BINARY, files, shop};

/// What `EXPORT DATABASE` loses, and what a snapshot of rows and definitions does not tell.
#[test]
fn duckdb_to_the_last_comment() {
    let database = shop(Engine::Duckdb);
    let program = Program::new(BINARY, &database);
    program.run(&["migrate"]).expect(0);
    let state = || {
        let queries = [
            "SELECT table_name || ' ' || coalesce(comment, '') || sql FROM duckdb_tables() WHERE schema_name = 'app'",
            "SELECT view_name || ' ' || view_oid || coalesce(comment, '') FROM duckdb_views() WHERE NOT internal",
            "SELECT table_name || ' ' || column_name || ' ' || comment FROM duckdb_columns() WHERE comment IS NOT NULL",
            "SELECT sequence_name || ' ' || last_value || ' ' || increment_by FROM duckdb_sequences()",
            "SELECT function_name || ' ' || macro_definition || coalesce(comment, '') FROM duckdb_functions() WHERE NOT internal",
            "SELECT table_name || ' ' || constraint_text FROM duckdb_constraints() WHERE table_name NOT LIKE 'dbwarden%'",
            "SELECT index_name || sql FROM duckdb_indexes()",
            "SELECT m::TEXT FROM app.moods AS m",
            "SELECT more::TEXT FROM a_second",
        ];
        queries.map(|query| database.rows(query).join("\n")).join("\n\n")
    };
    let before = state();
    for part in [
        "how it's going",
        "of a view",
        "no more than that",
        "numbers 16 3",
        "FOREIGN KEY (customer)",
        "by_mood",
    ] {
        assert!(before.contains(part), "{part}: {before}");
    }
    program.run(&["backup"]).expect(0);
    let path = files(&database)[0].display().to_string();
    assert_eq!(database.one("SELECT nextval('app.numbers')"), "16");
    database.execute("DROP VIEW a_second; DROP TABLE app.moods; DROP MACRO twice; CREATE SCHEMA newer;");
    program.run(&["restore", &path]).expect(0);
    assert_eq!(state(), before);
    assert_eq!(database.one("SELECT nextval('app.numbers')"), "16", "the sequence goes on where it was");
    let left: Vec<_> = fs::read_dir(database.folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("dbwarden-new") || name.ends_with(".partial"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The system takes the lock of a file away with the first descriptor of it that a process closes.
#[test]
fn duckdb_keeps_others_out_once_it_is_backed_up() {
    let database = shop(Engine::Duckdb);
    let program = Program::new(BINARY, &database);
    program.run(&["migrate", "-c", "1"]).expect(0);
    let holder =
        Program::new(BINARY, &database).ending_at("pause:committed").start(&["migrate", "--with-backup"]);
    holder.wait_until_stopped();
    assert_eq!(files(&database).len(), 2, "it is made before");
    let other = program.run(&["status"]).expect(4);
    assert!(other.stderr.contains("another process has the database open"), "{}", other.stderr);
    holder.go_on();
    holder.finish().expect(0);
    program.run(&["status", "--check"]).expect(0);
}

/// The file's own place is one file behind all links to it, and who may read it stays.
#[test]
fn duckdb_behind_a_link() {
    let database = shop(Engine::Duckdb);
    let (real, link) = (database.folder().join("real.duckdb"), database.folder().join("linked"));
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let program = Program::new(BINARY, &database).on(format!("duckdb:///{}", link.display()));
    program.run(&["migrate", "-c", "1"]).expect(0);
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    program.run(&["backup"]).expect(0);
    let path = files(&database)[0].display().to_string();
    program.run(&["migrate"]).expect(0);
    let restored = program.run(&["restore", &path]).expect(0);
    assert!(restored.stdout.contains("now at 0001"), "{}", restored.stdout);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    program.run(&["migrate"]).expect(0);
}
