//! Migrations that a program carries as Rust code, beside those in SQL: in the same graph, with the same records.
//!
//! ```
//! use dbwarden::migration::rust::RustMigration;
//!
//! let names = RustMigration::new("0002", "fill full names", |work| {
//!     if work.has_column("users", "full_name")? {
//!         work.execute("UPDATE users SET full_name = name WHERE full_name IS NULL", &[])?;
//!     }
//!     Ok(())
//! });
//! ```

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::checksum::{Checksum, FileHash};
use super::groups::{Group, GroupKind};
use super::source::{Headers, SourceFile};
use super::{Kind, Migration, RevisionId, Script};
use crate::database::Database;
use crate::dialect::Object;
use crate::sql::Position;
use crate::value::{Row, Value};

/// What the code of a migration returns. Any error stops the run as one of SQL does.
pub type Outcome = Result<(), Box<dyn StdError + Send + Sync>>;

/// The code of one direction. It may be called more than once: where it met another session's lock, it is run anew.
type Body = dyn Fn(&mut Work<'_>) -> Outcome + Send + Sync;

/// A migration in Rust.
///
/// It is one transaction, with its row of the history, unless [`RustMigration::without_transaction`] says otherwise. What is recorded as
/// its checksum is its id and its [`version`](RustMigration::version): code has no text to sum up.
#[derive(Clone)]
pub struct RustMigration {
    id: RevisionId,
    description: String,
    version: String,
    headers: Headers,
    up: Arc<Body>,
    down: Option<Arc<Body>>,
    place: String,
}

impl fmt::Debug for RustMigration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RustMigration")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl RustMigration {
    /// Returns the migration `id`, which does `up`. In errors it goes by the place in the source where this is called.
    #[track_caller]
    pub fn new(
        id: impl Into<String>,
        description: impl Into<String>,
        up: impl Fn(&mut Work<'_>) -> Outcome + Send + Sync + 'static,
    ) -> Self {
        let place = Location::caller();
        Self {
            id: RevisionId::new(id),
            description: description.into(),
            version: "1".to_owned(),
            headers: Headers::default(),
            up: Arc::new(up),
            down: None,
            place: format!("{}:{}", place.file(), place.line()),
        }
    }

    /// Sets what undoes it; without that it is irreversible.
    #[must_use]
    pub fn down(mut self, down: impl Fn(&mut Work<'_>) -> Outcome + Send + Sync + 'static) -> Self {
        self.down = Some(Arc::new(down));
        self
    }

    /// Sets the version of the code, `1` unless it is said: one that is changed behind an applied migration is a change, as it is of a
    /// file's SQL.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Sets the parents; without that it comes after the migration before it in version order.
    #[must_use]
    pub fn after<I: Into<String>>(mut self, parents: impl IntoIterator<Item = I>) -> Self {
        self.headers.down_revision = Some(parents.into_iter().map(Into::into).collect());
        self
    }

    /// Sets what must be applied before.
    #[must_use]
    pub fn depends_on<I: Into<String>>(mut self, others: impl IntoIterator<Item = I>) -> Self {
        self.headers.depends_on = others.into_iter().map(Into::into).collect();
        self
    }

    /// Sets what else a file says in its headers.
    #[must_use]
    pub fn headers(mut self, change: impl FnOnce(&mut Headers)) -> Self {
        change(&mut self.headers);
        self
    }

    /// Runs it outside a transaction: each statement, and each [`Work::transaction`], is committed by itself, and stays.
    ///
    /// A run that was stopped or killed runs the code again, from its beginning: it has to look for what is left to do, as
    /// `UPDATE … WHERE full_name IS NULL` does.
    #[must_use]
    pub fn without_transaction(mut self) -> Self {
        self.headers.no_transaction = true;
        self
    }

    /// Returns the id.
    pub fn id(&self) -> &RevisionId {
        &self.id
    }

    pub(crate) fn description(&self) -> &str {
        &self.description
    }

    /// Does it, or undoes it where `back` and there is code for that.
    pub(crate) fn call(&self, back: bool, work: &mut Work<'_>) -> Option<Outcome> {
        if back { self.down.as_deref().map(|down| down(work)) } else { Some((self.up)(work)) }
    }

    /// The bytes that stand for the code: its id and its version.
    fn sum(&self) -> Sha256 {
        Sha256::new().chain_update(self.id.as_str()).chain_update([0]).chain_update(&self.version)
    }

    pub(crate) fn file_hash(&self) -> FileHash {
        FileHash::finish(self.sum())
    }

    /// Returns the migration as those of files are.
    pub(crate) fn migration(&self) -> Migration {
        let file_hash = self.file_hash();
        let script = Script {
            start: Position::START,
            length: 0,
            statements: 1,
            groups: vec![Group {
                kind: if self.headers.no_transaction { GroupKind::Each } else { GroupKind::Transaction },
                first: 1,
                count: 1,
                start: Position::START,
                foreign_keys: None,
                modes: None,
                hash: String::new(),
            }],
            changes_session: true,
            as_it_stands: false,
            checksum: Checksum::of_code(&file_hash),
        };
        Migration {
            id: self.id.clone(),
            description: self.description.clone(),
            kind: Kind::Versioned,
            headers: Headers { irreversible: self.down.is_none(), ..self.headers.clone() },
            file: SourceFile::text(self.place.clone(), ""),
            down: self.down.is_some().then(|| script.clone()),
            up: script,
            file_hash,
            // As a file it would be called so: the next one is named after it.
            name: format!("{}_{}.sql", self.id, super::source::formats::words(&self.description)),
            beside: None,
            glanced: false,
            code: Some(self.clone()),
        }
    }
}

/// What the code of a migration does its work with.
pub struct Work<'a> {
    door: &'a mut dyn Door,
}

impl fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

/// Why a statement of a migration's code was not done.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum WorkError {
    /// The engine's answer.
    #[error("{message}")]
    Engine {
        /// What it said.
        message: String,
        /// Its code, such as an SQLSTATE.
        code: Option<String>,
    },
    /// It cannot be done here.
    #[error("{0}")]
    Refused(String),
    /// The run was interrupted, or lost its lock: nothing more is done.
    #[error("the run was stopped")]
    Stopped,
}

/// The way of a migration's code to its session.
pub(crate) trait Door {
    fn database(&self) -> Database;
    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, WorkError>;
    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, WorkError>;
    fn run(&mut self, sql: &str) -> Result<(), WorkError>;
    fn exists(&mut self, object: &Object) -> Result<bool, WorkError>;
    fn begin(&mut self) -> Result<(), WorkError>;
    fn commit(&mut self) -> Result<(), WorkError>;
    /// Undoes what was begun last, for the sake of an error.
    fn roll_back(&mut self, error: &(dyn StdError + Send + Sync + 'static));
    fn says(&mut self, text: &str);
    fn is_stopped(&mut self) -> bool;
}

impl<'a> Work<'a> {
    pub(crate) fn new(door: &'a mut dyn Door) -> Self {
        Self { door }
    }

    /// Returns the engine that answers.
    pub fn database(&self) -> Database {
        self.door.database()
    }

    /// Runs one statement and returns how many rows it changed. Each `?` outside of quotes stands for a parameter, where there are any.
    ///
    /// # Errors
    /// The engine's answer; a statement that would end the transaction, or that refuses one.
    pub fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, WorkError> {
        self.door.execute(sql, parameters)
    }

    /// Runs one statement and returns its rows. Each `?` outside of quotes stands for a parameter, where there are any.
    ///
    /// # Errors
    /// As [`Work::execute`].
    pub fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, WorkError> {
        self.door.query(sql, parameters)
    }

    /// Runs the statements of `sql`, split as those of a file are.
    ///
    /// # Errors
    /// As [`Work::execute`]; a text that is no SQL.
    pub fn run(&mut self, sql: &str) -> Result<(), WorkError> {
        self.door.run(sql)
    }

    /// Returns whether the table is there.
    ///
    /// # Errors
    /// The engine's answer.
    pub fn has_table(&mut self, table: &str) -> Result<bool, WorkError> {
        self.door.exists(&Object::Table(table.to_owned()))
    }

    /// Returns whether the column is there.
    ///
    /// # Errors
    /// The engine's answer.
    pub fn has_column(&mut self, table: &str, column: &str) -> Result<bool, WorkError> {
        self.door.exists(&Object::Column { table: table.to_owned(), column: column.to_owned() })
    }

    /// Returns whether `object` is there.
    ///
    /// # Errors
    /// The engine's answer.
    pub fn exists(&mut self, object: &Object) -> Result<bool, WorkError> {
        self.door.exists(object)
    }

    /// Does `body` in one transaction, and returns what it returns. For migrations that run outside one: in any other it is done in the
    /// transaction that is open.
    ///
    /// # Errors
    /// Those of `body`, of which nothing is kept then; the lock is another's by now.
    pub fn transaction<T>(
        &mut self,
        body: impl FnOnce(&mut Work<'_>) -> Result<T, Box<dyn StdError + Send + Sync>>,
    ) -> Result<T, Box<dyn StdError + Send + Sync>> {
        self.door.begin()?;
        match body(&mut Work { door: &mut *self.door }) {
            Ok(done) => {
                self.door.commit()?;
                Ok(done)
            }
            Err(error) => {
                self.door.roll_back(&*error);
                Err(error)
            }
        }
    }

    /// Tells whoever watches the run, as a notice of the server's does.
    pub fn says(&mut self, text: &str) {
        self.door.says(text);
    }

    /// Returns whether the run was interrupted: long work that sends no statement looks from time to time.
    pub fn is_stopped(&mut self) -> bool {
        self.door.is_stopped()
    }
}
