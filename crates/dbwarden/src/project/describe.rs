//! The settings as `dbwarden config` shows them: each value with its origin, secrets masked, nothing run and no stop at
//! the first mistake.

use super::environment::Environment;
use super::error::SettingsError;
use super::keys::{KEYS, Key, PARTS, Show};
use super::load::Project;
use super::origin::{Origin, Raw};
use super::resolve::Resolver;
use super::settings_file::Value;

const MASK: &str = "***";

/// One setting as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key inside the database's table.
    pub key: String,
    /// The value, with secrets masked.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What is wrong with it.
    pub problem: Option<String>,
}

impl Project {
    /// Lists the settings of the database `name` (as in [`Project::select`]) that have a value, in the order of the
    /// documentation.
    pub fn describe(&self, name: Option<&str>) -> Result<Vec<Entry>, SettingsError> {
        let resolver = self.resolver(name)?;
        let mut entries = Vec::new();
        if let Some(environment) = &self.environment {
            let (value, origin) = (environment.name().to_owned(), self.environment_origin.clone());
            entries.push(Entry { key: "environment".to_owned(), value, origin, problem: None });
        }
        let dev = self.overrides.dev;
        if dev {
            let origin = Origin::Flag("--dev");
            entries.push(Entry { key: "dev".to_owned(), value: "true".to_owned(), origin, problem: None });
        }
        // With `--dev` no other address is looked at, nor whether that one is protected.
        let unused = |key: &&Key| {
            dev && (["url", "direct_url", "protected"].contains(&key.path) || PARTS.contains(&key.path))
        };
        let keys = KEYS.iter().filter(|key| !unused(key));
        entries.extend(keys.filter_map(|key| resolver.entry(key)));
        Ok(entries)
    }
}

impl Resolver<'_> {
    fn entry(&self, key: &Key) -> Option<Entry> {
        let entry = |value, origin, problem: Option<SettingsError>| Entry {
            key: key.path.to_owned(),
            value,
            origin,
            problem: problem.map(|it| it.to_string()),
        };
        // Production is protected, whatever else is said.
        if key.path == "protected" && self.project.environment == Some(Environment::Prod) {
            return Some(entry("true".to_owned(), self.project.environment_origin.clone(), None));
        }
        let value = match self.value(key.path) {
            Ok(Some(value)) => value,
            Ok(None) if key.path == "migrations" => {
                return Some(entry(self.default_migrations(), Origin::Default, None));
            }
            Ok(None) => return Some(entry(key.default?.to_owned(), Origin::Default, None)),
            Err(error) => {
                let origin = error.setting().map_or(Origin::Default, |it| (*it.origin).clone());
                return Some(entry(String::new(), origin, Some(error)));
            }
        };
        let origin = (*value.setting().origin).clone();
        let (shown, problem) = match &value {
            Value::Flag(flag, _) => (flag.to_string(), None),
            Value::Text(raw) => self.shown(key.show, raw),
            Value::List(list, _) => {
                let items: Vec<_> = list.iter().map(|raw| self.shown(key.show, raw)).collect();
                let text = items.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(", ");
                (text, items.into_iter().find_map(|(_, problem)| problem))
            }
            Value::Map(map, _) => {
                let items = map.keys().map(|name| format!("{name}={MASK}"));
                (items.collect::<Vec<_>>().join(", "), None)
            }
        };
        Some(entry(shown, origin, problem))
    }

    /// Shows one text; what cannot be understood is not shown, since it may be a password.
    fn shown(&self, show: Show, raw: &Raw) -> (String, Option<SettingsError>) {
        match show {
            Show::Hidden => (MASK.to_owned(), None),
            Show::Unexpanded => (raw.text.clone(), None),
            Show::Url => match self.parsed(raw) {
                Ok(url) => (url.masked(), None),
                Err(error) => (MASK.to_owned(), Some(error)),
            },
            Show::Plain => match self.project.layers.expand(raw) {
                Ok(text) => (text, None),
                Err(error) => (raw.text.clone(), Some(error)),
            },
        }
    }
}
