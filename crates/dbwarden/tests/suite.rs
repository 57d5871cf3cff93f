//! One suite, every database: what a run does, records and refuses, through the library's verbs.
//!
//! A further engine is one line in `testkit`. What only one engine has stands in a module of that engine's own.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "suite/adoption.rs"]
mod adoption;
#[cfg(feature = "tokio")]
#[path = "suite/asynchronous.rs"]
mod asynchronous;
#[path = "suite/behind.rs"]
mod behind;
#[path = "suite/branches.rs"]
mod branches;
#[cfg(unix)]
#[path = "suite/cockroach_alone.rs"]
mod cockroach_alone;
#[path = "suite/conditions.rs"]
mod conditions;
#[cfg(feature = "duckdb")]
#[path = "suite/duckdb_alone.rs"]
mod duckdb_alone;
#[path = "suite/files.rs"]
mod files;
#[path = "suite/fingerprints.rs"]
mod fingerprints;
#[path = "suite/hooks.rs"]
mod hooks;
#[path = "suite/journal.rs"]
mod journal;
#[path = "suite/limits.rs"]
mod limits;
#[path = "suite/locks.rs"]
mod locks;
#[path = "suite/mysql_alone.rs"]
mod mysql_alone;
#[path = "suite/mysql_resume.rs"]
mod mysql_resume;
#[path = "suite/postgres_alone.rs"]
mod postgres_alone;
#[path = "suite/postgres_statements.rs"]
mod postgres_statements;
#[path = "suite/records.rs"]
mod records;
#[path = "suite/relative.rs"]
mod relative;
#[path = "suite/repeatables.rs"]
mod repeatables;
#[path = "suite/review.rs"]
mod review;
#[path = "suite/rust.rs"]
mod rust;
#[path = "suite/seeds.rs"]
mod seeds;
#[path = "suite/selection.rs"]
mod selection;
#[path = "suite/services.rs"]
mod services;
#[path = "suite/sqlite_alone.rs"]
mod sqlite_alone;
#[path = "suite/squash.rs"]
mod squash;
#[path = "suite/squash_alone.rs"]
mod squash_alone;
#[path = "suite/stamps.rs"]
mod stamps;
#[path = "suite/transactions.rs"]
mod transactions;

use dbwarden::Error;
use dbwarden::apply::run::Silent;
use dbwarden::migration::RevisionId;
use dbwarden::ops::migrate::MigrateOptions;
use dbwarden::ops::rollback::RollbackOptions;
use dbwarden::ops::status::{Status, StatusOptions};
use dbwarden::ops::{Deployment, Report};
use dbwarden::project::{DatabaseSettings, Overrides, Project, Sources};
use testkit::Database;

/// The settings of a test's database.
fn settings(database: &Database) -> DatabaseSettings {
    settings_in(database, None)
}

/// The settings in an environment.
fn settings_in(database: &Database, environment: Option<&str>) -> DatabaseSettings {
    let overrides = Overrides {
        url: Some(database.url()),
        migrations: Some(database.migrations()),
        env: environment.map(str::to_owned),
        ..Overrides::default()
    };
    let sources = Sources { directory: database.folder().to_owned(), overrides, ..Sources::default() };
    let mut settings = Project::load(&sources).unwrap().select(None).unwrap();
    if database.engine() == testkit::Engine::Duckdb {
        settings.duckdb_library = Some(testkit::duckdb_library());
    }
    settings
}

fn deployment(database: &Database) -> Deployment<'static> {
    Deployment::new(settings(database))
}

fn migrate(database: &Database) -> Result<Report, Error> {
    migrate_with(database, &MigrateOptions::default())
}

fn migrate_with(database: &Database, options: &MigrateOptions) -> Result<Report, Error> {
    discreet(dbwarden::ops::migrate::migrate(&mut deployment(database), options, &mut Silent))
}

/// Sees that neither a report nor an error has a password in it.
#[track_caller]
fn discreet<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Result<T, Error> {
    testkit::secrets::none_in("what the library returns", format!("{outcome:?}"));
    if let Err(error) = &outcome {
        testkit::secrets::none_in("an error's text", error.to_string());
    }
    outcome
}

/// Migrates to `target`.
fn migrate_to(database: &Database, target: &str) -> Result<Report, Error> {
    let options = MigrateOptions { target: Some(target.parse().unwrap()), ..MigrateOptions::default() };
    migrate_with(database, &options)
}

fn rollback(database: &Database) -> Result<Report, Error> {
    let options = RollbackOptions::default();
    discreet(dbwarden::ops::rollback::rollback(&mut deployment(database), &options, &mut Silent))
}

fn rollback_to(database: &Database, target: &str) -> Result<Report, Error> {
    let options = RollbackOptions { target: Some(target.parse().unwrap()), ..RollbackOptions::default() };
    discreet(dbwarden::ops::rollback::rollback(&mut deployment(database), &options, &mut Silent))
}

fn status(database: &Database) -> Status {
    discreet(dbwarden::ops::status::status(&mut deployment(database), &StatusOptions::default())).unwrap()
}

/// The code of the error that `outcome` is.
#[track_caller]
fn code<T: std::fmt::Debug>(outcome: Result<T, Error>) -> &'static str {
    match discreet(outcome) {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error.code(),
    }
}

fn ids(ids: &[RevisionId]) -> Vec<&str> {
    ids.iter().map(RevisionId::as_str).collect()
}

/// The versions of the steps that were committed.
fn steps(report: &Report) -> Vec<&str> {
    report.steps.iter().map(|step| step.version.as_str()).collect()
}

/// What the table `log` says, in order; most tests write into it what has run.
fn log(database: &Database) -> Vec<String> {
    database.rows("SELECT what FROM log ORDER BY id")
}

/// The file that makes the table `log`.
const LOG: (&str, &str) = (
    "0001_log.sql",
    "CREATE TABLE log (id {key}, what TEXT NOT NULL);\n\
     -- rollback\nDROP TABLE log;\n",
);
