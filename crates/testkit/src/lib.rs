//! What the tests of all crates share: databases that a test owns, and servers, and the program `dbwarden`
//! run, killed and paused.
//!
//! Knows no other crate of the workspace, so that each of them may use it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on ends")]

mod database;
#[cfg(unix)]
mod duckdb;
#[cfg(unix)]
mod program;
mod proxy;
mod random;
#[cfg(unix)]
pub mod scripted;
pub mod secrets;
#[cfg(unix)]
pub mod server;

pub use database::{Database, Engine};
#[cfg(unix)]
pub use duckdb::library as duckdb_library;
#[cfg(unix)]
pub use program::{Finished, Program, Running};
pub use proxy::{Loss, Proxy, Toward};
pub use random::Random;

/// Runs each test on every engine: `fn name(database) { … }` becomes the tests `sqlite::name` and so on.
///
/// An engine more is one line here, and its arms in [`Engine`].
#[macro_export]
macro_rules! on_every_database {
    ($($(#[$about:meta])* fn $name:ident($database:ident) $body:block)*) => {
        $($(#[$about])* fn $name($database: $crate::Database) $body)*
        $crate::tests_of!(sqlite, $crate::Engine::Sqlite; $($name)*);
        $crate::tests_of!(postgres, $crate::Engine::Postgres; $($name)*);
        $crate::tests_of!(mariadb, $crate::Engine::Mariadb; $($name)*);
        $crate::tests_of!(cockroach_scripted, $crate::Engine::Scripted; $($name)*);
        $crate::tests_of!(
            #[ignore = "wants a CockroachDB, named by DBWARDEN_TEST_COCKROACH_URL"]
            cockroach, $crate::Engine::Cockroach; $($name)*
        );
        #[cfg(feature = "duckdb")]
        $crate::tests_of!(duckdb, $crate::Engine::Duckdb; $($name)*);
    };
}

/// Runs each test on DuckDB alone, in a crate with its feature.
#[macro_export]
macro_rules! on_duckdb {
    ($($(#[$about:meta])* fn $name:ident($database:ident) $body:block)*) => {
        $($(#[$about])* fn $name($database: $crate::Database) $body)*
        $crate::tests_of!(duckdb, $crate::Engine::Duckdb; $($name)*);
    };
}

/// Runs each test on the scripted CockroachDB alone.
#[macro_export]
macro_rules! on_scripted_cockroach {
    ($($(#[$about:meta])* fn $name:ident($database:ident) $body:block)*) => {
        $($(#[$about])* fn $name($database: $crate::Database) $body)*
        $crate::tests_of!(cockroach_scripted, $crate::Engine::Scripted; $($name)*);
    };
}

/// Runs each test on SQLite alone: what only a database has that is one file.
#[macro_export]
macro_rules! on_sqlite {
    ($($(#[$about:meta])* fn $name:ident($database:ident) $body:block)*) => {
        $($(#[$about])* fn $name($database: $crate::Database) $body)*
        $crate::tests_of!(sqlite_alone, $crate::Engine::Sqlite; $($name)*);
    };
}

/// Runs each test on PostgreSQL alone.
#[macro_export]
macro_rules! on_postgres {
    ($($(#[$about:meta])* fn $name:ident($database:ident) $body:block)*) => {
        $($(#[$about])* fn $name($database: $crate::Database) $body)*
        $crate::tests_of!(postgres, $crate::Engine::Postgres; $($name)*);
    };
}

/// Runs each test on MariaDB alone.
#[macro_export]
macro_rules! on_mysql {
    ($($(#[$about:meta])* fn $name:ident($database:ident) $body:block)*) => {
        $($(#[$about])* fn $name($database: $crate::Database) $body)*
        $crate::tests_of!(mariadb, $crate::Engine::Mariadb; $($name)*);
    };
}

/// The tests of one engine, each on a database of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! tests_of {
    (#[$how:meta] $module:ident, $engine:expr; $($name:ident)*) => {
        mod $module {
            $(#[test]
            #[$how]
            fn $name() {
                super::$name($crate::Database::new($engine));
            })*
        }
    };
    ($module:ident, $engine:expr; $($name:ident)*) => {
        mod $module {
            $(#[test]
            fn $name() {
                super::$name($crate::Database::new($engine));
            })*
        }
    };
}
