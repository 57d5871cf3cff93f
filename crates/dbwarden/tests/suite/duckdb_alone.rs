//! What DuckDB alone has: a file that it makes, and opens no more where the making was cut short.

use std::fs;

use dbwarden::Error;
use dbwarden::apply::run::Silent;
use dbwarden::ops::Deployment;
use dbwarden::ops::migrate::{MigrateOptions, migrate};
use testkit::{Database, Engine};

/// A project with one migration; its own file is there already.
fn project() -> Database {
    let database = Database::new(Engine::Duckdb);
    database.write(&[("0001_a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY);\n")]);
    database
}

/// A run on another file in the project's folder; returns how many migrations it applied.
fn migrate_at(database: &Database, name: &str) -> Result<usize, Error> {
    let mut settings = crate::settings(database);
    settings.url = format!("duckdb:///{}", database.folder().join(name).display()).parse().unwrap();
    let mut deployment = Deployment::new(settings);
    Ok(migrate(&mut deployment, &MigrateOptions::default(), &mut Silent)?.count())
}

/// The names of the files that begin with `start`, sorted.
fn named(database: &Database, start: &str) -> Vec<String> {
    let entries = fs::read_dir(database.folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(start)).collect();
    names.sort();
    names
}

/// A container's processes have the same numbers at each start.
#[test]
fn what_a_killed_run_of_the_same_number_left_is_not_taken_for_the_database() {
    for length in [0, 4096, 8192] {
        let database = project();
        assert_eq!(migrate_at(&database, "whole.db").unwrap(), 1);
        let mut cut = fs::read(database.folder().join("whole.db")).unwrap();
        cut.truncate(length);
        let left = format!("shop.db.dbwarden-new-{}", std::process::id());
        fs::write(database.folder().join(&left), &cut).unwrap();

        assert_eq!(migrate_at(&database, "shop.db").unwrap(), 1, "{length} bytes");
        assert_eq!(migrate_at(&database, "shop.db").unwrap(), 0, "{length} bytes");
        // It may be another run's that works on it right now, until it is old.
        assert_eq!(named(&database, "shop.db"), ["shop.db", &left], "{length} bytes");
    }
}

/// Nobody makes a file there, whatever rights the tests have.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_made_is_said_by_its_own_name() {
    let said = migrate_at(&project(), "/proc/shop.db").unwrap_err().to_string();
    assert!(said.contains("/proc/shop.db") && !said.contains("dbwarden-new"), "{said}");
}

#[test]
fn a_name_that_is_too_long_for_a_second_one_is_made_all_the_same() {
    let (database, name) = (project(), "x".repeat(240));
    assert_eq!(migrate_at(&database, &name).unwrap(), 1);
    assert_eq!(named(&database, "x"), [name]);
}
