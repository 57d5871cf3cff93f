//! Why there is no plan.

use super::SeveralHeads;
use crate::migration::RevisionId;
use crate::migration::applied::Direction;
use crate::migration::checksum::Checksum;
use crate::migration::graph::GraphError;

/// Why there is no plan.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The graph, or the target in it.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Several heads, where one is meant, and a merge is wanted.
    #[error(transparent)]
    Heads(Box<SeveralHeads>),
    /// Files are not what was applied.
    #[error("{}", changed(revisions))]
    Changed {
        /// The revisions: id, file, recorded sum, the file's sum.
        revisions: Vec<ChangedFile>,
    },
    /// Applied migrations whose file is gone.
    #[error(
        "{} applied, but no file has {}",
        listed(revisions, "is", "are"),
        its(revisions, "that id", "these ids")
    )]
    Gone {
        /// The revisions.
        revisions: Vec<RevisionId>,
    },
    /// A file is an applied migration under another id.
    #[error("{file} is the applied migration {was} under another id")]
    Renamed {
        /// The applied id.
        was: RevisionId,
        /// The new id.
        now: RevisionId,
        /// The file.
        file: String,
    },
    /// The database is ahead of the files, and files are pending all the same.
    #[error(
        "the database is ahead of the files: {} applied, without a file; {} pending",
        listed(ahead, "is", "are"),
        listed(pending, "is", "are")
    )]
    Ahead {
        /// Applied, without a file.
        ahead: Vec<RevisionId>,
        /// Pending.
        pending: Vec<RevisionId>,
    },
    /// Older than what is applied.
    #[error("{} older than the newest applied migration {newest}", listed(revisions, "is", "are"))]
    Late {
        /// The pending ones.
        revisions: Vec<RevisionId>,
        /// The newest applied one.
        newest: RevisionId,
    },
    /// A seed stands on what is not applied.
    #[error("the seed {seed} comes after {pending}, which is not applied")]
    SeedWaits {
        /// The seed.
        seed: RevisionId,
        /// What is pending below it.
        pending: RevisionId,
    },
    /// No way back.
    #[error("{}", irreversible(revisions, without_file))]
    Irreversible {
        /// The revisions.
        revisions: Vec<RevisionId>,
        /// Those of them whose file is not here, and of which no down script is stored.
        without_file: Vec<RevisionId>,
        /// Their files, where there are some.
        files: Vec<String>,
    },
    /// Nothing to run.
    #[error("{id} has no statement to run: its upgrade section is empty")]
    Empty {
        /// The revision.
        id: RevisionId,
        /// Its file.
        file: String,
    },
    /// A file that cannot share a transaction.
    #[error("{id} cannot run in one transaction with others: {reason}")]
    NotAtomic {
        /// The revision.
        id: RevisionId,
        /// Its file.
        file: String,
        /// Why.
        reason: &'static str,
    },
    /// A rollback was begun and not finished, or an upgrade.
    #[error("the {} of {version} stopped at statement {next}; it must be finished first", way(*direction))]
    Unfinished {
        /// The revision.
        version: RevisionId,
        /// Which way it was going.
        direction: Direction,
        /// The statement that is next.
        next: u64,
    },
    /// The same, and its file is gone: nothing can go on with it.
    #[error("the {} of {version} stopped at statement {}, and no file has that id", way(*direction), done + 1)]
    UnfinishedGone {
        /// The revision.
        version: RevisionId,
        /// Which way it was going.
        direction: Direction,
        /// Statements that are done.
        done: u64,
    },
}

/// A file that is not what was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// The revision.
    pub id: RevisionId,
    /// Its file.
    pub file: String,
    /// The recorded sum.
    pub applied: Checksum,
    /// The file's sum.
    pub now: Checksum,
}

fn irreversible(revisions: &[RevisionId], without_file: &[RevisionId]) -> String {
    let with_file: Vec<_> = revisions.iter().filter(|id| !without_file.contains(id)).cloned().collect();
    let mut said = Vec::new();
    if !without_file.is_empty() {
        said.push(format!(
            "{} no file here, and no down script is stored of {}",
            listed(without_file, "has", "have"),
            its(without_file, "it", "them")
        ));
    }
    if !with_file.is_empty() {
        said.push(listed(&with_file, "has no down script", "have no down script"));
    }
    said.join("; ")
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Up => "upgrade",
        Direction::Down => "rollback",
    }
}

fn changed(revisions: &[ChangedFile]) -> String {
    let each = revisions.iter().map(|file| {
        format!("{} ({} was applied, the file is {})", file.id, file.applied.short(), file.now.short())
    });
    format!("the SQL of an applied migration changed: {}", each.collect::<Vec<_>>().join(", "))
}

pub(super) fn listed(ids: &[RevisionId], one: &str, many: &str) -> String {
    let names = ids.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ");
    format!("{names} {}", if ids.len() == 1 { one } else { many })
}

fn its<'a>(ids: &[RevisionId], one: &'a str, many: &'a str) -> &'a str {
    if ids.len() == 1 { one } else { many }
}
