//! Writes one migration in the place of many, once it is proved on scratch databases that both come to the same.

mod error;
mod files;
mod proof;
mod text;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::Deployment;
use crate::error::{Error, ErrorKind};
use crate::migration::graph::Target;
use crate::migration::set::MigrationSet;
use crate::migration::source::write::{self, Family, NewFile};
use crate::migration::source::{Layout, Source, formats};
use crate::migration::{Kind, Migration, RevisionId};
use crate::url::DatabaseUrl;
pub use error::SquashError;
use files::Files;
use proof::{Proof, Tried, Verdict, is_cancelled};
use text::{Commits, Place};

/// What is asked of `squash`.
#[derive(Debug, Clone, Default)]
pub struct SquashOptions {
    /// The first that is replaced; without it, the first of all.
    pub from: Option<String>,
    /// The last that is replaced; without it, the head.
    pub to: Option<String>,
    /// What it does, in a few words; `initial schema` without them.
    pub message: Option<String>,
    /// A database on the server on which scratch databases are made; without it, the deployment's own.
    pub scratch: Option<DatabaseUrl>,
    /// Proves it, and writes nothing.
    pub dry_run: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Squashed {
    /// The file that was written; nothing where there was nothing to squash.
    pub path: Option<PathBuf>,
    /// The file of its down script, where it has one of its own.
    pub down_path: Option<PathBuf>,
    /// Its id: that of the oldest which it replaces.
    pub version: Option<RevisionId>,
    /// What it replaces, in order.
    pub replaced: Vec<RevisionId>,
    /// Where the files of these are now.
    pub folder: Option<PathBuf>,
    /// Their files or directories, before and now.
    pub moved: Vec<(PathBuf, PathBuf)>,
    /// Seeds, and what runs only where it is asked for: they stay as they are, behind it.
    pub kept: Vec<RevisionId>,
    /// How many statements it has.
    pub statements: u64,
    /// How many objects of the scratch databases were compared, columns with their values among them.
    pub compared: usize,
    /// Columns whose values differ each time, as a time does: of these the number of rows was compared alone.
    pub volatile: Vec<String>,
    /// Why it cannot be undone, where it cannot.
    pub irreversible: Option<String>,
    /// What is left or lost when it is undone, as by the old down scripts.
    pub undone: Vec<String>,
}

/// Writes one migration that does what many do, and moves those into a directory. A database that has them counts as having it; one that
/// has a part goes on with the old files.
///
/// # Errors
/// Revisions that are not there, or that one cannot stand for; the server, where no scratch database can be had; a proof that fails:
/// [`SquashError`].
pub fn squash(deployment: &mut Deployment<'_>, options: &SquashOptions) -> Result<Squashed, Error> {
    deployment.meeting(|deployment| squash_here(deployment, options))
}

fn usage(message: String) -> Error {
    ErrorKind::Usage { message }.into()
}

fn squash_here(deployment: &mut Deployment<'_>, options: &SquashOptions) -> Result<Squashed, Error> {
    let Source::Directory(directory) = deployment.source.clone() else {
        return Err(usage(
            "migrations that are part of the program cannot be squashed; name a directory".to_owned(),
        ));
    };
    let description = one_line(options.message.as_deref().unwrap_or("initial schema"));
    if formats::words(&description).is_empty() {
        return Err(usage("the text has no letter or digit to name a file by".to_owned()));
    }
    let dialect = deployment.dialect()?;
    files::go_on(&directory)?;
    let set = super::files(deployment)?;
    let Choice { ids, kept } = choose(&set, options)?;
    let chosen: Vec<&Migration> = ids.iter().filter_map(|id| set.get(id)).collect();
    if chosen.len() < 2 {
        return Ok(nothing(ids, kept));
    }
    one_database(&chosen)?;
    no_other_between(deployment, &chosen)?;
    if let Some(sets) = chosen.iter().rev().skip(1).find(|it| it.up.changes_session) {
        return Err(usage(format!(
            "{} sets something for its session, which in one file would hold for what comes behind it too: squash from behind it, or take it out",
            sets.file.name
        )));
    }

    reaches_no_other(&set, deployment)?;

    let temporary = tempfile::tempdir().map_err(|error| ErrorKind::Output { error })?;
    let (old, new, alone) =
        (temporary.path().join("old"), temporary.path().join("new"), temporary.path().join("alone"));
    let all: Vec<PathBuf> = every(&set).flat_map(files::paths).collect();
    files::copy(&directory, &all, &old)?;
    let mut proof = Proof { deployment, url: options.scratch.as_ref() };
    let whole = proof.applied(&old, &Tried::Old, &BTreeSet::new())?;
    let known = (whole, Instant::now());

    let mut irreversible = None;
    let mut commits = Commits::Together;
    loop {
        let scripts = text::scripts(&chosen, dialect, commits)?;
        if scripts.down.is_none() && irreversible.is_none() {
            irreversible = Some(without_down(&chosen));
        }
        let down = scripts.down.as_deref().filter(|_| irreversible.is_none());
        let draft = Draft { set: &set, chosen: &chosen, directory: &directory, description: &description };
        let files = draft.files(proof.deployment, &scripts.up, down, irreversible.clone())?;
        for made in [&new, &alone] {
            if made.exists() {
                std::fs::remove_dir_all(made).map_err(|error| ErrorKind::Output { error })?;
            }
        }
        files::copy(&directory, &all, &new)?;
        let there = |paths: &[(PathBuf, PathBuf)], to: &Path| -> Vec<(PathBuf, PathBuf)> {
            let place = |path: &Path| to.join(path.strip_prefix(&directory).unwrap_or(path));
            paths.iter().map(|(from, path)| (place(from), place(path))).collect()
        };
        let text = |to: &Path| -> Vec<(PathBuf, String)> {
            let place = |path: &Path| to.join(path.strip_prefix(&directory).unwrap_or(path));
            files.written.iter().map(|(path, text)| (place(path), text.clone())).collect()
        };
        Files { written: text(&new), moved: there(&files.moved, &new), folder: new.join("replaced/tried") }
            .write()?;
        let (id, statements) = read(proof.deployment, &new, &chosen, down.is_some())?;
        let applied = match proof.applied(&new, &Tried::New, &BTreeSet::new()) {
            Ok(applied) => applied,
            // What one transaction cannot take may be taken one by one.
            Err(error) if commits == Commits::Together && scripts.may_be_apart && !is_cancelled(&error) => {
                commits = Commits::Apart;
                continue;
            }
            Err(error) => return Err(error),
        };
        let (compared, volatile) = match proof.compare(&known, &old, (&new, &applied))? {
            Verdict::Equal { objects, volatile } => (objects, volatile),
            // What one sets for its transaction does not hold for the next.
            Verdict::Differs(_) if commits == Commits::Together && scripts.may_be_apart => {
                commits = Commits::Apart;
                continue;
            }
            Verdict::Differs(differences) => return Err(SquashError::Unequal { differences, kept }.into()),
        };
        let mut undone = Vec::new();
        if down.is_some() {
            std::fs::create_dir_all(&alone).map_err(|error| ErrorKind::Output { error })?;
            let below: Vec<PathBuf> =
                below(&set, &ids).iter().filter_map(|id| set.get(id)).flat_map(files::paths).collect();
            files::copy(&directory, &below, &alone)?;
            Files { written: text(&alone), moved: Vec::new(), folder: PathBuf::new() }.write()?;
            match proof.undone(&alone, &parents(&set, &ids), &id) {
                Ok(differences) => undone = differences.into_iter().map(|it| it.object).collect(),
                Err(error) if is_cancelled(&error) => return Err(error),
                Err(error) => {
                    irreversible =
                        Some(format!("undoing one after the other fails: {}", one_line(&error.to_string())));
                    continue;
                }
            }
        }
        unchanged(proof.deployment, &set)?;
        if !options.dry_run {
            files.write()?;
        }
        let mut written = files.written.iter().map(|(path, _)| path.clone());
        let (path, down_path) = (written.next_back(), written.next_back());
        return Ok(Squashed {
            path,
            down_path,
            version: Some(id),
            replaced: ids,
            folder: Some(files.folder),
            moved: files.moved,
            kept,
            statements,
            compared,
            volatile,
            irreversible,
            undone,
        });
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn nothing(replaced: Vec<RevisionId>, kept: Vec<RevisionId>) -> Squashed {
    Squashed {
        path: None,
        down_path: None,
        version: None,
        replaced,
        folder: None,
        moved: Vec::new(),
        kept,
        statements: 0,
        compared: 0,
        volatile: Vec::new(),
        irreversible: None,
        undone: Vec::new(),
    }
}

/// What is to be squashed, in order, and what among it stays.
struct Choice {
    ids: Vec<RevisionId>,
    kept: Vec<RevisionId>,
}

fn choose(set: &MigrationSet, options: &SquashOptions) -> Result<Choice, Error> {
    let graph = set.graph();
    let target = match &options.to {
        None => Target::Head,
        Some(text) => Target::Revision { reference: graph.locate(text)?.as_str().to_owned(), offset: 0 },
    };
    let mut ids = graph.closure(&target)?;
    if let Some(text) = &options.from {
        let from = graph.locate(text)?;
        if !ids.contains(&from) {
            let to = ids.last().map_or("base", RevisionId::as_str);
            return Err(usage(format!(
                "{from} is not on the way to {to}: --from is the older one, --to the newer"
            )));
        }
        let above = graph.descendants(&from);
        ids.retain(|id| *id == from || above.contains(id));
    }
    if let Some(id) = ids.iter().rfind(|id| graph.replaced_by(id).is_some()) {
        return Err(usage(format!("{id} is a part of a squash already: name that, or what comes behind it")));
    }
    let conditional = |id: &RevisionId| {
        set.get(id).is_some_and(|it| {
            let headers = &it.headers;
            headers.seed || !headers.tags.is_empty() || !headers.environments.is_empty()
        })
    };
    let (kept, ids): (Vec<_>, Vec<_>) = ids.into_iter().partition(conditional);
    if let Some(code) = ids.iter().filter_map(|id| set.get(id)).find(|it| it.code.is_some()) {
        let message = format!(
            "{} is written in Rust: squash up to what comes before it, or from what comes behind it",
            code.id
        );
        return Err(usage(message));
    }
    Ok(Choice { ids, kept })
}

/// What is outside and comes before: nothing that comes behind one of them, as a seed among them may.
fn below(set: &MigrationSet, ids: &[RevisionId]) -> BTreeSet<RevisionId> {
    let graph = set.graph();
    let mut below: BTreeSet<RevisionId> = ids.iter().flat_map(|id| graph.ancestors(id)).collect();
    for id in ids {
        below.remove(id);
        for behind in graph.descendants(id) {
            below.remove(&behind);
        }
    }
    below
}

/// The last of what is outside and comes before.
fn parents(set: &MigrationSet, ids: &[RevisionId]) -> Vec<RevisionId> {
    let below = below(set, ids);
    let is_last = |id: &&RevisionId| {
        let behind = set.graph().descendants(id);
        !below.iter().any(|other| behind.contains(other))
    };
    set.graph().in_order(&below.iter().filter(is_last).cloned().collect())
}

/// All files for one database, or for all of them.
fn one_database(chosen: &[&Migration]) -> Result<(), Error> {
    let database = |migration: &&Migration| {
        formats::recognise(&migration.name).and_then(|(name, _)| name.database.clone())
    };
    let first = chosen.first().and_then(database);
    match chosen.iter().find(|migration| database(migration) != first) {
        None => Ok(()),
        Some(other) => Err(usage(format!(
            "{} and {} are not for the same databases: one file cannot stand for both",
            chosen[0].file.name, other.file.name
        ))),
    }
}

/// That no file reaches past the database that it runs on: on a scratch database it would change the deployment's own.
fn reaches_no_other(set: &MigrationSet, deployment: &Deployment<'_>) -> Result<(), Error> {
    let dialect = deployment.dialect()?;
    let own = deployment.settings.url.name();
    for migration in every(set) {
        for (file, script) in std::iter::once((&migration.file, &migration.up))
            .chain(migration.down.as_ref().map(|down| (migration.file_of_down(), down)))
        {
            for statement in text::statements(migration, file, script, dialect)? {
                if let Some(what) = text::reaches(&statement, dialect.syntax(), own) {
                    let message = format!(
                        "{} says {what}: on a scratch database it would reach past that, so the squash cannot be proved",
                        file.name
                    );
                    return Err(usage(message));
                }
            }
        }
    }
    match deployment.settings.session.iter().find_map(|it| text::reaches(it, dialect.syntax(), own)) {
        Some(what) => Err(usage(format!(
            "`session` in the settings says {what}: on a scratch database it would reach past that, so the squash cannot be proved"
        ))),
        None => Ok(()),
    }
}

/// Every migration of the set, hidden ones too.
fn every(set: &MigrationSet) -> impl Iterator<Item = &Migration> {
    set.all().filter(|migration| migration.code.is_none())
}

/// That no other database has files of its own among those that are to be squashed: for it, they would run behind what came behind them.
fn no_other_between(deployment: &Deployment<'_>, chosen: &[&Migration]) -> Result<(), Error> {
    let others = deployment.others();
    let shared = chosen.first().is_some_and(|first| {
        formats::recognise(&first.name).is_some_and(|(name, _)| name.database.is_none())
    });
    let (Some(first), Some(last), true) = (chosen.first(), chosen.last(), shared && !others.is_empty())
    else {
        return Ok(());
    };
    let inside = |id: &RevisionId| id.version_cmp(&first.id).is_gt() && id.version_cmp(&last.id).is_lt();
    let names = deployment.source.names()?;
    let other = names.iter().find(|(name, _)| {
        formats::recognise(name).is_some_and(|(name, _)| {
            name.kind == Kind::Versioned
                && inside(&name.id)
                && name.database.as_ref().is_some_and(|database| others.contains(database))
        })
    });
    match other {
        None => Ok(()),
        Some((name, _)) => Err(usage(format!(
            "{name} is for another database, and stands between files that are for both: squash up to before it, and from behind it"
        ))),
    }
}

fn without_down(chosen: &[&Migration]) -> String {
    let ids: Vec<_> = chosen
        .iter()
        .filter(|it| !it.only_merges() && (it.down.is_none() || it.headers.irreversible))
        .map(|it| it.id.as_str())
        .collect();
    format!("{} cannot be undone", ids.join(", "))
}

/// That no file was written since the set was read.
fn unchanged(deployment: &Deployment<'_>, set: &MigrationSet) -> Result<(), Error> {
    let now = super::files(deployment)?;
    let sums = |set: &MigrationSet| -> Vec<_> {
        set.all().map(|it| (it.id.clone(), it.file.name.clone(), it.file_hash.clone())).collect()
    };
    if sums(&now) == sums(set) {
        return Ok(());
    }
    Err(usage("a file was written while the squash was proved: type it again".to_owned()))
}

/// What is to be written.
struct Draft<'a> {
    set: &'a MigrationSet,
    chosen: &'a [&'a Migration],
    directory: &'a Path,
    description: &'a str,
}

impl Draft<'_> {
    fn files(
        &self,
        deployment: &Deployment<'_>,
        up: &str,
        down: Option<&str>,
        irreversible: Option<String>,
    ) -> Result<Files, Error> {
        let first = self.chosen[0];
        let others = deployment.others();
        let named = formats::recognise(&first.name).filter(|(name, _)| name.id == first.id.with_edition(0));
        let now = deployment.clock.now();
        let family = Family { nameless: named.is_none().then_some(&first.id), ..Family::default() };
        let file = NewFile {
            description: self.description,
            id: Some(first.id.as_str()),
            kind: Kind::Versioned,
            database: &deployment.settings.name,
            others: &others,
            format: None,
            now: &now.strftime("%Y%m%d%H%M%S").to_string(),
            family,
        };
        // In the style of the file whose id it has.
        let (name, _) = write::file_name(std::slice::from_ref(&first.name), &file);
        let explicit = self.chosen.iter().any(|it| it.headers.down_revision.is_some());
        let ids: Vec<RevisionId> = self.chosen.iter().map(|it| it.id.clone()).collect();
        let outside =
            |text: &&String| self.set.graph().resolve_id(text).map_or(true, |id| !ids.contains(&id));
        let mut depends_on: Vec<String> = Vec::new();
        for text in self.chosen.iter().flat_map(|it| &it.headers.depends_on).filter(outside) {
            if !depends_on.contains(text) {
                depends_on.push(text.clone());
            }
        }
        let revision = first.headers.revision.is_some() || named.is_none();
        let place = Place {
            description: self.description,
            date: &now.strftime("%Y-%m-%d").to_string(),
            revision: revision.then_some(first.id.as_str()),
            parents: explicit
                .then(|| parents(self.set, &ids).iter().map(|id| id.as_str().to_owned()).collect()),
            depends_on,
            replaces: ids.iter().map(|id| id.as_str().to_owned()).collect(),
            irreversible,
        };
        let commits_alone = text::definitions_commit(deployment.dialect()?);
        let head = text::headers(&place, self.chosen, commits_alone);
        let layout = layout(first);
        let stem = name.strip_suffix(".sql").unwrap_or(&name);
        let (up_name, down_name) = match layout {
            Layout::File => (name.clone(), None),
            Layout::Pair => (format!("{stem}.up.sql"), Some(format!("{stem}.down.sql"))),
            Layout::Directory => (format!("{stem}/up.sql"), Some(format!("{stem}/down.sql"))),
        };
        let mut written = Vec::new();
        let text = match (down_name, down) {
            (Some(down_name), Some(down)) => {
                written.push((
                    self.directory.join(down_name),
                    format!("-- Migration: {}\n\n{down}", self.description),
                ));
                format!("{head}\n{up}")
            }
            (None, Some(down)) => format!("{head}\n-- upgrade\n\n{up}\n-- rollback\n\n{down}"),
            (_, None) => format!("{head}\n-- upgrade\n\n{up}"),
        };
        written.push((self.directory.join(up_name), text));
        // What a squash among them had replaced goes with it.
        let graph = self.set.graph();
        let hidden = self.set.all().filter(|it| graph.replaced_by(&it.id).is_some_and(|by| ids.contains(by)));
        let (folder, moved) = files::moves(self.directory, self.chosen, hidden);
        Ok(Files { written, moved, folder })
    }
}

/// How the files of a migration lie.
fn layout(migration: &Migration) -> Layout {
    let base = migration.file.name.to_ascii_lowercase().replace('\\', "/");
    if base.ends_with("/up.sql") {
        Layout::Directory
    } else if base.ends_with(".up.sql") {
        Layout::Pair
    } else {
        Layout::File
    }
}

/// Reads the squash in `directory` as a migration, sees that it has the statements of `chosen` and no other, and returns its id and how
/// many they are.
fn read(
    deployment: &Deployment<'_>,
    directory: &Path,
    chosen: &[&Migration],
    reversible: bool,
) -> Result<(RevisionId, u64), Error> {
    let dialect = deployment.dialect()?;
    let set = MigrationSet::load(&Source::Directory(directory.to_owned()), &deployment.read_options()?)
        .map_err(|error| Tried::New.failed(&error.into(), directory))?;
    let id = chosen[0].id.with_edition(0);
    let squash = set.get(&id).filter(|it| it.replaces_itself());
    let Some(squash) = squash else {
        return Err(usage(format!("the squash is not read as {id}")));
    };
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for migration in chosen {
        up.extend(text::statements(migration, &migration.file, &migration.up, dialect)?);
    }
    for migration in chosen.iter().rev().filter(|_| reversible) {
        if let Some(script) = &migration.down {
            down.extend(text::statements(migration, migration.file_of_down(), script, dialect)?);
        }
    }
    let same_up = text::statements(squash, &squash.file, &squash.up, dialect)? == up;
    let same_down = match squash.down.as_ref().filter(|_| reversible) {
        Some(script) => text::statements(squash, squash.file_of_down(), script, dialect)? == down,
        None => down.is_empty(),
    };
    if !same_up || !same_down {
        return Err(usage(format!(
            "{} is not read as the statements that it was written of",
            squash.file.name
        )));
    }
    Ok((id, squash.up.statements))
}
