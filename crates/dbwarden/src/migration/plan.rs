//! What will be run, as a value: it can be printed, stored, hashed and compared. Made from files and records alone.

mod atomic;
mod error;
mod heads;
mod late;
pub mod seeds;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::applied::{Direction, History, Unfinished};
use super::checksum::Checksum;
use super::graph::Target;
use super::groups::Group;
use super::set::MigrationSet;
use super::source::SourceFile;
use super::state::State;
use super::{Kind, Migration, RevisionId, Script};
use crate::dialect::Dialect;
use error::listed;
pub use error::{ChangedFile, PlanError};
pub use heads::{Apart, Clash, SeveralHeads, clashes, first_to_go};

/// What will be run, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Which way.
    pub direction: Direction,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// All steps in one transaction.
    pub single_transaction: bool,
    /// What a person should know of it.
    pub notes: Vec<String>,
    /// Versioned ones that stay pending behind it.
    pub left: usize,
}

/// What one step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Runs the up script and records it.
    Apply,
    /// Records it without running anything.
    Record,
    /// Runs the down script and removes the record.
    Undo,
    /// Removes the record without running anything.
    Forget,
}

/// One migration of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The id.
    pub id: RevisionId,
    /// What it does.
    pub description: String,
    /// The kind.
    pub kind: Kind,
    /// What is done with it.
    pub action: Action,
    /// Its file, as it is shown; empty where there is none.
    pub file: String,
    /// The checksum of its up script.
    pub checksum: Option<Checksum>,
    /// Statements to run.
    pub statements: u64,
    /// What is committed together.
    pub groups: Vec<Group>,
    /// A statement leaves something behind in its session.
    pub changes_session: bool,
    /// The down script comes from the database, since the file is not here.
    pub recorded: bool,
    /// Limits of its own.
    pub limits: Limits,
    /// What it breaks, as its header says.
    pub breaking: Option<String>,
}

/// Limits of one migration, where its headers set them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// How long a statement waits for a lock.
    pub lock_timeout: Option<Duration>,
    /// How long a statement may run.
    pub statement_timeout: Option<Duration>,
    /// How often a step that met a lock is tried again.
    pub retries: Option<u32>,
}

impl Limits {
    /// Returns the limits that `headers` set.
    pub fn of(headers: &super::source::Headers) -> Self {
        Self {
            lock_timeout: headers.lock_timeout,
            statement_timeout: headers.statement_timeout,
            retries: headers.retries,
        }
    }
}

impl Plan {
    /// Returns whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the SHA-256 of the whole plan in hexadecimal digits: equal plans, equal hashes.
    ///
    /// # Errors
    /// That the plan cannot be written as JSON, which would be a mistake of ours.
    pub fn hash(&self) -> Result<String, serde_json::Error> {
        let bytes = serde_json::to_vec(self)?;
        Ok(super::checksum::FileHash::finish(Sha256::new_with_prefix(bytes)).as_str().to_owned())
    }
}

/// How far to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// To a target.
    To(Target),
    /// So many migrations.
    Count(u64),
}

impl Reach {
    /// Returns whether it counts from where the database is.
    pub fn is_relative(&self) -> bool {
        matches!(self, Reach::Count(_) | Reach::To(Target::Relative(_)))
    }
}

/// What is asked of an upgrade.
#[derive(Debug, Clone)]
pub struct UpgradeRequest {
    /// How far.
    pub reach: Reach,
    /// Refuses a pending migration that is older than an applied one, and several heads.
    pub strict: bool,
    /// All in one transaction.
    pub single_transaction: bool,
    /// Records without running.
    pub record_only: bool,
    /// Knows what the statements of several branches touch.
    pub dialect: &'static dyn Dialect,
    /// Seeds, and nothing else.
    pub seeds_only: bool,
}

/// Plans an upgrade.
///
/// # Errors
/// What keeps it from being run: see [`PlanError`].
pub fn upgrade(
    set: &MigrationSet,
    state: &State,
    history: &History,
    request: &UpgradeRequest,
) -> Result<Plan, PlanError> {
    if let Some(unfinished) = history.unfinished.iter().find(|unfinished| is_stuck(unfinished, set, history))
    {
        return Err(stopped(unfinished, set, history));
    }
    check(set, state)?;
    if let Some(unfinished) =
        history.unfinished.iter().find(|unfinished| unfinished.direction == Direction::Down)
    {
        return Err(stopped(unfinished, set, history));
    }
    let versions = &state.versions;
    let graph = set.graph();
    // What is not asked for holds back nothing.
    let passed: BTreeSet<RevisionId>;
    let passed = if state.not_selected.is_empty() {
        versions
    } else {
        passed = versions.iter().chain(&state.not_selected).cloned().collect();
        &passed
    };
    let ids = match &request.reach {
        reach if request.seeds_only => Ok(seeds::to_apply(set, state, reach)?),
        // Nothing is to be done, and that is to be said quickly.
        Reach::To(Target::Head | Target::Heads) if state.pending.is_empty() => Ok(Vec::new()),
        Reach::Count(count) => graph.upgrade_count(usize::try_from(*count).unwrap_or(usize::MAX), passed),
        Reach::To(target) => graph.upgrade(target, passed),
    };
    let (ids, apart) = heads::beside(set, request, ids, passed)?;
    if !state.ahead.is_empty() && !ids.is_empty() {
        return Err(PlanError::Ahead { ahead: state.ahead.clone(), pending: ids });
    }
    let mut notes: Vec<String> = apart.into_iter().collect();
    let late = if ids.is_empty() { Vec::new() } else { graph.late(&ids, versions) };
    if !late.is_empty() {
        let newest = late::newest_above(set, &late, versions).or_else(|| {
            history.applied.iter().rfind(|row| row.is_versioned()).map(|row| row.version.clone())
        });
        let newest = newest.unwrap_or_else(|| RevisionId::from(""));
        if request.strict {
            return Err(PlanError::Late { revisions: late, newest });
        }
        notes.push(format!("{} older than {newest}, which is applied", listed(&late, "is", "are")));
    }
    for (row, standing) in &state.applied {
        if *standing == super::state::Standing::Unverifiable {
            let (id, sum) = (&row.version, row.checksum.short());
            notes.push(format!("{id} was recorded with a checksum that this version does not know: {sum}"));
        }
    }
    let passed_by = match &request.reach {
        Reach::To(target @ Target::Revision { .. }) if ids.is_empty() => {
            let (below, heads) = (graph.closure(target)?, graph.heads());
            let short = !below.iter().any(|id| heads.contains(&id));
            (short && versions.iter().any(|id| !below.contains(id))).then_some(target)
        }
        _ => None,
    };
    if let Some(target) = passed_by {
        let names = state.current.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ");
        notes.push(format!("{target} is passed already, at {names}; a rollback is the way down"));
    }
    let chosen: BTreeSet<&RevisionId> = ids.iter().collect();
    let left = state.pending.iter().filter(|id| !chosen.contains(id)).count();
    let mut steps: Vec<_> = ids
        .iter()
        .filter_map(|id| set.get(id))
        .map(|migration| step(migration, if request.record_only { Action::Record } else { Action::Apply }))
        .collect();
    // Repeatables stand on everything that is versioned, and not on a target short of that.
    if left == 0
        && !request.seeds_only
        && passed_by.is_none()
        && !request.record_only
        && state.ahead.is_empty()
    {
        steps
            .extend(state.due().filter_map(|id| set.get(id)).map(|migration| step(migration, Action::Apply)));
    }
    let is_merge = |id: &RevisionId| set.get(id).is_some_and(Migration::only_merges);
    let empty = |step: &&Step| step.action == Action::Apply && step.statements == 0 && !is_merge(&step.id);
    if let Some(step) = steps.iter().find(empty) {
        return Err(PlanError::Empty { id: step.id.clone(), file: step.file.clone() });
    }
    if request.single_transaction {
        for step in &steps {
            if let Some(reason) = atomic::not_atomic(step) {
                return Err(PlanError::NotAtomic { id: step.id.clone(), file: step.file.clone(), reason });
            }
        }
    }
    Ok(Plan { direction: Direction::Up, steps, single_transaction: request.single_transaction, notes, left })
}

/// Whether nothing can go on with `unfinished`: its file is gone, and no script of it is stored.
pub fn is_stuck(unfinished: &Unfinished, set: &MigrationSet, history: &History) -> bool {
    let stored = || history.get(&unfinished.version).is_some_and(|row| row.has_down);
    set.get(&unfinished.version).is_none() && (unfinished.direction == Direction::Up || !stored())
}

/// What is to be said of `unfinished` before anything else is done.
pub(crate) fn stopped(unfinished: &Unfinished, set: &MigrationSet, history: &History) -> PlanError {
    let (version, direction, done) = (unfinished.version.clone(), unfinished.direction, unfinished.done());
    if is_stuck(unfinished, set, history) {
        return PlanError::UnfinishedGone { version, direction, done };
    }
    PlanError::Unfinished { version, direction, next: done + 1 }
}

/// What stands in the way of every run.
fn check(set: &MigrationSet, state: &State) -> Result<(), PlanError> {
    let revisions: Vec<_> = state
        .changed()
        .map(|(row, now)| ChangedFile {
            id: row.version.clone(),
            file: set.get(&row.version).map(|migration| migration.file.name.clone()).unwrap_or_default(),
            applied: row.checksum.clone(),
            now: now.clone(),
        })
        .collect();
    if !revisions.is_empty() {
        return Err(PlanError::Changed { revisions });
    }
    if let Some((was, now)) = state.renamed.first() {
        let file = set.get(now).map(|migration| migration.file.name.clone()).unwrap_or_default();
        return Err(PlanError::Renamed { was: was.clone(), now: now.clone(), file });
    }
    if !state.gone.is_empty() {
        return Err(PlanError::Gone { revisions: state.gone.clone() });
    }
    Ok(())
}

/// A step that does `action` with `migration`.
pub(crate) fn step(migration: &Migration, action: Action) -> Step {
    let script = match action {
        Action::Apply => Some(&migration.up),
        Action::Undo => migration.down.as_ref(),
        Action::Record | Action::Forget => None,
    };
    let undo = action == Action::Undo;
    let file = if undo { migration.file_of_down() } else { &migration.file };
    let headers = if undo { migration.headers_of_down() } else { &migration.headers };
    Step {
        id: migration.id.clone(),
        description: migration.description.clone(),
        kind: migration.kind,
        action,
        file: file.name.clone(),
        checksum: Some(migration.checksum().clone()),
        statements: script.map_or(0, |script| script.statements),
        groups: script.map_or_else(Vec::new, |script| script.groups.clone()),
        changes_session: script.is_some_and(|script| script.changes_session),
        recorded: false,
        limits: Limits::of(headers),
        breaking: headers.breaking.clone().filter(|_| action == Action::Apply),
    }
}

/// Down scripts that come from the database, ready to be run.
pub type Recorded = BTreeMap<RevisionId, RecordedScript>;

/// A down script that comes from the database.
#[derive(Debug, Clone)]
pub struct RecordedScript {
    /// Its text, as a file.
    pub file: SourceFile,
    /// What it holds.
    pub script: Script,
    /// Its limits.
    pub limits: Limits,
}

/// What becomes of repeatables when versioned ones are undone. What a repeatable made may go with a table, so each that runs on
/// change is forgotten first, and runs again with the next upgrade; where `all` goes, each is undone by its own down script.
fn repeatables(set: &MigrationSet, history: &History, all: bool) -> Vec<Step> {
    let rows = history.applied.iter().rev().filter(|row| !row.is_versioned());
    rows.filter_map(|row| match set.get(&row.version) {
        Some(migration) if all && migration.down.is_some() => Some(step(migration, Action::Undo)),
        Some(migration) if all || migration.kind == Kind::RunsOnChange => {
            Some(step(migration, Action::Forget))
        }
        _ => None,
    })
    .collect()
}

/// Returns what a rollback of `reach` undoes, newest first, before anything is known of down scripts.
///
/// # Errors
/// A target that is not applied, a count that is too large.
pub fn downgrade_ids(
    set: &MigrationSet,
    history: &History,
    reach: &Reach,
) -> Result<Vec<RevisionId>, PlanError> {
    if let Some(unfinished) = history.unfinished.iter().find(|it| it.direction == Direction::Up) {
        return Err(stopped(unfinished, set, history));
    }
    let order: Vec<_> =
        history.applied.iter().filter(|row| row.is_versioned()).map(|row| row.version.clone()).collect();
    Ok(match reach {
        Reach::Count(count) => {
            set.graph().downgrade_count(usize::try_from(*count).unwrap_or(usize::MAX), &order)?
        }
        Reach::To(target) => set.graph().downgrade(target, &order)?,
    })
}

/// Plans a rollback of `ids`, newest first, with `recorded` for those that have no file.
///
/// # Errors
/// What keeps it from being run: see [`PlanError`].
pub fn downgrade(
    set: &MigrationSet,
    history: &History,
    ids: &[RevisionId],
    recorded: &Recorded,
) -> Result<Plan, PlanError> {
    if ids.is_empty() {
        return Ok(Plan {
            direction: Direction::Down,
            steps: Vec::new(),
            single_transaction: false,
            notes: Vec::new(),
            left: 0,
        });
    }
    let repeatable = |id: &RevisionId| history.get(id).is_some_and(|row| !row.is_versioned());
    if let Some(unfinished) = history.unfinished.iter().find(|unfinished| {
        unfinished.direction == Direction::Up
            || is_stuck(unfinished, set, history)
            || ids.first() != Some(&unfinished.version) && !repeatable(&unfinished.version)
    }) {
        return Err(stopped(unfinished, set, history));
    }
    let (mut steps, mut without, mut without_file, mut files) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        match (set.get(id), recorded.get(id)) {
            (Some(migration), _) if migration.down.is_some() => steps.push(step(migration, Action::Undo)),
            // A merge has nothing to undo but its row.
            (Some(migration), _) if migration.only_merges() && !migration.headers.irreversible => {
                steps.push(step(migration, Action::Undo));
            }
            (None, None) if history.get(id).is_some_and(|row| row.checksum == Checksum::empty()) => {
                steps.push(heads::undone_merge(id, history));
            }
            (None, Some(recorded)) => steps.push(Step {
                id: id.clone(),
                description: history.get(id).map(|row| row.description.clone()).unwrap_or_default(),
                kind: Kind::Versioned,
                action: Action::Undo,
                file: recorded.file.name.clone(),
                checksum: history.get(id).map(|row| row.checksum.clone()),
                statements: recorded.script.statements,
                groups: recorded.script.groups.clone(),
                changes_session: recorded.script.changes_session,
                recorded: true,
                limits: recorded.limits,
                breaking: None,
            }),
            (migration, _) => {
                without.push(id.clone());
                match migration {
                    Some(migration) => files.push(migration.file_of_down().name.clone()),
                    None => without_file.push(id.clone()),
                }
            }
        }
    }
    if !without.is_empty() {
        return Err(PlanError::Irreversible { revisions: without, without_file, files });
    }
    let all = ids.len() == history.applied.iter().filter(|row| row.is_versioned()).count();
    steps.splice(0..0, repeatables(set, history, all));
    Ok(Plan { direction: Direction::Down, steps, single_transaction: false, notes: Vec::new(), left: 0 })
}
