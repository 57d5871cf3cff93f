//! Makes the records say something, without running anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::deployment::{Patience, make};
use super::migrate::{finish, release, report};
use super::run::{DeploymentLimits, Ground, steps};
use super::survey::{self, Survey, read_history};
use super::{Deployment, Report};
use crate::apply::history;
use crate::apply::lock::LockGuard;
use crate::apply::run::Observer;
use crate::error::{Error, ErrorKind, Refusal};
use crate::migration::applied::Direction;
use crate::migration::graph::Target;
use crate::migration::plan::{self, Action, Plan, Recorded, Step};
use crate::migration::state::{Selection, State};
use crate::migration::{Kind, RevisionId};

/// What the records are to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stamp {
    /// This revision and its ancestors, and nothing else; `base`: nothing.
    Exactly(Target),
    /// This one too.
    Add(String),
    /// This one not.
    Remove(String),
}

/// What is asked of `stamp`.
#[derive(Debug, Clone)]
pub struct StampOptions {
    /// What the records are to say.
    pub stamp: Stamp,
    /// Plans, and changes nothing.
    pub dry_run: bool,
    /// A person agreed to what would be refused.
    pub agreed: bool,
}

/// Makes the records say what is asked, without running anything.
///
/// # Errors
/// A revision that is not there; a protected database, where nobody agreed; the engine's answer.
pub fn stamp(
    deployment: &mut Deployment<'_>,
    options: &StampOptions,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    deployment.meeting(|deployment| stamp_here(deployment, options, observer))
}

fn stamp_here(
    deployment: &mut Deployment<'_>,
    options: &StampOptions,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    let selection = Selection { environment: deployment.environment(), ..Selection::default() };
    let dialect = deployment.dialect()?;
    let limits = DeploymentLimits::new(deployment)?;
    let (clock, lock) = (Arc::clone(&deployment.clock), deployment.lock.clone());
    let open = deployment.open_options(true);
    let settings = deployment.settings.clone();
    let environment = deployment.environment();
    let company = matches!(deployment.connection, super::Connection::Address);
    let mut run = deployment.run(&*clock, observer);

    let (source, read) = (deployment.source.clone(), deployment.read_options()?);
    let (mut survey, mut session) = survey::open(deployment, &selection, Patience::of(&mut run, lock.wait))?;
    let mut plan = self::plan(&survey, &options.stamp)?;
    let mut report = report(&settings, &survey, &plan);
    if plan.is_empty() {
        return Ok(report);
    }
    if options.dry_run {
        report.plan = Some(plan);
        return Ok(report);
    }
    if settings.protected && !options.agreed {
        let refusal =
            Refusal::Protected { what: "stamp rewrites the records of".to_owned(), database: settings.name };
        return Err(ErrorKind::Refused { refusal }.into());
    }
    history::writable(&survey.history)?;
    let records = Arc::new(dialect.records(&settings.tables));
    let company = company.then_some((&settings.url, &open));
    // Only now that everything is known to be in order is a file made.
    make(&mut *session, &settings.url, Patience::of(&mut run, lock.wait))?;
    run.next = plan.steps.first().map(|step| step.id.clone());
    let mut guard = LockGuard::acquire(session, records, &lock, company, &mut run)?;
    survey.set = survey.set.again(&source, &read)?;
    survey.history = read_history(guard.session(), dialect, &settings.tables, lock.wait, &run.cancel)?;
    survey.state = State::new(&mut survey.set, &mut survey.history, &selection)?;
    plan = self::plan(&survey, &options.stamp)?;
    // All records change at once, or none.
    plan.single_transaction = true;
    run.point("planned");
    let ground = Ground {
        resume: None,
        set: &survey.set,
        history: &survey.history,
        recorded: &Recorded::new(),
        environment,
        note: Some(format!("stamped without being run, by {}", run.who)),
    };
    steps(&limits, &mut guard, &plan, &ground, &mut run, &mut report)?;
    survey.history = read_history(guard.session(), dialect, &settings.tables, lock.wait, &run.cancel)?;
    survey.state = State::new(&mut survey.set, &mut survey.history, &selection)?;
    finish(&mut report, &survey, &survey.state.versions);
    release(guard, &mut report);
    run.point("released");
    Ok(report)
}

fn plan(survey: &Survey, stamp: &Stamp) -> Result<Plan, Error> {
    let graph = survey.set.graph();
    let versions = survey.state.versions.clone();
    let begun = |id: &RevisionId| survey.history.unfinished.iter().find(|it| it.version == *id);
    let (mut all_rows, mut removed) = (false, None);
    let wanted: BTreeSet<RevisionId> = match stamp {
        Stamp::Exactly(target) => {
            all_rows = *target == Target::Base;
            match target {
                // Counted from what is recorded.
                Target::Relative(steps) if *steps > 0 => {
                    versions.iter().cloned().chain(graph.upgrade(target, &versions)?).collect()
                }
                Target::Relative(_) => {
                    let rows = survey.history.applied.iter().filter(|row| row.is_versioned());
                    let order: Vec<_> = rows.map(|row| row.version.clone()).collect();
                    let gone = graph.downgrade(target, &order)?;
                    versions.iter().filter(|id| !gone.contains(id)).cloned().collect()
                }
                _ => graph.closure(target)?.into_iter().collect(),
            }
        }
        Stamp::Add(reference) => {
            let mut wanted = versions.clone();
            wanted.insert(graph.locate_from(reference, &versions)?);
            wanted
        }
        Stamp::Remove(reference) => {
            // A row may be removed whose file is gone.
            let id = match survey.history.called(reference) {
                Some(id) => id.clone(),
                None => graph.locate_from(reference, &versions)?,
            };
            removed = Some(id.clone());
            if survey.history.get(&id).is_none() && begun(&id).is_none() {
                return Err(ErrorKind::Usage { message: format!("{id} is not in the records") }.into());
            }
            versions.iter().filter(|version| **version != id).cloned().collect()
        }
    };
    let mut steps = Vec::new();
    for row in survey.history.applied.iter().rev() {
        let kept = wanted.contains(&row.version) || !row.is_versioned() && !all_rows;
        if !kept || removed.as_ref() == Some(&row.version) {
            steps.push(forget(&row.version, &row.description));
        }
    }
    // What was begun and has no row yet is forgotten too, by its id: its file may be gone.
    if let Some(id) = removed.filter(|id| survey.history.get(id).is_none()) {
        let description = survey.set.get(&id).map_or("", |migration| &migration.description);
        steps.push(forget(&id, description));
    }
    let missing = graph.in_order(&wanted.difference(&versions).cloned().collect());
    steps.extend(
        missing
            .iter()
            .filter_map(|id| survey.set.get(id))
            .map(|migration| plan::step(migration, Action::Record)),
    );
    Ok(Plan { direction: Direction::Up, steps, single_transaction: false, notes: Vec::new(), left: 0 })
}

fn forget(id: &RevisionId, description: &str) -> Step {
    Step {
        id: id.clone(),
        description: description.to_owned(),
        kind: Kind::Versioned,
        action: Action::Forget,
        file: String::new(),
        checksum: None,
        statements: 0,
        groups: Vec::new(),
        changes_session: false,
        recorded: false,
        limits: plan::Limits::default(),
        breaking: None,
    }
}
