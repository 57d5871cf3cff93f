//! Reads all files of a source, in the order of their names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::{SourceError, SourceProblem};
use super::{Headers, Place, Source, SourceFile, formats, scan};
use crate::dialect::Dialect;
use crate::migration::{Kind, Migration, RevisionId, Script};

/// Up to this size a file is read whole.
const SMALL: u64 = 1 << 20;

/// How deep below the directory files are looked for.
const DEPTH: usize = 16;

/// For whom files are read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Decides what a statement is.
    pub dialect: &'static dyn Dialect,
    /// Other databases of the project: files with their name in front are not for this one.
    pub others: BTreeSet<String>,
}

impl Source {
    /// Reads every migration.
    ///
    /// # Errors
    /// The directory or a file that cannot be read, or that is no migration: none is skipped.
    pub fn read(&self, options: &ReadOptions) -> Result<Vec<Migration>, SourceError> {
        let mut found = Vec::new();
        match self {
            Source::Directory(directory) => {
                if !directory.is_dir() {
                    let problem = SourceProblem::NoDirectory { path: directory.clone() };
                    return Err(SourceError::new("", problem));
                }
                let mut paths = Vec::new();
                list(directory, DEPTH, &mut paths)?;
                paths.sort();
                for path in paths {
                    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                    let file = SourceFile { name: path.display().to_string(), place: Place::Path(path) };
                    found.extend(migration(&name.unwrap_or_default(), file, options)?);
                }
            }
            Source::Embedded(files) => {
                for file in *files {
                    let place = Place::Static(file.bytes);
                    found.extend(migration(
                        file.name,
                        SourceFile { name: file.name.to_owned(), place },
                        options,
                    )?);
                }
            }
            Source::Texts(texts) => {
                for (name, text) in texts {
                    let place = Place::Text(text.clone());
                    found.extend(migration(name, SourceFile { name: name.clone(), place }, options)?);
                }
            }
        }
        Ok(found)
    }

    /// Returns the files' names, without reading them.
    ///
    /// # Errors
    /// The directory that cannot be read.
    pub fn names(&self) -> Result<Vec<String>, SourceError> {
        Ok(match self {
            Source::Directory(directory) if !directory.is_dir() => Vec::new(),
            Source::Directory(directory) => {
                let mut paths = Vec::new();
                list(directory, DEPTH, &mut paths)?;
                paths
                    .iter()
                    .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
                    .collect()
            }
            Source::Embedded(files) => files.iter().map(|file| file.name.to_owned()).collect(),
            Source::Texts(texts) => texts.iter().map(|(name, _)| name.clone()).collect(),
        })
    }
}

/// Adds the `.sql` files below `directory`. Names that begin with a dot are left out: that is where Kubernetes keeps the
/// versions of a mounted ConfigMap.
fn list(directory: &Path, depth: usize, to: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let unreadable = |path: &Path, error| {
        SourceError::new(path.display().to_string(), SourceProblem::Unreadable { error })
    };
    for entry in fs::read_dir(directory).map_err(|error| unreadable(directory, error))? {
        let entry = entry.map_err(|error| unreadable(directory, error))?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| unreadable(&path, error))?;
        let folder = kind.is_dir() || kind.is_symlink() && path.is_dir();
        if folder {
            if depth > 0 {
                list(&path, depth - 1, to)?;
            }
        } else if name.as_encoded_bytes().ends_with(b".sql") {
            to.push(path);
        }
    }
    Ok(())
}

/// One file as a migration; nothing where it is for another database.
fn migration(name: &str, file: SourceFile, options: &ReadOptions) -> Result<Option<Migration>, SourceError> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let named = formats::recognise(base).map(|(named, _)| named);
    if let Some(database) = named.as_ref().and_then(|named| named.database.as_ref())
        && options.others.contains(database)
    {
        return Ok(None);
    }
    let scanned = scan_file(&file, options.dialect)?;
    let (mut id, description, kind) = match named {
        Some(named) => (named.id, named.description, named.kind),
        None if scanned.headers.revision.is_some() => {
            let words = base.strip_suffix(".sql").unwrap_or(base).replace('_', " ");
            (RevisionId::from(""), words, Kind::Versioned)
        }
        None => return Err(SourceError::new(file.name, SourceProblem::UnknownName)),
    };
    if let Some(revision) = &scanned.headers.revision {
        id = RevisionId::from(revision.as_str());
    }
    Ok(Some(Migration {
        id,
        description,
        kind,
        headers: scanned.headers,
        up: scanned.up,
        down: scanned.down,
        file_hash: scanned.file_hash,
        file,
    }))
}

fn scan_file(file: &SourceFile, dialect: &'static dyn Dialect) -> Result<scan::Scanned, SourceError> {
    let unreadable = |error| SourceError::new(file.name.clone(), SourceProblem::Unreadable { error });
    match &file.place {
        Place::Static(bytes) => scan::scan(file, *bytes, bytes.len() as u64, dialect),
        Place::Text(text) => scan::scan(file, text.as_bytes(), text.len() as u64, dialect),
        Place::Path(path) => {
            let mut opened = File::open(path).map_err(unreadable)?;
            let size = opened.metadata().map_err(unreadable)?.len();
            if size > SMALL {
                return scan::scan(file, opened, size, dialect);
            }
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
            opened.read_to_end(&mut bytes).map_err(unreadable)?;
            scan::scan(file, &bytes[..], size, dialect)
        }
    }
}

/// Returns `text` as one script without sections, as a stored down script is.
pub(crate) fn script_of(
    file: &SourceFile,
    text: &str,
    dialect: &'static dyn Dialect,
) -> Result<(Script, Headers), SourceError> {
    scan::scan(file, text.as_bytes(), text.len() as u64, dialect).map(|scanned| (scanned.up, scanned.headers))
}
