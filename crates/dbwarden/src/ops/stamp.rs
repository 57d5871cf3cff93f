//! Makes the records say something, without running anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::deployment::Patience;
use super::door::Door;
use super::migrate::{finish, release, report};
use super::relative::Relative;
use super::run::{DeploymentLimits, Ground, steps};
use super::survey::{self, Survey};
use super::{Deployment, Report};
use crate::apply::history;
use crate::apply::run::Observer;
use crate::error::{Error, ErrorKind, Refusal};
use crate::migration::applied::Direction;
use crate::migration::graph::Target;
use crate::migration::plan::{self, Action, Plan, Recorded, Step};
use crate::migration::state::Selection;
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
    let limits = DeploymentLimits::new(deployment)?;
    let clock = Arc::clone(&deployment.clock);
    let door = Door::new(deployment, selection, true)?;
    let environment = deployment.environment();
    let mut run = deployment.run(&*clock, observer);

    let (mut survey, mut session) =
        survey::open(deployment, &door.selection, Patience::of(&mut run, door.lock.wait))?;
    let relative = match options.stamp.counts() {
        Some((direction, command)) => {
            let count = || -> Result<Vec<_>, Error> {
                Ok(plan(&survey, &options.stamp)?.steps.into_iter().map(|step| step.id).collect())
            };
            Some(Relative::new(direction, command, &survey, &mut *session, &door.records, &run, count)?)
        }
        None => None,
    };
    let words = "taken out of the records";
    let said = |survey: &Survey| relative.as_ref().map_or_else(Vec::new, |it| it.notes(survey, words));
    let planned = |survey: &Survey| match &relative {
        Some(relative) => {
            let left = relative.left(survey);
            // Who names one row alone passes over what it hangs together with.
            if matches!(options.stamp, Stamp::Exactly(_)) {
                relative.stands(survey, &left)?;
            }
            let mut wanted = survey.state.versions.clone();
            for id in left {
                if relative.is_up() {
                    wanted.insert(id)
                } else {
                    wanted.remove(&id)
                };
            }
            Ok(rewritten(survey, &wanted, false, None))
        }
        None => plan(survey, &options.stamp),
    };
    let mut plan = planned(&survey)?;
    let mut report = report(&door.settings, &survey, &plan);
    report.notes.extend(said(&survey));
    let goes_on = relative.as_ref().is_some_and(Relative::goes_on);
    if plan.is_empty() && (!goes_on || options.dry_run) {
        return Ok(report);
    }
    if options.dry_run {
        report.plan = Some(plan);
        return Ok(report);
    }
    if door.settings.protected && !options.agreed {
        let what = "stamp rewrites the records of".to_owned();
        let refusal = Refusal::Protected { what, database: door.settings.name };
        return Err(ErrorKind::Refused { refusal }.into());
    }
    history::writable(&survey.history)?;
    run.meant = relative.as_ref().and_then(Relative::meant);
    let mut guard = door.take(session, Some(&plan), &mut run)?;
    door.look_again(&mut guard, &mut survey, &run)?;
    plan = planned(&survey)?;
    // All records change at once, or none.
    plan.single_transaction = true;
    report = self::report(&door.settings, &survey, &plan);
    report.notes.extend(said(&survey));
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
    door.read_records(&mut guard, &mut survey, &run)?;
    door.compare(&mut survey, false)?;
    finish(&mut report, &survey, &survey.state.versions);
    release(guard, &mut report);
    run.point("released");
    Ok(report)
}

impl Stamp {
    /// Returns which way it goes and how it is typed, where it counts from what is recorded.
    fn counts(&self) -> Option<(Direction, String)> {
        let steps = |target: Target| match target {
            Target::Relative(steps) => Some(steps),
            _ => None,
        };
        match self {
            Self::Exactly(target) => {
                let steps = steps(target.clone())?;
                let direction = if steps < 0 { Direction::Down } else { Direction::Up };
                Some((direction, format!("stamp {steps:+}")))
            }
            Self::Add(reference) => {
                let steps = steps(reference.parse().ok()?)?;
                Some((Direction::Up, format!("stamp --only {steps:+}")))
            }
            Self::Remove(reference) => {
                let steps = steps(reference.parse().ok()?)?;
                Some((Direction::Down, format!("stamp --remove {steps:+}")))
            }
        }
    }
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
    Ok(rewritten(survey, &wanted, all_rows, removed))
}

/// The records that have `wanted` and nothing else of what is versioned, and without `removed`; with `all_rows`, without the
/// repeatables too.
fn rewritten(
    survey: &Survey,
    wanted: &BTreeSet<RevisionId>,
    all_rows: bool,
    removed: Option<RevisionId>,
) -> Plan {
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
    let missing = wanted.difference(&survey.state.versions).cloned().collect();
    let missing = survey.set.graph().in_order(&missing);
    steps.extend(
        missing
            .iter()
            .filter_map(|id| survey.set.get(id))
            .map(|migration| plan::step(migration, Action::Record)),
    );
    Plan { direction: Direction::Up, steps, single_transaction: false, notes: Vec::new(), left: 0 }
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
