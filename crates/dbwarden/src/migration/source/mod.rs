//! Where migrations come from: a directory, or texts that a program carries. Each file is read once to find its sections,
//! groups and sums, and once more to be run.

mod directives;
mod error;
pub mod formats;
mod headers;
mod read;
mod scan;
pub mod write;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::checksum::FileHash;

pub(crate) use directives::directives;
pub use directives::{Condition, Directive};
pub use error::{SourceError, SourceProblem};
pub use headers::{Headers, Phase};
pub use read::ReadOptions;
pub(crate) use read::{Outline, in_order, script_of};
pub(crate) use scan::{GroupHash, section_reader};

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
    Path(PathBuf),
    /// A small file as it was read: what is run is what was planned, whatever becomes of the file meanwhile.
    Kept(Arc<[u8]>),
    Static(&'static [u8]),
    Text(Arc<str>),
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

    /// Returns whether its bytes cannot change any more.
    pub(crate) fn is_fixed(&self) -> bool {
        !matches!(self.place, Place::Path(_))
    }

    /// Opens the file at `offset`, bytes from its start.
    ///
    /// # Errors
    /// The file's own.
    pub fn open_at(&self, offset: u64) -> io::Result<Box<dyn Read + Send + '_>> {
        let behind = |bytes: &'_ [u8]| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(match &self.place {
            Place::Path(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                Box::new(file)
            }
            Place::Static(bytes) => Box::new(&bytes[behind(bytes)..]),
            Place::Kept(bytes) => Box::new(&bytes[behind(bytes)..]),
            Place::Text(text) => Box::new(&text.as_bytes()[behind(text.as_bytes())..]),
        })
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
