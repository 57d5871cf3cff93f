//! What an engine is asked for a fingerprint of a database, and how a database is made beside it for a proof: the shapes; each dialect
//! has a file of its own with the queries.

use crate::value::{Row, Value};

/// What is asked of an engine for a fingerprint.
#[derive(Debug)]
pub struct Fingerprinting {
    /// The schema that does not stand in names: the engine's default one, whatever a session is set to.
    pub home: &'static str,
    /// Names of tables are the same in any case.
    pub folds: bool,
    /// What opens a transaction in which everything is seen at one moment, and settles how things are written. What it sets may stay
    /// in the session, which is nobody else's and is closed behind it.
    pub begin: &'static [&'static str],
    /// What ends the transaction.
    pub end: &'static str,
    /// The queries for the objects.
    pub catalogs: &'static [Catalog],
    /// The columns of every table whose rows count, in their order: schema, table, what stands behind FROM, column, the expression
    /// that is its value as text, number or bytes. A table without columns has one row without those two.
    pub columns: &'static str,
}

/// A query for objects.
#[derive(Debug)]
pub struct Catalog {
    /// Its rows are objects: sort, schema, table, name, definition.
    pub query: &'static str,
    /// What is in the place of a definition, where it is another statement that has it.
    pub then: Option<Then>,
}

/// Reads what a statement answered that was asked for the definition of an object, which may be of several.
pub type Then = fn(&Entry, &[Row]) -> Vec<Entry>;

impl Catalog {
    /// A query whose rows have the definition.
    pub const fn of(query: &'static str) -> Self {
        Self { query, then: None }
    }

    /// A query whose rows have a statement for the definition.
    pub const fn asking(query: &'static str, then: Then) -> Self {
        Self { query, then: Some(then) }
    }
}

/// An object, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is: `table`, `column`.
    pub sort: String,
    /// Its schema, where it has one.
    pub schema: Option<String>,
    /// The table, or what else has rows, that it is or that it belongs to.
    pub table: Option<String>,
    /// Its own name, where it is not that table.
    pub name: Option<String>,
    /// What stands behind its name, such as the types of a function's arguments.
    pub suffix: String,
    /// Its definition, or the statement that asks for it.
    pub definition: String,
}

impl Entry {
    /// Reads a row: sort, schema, table, name, definition, suffix. The last may be missing.
    pub(crate) fn of(mut row: Row) -> Self {
        let definition = match row.take(4) {
            Value::Null => String::new(),
            value => value.to_string(),
        };
        Self {
            sort: row.take_text(0).unwrap_or_default(),
            schema: row.take_text(1),
            table: row.take_text(2),
            name: row.take_text(3),
            suffix: row.take_text(5).unwrap_or_default(),
            definition,
        }
    }
}

/// How a database is made beside another one on the same server.
#[derive(Debug)]
pub struct Scratching {
    /// Its one text is what stands behind `CREATE DATABASE name`, so that it is like the database of the session.
    pub like: &'static str,
    /// Its rows are statements that make it more alike once it is there; `{name}` is its name.
    pub alike: Option<&'static str>,
    /// Drops it, whoever is connected; the next one where the server does not know the words of the one before.
    pub drop: &'static [&'static str],
    /// The code that says that there is one of that name.
    pub taken: &'static str,
    /// The right that making one wants.
    pub right: &'static str,
    /// Its one text is the statement by which an administrator gives that right.
    pub grant: &'static str,
}
