//! What a database says has happened to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::RevisionId;
use super::checksum::{Checksum, FileHash};

/// One finished migration, as its row says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The id.
    pub version: RevisionId,
    /// What it does.
    pub description: String,
    /// `versioned`, `runs-always` or `runs-on-change`.
    pub kind: String,
    /// The checksum of what was run.
    pub checksum: Checksum,
    /// The hash of the file that was run.
    pub file_hash: Option<FileHash>,
    /// When it was finished, in UTC.
    pub applied_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// Who ran it, as user@host.
    pub applied_by: String,
    /// The version of dbwarden that ran it.
    pub tool_version: String,
    /// The run.
    pub run_id: String,
    /// How many statements it had.
    pub statements: i64,
    /// Whether its down script is stored.
    pub has_down: bool,
    /// The row makes sense only in part, and is named for it.
    pub odd: bool,
    /// What was noted: that it was stamped, or accepted, by whom and why.
    pub note: Option<String>,
}

impl Applied {
    /// Returns whether the row is of a migration that runs once.
    pub fn is_versioned(&self) -> bool {
        self.kind == super::Kind::Versioned.name()
    }

    /// Returns whether somebody accepted that the file of this row is gone.
    pub fn gone_is_accepted(&self) -> bool {
        self.note.as_ref().is_some_and(|note| note.contains(GONE))
    }
}

/// The words in a note by which a missing file is accepted.
pub(crate) const GONE: &str = "without its file";

/// Which way a script goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Applied.
    Up,
    /// Rolled back.
    Down,
}

impl Direction {
    /// Returns the name that is recorded.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

/// One unit of an unfinished migration, as the journal says: statements that were begun together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// The number of the first statement, from 1.
    pub first: u64,
    /// How many statements.
    pub count: u64,
    /// The sum of the statements.
    pub hash: String,
    /// `begun`, `done` or `failed`.
    pub state: String,
    /// When it was begun, in UTC.
    pub started_at: String,
    /// When it ended, in UTC.
    pub finished_at: Option<String>,
    /// What the engine answered, where it failed.
    pub error: Option<String>,
    /// The statements' first words.
    pub summary: String,
    /// What the catalogue said before it, of what it touches; only of a statement that commits by itself.
    #[serde(skip)]
    pub evidence: Option<String>,
}

/// A migration that was begun and is not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// The id.
    pub version: RevisionId,
    /// Which way it was going.
    pub direction: Direction,
    /// What is known of its statements, in order.
    pub units: Vec<Unit>,
}

impl Unfinished {
    /// Returns the first statement of the unit that was begun, and of which no word came back.
    pub fn begun(&self) -> Option<u64> {
        self.units.iter().find(|unit| unit.state == "begun").map(|unit| unit.first)
    }

    /// Returns how many statements are done.
    pub fn done(&self) -> u64 {
        self.units.iter().filter(|unit| unit.state == "done").map(|unit| unit.count).sum()
    }
}

/// Everything that a database says of its migrations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct History {
    /// Whether our tables are there.
    pub exists: bool,
    /// What is applied, oldest first.
    pub applied: Vec<Arc<Applied>>,
    /// What was begun and is not finished.
    pub unfinished: Vec<Unfinished>,
    /// Every migration of which the journal has rows, also such as say nothing any more.
    pub journalled: BTreeSet<RevisionId>,
    /// Rows that make no sense, in words.
    pub oddities: Vec<String>,
    /// Tables of other tools.
    pub foreign: Vec<ForeignRecords>,
    /// Whether what other tools recorded is dealt with: these records have rows, or had some.
    pub foreign_taken: bool,
    /// A table of ours that belongs to a role which is not to be trusted, and that role: it may be read, and is not written.
    pub stranger: Option<(String, String)>,
}

/// A table in which another tool keeps its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignRecords {
    /// The table.
    pub table: String,
    /// The tool.
    pub tool: String,
    /// What `adopt --from` calls it, where its records can be taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<&'static str>,
}

impl History {
    /// Returns the records of other tools that nobody has dealt with: what they say was run is not to be run again. They stay in the
    /// database, and say nothing any more once they were taken over.
    pub fn untaken(&self) -> &[ForeignRecords] {
        if self.foreign_taken { &[] } else { &self.foreign }
    }

    /// Returns the row of `version`.
    pub fn get(&self, version: &RevisionId) -> Option<&Applied> {
        self.applied.iter().find(|row| row.version == *version).map(|row| &**row)
    }

    /// Returns the id of the row, or of what was begun, that is called `text`.
    pub(crate) fn called(&self, text: &str) -> Option<&RevisionId> {
        let rows = self.applied.iter().map(|row| &row.version);
        rows.chain(self.unfinished.iter().map(|it| &it.version)).find(|id| id.as_str() == text)
    }

    /// Returns the ids of the versioned rows.
    pub fn versions(&self) -> BTreeSet<RevisionId> {
        self.applied.iter().filter(|row| row.is_versioned()).map(|row| row.version.clone()).collect()
    }
}
