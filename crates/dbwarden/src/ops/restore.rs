//! Brings a backup back in place of what is there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Deployment;
use super::backup::{Made, before, directory, noted};
use super::deployment::{Patience, make};
use super::survey::read_history;
use crate::apply::history::{self, HistoryError};
use crate::apply::lock::{LockError, LockGuard};
use crate::apply::run::{Cancel, Observer};
use crate::backup::{self, Backup, BackupError, Copier, Place, Reason};
use crate::database::Database;
use crate::dialect::Dialect;
use crate::driver::Session;
use crate::error::{Error, ErrorKind, Refusal};
use crate::migration::applied::History;
use crate::project::{DatabaseSettings, Tables};

/// What is asked of `restore`.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// The backup: a path, or a name in the directory.
    pub file: PathBuf,
    /// Where backups are, in place of the settings' directory.
    pub directory: Option<PathBuf>,
    /// Makes no backup of what is replaced.
    pub without_backup: bool,
    /// Takes a file that has no record beside it.
    pub unrecorded: bool,
    /// A person agreed to what would be refused.
    pub agreed: bool,
}

/// What `restore` came to.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The database's name in the settings.
    pub database: String,
    /// The database, as it is shown.
    pub target: String,
    /// The file that was brought back.
    pub file: PathBuf,
    /// Its record, where it has one.
    pub backup: Option<Backup>,
    /// The backup of what was replaced.
    pub replaced: Option<Made>,
    /// How many migrations are applied now.
    pub applied: u64,
    /// The one that was applied last.
    pub last: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Verifies a backup, makes one of what is there, and replaces that, under the lock.
///
/// # Errors
/// The backup is not what was written; a person must agree; others migrate a part of it right now; the engine or its tool failed. Before the replacing begins nothing is
/// changed, and where [`backup::Copier::is_atomic`] holds also when it fails.
pub fn restore(
    deployment: &mut Deployment<'_>,
    options: &RestoreOptions,
    observer: &mut dyn Observer,
) -> Result<Restored, Error> {
    deployment.meeting(|deployment| restore_here(deployment, options, observer))
}

fn restore_here(
    deployment: &mut Deployment<'_>,
    options: &RestoreOptions,
    observer: &mut dyn Observer,
) -> Result<Restored, Error> {
    let started = std::time::Instant::now();
    let dialect = deployment.dialect()?;
    let (clock, lock) = (Arc::clone(&deployment.clock), deployment.lock.clone());
    let settings = deployment.settings.clone();
    let open = deployment.open_options(true);
    let company = matches!(deployment.connection, super::Connection::Address);
    let copier = backup::of(settings.url.database())?;
    let records = Arc::new(dialect.records(&settings.tables));
    let directory = directory(&settings, options.directory.as_deref());
    if settings.url.is_memory() || !company {
        return Err(BackupError::InMemory { target: settings.url.target() }.into());
    }
    let mut run = deployment.run(&*clock, observer);

    let (file, record) = backup::find(&options.file, &directory, options.unrecorded)?;
    if let Some(record) = &record {
        // Which engine answers is not known yet.
        let may_be = |engine| settings.url.database().may_be(engine);
        if !Database::from_spelling(&record.engine).is_some_and(may_be) {
            return Err(other_engine(file, record, &settings));
        }
        backup::verify(&file, record)?;
    }
    let cancel = run.cancel.clone();
    let place = Place { settings: &settings, open: &open, records: &records, cancel: &cancel };
    copier.check(&place, &file)?;
    if !options.agreed {
        gates(&settings, record.as_ref())?;
    }

    let patience = Patience::of(&mut run, lock.wait);
    let mut session = deployment.connection.open_within(&settings, &open, patience)?;
    if let Some(record) = record.as_ref().filter(|record| record.engine != settings.url.database().name()) {
        return Err(other_engine(file, record, &settings));
    }
    let read = |session: &mut dyn Session| whole(session, dialect, &settings.tables, lock.wait, &cancel);
    history::writable(&read(&mut *session)?.unwrap_or_default())?;
    others(&mut *session, dialect, &settings, &run.who, options.agreed)?;
    make(&mut *session, &settings.url, Patience::of(&mut run, lock.wait))?;
    let mut guard =
        LockGuard::acquire(session, Arc::clone(&records), &lock, Some((&settings.url, &open)), &mut run)?;
    let replaced = match read(guard.session())? {
        // What an earlier restore left half made is worth no backup.
        None => None,
        Some(_) if options.without_backup => None,
        Some(history) => {
            Some(before(Reason::Restore, &settings, &open, &records, &history, &run, &directory)?)
        }
    };
    if guard.is_lost() {
        return Err(LockError::Lost.into());
    }
    others(guard.session(), dialect, &settings, &run.who, options.agreed)?;
    copier.ready(&place)?;
    let session = guard.session();
    if let Some(restoring) = &records.restoring {
        let since = crate::apply::run::recorded_time(run.clock.now());
        let mark = [file.display().to_string().into(), since.into()];
        session.execute(&restoring.create, &[]).map_err(BackupError::Driver)?;
        session.execute(&restoring.mark, &mark).map_err(BackupError::Driver)?;
    }
    let brought = copier.bring_back(&place, &file, guard.token());
    noted(&cancel, &brought);
    let staged = match brought {
        Ok(staged) => staged,
        Err(error) => return Err(failed(copier, error, replaced)),
    };
    let now = if let Some(mut staged) = staged {
        let now = read_history(staged.session(), dialect, &settings.tables, lock.wait, &cancel)?;
        guard.last_renewal()?;
        match staged.take_the_place(guard.session(), &place) {
            Ok(()) => guard.forget(),
            Err(error) => return Err(failed(copier, error, replaced)),
        }
        now
    } else {
        if let Some(restoring) = &records.restoring {
            guard.session().execute(&restoring.clear, &[]).map_err(BackupError::Driver)?;
        }
        let now = read_history(guard.session(), dialect, &settings.tables, lock.wait, &cancel)?;
        guard.replaced()?;
        now
    };
    let now = super::backup::subject(Reason::Restore, &*clock, String::new(), &now);
    Ok(Restored {
        database: settings.name.clone(),
        target: settings.url.target(),
        file,
        backup: record,
        replaced,
        applied: now.applied,
        last: now.last,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

fn failed(copier: &dyn Copier, error: BackupError, replaced: Option<Made>) -> Error {
    ErrorKind::Restore { error, atomic: copier.is_atomic(), replaced: replaced.map(Box::new) }.into()
}

/// Reads the records; nothing where an earlier restore left the database half made.
fn whole(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    tables: &Tables,
    wait: Duration,
    cancel: &Cancel,
) -> Result<Option<History>, Error> {
    match read_history(session, dialect, tables, wait, cancel) {
        Ok(history) => Ok(Some(history)),
        Err(error) => match error.kind() {
            ErrorKind::History(HistoryError::Restoring { .. }) => Ok(None),
            _ => Err(error),
        },
    }
}

fn other_engine(path: PathBuf, record: &Backup, settings: &DatabaseSettings) -> Error {
    BackupError::OtherEngine { path, engine: record.engine.clone(), database: settings.url.database() }.into()
}

/// Looks whether others have their records in other schemas of the database, which a backup replaces too.
fn others(
    session: &mut dyn Session,
    dialect: &'static dyn Dialect,
    settings: &DatabaseSettings,
    who: &str,
    agreed: bool,
) -> Result<(), Error> {
    let Some(query) = dialect.records(&settings.tables).others else { return Ok(()) };
    let found = session.query(&query, &[]).map_err(BackupError::Driver)?;
    let schemas: Vec<String> = found.iter().map(|row| row.text(0).to_owned()).collect();
    if schemas.is_empty() {
        return Ok(());
    }
    for schema in &schemas {
        let theirs = Tables { schema: Some(schema.clone()), ..settings.tables.clone() };
        let seen = super::lock::look(session, &dialect.records(&theirs), who)?;
        if let (Some(holder), None) = (seen.holder, seen.gone) {
            let (schema, holder) = (schema.clone(), holder.owner.label());
            return Err(BackupError::OthersAtWork { schema, holder }.into());
        }
    }
    if agreed {
        return Ok(());
    }
    let refusal = Refusal::OtherSchemas { schemas, target: settings.url.target() };
    Err(ErrorKind::Refused { refusal }.into())
}

/// What wants a person's word before a database is replaced.
fn gates(settings: &DatabaseSettings, record: Option<&Backup>) -> Result<(), Error> {
    let refused = |refusal| Err(ErrorKind::Refused { refusal }.into());
    if settings.protected {
        return refused(Refusal::Protected {
            what: "restore replaces all that is in".to_owned(),
            database: settings.name.clone(),
        });
    }
    match record {
        Some(record) if record.target != settings.url.target() => refused(Refusal::OtherTarget {
            backup: record.file.clone(),
            of: record.target.clone(),
            target: settings.url.target(),
        }),
        _ => Ok(()),
    }
}
