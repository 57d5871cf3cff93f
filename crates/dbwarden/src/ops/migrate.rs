//! Applies what is pending.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::deployment::{Patience, make};
use super::run::{DeploymentLimits, Ground, steps};
use super::survey::{self, Survey, read_history};
use super::{Deployment, Report, backup};
use crate::apply::history;
use crate::apply::lock::LockGuard;
use crate::apply::run::{Observer, Resume};
use crate::backup::Reason;
use crate::dialect::Dialect;
use crate::error::{Error, ErrorKind, Refusal};
use crate::migration::graph::Target;
use crate::migration::plan::{self, Action, Plan, Reach, UpgradeRequest};
use crate::migration::set::MigrationSet;
use crate::migration::state::{Due, Selection, State};

/// After a longer wait there may be other files than before.
const BRIEF: Duration = Duration::from_millis(100);

/// What is asked of `migrate`.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own, and they combine freely")]
pub struct MigrateOptions {
    /// How far; without a target and a count, to the head.
    pub target: Option<Target>,
    /// So many migrations.
    pub count: Option<u64>,
    /// Tags of migrations that run only when they are asked for.
    pub tags: BTreeSet<String>,
    /// Leaves seeds out.
    pub without_seeds: bool,
    /// Applies seeds, and nothing else.
    pub seeds_only: bool,
    /// Refuses a pending migration that is older than an applied one, and several heads.
    pub strict: bool,
    /// All pending ones in one transaction.
    pub single_transaction: bool,
    /// Records without running.
    pub record_only: bool,
    /// Plans, and changes nothing.
    pub dry_run: bool,
    /// Makes a backup in this directory before the first step.
    pub backup: Option<PathBuf>,
    /// A person agreed to what would be refused.
    pub agreed: bool,
    /// What a person decided of a statement of which the database does not tell whether it was done.
    pub resume: Option<Resume>,
}

impl MigrateOptions {
    pub(super) fn selection(&self, deployment: &Deployment<'_>) -> Selection {
        Selection {
            tags: self.tags.clone(),
            environment: deployment.environment(),
            without_seeds: self.without_seeds,
        }
    }

    pub(super) fn request(&self, dialect: &'static dyn Dialect) -> Result<UpgradeRequest, Error> {
        let reach = match (&self.target, self.count) {
            (Some(_), Some(_)) => {
                let message = "a target and a count cannot both be given".to_owned();
                return Err(ErrorKind::Usage { message }.into());
            }
            (Some(target), None) => Reach::To(target.clone()),
            (None, Some(count)) => Reach::Count(count),
            (None, None) => Reach::To(Target::Head),
        };
        Ok(UpgradeRequest {
            reach,
            strict: self.strict,
            single_transaction: self.single_transaction,
            record_only: self.record_only,
            dialect,
            seeds_only: self.seeds_only,
        })
    }
}

/// Applies what is pending. Takes no lock and writes nothing where there is nothing to do.
///
/// # Errors
/// What keeps it from being run, or the migration that failed, with a report of those before it.
pub fn migrate(
    deployment: &mut Deployment<'_>,
    options: &MigrateOptions,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    deployment.meeting(|deployment| migrate_here(deployment, options, observer))
}

fn migrate_here(
    deployment: &mut Deployment<'_>,
    options: &MigrateOptions,
    observer: &mut dyn Observer,
) -> Result<Report, Error> {
    let selection = options.selection(deployment);
    let dialect = deployment.dialect()?;
    let request = options.request(dialect)?;
    let limits = DeploymentLimits::new(deployment)?;
    let (clock, lock) = (Arc::clone(&deployment.clock), deployment.lock.clone());
    let open = deployment.open_options(true);
    let settings = deployment.settings.clone();
    let environment = deployment.environment();
    let company = matches!(deployment.connection, super::Connection::Address);
    let mut run = deployment.run(&*clock, observer);

    let (source, read) = (deployment.source.clone(), deployment.read_options()?);
    let asked = Instant::now();
    let (mut survey, mut session) =
        survey::glance(deployment, &selection, Patience::of(&mut run, lock.wait))?;
    if !options.record_only
        && let Some(records) = survey.history.untaken().first()
    {
        return Err(ErrorKind::ForeignRecords { records: records.clone() }.into());
    }
    let mut plan = plan(&survey, &request)?;
    let unknown = unknown_tags(&survey.set, &options.tags);
    let mut report = report(&settings, &survey, &plan);
    report.notes.extend(unknown.iter().cloned());
    if settings.strict_ahead && !survey.state.ahead.is_empty() {
        return Err(ErrorKind::StrictAhead { revisions: survey.state.ahead }.into());
    }
    if plan.is_empty() {
        return Ok(report);
    }
    if options.dry_run {
        survey.set = MigrationSet::load(&source, &read)?;
        survey.state = State::new(&mut survey.set, &mut survey.history, &selection)?;
        report.plan = Some(self::plan(&survey, &request)?);
        return Ok(report);
    }
    if !options.agreed {
        gates(&settings, &plan, clock.now())?;
    }

    let asked_for: Vec<_> = plan.steps.iter().map(|step| step.id.clone()).collect();
    history::writable(&survey.history)?;
    let records = Arc::new(dialect.records(&settings.tables));
    let company = company.then_some((&settings.url, &open));
    // Only now that everything is known to be in order is a file made.
    make(&mut *session, &settings.url, Patience::of(&mut run, lock.wait))?;
    run.next = plan.steps.first().map(|step| step.id.clone());
    let mut guard = LockGuard::acquire(session, records, &lock, company, &mut run)?;
    // Somebody may have been quicker: what is run is planned under the lock. Files are read anew after a wait, when one that is
    // to be run was written since, and when a glance at its bytes had been enough.
    survey.history = read_history(guard.session(), dialect, &settings.tables, lock.wait, &run.cancel)?;
    if !options.record_only
        && let Some(records) = survey.history.untaken().first()
    {
        return Err(ErrorKind::ForeignRecords { records: records.clone() }.into());
    }
    let mut fresh = asked.elapsed() > BRIEF;
    loop {
        if fresh {
            survey.set = survey.set.again(&source, &read)?;
        }
        survey.state = State::new(&mut survey.set, &mut survey.history, &selection)?;
        plan = self::plan(&survey, &request)?;
        if fresh || plan.steps.iter().all(|step| survey.set.is_fresh(&step.id)) {
            break;
        }
        fresh = true;
    }
    // So many migrations means those that were next when it was asked.
    if request.reach.is_relative() {
        plan.steps
            .retain(|step| step.kind != crate::migration::Kind::Versioned || asked_for.contains(&step.id));
    }
    report = self::report(&settings, &survey, &plan);
    report.notes.extend(unknown);
    run.point("planned");
    if !plan.is_empty() {
        if let Some(directory) = &options.backup {
            let (records, history) = (guard.records(), &survey.history);
            let made = backup::before(Reason::Migrate, &settings, &open, &records, history, &run, directory)?;
            report.backup = Some(made);
        }
        let note = options.record_only.then(|| format!("recorded without being run, by {}", run.who));
        let recorded = plan::Recorded::new();
        let ground = Ground {
            set: &survey.set,
            history: &survey.history,
            recorded: &recorded,
            environment,
            note,
            resume: options.resume,
        };
        steps(&limits, &mut guard, &plan, &ground, &mut run, &mut report)?;
        let mut versions = survey.state.versions.clone();
        versions.extend(
            plan.steps
                .iter()
                .filter(|step| step.kind == crate::migration::Kind::Versioned)
                .map(|step| step.id.clone()),
        );
        finish(&mut report, &survey, &versions);
    }
    release(guard, &mut report);
    run.point("released");
    Ok(report)
}

/// Releases the lock. What was run is committed: that the lock could not be released is no failure, since it runs out by itself.
pub(super) fn release(guard: LockGuard<'_>, report: &mut Report) {
    if let Err(error) = guard.release() {
        report.notes.push(format!("the lock could not be released, and runs out by itself: {error}"));
    }
}

fn plan(survey: &Survey, request: &UpgradeRequest) -> Result<Plan, Error> {
    Ok(plan::upgrade(&survey.set, &survey.state, &survey.history, request)?)
}

/// A report of nothing done yet.
pub(super) fn report(settings: &crate::project::DatabaseSettings, survey: &Survey, plan: &Plan) -> Report {
    let mut report = Report {
        database: settings.name.clone(),
        target: settings.url.target(),
        engine: survey.server.database.name().to_owned(),
        not_selected: survey.state.not_selected.clone(),
        ahead: survey.state.ahead.clone(),
        notes: plan.notes.clone(),
        ..Report::default()
    };
    report.notes.extend(survey.history.oddities.iter().map(|oddity| format!("in the records: {oddity}")));
    report.notes.extend(not_yet(settings));
    finish(&mut report, survey, &survey.state.versions);
    report
}

/// Tags that were asked for and that no file has: most likely a slip, which would leave out in silence what was meant.
fn unknown_tags(set: &MigrationSet, tags: &BTreeSet<String>) -> Vec<String> {
    let known: BTreeSet<&str> =
        set.iter().flat_map(|migration| &migration.headers.tags).map(String::as_str).collect();
    let unknown = tags.iter().filter(|tag| !known.contains(tag.as_str()));
    unknown
        .map(|tag| match crate::nearest::nearest(tag, known.iter().copied()) {
            Some(near) => format!("no migration has the tag {tag}; did you mean {near}?"),
            None => format!("no migration has the tag {tag}"),
        })
        .collect()
}

/// Settings that this version reads and does not act on: said, never silently ignored.
fn not_yet(settings: &crate::project::DatabaseSettings) -> Vec<String> {
    let mut notes = Vec::new();
    if settings.safety.destructive != crate::project::Destructive::default() {
        notes.push("safety.destructive in the settings is not acted on by this version yet".to_owned());
    }
    if settings.schema_file.is_some() {
        notes.push("the schema_file in the settings is not written by this version yet".to_owned());
    }
    notes
}

/// Puts what is current and pending into `report`, given what is applied.
pub(super) fn finish(
    report: &mut Report,
    survey: &Survey,
    versions: &BTreeSet<crate::migration::RevisionId>,
) {
    let graph = survey.set.graph();
    report.current = if *versions == survey.state.versions {
        survey.state.current.clone()
    } else {
        graph.current(versions)
    };
    report.without_file = super::status::without_file(&survey.set, &report.current);
    report.pending = survey.state.pending.iter().filter(|id| !versions.contains(id)).cloned().collect();
    report.ahead.clone_from(&survey.state.ahead);
    // One that was forgotten, or undone, runs again.
    let ran = |id: &crate::migration::RevisionId| {
        report
            .steps
            .iter()
            .any(|step| step.version == *id && matches!(step.action, Action::Apply | Action::Record))
    };
    let due = survey.state.repeatables.iter().filter(|(_, due)| matches!(due, Due::New | Due::Changed));
    let repeatables: Vec<_> =
        due.filter(|(id, _)| report.plan.is_none() && !ran(id)).map(|(id, _)| id.clone()).collect();
    report.heads = graph.heads().into_iter().cloned().collect();
    // A head that is not asked for is nothing to get to.
    report.at_head = report.pending.is_empty() && survey.state.ahead.is_empty();
    report.pending.extend(repeatables);
}

/// What wants a person's word before a run.
fn gates(
    settings: &crate::project::DatabaseSettings,
    plan: &Plan,
    now: jiff::Timestamp,
) -> Result<(), Error> {
    if let Some(window) = settings.safety.window.as_ref().filter(|window| !window.contains(now)) {
        let refusal = Refusal::Window { window: window.to_string(), database: settings.name.clone() };
        return Err(ErrorKind::Refused { refusal }.into());
    }
    if settings.protected
        && let Some((id, text)) = plan.steps.iter().find_map(|step| Some((&step.id, step.breaking.as_ref()?)))
    {
        let refusal = Refusal::Breaking { id: id.clone(), text: text.clone() };
        return Err(ErrorKind::Refused { refusal }.into());
    }
    Ok(())
}
