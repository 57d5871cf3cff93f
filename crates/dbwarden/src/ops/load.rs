//! Every migration with the text of its scripts.

use std::io::Read;

use serde::Serialize;

use super::{Deployment, files};
use crate::error::{Error, ErrorKind};
use crate::migration::source::{SourceError, SourceFile, SourceProblem};
use crate::migration::{Kind, RevisionId, Script};

/// One migration with its scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// The id.
    pub version: RevisionId,
    /// What it does.
    pub description: String,
    /// The kind.
    pub kind: Kind,
    /// Its file; of one in Rust, the place in the program's source.
    pub file: String,
    /// The text that `migrate` runs; none where it is code.
    pub up: Option<String>,
    /// The text that `rollback` runs; none where there is none, or where it is code.
    pub down: Option<String>,
    /// It can be undone.
    pub reversible: bool,
}

/// Returns every migration: the versioned ones in their order, then the repeatables.
///
/// # Errors
/// A file that is no migration, or that cannot be read.
pub fn load(deployment: &Deployment<'_>) -> Result<Vec<Loaded>, Error> {
    let set = files(deployment)?;
    let mut loaded = Vec::new();
    for migration in set.iter() {
        let in_sql = migration.code.is_none();
        let down = migration.down.as_ref();
        loaded.push(Loaded {
            version: migration.id.clone(),
            description: migration.description.clone(),
            kind: migration.kind,
            file: migration.file.name.clone(),
            up: in_sql.then(|| text(&migration.file, &migration.up)).transpose()?,
            down: down.filter(|_| in_sql).map(|down| text(migration.file_of_down(), down)).transpose()?,
            reversible: down.is_some(),
        });
    }
    Ok(loaded)
}

fn text(file: &SourceFile, script: &Script) -> Result<String, Error> {
    let mut text = String::new();
    file.open_at(script.start.offset)
        .and_then(|file| file.take(script.length).read_to_string(&mut text))
        .map_err(|error| {
            let problem = SourceProblem::Unreadable { error };
            ErrorKind::Source(SourceError::new(file.name.clone(), problem))
        })?;
    Ok(text.trim().to_owned())
}
