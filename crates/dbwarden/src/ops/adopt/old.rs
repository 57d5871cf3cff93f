//! The old tables in the database: finds them, reads their rows and their lock, and sets aside those that have the names of ours.

use sha2::{Digest, Sha256};

use super::SetAside;
use crate::adopt::{AdoptError, COLUMNS, OldRow, OldTable, Place, Role, Tool, recorded_time, source_column};
use crate::apply::history::HistoryError;
use crate::apply::run::Run;
use crate::dialect::{Dialect, Records, aside_table};
use crate::driver::{DriverError, DriverErrorKind, Session};
use crate::error::{Error, ErrorKind};
use crate::project::Tables;
use crate::value::Value;

/// The tables of one tool.
#[derive(Debug)]
pub(super) struct Old {
    pub(super) tool: &'static Tool,
    /// What each is, and what stands before its name.
    tables: Vec<(OldTable, Role, String)>,
    /// Every name that was found, whoever's.
    names: Vec<String>,
}

impl Old {
    pub(super) fn histories(&self) -> impl Iterator<Item = &OldTable> {
        self.tables.iter().filter(|(_, role, _)| *role == Role::History).map(|(table, ..)| table)
    }

    /// Whether one of them has the name of ours.
    pub(super) fn in_our_place(&self) -> bool {
        self.tables.iter().any(|(table, ..)| table.place == Place::Ours)
    }

    /// Returns those that are to get another name, and which.
    ///
    /// # Errors
    /// The name is taken.
    pub(super) fn to_set_aside(&self, tables: &Tables) -> Result<Vec<(String, String)>, AdoptError> {
        let in_place = self.tables.iter().filter(|(table, ..)| table.place == Place::Ours);
        in_place
            .map(|(table, ..)| {
                let ours = [&tables.migrations, &tables.lock];
                let name = ours.into_iter().find(|name| name.eq_ignore_ascii_case(&table.name));
                let aside = aside_table(name.unwrap_or(&table.name));
                if self.names.iter().any(|name| name.eq_ignore_ascii_case(&aside)) {
                    return Err(AdoptError::AsideTaken { table: table.name.clone(), aside });
                }
                Ok((table.name.clone(), aside))
            })
            .collect()
    }
}

fn answered(error: DriverError) -> Error {
    ErrorKind::History(HistoryError::Driver(error)).into()
}

/// The answer to what may have been done all the same.
fn perhaps_done(error: DriverError) -> Error {
    match error.kind {
        DriverErrorKind::Cut => AdoptError::Unknown { reason: error.to_string() }.into(),
        _ => answered(error),
    }
}

/// Finds the tables of `wanted`, or of the one tool that has some.
pub(super) fn look(
    session: &mut dyn Session,
    records: &Records,
    tables: &Tables,
    wanted: Option<&'static Tool>,
) -> Result<Old, Error> {
    let found = session.query(&records.probe, &[]).map_err(answered)?;
    let found: Vec<OldTable> = found
        .iter()
        .filter(|row| row.text(0) == "table")
        .filter_map(|row| OldTable::new(row.text(1), row.text(3), tables))
        .collect();
    let names = found.iter().map(|table| table.name.clone()).collect();
    let known: Vec<_> = found.iter().filter_map(|table| Some((table, table.tool()?))).collect();
    // A lock alone is a tool's that has recorded nothing.
    let mut tools: Vec<&'static Tool> = Vec::new();
    for role in [Role::History, Role::Lock] {
        for (_, (tool, _)) in known.iter().filter(|(_, (_, its))| *its == role) {
            if !tools.iter().any(|other| other.name == tool.name) {
                tools.push(tool);
            }
        }
        if !tools.is_empty() {
            break;
        }
    }
    let of = |tool: &'static Tool| known.iter().filter(move |(_, (its, _))| its.name == tool.name);
    let tool = match (wanted, tools.as_slice()) {
        (Some(wanted), _) if of(wanted).next().is_some() => wanted,
        (None, [only]) => only,
        (None, [first, _, ..]) => {
            let named = |tool: &&'static Tool| {
                let names: Vec<_> = of(tool).map(|(table, _)| table.name.as_str()).collect();
                format!("{} ({})", tool.title, names.join(", "))
            };
            let found = tools.iter().map(named).collect();
            return Err(AdoptError::SeveralTools { found, first: first.name }.into());
        }
        (wanted, _) => {
            let others = found.iter().find(|table| table.tool().is_none() && table.place == Place::Elsewhere);
            let other = others.map(|table| table.name.clone());
            return Err(AdoptError::Nothing { tool: wanted.map(|tool| tool.title.to_owned()), other }.into());
        }
    };
    let home = |table: &OldTable| match table.place {
        Place::Elsewhere => records.elsewhere.clone(),
        Place::Ours | Place::Aside => records.home.clone(),
    };
    let tables = of(tool).map(|(table, (_, role))| ((*table).clone(), *role, home(table))).collect();
    Ok(Old { tool, tables, names })
}

/// Reads the rows, oldest first.
pub(super) fn rows(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    old: &Old,
) -> Result<Vec<OldRow>, Error> {
    let mut all = Vec::new();
    for (table, _, home) in old.tables.iter().filter(|(_, role, _)| *role == Role::History) {
        let columns = COLUMNS.iter().map(|name| match source_column(table, name) {
            Some(column) => dialect.as_text(&dialect.quote(column)),
            None => "NULL".to_owned(),
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let query = format!("SELECT {columns} FROM {home}{}", dialect.quote(&table.name));
        for mut row in session.query(&query, &[]).map_err(answered)? {
            let values = [0, 1, 2, 3, 4, 5].map(|index| match row.take(index) {
                Value::Null => None,
                Value::Text(text) => Some(text),
                value => Some(value.to_string()),
            });
            all.push(OldRow::of(table, values));
        }
    }
    let mut all = old.tool.settled(all)?;
    all.sort_by_cached_key(|row| row.applied_at.as_deref().and_then(recorded_time));
    Ok(all)
}

/// Returns the sum of what these rows say is applied. It is another where the old tool records more, or goes back.
pub(super) fn sum(rows: &[OldRow]) -> String {
    let mut all: Vec<_> = rows.iter().map(|row| (&row.version, &row.filename)).collect();
    all.sort_unstable();
    let sum = Sha256::digest(format!("{all:?}").as_bytes());
    format!("sha256:{}", sum.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Returns why nothing may be taken over, where the old tool's lock is held.
pub(super) fn held(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    old: &Old,
) -> Result<Option<AdoptError>, Error> {
    for (table, _, home) in old.tables.iter().filter(|(_, role, _)| *role == Role::Lock) {
        let name = format!("{home}{}", dialect.quote(&table.name));
        let (column, by_state) = match (table.column("locked"), table.column("state")) {
            (Some(locked), _) => (locked, false),
            (None, Some(state)) => (state, true),
            (None, None) => continue,
        };
        let since = table
            .column("acquired_at")
            .map_or_else(|| "NULL".to_owned(), |since| dialect.as_text(&dialect.quote(since)));
        let query = format!("SELECT {}, {since} FROM {name}", dialect.as_text(&dialect.quote(column)));
        let rows = session.query(&query, &[]).map_err(answered)?;
        let is_held = |value: &Value| match value {
            Value::Text(state) if by_state => state.eq_ignore_ascii_case("RUNNING"),
            value => value.is_true(),
        };
        if let Some(row) = rows.iter().find(|row| is_held(row.get(0))) {
            // Without the marks that stand for where the driver knows it is.
            let shown = dialect.quote(&table.name);
            let column = dialect.quote(column);
            let free = if by_state {
                format!("UPDATE {shown} SET {column} = 'AVAILABLE'")
            } else {
                format!("UPDATE {shown} SET {column} = FALSE")
            };
            let since = row.optional_text(1);
            return Ok(Some(AdoptError::OldLock {
                tool: old.tool.title,
                table: table.name.clone(),
                since,
                free,
            }));
        }
    }
    Ok(None)
}

/// Counts the rows of each of `names`.
pub(super) fn counted(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    records: &Records,
    names: Vec<(String, String)>,
) -> Result<Vec<SetAside>, Error> {
    names
        .into_iter()
        .map(|(table, aside)| {
            let rows = count(session, dialect, records, &table)?;
            Ok(SetAside { table, aside, rows })
        })
        .collect()
}

fn count(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    records: &Records,
    table: &str,
) -> Result<i64, Error> {
    let query = format!("SELECT count(*) FROM {}{}", records.home, dialect.quote(table));
    let rows = session.query(&query, &[]).map_err(answered)?;
    Ok(rows.first().and_then(|row| row.integer(0)).unwrap_or(0))
}

/// Gives the tables that have the names of ours another name: they keep every row and column, and nobody ever sees half of it. A second
/// run that tries it at the same time finds the name taken, and nothing left to do.
pub(super) fn set_aside(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    records: &Records,
    tables: &Tables,
    tool: &'static Tool,
    run: &Run<'_>,
) -> Result<Vec<SetAside>, Error> {
    let whole = dialect.capabilities().transactional_ddl;
    if whole {
        session.begin().map_err(answered)?;
    }
    let outcome = set_aside_here(session, dialect, records, tables, tool, run, whole);
    match outcome {
        Ok(moved) => {
            if whole {
                session.commit().map_err(perhaps_done)?;
            }
            Ok(moved)
        }
        Err(error) => {
            session.rollback().ok();
            // Somebody may have been quicker.
            match look(session, records, tables, Some(tool)) {
                Ok(old) if !old.in_our_place() => Ok(Vec::new()),
                _ => Err(error),
            }
        }
    }
}

fn set_aside_here(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    records: &Records,
    tables: &Tables,
    tool: &'static Tool,
    run: &Run<'_>,
    whole: bool,
) -> Result<Vec<SetAside>, Error> {
    let before = look(session, records, tables, Some(tool))?;
    let names = before.to_set_aside(tables)?;
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let moved = counted(session, dialect, records, names.clone())?;
    for statement in dialect.rename_tables(&records.home, &names) {
        session.execute(&statement, &[]).map_err(if whole { answered } else { perhaps_done })?;
        run.point("renamed");
    }
    let after = look(session, records, tables, Some(tool))?;
    let wrong = match held(session, dialect, &after)? {
        Some(held) => Some(held),
        None => lost(session, dialect, records, &moved)?,
    };
    match wrong {
        None => Ok(moved),
        Some(wrong) => {
            if !whole {
                let back: Vec<_> = names.into_iter().map(|(from, to)| (to, from)).collect();
                for statement in dialect.rename_tables(&records.home, &back) {
                    session.execute(&statement, &[]).map_err(answered)?;
                }
            }
            Err(wrong.into())
        }
    }
}

/// Returns what is wrong where a table has fewer rows than before; the old tool may have written some in between.
fn lost(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    records: &Records,
    moved: &[SetAside],
) -> Result<Option<AdoptError>, Error> {
    for SetAside { table, aside, rows } in moved {
        let found = count(session, dialect, records, aside)?;
        if found < *rows {
            let (table, aside) = (table.clone(), aside.clone());
            return Ok(Some(AdoptError::RowsLost { table, aside, counted: *rows, found }));
        }
    }
    Ok(None)
}
