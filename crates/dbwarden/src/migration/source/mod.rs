//! Where migrations come from: a directory, or texts that a program carries. Each file is read once to find its sections,
//! groups and sums, and once more to be run.

mod directives;
mod error;
pub mod formats;
mod headers;
mod layout;
mod markers;
mod metadata;
mod read;
mod scan;
mod second;
pub mod write;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::checksum::FileHash;

pub(crate) use directives::directives;
pub use directives::{Condition, Directive};
pub use error::{SourceError, SourceProblem};
pub(crate) use headers::is_header;
pub use headers::{Headers, Phase};
pub use layout::Layout;
pub(crate) use markers::is_marker;
pub(crate) use metadata::Metadata;
pub use read::ReadOptions;
pub(crate) use read::{Outline, in_order, script_of, split};
pub(crate) use second::{GroupHash, section_reader};

/// Where migrations come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A directory with its sub-directories.
    Directory(PathBuf),
    /// Files that were compiled into the program.
    Embedded(&'static [EmbeddedFile]),
    /// Texts with the names they would have as files.
    Texts(Vec<(String, Arc<str>)>),
}

/// A file that was compiled into a program.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedFile {
    /// Its path below the directory, with `/` between.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
}

/// One file of a source: how it is shown, and how it is opened again.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The path as it is shown to people.
    pub name: String,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// A file on disk, and how it was seen when it was read last.
    Path {
        path: PathBuf,
        seen: Option<Seen>,
    },
    /// A small file as it was read: what is run is what was planned, whatever becomes of the file meanwhile.
    Kept {
        bytes: Arc<[u8]>,
        path: PathBuf,
        seen: Seen,
    },
    Static(&'static [u8]),
    Text(Arc<str>),
}

/// What tells cheaply whether a file was written or replaced since it was read: its length and when it was written last; on Unix
/// also which file it is, and when that was changed in any way, which nobody can set back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    length: u64,
    written: Option<SystemTime>,
    #[cfg(unix)]
    itself: (u64, u64, i64, i64),
}

impl Seen {
    fn of(metadata: &fs::Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            length: metadata.len(),
            written: metadata.modified().ok(),
            #[cfg(unix)]
            itself: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

impl SourceFile {
    /// Returns a file that is only `text`, shown as `name`.
    pub fn text(name: impl Into<String>, text: &str) -> Self {
        Self { name: name.into(), place: Place::Text(text.into()) }
    }

    /// Returns the text, where the file is only one.
    pub fn whole_text(&self) -> Option<String> {
        match &self.place {
            Place::Text(text) => Some(text.to_string()),
            _ => None,
        }
    }

    /// Keeps how a file was seen when it was read, and its bytes where they are few.
    fn keep(&mut self, read: Option<(Option<Vec<u8>>, Seen)>) {
        match (&mut self.place, read) {
            (Place::Path { path, .. }, Some((Some(bytes), seen))) => {
                self.place = Place::Kept { bytes: bytes.into(), path: std::mem::take(path), seen };
            }
            (Place::Path { seen, .. }, Some((None, now))) => *seen = Some(now),
            _ => {}
        }
    }

    /// Returns whether the file may have been written since it was read.
    pub(crate) fn was_written(&self) -> bool {
        match &self.place {
            Place::Kept { path, seen, .. } | Place::Path { path, seen: Some(seen) } => {
                !fs::metadata(path).is_ok_and(|metadata| Seen::of(&metadata) == *seen)
            }
            Place::Path { seen: None, .. } => true,
            Place::Static(_) | Place::Text(_) => false,
        }
    }

    /// Returns whether its bytes cannot change any more.
    pub(crate) fn is_fixed(&self) -> bool {
        !matches!(self.place, Place::Path { .. })
    }

    /// Opens the file at `offset`, bytes from its start.
    ///
    /// # Errors
    /// The file's own.
    pub fn open_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let behind = |bytes: &'_ [u8]| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(match &self.place {
            Place::Path { path, .. } => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                Box::new(file)
            }
            Place::Static(bytes) => Box::new(&bytes[behind(bytes)..]),
            Place::Kept { bytes, .. } => Box::new(&bytes[behind(bytes)..]),
            Place::Text(text) => Box::new(&text.as_bytes()[behind(text.as_bytes())..]),
        })
    }

    /// Reads a small file whole, and keeps its bytes.
    fn load(&mut self) -> io::Result<Vec<u8>> {
        let seen = match &self.place {
            Place::Path { path, .. } => Some(Seen::of(&fs::metadata(path)?)),
            _ => None,
        };
        let mut bytes = Vec::new();
        self.open_at(0)?.read_to_end(&mut bytes)?;
        self.keep(seen.map(|seen| (Some(bytes.clone()), seen)));
        Ok(bytes)
    }

    /// Returns the SHA-256 of the file's bytes as they are now.
    ///
    /// # Errors
    /// The file's own.
    pub fn hash(&self) -> io::Result<FileHash> {
        let mut file = self.open_at(0)?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                return Ok(FileHash::finish(digest));
            }
            digest.update(&buffer[..length]);
        }
    }

    /// Returns the line around `offset`, without its end; nothing where it cannot be read. At most 4 KiB before and behind.
    pub fn line_at(&self, offset: u64) -> Option<String> {
        const REACH: u64 = 4096;
        let from = offset.saturating_sub(REACH);
        let mut bytes = Vec::new();
        self.open_at(from).ok()?.take(2 * REACH).read_to_end(&mut bytes).ok()?;
        let at = usize::try_from(offset - from).ok()?.min(bytes.len());
        let start = memchr::memrchr2(b'\n', b'\r', &bytes[..at]).map_or(0, |end| end + 1);
        let end = memchr::memchr2(b'\n', b'\r', &bytes[at..]).map_or(bytes.len(), |end| at + end);
        let line = String::from_utf8_lossy(&bytes[start..end]).into_owned();
        Some(line.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(line))
    }
}
