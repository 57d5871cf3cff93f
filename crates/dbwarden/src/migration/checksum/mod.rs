//! Checksums of scripts and of files. An algorithm is one file here, and is never changed once it has been released: its
//! name stands in front of each sum, so that old rows stay verifiable.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub mod v1;

/// The checksum of a script with the name of its algorithm in front: `v1:` and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Checksum(String);

/// Stands before the checksum of a migration in Rust.
const CODE: &str = "rust1:";

impl Checksum {
    /// Takes `text` as a checksum that was recorded, as it stands.
    pub fn recorded(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the checksum of a migration in Rust, whose id and version have this hash.
    pub(crate) fn of_code(hash: &FileHash) -> Self {
        Self(format!("{CODE}{}", hash.0))
    }

    /// Returns whether it is that of a migration in Rust: the program that carries it has no file of it.
    pub fn is_of_code(&self) -> bool {
        self.0.starts_with(CODE)
    }

    /// Returns whether this version knows how it is made.
    pub fn is_known(&self) -> bool {
        self.0.starts_with("v1:") || self.is_of_code()
    }

    /// Returns the checksum as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first digits, enough to tell two apart by eye.
    pub fn short(&self) -> &str {
        let end = self.0.find(':').map_or(0, |colon| colon + 1) + 10;
        self.0.get(..end).unwrap_or(&self.0)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SHA-256 of a file's bytes, compared before anything else: an equal file needs no second look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileHash(String);

impl FileHash {
    /// Takes `text` as a hash that was recorded, as it stands.
    pub fn recorded(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)))
    }

    /// Returns the hash that `digest` has come to.
    pub(crate) fn finish(digest: Sha256) -> Self {
        Self(hex(&digest.finalize()))
    }

    /// Returns the hash of a migration whose files have these: that of its only file, or that of the lines `up HASH`, `down HASH` and
    /// `metadata HASH`, as far as there are such files.
    pub(crate) fn together(up: Self, down: Option<&Self>, metadata: Option<&Self>) -> Self {
        if down.is_none() && metadata.is_none() {
            return up;
        }
        let mut lines = format!("up {}\n", up.0);
        for (name, hash) in [("down", down), ("metadata", metadata)] {
            if let Some(hash) = hash {
                lines.push_str(&format!("{name} {}\n", hash.0));
            }
        }
        Self::of(lines.as_bytes())
    }

    /// Returns the hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)] as char, DIGITS[usize::from(byte & 15)] as char])
        .collect()
}
