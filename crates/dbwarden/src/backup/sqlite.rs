//! SQLite, by its online backup (<https://www.sqlite.org/backup.html>): a copy page by page under one read transaction, while others
//! go on reading and, in WAL mode, writing. Brought back the same way, as one transaction of the database that is replaced: who
//! kills it in the middle finds the database as it was.

use std::path::Path;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{BackupError, Copier, Place, Staged};
use crate::driver::{DriverError, DriverErrorKind};

/// Pages between two looks whether to stop: 16 MiB with pages of the usual size.
const STEP: i32 = 4096;

/// How long to sleep before a lock that another holds is tried again.
const RETRY: Duration = Duration::from_millis(10);

/// The online backup.
#[derive(Debug)]
pub(super) struct OnlineBackup;

impl Copier for OnlineBackup {
    fn suffix(&self) -> &'static str {
        "db"
    }

    fn take(&self, place: &Place<'_>, to: &Path) -> Result<String, BackupError> {
        let target = || place.settings.url.target();
        let path = place.settings.url.path().ok_or_else(|| BackupError::InMemory { target: target() })?;
        if !path.is_file() {
            return Err(BackupError::NoDatabase { target: target() });
        }
        // With the right to write where it can be had, since a journal that a crash left must be rolled back first.
        let source = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY))
            .map_err(failure)?;
        source.busy_timeout(place.open.lock_timeout).map_err(failure)?;
        // A read transaction over the whole copy: a writer in between would make it begin again.
        source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(failure)?;
        let mut copy = Connection::open(to).map_err(failure)?;
        run(&source, &mut copy, place)?;
        Ok(format!("SQLite {}", rusqlite::version()))
    }

    fn check(&self, _: &Place<'_>, from: &Path) -> Result<(), BackupError> {
        let damaged = |reason: String| BackupError::Damaged { path: from.to_owned(), reason };
        let answer: String = open_copy(from)
            .and_then(|copy| copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)))
            .map_err(|error| damaged(error.to_string()))?;
        if answer == "ok" { Ok(()) } else { Err(damaged(answer)) }
    }

    fn bring_back(
        &self,
        place: &Place<'_>,
        from: &Path,
        _: i64,
    ) -> Result<Option<Box<dyn Staged>>, BackupError> {
        let target = || place.settings.url.target();
        let path = place.settings.url.path().ok_or_else(|| BackupError::InMemory { target: target() })?;
        let source = open_copy(from).map_err(failure)?;
        let mut target = Connection::open(path).map_err(failure)?;
        run(&source, &mut target, place).map(|()| None)
    }

    fn is_atomic(&self) -> bool {
        true
    }
}

/// Opens a copy without writing a byte beside it, which one of a WAL database would else ask for
/// (<https://www.sqlite.org/uri.html#uriimmutable>).
fn open_copy(path: &Path) -> rusqlite::Result<Connection> {
    const MEANS_SOMETHING: &AsciiSet = &CONTROLS.add(b'?').add(b'#').add(b'%');
    let path = path.to_string_lossy();
    let uri = format!("file:{}?immutable=1", utf8_percent_encode(&path, MEANS_SOMETHING));
    Connection::open_with_flags(uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

fn run(from: &Connection, to: &mut Connection, place: &Place<'_>) -> Result<(), BackupError> {
    let copying = Backup::new(from, to).map_err(failure)?;
    let mut waiting = Instant::now();
    loop {
        if place.cancel.is_cancelled() {
            // What was written so far is rolled back with the end of the copying.
            return Err(BackupError::Cancelled);
        }
        match copying.step(STEP).map_err(failure)? {
            StepResult::Done => return Ok(()),
            StepResult::More => waiting = Instant::now(),
            _ if waiting.elapsed() < place.open.lock_timeout => std::thread::sleep(RETRY),
            _ => {
                let message = "another program is using the database";
                return Err(DriverError::new(DriverErrorKind::Busy, message).into());
            }
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "so that `map_err` takes it by its name")]
fn failure(error: rusqlite::Error) -> BackupError {
    BackupError::Driver(crate::driver::sqlite_failure(&error))
}
