//! Where a database stands: everything that a person asks first.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::lock::{Seen, look};
use super::{Deployment, Survey};
use crate::apply::owner::Holder;
use crate::error::{Error, ErrorKind};
use crate::migration::applied::{Applied, Direction, ForeignRecords, History, Unfinished};
use crate::migration::groups::GroupKind;
use crate::migration::plan::is_stuck;
use crate::migration::set::MigrationSet;
use crate::migration::state::{Due, Selection, Standing, State};
use crate::migration::{Migration, RevisionId, Script};

/// What is asked of `status`.
#[derive(Debug, Clone, Default)]
pub struct StatusOptions {
    /// Tags of migrations that run only when they are asked for.
    pub tags: BTreeSet<String>,
    /// Leaves seeds out.
    pub without_seeds: bool,
}

/// Where a database stands.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The database's name in the settings.
    pub database: String,
    /// The database, as it is shown: never with a password.
    pub target: String,
    /// The engine.
    pub engine: String,
    /// The engine's version.
    pub version: String,
    /// The current revisions.
    pub current: Vec<RevisionId>,
    /// Whether nothing versioned is pending that was asked for, and the files know all that is applied.
    pub at_head: bool,
    /// The heads of the files.
    pub heads: Vec<RevisionId>,
    /// What is applied, oldest first.
    pub applied: Vec<AppliedLine>,
    /// What is pending, in order.
    pub pending: Vec<PendingLine>,
    /// How many of those `--check` counts: all but repeatables that run always.
    pub pending_count: usize,
    /// What was not asked for.
    pub not_selected: Vec<RevisionId>,
    /// What was begun and is not finished.
    pub unfinished: Vec<UnfinishedLine>,
    /// Those of the current revisions that have no file here.
    pub without_file: Vec<RevisionId>,
    /// Applied by a later release, without a file here.
    pub ahead: Vec<RevisionId>,
    /// Applied, without a file among others that have one.
    pub gone: Vec<RevisionId>,
    /// Files that are an applied migration under another id: the applied id, the file's.
    pub renamed: Vec<(RevisionId, RevisionId)>,
    /// Who holds the lock.
    pub lock: Option<Holder>,
    /// Why that holder is known to be gone, where that can be seen from here.
    pub lock_gone: Option<&'static str>,
    /// Tables of other tools.
    pub foreign: Vec<ForeignRecords>,
    /// Rows that make no sense.
    pub oddities: Vec<String>,
}

/// One applied migration.
#[derive(Debug, Clone, Serialize)]
pub struct AppliedLine {
    /// Its row.
    #[serde(flatten)]
    pub row: Arc<Applied>,
    /// How it stands to its file.
    #[serde(flatten)]
    pub standing: Standing,
}

/// One pending migration.
#[derive(Debug, Clone, Serialize)]
pub struct PendingLine {
    /// The id.
    pub version: RevisionId,
    /// What it does.
    pub description: String,
    /// Why it runs, where it is a repeatable.
    pub due: Option<Due>,
    /// Statements of its script.
    pub statements: u64,
    /// What is special about how it runs.
    pub notes: Vec<String>,
}

/// One unfinished migration.
#[derive(Debug, Clone, Serialize)]
pub struct UnfinishedLine {
    /// What the journal says.
    #[serde(flatten)]
    pub unfinished: Unfinished,
    /// Statements that are done.
    pub done: u64,
    /// Statements in all, where its file is here.
    pub total: Option<u64>,
    /// Nothing can go on with it: its file is gone.
    pub stuck: bool,
}

/// Returns what was begun and is not finished.
pub fn unfinished(set: &MigrationSet, history: &History) -> Vec<UnfinishedLine> {
    let line = |unfinished: &Unfinished| UnfinishedLine {
        done: unfinished.done(),
        total: set.get(&unfinished.version).and_then(|migration| match unfinished.direction {
            Direction::Up => Some(migration.up.statements),
            Direction::Down => migration.down.as_ref().map(|down| down.statements),
        }),
        stuck: is_stuck(unfinished, set, history),
        unfinished: unfinished.clone(),
    };
    history.unfinished.iter().map(line).collect()
}

/// Returns where the database stands.
///
/// # Errors
/// A file that is no migration; a database that cannot be read.
pub fn status(deployment: &mut Deployment<'_>, options: &StatusOptions) -> Result<Status, Error> {
    deployment.meeting(|deployment| status_here(deployment, options))
}

fn status_here(deployment: &mut Deployment<'_>, options: &StatusOptions) -> Result<Status, Error> {
    let selection = Selection {
        tags: options.tags.clone(),
        environment: deployment.environment(),
        without_seeds: options.without_seeds,
    };
    let dialect = deployment.dialect()?;
    let settings = deployment.settings.clone();
    let who = deployment.who.clone();
    let mut seen = Seen::default();
    let opened = super::survey::look(deployment, &selection).map(|(survey, mut session)| {
        if survey.history.exists {
            // A lock's table that cannot be read keeps nobody from seeing the rest.
            seen = look(&mut *session, &dialect.records(&settings.tables), &who).unwrap_or_default();
        }
        survey
    });
    let survey = match opened {
        Ok(survey) => survey,
        Err(error) => {
            let ErrorKind::History(wrong) = error.kind() else { return Err(error) };
            let Some(records) = wrong.of_known_tool() else { return Err(error) };
            beside(deployment, &selection, records)?
        }
    };
    let target = settings.url.target();
    Ok(of(&survey, settings.name, target, seen))
}

/// The files alone, where the tables of our names hold what another tool recorded.
fn beside(
    deployment: &mut Deployment<'_>,
    selection: &Selection,
    records: ForeignRecords,
) -> Result<Survey, Error> {
    let mut set = super::survey::files(deployment)?;
    let mut history = History { foreign: vec![records], ..History::default() };
    let state = State::new(&mut set, &mut history, selection);
    let options = deployment.open_options(false);
    let Deployment { settings, connection, cancel, .. } = deployment;
    let server = connection.open(settings, &options, cancel)?.server();
    Ok(Survey { set, history, state, server })
}

fn of(survey: &Survey, database: String, target: String, seen: Seen) -> Status {
    let Survey { set, history, state, server } = survey;
    let heads: Vec<RevisionId> = set.graph().heads().into_iter().cloned().collect();
    let versioned = state.pending.iter().filter_map(|id| set.get(id)).map(|migration| line(migration, None));
    let repeatables = state
        .repeatables
        .iter()
        .filter(|(_, due)| *due != Due::No)
        .filter_map(|(id, due)| Some(line(set.get(id)?, Some(*due))));
    let row_of_repeatable = history.applied.iter().filter(|row| !row.is_versioned()).map(|row| {
        let standing = crate::migration::state::standing(row, set.get(&row.version));
        AppliedLine { row: Arc::clone(row), standing }
    });
    Status {
        database,
        target,
        engine: server.database.name().to_owned(),
        version: server.version.clone(),
        current: state.current.clone(),
        // A head that is not asked for is nothing to get to.
        at_head: state.pending.is_empty() && state.ahead.is_empty(),
        heads,
        applied: state
            .applied
            .iter()
            .map(|(row, standing)| AppliedLine { row: Arc::clone(row), standing: standing.clone() })
            .chain(row_of_repeatable)
            .collect(),
        pending: versioned.chain(repeatables).collect(),
        pending_count: state.pending_count(),
        not_selected: state.not_selected.clone(),
        unfinished: unfinished(set, history),
        without_file: without_file(set, &state.current),
        ahead: state.ahead.clone(),
        gone: state.gone.clone(),
        renamed: state.renamed.clone(),
        lock: seen.holder,
        lock_gone: seen.gone,
        foreign: history.untaken().to_vec(),
        oddities: history.oddities.clone(),
    }
}

/// Those of `current` that have no file, and are replaced by none.
pub(super) fn without_file(set: &MigrationSet, current: &[RevisionId]) -> Vec<RevisionId> {
    let gone = |id: &&RevisionId| set.get(id).is_none() && set.graph().replaced_by(id).is_none();
    current.iter().filter(gone).cloned().collect()
}

/// `0001; 0002 is applied and has no file here`: the current revisions, in words.
pub fn at(current: &[RevisionId], without_file: &[RevisionId]) -> String {
    let names = |ids: &mut dyn Iterator<Item = &RevisionId>| {
        ids.map(RevisionId::as_str).collect::<Vec<_>>().join(", ")
    };
    let known = names(&mut current.iter().filter(|id| !without_file.contains(id)));
    let gone = names(&mut without_file.iter());
    match (known.is_empty(), without_file.len()) {
        (_, 0) => known,
        (true, _) => gone,
        (false, 1) => format!("{known}; {gone} is applied and has no file here"),
        (false, _) => format!("{known}; {gone} are applied and have no file here"),
    }
}

fn line(migration: &Migration, due: Option<Due>) -> PendingLine {
    let mut notes = how_it_runs(migration);
    if migration.headers.seed {
        notes.push("seed".to_owned());
    }
    if let Some(text) = &migration.headers.breaking {
        notes.push(format!("breaking: {text}"));
    }
    PendingLine {
        version: migration.id.clone(),
        description: migration.description.clone(),
        due,
        statements: migration.up.statements,
        notes,
    }
}

/// What is special about how the up script of `migration` runs.
pub fn how_it_runs(migration: &Migration) -> Vec<String> {
    let mut notes = how(&migration.up);
    if migration.is_merge() {
        notes.retain(|note| note != UNWRITTEN);
        notes.insert(0, "merge".to_owned());
    }
    notes
}

/// What is said of a script that is still to be written.
const UNWRITTEN: &str = "no statement yet";

/// What is special about how a script runs.
pub fn how(script: &Script) -> Vec<String> {
    let mut notes = Vec::new();
    if script.statements == 0 {
        notes.push(UNWRITTEN.to_owned());
    }
    if script.groups.iter().any(|group| group.kind == GroupKind::Each) {
        notes.push("outside a transaction".to_owned());
    } else if !script.is_atomic() {
        notes.push(format!("{} transactions", script.groups.len()));
    }
    if script.groups.iter().any(|group| group.foreign_keys == Some(false)) {
        notes.push("foreign keys off, checked before commit".to_owned());
    }
    notes
}
