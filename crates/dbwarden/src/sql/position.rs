//! Where a piece of text stands in its file, and which dialect's lexical rules it follows.

use serde::{Deserialize, Serialize};

/// A place in a file: byte offset from the start of the file (a BOM counts), line and column from 1. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The first place of a file.
    pub const START: Position = Position { offset: 0, line: 1, column: 1 };
}

/// The lexical rules of a family of engines. CockroachDB follows PostgreSQL, MariaDB follows MySQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    /// SQLite.
    Sqlite,
    /// PostgreSQL and CockroachDB.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// DuckDB.
    Duckdb,
}
