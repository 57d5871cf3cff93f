//! What other tools record: their tables, their ids, their checksums, and how those stand to our files. Touches no database.
//!
//! A tool is one file here and one line in [`TOOLS`]; its tables are looked for by
//! [`foreign_tables`].

mod alembic;
mod error;
mod manticore;
mod plan;
mod python;
mod strata;
mod sums;
mod time;

use crate::dialect::{aside_table, foreign_tables};
use crate::project::Tables;

pub use error::{AdoptError, Differing, Homeless};
pub use plan::{LeftOut, Proof, Taken, Taking, plan};
pub use python::TITLE as PYTHON;
pub use time::recorded_time;

/// The tools whose records can be taken over.
pub const TOOLS: &[Tool] = &[strata::TOOL, python::TOOL, manticore::TOOL, alembic::TOOL];

/// A tool whose records can be taken over.
#[derive(Debug)]
pub struct Tool {
    /// What `--from` calls it.
    pub name: &'static str,
    /// What messages call it.
    pub title: &'static str,
    /// What a table is to the tool, where it is one of its own.
    role: fn(&OldTable) -> Option<Role>,
    /// What a row stands for.
    pub rows: Rows,
    /// What of the rows of several tables of its counts, where one took another's place.
    settle: fn(Vec<OldRow>) -> Result<Vec<OldRow>, AdoptError>,
    /// Every sum that one of its versions may have made of a file's text; none where it makes none.
    sums: Option<fn(&str) -> Vec<String>>,
}

/// What a table is to its tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What it recorded.
    History,
    /// Its lock.
    Lock,
}

/// What a row of a tool stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// One migration.
    Each,
    /// One migration, and all that it stands on.
    Heads,
}

/// Where a table stands to ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It has the name that ours needs.
    Ours,
    /// It had, and was set aside.
    Aside,
    /// It has a name of its own.
    Elsewhere,
}

/// A table that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldTable {
    /// Its name, as the engine has it.
    pub name: String,
    /// Its columns, as the engine has them.
    pub columns: Vec<String>,
    /// Where it stands to ours.
    pub place: Place,
}

impl OldTable {
    /// Returns the table of that name with these columns, or nothing where it is none that another tool's records could be in.
    pub fn new(name: &str, columns: &str, tables: &Tables) -> Option<Self> {
        let same = |other: &String| other.eq_ignore_ascii_case(name);
        let ours = [&tables.migrations, &tables.lock];
        let place = if ours.into_iter().any(same) {
            Place::Ours
        } else if ours.into_iter().any(|table| same(&aside_table(table))) {
            Place::Aside
        } else if foreign_tables(tables).iter().any(same) {
            Place::Elsewhere
        } else {
            return None;
        };
        let columns = columns.split(',').map(str::to_owned).collect();
        Some(Self { name: name.to_owned(), columns, place })
    }

    /// Returns the column of that name, as the engine has it.
    pub fn column(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|column| column.eq_ignore_ascii_case(name)).map(String::as_str)
    }

    fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|column| self.column(column).is_some())
    }

    fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|name| name.eq_ignore_ascii_case(&self.name))
    }

    /// Returns the tool that made it, and what it is to that tool. Tables of our own are nobody's.
    pub fn tool(&self) -> Option<(&'static Tool, Role)> {
        TOOLS.iter().find_map(|tool| Some((tool, (tool.role)(self)?)))
    }
}

impl Tool {
    /// Returns those of `rows` that count, where it has several tables.
    ///
    /// # Errors
    /// The tables disagree.
    pub fn settled(&self, rows: Vec<OldRow>) -> Result<Vec<OldRow>, AdoptError> {
        (self.settle)(rows)
    }

    /// Returns the tool that `--from` calls so.
    pub fn named(name: &str) -> Option<&'static Tool> {
        TOOLS.iter().find(|tool| tool.name.eq_ignore_ascii_case(name))
    }
}

/// A row of another tool, as far as it has these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OldRow {
    /// The table that it is in.
    pub table: String,
    /// The id.
    pub version: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// The name of its file.
    pub filename: Option<String>,
    /// The kind.
    pub kind: Option<String>,
    /// When it was applied.
    pub applied_at: Option<String>,
    /// The tool's own sum of its statements.
    pub checksum: Option<String>,
}

/// The columns of [`OldRow`], in its order.
pub const COLUMNS: &[&str] =
    &["version", "description", "filename", "migration_type", "applied_at", "checksum"];

impl OldRow {
    /// Returns the row whose values are those of [`COLUMNS`].
    pub fn of(table: &OldTable, values: [Option<String>; 6]) -> Self {
        let [version, description, filename, kind, applied_at, checksum] =
            values.map(|value| value.filter(|text| !text.trim().is_empty()));
        Self { table: table.name.clone(), version, description, filename, kind, applied_at, checksum }
    }

    /// Returns what it is called in messages: its id, else its file.
    pub fn label(&self) -> &str {
        self.version.as_deref().or(self.filename.as_deref()).unwrap_or("a row without an id")
    }
}

/// Returns the column that [`COLUMNS`] calls `name` in a table: Alembic's has one alone, under a name of its own.
pub fn source_column<'a>(table: &'a OldTable, name: &str) -> Option<&'a str> {
    table.column(name).or_else(|| table.column("version_num").filter(|_| name == "version"))
}
