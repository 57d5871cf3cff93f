//! One error for callers: what each layer found, with a stable code, the place in the file, and what had been done before.

use crate::adopt::AdoptError;
use crate::apply::failure::{Cause, StepError};
use crate::apply::history::HistoryError;
use crate::apply::lock::LockError;
use crate::backup::BackupError;
use crate::database::Database;
use crate::dialect::RenderError;
use crate::driver::{DriverError, DriverErrorKind};
use crate::migration::RevisionId;
use crate::migration::applied::ForeignRecords;
use crate::migration::graph::{GraphError, TargetError};
use crate::migration::plan::PlanError;
use crate::migration::set::SetError;
use crate::migration::source::SourceError;
use crate::operation::OperationError;
use crate::ops::Report;
use crate::ops::adopt::SetAside;
use crate::ops::against::GitError;
use crate::ops::backup::Made;
use crate::ops::scratch::ScratchError;
use crate::ops::squash::SquashError;
use crate::project::SettingsError;
use crate::url::UrlError;

/// Why a verb did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<ErrorKind>);

/// What each layer found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A database's address.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A file, or the directory.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// How the files hang together, or a reference.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A target that cannot be read.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// What keeps a plan from being made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The records.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The engine, outside a migration.
    #[error("{doing}: {error}")]
    Driver {
        /// What was being done.
        doing: &'static str,
        /// The database, as it is shown.
        target: String,
        /// The engine's answer.
        error: DriverError,
    },
    /// A migration.
    #[error("{step}")]
    Step {
        /// Where and why it stopped.
        step: Box<StepError>,
        /// What had been done before.
        report: Box<Report>,
        /// What was not tried.
        not_tried: Vec<RevisionId>,
    },
    /// This version cannot run on the engine.
    #[error("this version does not run migrations on {database}")]
    NotYet {
        /// The engine.
        database: Database,
    },
    /// Another engine answers than the address says; whoever asked asks again for that one.
    #[error("{database} answers, which is not what the address says")]
    AnotherEngine {
        /// The engine that answers.
        database: Database,
    },
    /// Another tool keeps records here, and we keep none.
    #[error("the database has the records of {}, in {}", records.tool, records.table)]
    ForeignRecords {
        /// The other tool's table.
        records: ForeignRecords,
    },
    /// Another tool's records are not taken over.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// Old tables were set aside, and then taking them over failed; the next `adopt` goes on.
    #[error("{error}")]
    SetAside {
        /// Why it failed.
        error: Error,
        /// The tables.
        tables: Vec<SetAside>,
    },
    /// A person must agree first.
    #[error("{refusal}")]
    Refused {
        /// What is refused, and why.
        refusal: Refusal,
    },
    /// The database is ahead of the files, which `strict_ahead` forbids.
    #[error("the database is ahead of the files: {}", listed(revisions))]
    StrictAhead {
        /// Applied, without a file.
        revisions: Vec<RevisionId>,
    },
    /// A person's word is not needed.
    #[error("there is nothing to accept of {id}: file and record agree")]
    NothingToAccept {
        /// The migration.
        id: RevisionId,
    },
    /// Git, which was asked for another branch's files.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A squash that does not stand its proof.
    #[error(transparent)]
    Squash(#[from] SquashError),
    /// A backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// A backup could not be brought back.
    #[error("the backup was not brought back: {error}")]
    Restore {
        /// Why not.
        error: BackupError,
        /// Whether the database is as it was.
        atomic: bool,
        /// The backup of what was to be replaced.
        replaced: Option<Box<Made>>,
    },
    /// The database that a proof is made on.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// A template.
    #[error("{error}{}", unasked.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Template {
        /// Why it has no SQL.
        error: RenderError,
        /// Why the database was not asked, where it should have been.
        unasked: Option<String>,
    },
    /// What was to be printed cannot be written.
    #[error("the script cannot be written: {error}")]
    Output {
        /// Why not.
        error: std::io::Error,
    },
    /// What was asked makes no sense.
    #[error("{message}")]
    Usage {
        /// Why not.
        message: String,
    },
}

fn listed(ids: &[RevisionId]) -> String {
    let names = ids.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ");
    format!("{names} {} applied, without a file", if ids.len() == 1 { "is" } else { "are" })
}

/// What is refused until a person agrees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A protected database.
    #[error("{what} the protected database \"{database}\"")]
    Protected {
        /// What would be done to it.
        what: String,
        /// The database.
        database: String,
    },
    /// A migration that breaks something, on a protected database.
    #[error("{id} says that it breaks something: {text}")]
    Breaking {
        /// The migration.
        id: RevisionId,
        /// What its header says.
        text: String,
    },
    /// No backup that is young enough.
    #[error("no backup younger than {within} is recorded in {directories}")]
    NoBackup {
        /// The setting.
        within: String,
        /// Where it was looked for.
        directories: String,
    },
    /// Outside the window in which changes are allowed.
    #[error("\"{database}\" may be changed from {window} alone, and it is another time now")]
    Window {
        /// The window.
        window: String,
        /// The database.
        database: String,
    },
    /// A down script that comes from the database, on a protected one.
    #[error("the down script of {id} comes from the database, since its file is not here")]
    RecordedScript {
        /// The migration.
        id: RevisionId,
        /// The script.
        script: String,
    },
    /// A migration that is to have another number.
    #[error("{id} is {what} on {target}{from}: {file} keeps its number")]
    Applied {
        /// The migration.
        id: RevisionId,
        /// Its file.
        file: String,
        /// What the database says of it.
        what: &'static str,
        /// And of what file, in words with a comma before them.
        from: &'static str,
        /// The database.
        target: String,
    },
    /// A backup of another database.
    #[error("{backup} is a backup of {of}, and would replace {target}")]
    OtherTarget {
        /// The backup.
        backup: String,
        /// What it is a copy of.
        of: String,
        /// What it would replace.
        target: String,
    },
    /// A backup that holds what other migrations made too.
    #[error("restore replaces all that is in {target}, also what is in {}, which other migrations made", schemas.join(", "))]
    OtherSchemas {
        /// The schemas in which others have their records.
        schemas: Vec<String>,
        /// The database.
        target: String,
    },
    /// A lock whose holder lives.
    #[error("{holder} holds the lock, and lives")]
    LiveLock {
        /// The holder.
        holder: String,
    },
    /// A lock that cannot be taken by force, since its holder writes right now.
    #[error("{holder} has a transaction open: nobody else can write before it ends")]
    OpenTransaction {
        /// The holder.
        holder: String,
    },
}

/// Where something is wrong, with the line for showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file, as it is shown.
    pub file: String,
    /// Line and column, from 1.
    pub at: Option<(u32, u32)>,
    /// The text of the line.
    pub text: Option<String>,
    /// How many characters from the column on are meant.
    pub width: usize,
}

impl Error {
    /// Returns what each layer found.
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// Returns the stable name of what is wrong, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self.kind() {
            ErrorKind::Settings(error) => error.code(),
            ErrorKind::Url(_) => "url",
            ErrorKind::Source(error) => error.code(),
            ErrorKind::Graph(error) => graph_code(error),
            ErrorKind::Target(_) => "target",
            ErrorKind::Plan(error) => match error {
                PlanError::Graph(error) => graph_code(error),
                PlanError::Heads(_) => "heads",
                PlanError::Changed { .. } => "changed",
                PlanError::Gone { .. } => "file-gone",
                PlanError::Renamed { .. } => "renamed",
                PlanError::Ahead { .. } => "ahead",
                PlanError::Late { .. } => "late",
                PlanError::SeedWaits { .. } => "seed-waits",
                PlanError::Irreversible { .. } => "irreversible",
                PlanError::Empty { .. } => "sections",
                PlanError::NotAtomic { .. } => "single-transaction",
                PlanError::Unfinished { .. } | PlanError::UnfinishedGone { .. } => "unfinished",
            },
            ErrorKind::History(error) => match error {
                HistoryError::NotOurs { .. } => "not-our-table",
                HistoryError::Trigger { .. } => "planted-trigger",
                HistoryError::Stranger { .. } => "stranger-owned",
                HistoryError::Restoring { .. } => "half-restored",
                HistoryError::Elsewhere { .. } => "tables-elsewhere",
                HistoryError::Driver(error) => driver_code(error),
            },
            ErrorKind::Lock(error) => match error {
                LockError::Held { .. } | LockError::Elsewhere { .. } => "locked",
                LockError::Lost => "lock-lost",
                LockError::Cancelled => "interrupted",
                LockError::Damaged { .. } => "lock-table",
                LockError::StillThere { .. } => "holder-unseen",
                LockError::Driver(error) | LockError::Rights { error, .. } => driver_code(error),
            },
            ErrorKind::Driver { error, .. } => driver_code(error),
            ErrorKind::Step { step, .. } => match &step.cause {
                Cause::Statement(error) if error.kind == DriverErrorKind::Statement => "sql",
                Cause::Statement(error) | Cause::Condition(error) | Cause::Around { error, .. } => {
                    driver_code(error)
                }
                Cause::Lock(LockError::Lost) => "lock-lost",
                Cause::Lock(LockError::Driver(error)) => driver_code(error),
                Cause::Lock(_) => "lock",
                Cause::Source(error) => error.code(),
                Cause::Code { .. } => "code",
                Cause::Hook { .. } => "hook",
                Cause::ForeignKeys { .. } => "foreign-keys",
                Cause::TransactionEnded => "transaction-ended",
                Cause::TimedOut { .. } => "statement-timeout",
                Cause::Edited { .. } => "edited",
                Cause::Doubtful { .. } => "doubtful",
                Cause::TemporaryGone { .. } => "temporary-gone",
                Cause::Cancelled => "interrupted",
            },
            ErrorKind::NotYet { .. } => "not-yet",
            ErrorKind::AnotherEngine { .. } => "another-engine",
            ErrorKind::ForeignRecords { .. } => "foreign-records",
            ErrorKind::Adopt(error) => error.code(),
            ErrorKind::SetAside { error, .. } => error.code(),
            ErrorKind::Refused { refusal } => match refusal {
                Refusal::Protected { .. } => "protected",
                Refusal::Breaking { .. } => "breaking",
                Refusal::NoBackup { .. } => "no-backup",
                Refusal::Window { .. } => "window",
                Refusal::Applied { .. } => "applied",
                Refusal::OtherTarget { .. } => "other-database",
                Refusal::OtherSchemas { .. } => "other-schemas",
                Refusal::RecordedScript { .. } => "recorded-script",
                Refusal::LiveLock { .. } | Refusal::OpenTransaction { .. } => "live-lock",
            },
            ErrorKind::StrictAhead { .. } => "ahead",
            ErrorKind::Git(error) => error.code(),
            ErrorKind::Output { .. } => "output",
            ErrorKind::Scratch(error) => error.code(),
            ErrorKind::Template { error, .. } => crate::ops::template::code(error),
            ErrorKind::Squash(error) => error.code(),
            ErrorKind::Backup(error) | ErrorKind::Restore { error, .. } => backup_code(error),
            ErrorKind::NothingToAccept { .. } | ErrorKind::Usage { .. } => "usage",
        }
    }

    /// Returns the engine's answer, where that is the cause.
    pub fn answer(&self) -> Option<&DriverError> {
        match self.kind() {
            ErrorKind::History(HistoryError::Driver(error))
            | ErrorKind::Lock(LockError::Driver(error))
            | ErrorKind::Backup(BackupError::Driver(error))
            | ErrorKind::Restore { error: BackupError::Driver(error), .. }
            | ErrorKind::Driver { error, .. } => Some(error),
            ErrorKind::Lock(LockError::StillThere { reason, .. }) => reason.as_ref(),
            ErrorKind::Scratch(ScratchError::Rights { error, .. }) => Some(error),
            ErrorKind::SetAside { error, .. } => error.answer(),
            ErrorKind::Step { step, .. } => match &step.cause {
                Cause::Statement(error)
                | Cause::Condition(error)
                | Cause::Around { error, .. }
                | Cause::Lock(LockError::Driver(error)) => Some(error),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns where in a file it is, where it is in one.
    pub fn location(&self) -> Option<Location> {
        match self.kind() {
            ErrorKind::Source(error) if !error.file.is_empty() => Some(Location {
                file: error.file.clone(),
                at: error.position.map(|position| (position.line, position.column)),
                text: error.line.clone(),
                width: 1,
            }),
            ErrorKind::Step { step, .. } if !step.file.is_empty() => Some(Location {
                file: step.file.clone(),
                at: step.position.map(|position| (position.line, position.column)),
                text: step.line.clone(),
                width: step.width,
            }),
            ErrorKind::Settings(error) => error.place().map(|place| Location {
                file: place.file.display().to_string(),
                at: Some((place.line, place.column)),
                text: None,
                width: 1,
            }),
            ErrorKind::Plan(PlanError::Changed { revisions }) => {
                revisions.first().map(|file| at_file(&file.file))
            }
            ErrorKind::Plan(
                PlanError::Renamed { file, .. }
                | PlanError::NotAtomic { file, .. }
                | PlanError::Empty { file, .. },
            ) => Some(at_file(file)),
            ErrorKind::Plan(PlanError::Irreversible { files, .. }) => files.first().map(|file| at_file(file)),
            ErrorKind::Adopt(AdoptError::Differs { files, .. }) => {
                files.first().map(|file| at_file(&file.file))
            }
            ErrorKind::SetAside { error, .. } => error.location(),
            _ => None,
        }
    }

    /// Returns what had been done before it, where it came in the middle of a run.
    pub fn report(&self) -> Option<&Report> {
        match self.kind() {
            ErrorKind::Step { report, .. } => Some(report),
            _ => None,
        }
    }
}

fn at_file(file: &str) -> Location {
    Location { file: file.to_owned(), at: None, text: None, width: 1 }
}

fn graph_code(error: &GraphError) -> &'static str {
    match error {
        GraphError::DuplicateId { .. } | GraphError::DuplicateVersion { .. } => "duplicate-id",
        GraphError::ReplacedTwice { .. } | GraphError::HalfReplaced { .. } => "replaces",
        GraphError::Within { .. } => "replaced",
        GraphError::UnknownReference { .. } | GraphError::NeedsRepeatable { .. } => "unknown-dependency",
        GraphError::AmbiguousReference { .. } | GraphError::AmbiguousRevision { .. } => "ambiguous",
        GraphError::SelfReference { .. } | GraphError::Cycle { .. } => "cycle",
        GraphError::UnknownRevision { .. } => "unknown-revision",
        GraphError::MultipleHeads { .. } => "heads",
        GraphError::UnknownLabel { .. } => "unknown-label",
        GraphError::TooFewPending { .. } | GraphError::TooFewApplied { .. } | GraphError::ZeroCount => {
            "count"
        }
        _ => "target",
    }
}

fn backup_code(error: &BackupError) -> &'static str {
    match error {
        BackupError::NotYet { .. } => "not-yet",
        BackupError::InMemory { .. } | BackupError::NoDatabase { .. } => "no-database",
        BackupError::NoTool { .. } => "no-tool",
        BackupError::Tool { .. } => "backup-tool",
        BackupError::Driver(error) => driver_code(error),
        BackupError::File { .. } => "backup-file",
        BackupError::Missing { .. } => "unknown-backup",
        BackupError::NoRecord { .. } => "no-record",
        BackupError::Record { .. } => "backup-record",
        BackupError::Changed { .. } => "backup-changed",
        BackupError::Damaged { .. } => "backup-damaged",
        BackupError::OtherEngine { .. } => "other-engine",
        BackupError::TooLong { .. } => "backup-too-long",
        BackupError::Definer { .. } => "backup-definer",
        BackupError::OthersAtWork { .. } => "locked",
        BackupError::RecordsElsewhere { .. } => "records-elsewhere",
        BackupError::Cancelled => "interrupted",
    }
}

fn driver_code(error: &DriverError) -> &'static str {
    match error.kind {
        DriverErrorKind::Statement => "sql",
        DriverErrorKind::Busy => "busy",
        DriverErrorKind::Open => "open",
        DriverErrorKind::Damaged => "not-a-database",
        DriverErrorKind::ReadOnly => "read-only",
        DriverErrorKind::Rights => "rights",
        DriverErrorKind::Disk => "disk",
        DriverErrorKind::Interrupted => "interrupted",
        DriverErrorKind::Cut => "connection",
        DriverErrorKind::NoDriver => "no-driver",
        DriverErrorKind::NoLibrary => "no-library",
    }
}

impl<E: Into<ErrorKind>> From<E> for Error {
    fn from(error: E) -> Self {
        Error(Box::new(error.into()))
    }
}

impl From<OperationError> for ErrorKind {
    fn from(error: OperationError) -> Self {
        ErrorKind::Template { error: error.into(), unasked: None }
    }
}

impl From<SetError> for ErrorKind {
    fn from(error: SetError) -> Self {
        match error {
            SetError::Source(error) => ErrorKind::Source(error),
            SetError::Graph(error) => ErrorKind::Graph(error),
        }
    }
}
