//! Reads a fingerprint from a database: what the dialect asks for, without our own tables, and the rows of each table.

use std::collections::BTreeSet;

use crate::dialect::{Dialect, Entry, Fingerprinting, restoring_table};
use crate::driver::{DriverError, Session};
use crate::fingerprint::{Fingerprint, RowsDigest, column_of, named};
use crate::project::Tables;
use crate::value::Row;

/// Returns what is in the database, `tables` apart, and columns apart whose digests are called as one of `without`. Everything is read in one transaction, as it was at one moment where the engine can
/// do that. The session may be left with other settings; it is nobody else's.
///
/// # Errors
/// The engine's answer; that something may not be read.
pub(crate) fn read(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    tables: &Tables,
    without: &BTreeSet<String>,
) -> Result<Fingerprint, DriverError> {
    let asked = dialect.fingerprint();
    within(session, asked, |session| {
        let ours = Ours::of(asked, tables);
        let mut fingerprint = Fingerprint::default();
        for entry in entries(session, asked)? {
            if !ours.has(entry.schema.as_deref(), entry.table.as_deref()) {
                fingerprint.add(name(asked, &entry), entry.definition);
            }
        }
        rows(session, asked, &ours, without, &mut fingerprint)?;
        Ok(fingerprint)
    })
}

fn within<T>(
    session: &mut dyn Session,
    asked: &Fingerprinting,
    read: impl FnOnce(&mut dyn Session) -> Result<T, DriverError>,
) -> Result<T, DriverError> {
    for statement in asked.begin {
        session.execute(statement, &[])?;
    }
    let found = read(session);
    match session.execute(asked.end, &[]) {
        // What failed first says more.
        Err(error) if found.is_ok() => Err(error),
        _ => found,
    }
}

fn entries(session: &mut dyn Session, asked: &Fingerprinting) -> Result<Vec<Entry>, DriverError> {
    let mut found = Vec::new();
    for catalog in asked.catalogs {
        for row in session.query(catalog.query, &[])? {
            let entry = Entry::of(row);
            match catalog.then {
                None => found.push(entry),
                Some(then) => {
                    let rows = session.query(&entry.definition, &[])?;
                    found.extend(then(&entry, &rows));
                }
            }
        }
    }
    Ok(found)
}

/// The name of an object: `index app.users.users_email_idx`, `function app.add(integer)`.
fn name(asked: &Fingerprinting, entry: &Entry) -> String {
    let schema = entry.schema.as_deref().filter(|schema| *schema != asked.home);
    let parts = [schema, entry.table.as_deref(), entry.name.as_deref()];
    let path = named(parts.into_iter().flatten());
    format!("{} {path}{}", entry.sort, entry.suffix).trim_end().to_owned()
}

/// Our own tables.
struct Ours<'a> {
    home: &'a str,
    names: [String; 5],
    folds: bool,
}

impl<'a> Ours<'a> {
    fn of(asked: &'static Fingerprinting, tables: &'a Tables) -> Self {
        let Tables { migrations, lock, journal, .. } = tables;
        // What numbers the rows of the history, where it is not told as a part of that table.
        let numbers = format!("{migrations}_sequence_seq");
        let names = [migrations.clone(), lock.clone(), journal.clone(), restoring_table(tables), numbers];
        Self { home: tables.home().unwrap_or(asked.home), names, folds: asked.folds }
    }

    fn has(&self, schema: Option<&str>, table: Option<&str>) -> bool {
        let same = |a: &str, b: &str| a == b || (self.folds && a.eq_ignore_ascii_case(b));
        schema.is_none_or(|schema| same(schema, self.home))
            && table.is_some_and(|table| self.names.iter().any(|name| same(name, table)))
    }
}

/// A table with its columns: their names, and the expressions of their values.
struct Table {
    name: String,
    from: String,
    columns: Vec<String>,
    expressions: Vec<String>,
}

fn rows(
    session: &mut dyn Session,
    asked: &'static Fingerprinting,
    ours: &Ours<'_>,
    without: &BTreeSet<String>,
    to: &mut Fingerprint,
) -> Result<(), DriverError> {
    let mut tables: Vec<Table> = Vec::new();
    for mut row in session.query(asked.columns, &[])? {
        let (schema, table) = (row.take_text(0), row.take_text(1).unwrap_or_default());
        if ours.has(schema.as_deref(), Some(&table)) {
            continue;
        }
        let from = row.take_text(2).unwrap_or_default();
        if tables.last().is_none_or(|last| last.from != from) {
            let schema = schema.as_deref().filter(|schema| *schema != asked.home);
            let name = named(schema.into_iter().chain([table.as_str()]));
            tables.push(Table { name, from, columns: Vec::new(), expressions: Vec::new() });
        }
        if let (Some(table), Some(column)) = (tables.last_mut(), row.take_text(3)) {
            table.columns.push(column);
            table.expressions.push(row.take_text(4).unwrap_or_default());
        }
    }
    for table in tables {
        let values = if table.expressions.is_empty() { "1".to_owned() } else { table.expressions.join(", ") };
        let kept = table.columns.iter().map(|column| !without.contains(&column_of(&table.name, column)));
        let mut digest = RowsDigest::new(kept.collect());
        session.each(&format!("SELECT {values} FROM {}", table.from), &mut |row: Row| digest.add(&row.0))?;
        to.add_rows(&table.name, &table.columns, &digest);
    }
    Ok(())
}
