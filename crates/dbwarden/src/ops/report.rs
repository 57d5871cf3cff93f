//! What a verb that changes a database came to.

use serde::Serialize;

use super::backup::Made;
use crate::apply::run::StepReport;
use crate::migration::plan::{Action, Plan};
use crate::migration::{Kind, RevisionId};

/// What `migrate`, `rollback` or `stamp` came to, also when it stopped in the middle.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The database's name in the settings.
    pub database: String,
    /// The database, as it is shown: never with a password.
    pub target: String,
    /// The engine.
    pub engine: String,
    /// The run; empty where nothing was run.
    pub run_id: String,
    /// The steps that were committed, in order.
    pub steps: Vec<StepReport>,
    /// Ones that had run, and were rolled back with the one that failed: they shared its transaction.
    pub rolled_back: Vec<RevisionId>,
    /// The current revisions afterwards.
    pub current: Vec<RevisionId>,
    /// Whether nothing versioned is pending that was asked for, and the files know all that is applied.
    pub at_head: bool,
    /// The heads of the files.
    pub heads: Vec<RevisionId>,
    /// Versioned ones that are still pending.
    pub pending: Vec<RevisionId>,
    /// Ones that were not asked for.
    pub not_selected: Vec<RevisionId>,
    /// Those of the current revisions that have no file here.
    pub without_file: Vec<RevisionId>,
    /// Applied by a later release, without a file here.
    pub ahead: Vec<RevisionId>,
    /// The backup that was made before the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Made>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// What would be run, where nothing was to be.
    pub plan: Option<Plan>,
    /// How long it all took, in milliseconds.
    pub duration_ms: u64,
}

impl Report {
    /// Returns how many migrations were applied, undone or recorded; a repeatable that was only forgotten does not count.
    pub fn count(&self) -> usize {
        let only_forgotten =
            |step: &&StepReport| step.kind != Kind::Versioned && step.action == Action::Forget;
        self.steps.len() - self.steps.iter().filter(only_forgotten).count()
    }
}
