//! The project: its root, its file, its variables and its databases, before a database is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::error::SettingsError;
use super::layers::{Found, Layers};
use super::origin::{Origin, Raw};
use super::resolve::Resolver;
use super::settings::DatabaseSettings;
use super::settings_file::{self, RawDatabase, SettingsFile};
use super::sources::{Overrides, Sources};
use crate::nearest::nearest;
use crate::url::joined;

const FILE: &str = "warden.toml";
/// The name of the only database where the settings give none.
const ONLY: &str = "primary";
const ENVIRONMENT_VARIABLES: &[&str] = &["DBWARDEN_ENV", "ENV", "ENVIRONMENT"];

/// A project: where it is, and which databases it has.
///
/// A database's own settings are resolved when it is asked for, so that a variable that one database lacks does not stop
/// another. Keys and types of the whole file are checked at once.
pub struct Project {
    /// The directory of `warden.toml`, or where we are.
    pub root: PathBuf,
    /// `warden.toml`, where there is one.
    pub file: Option<PathBuf>,
    /// The environment of the run.
    pub environment: Option<Environment>,
    /// Where the environment's name comes from.
    pub environment_origin: Origin,
    /// The database that is meant where none is named.
    pub default: Option<String>,
    /// What the person at the terminal should know.
    pub notes: Vec<String>,
    pub(super) directory: PathBuf,
    pub(super) databases: BTreeMap<String, RawDatabase>,
    pub(super) layers: Layers,
    pub(super) overrides: Overrides,
}

/// Where the settings are, and how messages name files there.
struct Located {
    root: PathBuf,
    shown: PathBuf,
    file: Option<(PathBuf, PathBuf)>,
}

impl Project {
    /// Finds and reads the settings.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let Sources { directory, environment, overrides } = sources;
        let Located { root, shown, file } = locate(directory, overrides.config.as_deref())?;

        let mut layers = Layers::new(environment.clone());
        layers.push_file(&root, &shown, ".env")?;
        let (environment, environment_origin) = match chosen_environment(overrides, &layers)? {
            Some((environment, origin)) => (Some(environment), origin),
            None => (None, Origin::Default),
        };
        // The short spelling comes last, and so stands above the long one.
        for spelling in environment.iter().flat_map(Environment::spellings).rev() {
            layers.push_file(&root, &shown, &format!(".env.{spelling}"))?;
        }

        let SettingsFile { default, mut databases, flat } = match &file {
            Some((path, shown)) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| SettingsError::Read { file: shown.clone(), source })?;
                settings_file::read(shown.clone(), &text)?
            }
            None => SettingsFile::default(),
        };
        if databases.is_empty() {
            // Without a file the name is free to choose.
            let free = overrides.database.clone().filter(|_| file.is_none());
            databases.insert(free.unwrap_or_else(|| ONLY.to_owned()), flat);
        }
        let default = match default {
            Some(raw) => Some(known_default(layers.expand(&raw)?, raw, &databases)?),
            None if databases.len() == 1 => databases.keys().next().cloned(),
            None => None,
        };

        let mut notes = Vec::new();
        if let Some(found) = layers.find_any(&["STRATA_ASYNC"], |_, _| true)? {
            notes.push(format!("{} has no effect: every driver suffix of a URL is accepted", found.origin));
        }
        Ok(Self {
            root,
            file: file.map(|(path, _)| path),
            environment,
            environment_origin,
            default,
            notes,
            directory: directory.clone(),
            databases,
            layers,
            overrides: overrides.clone(),
        })
    }

    /// Returns the names of the databases, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.databases.keys().map(String::as_str)
    }

    /// Resolves the database `name`; without a name that of `--database`, else the default.
    ///
    /// `--url` and `--migrations` speak to the database of `--database`, else to the default.
    pub fn select(&self, name: Option<&str>) -> Result<DatabaseSettings, SettingsError> {
        self.resolver(name)?.resolve()
    }

    /// Resolves every database, in the order of their names.
    pub fn all(&self) -> Vec<(String, Result<DatabaseSettings, SettingsError>)> {
        self.names().map(|name| (name.to_owned(), self.select(Some(name)))).collect()
    }

    pub(super) fn resolver(&self, name: Option<&str>) -> Result<Resolver<'_>, SettingsError> {
        let flagged = self.overrides.database.as_deref().or(self.default.as_deref());
        let Some(name) = name.or(flagged) else {
            return Err(SettingsError::NoDefault { known: self.databases.keys().cloned().collect() });
        };
        let Some((name, raw)) = self.databases.get_key_value(name) else {
            let (known, nearest) = known_and_nearest(name, &self.databases);
            return Err(SettingsError::UnknownDatabase { name: name.to_owned(), known, nearest });
        };
        let is_default = self.default.as_ref() == Some(name);
        Ok(Resolver { project: self, name, raw, is_default, is_flagged: flagged == Some(name) })
    }
}

fn known_and_nearest(name: &str, databases: &BTreeMap<String, RawDatabase>) -> (Vec<String>, Option<String>) {
    let known = databases.keys().cloned().collect();
    (known, nearest(name, databases.keys().map(String::as_str)).map(str::to_owned))
}

fn known_default(
    name: String,
    raw: Raw,
    databases: &BTreeMap<String, RawDatabase>,
) -> Result<String, SettingsError> {
    if databases.contains_key(&name) {
        return Ok(name);
    }
    let (known, nearest) = known_and_nearest(&raw.text, databases);
    Err(SettingsError::UnknownDefault { setting: raw.setting, name: raw.text, known, nearest })
}

fn locate(directory: &Path, config: Option<&Path>) -> Result<Located, SettingsError> {
    if let Some(config) = config {
        let path = joined(directory, config);
        if !path.is_file() {
            return Err(SettingsError::NoFile { file: config.to_owned() });
        }
        let parent = |it: &Path| it.parent().map(Path::to_owned).unwrap_or_default();
        return Ok(Located {
            root: parent(&path),
            shown: parent(config),
            file: Some((path, config.to_owned())),
        });
    }
    let mut shown = PathBuf::new();
    for root in directory.ancestors() {
        let path = root.join(FILE);
        if path.is_file() {
            let file = Some((path, shown.join(FILE)));
            return Ok(Located { root: root.to_owned(), shown, file });
        }
        shown.push("..");
    }
    Ok(Located { root: directory.to_owned(), shown: PathBuf::new(), file: None })
}

fn chosen_environment(
    overrides: &Overrides,
    layers: &Layers,
) -> Result<Option<(Environment, Origin)>, SettingsError> {
    let (name, origin) = match &overrides.env {
        Some(name) => (name.clone(), Origin::Flag("--env")),
        None => {
            // A POSIX shell keeps the path of its start-up file in ENV.
            let no_path = |name: &str, value: &str| name != "ENV" || !value.contains(['/', '~', '$', '\\']);
            match layers.find_any(ENVIRONMENT_VARIABLES, no_path)? {
                Some(Found { value, origin, .. }) => (value, origin),
                None => return Ok(None),
            }
        }
    };
    let environment =
        Environment::parse(&name).ok_or_else(|| SettingsError::EnvironmentName { origin: origin.clone() })?;
    Ok(Some((environment, origin)))
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project")
            .field("root", &self.root)
            .field("file", &self.file)
            .field("environment", &self.environment)
            .field("default", &self.default)
            .field("databases", &self.databases.keys())
            .finish_non_exhaustive()
    }
}
