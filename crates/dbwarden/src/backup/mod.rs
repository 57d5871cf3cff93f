//! Copies of a database, made and brought back by the engine's own means: a file an engine, and a line in [`of`].
//!
//! A backup is a file and, beside it, its record: when it was made, of what, by which tool, and its checksum. Both are written
//! under another name first, so that a run that was killed leaves no backup that is half one. The record stands beside the file and
//! not in the database: what is restored must not bring back an old list of backups.

use std::path::{Path, PathBuf};

use crate::apply::run::Cancel;
use crate::database::Database;
use crate::dialect::Records;
use crate::driver::{DriverError, OpenOptions, Session};
use crate::project::DatabaseSettings;

#[cfg(feature = "duckdb")]
mod duckdb;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod tool;

pub use store::{Backup, Listed, Reason, Subject, find, list, take, verify};

/// What is copied, and how it is reached.
#[derive(Debug)]
pub struct Place<'a> {
    /// The database's settings.
    pub settings: &'a DatabaseSettings,
    /// How sessions are opened.
    pub open: &'a OpenOptions,
    /// The SQL of our tables.
    pub records: &'a Records,
    /// Stops the copying from another thread.
    pub cancel: &'a Cancel,
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
impl Place<'_> {
    /// Returns SQL that fails where our lock is another's by now, where the engine has it.
    pub(crate) fn fence(&self, token: i64) -> Option<String> {
        self.records.fence.as_ref().map(|fence| fence.sql.replacen('?', &token.to_string(), 1))
    }
}

/// How the databases of one engine are copied and brought back.
pub trait Copier: Sync + std::fmt::Debug {
    /// Returns the end of the files' names, without a dot.
    fn suffix(&self) -> &'static str;

    /// Writes a copy to `to`, a file that is there, is empty, and may be read by its owner alone. Returns what made it.
    ///
    /// # Errors
    /// What the engine or its tool said.
    fn take(&self, place: &Place<'_>, to: &Path) -> Result<String, BackupError>;

    /// Looks whether `from` is a whole copy, as far as its form tells.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&self, place: &Place<'_>, from: &Path) -> Result<(), BackupError>;

    /// Sees before anything is changed that what brings a copy back is there, and reaches the database.
    ///
    /// # Errors
    /// What is missing.
    fn ready(&self, _place: &Place<'_>) -> Result<(), BackupError> {
        Ok(())
    }

    /// Makes the database what `from` holds, and nothing else, all at once or not at all where the engine can do that. `token` is that
    /// of our lock: see `Place::fence`. Where a copy takes the place of the database, it is returned, made ready beside it, with a
    /// free lock and a token beyond `token` and its own; the database is as it was then.
    ///
    /// # Errors
    /// What the engine, its tool or the system said.
    fn bring_back(
        &self,
        place: &Place<'_>,
        from: &Path,
        token: i64,
    ) -> Result<Option<Box<dyn Staged>>, BackupError>;

    /// Returns whether a restore that fails or is killed leaves the database as it was.
    fn is_atomic(&self) -> bool;
}

/// What is to take a database's place. Dropped before that, it is gone.
pub trait Staged {
    /// Returns a session with it.
    fn session(&mut self) -> &mut dyn Session;

    /// Puts it in the place of the database, at once. `old` is the session that holds our lock; it goes on to see the old database,
    /// which nobody else does.
    ///
    /// # Errors
    /// What the engine or the system said. Nothing was changed.
    fn take_the_place(self: Box<Self>, old: &mut dyn Session, place: &Place<'_>) -> Result<(), BackupError>;
}

/// Returns how databases of the engine are copied.
///
/// # Errors
/// That this version cannot.
pub fn of(database: Database) -> Result<&'static dyn Copier, BackupError> {
    match database {
        #[cfg(feature = "sqlite")]
        Database::Sqlite => Ok(&sqlite::OnlineBackup),
        #[cfg(feature = "duckdb")]
        Database::Duckdb => Ok(&duckdb::FileCopy),
        #[cfg(feature = "postgres")]
        Database::Postgres => Ok(&postgres::Dump),
        #[cfg(feature = "mysql")]
        Database::Mysql => Ok(&mysql::Dump { vendors_first: true }),
        #[cfg(feature = "mysql")]
        Database::Mariadb => Ok(&mysql::Dump { vendors_first: false }),
        database => Err(BackupError::NotYet { database }),
    }
}

/// Why there is no backup, or why it cannot be brought back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// This version cannot copy databases of the engine.
    #[error("this version makes no backups of {database}")]
    NotYet {
        /// The engine.
        database: Database,
    },
    /// The records stand where a backup of the database does not have them.
    #[error("the records are in {records}, of which a backup of {database} has nothing")]
    RecordsElsewhere {
        /// The database of our tables.
        records: String,
        /// The database that is backed up.
        database: String,
    },
    /// Others migrate what would be replaced too.
    #[error("{holder} holds the lock of the migrations in {schema}, which would be replaced too")]
    OthersAtWork {
        /// The schema in which their records are.
        schema: String,
        /// Who holds the lock.
        holder: String,
    },
    /// A statement of the copy is longer than the server takes.
    #[error("{} has a statement of {length} bytes, and the server takes {limit} (max_allowed_packet)", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// How long it is, in bytes.
        length: u64,
        /// How long it may be, in bytes.
        limit: u64,
    },
    /// What the copy makes in another's name, this account may not.
    #[error("{} makes things in the name of {definer}, which {account} may not", path.display())]
    Definer {
        /// The file.
        path: PathBuf,
        /// In whose name.
        definer: String,
        /// Who restores.
        account: String,
    },
    /// The database is no file.
    #[error("{target} is gone with the program that opened it: there is nothing to back up")]
    InMemory {
        /// The database, as it is shown.
        target: String,
    },
    /// The database is not there yet.
    #[error("there is no database at {target} yet")]
    NoDatabase {
        /// The database, as it is shown.
        target: String,
    },
    /// A tool of the engine is not on PATH.
    #[error("{tool} is not on PATH")]
    NoTool {
        /// The program.
        tool: &'static str,
        /// Where it comes from.
        package: &'static str,
    },
    /// A tool of the engine failed.
    #[error("{tool} failed: {}", said.first().map_or("it said nothing", String::as_str))]
    Tool {
        /// The program.
        tool: &'static str,
        /// What it said, without passwords.
        said: Vec<String>,
    },
    /// The engine's answer.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// A file or directory.
    #[error("{doing} {}: {error}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
    /// There is no such file.
    #[error("there is no backup {}", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is no record beside the file.
    #[error("{} has no record beside it", path.display())]
    NoRecord {
        /// The file.
        path: PathBuf,
    },
    /// The record makes no sense.
    #[error("the record {} makes no sense: {reason}", path.display())]
    Record {
        /// The record's file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is not what was written.
    #[error("{} was changed since it was made: its checksum is another", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file is no whole copy.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is a copy of a database of another engine.
    #[error("{} is a backup of {engine}, and the database is {database}", path.display())]
    OtherEngine {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        engine: String,
        /// The database's engine.
        database: Database,
    },
    /// Cancelled.
    #[error("interrupted")]
    Cancelled,
}

impl BackupError {
    fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| BackupError::File { doing, path, error }
    }
}
