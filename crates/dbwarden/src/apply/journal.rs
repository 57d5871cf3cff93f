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

/// A unit, as its row is written.
#[derive(Debug, Clone)]
pub(crate) struct NewUnit<'a> {
    pub(crate) version: &'a RevisionId,
    pub(crate) direction: Direction,
    pub(crate) first: u64,
    pub(crate) count: u64,
    pub(crate) hash: &'a str,
    pub(crate) summary: &'a str,
    pub(crate) run: &'a str,
    pub(crate) state: UnitState<'a>,
}

/// How far a unit is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum UnitState<'a> {
    /// It is run next; with what the catalogue says before it, where that tells something.
    Begun(Option<&'a Comparison>),
    Done,
    /// Why.
    Failed(&'a str),
}

/// Writes the unit's row.
pub(crate) fn write(
    session: &mut dyn Session,
    records: &Records,
    unit: &NewUnit<'_>,
    now: String,
) -> Result<(), DriverError> {
    let (sql, parameters) = writing(records, unit, now);
    session.execute(&sql, &parameters).map(drop)
}

/// Returns what writes the unit's row.
pub(crate) fn writing(records: &Records, unit: &NewUnit<'_>, now: String) -> (String, Vec<Value>) {
    let (state, finished, error, comparison) = match unit.state {
        UnitState::Begun(comparison) => ("begun", None, None, comparison),
        UnitState::Done => ("done", Some(now.clone()), None, None),
        UnitState::Failed(error) => ("failed", Some(now.clone()), Some(error), None),
    };
    let mut parameters = vec![
        Value::from(unit.version.as_str()),
        unit.direction.name().into(),
        number(unit.first),
        number(unit.count),
        unit.hash.into(),
        state.into(),
        now.into(),
        finished.into(),
        error.into(),
        unit.run.into(),
        unit.summary.into(),
    ];
    if !records.evidence {
        return (records.unit.clone(), parameters);
    }
    let Some(comparison) = comparison else {
        return (records.unit.replace("{evidence}", "NULL"), parameters);
    };
    parameters.extend(comparison.parameters.iter().cloned());
    (records.unit.replace("{evidence}", &format!("(SELECT {})", comparison.evidence)), parameters)
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
