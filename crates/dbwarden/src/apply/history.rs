//! The records: reads them whole, and writes one row for each finished migration.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::journal;
use crate::adopt::{OldTable, Role, TOOLS};
use crate::dialect::Records;
use crate::driver::{DriverError, DriverErrorKind, Session};
use crate::migration::RevisionId;
use crate::migration::applied::{Applied, ForeignRecords, History};
use crate::migration::checksum::{Checksum, FileHash};
use crate::project::Tables;
use crate::value::{Row, Value};

/// Stored down scripts are at most this long; a longer one needs its file.
pub const DOWN_SCRIPT_LIMIT: usize = 1 << 20;

/// Why the records cannot be read or trusted.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A table of our name is another tool's.
    #[error("the table {table} was not made by this program: it is {tool}'s")]
    NotOurs {
        /// The table.
        table: String,
        /// Whose it is.
        tool: String,
    },
    /// What the owner of a table put on it would run with our rights when we write.
    #[error("the table {table} belongs to the role {owner}, of which this role is no member")]
    Stranger {
        /// The table.
        table: String,
        /// Its owner.
        owner: String,
    },
    /// Something would run with our rights when we write.
    #[error("the trigger {trigger} stands on our table {table}, and would run with our rights")]
    Trigger {
        /// The trigger.
        trigger: String,
        /// The table.
        table: String,
    },
    /// A restore was begun and did not come to its end.
    #[error("the database is half restored: bringing back {file} was begun at {since}")]
    Restoring {
        /// The backup.
        file: String,
        /// When, in UTC.
        since: String,
        /// The table that says so.
        table: String,
    },
    /// Our tables are where they stood before the settings named a schema.
    #[error("our tables are in the schema {found}, and the settings name the schema {schema}")]
    Elsewhere {
        /// The schema they are in.
        found: String,
        /// The one of the settings.
        schema: String,
        /// The history's table.
        table: String,
    },
    /// The engine's answer.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

impl HistoryError {
    /// Returns the records of a tool that we know, where they stand under our name.
    pub fn of_known_tool(&self) -> Option<ForeignRecords> {
        match self {
            HistoryError::NotOurs { table, tool } => {
                let tool = TOOLS.iter().find(|known| known.title == tool)?;
                let (table, title) = (table.clone(), tool.title.to_owned());
                Some(ForeignRecords { table, tool: title, from: Some(tool.name) })
            }
            _ => None,
        }
    }
}

/// Sees that our tables may be written.
///
/// # Errors
/// A table that belongs to a role which is not to be trusted.
pub fn writable(history: &History) -> Result<(), HistoryError> {
    match &history.stranger {
        Some((table, owner)) => Err(HistoryError::Stranger { table: table.clone(), owner: owner.clone() }),
        None => Ok(()),
    }
}

/// How much of each row is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All of it.
    Whole,
    /// What tells whether something is to be done; the rest is empty.
    Glance,
}

/// A row of a glance in the places of a whole one.
fn widened(mut row: Row) -> Row {
    let mut wide = vec![Value::Null; 13];
    for (from, to) in [0, 2, 3, 4, 12].into_iter().enumerate() {
        wide[to] = row.take(from);
    }
    // Not read, which is no oddity.
    wide[5] = Value::Text(String::new());
    Row(wide)
}

/// The columns that make a table of our name ours.
const OURS: &[&str] = &["version", "checksum", "applied_at", "run_id", "down_script"];

/// Reads everything that the database says of its migrations. Writes nothing, and never asks for a table that is not there.
///
/// # Errors
/// The engine's answer; tables of our names that are not ours.
pub fn read(
    session: &mut dyn Session,
    records: &Records,
    tables: &Tables,
    depth: Depth,
) -> Result<History, HistoryError> {
    let found = session.query(&records.probe, &[])?;
    let mut history = History::default();
    let named = |row: &Row, name: &str| row.text(1).eq_ignore_ascii_case(name);
    let (mut journalled, mut locked) = (false, false);
    let (mut not_ours, mut elsewhere) = (None, None);
    let marker = crate::dialect::restoring_table(tables);
    for row in &found {
        if row.text(0) == "trigger" {
            let ours = [&tables.migrations, &tables.journal, &tables.lock];
            if !ours.iter().any(|table| table.eq_ignore_ascii_case(row.text(2))) {
                continue;
            }
            return Err(HistoryError::Trigger {
                trigger: row.text(1).to_owned(),
                table: row.text(2).to_owned(),
            });
        }
        if row.text(0) == "stranger-owned" {
            // In whatever order the server names them: the same one each time.
            let found = (row.text(1).to_owned(), row.text(3).to_owned());
            history.stranger = history.stranger.max(Some(found));
            continue;
        }
        let columns: Vec<_> = row.text(3).split(',').map(str::to_ascii_lowercase).collect();
        let has = |column: &str| columns.iter().any(|known| known == column);
        if row.text(0) == "elsewhere" {
            elsewhere = OURS.iter().all(|column| has(column)).then(|| row.text(2)).or(elsewhere);
            continue;
        }
        if let Some(restoring) = records.restoring.as_ref().filter(|_| named(row, &marker)) {
            let rows = session.query(&restoring.read, &[])?;
            let text = |index| rows.first().map_or("a backup", |row| row.text(index)).to_owned();
            return Err(HistoryError::Restoring { file: text(0), since: text(1), table: marker });
        }
        if named(row, &tables.migrations) {
            if !OURS.iter().all(|column| has(column)) {
                // What it recorded says more than its lock, whichever stands first.
                not_ours = Some((row.text(1), maker(row, tables)));
                continue;
            }
            history.exists = true;
        } else if named(row, &tables.journal) {
            journalled = has("version") && has("state");
        } else if named(row, &tables.lock) {
            if !has("token") {
                not_ours = not_ours.or(Some((row.text(1), maker(row, tables))));
            }
            locked = has("token");
        } else if row.text(0) == "table" {
            history.foreign.extend(foreign(row, tables));
        }
    }
    if let Some((table, tool)) = not_ours {
        return Err(HistoryError::NotOurs { table: table.to_owned(), tool: tool.to_owned() });
    }
    if let (false, Some(found), Some(schema)) = (history.exists, elsewhere, tables.home()) {
        let (found, schema) = (found.to_owned(), schema.to_owned());
        return Err(HistoryError::Elsewhere { found, schema, table: tables.migrations.clone() });
    }
    if history.exists {
        let query = match depth {
            Depth::Whole => &records.history,
            Depth::Glance => &records.glance,
        };
        let rows = session.query(query, &[]).map_err(|error| match writable(&history) {
            // Not even made as ours are.
            Err(stranger) if error.kind == DriverErrorKind::Statement => stranger,
            _ => HistoryError::Driver(error),
        })?;
        for mut row in rows {
            if depth == Depth::Glance {
                row = widened(row);
            }
            history.applied.extend(applied(row, &mut history.oddities).map(Arc::new));
        }
    }
    // Asked for where it matters alone: beside another tool's records, empty ones of ours may be what a kill left.
    history.foreign_taken = !history.applied.is_empty()
        || !history.foreign.is_empty() && locked && !session.query(&records.taken, &[])?.is_empty();
    if journalled {
        let (unfinished, oddities) = journal::read(session, records)?;
        history.oddities.extend(oddities);
        if unfinished.is_empty() {
            return Ok(history);
        }
        let finished = history.versions();
        let rows: BTreeSet<_> = history.applied.iter().map(|row| row.version.clone()).collect();
        history.foreign_taken = true;
        history.journalled = unfinished.iter().map(|unfinished| unfinished.version.clone()).collect();
        // A row that a kill left behind its own history row says nothing any more.
        history.unfinished = unfinished
            .into_iter()
            .filter(|unfinished| match unfinished.direction {
                crate::migration::applied::Direction::Up => !finished.contains(&unfinished.version),
                crate::migration::applied::Direction::Down => rows.contains(&unfinished.version),
            })
            .collect();
    }
    Ok(history)
}

/// Who made a table of our name that is not ours.
fn maker(row: &Row, tables: &Tables) -> &'static str {
    let table = OldTable::new(row.text(1), row.text(3), tables);
    table.and_then(|table| table.tool()).map_or("another program", |(tool, _)| tool.title)
}

/// The records that a table of another tool is, where it is no lock of one, nor tables of our own under other names.
fn foreign(row: &Row, tables: &Tables) -> Option<ForeignRecords> {
    let table = OldTable::new(row.text(1), row.text(3), tables)?;
    if let Some((tool, role)) = table.tool() {
        let (title, from) = (tool.title.to_owned(), Some(tool.name));
        let records = ForeignRecords { table: table.name, tool: title, from };
        return (role == Role::History).then_some(records);
    }
    let tool = match table.name.to_ascii_lowercase().as_str() {
        "flyway_schema_history" => "Flyway",
        "_sqlx_migrations" => "sqlx",
        "__diesel_schema_migrations" => "Diesel",
        "refinery_schema_history" => "refinery",
        "goose_db_version" => "goose",
        "django_migrations" => "Django",
        "databasechangelog" => "Liquibase",
        "_prisma_migrations" => "Prisma",
        "schema_migrations" => "Rails, dbmate or golang-migrate",
        "strata_lock" | "dbwarden_migrations" | "dbwarden_lock" => return None,
        _ => "another tool",
    };
    Some(ForeignRecords { table: table.name, tool: tool.to_owned(), from: None })
}

/// A row as it can be read. What makes no sense is named in `oddities`; a row with a version counts as applied all the same,
/// since running its migration again could do harm.
fn applied(mut row: Row, oddities: &mut Vec<String>) -> Option<Applied> {
    let before = oddities.len();
    let version = match row.take(0) {
        Value::Null => String::new(),
        Value::Text(text) => text,
        value => value.to_string(),
    };
    if version.trim().is_empty() {
        oddities.push("a row has no version".to_owned());
        return None;
    }
    let mut kind = row.take_text(2).unwrap_or_default();
    if !["versioned", "runs-always", "runs-on-change"].contains(&kind.as_str()) {
        oddities.push(format!("the row of {version} has the kind \"{kind}\""));
        kind = if version.starts_with("RA__") {
            "runs-always".to_owned()
        } else if version.starts_with("ROC__") {
            "runs-on-change".to_owned()
        } else {
            "versioned".to_owned()
        };
    }
    let mut text = |index: usize, name: &str| {
        row.take_text(index).unwrap_or_else(|| {
            oddities.push(format!("the row of {version} has no {name}"));
            String::new()
        })
    };
    let (checksum, applied_at) = (text(3, "checksum"), text(5, "applied_at"));
    Some(Applied {
        description: row.take_text(1).unwrap_or_default(),
        kind,
        checksum: Checksum::recorded(checksum),
        file_hash: row.take_text(4).map(FileHash::recorded),
        applied_at,
        duration_ms: row.integer(6).unwrap_or(0),
        applied_by: row.take_text(7).unwrap_or_default(),
        tool_version: row.take_text(8).unwrap_or_default(),
        run_id: row.take_text(9).unwrap_or_default(),
        statements: row.integer(10).unwrap_or(0),
        has_down: row.integer(11).unwrap_or(0) != 0,
        odd: oddities.len() > before,
        note: row.take_text(12),
        version: RevisionId::new(version),
    })
}

/// Adds a row; the down script goes with it.
///
/// # Errors
/// The engine's answer, also that the version is there already.
pub fn insert(
    session: &mut dyn Session,
    records: &Records,
    row: &Applied,
    down_script: Option<&str>,
) -> Result<(), DriverError> {
    let (sql, parameters) = insertion(records, row, down_script, Some(row.duration_ms));
    session.execute(&sql, &parameters).map(drop)
}

/// Returns what adds a row. Without a duration, the engine says how long its transaction took.
pub(crate) fn insertion(
    records: &Records,
    row: &Applied,
    down_script: Option<&str>,
    duration_ms: Option<i64>,
) -> (String, Vec<Value>) {
    let parameters = vec![
        Value::from(row.version.as_str()),
        row.description.as_str().into(),
        row.kind.as_str().into(),
        row.checksum.as_str().into(),
        row.file_hash.as_ref().map(FileHash::as_str).into(),
        row.applied_at.as_str().into(),
        duration_ms.into(),
        row.applied_by.as_str().into(),
        row.tool_version.as_str().into(),
        row.run_id.as_str().into(),
        row.statements.into(),
        down_script.into(),
        row.note.as_deref().into(),
    ];
    (records.insert.clone(), parameters)
}

/// Removes the row of `version`; returns whether there was one.
///
/// # Errors
/// The engine's answer.
pub fn delete(
    session: &mut dyn Session,
    records: &Records,
    version: &RevisionId,
) -> Result<bool, DriverError> {
    Ok(session.execute(&records.delete, &[version.as_str().into()])? > 0)
}

/// Returns the stored down scripts of `versions`, as far as there are some.
///
/// # Errors
/// The engine's answer.
pub fn down_scripts(
    session: &mut dyn Session,
    records: &Records,
    versions: &[RevisionId],
) -> Result<BTreeMap<RevisionId, String>, DriverError> {
    let mut found = BTreeMap::new();
    for version in versions {
        let rows = session.query(&records.down_script, &[version.as_str().into()])?;
        if let Some(script) = rows.first().and_then(|row| row.optional_text(0)) {
            found.insert(version.clone(), script);
        }
    }
    Ok(found)
}
