//! Undoes what is applied.

use std::path::PathBuf;
use std::sync::Arc;

use super::deployment::Patience;
use super::door::Door;
use super::migrate::{finish, release, report};
use super::relative::{self, Relative};
use super::run::{DeploymentLimits, Ground, steps};
use super::survey::{self, Survey};
use super::{Deployment, Report, backup, gates};
use crate::apply::history;
use crate::apply::run::{Event, Observer, Resume};
use crate::backup::Reason;
use crate::driver::Session;
use crate::error::{Error, ErrorKind};
use crate::migration::applied::{Direction, History};
use crate::migration::graph::Target;
use crate::migration::plan::{self, Limits, Plan, Reach, Recorded, RecordedScript};
use crate::migration::source::{SourceFile, script_of};
use crate::migration::state::Selection;
use crate::migration::{Kind, RevisionId};

/// What is asked of `rollback`.
#[derive(Debug, Clone, Default)]
pub struct RollbackOptions {
    /// To where; this revision stays applied. Without a target and a count, one migration. A repeatable (`RA__views`) is undone
    /// itself, alone, by its down script.
    pub target: Option<Target>,
    /// So many migrations.
    pub count: Option<u64>,
    /// Undoes seeds, and nothing else: what was applied behind them stays.
    pub seeds_only: bool,
    /// Plans, and changes nothing.
    pub dry_run: bool,
    /// Leaves out the checks before a rollback.
    pub without_checks: bool,
    /// Makes a backup in this directory before the first step.
    pub backup: Option<PathBuf>,
    /// Where a recent backup is looked for too, beside the directory of the settings.
    pub backups: Option<PathBuf>,
    /// A person agreed to what would be refused.
    pub agreed: bool,
    /// What a person decided of a statement of which the database does not tell whether it was done.
    pub resume: Option<Resume>,
}

impl RollbackOptions {
    /// Returns the repeatable that is the target, where one is: it is undone alone.
    fn repeatable(&self, history: &History) -> Option<RevisionId> {
        let Some(Target::Revision { reference, offset: 0 }) = &self.target else { return None };
        let row = history.get(&RevisionId::new(reference.as_str()))?;
        (!row.is_versioned() && !self.seeds_only).then(|| row.version.clone())
    }
}

/// Undoes migrations, newest first.
///
/// # Errors
/// What keeps it from being run, before the first change; or the migration that failed, with a report of those before it.
pub fn rollback(
    deployment: &mut Deployment<'_>,
    options: &RollbackOptions,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    deployment.meeting(|deployment| rollback_here(deployment, options, observer))
}

fn rollback_here(
    deployment: &mut Deployment<'_>,
    options: &RollbackOptions,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    let reach = match (&options.target, options.count) {
        (Some(_), Some(_)) => {
            let message = "a target and a count cannot both be given".to_owned();
            return Err(ErrorKind::Usage { message }.into());
        }
        (Some(target), None) => Reach::To(target.clone()),
        (None, count) => Reach::Count(count.unwrap_or(1)),
    };
    let selection = Selection { environment: deployment.environment(), ..Selection::default() };
    let limits = DeploymentLimits::new(deployment)?;
    let clock = Arc::clone(&deployment.clock);
    let door = Door::new(deployment, selection, false)?;
    let environment = deployment.environment();
    let mut run = deployment.run(&*clock, observer);

    let (mut survey, mut session) =
        survey::open(deployment, &door.selection, Patience::of(&mut run, door.lock.wait))?;
    let ids = if options.seeds_only { plan::seeds::to_undo } else { plan::downgrade_ids };
    let ids = |survey: &Survey| match options.repeatable(&survey.history) {
        Some(id) => Ok(vec![id]),
        None => Ok(ids(&survey.set, &survey.history, &reach)?),
    };
    let only = |mut plan: Plan| {
        // A seed makes nothing that a repeatable could stand on.
        plan.steps.retain(|step| !options.seeds_only || step.kind == Kind::Versioned);
        plan
    };
    // Of several heads a count takes what was applied last, and says which that is.
    let counts = !options.seeds_only && reach.is_relative();
    let which = |survey: &Survey, ids: &[RevisionId]| {
        let half = |id: &RevisionId| survey.history.unfinished.iter().any(|it| it.version == *id);
        if counts && !ids.first().is_some_and(half) {
            plan::first_to_go(&survey.state.current, ids)
        } else {
            None
        }
    };
    let verb = if options.seeds_only { "seed rollback" } else { "rollback" };
    let relative = match relative::command(verb, &reach, Direction::Down) {
        Some(command) => Some(Relative::new(
            Direction::Down,
            command,
            &survey,
            &mut *session,
            &door.records,
            &run,
            || ids(&survey),
        )?),
        None => None,
    };
    let said = |survey: &Survey| relative.as_ref().map_or_else(Vec::new, |it| it.notes(survey, "undone"));
    let asked = match &relative {
        Some(relative) => relative.left(&survey),
        None => ids(&survey)?,
    };
    let (mut plan, mut recorded) = self::plan(&survey, &mut *session, &door, &asked)?;
    plan = only(plan);
    plan.notes.extend(which(&survey, &asked));
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
    if !options.agreed {
        gates::downgrade(&door.settings, (&plan, &recorded), options, clock.now())?;
    }

    history::writable(&survey.history)?;
    run.meant = relative.as_ref().and_then(Relative::meant);
    let mut guard = door.take(session, Some(&plan), &mut run)?;
    door.look_again(&mut guard, &mut survey, &run)?;
    let left = match &relative {
        Some(relative) => {
            let left = relative.left(&survey);
            if !options.seeds_only {
                relative.stands(&survey, &left)?;
            }
            left
        }
        None => ids(&survey)?,
    };
    (plan, recorded) = self::plan(&survey, guard.session(), &door, &left)?;
    plan = only(plan);
    plan.notes.extend(which(&survey, &left));
    report = self::report(&door.settings, &survey, &plan);
    report.notes.extend(said(&survey));
    if !options.agreed {
        gates::downgrade(&door.settings, (&plan, &recorded), options, clock.now())?;
    }
    run.point("planned");
    if let (Some(directory), false) = (&options.backup, plan.is_empty()) {
        let (settings, reason) = (&door.settings, Reason::Rollback);
        let (records, history) = (&door.records, &survey.history);
        let made = backup::before(reason, settings, &door.open, records, history, &run, directory)?;
        report.backup = Some(made);
    }
    for (id, recorded) in &recorded {
        let text = recorded.file.whole_text().unwrap_or_default();
        run.observer.event(&Event::StoredScript { id, text: &text });
    }
    let ground = Ground {
        set: &survey.set,
        history: &survey.history,
        recorded: &recorded,
        environment,
        note: None,
        resume: options.resume,
    };
    steps(&limits, &mut guard, &plan, &ground, &mut run, &mut report)?;
    let mut versions = survey.state.versions.clone();
    for step in &plan.steps {
        versions.remove(&step.id);
    }
    let gone: Vec<_> = plan.steps.iter().map(|step| &step.id).collect();
    survey.history.applied.retain(|row| !gone.contains(&&row.version));
    door.compare(&mut survey, false)?;
    finish(&mut report, &survey, &versions);
    release(guard, &mut report);
    run.point("released");
    Ok(report)
}

fn plan(
    survey: &Survey,
    session: &mut dyn Session,
    door: &Door,
    ids: &[RevisionId],
) -> Result<(Plan, Recorded), Error> {
    let without_file: Vec<RevisionId> = ids
        .iter()
        .filter(|id| survey.set.get(id).is_none() && survey.history.get(id).is_some_and(|row| row.has_down))
        .cloned()
        .collect();
    let texts = history::down_scripts(session, &door.records, &without_file).map_err(|error| {
        ErrorKind::Driver { doing: "reading the stored down scripts", target: String::new(), error }
    })?;
    let mut recorded = Recorded::new();
    for (id, text) in texts {
        let file = SourceFile::text(format!("the stored down script of {id}"), &text);
        let (script, headers) = script_of(&file, &text, door.dialect)?;
        recorded.insert(id, RecordedScript { file, script, limits: Limits::of(&headers) });
    }
    let (set, history) = (&survey.set, &survey.history);
    let plan = match ids {
        [id] if history.get(id).is_some_and(|row| !row.is_versioned()) => {
            plan::downgrade_repeatable(set, history, id)?
        }
        _ => plan::downgrade(set, history, ids, &recorded)?,
    };
    Ok((plan, recorded))
}
