//! Flags and the process's environment become the library's settings. Nothing else reads the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use dbwarden::project::{Overrides, Project, SettingsError, Sources};

use crate::args::Global;

/// Returns the variables of the process. One that is no text is left out.
pub(crate) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Returns the directory where we are.
pub(crate) fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// Reads the settings.
pub(crate) fn project(global: &Global) -> Result<Project, SettingsError> {
    Project::load(&Sources {
        directory: here(),
        environment: environment(),
        overrides: Overrides {
            config: global.config.clone(),
            env: global.env.clone(),
            url: global.url.clone(),
            migrations: global.migrations.clone(),
            dev: global.dev,
            database: global.database.clone(),
            strict_translation: global.strict_translation,
        },
    })
}
