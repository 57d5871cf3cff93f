//! Writes an empty migration, in the style of those that are there.

use std::path::PathBuf;

use serde::Serialize;

use super::{Deployment, survey};
use crate::error::{Error, ErrorKind};
use crate::migration::source::Source;
use crate::migration::source::write::{self, NewFile};
use crate::migration::{Kind, RevisionId};

/// What is asked of `new`.
#[derive(Debug, Clone)]
pub struct NewOptions {
    /// What it does, in a few words.
    pub description: String,
    /// The id; without it the next free one.
    pub version: Option<String>,
    /// The kind.
    pub kind: Kind,
    /// A seed.
    pub seed: bool,
    /// The parent, where it is not the newest file.
    pub head: Option<String>,
    /// What must be applied before.
    pub depends_on: Vec<String>,
    /// The id is the time.
    pub timestamp: bool,
    /// The text that is to be undone and done, where it is known already.
    pub scripts: Option<Scripts>,
}

/// The text of a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scripts {
    /// What `migrate` runs.
    pub up: String,
    /// What `rollback` runs.
    pub down: Option<String>,
}

/// The file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Created {
    /// Its path.
    pub path: PathBuf,
    /// Its id.
    pub version: RevisionId,
}

/// Writes a migration.
///
/// # Errors
/// A name that says nothing, an id that is taken, a parent or dependency that is not there, a directory that cannot be written.
pub fn new(deployment: &Deployment<'_>, options: &NewOptions) -> Result<Created, Error> {
    let usage = |message: String| Error::from(ErrorKind::Usage { message });
    let Source::Directory(directory) = &deployment.source else {
        return Err(usage(
            "migrations that are part of the program cannot be added to; name a directory".to_owned(),
        ));
    };
    if crate::migration::source::formats::words(&options.description).is_empty() {
        return Err(usage("the text has no letter or digit to name a file by".to_owned()));
    }
    let names = deployment.source.names()?;
    let others = deployment.others();
    // References are looked up before anything is written.
    let (mut head, mut depends_on) = (None, Vec::new());
    // An empty migration that was written before, and is no migration yet, is in nobody's way.
    let taken = |version: &str, id: &RevisionId| id.version_cmp(&RevisionId::from(version)).is_eq();
    if let Some(version) = &options.version {
        let by_name = names.iter().find(|name| {
            crate::migration::source::formats::recognise(name).is_some_and(|(file, _)| {
                let of_other = file.database.as_ref().is_some_and(|name| others.contains(name));
                file.kind == Kind::Versioned && !of_other && taken(version, &file.id)
            })
        });
        let by_header = || {
            let set = directory.is_dir().then(|| survey::files(deployment).ok()).flatten()?;
            set.iter().find(|it| taken(version, &it.id)).map(|it| it.file.name.clone())
        };
        if let Some(file) = by_name.cloned().or_else(by_header) {
            return Err(usage(format!("the version {version} is taken by {file}")));
        }
    }
    if options.head.is_some() || !options.depends_on.is_empty() {
        let set = if directory.is_dir() { Some(survey::files(deployment)?) } else { None };
        let resolve = |reference: &String| match &set {
            Some(set) => Ok(set.graph().resolve_id(reference)?),
            None => Err(usage(format!("there is no migration {reference} in {}", directory.display()))),
        };
        head = options.head.as_ref().map(resolve).transpose()?;
        depends_on = options.depends_on.iter().map(resolve).collect::<Result<_, _>>()?;
    }
    let now = deployment.clock.now();
    let text = match template(deployment, options)? {
        Some(text) => text,
        None => text(options, head.as_ref(), &depends_on, &now.strftime("%Y-%m-%d").to_string()),
    };
    let file = NewFile {
        description: &options.description,
        id: options.version.as_deref(),
        kind: options.kind,
        database: &deployment.settings.name,
        others: &others,
        format: options.timestamp.then_some("stamp"),
        now: &now.strftime("%Y%m%d%H%M%S").to_string(),
        text: &text,
    };
    let (name, version) = write::file_name(&names, &file);
    if crate::migration::source::formats::recognise(&name).is_none() {
        return Err(usage(format!(
            "the version {} makes no name of a migration file",
            options.version.clone().unwrap_or_default()
        )));
    }
    let path = write::write(directory, &name, &text)?;
    Ok(Created { path, version })
}

/// The text of the settings' template, with its words filled in.
fn template(deployment: &Deployment<'_>, options: &NewOptions) -> Result<Option<String>, Error> {
    let Some(path) = deployment.settings.template.as_ref().filter(|_| options.scripts.is_none()) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(path).map_err(|error| ErrorKind::Usage {
        message: format!("the template {} cannot be read: {error}", path.display()),
    })?;
    let date = deployment.clock.now().strftime("%Y-%m-%d").to_string();
    Ok(Some(text.replace("{description}", &options.description).replace("{date}", &date)))
}

fn text(options: &NewOptions, head: Option<&RevisionId>, depends_on: &[RevisionId], date: &str) -> String {
    // Words behind a colon are free text, whatever they are; alone they could be a header or a marker.
    let words = options.description.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = format!("-- Migration: {words}\n");
    text.push_str(&format!("-- created: {date}\n"));
    if let Some(head) = head {
        text.push_str(&format!("-- down_revision: {head}\n"));
    }
    if !depends_on.is_empty() {
        let list = depends_on.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ");
        text.push_str(&format!("-- depends_on: [{list}]\n"));
    }
    if options.seed {
        text.push_str("-- seed\n");
    }
    match &options.scripts {
        Some(scripts) => {
            text.push_str(&format!("\n-- upgrade\n\n{}\n", terminated(&scripts.up)));
            if let Some(down) = &scripts.down {
                text.push_str(&format!("\n-- rollback\n\n{}\n", terminated(down)));
            }
        }
        None if options.kind == Kind::Versioned => text.push_str("\n-- upgrade\n\n\n-- rollback\n\n"),
        // A repeatable is written so that it may run again; few have a way back.
        None => text.push_str("\n-- upgrade\n\n"),
    }
    text
}

fn terminated(sql: &str) -> String {
    let sql = sql.trim();
    if sql.ends_with(';') { sql.to_owned() } else { format!("{sql};") }
}
