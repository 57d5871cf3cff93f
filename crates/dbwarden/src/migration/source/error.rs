//! What can be wrong with a directory of migrations or one of its files.

use std::path::PathBuf;

use crate::sql::{Position, TextError};

/// A file that cannot be taken as a migration, or a directory that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct SourceError {
    /// The file, as it is shown to people; empty where it is about the directory.
    pub file: String,
    /// Where in the file.
    pub position: Option<Position>,
    /// The line at that place, for showing.
    pub line: Option<String>,
    /// What is wrong.
    pub problem: SourceProblem,
}

impl SourceError {
    pub(crate) fn new(file: impl Into<String>, problem: SourceProblem) -> Self {
        Self { file: file.into(), position: None, line: None, problem }
    }

    pub(crate) fn unreadable(file: &str, error: std::io::Error) -> Self {
        Self::new(file, SourceProblem::Unreadable { error })
    }

    pub(crate) fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// Returns the stable name of what is wrong.
    pub fn code(&self) -> &'static str {
        match &self.problem {
            SourceProblem::NoDirectory { .. } => "no-directory",
            SourceProblem::Unreadable { .. } => "unreadable",
            SourceProblem::Unwritable { .. } => "unwritable",
            SourceProblem::UnknownName { .. } | SourceProblem::PartTwice { .. } => "file-name",
            SourceProblem::NoUpFile { .. } | SourceProblem::EmptyDirectory => "up-file",
            SourceProblem::Metadata { .. } => "metadata",
            SourceProblem::Text(_) => "sql-text",
            SourceProblem::StatementBeforeMarker { .. }
            | SourceProblem::TwoSections { .. }
            | SourceProblem::MarkerNearMiss { .. }
            | SourceProblem::OtherTool { .. }
            | SourceProblem::OfOtherFile { .. }
            | SourceProblem::IrreversibleWithDown => "sections",
            SourceProblem::NearMiss { .. }
            | SourceProblem::NoColon { .. }
            | SourceProblem::KindByName { .. }
            | SourceProblem::HeaderTwice { .. }
            | SourceProblem::LateHeader { .. }
            | SourceProblem::HeaderOfWhole { .. }
            | SourceProblem::HeaderValue { .. } => "header",
            SourceProblem::DirectiveValue { .. }
            | SourceProblem::DirectiveNearMiss { .. }
            | SourceProblem::DanglingDirective { .. }
            | SourceProblem::BatchNotYet
            | SourceProblem::DirectiveOnControl { .. } => "directive",
            SourceProblem::UnclosedBegin
            | SourceProblem::CommitWithoutBegin
            | SourceProblem::NestedBegin { .. }
            | SourceProblem::Rollback
            | SourceProblem::RefusesTransaction { .. }
            | SourceProblem::Unmanageable { .. }
            | SourceProblem::ForeignKeysInside => "transaction",
            SourceProblem::Changed => "file-changed",
        }
    }
}

/// What is wrong with a file or a directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceProblem {
    /// The directory is not there.
    #[error(
        "the directory of migrations {} {}",
        path.display(),
        if *is_file { "is a file" } else { "does not exist" }
    )]
    NoDirectory {
        /// The directory.
        path: PathBuf,
        /// A file has its name.
        is_file: bool,
    },
    /// The file or directory cannot be read.
    #[error("the file cannot be read: {}", reason(error))]
    Unreadable {
        /// Why.
        error: std::io::Error,
    },
    /// The file cannot be written.
    #[error("the file cannot be written: {}", reason(error))]
    Unwritable {
        /// Why.
        error: std::io::Error,
    },
    /// The name fits no format, and no header gives an id.
    #[error("the {}'s name says no revision, and it has no `-- revision:` header", if *directory { "directory" } else { "file" })]
    UnknownName {
        /// It is the directory's name that should say it.
        directory: bool,
    },
    /// A down file without its up file, or a directory without one.
    #[error("there is no {missing} beside it")]
    NoUpFile {
        /// The name that the up file would have.
        missing: String,
    },
    /// A directory with the name of a migration and nothing in it.
    #[error("the directory is named as a migration, and has no up.sql in it")]
    EmptyDirectory,
    /// Two up files, or two down files, of one migration.
    #[error("the migration has a second file for the same script; the first is {first}")]
    PartTwice {
        /// The first.
        first: String,
    },
    /// A `metadata.toml` that cannot be taken.
    #[error("{problem}")]
    Metadata {
        /// What is wrong with it.
        problem: String,
    },
    /// A section whose place is the other file of the migration.
    #[error("`{marker}` opens the {section}, which has a file of its own here: {file}")]
    OfOtherFile {
        /// The marker.
        marker: String,
        /// `upgrade` or `rollback`.
        section: &'static str,
        /// The other file.
        file: String,
    },
    /// A header in the down file that says something else of the migration than the up file.
    #[error("the header `-- {header}` is for the whole migration: it stands in {file}, or in neither")]
    HeaderOfWhole {
        /// The header.
        header: &'static str,
        /// The up file.
        file: String,
    },
    /// A file with another tool's comments for its sections.
    #[error("`{found}` is a marker of {tool}, which is not read here: both scripts would be run as one")]
    OtherTool {
        /// What stands there.
        found: String,
        /// Who reads it.
        tool: &'static str,
    },
    /// The text cannot be split into statements.
    #[error("{0}")]
    Text(TextError),
    /// SQL stands before the first marker of a section.
    #[error("a statement stands before `{marker}`, in no section")]
    StatementBeforeMarker {
        /// The marker.
        marker: String,
    },
    /// Two sections of one kind.
    #[error("a second {section} section; the first begins at line {first}")]
    TwoSections {
        /// `upgrade` or `rollback`.
        section: &'static str,
        /// The line of the first.
        first: u32,
    },
    /// `-- irreversible` and a rollback section.
    #[error("the migration says `-- irreversible` and has a rollback")]
    IrreversibleWithDown,
    /// A comment that is nearly a header.
    #[error("`-- {found}` is no header; did you mean `-- {known}`?")]
    NearMiss {
        /// What stands there.
        found: String,
        /// The header that is nearest.
        known: &'static str,
    },
    /// A comment that asks for what a file's name says.
    #[error("`-- {found}` is no header: a file is of that kind when its name begins with {prefix}")]
    KindByName {
        /// What stands there.
        found: String,
        /// What the name begins with.
        prefix: &'static str,
    },
    /// A comment that is nearly a marker.
    #[error("`{found}` is no marker; did you mean `{known}`?")]
    MarkerNearMiss {
        /// What stands there.
        found: String,
        /// The marker that is nearest.
        known: &'static str,
    },
    /// A header whose colon is missing.
    #[error("the header `-- {header}` lacks its colon: `-- {header}: …`")]
    NoColon {
        /// The header.
        header: &'static str,
    },
    /// A header behind a statement.
    #[error("the header `-- {header}` stands behind a statement; a header must stand before the first one")]
    LateHeader {
        /// The header.
        header: &'static str,
    },
    /// A directive without a statement.
    #[error("no statement stands behind the directive `-- {directive}:`")]
    DanglingDirective {
        /// The directive.
        directive: &'static str,
    },
    /// A header that stands twice.
    #[error("the header `-- {header}` stands twice")]
    HeaderTwice {
        /// The header.
        header: &'static str,
    },
    /// A header whose value cannot be taken.
    #[error("{} `-- {header}:`; it takes {expected}", wrong_value(value))]
    HeaderValue {
        /// The header.
        header: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A directive whose value cannot be taken.
    #[error("{} `-- {directive}:`; it takes {expected}", wrong_value(value))]
    DirectiveValue {
        /// The directive.
        directive: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// A comment that is nearly a directive.
    #[error("`-- {found}:` is no directive; did you mean `-- {known}:`?")]
    DirectiveNearMiss {
        /// What stands there.
        found: String,
        /// The directive that is nearest.
        known: &'static str,
    },
    /// Batches are not built yet.
    #[error("`-- batch:` comes with a later version")]
    BatchNotYet,
    /// A directive before BEGIN, COMMIT or a hoisted PRAGMA.
    #[error("the directive `-- {directive}:` stands before {statement}, which is not run as a statement")]
    DirectiveOnControl {
        /// The directive.
        directive: &'static str,
        /// The statement's first word.
        statement: String,
    },
    /// BEGIN without COMMIT.
    #[error("this BEGIN has no COMMIT")]
    UnclosedBegin,
    /// COMMIT without BEGIN.
    #[error("this COMMIT has no BEGIN before it")]
    CommitWithoutBegin,
    /// BEGIN in a transaction.
    #[error("this BEGIN stands inside the transaction that line {opened} opens")]
    NestedBegin {
        /// The line of the first BEGIN.
        opened: u32,
    },
    /// ROLLBACK of the whole.
    #[error("this ROLLBACK would undo the migration while it runs")]
    Rollback,
    /// A statement that refuses a transaction, inside the file's own.
    #[error("{statement} cannot be part of a transaction, and line {opened} opens one")]
    RefusesTransaction {
        /// The statement's first words.
        statement: String,
        /// The line of BEGIN.
        opened: u32,
    },
    /// A statement that takes the transaction out of the migration's hands.
    #[error("{statement} cannot stand in a migration: {reason}")]
    Unmanageable {
        /// The statement's first words.
        statement: String,
        /// Why.
        reason: &'static str,
    },
    /// A PRAGMA without effect where it stands.
    #[error("PRAGMA foreign_keys has no effect here, in the middle of the migration's transaction")]
    ForeignKeysInside,
    /// The file is no longer what was planned.
    #[error("the file changed while it was being run")]
    Changed,
}

fn wrong_value(value: &str) -> String {
    if value.is_empty() {
        "there is no value behind".to_owned()
    } else {
        format!("`{value}` is no value for")
    }
}

/// The system's words without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
