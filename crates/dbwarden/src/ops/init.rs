//! Lays out a new project: settings, a directory and an example. Never overwrites.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, ErrorKind};
use crate::migration::source::write;

/// What is asked of `init`.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// Where.
    pub directory: PathBuf,
    /// The database's address as it is to stand in the settings; without it a SQLite file.
    pub url: Option<String>,
    /// The directory of migrations.
    pub migrations: Option<PathBuf>,
    /// The database's name in the settings; without it `primary`.
    pub database: Option<String>,
}

/// What was written and what was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Initialised {
    /// Files that were written.
    pub written: Vec<PathBuf>,
    /// Files that were there, and are as they were.
    pub kept: Vec<PathBuf>,
}

const EXAMPLE: &str =
    "-- An example: change it, or delete it and write your own with `dbwarden new \"create customers\"`.

-- upgrade

CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    email VARCHAR(200) NOT NULL UNIQUE,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- rollback

DROP TABLE customers;
";

/// Writes `warden.toml`, the directory of migrations and an example, as far as they are not there.
///
/// # Errors
/// What cannot be written.
pub fn init(options: &InitOptions) -> Result<Initialised, Error> {
    let (mut written, mut kept) = (Vec::new(), Vec::new());
    let folder = options.migrations.clone().unwrap_or_else(|| PathBuf::from("migrations"));
    let url = options.url.as_deref().unwrap_or("sqlite:///app.db");
    let name = options.database.as_deref().unwrap_or("primary");
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = if !name.is_empty() && name.chars().all(plain) { name.to_owned() } else { quoted(name) };
    let settings = options.directory.join("warden.toml");
    let text = format!(
        "# `dbwarden config` shows what is set and where it comes from. Secrets belong in the environment: \"${{DATABASE_URL}}\".\n\
         default = {}\n\n[databases.{key}]\nurl = {}\nmigrations = {}\n",
        quoted(name),
        quoted(url),
        quoted(&folder.display().to_string())
    );
    put(&settings, &text, &mut written, &mut kept)?;
    let migrations = options.directory.join(&folder);
    let has_some = std::fs::read_dir(&migrations).is_ok_and(|mut entries| entries.next().is_some());
    if has_some {
        kept.push(migrations);
    } else {
        written.push(write::write(&migrations, "0001_create_customers.sql", EXAMPLE)?);
    }
    Ok(Initialised { written, kept })
}

fn put(path: &Path, text: &str, written: &mut Vec<PathBuf>, kept: &mut Vec<PathBuf>) -> Result<(), Error> {
    if path.exists() {
        kept.push(path.to_owned());
        return Ok(());
    }
    std::fs::write(path, text).map_err(|error| ErrorKind::Usage {
        message: format!("{} cannot be written: {error}", path.display()),
    })?;
    written.push(path.to_owned());
    Ok(())
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
