//! Reads files and records beside each other, without the lock and without writing.

use std::time::{Duration, Instant};

use super::Deployment;
use super::deployment::Patience;
use crate::apply::history::{self, Depth};
use crate::apply::lock::{self, LockError, LockRow};
use crate::apply::run::Cancel;
use crate::dialect::{Dialect, Records};
use crate::driver::{DriverErrorKind, Server, Session, SessionLock};
use crate::error::{Error, ErrorKind};
use crate::migration::applied::History;
use crate::migration::set::{MigrationSet, SetError};
use crate::migration::source::Source;
use crate::migration::state::{Selection, State};
use crate::project::Tables;

/// Files and records, and how they stand to each other.
#[derive(Debug, Clone)]
pub struct Survey {
    /// The files.
    pub set: MigrationSet,
    /// The records.
    pub history: History,
    /// How they stand to each other.
    pub state: State,
    /// Who answered.
    pub server: Server,
}

/// Reads the files alone.
///
/// # Errors
/// A file that is no migration.
pub fn files(deployment: &Deployment<'_>) -> Result<MigrationSet, Error> {
    Ok(MigrationSet::load(&deployment.source, &deployment.read_options()?)?)
}

/// Reads files and records.
///
/// # Errors
/// A file that is no migration; a database that cannot be opened or read.
pub fn survey(deployment: &mut Deployment<'_>, selection: &Selection) -> Result<Survey, Error> {
    deployment.meeting(|deployment| Ok(look(deployment, selection)?.0))
}

/// Reads files and records for who only looks: a database that another process has for itself is soon given up.
pub(super) fn look<'a>(
    deployment: &'a mut Deployment<'_>,
    selection: &Selection,
) -> Result<(Survey, Box<dyn Session + 'a>), Error> {
    let read = deployment.read_options()?;
    let load = |source: &Source| MigrationSet::load(source, &read);
    let patience = Patience::brief(deployment.lock.wait, &deployment.cancel);
    beside(deployment, selection, Depth::Whole, patience, load, |set, _| Ok(set))
}

/// Reads files and records, and returns the session with them. Files and records are read at the same time. A file that
/// is not there is not made: [`Session::create`] does that.
pub(super) fn open<'a>(
    deployment: &'a mut Deployment<'_>,
    selection: &Selection,
    patience: Patience<'_>,
) -> Result<(Survey, Box<dyn Session + 'a>), Error> {
    let read = deployment.read_options()?;
    let load = |source: &Source| MigrationSet::load(source, &read);
    beside(deployment, selection, Depth::Whole, patience, load, |set, _| Ok(set))
}

/// The same, without splitting files that the records know byte by byte, and without the rows' times and persons: enough to find out that nothing is to be done, and
/// for nothing else.
pub(super) fn glance<'a>(
    deployment: &'a mut Deployment<'_>,
    selection: &Selection,
    patience: Patience<'_>,
) -> Result<(Survey, Box<dyn Session + 'a>), Error> {
    let read = deployment.read_options()?;
    let glance = |source: &Source| MigrationSet::glance(source, &read);
    beside(deployment, selection, Depth::Glance, patience, glance, |set, history| {
        set.trusting(&read, history)
    })
}

fn beside<'a, T: Send>(
    deployment: &'a mut Deployment<'_>,
    selection: &Selection,
    depth: Depth,
    patience: Patience<'_>,
    files: impl FnOnce(&Source) -> Result<T, SetError> + Send,
    set: impl FnOnce(T, &History) -> Result<MigrationSet, SetError>,
) -> Result<(Survey, Box<dyn Session + 'a>), Error> {
    let dialect = deployment.dialect()?;
    let options = deployment.open_options(false);
    let tables = deployment.settings.tables.clone();
    let wait = deployment.lock.wait;
    let points = deployment.points.clone();
    let Deployment { settings, source, connection, cancel, .. } = deployment;
    let (read, records) = std::thread::scope(|scope| {
        let files = scope.spawn(|| files(source));
        let records = connection.open_within(settings, &options, patience).and_then(|mut session| {
            match read_records(&mut *session, dialect, &tables, wait, cancel, depth) {
                Ok(history) => Ok((session, history)),
                Err(error) => Err(under_way(&mut *session, &dialect.records(&tables), error)),
            }
        });
        let files = files.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (files, records)
    });
    let (read, records) = match (read, records) {
        // The files were read for another engine.
        (_, Err(error)) if matches!(error.kind(), ErrorKind::AnotherEngine { .. }) => return Err(error),
        // A wrong file is told first: it is what its author can mend.
        (read, records) => (read?, records?),
    };
    let (session, mut history) = records;
    let mut set = set(read, &history)?;
    if let Some(points) = points {
        points("history-read");
    }
    let state = State::new(&mut set, &mut history, selection);
    let server = session.server();
    Ok((Survey { set, history, state, server }, session))
}

/// Of a database that is half restored, tells who is at it, where somebody is: that there is a lock to wait for, and nothing to be
/// mended.
fn under_way(session: &mut dyn Session, records: &Records, error: Error) -> Error {
    if error.code() == "half-restored"
        && let Ok(LockRow::Held(holder)) = lock::read(session, records)
        && !matches!(session.try_session_lock(&records.lock_name), Ok(SessionLock::Held(_)))
    {
        return ErrorKind::Lock(LockError::Held { holder: Some(Box::new(holder)), waited: Duration::ZERO })
            .into();
    }
    error
}

/// Reads files and records as far as tells what is applied and pending, and no further.
///
/// # Errors
/// As [`survey`].
pub(super) fn quick(deployment: &mut Deployment<'_>, selection: &Selection) -> Result<Survey, Error> {
    deployment.meeting(|deployment| {
        let patience = Patience::brief(deployment.lock.wait, &deployment.cancel);
        Ok(glance(deployment, selection, patience)?.0)
    })
}

/// Reads the records; while another session keeps readers out, waits for it as for the lock.
pub(super) fn read_history(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    tables: &Tables,
    wait: Duration,
    cancel: &Cancel,
) -> Result<History, Error> {
    read_records(session, dialect, tables, wait, cancel, Depth::Whole)
}

fn read_records(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    tables: &Tables,
    wait: Duration,
    cancel: &Cancel,
    depth: Depth,
) -> Result<History, Error> {
    let records: Records = dialect.records(tables);
    let started = Instant::now();
    // Short looks, so that a person who cancels is heard.
    let timeout = session.lock_timeout();
    let look = timeout.min(wait).min(Duration::from_millis(250));
    let changed = |error| ErrorKind::History(history::HistoryError::Driver(error));
    session.set_lock_timeout(look).map_err(changed)?;
    let outcome = loop {
        match history::read(session, &records, tables, depth) {
            Err(history::HistoryError::Driver(error))
                if error.kind == DriverErrorKind::Busy && started.elapsed() < wait => {}
            other => break other,
        }
        if cancel.take_note() {
            return Err(ErrorKind::Lock(LockError::Cancelled).into());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    session.set_lock_timeout(timeout).map_err(changed)?;
    outcome.map_err(|error| ErrorKind::History(error).into())
}
