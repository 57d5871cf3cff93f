//! DuckDB, by a copy of its file, as it stands behind a checkpoint.
//!
//! `EXPORT DATABASE` writes SQL and rows, and loses of them (tried on 1.5.6): foreign keys of a table to itself, all comments, and
//! the order of views, so that `IMPORT DATABASE` fails where one stands on another; `COPY FROM DATABASE` fails on foreign keys. The
//! file is exact: positions of sequences, macros, comments, generated columns, types and all.
//!
//! One process has the file open, and this one does, so that nobody else writes. What is read beside DuckDB is one moment of the file:
//! between two checkpoints it adds blocks that the headers do not know of, and writes over none that they do; and where the headers
//! have changed meanwhile, the copy is made again. A copy is brought back by a file that is made whole beside the old one and takes
//! its place with one rename, while DuckDB's lock of the old one keeps all others out.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{BackupError, Copier, Place, Staged};
use crate::database::Database;
use crate::dialect::duckdb::HOME_NAME;
use crate::driver::duckdb::{beside, canonical, new_name, open_copy, reader, replace};
use crate::driver::{self, DriverError, DriverErrorKind, OpenOptions, Session};
use crate::url::DatabaseUrl;
use crate::value::Value;

/// The main header and the two headers of the database (<https://duckdb.org/docs/stable/internals/storage>), in bytes.
const HEADERS: usize = 3 * 4096;

/// How much is read at once, in bytes.
const STEP: usize = 1 << 20;

/// How long to sleep before what another session of this process stands in the way of is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// A copy of the file.
#[derive(Debug)]
pub(super) struct FileCopy;

impl Copier for FileCopy {
    fn suffix(&self) -> &'static str {
        "duckdb"
    }

    fn take(&self, place: &Place<'_>, to: &Path) -> Result<String, BackupError> {
        let path = file(place)?;
        if !path.is_file() {
            return Err(BackupError::NoDatabase { target: place.settings.url.target() });
        }
        let mut session = driver::open(&place.settings.url, place.open)?;
        let started = Instant::now();
        loop {
            let may_write = match session.execute(&checkpoint(), &[]) {
                Err(error) if error.kind == DriverErrorKind::ReadOnly => false,
                answered => answered.map(|_| true)?,
            };
            if copy(path, to, place)? {
                if !may_write {
                    with_log(path, to, place)?;
                }
                break;
            }
            patience(place, started)?;
        }
        whole(to, place)?;
        Ok(format!("DuckDB {}", session.server().version))
    }

    fn check(&self, place: &Place<'_>, from: &Path) -> Result<(), BackupError> {
        whole(from, place)
    }

    fn bring_back(
        &self,
        place: &Place<'_>,
        from: &Path,
        token: i64,
    ) -> Result<Option<Box<dyn Staged>>, BackupError> {
        // Behind a link, since that is to stay one.
        let path = canonical(file(place)?);
        let too_long = || std::io::Error::other("its name is too long for another one beside it");
        let cannot = || BackupError::file("no new file can be made beside", &path);
        let new = New(new_name(&path).ok_or_else(too_long).map_err(cannot())?);
        let to = new_file(&new.0).and_then(|to| own_as(&path, &new.0).map(|()| to)).map_err(cannot())?;
        let backup = File::open(from).map_err(BackupError::file("it cannot be read:", from))?;
        pour(&backup, &to, from, &new.0, place)?;
        drop((backup, to));
        let url = DatabaseUrl::file(Database::Duckdb, &new.0);
        let open = OpenOptions { create: false, ..plain(place.open) };
        let mut session = driver::open(&url, &open)?;
        // What the rows of our lock say is as old as the backup. No holder of then or now can come back.
        if let Some(row) =
            session.query(&place.records.lock, &[]).ok().and_then(|rows| rows.into_iter().next())
            && let Some(then) = row.integer(0)
        {
            let next = [(then.max(token) + 1).into(), Value::Null, Value::Null, then.into()];
            session.execute(&place.records.take, &next)?;
        }
        session.execute(&checkpoint(), &[])?;
        Ok(Some(Box::new(StagedFile { session, path: file(place)?.to_owned(), new })))
    }

    fn is_atomic(&self) -> bool {
        true
    }
}

/// A file beside the database's.
struct StagedFile {
    // Closed before the file is removed.
    session: Box<dyn Session>,
    path: PathBuf,
    new: New,
}

impl Staged for StagedFile {
    fn session(&mut self) -> &mut dyn Session {
        &mut *self.session
    }

    fn take_the_place(self: Box<Self>, old: &mut dyn Session, place: &Place<'_>) -> Result<(), BackupError> {
        let StagedFile { session, path, new } = *self;
        drop(session);
        let cannot = || BackupError::file("it cannot be put in the place of the database:", &new.0);
        if beside(&new.0, ".wal").exists() {
            return Err(cannot()(std::io::Error::other("DuckDB did not finish it")));
        }
        File::open(&new.0).and_then(|file| file.sync_all()).map_err(cannot())?;
        let started = Instant::now();
        loop {
            old.execute(&checkpoint(), &[])?;
            // Its log is gone with the checkpoint, unless another session of this process was at it.
            match replace(&path, &new.0) {
                Ok(()) => break,
                Err(error) => match patience(place, started) {
                    Err(BackupError::Driver(_)) => return Err(cannot()(error)),
                    other => other?,
                },
            }
        }
        Ok(())
    }
}

/// A file that is removed unless it was renamed.
struct New(PathBuf);

impl Drop for New {
    fn drop(&mut self) {
        for left in [self.0.clone(), beside(&self.0, ".wal")] {
            fs::remove_file(left).ok();
        }
    }
}

fn file<'a>(place: &Place<'a>) -> Result<&'a Path, BackupError> {
    let in_memory = || BackupError::InMemory { target: place.settings.url.target() };
    place.settings.url.path().ok_or_else(in_memory)
}

/// Of the session's own database, whichever it uses.
fn checkpoint() -> String {
    format!("CHECKPOINT {HOME_NAME}")
}

/// A session with a file that is no database of the settings.
fn plain(open: &OpenOptions) -> OpenOptions {
    OpenOptions { prelude: Vec::new(), ..open.clone() }
}

/// Waits a moment, and no longer than for any other lock.
fn patience(place: &Place<'_>, since: Instant) -> Result<(), BackupError> {
    if place.cancel.is_cancelled() {
        return Err(BackupError::Cancelled);
    }
    if since.elapsed() >= place.open.lock_timeout {
        let message = "another session of this program writes to the database";
        return Err(DriverError::new(DriverErrorKind::Busy, message).into());
    }
    std::thread::sleep(RETRY);
    Ok(())
}

/// Copies the file of an open database; returns whether it was one moment of it.
fn copy(path: &Path, to: &Path, place: &Place<'_>) -> Result<bool, BackupError> {
    let unreadable = || BackupError::file("it cannot be read:", path);
    let gone = || std::io::Error::other("it was closed meanwhile");
    let from = reader(path).and_then(|file| file.ok_or_else(gone)).map_err(unreadable())?;
    let headers = || {
        let mut headers = vec![0; HEADERS];
        read_at(&from, &mut headers, 0).map(|_| headers)
    };
    let before = headers().map_err(unreadable())?;
    let out = fs::OpenOptions::new().write(true).truncate(true).open(to);
    let out = out.map_err(BackupError::file("the backup cannot be written:", to))?;
    pour(&from, &out, path, to, place)?;
    Ok(headers().map_err(unreadable())? == before)
}

/// Writes all of `from` to `to`.
fn pour(from: &File, to: &File, path: &Path, new: &Path, place: &Place<'_>) -> Result<(), BackupError> {
    let (mut at, mut bytes, mut to) = (0, vec![0; STEP], to);
    loop {
        if place.cancel.is_cancelled() {
            return Err(BackupError::Cancelled);
        }
        let read = read_at(from, &mut bytes, at).map_err(BackupError::file("it cannot be read:", path))?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&bytes[..read]).map_err(BackupError::file("it cannot be written:", new))?;
        at += read as u64;
    }
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, at)
}

#[cfg(windows)]
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, at)
}

/// Adds what stands in the log of a database that may only be read, and so was written by nobody meanwhile.
fn with_log(path: &Path, to: &Path, place: &Place<'_>) -> Result<(), BackupError> {
    let (log, new) = (beside(path, ".wal"), New(beside(to, ".wal")));
    if !log.exists() {
        return Ok(());
    }
    fs::copy(&log, &new.0).map_err(BackupError::file("it cannot be read:", &log))?;
    let open = OpenOptions { create: false, ..plain(place.open) };
    driver::open(&DatabaseUrl::file(Database::Duckdb, to), &open)?.execute(&checkpoint(), &[])?;
    Ok(())
}

/// Sees that DuckDB opens the copy, and that all of its blocks are there.
fn whole(copy: &Path, place: &Place<'_>) -> Result<(), BackupError> {
    let damaged = |reason: String| BackupError::Damaged { path: copy.to_owned(), reason };
    let size = "SELECT total_blocks * block_size FROM pragma_database_size() WHERE database_name = current_database()";
    let rows = open_copy(copy, &plain(place.open)).and_then(|mut session| session.query(size, &[]));
    let rows = rows.map_err(|error| match error.kind {
        DriverErrorKind::NoLibrary => BackupError::Driver(error),
        _ => damaged(error.message),
    })?;
    let blocks = rows.first().and_then(|row| row.integer(0)).and_then(|size| u64::try_from(size).ok());
    let length = fs::metadata(copy).map_err(BackupError::file("it cannot be read:", copy))?.len();
    match blocks {
        Some(blocks) if blocks + HEADERS as u64 <= length => Ok(()),
        _ => Err(damaged("its end is missing".to_owned())),
    }
}

/// Makes a file that its owner alone may read, for now.
fn new_file(path: &Path) -> std::io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives `new` the owner and the rights of `old`, whose place it is to take.
fn own_as(old: &Path, new: &Path) -> std::io::Result<()> {
    let of = fs::metadata(old)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, chown};
        let now = fs::metadata(new)?;
        if (now.uid(), now.gid()) != (of.uid(), of.gid()) {
            chown(new, Some(of.uid()), Some(of.gid()))?;
        }
    }
    fs::set_permissions(new, of.permissions())
}
