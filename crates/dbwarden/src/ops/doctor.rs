//! Looks at everything a run will need, and says what would stand in its way. Changes nothing.

use serde::Serialize;

use super::{Deployment, lock, survey};
use crate::driver::Session;
use crate::error::{Error, ErrorKind};
use crate::migration::applied::Direction;
use crate::migration::plan::is_stuck;
use crate::migration::source::Source;
use crate::migration::state::Selection;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Well.
    Ok,
    /// Worth knowing.
    Note,
    /// A run would fail or be refused.
    Problem,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it came out.
    pub outcome: Outcome,
    /// What was seen.
    pub message: String,
}

/// Looks at one database and its files.
///
/// # Errors
/// That this version cannot run on the engine; all else is a check that says so.
pub fn doctor(deployment: &mut Deployment<'_>) -> Result<Vec<Check>, Error> {
    deployment.meeting(|deployment| doctor_here(deployment))
}

fn doctor_here(deployment: &mut Deployment<'_>) -> Result<Vec<Check>, Error> {
    deployment.dialect()?;
    let mut checks = Vec::new();
    let mut add = |name, outcome, message: String| checks.push(Check { name, outcome, message });
    match super::files(deployment) {
        Ok(set) => {
            let heads = set.graph().heads().len();
            let counted = |number, one| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
            let message = format!("{}, {}", counted(set.len(), "migration"), counted(heads, "head"));
            add("files", if heads > 1 { Outcome::Note } else { Outcome::Ok }, message);
        }
        Err(error) => {
            let place = error.location().map_or_else(String::new, |place| match place.at {
                Some((line, column)) => format!("{}:{line}:{column}: ", place.file),
                None => format!("{}: ", place.file),
            });
            add("files", Outcome::Problem, format!("{place}{error}"));
        }
    }
    if let Source::Directory(directory) = &deployment.source {
        let message = directory.display().to_string();
        let outcome = if directory.is_dir() { Outcome::Ok } else { Outcome::Problem };
        add("directory", outcome, message);
    }
    let options = deployment.open_options(false);
    let exists = deployment.settings.url.path().is_none_or(std::path::Path::exists);
    let Deployment { settings, connection, cancel, .. } = deployment;
    let mut opened = true;
    match connection.open(settings, &options, cancel) {
        Ok(mut session) => {
            let server = session.server();
            let what = format!("{} {}, {}", server.database, server.version, settings.url.target());
            if exists {
                add("database", Outcome::Ok, what);
                for (name, outcome, message) in inside(&mut *session) {
                    add(name, outcome, message);
                }
            } else {
                add("database", Outcome::Note, format!("{what} does not exist yet; migrate makes it"));
            }
        }
        Err(error) if matches!(error.kind(), ErrorKind::AnotherEngine { .. }) => return Err(error),
        Err(error) => {
            add("database", Outcome::Problem, error.to_string());
            opened = false;
        }
    }
    if let Some(folder) = deployment.settings.url.path().and_then(std::path::Path::parent) {
        let folder = if folder.as_os_str().is_empty() { std::path::Path::new(".") } else { folder };
        match std::fs::metadata(folder) {
            Ok(data) if data.permissions().readonly() => {
                let message =
                    format!("{} may not be written: the engine keeps its journal there", folder.display());
                add("folder", Outcome::Problem, message);
            }
            Ok(_) => {}
            Err(error) => add("folder", Outcome::Problem, format!("{}: {error}", folder.display())),
        }
    }
    if opened {
        within(deployment, &mut add);
    }
    let year = deployment.clock.now().strftime("%Y").to_string();
    if year.parse::<u32>().is_ok_and(|year| year < 2025) {
        add("clock", Outcome::Problem, format!("the machine's clock says it is {year}"));
    }
    Ok(checks)
}

/// Looks at the records and the lock of a database that can be opened.
fn within(deployment: &mut Deployment<'_>, add: &mut impl FnMut(&'static str, Outcome, String)) {
    let selection = Selection { environment: deployment.environment(), ..Selection::default() };
    match survey(deployment, &selection) {
        Ok(survey) => {
            let (rows, pending) = (survey.history.applied.len(), survey.state.pending_count());
            add("records", Outcome::Ok, format!("{rows} applied, {pending} pending"));
            for foreign in survey.history.untaken() {
                let message = format!("{} is a table of {}", foreign.table, foreign.tool);
                add("other tools", Outcome::Note, message);
            }
            for unfinished in &survey.history.unfinished {
                let (id, down) = (&unfinished.version, unfinished.direction == Direction::Down);
                if is_stuck(unfinished, &survey.set, &survey.history) {
                    let message = format!(
                        "{id} is half done, and no file has that id; put the file back, or undo by hand what is \
                         done and `dbwarden stamp --remove {id}`"
                    );
                    add("unfinished", Outcome::Problem, message);
                    continue;
                }
                let verb = if down { "rollback" } else { "migrate" };
                let message = format!("{id} is half done; `dbwarden {verb}` goes on with it");
                add("unfinished", Outcome::Note, message);
            }
            let changed = survey.state.changed().count();
            if changed > 0 {
                let has = if changed == 1 { "file has" } else { "files have" };
                let message =
                    format!("{changed} applied {has} other SQL now; `dbwarden verify` names what differs");
                add("changed", Outcome::Problem, message);
            }
        }
        Err(error) => add("records", Outcome::Problem, error.to_string()),
    }
    match lock::lock_status(deployment) {
        Ok(status) => match (status.holder, status.gone) {
            (None, _) => add("lock", Outcome::Ok, "free".to_owned()),
            (Some(holder), Some(why)) => {
                let message = format!("left by {}: {why}; the next run takes it over", holder.owner.label());
                add("lock", Outcome::Note, message);
            }
            (Some(holder), None) => add("lock", Outcome::Note, format!("held by {}", holder.owner.label())),
        },
        Err(error) => add("lock", Outcome::Problem, error.to_string()),
    }
}

/// What SQLite says of itself.
fn inside(session: &mut dyn Session) -> Vec<(&'static str, Outcome, String)> {
    let mut found = Vec::new();
    let mut ask = |query: &str| -> Option<String> {
        session.query(query, &[]).ok()?.first().map(|row| row.get(0).to_string())
    };
    if let Some(mode) = ask("PRAGMA journal_mode") {
        found.push(("journal mode", Outcome::Ok, mode));
    }
    if let Some(answer) = ask("PRAGMA quick_check(1)") {
        let outcome = if answer == "ok" { Outcome::Ok } else { Outcome::Problem };
        found.push(("quick check", outcome, answer));
    }
    found
}

/// Returns whether any check found a problem.
pub fn has_problem(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.outcome == Outcome::Problem)
}
