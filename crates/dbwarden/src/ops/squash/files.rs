//! The files of a squash: where it lies, where what it replaces goes, and copies of both to try them on.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::Error;
use crate::migration::set::editions::REPLACED;
use crate::migration::source::{SourceError, SourceProblem};
use crate::migration::{Migration, RevisionId};

/// The files of a squash that is to be written.
pub(super) struct Files {
    /// The files of the squash with their texts, that of the down script first.
    pub(super) written: Vec<(PathBuf, String)>,
    /// What goes where, files or directories.
    pub(super) moved: Vec<(PathBuf, PathBuf)>,
    /// Where it goes.
    pub(super) folder: PathBuf,
}

fn unwritable(path: &Path, error: io::Error) -> Error {
    SourceError::new(path.display().to_string(), SourceProblem::Unwritable { error }).into()
}

/// Returns the files or the directory of a migration.
pub(super) fn paths(migration: &Migration) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let down = migration.down_file().map(|down| PathBuf::from(&down.file.name));
    for path in std::iter::once(PathBuf::from(&migration.file.name)).chain(down) {
        let base = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let of_folder = base == "up.sql" || base == "down.sql";
        let path = if of_folder { path.parent().unwrap_or(&path).to_owned() } else { path };
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// Returns where `migrations` of `directory` go: each to the same place below a directory of their own, which is read like any other.
pub(super) fn moves<'a>(
    directory: &Path,
    migrations: &[&'a Migration],
    hidden: impl Iterator<Item = &'a Migration>,
) -> (PathBuf, Vec<(PathBuf, PathBuf)>) {
    let end = |id: Option<&&Migration>| id.map_or_else(String::new, |it| plain(&it.id));
    let folder =
        directory.join(REPLACED).join(format!("{}-{}", end(migrations.first()), end(migrations.last())));
    let mut moved = Vec::new();
    for path in migrations.iter().copied().chain(hidden).flat_map(paths) {
        // Of one that was killed while it moved them, some are there already.
        if path.starts_with(&folder) {
            continue;
        }
        let within = path.strip_prefix(directory).unwrap_or(&path);
        let within: PathBuf =
            within.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        moved.push((path.clone(), folder.join(within)));
    }
    (folder, moved)
}

/// An id as a part of a directory's name.
fn plain(id: &RevisionId) -> String {
    id.as_str().chars().map(|c| if c.is_alphanumeric() || "._".contains(c) { c } else { '_' }).collect()
}

impl Files {
    /// Does it, so that the directory holds the same migrations at every moment: what is replaced is moved first, and is what it was
    /// there; with the last step the squash stands.
    ///
    /// # Errors
    /// A file that cannot be moved or written, or one that is there already. What was moved stays where it is.
    pub(super) fn write(&self) -> Result<(), Error> {
        let taken = self.moved.iter().map(|(_, to)| to).find(|to| to.exists());
        let ours = |path: &Path| self.moved.iter().any(|(from, _)| from == path);
        let taken = taken
            .or_else(|| self.written.iter().map(|(path, _)| path).find(|path| path.exists() && !ours(path)));
        if let Some(path) = taken {
            return Err(unwritable(path, io::ErrorKind::AlreadyExists.into()));
        }
        let mut beside = Vec::new();
        for (number, (path, text)) in self.written.iter().enumerate() {
            let directory = path.parent().unwrap_or(path);
            // A folder of its own is made below one that is there.
            let directory =
                if directory.exists() { directory } else { directory.parent().unwrap_or(directory) };
            let name = directory.join(format!(".dbwarden-{}-{number}", std::process::id()));
            fs::write(&name, text).map_err(|error| unwritable(&name, error))?;
            beside.push(name);
        }
        // Of a pair one file goes before the other: what was not moved yet is moved by who comes next.
        let note = self.folder.join(MOVES);
        if !self.moved.is_empty() {
            let lines: Vec<_> = self
                .moved
                .iter()
                .map(|(from, to)| {
                    let name = |path: &Path| {
                        path.strip_prefix(self.root()).unwrap_or(path).to_string_lossy().into_owned()
                    };
                    format!("{}\t{}\n", name(from), name(to))
                })
                .collect();
            fs::create_dir_all(&self.folder)
                .and_then(|()| fs::write(&note, lines.concat()))
                .map_err(|error| unwritable(&note, error))?;
        }
        let done = self.moved.iter().try_for_each(|(from, to)| {
            let made = to.parent().map_or(Ok(()), fs::create_dir_all);
            made.and_then(|()| fs::rename(from, to)).map_err(|error| unwritable(to, error))
        });
        let done = done.and_then(|()| {
            beside.iter().zip(&self.written).try_for_each(|(beside, (path, _))| {
                let made = path.parent().map_or(Ok(()), fs::create_dir_all);
                made.and_then(|()| fs::rename(beside, path)).map_err(|error| unwritable(path, error))
            })
        });
        if done.is_err() {
            for name in &beside {
                fs::remove_file(name).ok();
            }
        } else {
            fs::remove_file(&note).ok();
        }
        done
    }

    /// The directory of the migrations.
    fn root(&self) -> &Path {
        self.folder.parent().and_then(Path::parent).unwrap_or(&self.folder)
    }
}

/// What was to be moved, in the directory that takes it: there as long as it is not done.
const MOVES: &str = ".moves";

/// Goes on with what a killed squash had begun to move.
///
/// # Errors
/// A file that cannot be moved.
pub(super) fn go_on(directory: &Path) -> Result<(), Error> {
    let Ok(folders) = fs::read_dir(directory.join(REPLACED)) else { return Ok(()) };
    for folder in folders.flatten() {
        let note = folder.path().join(MOVES);
        let Ok(text) = fs::read_to_string(&note) else { continue };
        for (from, to) in text.lines().filter_map(|line| line.split_once('\t')) {
            let (from, to) = (directory.join(from), directory.join(to));
            if from.exists() && !to.exists() {
                let made = to.parent().map_or(Ok(()), fs::create_dir_all);
                made.and_then(|()| fs::rename(&from, &to)).map_err(|error| unwritable(&to, error))?;
            }
        }
        fs::remove_file(&note).map_err(|error| unwritable(&note, error))?;
    }
    Ok(())
}

/// Copies `paths` of `directory` to the same places of `other`.
///
/// # Errors
/// A file that cannot be read or written.
pub(super) fn copy(directory: &Path, paths: &[PathBuf], other: &Path) -> Result<(), Error> {
    for path in paths {
        let to = other.join(path.strip_prefix(directory).unwrap_or(path));
        copy_one(path, &to).map_err(|error| unwritable(&to, error))?;
    }
    Ok(())
}

fn copy_one(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_one(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    // Seeds may be large; on one file system no byte is copied.
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}
