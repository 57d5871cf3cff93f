//! The resolved settings of one database.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::origin::Origin;
use super::safety::Safety;
use crate::url::DatabaseUrl;

/// The resolved settings of one database.
#[derive(Clone)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// The name in `[databases]`; `primary` where there is none.
    pub name: String,
    /// The address to use: with `--dev` that of the development database.
    pub url: DatabaseUrl,
    /// Where [`DatabaseSettings::url`] comes from.
    pub url_origin: Origin,
    /// The address for what cannot go through a pooler.
    pub direct_url: Option<DatabaseUrl>,
    /// The address of the development database.
    pub dev_url: Option<DatabaseUrl>,
    /// Whether `--dev` was given.
    pub dev: bool,
    /// Whether a lossy translation fails rather than warns.
    pub strict_translation: bool,
    /// The environment of the run.
    pub environment: Option<Environment>,
    /// The directory of the migrations.
    pub migrations: PathBuf,
    /// The directory of the backups.
    pub backups: PathBuf,
    /// Where the models are: directories, files or modules, relative to the project's root.
    pub models: Vec<String>,
    /// The schema of every session, and of our tables.
    pub schema: Option<String>,
    /// Statements that run first on each session.
    pub session: Vec<String>,
    /// The file that holds the whole schema.
    pub schema_file: Option<PathBuf>,
    /// Whether rollback, restore, stamp and unlock ask first.
    pub protected: bool,
    /// The file that a new migration's text is made from.
    pub template: Option<PathBuf>,
    /// Whether SQLite checks foreign keys while migrations run.
    pub foreign_keys: bool,
    /// DuckDB's library.
    pub duckdb_library: Option<PathBuf>,
    /// Whether a database that is ahead of the files is an error.
    pub strict_ahead: bool,
    /// The names of our tables.
    pub tables: Tables,
    /// Commands that run around each migration.
    pub hooks: Hooks,
    /// Whether each statement is printed.
    pub echo: bool,
    /// How many sessions we may hold.
    pub pool_size: Option<u32>,
    /// How many more for a short time.
    pub max_overflow: Option<u32>,
    /// How long to wait for the lock.
    pub lock_wait: Duration,
    /// What must hold before something is changed.
    pub safety: Safety,
    /// What the person at the terminal should know about these settings.
    pub notes: Vec<String>,
}

/// The names of our tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// The history.
    pub migrations: String,
    /// The lock.
    pub lock: String,
    /// The journal.
    pub journal: String,
    /// Their schema, where the settings name it.
    pub schema: Option<String>,
    /// PostgreSQL: the schema of every session, where they are unless [`Tables::schema`] says otherwise.
    pub session_schema: Option<String>,
}

impl Tables {
    /// Returns the schema they are in, unless it is the engine's default.
    pub fn home(&self) -> Option<&str> {
        self.schema.as_deref().or(self.session_schema.as_deref())
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            migrations: "dbwarden_migrations".to_owned(),
            lock: "dbwarden_lock".to_owned(),
            journal: "dbwarden_journal".to_owned(),
            schema: None,
            session_schema: None,
        }
    }
}

/// Commands that run around each migration.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Before it.
    pub before: Vec<String>,
    /// After it.
    pub after: Vec<String>,
    /// When it failed.
    pub failure: Vec<String>,
}

impl DatabaseSettings {
    /// Returns the settings of the database at `url` with every default, and no file: what a program that brings its own
    /// settings starts from.
    pub fn of(url: DatabaseUrl) -> Self {
        Self {
            name: "primary".to_owned(),
            url,
            url_origin: Origin::Default,
            direct_url: None,
            dev_url: None,
            dev: false,
            strict_translation: false,
            environment: None,
            migrations: PathBuf::from("migrations"),
            backups: PathBuf::from("backups"),
            models: Vec::new(),
            schema: None,
            session: Vec::new(),
            schema_file: None,
            protected: false,
            template: None,
            foreign_keys: false,
            duckdb_library: None,
            strict_ahead: false,
            tables: Tables::default(),
            hooks: Hooks::default(),
            echo: false,
            pool_size: None,
            max_overflow: None,
            lock_wait: Duration::from_secs(60),
            safety: Safety::default(),
            notes: Vec::new(),
        }
    }

    /// Returns the most sessions we may hold at once, or `None` where nothing bounds them.
    pub fn max_sessions(&self) -> Option<u32> {
        self.pool_size.map(|size| size.saturating_add(self.max_overflow.unwrap_or(0)))
    }
}

// Statements and commands may hold a secret that `${VAR}` put there, so `Debug` counts them.
impl fmt::Debug for DatabaseSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSettings")
            .field("name", &self.name)
            .field("url", &self.url)
            .field("direct_url", &self.direct_url)
            .field("dev_url", &self.dev_url)
            .field("dev", &self.dev)
            .field("environment", &self.environment)
            .field("migrations", &self.migrations)
            .field("models", &self.models)
            .field("schema", &self.schema)
            .field("session", &self.session.len())
            .field("protected", &self.protected)
            .field("tables", &self.tables)
            .field("hooks", &self.hooks)
            .field("safety", &self.safety)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("before", &self.before.len())
            .field("after", &self.after.len())
            .field("failure", &self.failure.len())
            .finish()
    }
}
