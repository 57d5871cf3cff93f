//! One database's raw values become its settings: flags over variables over `warden.toml` over defaults.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::duration::{DurationError, parse_duration};
use super::environment::Environment;
use super::error::{Problem, SettingsError};
use super::interpolate::refers;
use super::keys::{self, Key, Kind, PARTS, Reach};
use super::layers::Found;
use super::load::Project;
use super::origin::{Origin, Raw, Setting};
use super::safety::{Destructive, Safety, Window, WindowError};
use super::settings::{DatabaseSettings, Hooks, Tables};
use super::settings_file::{RawDatabase, Value};
use crate::database::Database;
use crate::nearest::nearest;
use crate::url::{DatabaseUrl, joined};

/// One database on its way from raw values to settings.
pub(super) struct Resolver<'a> {
    pub(super) project: &'a Project,
    pub(super) name: &'a str,
    pub(super) raw: &'a RawDatabase,
    /// Whether the variables that mean one database mean this one.
    pub(super) is_default: bool,
    /// Whether the flags that mean one database mean this one.
    pub(super) is_flagged: bool,
}

impl Resolver<'_> {
    pub(super) fn resolve(&self) -> Result<DatabaseSettings, SettingsError> {
        let project = self.project;
        let dev = project.overrides.dev;
        let mut notes = Vec::new();
        let (url, setting) = if dev { self.dev_address()? } else { self.address(&mut notes)? };
        let url = self.with_passfile(url)?;
        // A development database in a file has no schemas, and its engine seldom reads another's statements.
        let foreign = dev && url.database().is_embedded() && self.engine_hint() != Some(url.database());
        let mut session = self.list("session")?;
        if foreign && !session.is_empty() {
            notes.push(format!(
                "`session` is for another engine than the dev_url's {}: left out",
                url.database()
            ));
            session.clear();
        }
        let (pool_size, max_overflow) = self.pool()?;
        let schemaless = url.database().is_embedded();
        let prod = project.environment == Some(Environment::Prod);
        let overridden = !dev && !matches!(*setting.origin, Origin::File(_));
        Ok(DatabaseSettings {
            name: self.name.to_owned(),
            url_origin: *setting.origin,
            direct_url: if dev { None } else { self.direct_url(overridden, &mut notes)? },
            dev_url: self.dev_url_if_known(dev)?,
            dev,
            strict_translation: project.overrides.strict_translation,
            environment: project.environment.clone(),
            migrations: self.migrations()?,
            backups: self.path("backups")?.unwrap_or_else(|| project.root.join("backups")),
            models: self.list("models")?,
            schema: self.schema(schemaless, foreign)?,
            session,
            schema_file: self.path("schema_file")?,
            protected: !dev && (self.flag("protected")? || prod),
            template: self.path("template")?,
            foreign_keys: self.flag("foreign_keys")?,
            duckdb_library: self.path("duckdb_library")?,
            strict_ahead: self.flag("strict_ahead")?,
            tables: self.tables(foreign, &url)?,
            hooks: Hooks {
                before: self.list("hooks.before")?,
                after: self.list("hooks.after")?,
                failure: self.list("hooks.failure")?,
            },
            echo: self.flag("echo")?,
            pool_size,
            max_overflow,
            lock_wait: self.duration("lock_wait")?.unwrap_or(Duration::from_secs(60)),
            safety: Safety {
                require_backup_within: self.duration("safety.require_backup_within")?,
                lock_timeout: self.duration("safety.lock_timeout")?.unwrap_or(Duration::from_secs(10)),
                destructive: self.destructive()?,
                window: self.window()?,
            },
            url,
            notes,
        })
    }

    /// Names the file of passwords that the engine's own client would read: `PGPASSFILE`, else the one in the user's home. As there, one
    /// that others may read is passed over (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).
    fn with_passfile(&self, url: DatabaseUrl) -> Result<DatabaseUrl, SettingsError> {
        let Some(name) = url.database().client_defaults().passfile else { return Ok(url) };
        if url.password().is_some() || url.parameter("passfile").is_some() {
            return Ok(url);
        }
        let variable = |name| self.project.layers.find_any(&[name], |_, _| true);
        let file = match variable("PGPASSFILE")? {
            Some(found) => Some(PathBuf::from(found.value)),
            None => variable("HOME")?.map(|home| PathBuf::from(home.value).join(name)),
        };
        Ok(match file.filter(|file| is_private(file)) {
            Some(file) => url.with_parameter("passfile", file.to_string_lossy()),
            None => url,
        })
    }

    /// Returns the value that counts for a key, from the highest layer that has one.
    pub(super) fn value(&self, path: &str) -> Result<Option<Value>, SettingsError> {
        if let Some(flag) = self.flag_value(path)? {
            return Ok(Some(flag));
        }
        let in_file = self.raw.values.get(path);
        if let Some(key) = keys::find(path)
            && let Some(found) = self.variable(key)?
        {
            let setting = Setting { key: path.to_owned(), origin: Box::new(found.origin) };
            return value_of(key.kind, &found.value, setting).map(Some);
        }
        Ok(in_file.cloned())
    }

    fn flag_value(&self, path: &str) -> Result<Option<Value>, SettingsError> {
        if !self.is_flagged {
            return Ok(None);
        }
        let overrides = &self.project.overrides;
        let (text, flag) = match path {
            "url" => (overrides.url.clone(), "--url"),
            "migrations" => {
                (overrides.migrations.as_ref().map(|it| it.to_string_lossy().into_owned()), "--migrations")
            }
            _ => return Ok(None),
        };
        let Some(text) = text else { return Ok(None) };
        let setting = Setting { key: path.to_owned(), origin: Box::new(Origin::Flag(flag)) };
        let text = match text.strip_prefix("env:").filter(|_| path == "url") {
            None => text,
            Some(variable) => match self.project.layers.find(variable)? {
                Some(found) => found.value,
                None => return Err(SettingsError::Unset { setting, variable: variable.to_owned() }),
            },
        };
        Ok(Some(Value::Text(Raw { text, expands: false, setting })))
    }

    fn variable(&self, key: &Key) -> Result<Option<Found>, SettingsError> {
        if key.variables.is_empty() || (key.reach == Reach::Default && !self.is_default) {
            return Ok(None);
        }
        // An address in the file that names its variables has chosen them.
        if key.path == "url" && self.address_in_file().iter().any(|it| refers(&it.text)) {
            return Ok(None);
        }
        self.project.layers.find_any(key.variables, |_, _| true)
    }

    fn address_in_file(&self) -> Vec<&Raw> {
        let keys = std::iter::once(&"url").chain(PARTS);
        keys.filter_map(|key| self.raw.values.get(key)).flat_map(Value::texts).collect()
    }

    fn address(&self, notes: &mut Vec<String>) -> Result<(DatabaseUrl, Setting), SettingsError> {
        if let Some(Value::Text(raw)) = self.value("url")? {
            if let Some(other) = self.address_in_file().first()
                && matches!(*raw.setting.origin, Origin::Variable(_) | Origin::EnvFile { .. })
            {
                notes.push(format!("{} is used in place of {}", raw.setting, other.setting));
            }
            return Ok((self.parsed(&raw)?, raw.setting));
        }
        if let Some((url, setting)) = self.address_of_parts()? {
            return Ok((url.located_in(&self.project.root), setting));
        }
        let has_file = self.project.file.is_some();
        Err(if has_file || !self.is_default {
            SettingsError::NoUrl { database: self.name.to_owned(), place: self.raw.place.clone() }
        } else {
            SettingsError::NoSettings { directory: self.project.directory.clone() }
        })
    }

    fn dev_address(&self) -> Result<(DatabaseUrl, Setting), SettingsError> {
        if self.is_flagged && self.project.overrides.url.is_some() {
            return Err(SettingsError::DevWithUrl);
        }
        match self.value("dev_url")? {
            Some(Value::Text(raw)) => Ok((self.parsed(&raw)?, raw.setting)),
            _ => {
                Err(SettingsError::NoDevUrl { database: self.name.to_owned(), place: self.raw.place.clone() })
            }
        }
    }

    /// A variable that only `--dev` needs stops nothing else.
    fn dev_url_if_known(&self, dev: bool) -> Result<Option<DatabaseUrl>, SettingsError> {
        let Some(Value::Text(raw)) = self.value("dev_url")? else { return Ok(None) };
        match self.parsed(&raw) {
            Err(SettingsError::Unset { .. }) if !dev => Ok(None),
            other => other.map(Some),
        }
    }

    /// An address from outside the file is of another server, as far as is known, than the file's own `direct_url`.
    fn direct_url(
        &self,
        overridden: bool,
        notes: &mut Vec<String>,
    ) -> Result<Option<DatabaseUrl>, SettingsError> {
        let Some(Value::Text(raw)) = self.value("direct_url")? else { return Ok(None) };
        let flagged = self.is_flagged && self.project.overrides.url.is_some();
        if flagged || (overridden && !self.address_in_file().is_empty()) {
            notes.push(format!("{} is left out, since the url comes from elsewhere", raw.setting));
            return Ok(None);
        }
        self.parsed(&raw).map(Some)
    }

    /// Returns the engine of the address as far as it can be told without a password.
    fn engine_hint(&self) -> Option<Database> {
        if let Ok(Some(Value::Text(raw))) = self.value("url") {
            return self.parsed(&raw).ok().map(|url| url.database());
        }
        self.engine().ok()?.map(|(engine, _)| engine)
    }

    pub(super) fn parsed(&self, raw: &Raw) -> Result<DatabaseUrl, SettingsError> {
        let text = self.project.layers.expand(raw)?;
        let url = DatabaseUrl::parse(&text).map_err(|it| invalid(&raw.setting, it))?;
        Ok(url.located_in(self.base(&raw.setting)))
    }

    /// A flag's path starts where we are, any other at the project's root.
    fn base(&self, setting: &Setting) -> &Path {
        match *setting.origin {
            Origin::Flag(_) => &self.project.directory,
            _ => &self.project.root,
        }
    }

    fn migrations(&self) -> Result<PathBuf, SettingsError> {
        if let Some((text, setting)) = self.text("migrations")? {
            let base = self.base(&setting);
            let text = if matches!(*setting.origin, Origin::Flag(_)) {
                text
            } else {
                self.with_environment(text, &setting)?
            };
            return Ok(joined(base, text.as_ref()));
        }
        Ok(joined(&self.project.root, self.default_migrations().as_ref()))
    }

    /// Databases never share a directory by default.
    pub(super) fn default_migrations(&self) -> String {
        if self.project.databases.len() == 1 {
            "migrations".to_owned()
        } else {
            format!("migrations/{}", self.name)
        }
    }

    fn schema(&self, schemaless: bool, foreign: bool) -> Result<Option<String>, SettingsError> {
        let Some((schema, setting)) = self.text("schema")? else { return Ok(None) };
        // STRATA_POSTGRES_SCHEMA may be there for another program's database.
        let from_variable = !matches!(*setting.origin, Origin::File(_));
        Ok(Some(schema).filter(|_| !(foreign || (from_variable && schemaless))))
    }

    fn tables(&self, foreign: bool, url: &DatabaseUrl) -> Result<Tables, SettingsError> {
        let default = Tables::default();
        let text = |key| Ok::<_, SettingsError>(self.text(key)?.map(|(text, _)| text));
        Ok(Tables {
            migrations: text("tables.migrations")?.unwrap_or(default.migrations),
            lock: text("tables.lock")?.unwrap_or(default.lock),
            journal: text("tables.journal")?.unwrap_or(default.journal),
            schema: text("tables.schema")?.filter(|_| !foreign).or_else(|| {
                let name = url.name().filter(|_| url.database().schemas_are_databases());
                name.map(str::to_owned)
            }),
            session_schema: self
                .schema(url.database().is_embedded(), foreign)?
                .filter(|_| url.database().has_search_path()),
        })
    }

    fn destructive(&self) -> Result<Destructive, SettingsError> {
        let Some(Value::Text(raw)) = self.value("safety.destructive")? else {
            return Ok(Destructive::default());
        };
        let text = self.project.layers.expand(&raw)?;
        let word = Destructive::WORDS.iter().find(|(word, _)| *word == text);
        word.map(|(_, it)| *it).ok_or_else(|| {
            let known = Destructive::WORDS.map(|(word, _)| word).to_vec();
            let nearest = nearest(&raw.text, known.iter().copied()).map(str::to_owned);
            invalid(&raw.setting, Problem::Word { found: raw.text.clone(), known, nearest })
        })
    }

    fn window(&self) -> Result<Option<Window>, SettingsError> {
        let Some((text, setting)) = self.text("safety.window")? else { return Ok(None) };
        text.parse().map(Some).map_err(|it| match it {
            WindowError::Time { .. } if refers(&self.as_written("safety.window")) => {
                invalid(&setting, WindowError::Shape)
            }
            it => invalid(&setting, it),
        })
    }

    fn duration(&self, path: &str) -> Result<Option<Duration>, SettingsError> {
        let Some((text, setting)) = self.text(path)? else { return Ok(None) };
        parse_duration(&text).map(Some).map_err(|it| match it {
            // What a variable holds is not shown.
            DurationError::UnknownUnit { .. } if refers(&self.as_written(path)) => {
                invalid(&setting, DurationError::NoNumber)
            }
            it => invalid(&setting, it),
        })
    }

    /// The variables are SQLAlchemy's: a size of 0 and an overflow of -1 both mean that there is no bound.
    fn pool(&self) -> Result<(Option<u32>, Option<u32>), SettingsError> {
        let size = self.number("pool_size", 0, 10_000)?;
        let unbounded = matches!(self.text("max_overflow")?, Some((text, _)) if text.trim() == "-1");
        if size == Some(0) || unbounded {
            return Ok((None, None));
        }
        Ok((size, self.number("max_overflow", 0, 10_000)?))
    }

    fn path(&self, path: &str) -> Result<Option<PathBuf>, SettingsError> {
        Ok(self.text(path)?.map(|(text, _)| joined(&self.project.root, text.as_ref())))
    }

    pub(super) fn number(&self, path: &str, least: u32, most: u32) -> Result<Option<u32>, SettingsError> {
        let Some((text, setting)) = self.text(path)? else { return Ok(None) };
        let number = text.trim().parse().ok().filter(|it| (least..=most).contains(it));
        number.map(Some).ok_or_else(|| invalid(&setting, Problem::Number { least, most }))
    }

    /// Returns a text with `${VAR}` replaced. An empty one is an error: it is a mistake in every one of our keys.
    pub(super) fn text(&self, path: &str) -> Result<Option<(String, Setting)>, SettingsError> {
        let Some(Value::Text(raw)) = self.value(path)? else { return Ok(None) };
        let text = self.project.layers.expand(&raw)?;
        if text.trim().is_empty() && path != "password" {
            return Err(invalid(&raw.setting, Problem::Empty));
        }
        Ok(Some((text, raw.setting)))
    }

    /// Returns a text of the file as it stands there, for messages.
    pub(super) fn as_written(&self, path: &str) -> String {
        match self.raw.values.get(path) {
            Some(Value::Text(raw)) => raw.text.clone(),
            _ => String::new(),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<String>, SettingsError> {
        let Some(Value::List(list, _)) = self.value(path)? else { return Ok(Vec::new()) };
        list.iter()
            .map(|raw| {
                let text = self.project.layers.expand(raw)?;
                if path == "session" { self.with_environment(text, &raw.setting) } else { Ok(text) }
            })
            .collect()
    }

    fn flag(&self, path: &str) -> Result<bool, SettingsError> {
        Ok(matches!(self.value(path)?, Some(Value::Flag(true, _))))
    }

    fn with_environment(&self, text: String, setting: &Setting) -> Result<String, SettingsError> {
        if !text.contains("{env}") {
            return Ok(text);
        }
        match &self.project.environment {
            Some(environment) => Ok(text.replace("{env}", environment.name())),
            None => Err(SettingsError::NoEnvironment { setting: setting.clone() }),
        }
    }
}

/// Takes a variable's text as the value of a key.
fn value_of(kind: Kind, text: &str, setting: Setting) -> Result<Value, SettingsError> {
    let raw = |text: &str| Raw { text: text.to_owned(), expands: false, setting: setting.clone() };
    Ok(match kind {
        Kind::Text | Kind::Number | Kind::Map => Value::Text(raw(text.trim())),
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            Value::List(items.map(raw).collect(), setting)
        }
        Kind::Flag => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Value::Flag(true, setting),
            "false" | "0" | "no" | "off" => Value::Flag(false, setting),
            _ => return Err(invalid(&setting, Problem::Boolean)),
        },
    })
}

fn invalid(setting: &Setting, problem: impl Into<Problem>) -> SettingsError {
    SettingsError::Invalid { setting: setting.clone(), problem: problem.into() }
}

/// Whether `file` is one that nobody else may read.
fn is_private(file: &Path) -> bool {
    let Ok(metadata) = std::fs::metadata(file) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.is_file() && metadata.permissions().mode() & 0o077 == 0
    }
    #[cfg(not(unix))]
    metadata.is_file()
}
