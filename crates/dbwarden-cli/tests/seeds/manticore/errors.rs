//! What happens when a migration fails.

use dbwarden::asynchronous;

use crate::program::{awaits, done, has_table, migrator};
use crate::walk::Walk;

pub(super) fn walk(walk: &mut Walk) {
    walk.anew();
    for (name, sql) in [
        (
            "0001_create_shelves",
            "CREATE TABLE shelves (id INTEGER PRIMARY KEY);\n-- @UNDO\nDROP TABLE shelves;\n",
        ),
        ("0002_create_books", "CREATE TABLE books (id INTEGER PRIMARY KEY);\n-- @UNDO\nDROP TABLE books;\n"),
        (
            "0003_fill_books",
            "CREATE TABLE authors (id INTEGER PRIMARY KEY);\nINSERT INTO boks (id) VALUES (1);\n-- @UNDO\nDROP TABLE authors;\n",
        ),
        ("0004_create_loans", "CREATE TABLE loans (id INTEGER PRIMARY KEY);\n-- @UNDO\nDROP TABLE loans;\n"),
    ] {
        walk.sandbox.migration(&format!("{name}.sql"), sql);
    }
    walk.runs("dbwarden migrate -t 0001").exits(0);
    handling(walk);
    safety(walk);
    recovering(walk);
}

fn handling(walk: &mut Walk) {
    walk.does(
        "`try` and `except` around `migration.migrate()`",
        "`match migrator.migrate() { Ok(report) => …, Err(error) => … }`: `error` says what failed and why, `error.code()` is stable, \
         `error.report()` has what was applied before",
    );
    let mut migrator = migrator(walk).build().unwrap();
    let error = migrator.migrate().unwrap_err();
    assert_eq!(error.code(), "sql", "{error}");
    assert!(error.to_string().contains("boks"), "{error}");
    assert_eq!(done(error.report().unwrap()), ["0002"]);

    walk.does(
        "`try` and `except` around `await migration.migrate()`",
        "`match migrator.migrate().await { … }`",
    );
    let migrator = asynchronous::Migrator::from(migrator);
    let error = awaits(migrator.migrate()).unwrap_err();
    assert_eq!((error.code(), done(error.report().unwrap())), ("sql", vec![]), "{error}");
}

fn safety(walk: &mut Walk) {
    let ran = walk.types_to(1, "a migration that fails (exit code 1)", "dbwarden migrate");
    assert!(ran.err.contains("migrations/0003_fill_books.sql:2:"), "{}", ran.transcript);
    walk.does(
        "all changes of a migration that fails are rolled back",
        "the same, and it is said: `0003 is rolled back whole`",
    );
    assert!(!has_table(walk, "authors"));
    assert!(ran.err.contains("0003 is rolled back whole"), "{}", ran.transcript);
    walk.does("the table of migrations is not updated for it", "the same");
    assert_eq!(walk.database.versions(), ["0001", "0002"]);
    walk.does("what comes behind it is not applied", "the same: `0004 was not tried`");
    assert!(!has_table(walk, "loans"));
    assert!(ran.err.contains("0004 was not tried"), "{}", ran.transcript);
}

fn recovering(walk: &mut Walk) {
    walk.does(
        "log the error, notify administrators",
        "`hooks.failure = [\"…\"]` in the settings, or a `Hook` of the program: it gets the version, the statement and the error",
    );
    let settings = walk.sandbox.read("warden.toml");
    walk.sandbox.write("warden.toml", format!("{settings}hooks.failure = [\"cat > failed.json\"]\n"));
    walk.runs("dbwarden migrate").exits(1);
    let told: serde_json::Value = serde_json::from_str(&walk.sandbox.read("failed.json")).unwrap();
    assert_eq!((told["version"].as_str(), told["statement"].as_u64()), (Some("0003"), Some(2)), "{told}");
    assert!(told["error"].as_str().unwrap().contains("boks"), "{told}");

    walk.does(
        "roll back to a known good state",
        "`migrator.rollback_to(known)?`, where `known` was `current()` before the run",
    );
    let mut migrator = migrator(walk).build().unwrap();
    assert_eq!(done(&migrator.rollback_to("0001").unwrap()), ["0002"]);
    assert!(has_table(walk, "shelves") && !has_table(walk, "books"));
    walk.runs("dbwarden migrate").exits(1);
    assert!(has_table(walk, "books"));
    walk.types("the same, by a command", "dbwarden rollback -t 0001");
    assert!(has_table(walk, "shelves") && !has_table(walk, "books"));
    // Mended, it goes on where it stopped.
    let mended = walk.sandbox.read("migrations/0003_fill_books.sql").replace("boks", "books");
    walk.sandbox.migration("0003_fill_books.sql", mended);
    walk.runs("dbwarden migrate").exits(0);
    assert_eq!(walk.database.versions(), ["0001", "0002", "0003", "0004"]);
}
