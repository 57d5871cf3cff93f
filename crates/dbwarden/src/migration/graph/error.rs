//! What can be wrong with a graph, a reference or a target. Every text names the files; what to type next is the CLI's
//! to say.

use std::fmt;

use super::Target;
use crate::migration::RevisionId;

/// A revision as an error shows it: its id, its file and what it says it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionFile {
    /// The id.
    pub id: RevisionId,
    /// The file; empty where the revision is only in the database.
    pub file: String,
    /// The description; may be empty.
    pub description: String,
}

impl fmt::Display for RevisionFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = if self.file.is_empty() { "without a file" } else { &self.file };
        match self.description.as_str() {
            "" => write!(f, "{} ({file})", self.id),
            description => write!(f, "{} ({description}, {file})", self.id),
        }
    }
}

/// The header that holds a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// `-- down_revision:`, the parents.
    DownRevision,
    /// `-- depends_on:`.
    DependsOn,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DownRevision => "down_revision",
            Self::DependsOn => "depends_on",
        })
    }
}

/// Why one file of a cycle needs the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It names it as a parent.
    Parent,
    /// It has no `down_revision`, and the other is the file before it in version order.
    VersionOrder,
    /// It depends on it.
    DependsOn,
    /// It replaces it.
    Replaces,
}

/// One step of a cycle: `file` needs the file of the next step (the last one needs that of the first).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleStep {
    /// The file.
    pub file: String,
    /// Why it needs the next.
    pub need: Need,
}

/// What is wrong with the files, or with what was asked of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// One id, two files.
    #[error("revision {id} is in two files: {first} and {second}")]
    DuplicateId {
        /// The id.
        id: RevisionId,
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
    /// Two ids that are the same version, such as `2` and `0002`.
    #[error("{first} and {second} have the same version: {first_id} and {second_id} are equal as numbers")]
    DuplicateVersion {
        /// One id.
        first_id: RevisionId,
        /// Its file.
        first: String,
        /// The other id.
        second_id: RevisionId,
        /// Its file.
        second: String,
    },
    /// Two files replace the same revision, and neither replaces the other.
    #[error("revision {id} is replaced twice: by {first} and by {second}")]
    ReplacedTwice {
        /// The replaced id.
        id: RevisionId,
        /// One file that replaces it.
        first: String,
        /// The other.
        second: String,
    },
    /// A header names a revision that no file has.
    #[error("{file}: {header} names {reference:?}, and no file has that revision{}", nearest(.near))]
    UnknownReference {
        /// The file with the header.
        file: String,
        /// Which header.
        header: Header,
        /// What it says.
        reference: String,
        /// The ids nearest to it.
        near: Vec<RevisionId>,
    },
    /// A header names several revisions by one prefix.
    #[error("{file}: {header} names {reference:?}, which may be {}", or(.candidates))]
    AmbiguousReference {
        /// The file with the header.
        file: String,
        /// Which header.
        header: Header,
        /// What it says.
        reference: String,
        /// Those it may mean.
        candidates: Vec<RevisionFile>,
    },
    /// A header names its own revision, or one that the same file replaces.
    #[error("{file}: {header} names {reference:?}, which is this file's own revision or one it replaces")]
    SelfReference {
        /// The file with the header.
        file: String,
        /// Which header.
        header: Header,
        /// What it says.
        reference: String,
    },
    /// A versioned file needs a repeatable one.
    #[error(
        "{file}: {header} names the repeatable {reference:?}, which cannot be: repeatable migrations run after all versioned ones"
    )]
    NeedsRepeatable {
        /// The file with the header.
        file: String,
        /// Which header.
        header: Header,
        /// What it says.
        reference: String,
    },
    /// The files need each other in a circle.
    #[error("the migrations need each other in a circle: {}", circle(.steps))]
    Cycle {
        /// The files along it, from the least version.
        steps: Vec<CycleStep>,
    },
    /// No revision is called that.
    #[error("no revision {reference:?}{}", nearest(.near))]
    UnknownRevision {
        /// What was asked for.
        reference: String,
        /// The ids nearest to it.
        near: Vec<RevisionId>,
    },
    /// Several revisions start with that.
    #[error("{reference:?} may be {}", or(.candidates))]
    AmbiguousRevision {
        /// What was asked for.
        reference: String,
        /// Those it may mean.
        candidates: Vec<RevisionFile>,
    },
    /// One head was meant and there are several.
    #[error("{} is ambiguous: {}{}", asked_head(.label), and(.heads), parting(.fork))]
    MultipleHeads {
        /// The label in `LABEL@head`, when one was given.
        label: Option<String>,
        /// The heads it may be, in order.
        heads: Vec<RevisionFile>,
        /// The newest revision below all of them, where they part.
        fork: Option<Box<RevisionFile>>,
    },
    /// No file has that branch label.
    #[error("no branch is labelled {label:?}{}", labels(.known))]
    UnknownLabel {
        /// What was asked for.
        label: String,
        /// The labels there are.
        known: Vec<String>,
    },
    /// A step up or down can go several ways.
    #[error("one step {} from {from} may be {}", if *.up { "up" } else { "down" }, or(.candidates))]
    AmbiguousStep {
        /// Where the step starts.
        from: RevisionId,
        /// To a child, else to a parent.
        up: bool,
        /// Where it may end.
        candidates: Vec<RevisionFile>,
    },
    /// A reference with an offset goes past the end.
    #[error("there is nothing {} {end}, so {target} leads nowhere", if *.up { "above" } else { "below" })]
    StepsTooFar {
        /// What was asked for.
        target: Target,
        /// Upward, else down.
        up: bool,
        /// The last revision on the way.
        end: RevisionId,
    },
    /// More migrations to apply were asked for than are pending.
    #[error("{} asked for, and {} pending", were(.asked), are(.available))]
    TooFewPending {
        /// How many were asked for.
        asked: u64,
        /// How many are pending.
        available: u64,
    },
    /// More migrations to undo were asked for than are applied.
    #[error("{} to be undone, and {} applied", were(.asked), are(.available))]
    TooFewApplied {
        /// How many were asked for.
        asked: u64,
        /// How many are applied.
        available: u64,
    },
    /// A count of 0.
    #[error("a count of 0 asks for nothing")]
    ZeroCount,
    /// A target that only a rollback can have.
    #[error("{target} leads down, which is for a rollback")]
    NotUpward {
        /// What was asked for.
        target: Target,
    },
    /// A target that only a migration upward can have.
    #[error("{target} leads up, and a rollback goes down")]
    NotDownward {
        /// What was asked for.
        target: Target,
    },
    /// A count, or no single revision, where a place is needed.
    #[error("{target} {}; a revision is needed here", no_place(target))]
    NotAPlace {
        /// What was asked for.
        target: Target,
    },
    /// A rollback to a revision that is not applied.
    #[error("{revision} is not applied, so nothing can be rolled back to it")]
    NotApplied {
        /// The revision.
        revision: RevisionFile,
    },
    /// A database has some of the revisions that a file replaces, and the files of the others are gone.
    #[error(
        "{file} replaces revisions of which this database has only {}; what is left ({}) has no file any more",
        ids(.applied), ids(.missing)
    )]
    HalfReplaced {
        /// The replacing revision.
        revision: RevisionId,
        /// Its file.
        file: String,
        /// Those it replaces that are applied.
        applied: Vec<RevisionId>,
        /// Those it replaces that are neither applied nor in a file.
        missing: Vec<RevisionId>,
    },
    /// A target that lies within what one file replaces, and has no file of its own any more.
    #[error(
        "{reference} is a part of {revision}, which replaces it, and has no file of its own any more: {file} goes past it"
    )]
    Within {
        /// What was asked for.
        reference: String,
        /// The replacing revision.
        revision: RevisionId,
        /// Its file.
        file: String,
    },
}

fn list(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., end] => format!("{} {last} {end}", init.join(", ")),
    }
}

fn texts<T: fmt::Display>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

fn and(items: &[RevisionFile]) -> String {
    list(&texts(items), "and")
}

fn or(items: &[RevisionFile]) -> String {
    list(&texts(items), "or")
}

fn ids(items: &[RevisionId]) -> String {
    list(&texts(items), "and")
}

fn nearest(near: &[RevisionId]) -> String {
    if near.is_empty() { String::new() } else { format!("; the nearest: {}", texts(near).join(", ")) }
}

fn labels(known: &[String]) -> String {
    if known.is_empty() {
        "; no file has a label".to_owned()
    } else {
        format!("; known: {}", known.join(", "))
    }
}

fn asked_head(label: &Option<String>) -> String {
    label.as_ref().map_or_else(|| "\"head\"".to_owned(), |label| format!("\"{label}@head\""))
}

fn parting(fork: &Option<Box<RevisionFile>>) -> String {
    fork.as_ref().map_or_else(String::new, |fork| format!("; they part at {fork}"))
}

fn were(count: &u64) -> String {
    if *count == 1 { "1 migration was".to_owned() } else { format!("{count} migrations were") }
}

fn are(count: &u64) -> String {
    match count {
        0 => "none is".to_owned(),
        1 => "1 is".to_owned(),
        n => format!("{n} are"),
    }
}

fn no_place(target: &Target) -> &'static str {
    match target {
        Target::Base | Target::Heads => "is no single revision",
        _ => "counts from what is applied",
    }
}

fn circle(steps: &[CycleStep]) -> String {
    let next = steps.iter().cycle().skip(1);
    let texts: Vec<_> = steps
        .iter()
        .zip(next)
        .map(|(step, next)| match step.need {
            Need::Parent => format!("{} has the parent {}", step.file, next.file),
            Need::VersionOrder => format!("{} follows {} by its version", step.file, next.file),
            Need::DependsOn => format!("{} depends on {}", step.file, next.file),
            Need::Replaces => format!("{} replaces {}", step.file, next.file),
        })
        .collect();
    texts.join(", ")
}
