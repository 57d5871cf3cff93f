//! Writes an empty migration, in the style of those that are there.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Deployment, survey};
use crate::error::{Error, ErrorKind};
use crate::migration::graph::Target;
use crate::migration::set::MigrationSet;
use crate::migration::source::write::{self, Family, NewFile};
use crate::migration::source::{Headers, Layout, Source, SourceFile, is_marker, script_of};
use crate::migration::{Kind, Migration, RevisionId};
use crate::sql::{Rules, Syntax, TokenKind, tokens};

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

impl NewOptions {
    /// Asks for a versioned migration with the next free id, in the style of those that are there.
    pub fn of(description: impl Into<String>) -> Self {
        Self {
            description: description.into(),
            version: None,
            kind: Kind::Versioned,
            seed: false,
            head: None,
            depends_on: Vec::new(),
            timestamp: false,
            scripts: None,
        }
    }
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
    /// Its path; where there are two files, that of the up script.
    pub path: PathBuf,
    /// The path of the down script, where it has a file of its own.
    pub down_path: Option<PathBuf>,
    /// Its id.
    pub version: RevisionId,
    /// It was there already, with the same words and the same SQL.
    pub existed: bool,
}

/// Writes a migration.
///
/// # Errors
/// A name that says nothing, an id that is taken, a parent or dependency that is not there, a directory that cannot be written.
pub fn new(deployment: &Deployment<'_>, options: &NewOptions) -> Result<Created, Error> {
    create(deployment, options, &[])
}

/// The first comment in `sql` that would divide a migration: what stands behind it would be a part of the other script.
pub(super) fn marker(sql: &str, syntax: Syntax) -> Option<&str> {
    let comments = tokens(sql, Rules::new(syntax)).filter(|token| token.kind == TokenKind::LineComment);
    comments.map(|token| token.text).find(|text| is_marker(text)).map(str::trim)
}

/// The same with these parents, which a merge joins.
pub(super) fn create(
    deployment: &Deployment<'_>,
    options: &NewOptions,
    joined: &[RevisionId],
) -> Result<Created, Error> {
    let usage = |message: String| Error::from(ErrorKind::Usage { message });
    let Source::Directory(directory) = &deployment.source else {
        return Err(usage(
            "migrations that are part of the program cannot be added to; name a directory".to_owned(),
        ));
    };
    if crate::migration::source::formats::words(&options.description).is_empty() {
        return Err(usage("the text has no letter or digit to name a file by".to_owned()));
    }
    if let Some(scripts) = &options.scripts {
        let syntax = deployment.dialect()?.syntax();
        let marker = std::iter::once(&scripts.up).chain(&scripts.down).find_map(|sql| marker(sql, syntax));
        if let Some(marker) = marker {
            return Err(usage(format!("the comment `{marker}` in the SQL divides a migration")));
        }
    }
    if let Some(created) = existing(deployment, directory, options)? {
        return Ok(created);
    }
    let named = deployment.source.names()?;
    let layout = match options.kind {
        Kind::Versioned => write::layout(&named),
        Kind::RunsAlways | Kind::RunsOnChange => Layout::File,
    };
    let names: Vec<String> = named.into_iter().map(|(name, _)| name).collect();
    let others = deployment.others();
    // References are looked up before anything is written.
    let (mut parents, mut depends_on) = (joined.to_vec(), Vec::new());
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
    let hashes = options.kind == Kind::Versioned && write::style(&names).name == "hash";
    let asked = hashes || !joined.is_empty() || options.head.is_some() || !options.depends_on.is_empty();
    let set = match directory.is_dir().then(|| survey::files(deployment)) {
        Some(Err(error)) if asked => return Err(error),
        Some(set) => set.ok(),
        None => None,
    };
    if asked {
        let resolve = |reference: &String| match &set {
            Some(set) => set.graph().locate(reference).map_err(Error::from),
            None => Err(usage(format!("there is no migration {reference} in {}", directory.display()))),
        };
        parents.extend(options.head.as_ref().map(resolve).transpose()?);
        depends_on = options.depends_on.iter().map(resolve).collect::<Result<_, _>>()?;
    }
    let newest = set.as_ref().and_then(|set| set.versioned().max_by(|a, b| a.id.version_cmp(&b.id)));
    let newest = newest.filter(|_| options.kind == Kind::Versioned);
    let says = |of: fn(&Headers) -> bool| newest.is_some_and(|newest| of(&newest.headers));
    let linked = hashes || says(|headers| headers.revision.is_some() || headers.down_revision.is_some());
    if linked
        && parents.is_empty()
        && let Some(set) = &set
    {
        parents.extend(only_head(set)?);
    }
    let last_implicit = set.as_ref().and_then(|set| {
        let implicit = set.versioned().filter(|migration| migration.headers.down_revision.is_none());
        implicit.map(|migration| &migration.id).max_by(|a, b| a.version_cmp(b))
    });
    let taken: Vec<RevisionId> = set.iter().flat_map(MigrationSet::all).map(|it| it.id.clone()).collect();
    let family = Family {
        nameless: newest.filter(|newest| !is_named(newest)).map(|newest| &newest.id),
        last_implicit,
        taken: &taken,
    };
    let now = deployment.clock.now();
    let file = NewFile {
        description: &options.description,
        id: options.version.as_deref(),
        kind: options.kind,
        database: &deployment.settings.name,
        others: &others,
        format: options.timestamp.then_some("stamp"),
        now: &now.strftime("%Y%m%d%H%M%S").to_string(),
        family,
    };
    let (name, version) = write::file_name(&names, &file);
    if family.nameless.is_none() && crate::migration::source::formats::recognise(&name).is_none() {
        return Err(usage(format!(
            "the version {} makes no name of a migration file",
            options.version.clone().unwrap_or_default()
        )));
    }
    let links = Links {
        revision: (linked && (hashes || says(|headers| headers.revision.is_some()))).then_some(&version),
        parents: &parents,
        depends_on: &depends_on,
    };
    let date = now.strftime("%Y-%m-%d").to_string();
    // What joins branches has nothing that a template could say.
    let template = if joined.is_empty() { template(deployment, options)? } else { None };
    if let (None, Layout::Pair | Layout::Directory) = (&template, layout) {
        let (up, down) = texts(options, &links, &date);
        let (path, down) = write::write_both(directory, &name, layout, &up, &down)?;
        return Ok(Created { path, down_path: Some(down), version, existed: false });
    }
    let text = match template {
        // What says where it stands is no part of a template.
        Some(text) => links.lines() + &text,
        None => text(options, &links, &date),
    };
    let path = match layout {
        // A template has both scripts, and an up file may have both too.
        Layout::Directory => write::write(&directory.join(name.trim_end_matches(".sql")), "up.sql", &text)?,
        Layout::Pair | Layout::File => write::write(directory, &name, &text)?,
    };
    Ok(Created { path, down_path: None, version, existed: false })
}

/// The migration that is there with these words and this SQL: a program that makes its migrations when it starts makes each once.
fn existing(
    deployment: &Deployment<'_>,
    directory: &Path,
    options: &NewOptions,
) -> Result<Option<Created>, Error> {
    let Some(scripts) = options.scripts.as_ref().filter(|_| options.version.is_none() && directory.is_dir())
    else {
        return Ok(None);
    };
    let dialect = deployment.dialect()?;
    let sum = |text: &str| {
        let file = SourceFile::text("the SQL", text);
        Ok::<_, Error>(script_of(&file, text, dialect)?.0.checksum)
    };
    let (up, down) = (sum(&scripts.up)?, scripts.down.as_deref().map(sum).transpose()?);
    let words = crate::migration::source::formats::words;
    // Files that cannot be read are found out about by what comes next.
    let Ok(set) = survey::files(deployment) else { return Ok(None) };
    let found = set.iter().find(|it| {
        it.kind == options.kind
            && words(&it.description) == words(&options.description)
            && *it.checksum() == up
            && it.down.as_ref().map(|down| &down.checksum) == down.as_ref()
    });
    Ok(found.map(|migration| Created {
        path: migration.file.name.clone().into(),
        down_path: migration.down_file().map(|down| down.file.name.clone().into()),
        version: migration.id.clone(),
        existed: true,
    }))
}

/// The one head that a new file stands on, where its number does not say so; nothing in an empty directory.
fn only_head(set: &MigrationSet) -> Result<Option<RevisionId>, Error> {
    match set.graph().heads()[..] {
        [] => Ok(None),
        [head] => Ok(Some(head.clone())),
        // The graph's own words for several heads.
        _ => Ok(set.graph().closure(&Target::Head)?.pop()),
    }
}

/// Whether the name of a migration's file says its id.
fn is_named(migration: &Migration) -> bool {
    crate::migration::source::formats::recognise(&migration.name).is_some()
}

/// Where a new file stands in the graph.
struct Links<'a> {
    revision: Option<&'a RevisionId>,
    parents: &'a [RevisionId],
    depends_on: &'a [RevisionId],
}

impl Links<'_> {
    /// The headers that say so.
    fn lines(&self) -> String {
        let mut lines = String::new();
        if let Some(revision) = self.revision {
            lines.push_str(&format!("-- revision: {revision}\n"));
        }
        let list = |ids: &[RevisionId]| {
            let names: Vec<_> = ids.iter().map(|id| format!("\"{id}\"")).collect();
            format!("[{}]", names.join(", "))
        };
        match self.parents {
            [] => {}
            [head] => lines.push_str(&format!("-- down_revision: {head}\n")),
            several => lines.push_str(&format!("-- down_revision: {}\n", list(several))),
        }
        if !self.depends_on.is_empty() {
            lines.push_str(&format!("-- depends_on: {}\n", list(self.depends_on)));
        }
        lines
    }
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

/// The texts of the two files of a migration.
fn texts(options: &NewOptions, links: &Links<'_>, date: &str) -> (String, String) {
    let (up, down) = match &options.scripts {
        Some(scripts) => (terminated(&scripts.up), scripts.down.as_deref().map(terminated)),
        None => (String::new(), None),
    };
    let title = title(options);
    (head(options, links, date) + "\n" + &up + "\n", title + "\n" + &down.unwrap_or_default() + "\n")
}

/// The line that says what a migration does. Words behind a colon are free text, whatever they are; alone they could be a header
/// or a marker.
fn title(options: &NewOptions) -> String {
    let words = options.description.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("-- Migration: {words}\n")
}

/// The comments at the start of a migration.
fn head(options: &NewOptions, links: &Links<'_>, date: &str) -> String {
    let mut text = title(options);
    text.push_str(&format!("-- created: {date}\n"));
    text.push_str(&links.lines());
    if options.seed {
        text.push_str("-- seed\n");
    }
    text
}

fn text(options: &NewOptions, links: &Links<'_>, date: &str) -> String {
    let mut text = head(options, links, date);
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
