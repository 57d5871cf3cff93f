//! The open databases of this process, each once.
//!
//! DuckDB locks its file against other processes alone. Two instances of one file in one process see nothing of each other, and the
//! later one writes over the other's rows (tried on 1.5.6); so that all sessions of this process share one. A host program that has
//! the file open through a DuckDB of its own must close it before.

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use adbc_core::Driver;
use adbc_core::options::OptionDatabase;
use adbc_driver_manager::ManagedDatabase;

use super::failure::opening;
use super::{library, option};
use crate::driver::{DriverError, DriverErrorKind, Held, SessionLock};

/// By the file's own name. What is dropped is dropped under this lock, so that nobody opens a file while it is being closed.
static OPEN: Mutex<BTreeMap<PathBuf, Weak<Shared>>> = Mutex::new(BTreeMap::new());

struct Shared {
    // Closed before `reader`.
    database: ManagedDatabase,
    /// Whether one of the sessions holds the lock of sessions. Against other processes the open file is that lock.
    locked: Arc<AtomicBool>,
    /// The file, for who reads it beside DuckDB: see [`reader`].
    reader: OnceLock<Arc<File>>,
}

/// A share of an open database. The last one closes it; connections must have ended before.
pub(super) struct Instance {
    shared: Option<Arc<Shared>>,
    /// The file, under its own name.
    file: Option<PathBuf>,
}

fn open() -> MutexGuard<'static, BTreeMap<PathBuf, Weak<Shared>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Instance {
    /// Opens `path`, or shares it where it is open; a file that is not there is made.
    pub(super) fn of_file(path: &Path, library: Option<&Path>) -> Result<Self, DriverError> {
        let mut open = open();
        let file = canonical(path);
        if let Some(shared) = open.get(&file).and_then(Weak::upgrade) {
            return Ok(Self { shared: Some(shared), file: Some(file) });
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
        let shared = Arc::new(Shared::new(database));
        open.insert(file.clone(), Arc::downgrade(&shared));
        Ok(Self { shared: Some(shared), file: Some(file) })
    }

    pub(super) fn in_memory(library: Option<&Path>) -> Result<Self, DriverError> {
        let database = database(":memory:", false, library)?;
        Ok(Self { shared: Some(Arc::new(Shared::new(database))), file: None })
    }

    /// Opens a file that nobody writes, for itself, and writes nothing.
    pub(super) fn of_copy(path: &Path, library: Option<&Path>) -> Result<Self, DriverError> {
        let database = database(&path.to_string_lossy(), true, library)?;
        Ok(Self { shared: Some(Arc::new(Shared::new(database))), file: None })
    }

    fn shared(&self) -> &Shared {
        self.shared.as_ref().expect("taken by drop alone")
    }

    pub(super) fn database(&self) -> &ManagedDatabase {
        &self.shared().database
    }

    /// Takes the lock of sessions where no other session of this process has it.
    pub(super) fn try_lock(&self) -> SessionLock {
        if self.file.is_none() {
            return SessionLock::Unsupported;
        }
        let locked = &self.shared().locked;
        if locked.swap(true, Ordering::AcqRel) {
            SessionLock::Busy
        } else {
            SessionLock::Held(Box::new(Lock(Arc::clone(locked))))
        }
    }
}

impl Shared {
    fn new(database: ManagedDatabase) -> Self {
        Self { database, locked: Arc::default(), reader: OnceLock::new() }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        // Closed while nobody can open it anew beside.
        let mut open = open();
        self.shared = None;
        if open.get(file).is_some_and(|shared| shared.strong_count() == 0) {
            open.remove(file);
        }
    }
}

/// Returns the file of a database that is open here, to be read beside DuckDB; nothing where it is not open. It stays open as long
/// as the database: the system takes the lock that DuckDB has of it away with the first descriptor of the file that this process
/// closes, whoever opened that one (<https://man7.org/linux/man-pages/man2/fcntl_locking.2.html>; tried).
///
/// # Errors
/// The system's answer.
pub(crate) fn reader(path: &Path) -> std::io::Result<Option<Arc<File>>> {
    let open = open();
    let Some(shared) = open.get(&canonical(path)).and_then(Weak::upgrade) else { return Ok(None) };
    let reader = match shared.reader.get() {
        Some(reader) => Arc::clone(reader),
        None => Arc::clone(shared.reader.get_or_init({
            let file = Arc::new(File::open(path)?);
            || file
        })),
    };
    // Still under the lock: this share may be the last one by now.
    drop(shared);
    Ok(Some(reader))
}

/// Puts the file `new` in the place of the database's, at once. Sessions that are open go on with the old one, which nobody else sees
/// any more, and which is closed with the last of them; those that are opened from here on have the new one. What the old one has
/// beside it must be gone: DuckDB would take it for the new one's.
///
/// # Errors
/// The system's answer. Nothing was changed then.
pub(crate) fn replace(path: &Path, new: &Path) -> std::io::Result<()> {
    let mut open = open();
    let file = canonical(path);
    for there in [path, &file] {
        let wal = beside(there, ".wal");
        if std::fs::symlink_metadata(&wal).is_ok() {
            let message = format!("{} is still there", wal.display());
            return Err(std::io::Error::other(message));
        }
    }
    std::fs::rename(new, &file)?;
    open.remove(&file);
    if let Some(folder) = file.parent().and_then(|folder| File::open(folder).ok()) {
        // After a power cut it is the old one, or the new one.
        folder.sync_all().ok();
    }
    Ok(())
}

/// `path` with `ending` behind its name.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// How old a file is that [`make`] has left: it takes some milliseconds.
const LEFT: Duration = Duration::from_secs(60);

/// How many bytes a name may have on the usual file systems.
const NAME_MAX: usize = 255;

/// Returns a name beside `path` that nobody had, for a file that is to be there whole or not at all, and removes what runs that were
/// killed have left under such names; nothing where the name is too long.
pub(crate) fn new_name(path: &Path) -> Option<PathBuf> {
    let (folder, name) = (path.parent()?, path.file_name()?);
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let start = format!("{}.dbwarden-new-", name.to_string_lossy());
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let age = entry.metadata().ok().and_then(|file| file.modified().ok()?.elapsed().ok());
        if entry.file_name().to_string_lossy().starts_with(&start) && age.is_some_and(|age| age > LEFT) {
            std::fs::remove_file(entry.path()).ok();
        }
    }
    // A process's number comes again with each start of a container, and what a killed one left under it would be taken for ours.
    let temporary = format!("{start}{:016x}", RandomState::new().build_hasher().finish());
    // With the one that DuckDB puts beside it.
    (temporary.len() + ".wal".len() <= NAME_MAX).then(|| folder.join(temporary))
}

/// Makes the file under another name and links it to its own: DuckDB opens no file whose making was cut short by a kill. Where there
/// are no links, or a name too long for it, DuckDB is left to it.
///
/// # Errors
/// That of the opening; nothing is left then, and nothing is there under the own name.
fn make(path: &Path, library: Option<&Path>) -> Result<(), DriverError> {
    let (Some(new), Some(name)) = (new_name(path), path.file_name()) else { return Ok(()) };
    let temporary = new.file_name().unwrap_or_default().to_string_lossy().into_owned();
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
    for left in [new.clone(), beside(&new, ".wal")] {
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
struct Lock(Arc<AtomicBool>);

impl Held for Lock {}

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The file's own name: a link to it is the same database.
pub(crate) fn canonical(path: &Path) -> PathBuf {
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
