//! Files against records: what is applied, pending, changed, missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::applied::{Applied, History};
use super::checksum::Checksum;
use super::set::MigrationSet;
use super::{Kind, Migration, RevisionId};

/// Which of the migrations with tags or environments are asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Tags that were asked for.
    pub tags: BTreeSet<String>,
    /// The spellings of the environment, in lower case; empty where there is none.
    pub environment: BTreeSet<String>,
    /// Leaves seeds out.
    pub without_seeds: bool,
}

impl Selection {
    /// Returns whether `migration` is asked for.
    pub fn wants(&self, migration: &Migration) -> bool {
        let headers = &migration.headers;
        if headers.seed && self.without_seeds {
            return false;
        }
        if headers.tags.is_empty() && headers.environments.is_empty() {
            return true;
        }
        headers.tags.iter().any(|tag| self.tags.contains(tag))
            || headers
                .environments
                .iter()
                .any(|environment| self.environment.contains(&environment.to_ascii_lowercase()))
    }
}

/// How an applied migration stands to its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "standing")]
pub enum Standing {
    /// The file is what was run.
    Same,
    /// Comments, layout, headers or the rollback section differ; what was run does not.
    Reformatted,
    /// The file's SQL is not what was run.
    Changed {
        /// The file's checksum now.
        file: Checksum,
    },
    /// The sum was made by an algorithm that this version does not know.
    Unverifiable,
    /// There is no such file.
    Gone,
}

/// Why a repeatable runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Due {
    /// It runs always.
    Always,
    /// It was never run.
    New,
    /// It changed since it was run.
    Changed,
    /// It does not run.
    No,
}

/// Files against records.
#[derive(Debug, Clone)]
pub struct State {
    /// Each versioned row, oldest first, and how it stands to its file.
    pub applied: Vec<(Arc<Applied>, Standing)>,
    /// The ids of the versioned rows.
    pub versions: BTreeSet<RevisionId>,
    /// The revisions that nothing applied stands on.
    pub current: Vec<RevisionId>,
    /// Versioned ones to be applied, in order.
    pub pending: Vec<RevisionId>,
    /// Versioned ones that are not asked for and not applied.
    pub not_selected: Vec<RevisionId>,
    /// Each repeatable that is asked for, in order.
    pub repeatables: Vec<(RevisionId, Due)>,
    /// Pending files that are an applied migration under another id: the applied id, the file's.
    pub renamed: Vec<(RevisionId, RevisionId)>,
    /// Applied by a later release: rows without a file, behind all rows that have one.
    pub ahead: Vec<RevisionId>,
    /// Rows without a file among rows that have one.
    pub gone: Vec<RevisionId>,
}

impl State {
    /// Compares `set` with `history`, once it is found out which file each row is of, where several had its id.
    pub fn new(set: &mut MigrationSet, history: &mut History, selection: &Selection) -> Self {
        set.identify(history);
        let (set, history) = (&*set, &*history);
        // A row that makes sense only in part keeps its file from being run again, and says nothing beyond that.
        let odd = |row: &Applied| row.odd && set.get(&row.version).is_none();
        let rows = history.applied.iter().filter(|row| row.is_versioned() && !odd(row));
        let versions: BTreeSet<RevisionId> = rows.map(|row| row.version.clone()).collect();
        let applied: Vec<_> = history
            .applied
            .iter()
            .filter(|row| row.is_versioned())
            .map(|row| (Arc::clone(row), standing(row, set.get(&row.version))))
            .collect();
        let replaced = |id: &RevisionId| set.graph().replaced_by(id).is_some();
        let gone = |(row, standing): &(Arc<Applied>, Standing)| {
            // What is in Rust has no file where another program than its own looks.
            *standing == Standing::Gone && !row.odd && !replaced(&row.version) && !row.checksum.is_of_code()
        };
        let known = |row: &(Arc<Applied>, Standing)| !gone(row) && !row.0.odd;
        let last_known = applied.iter().rposition(known).map_or(0, |index| index + 1);
        let known_any = applied.iter().any(known);
        let without_file = |rows: &[(Arc<Applied>, Standing)]| -> Vec<RevisionId> {
            rows.iter().filter(|row| gone(row)).map(|(row, _)| row.version.clone()).collect()
        };
        let ahead = without_file(&applied[last_known..]);
        let missing: Vec<_> = if known_any { without_file(&applied[..last_known]) } else { Vec::new() };

        let open = set.graph().open(&versions);
        let (mut pending, mut not_selected) = (Vec::new(), Vec::new());
        for id in open {
            let wanted = set.get(&id).is_some_and(|migration| selection.wants(migration));
            if wanted { pending.push(id) } else { not_selected.push(id) }
        }

        let mut by_sum = BTreeMap::new();
        for (row, _) in applied.iter().filter(|row| gone(row)) {
            by_sum.entry(row.checksum.as_str()).or_insert(&row.version);
        }
        let renamed: Vec<_> = pending
            .iter()
            .filter_map(|id| {
                // All merges that run nothing have one sum.
                let file = set.get(id).filter(|file| file.up.statements > 0)?;
                let was = by_sum.get(file.checksum().as_str())?;
                Some(((*was).clone(), id.clone()))
            })
            .collect();
        let not_renamed = |id: &RevisionId| !renamed.iter().any(|(was, _)| was == id);
        let accepted = |id: &RevisionId| history.get(id).is_some_and(Applied::gone_is_accepted);

        let repeatables = set
            .repeatables()
            .filter(|migration| selection.wants(migration))
            .map(|migration| (migration.id.clone(), due(migration, history.get(&migration.id))))
            .collect();
        State {
            current: set.graph().current(&versions),
            pending,
            not_selected,
            repeatables,
            ahead: ahead.into_iter().filter(|id| not_renamed(id) && !accepted(id)).collect(),
            gone: missing.into_iter().filter(|id| not_renamed(id) && !accepted(id)).collect(),
            renamed,
            applied,
            versions,
        }
    }

    /// Returns the rows whose file's SQL is not what was run.
    pub fn changed(&self) -> impl Iterator<Item = (&Applied, &Checksum)> {
        self.applied.iter().filter_map(|(row, standing)| match standing {
            Standing::Changed { file } => Some((&**row, file)),
            _ => None,
        })
    }

    /// Returns the repeatables that are to run.
    pub fn due(&self) -> impl Iterator<Item = &RevisionId> {
        self.repeatables.iter().filter(|(_, due)| *due != Due::No).map(|(id, _)| id)
    }

    /// Returns how many migrations `status` and `has_pending` call pending: a repeatable that runs always never counts.
    pub fn pending_count(&self) -> usize {
        let repeatables =
            self.repeatables.iter().filter(|(_, due)| matches!(due, Due::New | Due::Changed)).count();
        self.pending.len() + repeatables
    }
}

/// How the row of an applied migration stands to its file.
pub fn standing(row: &Applied, file: Option<&Migration>) -> Standing {
    let Some(file) = file else { return Standing::Gone };
    if row.file_hash.as_ref() == Some(&file.file_hash) {
        return Standing::Same;
    }
    if row.checksum == *file.checksum() {
        return Standing::Reformatted;
    }
    if !row.checksum.is_known() {
        return Standing::Unverifiable;
    }
    Standing::Changed { file: file.checksum().clone() }
}

fn due(migration: &Migration, row: Option<&Applied>) -> Due {
    match (migration.kind, row) {
        (Kind::RunsAlways, _) => Due::Always,
        (_, None) => Due::New,
        (_, Some(row)) if row.checksum != *migration.checksum() => Due::Changed,
        _ => Due::No,
    }
}
