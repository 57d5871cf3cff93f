//! Why a step stopped, where, and what became of what it had done.

use std::time::Duration;

use super::lock::LockError;
use crate::driver::{DriverError, DriverErrorKind};
use crate::migration::RevisionId;
use crate::migration::applied::Direction;
use crate::migration::source::SourceError;
use crate::sql::Position;

/// A step that did not come to its end.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{cause}")]
pub struct StepError {
    /// The migration.
    pub id: RevisionId,
    /// Which way it was going.
    pub direction: Direction,
    /// Its file, as it is shown.
    pub file: String,
    /// Where in the file.
    pub position: Option<Position>,
    /// The line at that place.
    pub line: Option<String>,
    /// How many characters from there on are meant.
    pub width: usize,
    /// The number of the statement, from 1; 0 where it was none.
    pub statement: u64,
    /// How many there are.
    pub total: u64,
    /// What became of the migration's statements.
    pub kept: Kept,
    /// Why.
    pub cause: Cause,
}

/// What became of the statements of a migration that stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Nothing of it is left.
    Nothing,
    /// So many statements are committed; the next run goes on behind them.
    Statements(u64),
    /// Whether a statement that ran outside a transaction was done is not known.
    Doubtful {
        /// So many are committed.
        committed: u64,
        /// The statement.
        statement: u64,
    },
    /// A statement that ran outside a transaction failed, and may have done a part of its work by then.
    Part {
        /// So many statements are committed.
        committed: u64,
        /// The one that failed.
        statement: u64,
        /// The next run asks what is to become of it.
        asks: bool,
    },
    /// The connection was cut when it was to be committed, and nobody is there to be asked.
    Unknown,
    /// It is committed, but not to its end: what follows the last transaction failed.
    All,
}

impl Cause {
    /// Returns whether the connection was cut.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Cause::Statement(error)
            | Cause::Condition(error)
            | Cause::Around { error, .. }
            | Cause::Lock(LockError::Driver(error)) => error.kind == DriverErrorKind::Cut,
            _ => false,
        }
    }

    /// Returns whether what was sent last may be done all the same, now or later.
    pub(crate) fn leaves_doubt(&self) -> bool {
        self.is_cut()
            || match self {
                Cause::Cancelled | Cause::TimedOut { .. } => true,
                Cause::Statement(error) => error.kind == DriverErrorKind::Interrupted,
                _ => false,
            }
    }

    /// Returns whether the server could not bring the transaction into an order with others.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Cause::Statement(error)
            | Cause::Condition(error)
            | Cause::Around { error, .. }
            | Cause::Lock(LockError::Driver(error)) => error.is_conflict(),
            _ => false,
        }
    }
}

/// Why a step stopped.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The engine refused a statement.
    #[error(transparent)]
    Statement(DriverError),
    /// The engine refused what goes around the statements.
    #[error("{doing}: {error}")]
    Around {
        /// What was being done.
        doing: &'static str,
        /// The engine's answer.
        error: DriverError,
    },
    /// The condition of a directive cannot be looked up.
    #[error("the directive's condition cannot be looked up: {0}")]
    Condition(DriverError),
    /// The lock.
    #[error(transparent)]
    Lock(LockError),
    /// The file.
    #[error("{0}")]
    Source(std::sync::Arc<SourceError>),
    /// The code of a migration in Rust failed.
    #[error("{message}")]
    Code {
        /// What it said, with what that came from.
        message: String,
    },
    /// A hook before it refused.
    #[error("the hook before it failed: {message}")]
    Hook {
        /// Why.
        message: String,
    },
    /// Foreign keys were off, and rows point at nothing now.
    #[error("{} of {table} would point at nothing in {parent}", rows(*count))]
    ForeignKeys {
        /// How many rows.
        count: usize,
        /// The first one's table.
        table: String,
        /// The table it points at.
        parent: String,
    },
    /// A statement ended the transaction.
    #[error("the statement ended the transaction that it ran in")]
    TransactionEnded,
    /// A statement ran too long.
    #[error("the statement ran longer than its limit of {}", crate::project::duration_text(*limit))]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// A statement was running when its run ended, and nothing tells whether it was done.
    #[error("statement {statement} of {id} was running when its run ended, and the database does not tell whether it was done{}", reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Doubtful {
        /// The migration.
        id: RevisionId,
        /// The statement.
        statement: u64,
        /// What can be seen.
        reason: Option<String>,
    },
    /// A statement that has run already is another one now.
    #[error("statement {statement} of {id} has run already, and is another one in the file now")]
    Edited {
        /// The migration.
        id: RevisionId,
        /// The statement.
        statement: u64,
    },
    /// What was done made a temporary object, which another session cannot have.
    #[error("statement {statement} made a temporary object, which is gone with the session that made it")]
    TemporaryGone {
        /// The statement.
        statement: u64,
    },
    /// Cancelled.
    #[error("interrupted")]
    Cancelled,
}

fn rows(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}
