//! Copies a database, and tells of the copies there are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::Deployment;
use super::survey::read_history;
use crate::apply::run::{Cancel, Clock, Run};
use crate::backup::{self, Backup, BackupError, Listed, Place, Reason, Subject};
use crate::database::Database;
use crate::dialect::Records;
use crate::driver::OpenOptions;
use crate::error::Error;
use crate::migration::applied::History;
use crate::project::DatabaseSettings;

/// What is asked of `backup` and `backups`.
#[derive(Debug, Clone, Default)]
pub struct BackupOptions {
    /// Where backups are, in place of the settings' directory.
    pub directory: Option<PathBuf>,
}

/// The backups of one database.
#[derive(Debug)]
pub struct Backups {
    /// The directory they are in.
    pub directory: PathBuf,
    /// Oldest first; records that make no sense are among them, since nobody knows whose they are.
    pub all: Vec<Listed>,
}

/// A backup as reports have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Its record.
    #[serde(flatten)]
    pub backup: Backup,
    /// Whether a restore that fails leaves the database as it was.
    pub atomic: bool,
}

/// Makes a backup. Takes no lock: what is copied is one moment of the database, whoever writes.
///
/// # Errors
/// The database cannot be reached; the engine's tool is missing or failed; the directory cannot be written.
pub fn backup(deployment: &mut Deployment<'_>, options: &BackupOptions) -> Result<Made, Error> {
    deployment.meeting(|deployment| backup_here(deployment, options))
}

fn backup_here(deployment: &mut Deployment<'_>, options: &BackupOptions) -> Result<Made, Error> {
    let dialect = deployment.dialect()?;
    let settings = deployment.settings.clone();
    let copier = backup::of(settings.url.database())?;
    let open = deployment.open_options(false);
    let records = dialect.records(&settings.tables);
    let directory = directory(&settings, options.directory.as_deref());
    let (clock, cancel, who) =
        (Arc::clone(&deployment.clock), deployment.cancel.clone(), deployment.who.clone());
    if settings.url.path().is_some_and(|path| !path.exists()) {
        return Err(BackupError::NoDatabase { target: settings.url.target() }.into());
    }
    let wait = deployment.lock.wait;
    let mut session = deployment.connection.open(&settings, &open, &cancel)?;
    let history = read_history(&mut *session, dialect, &settings.tables, wait, &cancel)?;
    drop(session);
    let place = Place { settings: &settings, open: &open, records: &records, cancel: &cancel };
    let subject = subject(Reason::Asked, &*clock, who, &history);
    let backup = backup::take(copier, &place, &directory, subject)?;
    Ok(Made { backup, atomic: copier.is_atomic() })
}

/// Returns the backups of the database.
///
/// # Errors
/// The directory cannot be read.
pub fn backups(deployment: &Deployment<'_>, options: &BackupOptions) -> Result<Backups, Error> {
    let settings = &deployment.settings;
    let directory = directory(settings, options.directory.as_deref());
    let mut all = backup::list(&directory)?;
    all.retain(|listed| listed.backup.as_ref().map_or(true, |backup| is_of(backup, settings)));
    Ok(Backups { directory, all })
}

/// Makes a backup under the lock, before something is changed.
pub(super) fn before(
    reason: Reason,
    settings: &DatabaseSettings,
    open: &OpenOptions,
    records: &Records,
    history: &History,
    run: &Run<'_>,
    directory: &Path,
) -> Result<Made, Error> {
    let copier = backup::of(settings.url.database())?;
    let place = Place { settings, open, records, cancel: &run.cancel };
    let subject = subject(reason, run.clock, run.who.clone(), history);
    let taken = backup::take(copier, &place, directory, subject);
    noted(&run.cancel, &taken);
    Ok(Made { backup: taken?, atomic: copier.is_atomic() })
}

/// Sees to it that a run that was cancelled is not interrupted once more while it cleans up.
pub(super) fn noted<T>(cancel: &Cancel, outcome: &Result<T, BackupError>) {
    if matches!(outcome, Err(BackupError::Cancelled)) {
        cancel.take_note();
    }
}

/// Returns whether there is a whole backup of the database in `directory` that is no older than `within`.
pub(super) fn is_recent(
    directory: &Path,
    settings: &DatabaseSettings,
    within: Duration,
    now: Timestamp,
) -> bool {
    let Ok(oldest) = now.checked_sub(within) else { return true };
    let oldest = crate::apply::run::recorded_time(oldest);
    let recent = |listed: &Listed| {
        listed.is_there
            && listed.backup.as_ref().is_ok_and(|it| {
                // Its sum is compared when it is brought back; one that was cut short is known at once.
                let whole = || it.path.metadata().is_ok_and(|file| file.len() == it.bytes);
                is_of(it, settings) && it.target == settings.url.target() && it.taken_at >= oldest && whole()
            })
    };
    backup::list(directory).is_ok_and(|all| all.iter().any(recent))
}

/// Returns where the backups are.
pub(super) fn directory(settings: &DatabaseSettings, asked: Option<&Path>) -> PathBuf {
    asked.map_or_else(|| settings.backups.clone(), Path::to_owned)
}

fn is_of(backup: &Backup, settings: &DatabaseSettings) -> bool {
    // An address may be another engine's than the server's that was backed up.
    let engine = Database::from_spelling(&backup.engine);
    backup.database == settings.name && engine.is_some_and(|engine| settings.url.database().may_be(engine))
}

pub(super) fn subject(reason: Reason, clock: &dyn Clock, who: String, history: &History) -> Subject {
    let versioned = || history.applied.iter().filter(|row| row.is_versioned());
    Subject {
        reason,
        now: clock.now(),
        who,
        applied: history.applied.len() as u64,
        last: versioned().next_back().map(|row| row.version.to_string()),
    }
}
