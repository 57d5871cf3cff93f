//! Files become a plan, without a database: sources, checksums, the revision graph, the plan.

pub mod applied;
pub mod checksum;
pub mod graph;
pub mod groups;
mod id;
pub mod plan;
pub mod set;
pub mod source;
pub mod state;

use serde::Serialize;

pub use id::RevisionId;

use crate::sql::Position;
use checksum::{Checksum, FileHash};
use groups::Group;
use source::{Headers, SourceFile};

/// What sort of migration a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Runs once, in the order of the graph.
    Versioned,
    /// Runs with each `migrate` (`RA__`).
    RunsAlways,
    /// Runs when its checksum changed (`ROC__`).
    RunsOnChange,
}

impl Kind {
    /// Returns the name that is recorded.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Versioned => "versioned",
            Kind::RunsAlways => "runs-always",
            Kind::RunsOnChange => "runs-on-change",
        }
    }
}

/// One file: its id, what it says of itself, and where its scripts stand. Holds no SQL, so that a file of a gigabyte costs as
/// little as a small one.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The id.
    pub id: RevisionId,
    /// What it does, in a few words.
    pub description: String,
    /// The kind.
    pub kind: Kind,
    /// Its headers.
    pub headers: Headers,
    /// The file.
    pub file: SourceFile,
    /// What `migrate` runs.
    pub up: Script,
    /// What `rollback` runs, where there is something.
    pub down: Option<Script>,
    /// The SHA-256 of the file's bytes.
    pub file_hash: FileHash,
    /// Its scripts were left out, since the records know the file byte by byte.
    pub(crate) glanced: bool,
}

impl Migration {
    /// Returns the checksum of the up script.
    pub fn checksum(&self) -> &Checksum {
        &self.up.checksum
    }
}

/// One section of a file, by its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Script {
    /// Where its text begins.
    pub start: Position,
    /// Bytes of its text.
    pub length: u64,
    /// Statements to run; BEGIN, COMMIT and hoisted PRAGMAs do not count.
    pub statements: u64,
    /// What is committed together.
    pub groups: Vec<Group>,
    /// A statement leaves something behind in its session.
    pub changes_session: bool,
    /// Its text may be sent as it stands: no directive belongs to a statement, no rows follow one, and none is done by the plan.
    pub as_it_stands: bool,
    /// The checksum of its statements.
    pub checksum: Checksum,
}

impl Script {
    /// Returns whether the whole script commits as one, together with its history row.
    pub fn is_atomic(&self) -> bool {
        let mut durable = self.groups.iter().filter(|group| group.kind != groups::GroupKind::Session);
        match (durable.next(), durable.next()) {
            (None, _) => true,
            (Some(only), None) => only.kind == groups::GroupKind::Transaction,
            _ => false,
        }
    }
}
