//! Reads all files of a source, in the order of their names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::{SourceError, SourceProblem};
use sha2::{Digest, Sha256};

use super::formats::FileName;
use super::{Headers, Place, Source, SourceFile, formats, scan};
use crate::dialect::Dialect;
use crate::migration::applied::Applied;
use crate::migration::checksum::FileHash;
use crate::migration::{Kind, Migration, RevisionId, Script};
use crate::sql::Position;

/// Up to this size a file is kept while it is read; of a larger one the headers must stand in so many bytes.
const HEAD: u64 = 64 << 10;

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
        self.outlines(options)?.into_iter().map(|outline| outline.migration(options, None)).collect()
    }

    /// Reads the bytes of every file, and as much of each as tells its id.
    ///
    /// # Errors
    /// The directory or a file that cannot be read.
    pub(crate) fn outlines(&self, options: &ReadOptions) -> Result<Vec<Outline>, SourceError> {
        let mut found = Vec::new();
        match self {
            Source::Directory(directory) => {
                if !directory.is_dir() {
                    let problem =
                        SourceProblem::NoDirectory { path: directory.clone(), is_file: directory.exists() };
                    return Err(SourceError::new("", problem));
                }
                let mut paths = Vec::new();
                list(directory, DEPTH, &mut paths)?;
                paths.sort();
                found.reserve(paths.len());
                for path in paths {
                    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                    let file = SourceFile { name: path.display().to_string(), place: Place::Path(path) };
                    found.extend(outline(&name.unwrap_or_default(), file, options)?);
                }
            }
            Source::Embedded(files) => {
                for file in *files {
                    let place = Place::Static(file.bytes);
                    let shown = SourceFile { name: file.name.to_owned(), place };
                    found.extend(outline(file.name, shown, options)?);
                }
            }
            Source::Texts(texts) => {
                for (name, text) in texts {
                    let place = Place::Text(text.clone());
                    found.extend(outline(name, SourceFile { name: name.clone(), place }, options)?);
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
/// versions of a mounted `ConfigMap`.
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
        } else if name.to_string_lossy().to_ascii_lowercase().ends_with(".sql") {
            to.push(path);
        }
    }
    Ok(())
}

/// A file that was read and not yet split into statements.
#[derive(Debug)]
pub(crate) struct Outline {
    file: SourceFile,
    /// The last part of its path.
    base: String,
    named: Option<FileName>,
    /// What its headers say; nothing where they are wrong, which splitting will tell.
    headers: Option<Headers>,
    file_hash: FileHash,
    /// Its bytes, where they are few.
    bytes: Option<Vec<u8>>,
}

/// One file's outline; nothing where it is for another database.
fn outline(name: &str, file: SourceFile, options: &ReadOptions) -> Result<Option<Outline>, SourceError> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let named = formats::recognise(base).map(|(named, _)| named);
    if let Some(database) = named.as_ref().and_then(|named| named.database.as_ref())
        && options.others.contains(database)
    {
        return Ok(None);
    }
    let unreadable = |error| SourceError::new(file.name.clone(), SourceProblem::Unreadable { error });
    let syntax = options.dialect.syntax();
    let (headers, file_hash, bytes) = match &file.place {
        Place::Static(bytes) => (scan::headers(bytes, syntax), FileHash::of(bytes), None),
        Place::Text(text) => (scan::headers(text.as_bytes(), syntax), FileHash::of(text.as_bytes()), None),
        Place::Path(path) => {
            let mut opened = File::open(path).map_err(unreadable)?;
            let size = opened.metadata().map_err(unreadable)?.len();
            let mut head = Vec::with_capacity(usize::try_from(size.min(HEAD)).unwrap_or(0) + 1);
            opened.by_ref().take(HEAD + 1).read_to_end(&mut head).map_err(unreadable)?;
            let headers = scan::headers(&head, syntax);
            if head.len() as u64 <= HEAD {
                (headers, FileHash::of(&head), Some(head))
            } else {
                let mut digest = Sha256::new_with_prefix(&head);
                loop {
                    let length = opened.read(&mut head).map_err(unreadable)?;
                    if length == 0 {
                        break;
                    }
                    digest.update(&head[..length]);
                }
                (headers, FileHash::finish(digest), None)
            }
        }
    };
    Ok(Some(Outline { base: base.to_owned(), named, headers, file_hash, bytes, file }))
}

impl Outline {
    /// Returns the id, as far as the name and right headers say it.
    pub(crate) fn id(&self) -> Option<RevisionId> {
        let header = self.headers.as_ref()?.revision.as_deref().map(RevisionId::from);
        header.or_else(|| Some(self.named.as_ref()?.id.clone()))
    }

    /// Returns whether `migration` is this very file, read whole.
    pub(crate) fn is(&self, migration: &Migration) -> bool {
        !migration.glanced && migration.file_hash == self.file_hash && migration.file.name == self.file.name
    }

    /// Splits the file into statements. Where `known` is the row of the very same bytes, that is left out: its sum is the row's,
    /// and its scripts are empty. Such a migration serves to find out that nothing is to be done, and for nothing else.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn migration(
        self,
        options: &ReadOptions,
        known: Option<&Applied>,
    ) -> Result<Migration, SourceError> {
        let same = known.filter(|row| {
            row.file_hash.as_ref() == Some(&self.file_hash) && row.checksum.as_str().starts_with("v1:")
        });
        let glanced = same.is_some() && self.headers.is_some();
        let (headers, up, down, file_hash) = match (same, self.headers) {
            (Some(row), Some(headers)) => {
                let up = Script {
                    start: Position::START,
                    length: 0,
                    // Something was run: it is no file that is still to be written.
                    statements: 1,
                    groups: Vec::new(),
                    changes_session: false,
                    checksum: row.checksum.clone(),
                };
                (headers, up, None, self.file_hash)
            }
            _ => {
                let scanned = match &self.bytes {
                    Some(bytes) => scan::scan(&self.file, &bytes[..], bytes.len() as u64, options.dialect)?,
                    None => scan_file(&self.file, options.dialect)?,
                };
                (scanned.headers, scanned.up, scanned.down, scanned.file_hash)
            }
        };
        let (mut id, description, kind) = match self.named {
            Some(named) => (named.id, named.description, named.kind),
            None if headers.revision.is_some() => {
                let words = self.base.strip_suffix(".sql").unwrap_or(&self.base).replace('_', " ");
                (RevisionId::from(""), words, Kind::Versioned)
            }
            None => return Err(SourceError::new(self.file.name, SourceProblem::UnknownName)),
        };
        if let Some(revision) = &headers.revision {
            id = RevisionId::from(revision.as_str());
        }
        Ok(Migration { id, description, kind, headers, up, down, file_hash, file: self.file, glanced })
    }
}

fn scan_file(file: &SourceFile, dialect: &'static dyn Dialect) -> Result<scan::Scanned, SourceError> {
    let unreadable = |error| SourceError::new(file.name.clone(), SourceProblem::Unreadable { error });
    match &file.place {
        Place::Static(bytes) => scan::scan(file, *bytes, bytes.len() as u64, dialect),
        Place::Text(text) => scan::scan(file, text.as_bytes(), text.len() as u64, dialect),
        Place::Path(path) => {
            let opened = File::open(path).map_err(unreadable)?;
            let size = opened.metadata().map_err(unreadable)?.len();
            scan::scan(file, opened, size, dialect)
        }
    }
}

/// Returns a stored down script: headers, a marker, and the script.
pub(crate) fn script_of(
    file: &SourceFile,
    text: &str,
    dialect: &'static dyn Dialect,
) -> Result<(Script, Headers), SourceError> {
    scan::stored(file, text, dialect)
}
