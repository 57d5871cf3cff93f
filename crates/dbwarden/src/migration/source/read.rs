//! Reads all files of a source, in the order of their names.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::{SourceError, SourceProblem};
use sha2::{Digest, Sha256};

use super::formats::FileName;
use super::layout::{self, Files, Layout};
use super::metadata::{self, Metadata};
use super::scan::Role;
use super::{EmbeddedFile, Headers, Place, Seen, Source, SourceFile, formats, scan};
use crate::dialect::Dialect;
use crate::migration::checksum::{Checksum, FileHash};
use crate::migration::{Beside, DownFile, Kind, Migration, RevisionId, Script};
use crate::sql::Position;

/// Up to this size a file is kept while it is read; of a larger one the headers must stand in so many bytes.
const HEAD: u64 = 64 << 10;

/// So many bytes of small files are kept from their reading to their run; those behind are read again.
const KEPT: u64 = 16 << 20;

/// How deep below the directory files are looked for.
const DEPTH: usize = 16;

/// For whom files are read.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// Decides what a statement is.
    pub dialect: &'static dyn Dialect,
    /// Other databases of the project: files with their name in front are not for this one.
    pub others: BTreeSet<String>,
    /// Migrations beside those of files: what a program has in Rust.
    pub carried: Vec<Migration>,
}

impl Source {
    /// Reads every migration.
    ///
    /// # Errors
    /// The directory or a file that cannot be read, or that is no migration: none is skipped.
    pub fn read(&self, options: &ReadOptions) -> Result<Vec<Migration>, SourceError> {
        let outlines = self.outlines(options, &Ok)?;
        let many = outlines.len();
        in_order(outlines, many, &|outline: Outline| outline.migration(options))
    }

    /// Reads the bytes of every file, and as much of each as tells its id, and returns what `made` makes of them.
    ///
    /// # Errors
    /// The directory or a file that cannot be read; those of `made`.
    pub(crate) fn outlines<T: Send>(
        &self,
        options: &ReadOptions,
        made: &(impl Fn(Outline) -> Result<T, SourceError> + Sync),
    ) -> Result<Vec<T>, SourceError> {
        let room = AtomicU64::new(KEPT);
        let gathered = layout::gather(self.files()?)?;
        let outline = |files: Files| outline(files, options, &room)?.map(made).transpose();
        let found: Vec<Option<T>> = match self {
            Source::Directory(_) => {
                let many = gathered.len();
                in_order(gathered, many, &outline)?
            }
            Source::Embedded(_) | Source::Texts(_) => {
                gathered.into_iter().map(outline).collect::<Result<_, _>>()?
            }
        };
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns every file, with its path below the directory.
    fn files(&self) -> Result<Vec<(String, SourceFile)>, SourceError> {
        Ok(match self {
            Source::Directory(directory) => {
                if !directory.is_dir() {
                    let problem =
                        SourceProblem::NoDirectory { path: directory.clone(), is_file: directory.exists() };
                    return Err(SourceError::new("", problem));
                }
                let mut paths = Vec::new();
                list(directory, DEPTH, &mut paths)?;
                paths.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
                let file = |path: PathBuf| {
                    let name = path.display().to_string();
                    (below(directory, &path), SourceFile { name, place: Place::Path { path, seen: None } })
                };
                paths.into_iter().map(file).collect()
            }
            Source::Embedded(files) => {
                let file = |file: &EmbeddedFile| {
                    let (name, place) = (file.name.to_owned(), Place::Static(file.bytes));
                    (name.clone(), SourceFile { name, place })
                };
                files.iter().map(file).collect()
            }
            Source::Texts(texts) => {
                let file = |(name, text): &(String, Arc<str>)| {
                    (name.clone(), SourceFile { name: name.clone(), place: Place::Text(text.clone()) })
                };
                texts.iter().map(file).collect()
            }
        })
    }

    /// Returns what each migration is called as one file, and how it lies, without reading any.
    ///
    /// # Errors
    /// The directory that cannot be read.
    pub fn names(&self) -> Result<Vec<(String, Layout)>, SourceError> {
        let paths: Vec<String> = match self {
            Source::Directory(directory) if !directory.is_dir() => Vec::new(),
            Source::Directory(directory) => {
                let mut paths = Vec::new();
                list(directory, DEPTH, &mut paths)?;
                paths.iter().map(|path| below(directory, path)).collect()
            }
            Source::Embedded(files) => files.iter().map(|file| file.name.to_owned()).collect(),
            Source::Texts(texts) => texts.iter().map(|(name, _)| name.clone()).collect(),
        };
        Ok(paths.iter().filter_map(|path| layout::named(path)).collect())
    }
}

/// Whether a file called `name`, in lower case, is a script or stands beside one.
fn is_read(name: &str) -> bool {
    name.ends_with(".sql") || name == layout::METADATA
}

/// The path `path` below `directory`, with `/` between.
fn below(directory: &Path, path: &Path) -> String {
    let rest = path.strip_prefix(directory).unwrap_or(path).to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' {
        rest.into_owned()
    } else {
        rest.replace(std::path::MAIN_SEPARATOR, "/")
    }
}

/// Adds the `.sql` files below `directory`, and what may stand beside them. Names that begin with a dot are left out: that is where Kubernetes keeps the
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
                let before = to.len();
                list(&path, depth - 1, to)?;
                if to.len() == before && layout::is_stamped(&name.to_string_lossy()) {
                    let problem = SourceProblem::EmptyDirectory;
                    return Err(SourceError::new(path.display().to_string(), problem));
                }
            }
        } else if is_read(&name.to_string_lossy().to_ascii_lowercase()) {
            to.push(path);
        }
    }
    Ok(())
}

/// A migration whose files were read and not yet split into statements.
#[derive(Debug)]
pub(crate) struct Outline {
    up: ReadFile,
    down: Option<ReadFile>,
    metadata: Option<Metadata>,
    /// Its name as one file.
    name: String,
    named: Option<FileName>,
    /// What the headers of the up file say; nothing where they are wrong, which splitting will tell.
    headers: Option<Headers>,
    file_hash: FileHash,
}

/// A file as it was read.
#[derive(Debug)]
struct ReadFile {
    file: SourceFile,
    hash: FileHash,
    /// Its bytes, where they are few, and how it was seen when they were read.
    read: Option<(Option<Vec<u8>>, Seen)>,
}

/// One migration's outline; nothing where it is for another database. What is kept of it is taken from `room`.
fn outline(files: Files, options: &ReadOptions, room: &AtomicU64) -> Result<Option<Outline>, SourceError> {
    let Files { name, up, down, metadata } = files;
    let named = formats::recognise(&name).map(|(named, _)| named);
    if let Some(database) = named.as_ref().and_then(|named| named.database.as_ref())
        && options.others.contains(database)
    {
        return Ok(None);
    }
    let metadata = metadata.map(metadata::read).transpose()?;
    let (up, mut headers) = read_file(up, options, room)?;
    if let (Some(headers), Some(metadata)) = (&mut headers, &metadata) {
        headers.no_transaction |= metadata.no_transaction;
    }
    let down = down.map(|down| read_file(down, options, room)).transpose()?.map(|(down, _)| down);
    let of_metadata = metadata.as_ref().map(|metadata| &metadata.hash);
    let file_hash = FileHash::together(up.hash.clone(), down.as_ref().map(|down| &down.hash), of_metadata);
    Ok(Some(Outline { up, down, metadata, name, named, headers, file_hash }))
}

/// Reads the bytes of `file`, and what its headers say.
fn read_file(
    file: SourceFile,
    options: &ReadOptions,
    room: &AtomicU64,
) -> Result<(ReadFile, Option<Headers>), SourceError> {
    let unreadable = |error| SourceError::new(file.name.clone(), SourceProblem::Unreadable { error });
    let syntax = options.dialect.syntax();
    let (headers, hash, read) = match &file.place {
        Place::Static(bytes) => (scan::headers(bytes, true, syntax), FileHash::of(bytes), None),
        Place::Kept { bytes, .. } => (scan::headers(bytes, true, syntax), FileHash::of(bytes), None),
        Place::Text(text) => {
            (scan::headers(text.as_bytes(), true, syntax), FileHash::of(text.as_bytes()), None)
        }
        Place::Path { path, .. } => {
            let mut opened = File::open(path).map_err(unreadable)?;
            let seen = Seen::of(&opened.metadata().map_err(unreadable)?);
            let head = head_of(&mut opened, seen.length).map_err(unreadable)?;
            let headers = scan::headers(&head, head.len() as u64 <= HEAD, syntax);
            if head.len() as u64 <= HEAD {
                let hash = FileHash::of(&head);
                let left = |room: u64| room.checked_sub(head.len() as u64);
                let fits = room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok();
                (headers, hash, Some((fits.then_some(head), seen)))
            } else {
                let mut digest = Sha256::new_with_prefix(&head);
                let mut head = head;
                loop {
                    let length = opened.read(&mut head).map_err(unreadable)?;
                    if length == 0 {
                        break;
                    }
                    digest.update(&head[..length]);
                }
                (headers, FileHash::finish(digest), Some((None, seen)))
            }
        }
    };
    Ok((ReadFile { file, hash, read }, headers))
}

/// Reads the first [`HEAD`] bytes of a file and one more, where it has so many. Where the file ends as its `length` says, no
/// second read asks for its end: of a thousand small files that is a millisecond.
fn head_of(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let most = usize::try_from(length.min(HEAD)).unwrap_or(0) + 1;
    let mut head = vec![0; most];
    let mut filled = 0;
    while filled < most {
        match file.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if filled as u64 == length {
            break;
        }
    }
    head.truncate(filled);
    if filled == most {
        // It has grown meanwhile, or is larger.
        file.take((HEAD + 1).saturating_sub(filled as u64)).read_to_end(&mut head)?;
    }
    Ok(head)
}

impl Outline {
    /// Returns the id, as far as the name and right headers say it.
    pub(crate) fn id(&self) -> Option<RevisionId> {
        let header = self.headers.as_ref()?.revision.as_deref().map(RevisionId::from);
        header.or_else(|| Some(self.named.as_ref()?.id.clone()))
    }

    /// Returns whether `migration` is this very file, read whole.
    pub(crate) fn is(&self, migration: &Migration) -> bool {
        let down = |name: Option<&str>| name == migration.down_file().map(|down| down.file.name.as_str());
        !migration.glanced
            && migration.file_hash == self.file_hash
            && migration.file.name == self.up.file.name
            && down(self.down.as_ref().map(|down| down.file.name.as_str()))
    }

    /// Splits the file into statements.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn migration(self, options: &ReadOptions) -> Result<Migration, SourceError> {
        split(self.named(Headers::default()), options)
    }

    /// Makes a migration of what is known by now, with empty scripts. It serves to find out that nothing is to be done, and for
    /// nothing else, until [`split`] makes it whole. A file whose headers do not tell enough is split at once.
    ///
    /// # Errors
    /// What is wrong with a file that is split at once.
    pub(crate) fn glanced(mut self, options: &ReadOptions) -> Result<Migration, SourceError> {
        let is_named = self.named.is_some();
        match self.headers.take().filter(|headers| is_named || headers.revision.is_some()) {
            Some(headers) => Ok(self.named(headers)),
            None => self.migration(options),
        }
    }

    /// The migration without its scripts.
    fn named(self, headers: Headers) -> Migration {
        let (id, description, kind) = match self.named {
            Some(named) => (named.id, named.description, named.kind),
            None => (RevisionId::from(""), words(&self.name, &headers), Kind::Versioned),
        };
        let id = headers.revision.as_deref().map_or(id, RevisionId::from);
        let kept = |mut read: ReadFile| {
            read.file.keep(read.read.take());
            (read.file, read.hash)
        };
        let (file, up_hash) = kept(self.up);
        let beside = (self.down.is_some() || self.metadata.is_some()).then(|| {
            let down = self.down.map(kept);
            let down = down.map(|(file, hash)| DownFile { file, headers: headers.clone(), hash });
            Box::new(Beside { up_hash, down, metadata: self.metadata })
        });
        Migration {
            id,
            description,
            kind,
            headers,
            up: Script {
                start: Position::START,
                length: 0,
                // Something was run: it is no file that is still to be written.
                statements: 1,
                groups: Vec::new(),
                changes_session: false,
                as_it_stands: false,
                checksum: Checksum::recorded(""),
            },
            down: None,
            file_hash: self.file_hash,
            file,
            beside,
            name: self.name,
            code: None,
            glanced: true,
        }
    }
}

/// Splits the files of a migration that was only glanced at.
///
/// # Errors
/// What is wrong with a file.
pub(crate) fn split(migration: Migration, options: &ReadOptions) -> Result<Migration, SourceError> {
    let name = &migration.name;
    let (up_hash, down_file, metadata) = match migration.beside {
        Some(beside) => (beside.up_hash, beside.down, beside.metadata),
        None => (migration.file_hash, None, None),
    };
    let role = down_file.as_ref().map_or(Role::Whole, |down| Role::Up { down: &down.file.name });
    let no_transaction = metadata.as_ref().is_some_and(|metadata| metadata.no_transaction);
    let text = scan::Text { name, file: &migration.file, role, no_transaction };
    let (scanned, up_hash) = scan_file(&text, up_hash, options.dialect)?;
    let scan::Scanned { mut headers, up, mut down } = scanned;
    let down_file = match down_file {
        None => None,
        Some(DownFile { file, hash, .. }) => {
            let role = Role::Down { up: &migration.file.name, headers: &headers };
            let text = scan::Text { name, file: &file, role, no_transaction: headers.no_transaction };
            let (scanned, hash) = scan_file(&text, hash, options.dialect)?;
            down = scanned.down;
            headers.irreversible |= scanned.headers.irreversible;
            Some(DownFile { headers: scanned.headers, file, hash })
        }
    };
    // A glance reads headers as the splitting does; should it ever not, the whole file is right, also of the id.
    let named = formats::recognise(name).map(|(named, _)| named);
    let description = match named {
        Some(_) => migration.description,
        None => words(name, &headers),
    };
    let id = match headers.revision.as_deref().map(RevisionId::from).or(named.map(|named| named.id)) {
        Some(id) => id,
        None => {
            let directory = layout::is_of_directory(&migration.file.name);
            return Err(SourceError::new(migration.file.name, SourceProblem::UnknownName { directory }));
        }
    };
    let (file_hash, beside) = if down_file.is_some() || metadata.is_some() {
        let beside = Beside { up_hash, down: down_file, metadata };
        (beside.hash(), Some(Box::new(beside)))
    } else {
        (up_hash, None)
    };
    Ok(Migration { id, description, headers, up, down, file_hash, beside, glanced: false, ..migration })
}

/// What a file does whose name fits no format: its name's words, but for the id where the name begins with it, as in
/// `abc123_create_users.sql` of the revision `abc123`.
fn words(name: &str, headers: &Headers) -> String {
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let behind = headers.revision.as_deref().and_then(|id| stem.strip_prefix(id)?.strip_prefix('_'));
    behind.filter(|words| !words.is_empty()).unwrap_or(stem).replace('_', " ")
}

/// Does the same to each of `items`, and returns what comes of them in their order. Where `many` of them are work, the processor's
/// other cores help.
///
/// # Errors
/// The first one's, in their order.
pub(crate) fn in_order<T: Send, R: Send>(
    items: Vec<T>,
    many: usize,
    each: &(impl Fn(T) -> Result<R, SourceError> + Sync),
) -> Result<Vec<R>, SourceError> {
    /// A thread takes about as long to start as so many small files to read.
    const WORTH_A_THREAD: usize = 64;
    let threads = many / WORTH_A_THREAD;
    if threads < 2 {
        return items.into_iter().map(each).collect();
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    halves(items, threads.min(cores), each)
}

fn halves<T: Send, R: Send>(
    mut items: Vec<T>,
    threads: usize,
    each: &(impl Fn(T) -> Result<R, SourceError> + Sync),
) -> Result<Vec<R>, SourceError> {
    if threads < 2 {
        return items.into_iter().map(each).collect();
    }
    let behind = items.split_off(items.len() / 2);
    let (first, second) = std::thread::scope(|scope| {
        let second = scope.spawn(|| halves(behind, threads / 2, each));
        let first = halves(items, threads - threads / 2, each);
        (first, second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let mut all = first?;
    all.append(&mut second?);
    Ok(all)
}

/// Splits a file whose bytes had the sum `hash`, and returns the sum of those that were split.
fn scan_file(
    text: &scan::Text<'_>,
    hash: FileHash,
    dialect: &'static dyn Dialect,
) -> Result<(scan::Scanned, FileHash), SourceError> {
    let file = text.file;
    let fixed = |bytes: &[u8]| scan::scan(text, bytes, bytes.len() as u64, dialect);
    let scanned = match &file.place {
        Place::Static(bytes) => fixed(bytes)?,
        Place::Kept { bytes, .. } => fixed(bytes)?,
        Place::Text(text) => fixed(text.as_bytes())?,
        Place::Path { path, .. } => {
            let unreadable = |error| SourceError::new(file.name.clone(), SourceProblem::Unreadable { error });
            let opened = File::open(path).map_err(unreadable)?;
            let size = opened.metadata().map_err(unreadable)?.len();
            let mut digest = Sha256::new();
            let scanned = scan::scan(text, Hashing { text: opened, digest: &mut digest }, size, dialect)?;
            return Ok((scanned, FileHash::finish(digest)));
        }
    };
    Ok((scanned, hash))
}

/// Sums up the bytes of a file while they are read.
struct Hashing<'a, R> {
    text: R,
    digest: &'a mut Sha256,
}

impl<R: Read> Read for Hashing<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.text.read(buffer)?;
        self.digest.update(&buffer[..length]);
        Ok(length)
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
