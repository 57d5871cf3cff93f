//! Why another tool's records are not taken over.

use crate::migration::RevisionId;

/// Why another tool's records are not taken over. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// There are none.
    #[error("{}", nothing(tool.as_deref(), other.as_deref()))]
    Nothing {
        /// The tool that was asked for.
        tool: Option<String>,
        /// The table of a tool whose records cannot be taken over.
        other: Option<String>,
    },
    /// No tool is called so.
    #[error("\"{given}\" is no tool whose records can be taken over: {}", known.join(", "))]
    UnknownTool {
        /// What was asked for.
        given: String,
        /// The names of the tools.
        known: Vec<&'static str>,
    },
    /// Several tools have records here.
    #[error("several tools have records here: {}", found.join(", "))]
    SeveralTools {
        /// The tools and their tables.
        found: Vec<String>,
        /// What `--from` calls the first.
        first: &'static str,
    },
    /// The old tool is at it.
    #[error("the lock of {tool} is held: {table} says so{}", since.as_ref().map(|since| format!(", since {since}")).unwrap_or_default())]
    OldLock {
        /// The tool.
        tool: &'static str,
        /// Its lock's table.
        table: String,
        /// Since when, as its table says.
        since: Option<String>,
        /// The statement that frees it.
        free: String,
    },
    /// Rows of which no file is here.
    #[error("{}", homeless(rows))]
    NoFile {
        /// The rows.
        rows: Vec<Homeless>,
    },
    /// Two tables of one tool, of which the later says less than the earlier.
    #[error("{} and {} {}", homes(rows), newer, disagree(rows))]
    TwoHistories {
        /// The rows of the earlier table that the later one lacks.
        rows: Vec<Homeless>,
        /// The later table.
        newer: String,
    },
    /// The old tool's sums are not those of the files.
    #[error("{}", differing(files, tool))]
    Differs {
        /// The tool.
        tool: &'static str,
        /// The files.
        files: Vec<Differing>,
    },
    /// Our own records are there already, and say something else.
    #[error("there are records already: {reason}")]
    Recorded {
        /// What differs.
        reason: String,
    },
    /// The name under which an old table is to be set aside is taken.
    #[error("{table} cannot be set aside as {aside}: there is a table of that name")]
    AsideTaken {
        /// The old table.
        table: String,
        /// The name.
        aside: String,
    },
    /// The connection was cut while the rows were committed.
    #[error("whether that was committed is not known: {reason}")]
    Unknown {
        /// What the driver said.
        reason: String,
    },
    /// Rows are gone that were there before a table was set aside.
    #[error("{aside} has {found} rows, and {table} had {counted}")]
    RowsLost {
        /// The old table.
        table: String,
        /// Its new name.
        aside: String,
        /// How many rows there were.
        counted: i64,
        /// How many there are.
        found: i64,
    },
}

/// A row of which no file is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Homeless {
    /// The table.
    pub table: String,
    /// What the row is called.
    pub label: String,
    /// What is wrong, where it is not just that there is no file.
    pub reason: Option<String>,
}

/// A file whose sum is not the recorded one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// The migration.
    pub id: RevisionId,
    /// The file.
    pub file: String,
    /// What the old tool recorded.
    pub recorded: String,
    /// The recorded sum is that of no statement at all.
    pub of_nothing: bool,
    /// The file is too long to find out.
    pub too_long: bool,
}

impl AdoptError {
    /// Returns the stable name of what is wrong, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            AdoptError::Nothing { .. } => "nothing-to-adopt",
            AdoptError::UnknownTool { .. } => "unknown-tool",
            AdoptError::SeveralTools { .. } => "several-tools",
            AdoptError::OldLock { .. } => "old-lock",
            AdoptError::NoFile { .. } => "no-file",
            AdoptError::TwoHistories { .. } => "two-histories",
            AdoptError::Differs { .. } => "old-checksum",
            AdoptError::Recorded { .. } => "recorded",
            AdoptError::AsideTaken { .. } => "aside-taken",
            AdoptError::Unknown { .. } => "connection",
            AdoptError::RowsLost { .. } => "rows-lost",
        }
    }
}

fn nothing(tool: Option<&str>, other: Option<&str>) -> String {
    match (tool, other) {
        (Some(tool), _) => format!("there are no records of {tool} to take over"),
        (None, Some(other)) => {
            format!("there are no records to take over: those in {other} are none that adopt reads")
        }
        (None, None) => "there are no records to take over".to_owned(),
    }
}

/// The first few of `all`, and how many more.
fn few(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(5);
    let names = all.take(5).collect::<Vec<_>>().join(", ");
    if more == 0 { names } else { format!("{names} and {more} more") }
}

fn homes(rows: &[Homeless]) -> &str {
    rows.first().map_or("", |row| row.table.as_str())
}

fn disagree(rows: &[Homeless]) -> String {
    format!(
        "disagree: {} in the former alone",
        few(rows.iter().map(|row| row.label.clone()))
            + match rows {
                [_] => " is",
                _ => " are",
            }
    )
}

fn homeless(rows: &[Homeless]) -> String {
    let label = |row: &Homeless| match &row.reason {
        Some(reason) => format!("{} ({reason})", row.label),
        None => row.label.clone(),
    };
    let table = rows.first().map_or("", |row| row.table.as_str());
    let names = few(rows.iter().map(label));
    match rows {
        [_] => format!("{table} has a row of which no file is here: {names}"),
        _ => format!("{table} has {} rows of which no file is here: {names}", rows.len()),
    }
}

fn differing(files: &[Differing], tool: &str) -> String {
    let names = few(files.iter().map(|file| file.id.to_string()));
    match files {
        [one] if one.of_nothing => {
            format!("{tool} ran no statement of {names}: the sum that it recorded is that of nothing")
        }
        [one] if one.too_long => {
            format!(
                "whether the sum that {tool} recorded of {names} is that of its file is not known: it is over 16 MiB"
            )
        }
        [_] => format!("the sum that {tool} recorded of {names} is not that of its file"),
        all if all.iter().all(|file| file.too_long) => {
            format!(
                "whether the sums that {tool} recorded are those of these files is not known, since they are over 16 MiB: {names}"
            )
        }
        _ => format!("the sums that {tool} recorded are not those of these files: {names}"),
    }
}
