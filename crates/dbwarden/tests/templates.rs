//! Templates: what each kind renders to on each engine, and what that does to a real database, up and down.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "templates/kinds.rs"]
mod kinds;
#[path = "templates/live.rs"]
mod live;
#[path = "templates/mysql.rs"]
mod mysql;
#[path = "templates/postgres.rs"]
mod postgres;
#[path = "templates/rebuild.rs"]
mod rebuild;
#[path = "templates/render.rs"]
mod render;

use dbwarden::Error;
use dbwarden::apply::run::Silent;
use dbwarden::operation::Operation;
use dbwarden::ops::migrate::{MigrateOptions, migrate};
use dbwarden::ops::new::{NewOptions, new};
use dbwarden::ops::rollback::{RollbackOptions, rollback};
use dbwarden::ops::template::{Template, template};
use dbwarden::ops::{Deployment, Report};
use dbwarden::project::{Overrides, Project, Sources};
use testkit::Database;

fn deployment(database: &Database) -> Deployment<'static> {
    let overrides = Overrides {
        url: Some(database.url()),
        migrations: Some(database.migrations()),
        ..Overrides::default()
    };
    let sources = Sources { directory: database.folder().to_owned(), overrides, ..Sources::default() };
    let mut settings = Project::load(&sources).unwrap().select(None).unwrap();
    if database.engine() == testkit::Engine::Duckdb {
        settings.duckdb_library = Some(testkit::duckdb_library());
    }
    Deployment::new(settings)
}

/// Writes the migration of `operations`, and returns its SQL.
fn write(database: &Database, operations: &[Operation]) -> Result<Template, Error> {
    let mut deployment = deployment(database);
    let written = template(&mut deployment, operations)?;
    let options = NewOptions {
        description: "template".to_owned(),
        version: None,
        kind: dbwarden::migration::Kind::Versioned,
        seed: false,
        head: None,
        depends_on: Vec::new(),
        timestamp: false,
        scripts: Some(written.scripts()),
    };
    new(&deployment, &options)?;
    Ok(written)
}

#[track_caller]
fn up(database: &Database) -> Report {
    migrate(&mut deployment(database), &MigrateOptions::default(), &mut Silent)
        .unwrap_or_else(|error| panic!("{error}\n{}", newest(database)))
}

#[track_caller]
fn down(database: &Database) -> Report {
    rollback(&mut deployment(database), &RollbackOptions::default(), &mut Silent)
        .unwrap_or_else(|error| panic!("{error}\n{}", newest(database)))
}

/// The newest file's path.
fn path(database: &Database) -> std::path::PathBuf {
    let files = std::fs::read_dir(database.migrations()).unwrap();
    files.map(|entry| entry.unwrap().path()).max().unwrap()
}

/// The newest file.
fn newest(database: &Database) -> String {
    std::fs::read_to_string(path(database)).unwrap()
}

/// Everything in the database, without white space and quotes: SQLite keeps the text of a definition, and ADD COLUMN and RENAME write
/// their parts in their own way.
fn plain(database: &Database) -> String {
    database.snapshot().chars().filter(|c| !c.is_whitespace() && *c != '"').collect()
}

/// Runs the template of `operations` up and down again: what is there in between is what `sees` sees, and afterwards everything is as
/// it was.
#[track_caller]
fn there_and_back(database: &Database, operations: &[Operation], sees: impl FnOnce(&Database)) {
    let before = plain(database);
    write(database, operations).unwrap_or_else(|error| panic!("{operations:?}: {error}"));
    up(database);
    assert_ne!(plain(database), before, "nothing has changed\n{}", newest(database));
    sees(database);
    down(database);
    assert_eq!(plain(database), before, "{}", newest(database));
    std::fs::remove_file(path(database)).unwrap();
}
