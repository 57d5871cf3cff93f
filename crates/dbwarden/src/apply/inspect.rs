//! Looks at the database: whether a directive's condition holds, which foreign keys are violated.

use std::collections::{BTreeMap, BTreeSet};

use crate::dialect::{Dialect, Existence, Object};
use crate::driver::{DriverError, Session};
use crate::migration::source::{Condition, Directive};
use crate::sql::{Rules, keywords};
use crate::value::Row;

/// Returns whether a statement with `directive` before it is to be run.
///
/// # Errors
/// The engine's answer, also to a `query` that it cannot run.
pub(crate) fn wants(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    environment: &BTreeSet<String>,
    directive: &Directive,
) -> Result<bool, DriverError> {
    Ok(match directive {
        Directive::Unless(condition) => !holds(session, dialect, environment, condition)?,
        Directive::OnlyIf(condition) => holds(session, dialect, environment, condition)?,
        Directive::Allow { .. } => true,
    })
}

fn holds(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    environment: &BTreeSet<String>,
    condition: &Condition,
) -> Result<bool, DriverError> {
    Ok(match condition {
        Condition::Exists(object) => exists(session, dialect, object)?,
        Condition::Engine(engine) => dialect.database() == *engine,
        Condition::Environment(name) => environment.contains(&name.to_ascii_lowercase()),
        Condition::Query(query) => session.query(query, &[])?.first().is_some_and(|row| row.get(0).is_true()),
    })
}

/// Returns whether `object` exists.
///
/// # Errors
/// The engine's answer.
pub fn exists(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    object: &Object,
) -> Result<bool, DriverError> {
    Ok(match dialect.existence(object) {
        Existence::Rows(query, parameters) => !session.query(query, &parameters)?.is_empty(),
        Existence::ConstraintInText(query, name) => {
            session.query(query, &[])?.iter().any(|row| names_constraint(row.text(0), &name, dialect))
        }
        Existence::Never => false,
    })
}

/// Whether the text of a table has `CONSTRAINT name`.
fn names_constraint(text: &str, name: &str, dialect: &dyn Dialect) -> bool {
    let mut words = keywords(text, Rules::new(dialect.syntax()));
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("CONSTRAINT")
            && words
                .next()
                .is_some_and(|next| next.trim_matches(['"', '`', '[', ']', '\'']).eq_ignore_ascii_case(name))
        {
            return true;
        }
    }
    false
}

/// Rows that point at nothing: table, rowid, the table they should point at; and how many. A table WITHOUT ROWID has many
/// rows of one name.
pub(crate) type Violations = BTreeMap<(String, String, String), usize>;

/// Returns the violated foreign keys.
pub(crate) fn violations(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
) -> Result<Violations, DriverError> {
    let Some(query) = dialect.foreign_key_violations() else { return Ok(Violations::new()) };
    let name = |row: Row| (row.text(0).to_owned(), row.get(1).to_string(), row.text(2).to_owned());
    let mut violations = Violations::new();
    for row in session.query(query, &[])? {
        *violations.entry(name(row)).or_default() += 1;
    }
    Ok(violations)
}
