//! What can be wrong with settings. Values that may hold a secret are never shown: an error names the setting and its place.

use std::io;
use std::path::PathBuf;

use super::duration::DurationError;
use super::origin::{Origin, Place, Setting};
use super::safety::WindowError;
use crate::database::Database;
use crate::url::UrlError;

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file that `--config` names is not there.
    #[error("no settings file at {}", file.display())]
    NoFile {
        /// The file.
        file: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The settings file is not TOML.
    #[error("{place}: not TOML: {problem}")]
    NotToml {
        /// Where it stops being TOML.
        place: Place,
        /// What the parser says.
        problem: String,
    },
    /// A key has no meaning.
    #[error("{place}: unknown key \"{key}\"{}{}", section_text(section), meant(nearest.as_deref()))]
    UnknownKey {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// The table it stands in, empty for the top of the file.
        section: String,
        /// The nearest known one.
        nearest: Option<String>,
    },
    /// A value has the wrong type.
    #[error("{setting}: expected {expected}, found {found}")]
    WrongType {
        /// The setting.
        setting: Setting,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// Two settings exclude each other.
    #[error("{setting} says the same as {other}: keep one of them")]
    Both {
        /// The one.
        setting: Setting,
        /// The other.
        other: Setting,
    },
    /// A key of a database stands at the top of a file that has `[databases]`.
    #[error("{setting} stands outside of any database: move it into [databases.NAME]")]
    OutsideDatabases {
        /// The setting.
        setting: Setting,
    },
    /// A value does not mean what it should.
    #[error("{setting}: {problem}")]
    Invalid {
        /// The setting.
        setting: Setting,
        /// What is wrong with it.
        problem: Problem,
    },
    /// A variable is used and not set.
    #[error("{setting} uses the variable {variable}, which is not set")]
    Unset {
        /// The setting that uses it.
        setting: Setting,
        /// The variable.
        variable: String,
    },
    /// A line of a `.env` file cannot be read.
    #[error("{}:{line}: {problem}", file.display())]
    EnvLine {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: u32,
        /// What is wrong.
        problem: &'static str,
    },
    /// No database has that name.
    #[error("no database \"{name}\"{}", words(known, nearest.as_deref()))]
    UnknownDatabase {
        /// The name.
        name: String,
        /// The known ones.
        known: Vec<String>,
        /// The nearest of them.
        nearest: Option<String>,
    },
    /// `default` names no database.
    #[error("{setting}: no database \"{name}\"{}", words(known, nearest.as_deref()))]
    UnknownDefault {
        /// The setting.
        setting: Setting,
        /// The name.
        name: String,
        /// The known ones.
        known: Vec<String>,
        /// The nearest of them.
        nearest: Option<String>,
    },
    /// There are several databases, and none is the default.
    #[error("there are several databases, {}, and none is the default", known.join(", "))]
    NoDefault {
        /// The known ones.
        known: Vec<String>,
    },
    /// There is neither a file nor a URL.
    #[error(
        "no warden.toml in {} or above it, and no URL",
        directory.display()
    )]
    NoSettings {
        /// Where we looked.
        directory: PathBuf,
    },
    /// A database has no URL.
    #[error("the database \"{database}\" has no url{}: set `url`, `engine` and `database`, or DATABASE_URL", at(place.as_ref()))]
    NoUrl {
        /// The database.
        database: String,
        /// Where it stands.
        place: Option<Place>,
    },
    /// `--dev` is asked for and the database has no `dev_url`.
    #[error("the database \"{database}\" has no dev_url{}, which --dev needs", at(place.as_ref()))]
    NoDevUrl {
        /// The database.
        database: String,
        /// Where it stands.
        place: Option<Place>,
    },
    /// `--dev` and `--url` are both given.
    #[error("--dev takes the dev_url of the settings, and --url gives another: keep one of them")]
    DevWithUrl,
    /// The environment's name cannot be one.
    #[error(
        "{origin}: an environment's name is made of letters, digits, - and _, such as dev, staging or prod"
    )]
    EnvironmentName {
        /// Where it was given.
        origin: Origin,
    },
    /// `{env}` is used without an environment.
    #[error("{setting} uses {{env}}, but no environment is set: give --env or DBWARDEN_ENV")]
    NoEnvironment {
        /// The setting.
        setting: Setting,
    },
    /// The password file cannot be read.
    #[error("{setting}: cannot read {}", file.display())]
    PasswordFile {
        /// The setting.
        setting: Setting,
        /// The file, before `${VAR}` is replaced.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The password command does not start.
    #[error("{setting}: the command does not start")]
    PasswordCommandStart {
        /// The setting.
        setting: Setting,
        /// Why.
        source: io::Error,
    },
    /// The password command failed.
    #[error("{setting}: the command failed ({status})")]
    PasswordCommand {
        /// The setting.
        setting: Setting,
        /// How it ended.
        status: String,
    },
}

/// What is wrong with one value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is no address of a database.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// It is no duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// It is no window.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// It is none of the words that are known here.
    #[error("unknown value \"{found}\"{}", words(known, nearest.as_deref()))]
    Word {
        /// The word, before `${VAR}` is replaced.
        found: String,
        /// The known ones.
        known: Vec<&'static str>,
        /// The nearest of them.
        nearest: Option<String>,
    },
    /// It is neither true nor false.
    #[error("expected true or false")]
    Boolean,
    /// It is no number, or none that fits.
    #[error("expected a whole number from {least} to {most}")]
    Number {
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// It is empty.
    #[error("the value is empty")]
    Empty,
    /// A `${` is not followed by a name and `}`.
    #[error("expected ${{NAME}} or ${{NAME:-default}} after the $ (write $${{ for a plain ${{)")]
    Reference,
    /// A variable's value uses the variable itself.
    #[error("the variable {variable} refers to itself")]
    Circle {
        /// The variable.
        variable: String,
    },
    /// A part of an address that the engine has not.
    #[error("{database} has no such thing: it takes engine, database and parameters alone")]
    Embedded {
        /// The engine.
        database: Database,
    },
    /// Parts of an address without the engine.
    #[error("there is no `engine` beside it")]
    NoEngine,
    /// An engine without the name of the database, where its client has no default.
    #[error("there is no `database` beside it")]
    NoDatabase,
    /// What a command or a file gave is no text.
    #[error("the text is not UTF-8")]
    NotUtf8,
}

impl SettingsError {
    /// Returns the stable name of the error, in kebab case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoFile { .. } => "settings-missing",
            Self::Read { .. } => "settings-unreadable",
            Self::NotToml { .. } => "settings-syntax",
            Self::UnknownKey { .. } => "unknown-key",
            Self::WrongType { .. } => "wrong-type",
            Self::Both { .. } | Self::OutsideDatabases { .. } => "conflicting-settings",
            Self::Invalid { problem: Problem::Url(_), .. } => "invalid-url",
            Self::Invalid { .. } => "invalid-setting",
            Self::Unset { .. } => "unset-variable",
            Self::EnvLine { .. } => "env-file-syntax",
            Self::UnknownDatabase { .. } | Self::UnknownDefault { .. } => "unknown-database",
            Self::NoDefault { .. } => "no-default-database",
            Self::NoSettings { .. } => "no-settings",
            Self::NoUrl { .. } => "no-url",
            Self::NoDevUrl { .. } => "no-dev-url",
            Self::DevWithUrl => "conflicting-flags",
            Self::EnvironmentName { .. } => "invalid-environment",
            Self::NoEnvironment { .. } => "no-environment",
            Self::PasswordFile { .. } => "password-file",
            Self::PasswordCommandStart { .. } | Self::PasswordCommand { .. } => "password-command",
        }
    }

    /// Returns the setting that is at fault, where there is one.
    pub fn setting(&self) -> Option<&Setting> {
        match self {
            Self::WrongType { setting, .. }
            | Self::Both { setting, .. }
            | Self::OutsideDatabases { setting }
            | Self::Invalid { setting, .. }
            | Self::Unset { setting, .. }
            | Self::UnknownDefault { setting, .. }
            | Self::NoEnvironment { setting }
            | Self::PasswordFile { setting, .. }
            | Self::PasswordCommandStart { setting, .. }
            | Self::PasswordCommand { setting, .. } => Some(setting),
            _ => None,
        }
    }

    /// Returns the place in `warden.toml` that is at fault, where there is one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::NotToml { place, .. } | Self::UnknownKey { place, .. } => Some(place),
            Self::NoUrl { place, .. } | Self::NoDevUrl { place, .. } => place.as_ref(),
            _ => match &*self.setting()?.origin {
                Origin::File(place) => Some(place),
                _ => None,
            },
        }
    }
}

fn section_text(section: &str) -> String {
    if section.is_empty() { String::new() } else { format!(" in [{section}]") }
}

fn meant(nearest: Option<&str>) -> String {
    nearest.map(|it| format!(", did you mean \"{it}\"?")).unwrap_or_default()
}

fn words(known: &[impl AsRef<str>], nearest: Option<&str>) -> String {
    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    format!("{} (known: {})", meant(nearest), known.join(", "))
}

fn at(place: Option<&Place>) -> String {
    place.map(|it| format!(" ({it})")).unwrap_or_default()
}
