//! Talk: a session with one database. Knows no migration, no history and no lock.
//!
//! `Database::` is matched here, in [`open`], and in `dialect`; nowhere else.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::database::Database;
use crate::url::DatabaseUrl;
use crate::value::{Row, Value};

#[cfg(feature = "duckdb")]
pub(crate) mod duckdb;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "mysql")]
pub(crate) use mysql::tool_tls as mysql_tool_tls;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::answer as sqlite_failure;
#[cfg(feature = "sqlite")]
pub use sqlite::{HostConnection, host_session};

/// How a session is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Makes an embedded database's file when there is none. Without it, a missing file is an empty database that is
    /// never written.
    pub create: bool,
    /// SQLite: whether foreign keys are enforced. Each session sets it, since builds differ in their default
    /// (<https://www.sqlite.org/foreignkeys.html#fk_enable>).
    pub foreign_keys: bool,
    /// How long a statement waits for another session's lock.
    pub lock_timeout: Duration,
    /// Statements run first on each session.
    pub prelude: Vec<String>,
    /// PostgreSQL: the schema in which names without one are looked for and made.
    pub schema: Option<String>,
    /// DuckDB: its library; without one the system's loader looks for it under its usual name.
    pub duckdb_library: Option<PathBuf>,
}

/// Who answers: the engine and its version as it says it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Server {
    /// The engine.
    #[serde(serialize_with = "crate::driver::database_name")]
    pub database: Database,
    /// Its version, as it says it.
    pub version: String,
}

pub(crate) fn database_name<S: serde::Serializer>(database: &Database, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(database.name())
}

/// One session as the server sees it: enough to find out whether it is still there.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ServerSession {
    /// The node of a cluster; empty where there is one server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// The session's number there.
    pub id: String,
    /// When it began, as the server says it: numbers are given away again.
    pub started: String,
}

/// Whether another session is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It has ended.
    Gone,
    /// It has not.
    There,
    /// The server does not tell us.
    Unseen,
}

/// Something the server said beside its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How grave it is, in the server's word: `NOTICE`, `WARNING`.
    pub level: String,
    /// The server's words.
    pub text: String,
}

/// One session with a database. Everything goes through it in order; a second session is opened for what must go beside.
pub trait Session: Send {
    /// Returns who answers.
    fn server(&self) -> Server;

    /// Runs one statement to its end and drops its rows; returns how many rows it changed, where the engine says so.
    ///
    /// # Errors
    /// What the engine answered.
    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, DriverError>;

    /// Runs one query and returns its rows.
    ///
    /// # Errors
    /// What the engine answered.
    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DriverError>;

    /// Runs one query without parameters and gives each row away as it comes, so that a table of any length needs little memory.
    ///
    /// # Errors
    /// What the engine answered; rows may have been given away before it.
    fn each(&mut self, sql: &str, take: &mut dyn FnMut(Row)) -> Result<(), DriverError>;

    /// Runs one statement of a migration as it stands; its rows are read to their end and dropped.
    ///
    /// # Errors
    /// What the engine answered.
    fn run(&mut self, sql: &str) -> Result<(), DriverError>;

    /// Opens a transaction that may write.
    ///
    /// # Errors
    /// What the engine answered, `Busy` where another session writes.
    fn begin(&mut self) -> Result<(), DriverError>;

    /// Commits; waits, within the lock timeout, for readers that stand in the way.
    ///
    /// # Errors
    /// What the engine answered. The transaction may still be open.
    fn commit(&mut self) -> Result<(), DriverError>;

    /// Rolls back; nothing happens where no transaction is open.
    ///
    /// # Errors
    /// What the engine answered.
    fn rollback(&mut self) -> Result<(), DriverError>;

    /// Returns whether a transaction is open.
    fn in_transaction(&self) -> bool;

    /// Runs the statements of `body` and then `records`, in a transaction of their own, in one packet, and commits. Asked only where
    /// [`Capabilities::packet`](crate::dialect::Capabilities::packet) allows it.
    ///
    /// # Errors
    /// What the engine answered, and how far it came. Nothing is kept, unless the connection was cut: then that is not known.
    fn run_whole(&mut self, _body: &str, _records: &[(String, Vec<Value>)]) -> Result<(), WholeError> {
        let message = "this engine takes one statement after the other";
        Err(WholeError { error: DriverError::new(DriverErrorKind::Statement, message), finished: None })
    }

    /// Runs our own statements and a migration's, one after the other, in one packet, up to the first that fails. Asked only where
    /// [`Capabilities::journalled_packet`](crate::dialect::Capabilities::journalled_packet) allows it.
    ///
    /// # Errors
    /// What the engine answered, and to which part. What was committed before stays.
    fn run_parts(&mut self, _parts: &[Part<'_>]) -> Result<(), PartError> {
        let message = "this engine takes one statement after the other";
        Err(PartError { error: DriverError::new(DriverErrorKind::Statement, message), part: None })
    }

    /// Sets how long a statement waits for another session's lock from now on.
    ///
    /// # Errors
    /// What the engine answered.
    fn set_lock_timeout(&mut self, timeout: Duration) -> Result<(), DriverError>;

    /// Returns how long a statement waits for another session's lock.
    fn lock_timeout(&self) -> Duration;

    /// SQLite: turns foreign keys on or off. Elsewhere nothing happens.
    ///
    /// # Errors
    /// What the engine answered.
    fn set_foreign_keys(&mut self, on: bool) -> Result<(), DriverError>;

    /// Puts the session's settings back as they were when it was opened.
    ///
    /// # Errors
    /// What the engine answered.
    fn reset(&mut self) -> Result<(), DriverError>;

    /// Tries to take the engine's own lock of sessions, without waiting. `name` tells the locks of one database apart.
    ///
    /// # Errors
    /// What the engine answered.
    fn try_session_lock(&mut self, name: &str) -> Result<SessionLock, DriverError>;

    /// Returns how the server sees this session, where there is a server and it can be told.
    fn itself(&self) -> Option<ServerSession> {
        None
    }

    /// Looks whether another session is still there.
    ///
    /// # Errors
    /// What the engine answered.
    fn presence(&mut self, _other: &ServerSession) -> Result<Presence, DriverError> {
        Ok(Presence::Gone)
    }

    /// Ends another session, and returns whether it is gone.
    ///
    /// # Errors
    /// What the engine answered, for one that is not ours to end.
    fn evict(&mut self, _other: &ServerSession) -> Result<Presence, DriverError> {
        Ok(Presence::Gone)
    }

    /// Returns what the server said beside its answers since this was asked last.
    fn notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }

    /// Begins a statement whose rows follow it (PostgreSQL's `COPY … FROM stdin`).
    ///
    /// # Errors
    /// What the engine answered; that it has no such statement.
    fn copy_begin(&mut self, _sql: &str) -> Result<(), DriverError> {
        let message = "rows behind a statement are known to PostgreSQL alone";
        Err(DriverError::new(DriverErrorKind::Statement, message))
    }

    /// Sends some of the rows.
    ///
    /// # Errors
    /// What the engine answered.
    fn copy_data(&mut self, _rows: &[u8]) -> Result<(), DriverError> {
        Ok(())
    }

    /// Ends the rows; only now they are known to be taken.
    ///
    /// # Errors
    /// What the engine answered.
    fn copy_end(&mut self) -> Result<(), DriverError> {
        Ok(())
    }

    /// Returns something that cancels the running statement from another thread.
    fn interrupter(&self) -> Arc<dyn Interrupt>;

    /// Makes the database where it is a file that is not there yet; until then an empty one stands in for it.
    ///
    /// # Errors
    /// The engine's answer; `Busy` where another process has made it and has it for itself. It may be tried again.
    fn create(&mut self) -> Result<(), DriverError> {
        Ok(())
    }

    /// Returns whether a second session can be opened beside this one (not on `:memory:` nor on a host's connection).
    fn may_have_company(&self) -> bool;

    /// From now on a statement does not wait for what other nodes have committed, where it would (Galera): it takes its place among them
    /// at once.
    ///
    /// # Errors
    /// What the engine answered.
    fn wait_for_nobody(&mut self) -> Result<(), DriverError> {
        Ok(())
    }

    /// Returns whether a commit is compared with other sessions' commits by what it wrote alone, so that a row that it read and
    /// locked may have been changed before it (Galera, between nodes). [`Fence::write`](crate::dialect::Fence::write) is for that.
    fn certifies_writes(&self) -> bool {
        false
    }
}

/// Cancels what a session is running, from another thread.
pub trait Interrupt: Send + Sync {
    /// Cancels the running statement; nothing happens where none runs.
    fn interrupt(&self);
}

/// What came of trying the engine's own lock of sessions.
#[derive(Debug)]
pub enum SessionLock {
    /// Held until the value is dropped.
    Held(Box<dyn Held>),
    /// Another session holds it.
    Busy,
    /// This engine, or this place, has none that is sound.
    Unsupported,
}

/// A held lock of sessions; released when dropped.
pub trait Held: Send + fmt::Debug {
    /// Returns whether it lasts as long as its session, so that another's holding it proves that the session has ended.
    fn is_proof(&self) -> bool {
        true
    }
}

/// Opens a session on `url`.
///
/// # Errors
/// The engine's answer, or that this build has no driver for it.
pub fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Session>, DriverError> {
    match url.database() {
        #[cfg(feature = "sqlite")]
        Database::Sqlite => Ok(Box::new(sqlite::SqliteSession::open(url, options)?)),
        #[cfg(feature = "postgres")]
        Database::Postgres | Database::Cockroach => {
            Ok(Box::new(postgres::PostgresSession::open(url, options)?))
        }
        #[cfg(feature = "duckdb")]
        Database::Duckdb => Ok(Box::new(duckdb::DuckdbSession::open(url, options)?)),
        #[cfg(feature = "mysql")]
        Database::Mysql | Database::Mariadb => Ok(Box::new(mysql::MysqlSession::open(url, options)?)),
        #[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "duckdb", feature = "mysql")))]
        database => Err(DriverError::new(
            DriverErrorKind::NoDriver,
            format!("this build has no driver for {database}"),
        )),
    }
}

/// Why a script and its records were not committed.
#[derive(Debug)]
pub struct WholeError {
    /// What the engine answered; its place is one in the body.
    pub error: DriverError,
    /// Statements of body and records that were run to their end; nothing where the transaction did not begin.
    pub finished: Option<u64>,
}

/// A part of a packet.
#[derive(Debug, Clone)]
pub enum Part<'a> {
    /// One statement of ours, with its parameters.
    Ours(String, Vec<Value>),
    /// One statement of a migration, which may answer with rows and warnings.
    Theirs(&'a str),
}

/// Why a packet was not run to its end.
#[derive(Debug)]
pub struct PartError {
    /// What the engine answered; its place is one in the migration's statement.
    pub error: DriverError,
    /// The part that failed, or at least one of the same sort that is not further off than the next statement of the migration;
    /// nothing where the packet was not run at all.
    pub part: Option<usize>,
}

/// What sort of failure an engine reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriverErrorKind {
    /// The statement is wrong, or broke a rule of the data.
    Statement,
    /// Another session holds a lock that was waited for.
    Busy,
    /// The database could not be opened.
    Open,
    /// The file is no database, or a damaged one.
    Damaged,
    /// The database may not be written.
    ReadOnly,
    /// The role may not do that.
    Rights,
    /// No room on the disk, or it failed.
    Disk,
    /// The statement was cancelled.
    Interrupted,
    /// The connection was cut.
    Cut,
    /// This build has no driver for the engine.
    NoDriver,
    /// The engine's library, which is loaded when it is needed, is not there or is none.
    NoLibrary,
}

/// How long a connection is silent before the other end is asked whether it is there, how long between two such questions, and how
/// many go without an answer before the connection counts as cut.
#[cfg(any(feature = "mysql", feature = "postgres"))]
const KEEPALIVE_IDLE: std::time::Duration = std::time::Duration::from_secs(30);
#[cfg(any(feature = "mysql", feature = "postgres"))]
const KEEPALIVE_INTERVAL: std::time::Duration = std::time::Duration::from_secs(10);
#[cfg(any(feature = "mysql", feature = "postgres"))]
const KEEPALIVE_COUNT: u32 = 3;

/// What an engine answered when it refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}{}", code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
pub struct DriverError {
    /// What sort of failure.
    pub kind: DriverErrorKind,
    /// The engine's own words.
    pub message: String,
    /// The engine's own code (`SQLITE_CONSTRAINT_UNIQUE`, an SQLSTATE, a number), where it says more than the words.
    pub code: Option<String>,
    /// Where in the statement, in bytes from its start, where the engine says so.
    pub offset: Option<usize>,
    /// What else the engine said of it, a line each: `detail: …`, `hint: …`.
    pub notes: Vec<String>,
}

impl DriverError {
    /// Returns an error of which only its sort and its words are known.
    pub fn new(kind: DriverErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, offset: None, notes: Vec::new() }
    }

    /// Returns it, an answer to `sql`, without what a statement that gives accounts has in quotes; and with its place where the
    /// statement begins, if the place itself is on another line: who shows that line could not know what to hide.
    #[cfg(any(feature = "mysql", feature = "postgres"))]
    pub(crate) fn without_secrets(mut self, sql: &str, syntax: crate::sql::Syntax) -> Self {
        let mask = |said: &str| crate::sql::mask_answer(said, sql, syntax);
        self.message = mask(&self.message);
        self.notes = self.notes.iter().map(|note| mask(note)).collect();
        self.offset = self.offset.map(|offset| crate::sql::mask_place(sql, offset, syntax));
        self
    }

    /// Returns whether the server could not bring the transaction into an order with others, and asks for it once more
    /// (<https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html>); 1213 on MySQL, MariaDB, and Galera, where
    /// the other one may be on another node.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self.code.as_deref(), Some("40001" | "1213"))
    }
}
