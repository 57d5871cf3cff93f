//! Writes the SQL of usual changes, both ways.

use serde::Serialize;

use super::Deployment;
use super::deployment::Patience;
use super::new::{Scripts, marker};
use crate::dialect::{Dialect, RenderError, Rendering, Sql};
use crate::error::{Error, ErrorKind};
use crate::operation::{Irreversible, Operation, OperationError, TableName};
use crate::sql::{Rules, TokenKind, split, tokens};
use crate::value::Row;

/// The SQL of some operations, both ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Template {
    /// What does them: statements with semicolons, and comments.
    pub upgrade: String,
    /// What undoes them, last first; nothing where one of them has no way back.
    pub downgrade: Option<String>,
    /// Why there is no way back, where there is none.
    pub irreversible: Option<String>,
    /// Why the database did not answer, where it was asked and did not.
    pub unasked: Option<String>,
}

impl Template {
    /// Returns the text of a migration.
    pub fn scripts(&self) -> Scripts {
        let up = match &self.irreversible {
            Some(why) => format!("-- There is no rollback, since {why}.\n{}", self.upgrade),
            None => self.upgrade.clone(),
        };
        Scripts { up, down: self.downgrade.clone() }
    }
}

/// What the database said, or why it said nothing.
enum Answer {
    Known(Vec<Vec<Row>>),
    Unknown(String),
}

/// Returns the SQL of `operations` for the deployment's engine. The database is asked where what is there matters: a column that is
/// dropped or changed without a word on what it is, and on SQLite a table that must be made anew. Where it does not answer, what can
/// be written without it is.
///
/// # Errors
/// A name, type or expression that is none; what the engine cannot do; that the database had to be asked and did not answer.
pub fn template(deployment: &mut Deployment<'_>, operations: &[Operation]) -> Result<Template, Error> {
    deployment.meeting(|deployment| template_here(deployment, operations))
}

fn template_here(deployment: &mut Deployment<'_>, operations: &[Operation]) -> Result<Template, Error> {
    let dialect = deployment.dialect()?;
    for operation in operations {
        check(dialect, operation).map_err(ErrorKind::from)?;
    }
    let (mut upgrade, mut ways_back, mut silent) = (Sql::default(), Vec::new(), None);
    for (at, operation) in operations.iter().enumerate() {
        let queries = dialect.asks(operation);
        let mut answer = None;
        if !queries.is_empty() {
            if let Some(table) = operations[..at].iter().find_map(|it| outdated(dialect, it, operation)) {
                let error = RenderError::Outdated { table: table.clone() };
                return Err(ErrorKind::Template { error, unasked: None }.into());
            }
            answer = Some(ask(deployment, &queries)?);
        }
        let (known, unasked) = match &answer {
            Some(Answer::Known(rows)) => (Some(rows.as_slice()), None),
            Some(Answer::Unknown(why)) => (None, Some(why.clone())),
            None => (None, None),
        };
        let rendering = dialect.render(operation, known);
        let Rendering { upgrade: sql, downgrade } =
            rendering.map_err(|error| ErrorKind::Template { error, unasked: unasked.clone() })?;
        upgrade.append(sql);
        ways_back.push(downgrade);
        if let Some(table) = shared(dialect, &operations[..=at], &ways_back) {
            let error = RenderError::Outdated { table: table.clone() };
            return Err(ErrorKind::Template { error, unasked: None }.into());
        }
        silent = silent.or(unasked);
    }
    let mut downgrade = Sql::default();
    let mut irreversible = None;
    for way in ways_back.into_iter().rev() {
        match way {
            Ok(sql) => downgrade.append(sql),
            Err(Irreversible(why)) => irreversible = Some(why),
        }
    }
    Ok(Template {
        upgrade: upgrade.text(),
        downgrade: irreversible.is_none().then(|| downgrade.text()),
        irreversible,
        unasked: silent,
    })
}

/// The table of which the database's answer for `operation` is no longer so behind `earlier`.
fn outdated<'a>(
    dialect: &dyn Dialect,
    earlier: &Operation,
    operation: &'a Operation,
) -> Option<&'a TableName> {
    let (table, other) = (operation.table()?, earlier.table()?);
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let schema = match (&table.schema, &other.schema) {
        (Some(a), Some(b)) => same(a, b),
        _ => true,
    };
    let column = match (changed_column(earlier), changed_column(operation)) {
        (Some(a), Some(b)) => same(a, b),
        _ => false,
    };
    (schema && same(&table.name, &other.name) && (dialect.asks_whole_tables() || column)).then_some(table)
}

/// The table of which the last operation drops a column that something is of together with one that was dropped before: that would be
/// made again while one of them is missing. What only looks like it counts, too.
fn shared<'a>(
    dialect: &dyn Dialect,
    operations: &'a [Operation],
    ways_back: &[Result<Sql, Irreversible>],
) -> Option<&'a TableName> {
    let dropped = |at: usize| match operations.get(at)? {
        Operation::DropColumn { table, column, was: None } => Some((table, column.as_str())),
        _ => None,
    };
    let names = |at: usize, column: &str| {
        let text = ways_back.get(at).and_then(|way| way.as_ref().ok()).map(Sql::text).unwrap_or_default();
        tokens(&text, Rules::new(dialect.syntax())).any(|token| {
            matches!(token.kind, TokenKind::Word | TokenKind::Identifier)
                && token.text.trim_matches(['"', '`']).eq_ignore_ascii_case(column)
        })
    };
    let last = operations.len().checked_sub(1)?;
    let (table, column) = dropped(last)?;
    let earlier = (0..last).filter_map(|at| Some((at, dropped(at)?)));
    let mut of_one = earlier.filter(|(_, (other, _))| other.name.eq_ignore_ascii_case(&table.name));
    of_one.any(|(at, (_, other))| names(last, other) || names(at, column)).then_some(table)
}

/// A column that is there, and is another or gone afterwards.
fn changed_column(operation: &Operation) -> Option<&str> {
    match operation {
        Operation::DropColumn { column, .. }
        | Operation::AlterColumn { column, .. }
        | Operation::RenameColumn { from: column, .. } => Some(column),
        _ => None,
    }
}

/// Sees that names are names, and that given SQL is some.
fn check(dialect: &dyn Dialect, operation: &Operation) -> Result<(), OperationError> {
    if let Operation::Execute { up, down } = operation {
        statements(dialect, "what is to be run", up)?;
        if let Some(down) = down {
            statements(dialect, "what undoes it", down)?;
        }
    }
    operation.check(dialect.name_limit())
}

fn statements(dialect: &dyn Dialect, what: &'static str, sql: &str) -> Result<(), OperationError> {
    let wrong = |reason: String| OperationError::Sql { what, reason };
    let statements = split(sql, Rules::new(dialect.syntax())).map_err(|error| wrong(error.to_string()))?;
    if statements.is_empty() {
        return Err(wrong("it has no statement".to_owned()));
    }
    if let Some(marker) = marker(sql, dialect.syntax()) {
        return Err(wrong(format!("the comment `{marker}` divides a migration")));
    }
    Ok(())
}

/// Asks the database. That it cannot be reached or does not know the table is an answer too; that another engine answers is an
/// error, and so is a settings problem.
fn ask(
    deployment: &mut Deployment<'_>,
    queries: &[(String, Vec<crate::value::Value>)],
) -> Result<Answer, Error> {
    let options = deployment.open_options(false);
    let (wait, cancel) = (deployment.lock.wait, deployment.cancel.clone());
    let Deployment { settings, connection, .. } = deployment;
    let target = settings.url.target();
    let mut session = match connection.open_within(settings, &options, Patience::brief(wait, &cancel)) {
        Ok(session) => session,
        Err(error) if matches!(error.kind(), ErrorKind::AnotherEngine { .. }) => return Err(error),
        Err(error) => return Ok(Answer::Unknown(format!("{target}: {error}"))),
    };
    let mut answers = Vec::new();
    for (sql, parameters) in queries {
        match session.query(sql, parameters) {
            Ok(rows) => answers.push(rows),
            Err(error) => return Ok(Answer::Unknown(format!("{target}: {error}"))),
        }
    }
    Ok(Answer::Known(answers))
}

/// What a template's error is, without what the database said.
pub(crate) fn code(error: &RenderError) -> &'static str {
    match error {
        RenderError::Unsupported { .. } => "unsupported",
        RenderError::NeedsTable { .. } | RenderError::NeedsColumn { .. } => "needs-database",
        RenderError::NoTable { .. } => "unknown-table",
        RenderError::NoColumn { .. } => "unknown-column",
        RenderError::Stubborn { .. } => "table-rebuild",
        RenderError::Outdated { .. } => "template-order",
        RenderError::Operation(error) => error.code(),
    }
}
