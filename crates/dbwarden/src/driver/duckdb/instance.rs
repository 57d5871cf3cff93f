//! The open databases of this process, each once.
//!
//! DuckDB locks its file against other processes alone. Two instances of one file in one process see nothing of each other, and the
//! later one writes over the other's rows (tried on 1.5.6); so that all sessions of this process share one. A host program that has
//! the file open through a DuckDB of its own must close it before.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use adbc_core::Driver;
use adbc_core::options::OptionDatabase;
use adbc_driver_manager::ManagedDatabase;

use super::failure::opening;
use super::{library, option};
use crate::driver::{DriverError, DriverErrorKind, Held, SessionLock};

static OPEN: Mutex<BTreeMap<PathBuf, Entry>> = Mutex::new(BTreeMap::new());

struct Entry {
    database: ManagedDatabase,
    users: usize,
    /// Whether one of the sessions holds the lock of sessions. Against other processes the open file is that lock.
    locked: bool,
}

/// A share of an open database. The last one closes it; connections must have ended before.
pub(super) struct Instance {
    database: Option<ManagedDatabase>,
    /// The file, under its own name.
    file: Option<PathBuf>,
}

fn open() -> MutexGuard<'static, BTreeMap<PathBuf, Entry>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Instance {
    /// Opens `path`, or shares it where it is open; a file that is not there is made.
    pub(super) fn of_file(path: &Path, library: Option<&Path>) -> Result<Self, DriverError> {
        let mut open = open();
        let file = canonical(path);
        if let Some(entry) = open.get_mut(&file) {
            entry.users += 1;
            return Ok(Self { database: Some(entry.database.clone()), file: Some(file) });
        }
        if !path.exists() {
            make(path, library)?;
        }
        let database = match database(&path.to_string_lossy(), false, library) {
            // Reading is possible all the same.
            Err(error) if error.kind == DriverErrorKind::ReadOnly => {
                database(&path.to_string_lossy(), true, library)?
            }
            opened => opened?,
        };
        // It may have been made just now.
        let file = canonical(path);
        open.insert(file.clone(), Entry { database: database.clone(), users: 1, locked: false });
        Ok(Self { database: Some(database), file: Some(file) })
    }

    pub(super) fn in_memory(library: Option<&Path>) -> Result<Self, DriverError> {
        Ok(Self { database: Some(database(":memory:", false, library)?), file: None })
    }

    pub(super) fn database(&self) -> &ManagedDatabase {
        self.database.as_ref().expect("taken by drop alone")
    }

    /// Takes the lock of sessions where no other session of this process has it.
    pub(super) fn try_lock(&self) -> SessionLock {
        let Some(file) = &self.file else { return SessionLock::Unsupported };
        match open().get_mut(file) {
            Some(entry) if !entry.locked => {
                entry.locked = true;
                SessionLock::Held(Box::new(Lock(file.clone())))
            }
            _ => SessionLock::Busy,
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        // Closed while nobody can open it anew beside.
        let mut open = open();
        self.database = None;
        if let Some(entry) = open.get_mut(file) {
            entry.users -= 1;
            if entry.users == 0 {
                open.remove(file);
            }
        }
    }
}

/// How old a file is that [`make`] has left: it takes some milliseconds.
const LEFT: Duration = Duration::from_secs(60);

/// How many bytes a name may have on the usual file systems.
const NAME_MAX: usize = 255;

/// Makes the file under another name and links it to its own: DuckDB opens no file whose making was cut short by a kill. Where there
/// are no links, or a name too long for it, DuckDB is left to it.
///
/// # Errors
/// That of the opening; nothing is left then, and nothing is there under the own name.
fn make(path: &Path, library: Option<&Path>) -> Result<(), DriverError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let start = format!("{}.dbwarden-new-", name.to_string_lossy());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let age = entry.metadata().ok().and_then(|file| file.modified().ok()?.elapsed().ok());
        if entry.file_name().to_string_lossy().starts_with(&start) && age.is_some_and(|age| age > LEFT) {
            std::fs::remove_file(entry.path()).ok();
        }
    }
    // A name that nobody had: a process's number comes again with each start of a container, and what a killed one left under it
    // would be taken for ours.
    let temporary = format!("{start}{:016x}", RandomState::new().build_hasher().finish());
    // With the one that DuckDB puts beside it.
    if temporary.len() + ".wal".len() > NAME_MAX {
        return Ok(());
    }
    let new = folder.join(&temporary);
    let shown = new.to_string_lossy();
    // Opened once more, since closing tells of no error.
    let made = database(&shown, false, library).and_then(|made| {
        drop(made);
        database(&shown, true, library).map(drop)
    });
    if made.is_ok() {
        // Never over a file that another process has made meanwhile.
        std::fs::hard_link(&new, path).ok();
    }
    for left in [new.clone(), folder.join(format!("{temporary}.wal"))] {
        std::fs::remove_file(left).ok();
    }
    // Who reads it knows the file by its own name.
    made.map_err(|mut error| {
        error.message = error.message.replace(&temporary, &name.to_string_lossy());
        error.notes.iter_mut().for_each(|note| *note = note.replace(&temporary, &name.to_string_lossy()));
        error
    })
}

#[derive(Debug)]
struct Lock(PathBuf);

impl Held for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(entry) = open().get_mut(&self.0) {
            entry.locked = false;
        }
    }
}

/// The file's own name: a link to it is the same database.
fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match (std::fs::canonicalize(folder), path.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => path.to_owned(),
        }
    })
}

fn database(path: &str, read_only: bool, library: Option<&Path>) -> Result<ManagedDatabase, DriverError> {
    let mut options = vec![(OptionDatabase::Other("path".to_owned()), option(path))];
    if read_only {
        options.push((OptionDatabase::Other("access_mode".to_owned()), option("read_only")));
    }
    library::load(library)?.new_database_with_opts(options).map_err(|error| opening(&error))
}
