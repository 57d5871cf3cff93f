//! Every key of a database's settings, once: what it holds, how it is shown, its default and the variables over it.

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A string or a whole number.
    Number,
    /// A list of strings, or one string.
    List,
    /// True or false.
    Flag,
    /// A table of strings.
    Map,
}

/// How `dbwarden config` shows a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// As it is.
    Plain,
    /// As a masked URL.
    Url,
    /// As `***`.
    Hidden,
    /// With `${VAR}` left in place, since what it stands for may be a secret.
    Unexpanded,
}

/// Which databases a variable speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The default one.
    Default,
    /// All of them.
    All,
}

/// A key of a database's settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// The dotted path inside the database's table.
    pub(crate) path: &'static str,
    /// The older spelling.
    pub(crate) older: Option<&'static str>,
    pub(crate) kind: Kind,
    pub(crate) show: Show,
    pub(crate) default: Option<&'static str>,
    /// The variables over it; the first wins in one layer.
    pub(crate) variables: &'static [&'static str],
    pub(crate) reach: Reach,
}

const fn key(path: &'static str, kind: Kind, show: Show) -> Key {
    Key { path, older: None, kind, show, default: None, variables: &[], reach: Reach::Default }
}

const fn with_default(default: &'static str, key: Key) -> Key {
    Key { default: Some(default), ..key }
}

const fn over(variables: &'static [&'static str], reach: Reach, key: Key) -> Key {
    Key { variables, reach, ..key }
}

const fn older(older: &'static str, key: Key) -> Key {
    Key { older: Some(older), ..key }
}

use Kind::{Flag, List, Map, Number, Text};
use Show::{Hidden, Plain, Unexpanded, Url};

/// Every key, in the order of the documentation.
pub(crate) const KEYS: &[Key] = &[
    older(
        "sqlalchemy_url",
        over(&["DATABASE_URL", "STRATA_SQLALCHEMY_URL"], Reach::Default, key("url", Text, Url)),
    ),
    key("direct_url", Text, Url),
    key("dev_url", Text, Url),
    key("engine", Text, Plain),
    key("host", Text, Plain),
    key("port", Number, Plain),
    key("user", Text, Plain),
    key("password", Text, Hidden),
    key("password_file", Text, Plain),
    key("password_command", Text, Unexpanded),
    key("database", Text, Plain),
    key("parameters", Map, Hidden),
    key("migrations", Text, Plain),
    with_default("backups", key("backups", Text, Plain)),
    older("model_paths", over(&["STRATA_MODEL_PATHS"], Reach::Default, key("models", List, Plain))),
    older("postgres_schema", over(&["STRATA_POSTGRES_SCHEMA"], Reach::Default, key("schema", Text, Plain))),
    key("session", List, Unexpanded),
    key("schema_file", Text, Plain),
    with_default("false", key("protected", Flag, Plain)),
    key("template", Text, Plain),
    with_default("false", key("foreign_keys", Flag, Plain)),
    over(&["DBWARDEN_DUCKDB_LIBRARY"], Reach::All, key("duckdb_library", Text, Plain)),
    with_default("false", key("strict_ahead", Flag, Plain)),
    with_default("false", over(&["DB_ECHO"], Reach::All, key("echo", Flag, Plain))),
    over(&["DB_POOL_SIZE"], Reach::All, key("pool_size", Number, Plain)),
    over(&["DB_MAX_OVERFLOW"], Reach::All, key("max_overflow", Number, Plain)),
    with_default("60s", key("lock_wait", Text, Plain)),
    with_default("dbwarden_migrations", key("tables.migrations", Text, Plain)),
    with_default("dbwarden_lock", key("tables.lock", Text, Plain)),
    with_default("dbwarden_journal", key("tables.journal", Text, Plain)),
    key("tables.schema", Text, Plain),
    key("hooks.before", List, Unexpanded),
    key("hooks.after", List, Unexpanded),
    key("hooks.failure", List, Unexpanded),
    key("safety.require_backup_within", Text, Plain),
    with_default("10s", key("safety.lock_timeout", Text, Plain)),
    with_default("ask", key("safety.destructive", Text, Plain)),
    key("safety.window", Text, Plain),
];

/// The keys that stand in place of `url`.
pub(crate) const PARTS: &[&str] = &[
    "engine",
    "host",
    "port",
    "user",
    "password",
    "password_file",
    "password_command",
    "database",
    "parameters",
];

/// Returns the key at `path`, by its own or its older spelling.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path || key.older == Some(path))
}

/// Returns the names that may stand in the table `prefix` (empty, or ending with a dot): keys and tables.
pub(crate) fn names_in(prefix: &str) -> Vec<&'static str> {
    let own = KEYS.iter().map(|key| key.path);
    let mut names: Vec<&str> = own
        .chain(KEYS.iter().filter_map(|key| key.older))
        .filter_map(|path| path.strip_prefix(prefix))
        .map(|rest| rest.split('.').next().unwrap_or(rest))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The variables that are read beside those of a key.
const OTHER_VARIABLES: &[&str] = &["DBWARDEN_ENV", "ENV", "ENVIRONMENT", "STRATA_ASYNC"];

/// Lists every key of a database's settings with its older spelling, in the order of the documentation.
pub fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().flat_map(|key| std::iter::once(key.path).chain(key.older))
}

/// Lists every variable of the environment that is read.
pub fn variables() -> impl Iterator<Item = &'static str> {
    KEYS.iter().flat_map(|key| key.variables).chain(OTHER_VARIABLES).copied()
}
