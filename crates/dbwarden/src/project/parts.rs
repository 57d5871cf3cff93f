//! An address given as parts: `engine`, `host`, `port`, `user`, a password from one of three places, `database`.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use secrecy::SecretString;

use super::error::{Problem, SettingsError};
use super::keys::PARTS;
use super::origin::Setting;
use super::resolve::Resolver;
use super::settings_file::Value;
use crate::database::Database;
use crate::nearest::nearest;
use crate::url::{DatabaseUrl, Parts, joined};

impl Resolver<'_> {
    /// Puts the address together, or returns `None` where no part is given.
    pub(super) fn address_of_parts(&self) -> Result<Option<(DatabaseUrl, Setting)>, SettingsError> {
        let Some(first) = PARTS.iter().find_map(|part| self.raw.values.get(part)) else { return Ok(None) };
        let Some((engine, setting)) = self.engine()? else {
            let setting = first.setting().clone();
            return Err(SettingsError::Invalid { setting, problem: Problem::NoEngine });
        };
        if engine.is_embedded() {
            let server = PARTS.iter().filter(|part| !matches!(**part, "engine" | "database" | "parameters"));
            if let Some(value) = server.clone().find_map(|part| self.raw.values.get(part)) {
                let problem = Problem::Embedded { database: engine };
                return Err(SettingsError::Invalid { setting: value.setting().clone(), problem });
            }
        }

        let defaults = engine.client_defaults();
        let given = |key| Ok::<_, SettingsError>(self.text(key)?.map(|(text, _)| text));
        let host = given("host")?.or(defaults.host.map(str::to_owned));
        let user = match given("user")?.or(defaults.user.map(str::to_owned)) {
            None if !engine.is_embedded() => whoami::username().ok(),
            user => user,
        };
        let named_after = user.clone().filter(|_| defaults.named_after_user);
        let name = given("database")?.or(defaults.name.map(str::to_owned)).or(named_after);
        if name.is_none() {
            return Err(SettingsError::Invalid { setting, problem: Problem::NoDatabase });
        }
        let port = self.number("port", 1, u32::from(u16::MAX))?.and_then(|it| u16::try_from(it).ok());
        let mut parameters = BTreeMap::new();
        if let Some(Value::Map(map, _)) = self.raw.values.get("parameters") {
            for (key, raw) in map {
                parameters.insert(key.clone(), self.project.layers.expand(raw)?);
            }
        }
        let password = self.password()?;
        let parts = Parts { database: engine, host, port, user, password, name, parameters };
        match DatabaseUrl::from_parts(parts) {
            Ok(url) => Ok(Some((url, setting))),
            Err(problem) => Err(SettingsError::Invalid { setting, problem: problem.into() }),
        }
    }

    /// Returns the engine that `engine` names.
    pub(super) fn engine(&self) -> Result<Option<(Database, Setting)>, SettingsError> {
        let Some(Value::Text(raw)) = self.raw.values.get("engine") else { return Ok(None) };
        let text = self.project.layers.expand(raw)?;
        let Some(engine) = Database::from_spelling(text.trim()) else {
            let known = Database::ALL.map(Database::name).to_vec();
            let spellings = Database::SPELLINGS.iter().map(|(spelling, _)| *spelling);
            let nearest = nearest(&raw.text, spellings).map(str::to_owned);
            let problem = Problem::Word { found: raw.text.clone(), known, nearest };
            return Err(SettingsError::Invalid { setting: raw.setting.clone(), problem });
        };
        Ok(Some((engine, raw.setting.clone())))
    }

    fn password(&self) -> Result<Option<SecretString>, SettingsError> {
        if let Some((text, _)) = self.text("password")? {
            return Ok(Some(text.into()));
        }
        if let Some((file, setting)) = self.text("password_file")? {
            let path = joined(&self.project.root, file.as_ref());
            return match std::fs::read_to_string(path) {
                Ok(text) => Ok(Some(without_line_end(&text).into())),
                Err(source) => {
                    let file = self.as_written("password_file").into();
                    Err(SettingsError::PasswordFile { setting, file, source })
                }
            };
        }
        let Some((command, setting)) = self.text("password_command")? else { return Ok(None) };
        let mut shell = Command::new("sh");
        if !self.project.root.as_os_str().is_empty() {
            shell.current_dir(&self.project.root);
        }
        // What the command says on standard error goes to the person; it may hold anything, so no error repeats it.
        let output = shell.args(["-c", &command]).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = match output {
            Ok(output) => output,
            Err(source) => return Err(SettingsError::PasswordCommandStart { setting, source }),
        };
        if !output.status.success() {
            return Err(SettingsError::PasswordCommand { setting, status: output.status.to_string() });
        }
        match String::from_utf8(output.stdout) {
            Ok(text) => Ok(Some(without_line_end(&text).into())),
            Err(_) => Err(SettingsError::Invalid { setting, problem: Problem::NotUtf8 }),
        }
    }
}

/// Takes one line end away: editors and `echo` put it there.
fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}
