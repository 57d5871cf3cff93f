//! `warden.toml`: from text to raw values with their places. Keys and types are checked here; `${VAR}` stays as it is.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use super::error::SettingsError;
use super::keys::{self, Kind, PARTS};
use super::origin::{Origin, Place, Raw, Setting};
use crate::nearest::nearest;

/// A value as the file, a variable or a flag gives it.
#[derive(Clone)]
pub(crate) enum Value {
    Text(Raw),
    List(Vec<Raw>, Setting),
    Flag(bool, Setting),
    Map(BTreeMap<String, Raw>, Setting),
}

impl Value {
    pub(crate) fn setting(&self) -> &Setting {
        match self {
            Value::Text(raw) => &raw.setting,
            Value::List(_, setting) | Value::Flag(_, setting) | Value::Map(_, setting) => setting,
        }
    }

    /// Every text in it.
    pub(crate) fn texts(&self) -> Vec<&Raw> {
        match self {
            Value::Text(raw) => vec![raw],
            Value::List(list, _) => list.iter().collect(),
            Value::Map(map, _) => map.values().collect(),
            Value::Flag(..) => Vec::new(),
        }
    }
}

/// One database as the file gives it.
#[derive(Clone, Default)]
pub(crate) struct RawDatabase {
    /// Where its table begins.
    pub(crate) place: Option<Place>,
    /// What stands before its keys: `databases.primary.`, or nothing in the flat form.
    pub(crate) prefix: String,
    pub(crate) values: BTreeMap<&'static str, Value>,
}

/// What the file says.
#[derive(Default)]
pub(crate) struct SettingsFile {
    pub(crate) default: Option<Raw>,
    /// Empty in the flat form of one database.
    pub(crate) databases: BTreeMap<String, RawDatabase>,
    pub(crate) flat: RawDatabase,
}

/// Reads `text`, which stands in `file`.
pub(crate) fn read(file: PathBuf, text: &str) -> Result<SettingsFile, SettingsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let reader = Reader { file, text };
    let parsed = DeTable::parse(text).map_err(|error| SettingsError::NotToml {
        place: reader.place(error.span().unwrap_or(0..0)),
        // The message alone: the error's own text would show the line, and a password in it.
        problem: error.message().to_owned(),
    })?;
    reader.top(parsed.get_ref())
}

struct Reader<'a> {
    file: PathBuf,
    text: &'a str,
}

impl Reader<'_> {
    fn top(&self, table: &DeTable<'_>) -> Result<SettingsFile, SettingsError> {
        let mut it = SettingsFile::default();
        let several = table.get("databases").is_some();
        for (key, at, value) in in_order(table) {
            let setting = || self.setting(key, value.span());
            match (key, value.get_ref()) {
                ("default", value) => it.default = Some(self.raw(value, setting(), false)?),
                ("databases", DeValue::Table(tables)) => {
                    for (name, at, value) in in_order(tables) {
                        let path = format!("databases.{name}");
                        let DeValue::Table(table) = value.get_ref() else {
                            return Err(wrong(self.setting(&path, value.span()), "a table", value.get_ref()));
                        };
                        let place = Some(self.place(at));
                        let mut database =
                            RawDatabase { place, prefix: format!("{path}."), values: BTreeMap::new() };
                        self.table(table, &path, "", &[], &mut database)?;
                        check(&database)?;
                        it.databases.insert(name.to_owned(), database);
                    }
                }
                ("databases", value) => return Err(wrong(setting(), "a table", value)),
                (_, _) if several => {
                    // A table here is rather a mistyped `databases`.
                    if keys::names_in("").contains(&key) && !value.get_ref().is_table() {
                        return Err(SettingsError::OutsideDatabases { setting: self.setting(key, at) });
                    }
                    return Err(self.unknown(key, at, "", &["default", "databases"]));
                }
                _ => {}
            }
        }
        if !several {
            self.table(table, "", "", &["default"], &mut it.flat)?;
            check(&it.flat)?;
        }
        Ok(it)
    }

    /// Reads the keys of a database, or of one of its tables (`prefix` is then `safety.` and the like).
    fn table(
        &self,
        table: &DeTable<'_>,
        section: &str,
        prefix: &str,
        elsewhere: &[&'static str],
        database: &mut RawDatabase,
    ) -> Result<(), SettingsError> {
        for (name, at, value) in in_order(table) {
            if elsewhere.contains(&name) {
                continue;
            }
            let path = format!("{prefix}{name}");
            let setting = self.setting(&format!("{}{path}", database.prefix), value.span());
            let Some(key) = keys::find(&path) else {
                let known = keys::names_in(prefix);
                let is_table = known.contains(&name);
                match value.get_ref() {
                    DeValue::Table(inner) if is_table => {
                        let section = [section, name].into_iter().filter(|it| !it.is_empty());
                        let section = section.collect::<Vec<_>>().join(".");
                        self.table(inner, &section, &format!("{path}."), &[], database)?;
                    }
                    other if is_table => return Err(wrong(setting, "a table", other)),
                    _ => return Err(self.unknown(name, at, section, &[&known, elsewhere].concat())),
                }
                continue;
            };
            let value = self.value(key.kind, value.get_ref(), setting)?;
            if let Some(other) = database.values.get(key.path) {
                let (setting, other) = (value.setting().clone(), other.setting().clone());
                return Err(SettingsError::Both { setting, other });
            }
            database.values.insert(key.path, value);
        }
        Ok(())
    }

    fn value(&self, kind: Kind, value: &DeValue<'_>, setting: Setting) -> Result<Value, SettingsError> {
        Ok(match (kind, value) {
            (Kind::Flag, DeValue::Boolean(flag)) => Value::Flag(*flag, setting),
            (Kind::Flag, other) => return Err(wrong(setting, "true or false", other)),
            (Kind::Text, other) => Value::Text(self.raw(other, setting, false)?),
            (Kind::Number, other) => Value::Text(self.raw(other, setting, true)?),
            (Kind::List, DeValue::Array(items)) => {
                let mut list = Vec::new();
                for item in items.iter() {
                    let place = Box::new(Origin::File(self.place(item.span())));
                    list.push(self.raw(
                        item.get_ref(),
                        Setting { origin: place, ..setting.clone() },
                        false,
                    )?);
                }
                Value::List(list, setting)
            }
            (Kind::List, DeValue::String(text)) => {
                let raw = Raw { text: text.to_string(), expands: true, setting: setting.clone() };
                Value::List(vec![raw], setting)
            }
            (Kind::List, other) => return Err(wrong(setting, "a list of strings", other)),
            (Kind::Map, DeValue::Table(table)) => {
                let mut map = BTreeMap::new();
                for (name, _, value) in in_order(table) {
                    let setting = self.setting(&format!("{}.{name}", setting.key), value.span());
                    map.insert(name.to_owned(), self.raw(value.get_ref(), setting, true)?);
                }
                Value::Map(map, setting)
            }
            (Kind::Map, other) => return Err(wrong(setting, "a table of strings", other)),
        })
    }

    fn raw(&self, value: &DeValue<'_>, setting: Setting, number: bool) -> Result<Raw, SettingsError> {
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(it) if number && it.radix() == 10 => it.as_str().replace('_', ""),
            other if number => return Err(wrong(setting, "a string or a whole number", other)),
            other => return Err(wrong(setting, "a string", other)),
        };
        Ok(Raw { text, expands: true, setting })
    }

    fn unknown(&self, key: &str, at: Range<usize>, section: &str, known: &[&str]) -> SettingsError {
        SettingsError::UnknownKey {
            place: self.place(at),
            key: key.to_owned(),
            section: section.to_owned(),
            nearest: nearest(key, known.iter().copied()).map(str::to_owned),
        }
    }

    fn setting(&self, key: &str, span: Range<usize>) -> Setting {
        Setting { key: key.to_owned(), origin: Box::new(Origin::File(self.place(span))) }
    }

    fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let number = |it: usize| u32::try_from(it + 1).unwrap_or(u32::MAX);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            file: self.file.clone(),
            line: number(before.matches('\n').count()),
            column: number(before[line_start..].chars().count()),
        }
    }
}

/// The entries of a table in the order of the file, each with the place of its key.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(&'a str, Range<usize>, &'a toml::Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> =
        table.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span(), value)).collect();
    entries.sort_by_key(|(_, at, _)| at.start);
    entries
}

fn wrong(setting: Setting, expected: &'static str, found: &DeValue<'_>) -> SettingsError {
    SettingsError::WrongType { setting, expected, found: found.type_str() }
}

/// Refuses settings that say one thing twice.
fn check(database: &RawDatabase) -> Result<(), SettingsError> {
    let get = |key: &str| database.values.get(key).map(Value::setting);
    if let Some(url) = get("url")
        && let Some(part) = PARTS.iter().find_map(|part| get(part))
    {
        return Err(SettingsError::Both { setting: part.clone(), other: url.clone() });
    }
    let passwords = ["password", "password_file", "password_command"];
    let mut passwords = passwords.iter().filter_map(|it| get(it));
    if let (Some(other), Some(setting)) = (passwords.next(), passwords.next()) {
        return Err(SettingsError::Both { setting: setting.clone(), other: other.clone() });
    }
    Ok(())
}
