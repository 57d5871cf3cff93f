//! The variables: the process environment over `.env.<ENV>` over `.env`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::env_file::{EnvEntry, EnvFile};
use super::error::{Problem, SettingsError};
use super::interpolate::{Failure, interpolate};
use super::origin::{Origin, Raw, Setting};

/// The variables in their layers. It has no `Debug`, since any of them may be a secret.
pub(crate) struct Layers {
    process: BTreeMap<String, String>,
    files: Vec<EnvFile>,
}

/// A variable that is set.
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

impl Layers {
    pub(crate) fn new(process: BTreeMap<String, String>) -> Self {
        Self { process, files: Vec::new() }
    }

    /// Reads `root/name` as the layer above the files so far; a file that is not there is none. (`.env` may also be the
    /// directory of a Python environment.)
    pub(crate) fn push_file(&mut self, root: &Path, shown: &Path, name: &str) -> Result<(), SettingsError> {
        let path = root.join(name);
        if !path.is_file() {
            return Ok(());
        }
        let shown: PathBuf = shown.join(name);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| SettingsError::Read { file: shown.clone(), source })?;
        self.files.insert(0, EnvFile::parse(&shown, &text)?);
        Ok(())
    }

    /// Returns the variable from the highest layer that sets it.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Found>, SettingsError> {
        self.find_beyond(name, &mut Vec::new())
    }

    /// Returns the first of `names` that is set, and neither empty nor refused, in the highest layer that has one.
    pub(crate) fn find_any(
        &self,
        names: &[&str],
        accept: impl Fn(&str, &str) -> bool,
    ) -> Result<Option<Found>, SettingsError> {
        let accept = |it: &Found| !it.value.trim().is_empty() && accept(&it.name, &it.value);
        for name in names {
            if let Some(found) = self.in_process(name).filter(accept) {
                return Ok(Some(found));
            }
        }
        for file in &self.files {
            for name in names {
                if let Some(entry) = file.entries.get(*name)
                    && let found = self.in_file(file, name, entry, &mut Vec::new())?
                    && accept(&found)
                {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// Replaces the references in a value of the settings file.
    pub(crate) fn expand(&self, raw: &Raw) -> Result<String, SettingsError> {
        if !raw.expands {
            return Ok(raw.text.clone());
        }
        let lookup = |name: &str| Ok(self.find(name)?.map(|it| it.value));
        interpolate(&raw.text, lookup).map_err(|failure| failed(failure, raw.setting.clone()))
    }

    fn in_process(&self, name: &str) -> Option<Found> {
        let value = self.process.get(name)?.clone();
        Some(Found { name: name.to_owned(), value, origin: Origin::Variable(name.to_owned()) })
    }

    fn find_beyond(&self, name: &str, path: &mut Vec<String>) -> Result<Option<Found>, SettingsError> {
        if let Some(found) = self.in_process(name) {
            return Ok(Some(found));
        }
        let with = |file: &EnvFile| file.entries.get(name).cloned();
        let Some((file, entry)) = self.files.iter().find_map(|file| Some((file, with(file)?))) else {
            return Ok(None);
        };
        self.in_file(file, name, &entry, path).map(Some)
    }

    fn in_file(
        &self,
        file: &EnvFile,
        name: &str,
        entry: &EnvEntry,
        path: &mut Vec<String>,
    ) -> Result<Found, SettingsError> {
        let origin = Origin::EnvFile { variable: name.to_owned(), file: file.file.clone(), line: entry.line };
        let setting = || Setting { key: name.to_owned(), origin: Box::new(origin.clone()) };
        if path.iter().any(|it| it == name) {
            let problem = Problem::Circle { variable: name.to_owned() };
            return Err(SettingsError::Invalid { setting: setting(), problem });
        }
        path.push(name.to_owned());
        let value = if entry.expands {
            let lookup = |name: &str| Ok(self.find_beyond(name, path)?.map(|it| it.value));
            match interpolate(&entry.value, lookup) {
                // Other programs write these files too: what is no reference is plain text.
                Err(Failure::Malformed) => entry.value.clone(),
                other => other.map_err(|failure| failed(failure, setting()))?,
            }
        } else {
            entry.value.clone()
        };
        path.pop();
        Ok(Found { name: name.to_owned(), value, origin })
    }
}

fn failed(failure: Failure<SettingsError>, setting: Setting) -> SettingsError {
    match failure {
        Failure::Malformed => SettingsError::Invalid { setting, problem: Problem::Reference },
        Failure::Unset(variable) => SettingsError::Unset { setting, variable },
        Failure::Lookup(error) => error,
    }
}
