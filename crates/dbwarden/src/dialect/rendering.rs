//! What rendering comes to: SQL both ways, or why there is none.

use crate::database::Database;
use crate::operation::{Irreversible, OperationError, TableName};

/// The SQL of an operation, both ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendering {
    /// What does it.
    pub upgrade: Sql,
    /// What undoes it, or why nothing does.
    pub downgrade: Result<Sql, Irreversible>,
}

/// Statements, with comments before them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sql {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Comment(String),
    Statement(String),
}

impl Sql {
    /// Adds a statement, without its semicolon.
    pub(super) fn statement(&mut self, sql: impl Into<String>) {
        self.pieces.push(Piece::Statement(sql.into()));
    }

    /// Adds `text` to the end of the last statement.
    pub(super) fn add_to_last(&mut self, text: &str) {
        if let Some(Piece::Statement(statement)) = self.pieces.last_mut() {
            statement.push_str(text);
        }
    }

    /// Adds a comment before the next statement. It stands on one line, whatever is in it.
    pub(super) fn comment(&mut self, text: &str) {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.pieces.push(Piece::Comment(words.chars().filter(|c| !c.is_control()).collect()));
    }

    /// Adds what another has.
    pub fn append(&mut self, other: Self) {
        self.pieces.extend(other.pieces);
    }

    /// Returns whether it has no statement.
    pub fn is_empty(&self) -> bool {
        !self.pieces.iter().any(|piece| matches!(piece, Piece::Statement(_)))
    }

    /// Returns it as a script.
    pub fn text(&self) -> String {
        let lines = self.pieces.iter().map(|piece| match piece {
            Piece::Comment(text) => format!("-- {text}"),
            Piece::Statement(text) => format!("{text};"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Why an operation has no SQL on an engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The engine has no such thing.
    #[error("{database} has no {}", lack.name())]
    Unsupported {
        /// What it has not.
        lack: Lack,
        /// The engine.
        database: Database,
    },
    /// What is there must be known, and no database was asked, or it did not answer.
    #[error("{what} is made from the table {table} as it is, which is not known")]
    NeedsTable {
        /// What is made.
        what: &'static str,
        /// The table.
        table: TableName,
    },
    /// The column's whole definition must be known.
    #[error("{database} changes a column by its whole definition, and that of {table}.{column} is not known")]
    NeedsColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// The engine.
        database: Database,
    },
    /// The table is not there.
    #[error("the table {table} is not in the database")]
    NoTable {
        /// The table.
        table: TableName,
    },
    /// The column is not there.
    #[error("the table {table} has no column {column}")]
    NoColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
    },
    /// The table's definition is not one that can be changed.
    #[error("the table {table} cannot be made anew: {reason}")]
    Stubborn {
        /// The table.
        table: TableName,
        /// Why not.
        reason: String,
    },
    /// What the database says of a table is no longer so behind an operation before this one.
    #[error(
        "the table {table} is changed by an operation before this one, which is written from the table as it is: write it when the \
         other has been run"
    )]
    Outdated {
        /// The table.
        table: TableName,
    },
    /// What the operation is made of.
    #[error(transparent)]
    Operation(#[from] OperationError),
}

/// What an engine has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// Types that are lists of texts.
    EnumTypes,
    /// Foreign keys that are added to a table that is there.
    AddedForeignKeys,
    /// Checks that are added to a table that is there.
    AddedChecks,
    /// Actions of foreign keys.
    ForeignKeyActions,
    /// Indexes of some rows.
    PartialIndexes,
    /// Ways to build an index.
    IndexMethods,
    /// Indexes of expressions.
    ExpressionIndexes,
    /// Comments.
    Comments,
    /// Keys that are added to a table that is there.
    AddedKeys,
}

impl Lack {
    /// Returns what it is, as an error says it.
    pub fn name(self) -> &'static str {
        match self {
            Lack::EnumTypes => "types of their own that are lists of texts",
            Lack::AddedForeignKeys => "way to add a foreign key to a table that is there",
            Lack::AddedChecks => "way to add a check to a table that is there",
            Lack::ForeignKeyActions => "actions of foreign keys",
            Lack::PartialIndexes => "indexes of some rows alone",
            Lack::IndexMethods => "other ways to build an index",
            Lack::ExpressionIndexes => "indexes of expressions that are written so",
            Lack::Comments => "comments",
            Lack::AddedKeys => "way to add a numbered key to a table that is there",
        }
    }
}
