//! Seeds alone: what there is of them. They are applied and undone by `migrate` and `rollback`, which can be asked for seeds only.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Deployment, survey};
use crate::error::Error;
use crate::migration::RevisionId;
use crate::migration::state::Selection;

/// One seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeedLine {
    /// The id.
    pub version: RevisionId,
    /// What it brings.
    pub description: String,
    /// Its file, as it is shown.
    pub file: String,
    /// When it was applied, in UTC; nothing where it was not.
    pub applied_at: Option<String>,
    /// It is asked for: no tag and no environment keeps it out.
    pub selected: bool,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its environments.
    pub environments: Vec<String>,
}

/// Returns every seed of the files, in their order.
///
/// # Errors
/// A file that is no migration; a database that cannot be read.
pub fn seeds(deployment: &mut Deployment<'_>, tags: &BTreeSet<String>) -> Result<Vec<SeedLine>, Error> {
    deployment.meeting(|deployment| {
        let selection =
            Selection { tags: tags.clone(), environment: deployment.environment(), without_seeds: false };
        let survey = survey(deployment, &selection)?;
        let seeds = survey.set.versioned().filter(|migration| migration.headers.seed);
        Ok(seeds
            .map(|migration| SeedLine {
                version: migration.id.clone(),
                description: migration.description.clone(),
                file: migration.file.name.clone(),
                applied_at: survey.history.get(&migration.id).map(|row| row.applied_at.clone()),
                selected: selection.wants(migration),
                tags: migration.headers.tags.clone(),
                environments: migration.headers.environments.clone(),
            })
            .collect())
    })
}
