//! What the settings are made from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// What the settings are made from. The library takes nothing else from the process.
#[derive(Clone, Default)]
pub struct Sources {
    /// The directory where we are: `warden.toml` is looked for here and above.
    pub directory: PathBuf,
    /// The variables of the process.
    pub environment: BTreeMap<String, String>,
    /// What the flags say.
    pub overrides: Overrides,
}

/// What the command line's global options say.
#[derive(Clone, Default)]
pub struct Overrides {
    /// `--config FILE`.
    pub config: Option<PathBuf>,
    /// `--env NAME`.
    pub env: Option<String>,
    /// `--url URL`, or `env:NAME` for the variable that holds it.
    pub url: Option<String>,
    /// `--migrations DIR`.
    pub migrations: Option<PathBuf>,
    /// `--dev`.
    pub dev: bool,
    /// `--database NAME`.
    pub database: Option<String>,
    /// `--strict-translation`.
    pub strict_translation: bool,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Any variable may hold a secret.
        f.debug_struct("Sources")
            .field("directory", &self.directory)
            .field("overrides", &self.overrides)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides")
            .field("config", &self.config)
            .field("env", &self.env)
            .field("url", &self.url.as_ref().map(|_| "***"))
            .field("migrations", &self.migrations)
            .field("dev", &self.dev)
            .field("database", &self.database)
            .field("strict_translation", &self.strict_translation)
            .finish()
    }
}
