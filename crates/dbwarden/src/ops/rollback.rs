//! Undoes what is applied.

use std::path::PathBuf;
use std::sync::Arc;

use super::deployment::Patience;
use super::migrate::{finish, release, report};
use super::run::{DeploymentLimits, Ground, steps};
use super::survey::{self, Survey, read_history};
use super::{Deployment, Report, backup};
use crate::apply::history;
use crate::apply::lock::LockGuard;
use crate::apply::owner::Holder;
use crate::apply::run::{Event, Observer, Resume};
use crate::backup::Reason;
use crate::dialect::Dialect;
use crate::driver::Session;
use crate::error::{Error, ErrorKind, Refusal};
use crate::migration::graph::Target;
use crate::migration::plan::{self, Limits, Plan, Reach, Recorded, RecordedScript};
use crate::migration::source::{SourceFile, script_of};
use crate::migration::state::{Selection, State};
use crate::migration::{Kind, RevisionId};

/// What is asked of `rollback`.
#[derive(Debug, Clone, Default)]
pub struct RollbackOptions {
    /// To where; this revision stays applied. Without a target and a count, one migration.
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
    let dialect = deployment.dialect()?;
    let limits = DeploymentLimits::new(deployment)?;
    let (clock, lock) = (Arc::clone(&deployment.clock), deployment.lock.clone());
    let open = deployment.open_options(false);
    let settings = deployment.settings.clone();
    let environment = deployment.environment();
    let company = matches!(deployment.connection, super::Connection::Address);
    let mut run = deployment.run(&*clock, observer);

    let (source, read) = (deployment.source.clone(), deployment.read_options()?);
    let (mut survey, mut session) = survey::open(deployment, &selection, Patience::of(&mut run, lock.wait))?;
    let records = Arc::new(dialect.records(&settings.tables));
    let ids = if options.seeds_only { plan::seeds::to_undo } else { plan::downgrade_ids };
    let ids = |survey: &Survey| ids(&survey.set, &survey.history, &reach);
    let only = |mut plan: Plan| {
        // A seed makes nothing that a repeatable could stand on.
        plan.steps.retain(|step| !options.seeds_only || step.kind == Kind::Versioned);
        plan
    };
    // Of several heads a count takes what was applied last, and says which that is.
    let counts = !options.seeds_only && reach.is_relative();
    let which = |survey: &Survey, ids: &[RevisionId]| {
        if counts { plan::first_to_go(&survey.state.current, ids) } else { None }
    };
    let asked = ids(&survey)?;
    let (mut plan, mut recorded) = self::plan(&survey, &mut *session, dialect, &records, &asked)?;
    plan = only(plan);
    plan.notes.extend(which(&survey, &asked));
    let mut report = report(&settings, &survey, &plan);
    if plan.is_empty() {
        return Ok(report);
    }
    if options.dry_run {
        report.plan = Some(plan);
        return Ok(report);
    }
    if !options.agreed {
        gates(&settings, &plan, &recorded, options, clock.now())?;
    }

    history::writable(&survey.history)?;
    let company = company.then_some((&settings.url, &open));
    run.next = plan.steps.first().map(|step| step.id.clone());
    run.undoes = true;
    let mut guard = LockGuard::acquire(session, Arc::clone(&records), &lock, company, &mut run)?;
    survey.set = survey.set.again(&source, &read)?;
    survey.history = read_history(guard.session(), dialect, &settings.tables, lock.wait, &run.cancel)?;
    survey.state = State::new(&mut survey.set, &mut survey.history, &selection)?;
    let mut note = None;
    let left = if reach.is_relative() {
        still(&survey, &asked, options.seeds_only, run.followed.as_ref(), &mut note)?
    } else {
        ids(&survey)?
    };
    (plan, recorded) = self::plan(&survey, guard.session(), dialect, &records, &left)?;
    plan = only(plan);
    plan.notes.extend(which(&survey, &left));
    report = self::report(&settings, &survey, &plan);
    report.notes.extend(note);
    run.point("planned");
    if let (Some(directory), false) = (&options.backup, plan.is_empty()) {
        let history = &survey.history;
        let made = backup::before(Reason::Rollback, &settings, &open, &records, history, &run, directory)?;
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
    survey.state = State::new(&mut survey.set, &mut survey.history, &selection)?;
    finish(&mut report, &survey, &versions);
    release(guard, &mut report);
    run.point("released");
    Ok(report)
}

/// What of `asked` is still to be undone, now that the lock is ours. So many migrations, or so many steps down, means those that were
/// there when it was asked: whoever held the lock before may have undone them, also one that was killed and is asked for again, and what
/// is below them was not meant.
fn still(
    survey: &Survey,
    asked: &[RevisionId],
    seeds_only: bool,
    followed: Option<&Holder>,
    note: &mut Option<String>,
) -> Result<Vec<RevisionId>, Error> {
    let history = &survey.history;
    let gone = |id: &RevisionId| history.get(id).is_none();
    let done = followed.filter(|holder| holder.owner.undoes).and_then(|holder| holder.doing.as_deref());
    let done = done.and_then(|doing| doing.split(' ').next()).map(RevisionId::from);
    if let Some(done) = done.filter(|id| gone(id) && !asked.contains(id)) {
        *note = Some(format!(
            "the run that was ended has undone {done}, and nothing more is undone now: ask once more to go further down"
        ));
        return Ok(Vec::new());
    }
    let (undone, left): (Vec<_>, Vec<_>) = asked.iter().cloned().partition(gone);
    if !undone.is_empty() {
        let names = undone.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ");
        *note = Some(format!("{names}: undone by another run meanwhile"));
    }
    let above = |id: &RevisionId| {
        let descendants = survey.set.graph().descendants(id);
        descendants.into_iter().find(|above| !gone(above) && !left.contains(above))
    };
    if let Some((id, above)) = left.iter().find_map(|id| Some((id, above(id)?))).filter(|_| !seeds_only) {
        let message = format!("another run applied {above} above {id} meanwhile: nothing was undone");
        return Err(ErrorKind::Usage { message }.into());
    }
    Ok(left)
}

fn plan(
    survey: &Survey,
    session: &mut dyn Session,
    dialect: &'static dyn Dialect,
    records: &crate::dialect::Records,
    ids: &[RevisionId],
) -> Result<(Plan, Recorded), Error> {
    let without_file: Vec<RevisionId> = ids
        .iter()
        .filter(|id| survey.set.get(id).is_none() && survey.history.get(id).is_some_and(|row| row.has_down))
        .cloned()
        .collect();
    let texts = history::down_scripts(session, records, &without_file).map_err(|error| {
        ErrorKind::Driver { doing: "reading the stored down scripts", target: String::new(), error }
    })?;
    let mut recorded = Recorded::new();
    for (id, text) in texts {
        let file = SourceFile::text(format!("the stored down script of {id}"), &text);
        let (script, headers) = script_of(&file, &text, dialect)?;
        recorded.insert(id, RecordedScript { file, script, limits: Limits::of(&headers) });
    }
    let plan = plan::downgrade(&survey.set, &survey.history, ids, &recorded)?;
    Ok((plan, recorded))
}

/// What wants a person's word before a rollback.
fn gates(
    settings: &crate::project::DatabaseSettings,
    plan: &Plan,
    recorded: &Recorded,
    options: &RollbackOptions,
    now: jiff::Timestamp,
) -> Result<(), Error> {
    let refused = |refusal| Err(ErrorKind::Refused { refusal }.into());
    if let Some(window) = settings.safety.window.as_ref().filter(|window| !window.contains(now)) {
        return refused(Refusal::Window { window: window.to_string(), database: settings.name.clone() });
    }
    if settings.protected
        && let Some((id, recorded)) = recorded.iter().next()
    {
        let script = recorded.file.whole_text().unwrap_or_default();
        return refused(Refusal::RecordedScript { id: id.clone(), script });
    }
    if options.without_checks {
        return Ok(());
    }
    // One that is made now is recent enough.
    if let Some(within) = settings.safety.require_backup_within
        && options.backup.is_none()
    {
        let mut directories = vec![settings.backups.clone()];
        directories.extend(options.backups.clone().filter(|other| *other != settings.backups));
        if !directories.iter().any(|directory| backup::is_recent(directory, settings, within, now)) {
            let names: Vec<_> = directories.iter().map(|directory| directory.display().to_string()).collect();
            let within = crate::project::duration_text(within);
            return refused(Refusal::NoBackup { within, directories: names.join(" or ") });
        }
    }
    if !settings.protected {
        return Ok(());
    }
    let ids = plan.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>().join(", ");
    refused(Refusal::Protected {
        what: format!("rollback of {ids} changes"),
        database: settings.name.clone(),
    })
}
