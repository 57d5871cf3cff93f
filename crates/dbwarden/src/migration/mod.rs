//! Files become a plan, without a database: sources, checksums, the revision graph, the plan.

pub mod applied;
pub mod checksum;
pub mod graph;
pub mod groups;
mod id;
pub mod plan;
pub mod rust;
pub mod set;
pub mod source;
pub mod state;

use serde::Serialize;

pub use id::RevisionId;

use crate::sql::Position;
use checksum::{Checksum, FileHash};
use groups::Group;
use source::{Headers, Metadata, SourceFile};

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
    /// The SHA-256 of the file's bytes; where there are several files, that of their sums.
    pub file_hash: FileHash,
    /// Its name as one file, whatever it lies in.
    pub(crate) name: String,
    /// Its other files, where it has some.
    pub(crate) beside: Option<Box<Beside>>,
    /// Its scripts were left out, since the records know the file byte by byte.
    pub(crate) glanced: bool,
    /// Its scripts are code.
    pub(crate) code: Option<rust::RustMigration>,
}

impl Migration {
    /// Returns the checksum of the up script.
    pub fn checksum(&self) -> &Checksum {
        &self.up.checksum
    }

    /// Returns the file of the rollback, where it has one of its own.
    pub fn down_file(&self) -> Option<&DownFile> {
        self.beside.as_ref()?.down.as_ref()
    }

    /// Returns the file in which the down script stands.
    pub fn file_of_down(&self) -> &SourceFile {
        self.down_file().map_or(&self.file, |down| &down.file)
    }

    /// Returns the headers that say how the down script is run.
    pub fn headers_of_down(&self) -> &Headers {
        self.down_file().map_or(&self.headers, |down| &down.headers)
    }

    /// Returns the hash that the files have now: [`Self::file_hash`], where none was written since.
    ///
    /// # Errors
    /// A file's own.
    pub fn hash_now(&self) -> std::io::Result<FileHash> {
        if let Some(code) = &self.code {
            return Ok(code.file_hash());
        }
        let up = self.file.hash()?;
        let Some(beside) = &self.beside else { return Ok(up) };
        let down = beside.down.as_ref().map(|down| down.file.hash()).transpose()?;
        let metadata = beside.metadata.as_ref().map(|metadata| metadata.file.hash()).transpose()?;
        Ok(FileHash::together(up, down.as_ref(), metadata.as_ref()))
    }

    /// Returns whether one of the files may have been written since it was read.
    pub(crate) fn was_written(&self) -> bool {
        let mut others = self.beside.iter().flat_map(|beside| {
            let down = beside.down.iter().map(|down| &down.file);
            down.chain(beside.metadata.iter().map(|metadata| &metadata.file))
        });
        self.file.was_written() || others.any(SourceFile::was_written)
    }
}

/// The other files of a migration that has several.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    /// The SHA-256 of the bytes of the up file.
    pub(crate) up_hash: FileHash,
    pub(crate) down: Option<DownFile>,
    pub(crate) metadata: Option<Metadata>,
}

impl Beside {
    /// Returns the hash of all files.
    pub(crate) fn hash(&self) -> FileHash {
        let down = self.down.as_ref().map(|down| &down.hash);
        FileHash::together(self.up_hash.clone(), down, self.metadata.as_ref().map(|metadata| &metadata.hash))
    }
}

/// The file of a rollback that has one of its own.
#[derive(Debug, Clone)]
pub struct DownFile {
    /// The file.
    pub file: SourceFile,
    /// How it is run: what its own headers say, else those of the up file.
    pub headers: Headers,
    pub(crate) hash: FileHash,
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
