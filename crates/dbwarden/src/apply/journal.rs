//! What is under way, unit by unit, where a migration is not one transaction. Empty when nothing is unfinished.

use crate::dialect::{Comparison, Records};
use crate::driver::{DriverError, Session};
use crate::migration::RevisionId;
use crate::migration::applied::{Direction, Unfinished, Unit};
use crate::value::{Row, Value};

/// Reads what is unfinished, and names rows that make no sense.
///
/// # Errors
/// The engine's answer.
pub fn read(
    session: &mut dyn Session,
    records: &Records,
) -> Result<(Vec<Unfinished>, Vec<String>), DriverError> {
    let (mut unfinished, mut oddities) = (Vec::<Unfinished>::new(), Vec::new());
    for row in session.query(&records.journal, &[])? {
        let Some((version, direction, unit)) = unit(&row) else {
            oddities.push(format!("a row of the journal makes no sense: {}", row.text(0)));
            continue;
        };
        match unfinished.last_mut().filter(|last| last.version == version) {
            Some(last) => last.units.push(unit),
            None => unfinished.push(Unfinished { version, direction, units: vec![unit] }),
        }
    }
    Ok((unfinished, oddities))
}

fn unit(row: &Row) -> Option<(RevisionId, Direction, Unit)> {
    let direction = match row.text(1) {
        "up" => Direction::Up,
        "down" => Direction::Down,
        _ => return None,
    };
    let unit = Unit {
        first: u64::try_from(row.integer(2)?).ok()?,
        count: u64::try_from(row.integer(3)?).ok()?,
        hash: row.optional_text(4)?,
        state: row.optional_text(5)?,
        started_at: row.text(6).to_owned(),
        finished_at: row.optional_text(7),
        error: row.optional_text(8),
        summary: row.text(10).to_owned(),
        evidence: row.optional_text(11),
    };
    Some((RevisionId::new(row.optional_text(0)?), direction, unit))
}

/// A unit that is about to be run.
#[derive(Debug, Clone)]
pub(crate) struct NewUnit<'a> {
    pub(crate) version: &'a RevisionId,
    pub(crate) direction: Direction,
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) hash: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) run: &'a str,
}

/// Writes that a unit begins.
pub(crate) fn begin(
    session: &mut dyn Session,
    records: &Records,
    unit: &NewUnit<'_>,
    now: String,
) -> Result<(), DriverError> {
    let (sql, parameters) = beginning(records, unit, now);
    session.execute(&sql, &parameters).map(drop)
}

/// Returns what writes that a unit begins.
pub(crate) fn beginning(records: &Records, unit: &NewUnit<'_>, now: String) -> (String, Vec<Value>) {
    let parameters = vec![
        Value::from(unit.version.as_str()),
        unit.direction.name().into(),
        number(unit.first),
        number(unit.count),
        unit.hash.into(),
        now.into(),
        unit.run.into(),
        unit.summary.into(),
    ];
    (records.begin_unit.clone(), parameters)
}

/// Returns what records the catalogue's word on what a unit touches, before it is run.
pub(crate) fn seeing(
    records: &Records,
    comparison: &Comparison,
    version: &RevisionId,
    first: u64,
) -> Option<(String, Vec<Value>)> {
    let sql = records.see_unit.as_ref()?.replace("{evidence}", &comparison.evidence);
    let parameters = comparison.parameters.iter().cloned().chain([version.as_str().into(), number(first)]);
    Some((sql, parameters.collect()))
}

/// Writes that a unit is done.
pub(crate) fn finish(
    session: &mut dyn Session,
    records: &Records,
    version: &RevisionId,
    first: u64,
    now: String,
) -> Result<(), DriverError> {
    let (sql, parameters) = finishing(records, version, first, now);
    session.execute(&sql, &parameters).map(drop)
}

/// Returns what writes that a unit is done.
pub(crate) fn finishing(
    records: &Records,
    version: &RevisionId,
    first: u64,
    now: String,
) -> (String, Vec<Value>) {
    (records.finish_unit.clone(), vec![now.into(), version.as_str().into(), number(first)])
}

/// Writes why a unit failed.
pub(crate) fn fail(
    session: &mut dyn Session,
    records: &Records,
    version: &RevisionId,
    first: u64,
    error: &str,
    now: String,
) -> Result<(), DriverError> {
    let parameters = [error.into(), Value::from(now), version.as_str().into(), number(first)];
    session.execute(&records.fail_unit, &parameters).map(drop)
}

/// Forgets everything of `version`, which is finished.
pub(crate) fn clear(
    session: &mut dyn Session,
    records: &Records,
    version: &RevisionId,
) -> Result<(), DriverError> {
    session.execute(&records.clear_journal, &[version.as_str().into()]).map(drop)
}

fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
