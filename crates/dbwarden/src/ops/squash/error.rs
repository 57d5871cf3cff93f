//! Why a squash is not written.

use crate::fingerprint::Difference;
use crate::migration::RevisionId;

/// Why a squash is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SquashError {
    /// What it makes is not what the old files make.
    #[error("the squash and what it replaces do not come to the same: {}", several(.differences))]
    Unequal {
        /// What is not the same: the old files' on the left.
        differences: Vec<Difference>,
        /// What would run behind it and not among it any more.
        kept: Vec<RevisionId>,
    },
    /// It fails where it was tried, or the files as they are do.
    #[error("{what} cannot be applied to an empty database: {}{reason}", .place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default())]
    Fails {
        /// What was tried.
        what: &'static str,
        /// Where in a file, as `name.sql:3:1`.
        place: Option<String>,
        /// Why it failed.
        reason: String,
        /// It is the squash that fails, and not what it replaces.
        new: bool,
    },
}

/// How many differences are told.
const TOLD: usize = 5;

fn several(differences: &[Difference]) -> String {
    let told = differences.iter().take(TOLD).map(|it| {
        let how = match (&it.left, &it.right) {
            (Some(_), None) => " is missing",
            (None, Some(_)) => " is new",
            _ if it.object.starts_with("values of ") => " differ",
            _ => " differs",
        };
        format!("{}{how}", it.object)
    });
    let mut text = told.collect::<Vec<_>>().join(", ");
    if differences.len() > TOLD {
        text.push_str(&format!(" and {} more", differences.len() - TOLD));
    }
    text
}

impl SquashError {
    /// Returns the name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            SquashError::Unequal { .. } => "squash-differs",
            SquashError::Fails { new: true, .. } => "squash-fails",
            SquashError::Fails { .. } => "squash-of-broken",
        }
    }
}
