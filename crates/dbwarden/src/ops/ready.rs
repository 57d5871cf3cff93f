//! Whether a program may start on the database as it is. Reads alone, with no rights beyond that.

use serde::Serialize;

use super::{Deployment, survey};
use crate::error::Error;
use crate::migration::RevisionId;
use crate::migration::state::Selection;

/// How the database stands to the files that a program carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "readiness")]
pub enum Readiness {
    /// Everything is applied.
    Ready,
    /// Something is pending.
    Behind {
        /// What.
        pending: Vec<RevisionId>,
    },
    /// A later release has been here.
    Ahead {
        /// What it applied.
        applied: Vec<RevisionId>,
    },
}

impl Readiness {
    /// Returns whether a program may start: everything it knows is applied.
    pub fn is_ready(&self) -> bool {
        !matches!(self, Readiness::Behind { .. })
    }
}

/// Returns how the database stands to the files.
///
/// # Errors
/// A file that is no migration; a database that cannot be read.
pub fn ready(deployment: &mut Deployment<'_>, selection: &Selection) -> Result<Readiness, Error> {
    let survey = survey::quick(deployment, selection)?;
    let state = survey.state;
    if state.pending_count() > 0 {
        let due = state.repeatables.iter().filter(|(_, due)| {
            matches!(due, crate::migration::state::Due::New | crate::migration::state::Due::Changed)
        });
        let repeatables: Vec<_> = due.map(|(id, _)| id.clone()).collect();
        return Ok(Readiness::Behind { pending: state.pending.into_iter().chain(repeatables).collect() });
    }
    if !state.ahead.is_empty() {
        return Ok(Readiness::Ahead { applied: state.ahead });
    }
    Ok(Readiness::Ready)
}
