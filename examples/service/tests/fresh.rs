//! A migrated database for each test function: migrated once, copied for each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

use std::sync::OnceLock;

use rusqlite::Connection;
use tempfile::TempDir;

/// The database as all migrations leave it.
fn template() -> &'static TempDir {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:///{}", folder.path().join("app.db").display());
        service_example::migrator(&url).build().unwrap().migrate().unwrap();
        folder
    })
}

/// A database of the test's own, which goes with it.
fn fresh() -> (TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    std::fs::copy(template().path().join("app.db"), &path).unwrap();
    (folder, Connection::open(path).unwrap())
}

fn count(database: &Connection, wher: &str) -> i64 {
    database.query_row(&format!("SELECT count(*) FROM orders WHERE {wher}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn every_order_has_an_email() {
    let (_folder, database) = fresh();
    assert_eq!((count(&database, "email IS NULL"), count(&database, "email = 'ada@example.com'")), (0, 1));
}

#[test]
fn what_one_test_deletes_another_has() {
    let (_folder, database) = fresh();
    database.execute("DELETE FROM orders", []).unwrap();
    let (_other, database) = fresh();
    assert_eq!(count(&database, "true"), 5);
}
