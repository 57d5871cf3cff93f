//! Where a value comes from.

use std::fmt;
use std::path::PathBuf;

/// A place in a settings file: line and column from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as messages show it.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody gave it.
    Default,
    /// A command line flag, with its dashes.
    Flag(&'static str),
    /// A variable of the process environment.
    Variable(String),
    /// A variable of a `.env` file.
    EnvFile {
        /// The variable.
        variable: String,
        /// The file, as messages show it.
        file: PathBuf,
        /// Line, from 1.
        line: u32,
    },
    /// A key of `warden.toml`.
    File(Place),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Variable(name) => f.write_str(name),
            Origin::EnvFile { variable, file, line } => write!(f, "{variable} ({}:{line})", file.display()),
            Origin::File(place) => place.fmt(f),
        }
    }
}

/// A setting that somebody gave: what it is called, and where it was given. Errors name it; it holds no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The dotted key, such as `databases.primary.url`.
    pub key: String,
    /// Where it was given; boxed, so that errors stay small.
    pub origin: Box<Origin>,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.origin {
            Origin::File(place) => write!(f, "{} ({place})", self.key),
            Origin::Default => f.write_str(&self.key),
            // A variable or flag is known by its own name.
            origin => origin.fmt(f),
        }
    }
}

/// A value as it was given, before `${VAR}` is replaced.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) text: String,
    /// Whether `${VAR}` in it stands for a variable: in `warden.toml` alone.
    pub(crate) expands: bool,
    pub(crate) setting: Setting,
}
