//! Whether files, records and lock agree; and a person's word where they do not.

use std::sync::Arc;

use serde::Serialize;

use super::deployment::Patience;
use super::lock::under_way;
use super::survey::read_history;
use super::{Deployment, Survey};
use crate::apply::history;
use crate::apply::lock::LockGuard;
use crate::apply::owner::Holder;
use crate::apply::run::Observer;
use crate::error::{Error, ErrorKind};
use crate::migration::RevisionId;
use crate::migration::applied::{Direction, GONE};
use crate::migration::checksum::FileHash;
use crate::migration::plan::{is_stuck, stopped};
use crate::migration::state::{Selection, Standing, State, standing};
use crate::value::Value;

/// One thing that does not agree, or is worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stable name of what was found.
    pub code: &'static str,
    /// Whether `verify` fails for it.
    pub problem: bool,
    /// The migration, where it is about one.
    pub version: Option<RevisionId>,
    /// Its file, where there is one.
    pub file: Option<String>,
    /// What was found.
    pub message: String,
    /// Which way it was going, where it is half done.
    pub direction: Option<Direction>,
    /// It is half done and nothing can go on with it: its file is gone.
    pub stuck: bool,
}

/// What `verify` looked at and found.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// The database's name in the settings.
    pub database: String,
    /// The database, as it is shown.
    pub target: String,
    /// How many files were read.
    pub files: usize,
    /// How many rows were read.
    pub rows: usize,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Verification {
    /// Returns whether nothing stands in the way.
    pub fn holds(&self) -> bool {
        !self.findings.iter().any(|finding| finding.problem)
    }
}

/// Compares files, records and lock.
///
/// # Errors
/// A file that is no migration; a database that cannot be read; a revision that is not there.
pub fn verify(deployment: &mut Deployment<'_>, only: Option<&str>) -> Result<Verification, Error> {
    deployment.meeting(|deployment| verify_here(deployment, only))
}

fn verify_here(deployment: &mut Deployment<'_>, only: Option<&str>) -> Result<Verification, Error> {
    let selection = Selection { environment: deployment.environment(), ..Selection::default() };
    let (survey, at_work) = look(deployment, &selection)?;
    let (set, history, state) = (&survey.set, &survey.history, &survey.state);
    let mut findings = Vec::new();
    let file_of = |id: &RevisionId| set.get(id).map(|migration| migration.file.name.clone());
    let mut add = |code, problem, version: Option<&RevisionId>, message: String| {
        let file = version.and_then(file_of);
        findings.push(Finding {
            code,
            problem,
            version: version.cloned(),
            file,
            message,
            direction: None,
            stuck: false,
        });
    };
    for row in &history.applied {
        let id = &row.version;
        match standing(row, set.get(id)) {
            // A repeatable that changed runs again.
            Standing::Changed { .. } if !row.is_versioned() => {}
            Standing::Changed { file } => {
                let (was, now) = (row.checksum.short(), file.short());
                add(
                    "changed",
                    true,
                    Some(id),
                    format!("the SQL is not what was applied: {was} was, {now} is"),
                );
            }
            Standing::Unverifiable => {
                let sum = row.checksum.short();
                add("unverifiable", true, Some(id), format!("this version does not know the checksum {sum}"));
            }
            Standing::Reformatted => {
                let what =
                    "comments, layout, headers or the rollback section changed; the SQL is what was applied";
                add("reformatted", false, Some(id), what.to_owned());
            }
            Standing::Gone if state.gone.contains(id) => {
                add("file-gone", true, Some(id), "applied, and no file has that id".to_owned());
            }
            Standing::Gone if state.ahead.contains(id) => {
                let what =
                    "applied, and no file has that id: a later release applied it, or its file was deleted";
                add("ahead", false, Some(id), what.to_owned());
            }
            Standing::Gone | Standing::Same => {}
        }
    }
    for (was, now) in &state.renamed {
        add("renamed", true, Some(now), format!("this is the applied migration {was} under another id"));
    }
    for unfinished in &history.unfinished {
        let what = match unfinished.direction {
            Direction::Up => "its upgrade",
            Direction::Down => "its rollback",
        };
        if let Some(holder) = &at_work {
            let (who, since) = (holder.owner.label(), &holder.since);
            let message = format!("{what} is under way, by {who} since {since} UTC");
            add("under-way", false, Some(&unfinished.version), message);
            continue;
        }
        let message = match unfinished.done() {
            0 => format!("{what} was begun and is not finished: no statement is done"),
            1 => format!("{what} was begun and is not finished: 1 statement is done"),
            done => format!("{what} was begun and is not finished: {done} statements are done"),
        };
        let gone = if set.get(&unfinished.version).is_none() { ", and no file has that id" } else { "" };
        add("unfinished", true, Some(&unfinished.version), message + gone);
    }
    for oddity in &history.oddities {
        add("odd-row", true, None, format!("in the records: {oddity}"));
    }
    for foreign in history.untaken() {
        add("foreign-records", false, None, format!("{} is a table of {}", foreign.table, foreign.tool));
    }
    let heads = set.graph().heads();
    if heads.len() > 1 {
        let names = heads.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        add("heads", false, None, format!("there are several heads: {names}"));
    }
    let late = set.graph().late(&state.pending, &state.versions);
    for id in &late {
        add("late", false, Some(id), "pending, and older than the newest applied migration".to_owned());
    }
    for finding in findings.iter_mut().filter(|finding| finding.code == "unfinished") {
        let begun = history.unfinished.iter().find(|it| finding.version.as_ref() == Some(&it.version));
        finding.direction = begun.map(|begun| begun.direction);
        finding.stuck = begun.is_some_and(|begun| is_stuck(begun, set, history));
    }
    if let Some(only) = only {
        let id = match history.called(only) {
            Some(id) => id.clone(),
            None => set.graph().locate_from(only, &state.versions)?,
        };
        findings.retain(|finding| finding.version.as_ref() == Some(&id));
    }
    Ok(Verification {
        database: deployment.settings.name.clone(),
        target: deployment.settings.url.target(),
        files: set.len(),
        rows: history.applied.len(),
        findings,
    })
}

/// Reads files and records; where something is unfinished, also who is at work on it.
fn look(deployment: &mut Deployment<'_>, selection: &Selection) -> Result<(Survey, Option<Holder>), Error> {
    let dialect = deployment.dialect()?;
    let (who, tables) = (deployment.who.clone(), deployment.settings.tables.clone());
    let (wait, cancel) = (deployment.lock.wait, deployment.cancel.clone());
    let (mut survey, mut session) = super::survey::look(deployment, selection)?;
    if survey.history.unfinished.is_empty() {
        return Ok((survey, None));
    }
    let holder = under_way(&mut *session, &dialect.records(&tables), &who);
    if holder.is_none() {
        // It may have come to its end between the two looks.
        survey.history = read_history(&mut *session, dialect, &tables, wait, &cancel)?;
        survey.state = State::new(&mut survey.set, &mut survey.history, selection);
    }
    Ok((survey, holder))
}

/// What was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "accepted")]
pub enum Accepted {
    /// The file as it is now.
    Changed {
        /// The migration.
        version: RevisionId,
    },
    /// The record has the file's new id.
    Renamed {
        /// The id it had.
        was: RevisionId,
        /// The id it has.
        now: RevisionId,
    },
    /// There is no file any more.
    Gone {
        /// The migration.
        version: RevisionId,
    },
}

/// Accepts what `verify` found of `reference`, and records who did and why.
///
/// # Errors
/// That there is nothing to accept; the lock; the engine's answer.
pub fn accept(
    deployment: &mut Deployment<'_>,
    reference: &str,
    reason: &str,
    observer: &mut dyn Observer,
) -> Result<Accepted, Error> {
    deployment.meeting(|deployment| accept_here(deployment, reference, reason, observer))
}

fn accept_here(
    deployment: &mut Deployment<'_>,
    reference: &str,
    reason: &str,
    observer: &mut dyn Observer,
) -> Result<Accepted, Error> {
    if reason.trim().is_empty() {
        return Err(ErrorKind::Usage { message: "a reason is needed for what is accepted".to_owned() }.into());
    }
    let selection = Selection { environment: deployment.environment(), ..Selection::default() };
    let dialect = deployment.dialect()?;
    let (clock, lock) = (Arc::clone(&deployment.clock), deployment.lock.clone());
    let open = deployment.open_options(false);
    let settings = deployment.settings.clone();
    let company = matches!(deployment.connection, super::Connection::Address);
    let mut run = deployment.run(&*clock, observer);
    let (mut survey, session) =
        super::survey::open(deployment, &selection, Patience::of(&mut run, lock.wait))?;
    find(&survey, reference)?;
    history::writable(&survey.history)?;
    let records = Arc::new(dialect.records(&settings.tables));
    let company = company.then_some((&settings.url, &open));
    let mut guard = LockGuard::acquire(session, Arc::clone(&records), &lock, company, &mut run)?;
    survey.history = read_history(guard.session(), dialect, &settings.tables, lock.wait, &run.cancel)?;
    survey.state = State::new(&mut survey.set, &mut survey.history, &selection);
    let accepted = find(&survey, reference)?;
    let note = |words: &str, version: &RevisionId| {
        let before = survey.history.get(version).and_then(|row| row.note.clone());
        let now = format!("accepted {words} by {} at {} UTC: {}", run.who, run.now(), reason.trim());
        before.map_or(now.clone(), |before| format!("{before}\n{now}"))
    };
    let target = settings.url.target();
    let failed = |error| ErrorKind::Driver { doing: "writing the records", target: target.clone(), error };
    guard.session().begin().map_err(failed)?;
    let (version, words) = match &accepted {
        Accepted::Changed { version } => (version, "as it is now"),
        Accepted::Renamed { now, .. } => (now, "under its new id"),
        Accepted::Gone { version } => (version, GONE),
    };
    if let Accepted::Renamed { was, now } = &accepted {
        guard
            .session()
            .execute(&records.rename, &[now.as_str().into(), was.as_str().into()])
            .map_err(failed)?;
    }
    let old = match &accepted {
        Accepted::Renamed { was, .. } => was,
        _ => version,
    };
    let row = survey.history.get(old);
    let (checksum, hash) = match survey.set.get(version) {
        Some(migration) => (migration.checksum().as_str(), Some(migration.file_hash.as_str())),
        None => (
            row.map_or("", |row| row.checksum.as_str()),
            row.and_then(|row| row.file_hash.as_ref()).map(FileHash::as_str),
        ),
    };
    let parameters = [Value::from(checksum), hash.into(), note(words, old).into(), version.as_str().into()];
    guard.session().execute(&records.accept, &parameters).map_err(failed)?;
    guard.renew(None)?;
    guard.session().commit().map_err(failed)?;
    guard.release()?;
    Ok(accepted)
}

fn find(survey: &Survey, reference: &str) -> Result<Accepted, Error> {
    let (set, state) = (&survey.set, &survey.state);
    // What is half done is nothing to accept: it is finished, or forgotten.
    if let Some(unfinished) = survey.history.unfinished.iter().find(|it| it.version.as_str() == reference) {
        return Err(stopped(unfinished, set, &survey.history).into());
    }
    let id = match survey.history.called(reference) {
        Some(id) => id.clone(),
        None => set.graph().locate_from(reference, &state.versions)?,
    };
    if let Some((was, now)) = state.renamed.iter().find(|(was, now)| *was == id || *now == id) {
        return Ok(Accepted::Renamed { was: was.clone(), now: now.clone() });
    }
    if state.gone.contains(&id) || state.ahead.contains(&id) {
        return Ok(Accepted::Gone { version: id });
    }
    let differs = survey.history.get(&id).is_some_and(|row| {
        matches!(
            standing(row, set.get(&id)),
            Standing::Changed { .. } | Standing::Reformatted | Standing::Unverifiable
        )
    });
    if differs {
        return Ok(Accepted::Changed { version: id });
    }
    Err(ErrorKind::NothingToAccept { id }.into())
}
