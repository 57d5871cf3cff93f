//! What is wrong with what an operation is made of.

/// Why an operation cannot be made of what was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperationError {
    /// A name that is none.
    #[error("{name:?} is no name of {what}: {reason}")]
    Name {
        /// Of what: `a table`, `a column`, …
        what: &'static str,
        /// The name, as it was given.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A name that the engine would cut.
    #[error("the name {name:?} has {length} {unit}, and {limit} are allowed")]
    LongName {
        /// The name.
        name: String,
        /// How long it is.
        length: usize,
        /// What is counted: `bytes` or `characters`.
        unit: &'static str,
        /// How long it may be.
        limit: usize,
    },
    /// A type that cannot be read.
    #[error("{text:?} is no type of a column: {reason}")]
    DataType {
        /// The text.
        text: String,
        /// Why not.
        reason: String,
    },
    /// An expression that is none, or more than one.
    #[error("{text:?} is no {what}: {reason}")]
    Expression {
        /// What it is to be: `condition`, `expression`, …
        what: &'static str,
        /// The text.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// A column's description that cannot be read.
    #[error("{text:?} is no column: {reason}")]
    Column {
        /// The text.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// A reference that names no column of a table.
    #[error("{text:?} names no column of a table: it is written table.column")]
    Reference {
        /// The text.
        text: String,
    },
    /// What is to become of rows whose row is gone.
    #[error("{text:?} is no action of a foreign key")]
    Action {
        /// The text.
        text: String,
        /// What may be written, with commas between.
        known: &'static str,
    },
    /// Nothing is asked for.
    #[error("{what}")]
    Nothing {
        /// What is missing.
        what: &'static str,
    },
    /// SQL that cannot be split into statements, or has none.
    #[error("{what} is no SQL: {reason}")]
    Sql {
        /// Which script.
        what: &'static str,
        /// Why not.
        reason: String,
    },
}

impl OperationError {
    /// Returns the stable name of what is wrong, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            OperationError::Name { .. } | OperationError::LongName { .. } => "name",
            OperationError::DataType { .. } => "column-type",
            OperationError::Expression { .. } => "expression",
            OperationError::Column { .. } => "column",
            OperationError::Reference { .. } => "reference",
            OperationError::Action { .. } => "action",
            OperationError::Nothing { .. } => "usage",
            OperationError::Sql { .. } => "sql-text",
        }
    }
}

/// Why an operation has no way back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Irreversible(pub String);
