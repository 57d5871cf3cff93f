//! Gives a file whose number was taken by another branch the next free one.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Deployment;
use super::deployment::Patience;
use super::survey::read_history;
use crate::error::{Error, ErrorKind, Refusal};
use crate::migration::applied::History;
use crate::migration::set::MigrationSet;
use crate::migration::source::write::{Reference, renamed, with_references};
use crate::migration::source::{Source, SourceError, SourceProblem, formats};
use crate::migration::{Kind, Migration, RevisionId};

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renumbered {
    /// The id that it had.
    pub from: RevisionId,
    /// The id that it has; the same where its number is free, and nothing comes after it.
    pub to: RevisionId,
    /// Its files or its directory, before and now.
    pub renamed: Vec<(PathBuf, PathBuf)>,
    /// The files whose headers were changed, itself among them where it has its id in one.
    pub changed: Vec<PathBuf>,
    /// Why the database was not asked whether it has it applied, where it was not.
    pub not_asked: Option<String>,
}

/// Gives `file` the next free number, in its name and in the headers that name it.
///
/// # Errors
/// A file that is none of the directory's; one that the database has applied; headers of which it is not clear which of two files
/// they mean; a file that cannot be written.
pub fn renumber(deployment: &mut Deployment<'_>, file: &Path) -> Result<Renumbered, Error> {
    deployment.meeting(|deployment| renumber_here(deployment, file))
}

fn usage(message: String) -> Error {
    ErrorKind::Usage { message }.into()
}

fn renumber_here(deployment: &mut Deployment<'_>, file: &Path) -> Result<Renumbered, Error> {
    let Source::Directory(directory) = deployment.source.clone() else {
        return Err(usage("migrations that are part of the program cannot be renumbered".to_owned()));
    };
    // The files alone: with a number twice they make no graph.
    let options = deployment.read_options()?;
    let all = deployment.source.read(&options)?;
    let at = find(&all, file, &directory)?;
    let (id, name) = (all[at].id.clone(), all[at].file.name.clone());
    if all[at].kind != Kind::Versioned {
        return Err(usage(format!("{name} has no number: it runs again")));
    }
    let others = || all.iter().enumerate().filter(|(index, _)| *index != at).map(|(_, other)| other);
    let twin = others().find(|other| other.id.version_cmp(&id).is_eq());
    let asked = history(deployment)?;
    let not_asked = match &asked {
        Ok(history) => {
            unapplied(&all[at], twin, history, &deployment.settings.url.target())?;
            None
        }
        Err(why) => Some(why.clone()),
    };

    let named = formats::recognise(&all[at].name);
    let format = named.as_ref().map(|(_, format)| *format);
    let format = format.or_else(|| formats::recognise(&format!("{id}_x.sql")).map(|(_, format)| format));
    let Some(format) = format else {
        return Err(usage(format!("{id} is no number, so nothing comes next")));
    };
    let taken: Vec<&RevisionId> = others()
        .filter(|other| other.kind == Kind::Versioned)
        .chain(&options.carried)
        .map(|other| &other.id)
        .collect();
    let now = deployment.clock.now().strftime("%Y%m%d%H%M%S").to_string();
    let to = RevisionId::from((format.next)(&taken, &now).as_str());
    if to == id {
        return Ok(Renumbered {
            from: id.clone(),
            to: id,
            renamed: Vec::new(),
            changed: Vec::new(),
            not_asked,
        });
    }

    // Which headers name it.
    let unique = |text: &str| {
        // A number that another one has is that one's, whatever id it is the beginning of.
        let named = |other: &RevisionId| {
            other.as_str().starts_with(text) || other.version_cmp(&RevisionId::from(text)).is_eq()
        };
        !others().chain(&options.carried).any(|other| named(&other.id))
    };
    let refers = |text: &str| {
        RevisionId::from(text).version_cmp(&id).is_eq()
            || (!text.is_empty() && id.as_str().starts_with(text) && unique(text))
    };
    let mut pointing = Vec::new();
    for (index, other) in all.iter().enumerate().filter(|(index, _)| *index != at) {
        let headers = &other.headers;
        let lists =
            [headers.down_revision.as_deref().unwrap_or_default(), &headers.depends_on, &headers.replaces];
        if lists.into_iter().flatten().any(|text| refers(text)) {
            pointing.push(index);
        }
    }
    let files = |indices: &[usize]| {
        indices.iter().map(|index| all[*index].file.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    if let (Some(twin), false) = (twin, pointing.is_empty()) {
        return Err(usage(format!(
            "{} {} {id}, and it is not clear whether {name} is meant or {}: take that header out, and write it again with the id that it means",
            files(&pointing),
            if pointing.len() == 1 { "names" } else { "name" },
            twin.file.name
        )));
    }
    if let Ok(history) = &asked {
        let applied: Vec<usize> =
            pointing.iter().copied().filter(|index| history.get(&all[*index].id).is_some()).collect();
        if !applied.is_empty() {
            return Err(usage(format!(
                "{} {id} in a header, and is applied: it stays as it is",
                files(&applied) + " names"
            )));
        }
    }

    // What would come of it must hang together.
    let by_header = all[at].headers.revision.is_some();
    let by_name = named.as_ref().is_some_and(|(named, _)| !by_header || named.id == id);
    let paths: Vec<PathBuf> = files_of(&all[at]);
    let mut edited = Vec::new();
    for index in pointing.iter().copied().chain(by_header.then_some(at)) {
        // What its own file depends on is another one.
        let headers: &[&str] =
            if index == at { &["revision"] } else { &["down_revision", "depends_on", "replaces"] };
        let reference = Reference { from: &refers, to: &to, headers };
        for path in files_of(&all[index]) {
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            let mended = with_references(&text, &reference);
            if mended != text {
                edited.push((path, mended));
            }
        }
    }
    let renames = if by_name { renames(&paths, &id, &to)? } else { Vec::new() };
    let mut after = all.clone();
    replace(&mut after, at, &pointing, &refers, &to);
    after.extend(options.carried.iter().cloned());
    MigrationSet::new(after)?;

    for (old, new) in &renames {
        fs::rename(old, new).map_err(|error| unwritable(new, error))?;
    }
    let mut changed = Vec::new();
    for (path, text) in edited {
        let moved = renames.iter().find_map(|(old, new)| {
            let below = path.strip_prefix(old).ok()?;
            Some(if below.as_os_str().is_empty() { new.clone() } else { new.join(below) })
        });
        let path = moved.unwrap_or(path);
        write(&path, &text)?;
        changed.push(path);
    }
    Ok(Renumbered { from: id, to, renamed: renames, changed, not_asked })
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    SourceError::new(path.display().to_string(), SourceProblem::Unreadable { error }).into()
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    SourceError::new(path.display().to_string(), SourceProblem::Unwritable { error }).into()
}

/// Writes `text` in place of the file, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let beside = path.with_file_name(format!(".dbwarden-{}", std::process::id()));
    let permissions = fs::metadata(path).map_err(|error| unreadable(path, error))?.permissions();
    let done = fs::write(&beside, text)
        .and_then(|()| fs::set_permissions(&beside, permissions))
        .and_then(|()| fs::rename(&beside, path));
    done.map_err(|error| {
        fs::remove_file(&beside).ok();
        unwritable(path, error)
    })
}

/// The migration that `file` is a part of, by its path or its name alone.
fn find(all: &[Migration], file: &Path, directory: &Path) -> Result<usize, Error> {
    let same = |one: &Path, other: &Path| {
        one == other
            || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
    };
    let found = |is: &dyn Fn(&Path) -> bool| -> Vec<usize> {
        let has = |migration: &Migration| {
            files_of(migration)
                .iter()
                .any(|path| is(path) || path.parent().is_some_and(|folder| is(folder) && folder != directory))
        };
        (0..all.len()).filter(|index| has(&all[*index])).collect()
    };
    let by_path = found(&|path| same(path, file));
    let by_name = || found(&|path| file.components().count() == 1 && path.file_name() == file.file_name());
    let found = if by_path.is_empty() { by_name() } else { by_path };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(usage(format!("{} is no migration in {}", file.display(), directory.display()))),
        several => {
            let names: Vec<_> = several.iter().map(|index| all[*index].file.name.as_str()).collect();
            Err(usage(format!("{} may be {}", file.display(), names.join(" or "))))
        }
    }
}

/// The files of a migration, that of the up script first.
fn files_of(migration: &Migration) -> Vec<PathBuf> {
    let down = migration.down_file().map(|down| PathBuf::from(&down.file.name));
    std::iter::once(PathBuf::from(&migration.file.name)).chain(down).collect()
}

/// How files, or the directory that they are in, are called under another id.
fn renames(paths: &[PathBuf], from: &RevisionId, to: &RevisionId) -> Result<Vec<(PathBuf, PathBuf)>, Error> {
    let mut renames = Vec::new();
    for path in paths {
        let base = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let of_folder = base == "up.sql" || base == "down.sql";
        let old = if of_folder { path.parent().unwrap_or(path).to_owned() } else { path.clone() };
        let name = old.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let new = old.with_file_name(renamed(&name, from, to));
        if !renames.iter().any(|(known, _)| *known == old) {
            if new.exists() {
                let taken = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
                return Err(unwritable(&new, taken));
            }
            renames.push((old, new));
        }
    }
    Ok(renames)
}

/// Does to `all` what will be done to their files.
fn replace(
    all: &mut [Migration],
    at: usize,
    pointing: &[usize],
    refers: &dyn Fn(&str) -> bool,
    to: &RevisionId,
) {
    for index in pointing {
        let headers = &mut all[*index].headers;
        let lists = headers.down_revision.iter_mut().chain([&mut headers.depends_on, &mut headers.replaces]);
        for text in lists.flatten().filter(|text| refers(text)) {
            to.as_str().clone_into(text);
        }
    }
    all[at].id = to.clone();
}

/// What the database says, or why it was not asked.
fn history(deployment: &mut Deployment<'_>) -> Result<Result<History, String>, Error> {
    let dialect = deployment.dialect()?;
    let options = deployment.open_options(false);
    let (tables, wait) = (deployment.settings.tables.clone(), deployment.lock.wait);
    let cancel = deployment.cancel.clone();
    let patience = Patience::brief(wait, &cancel);
    let Deployment { settings, connection, .. } = deployment;
    let read = connection
        .open_within(settings, &options, patience)
        .and_then(|mut session| read_history(&mut *session, dialect, &tables, wait, &cancel));
    match read {
        Err(error) if matches!(error.kind(), ErrorKind::AnotherEngine { .. }) => Err(error),
        read => Ok(read.map_err(|error| error.to_string())),
    }
}

/// Refuses a file that the database has applied, or may have.
fn unapplied(
    migration: &Migration,
    twin: Option<&Migration>,
    history: &History,
    target: &str,
) -> Result<(), Error> {
    let id = &migration.id;
    let refused = |what: &'static str, from: &'static str| {
        let refusal = Refusal::Applied {
            id: id.clone(),
            file: migration.file.name.clone(),
            what,
            from,
            target: target.to_owned(),
        };
        Err(ErrorKind::Refused { refusal }.into())
    };
    if history.unfinished.iter().any(|it| it.version.version_cmp(id).is_eq()) {
        return refused("begun and not finished", "");
    }
    let Some(row) = history.applied.iter().find(|row| row.version.version_cmp(id).is_eq()) else {
        return Ok(());
    };
    let ran = |file: &Migration| {
        row.file_hash.as_ref() == Some(&file.file_hash) || row.checksum == *file.checksum()
    };
    match twin {
        None => refused("applied", ""),
        Some(_) if ran(migration) => refused("applied", ", from this file"),
        Some(twin) if ran(twin) => Ok(()),
        Some(_) => refused("applied", ", and from neither of the two files as they are"),
    }
}
