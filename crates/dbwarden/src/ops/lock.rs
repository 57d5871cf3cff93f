//! Looks at the lock, and takes it from a holder that is gone.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Deployment;
use super::survey::read_history;
use crate::apply::lock::{self, LockError, LockGuard, LockOptions, LockRow};
use crate::apply::owner::Holder;
use crate::apply::owner::Owner;
use crate::apply::run::Observer;
use crate::dialect::Records;
use crate::driver::{DriverErrorKind, OpenOptions, Presence, Session, SessionLock};
use crate::error::{Error, ErrorKind, Refusal};
use crate::value::Value;

/// What the lock's row says, and what can be seen of its holder.
#[derive(Debug, Clone, Serialize)]
pub struct LockStatus {
    /// The database's name in the settings.
    pub database: String,
    /// The database, as it is shown.
    pub target: String,
    /// Who holds it.
    pub holder: Option<Holder>,
    /// Why the holder is known to be gone, where that can be seen from here.
    pub gone: Option<&'static str>,
}

/// Returns what the lock's row says. Changes nothing.
///
/// # Errors
/// A database that cannot be read.
pub fn lock_status(deployment: &mut Deployment<'_>) -> Result<LockStatus, Error> {
    deployment.meeting(|deployment| lock_status_here(deployment))
}

fn lock_status_here(deployment: &mut Deployment<'_>) -> Result<LockStatus, Error> {
    let dialect = deployment.dialect()?;
    let options = deployment.open_options(false);
    let who = deployment.who.clone();
    let Deployment { settings, connection, lock, cancel, .. } = deployment;
    let mut session = connection.open(settings, &options, cancel)?;
    let there = match read_history(&mut *session, dialect, &settings.tables, lock.wait, cancel) {
        Ok(history) => history.exists,
        // A restore may be under way, and then it has the lock.
        Err(error) if error.code() == "half-restored" => true,
        Err(error) => return Err(error),
    };
    let seen =
        if there { look(&mut *session, &dialect.records(&settings.tables), &who)? } else { Seen::default() };
    let (holder, gone) = (seen.holder, seen.gone);
    Ok(LockStatus { database: settings.name.clone(), target: settings.url.target(), holder, gone })
}

/// What one look at the lock tells.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Who holds it.
    pub(super) holder: Option<Holder>,
    /// Why the holder is known to be gone, where that can be seen from here.
    pub(super) gone: Option<&'static str>,
}

/// Looks at the lock, as `who`.
pub(super) fn look(session: &mut dyn Session, records: &Records, who: &str) -> Result<Seen, LockError> {
    let LockRow::Held(holder) = lock::read(session, records)? else { return Ok(Seen::default()) };
    // Held for the blink of an eye, to see whether the holder still has it.
    let free = matches!(session.try_session_lock(&records.lock_name), Ok(SessionLock::Held(_)));
    let gone = holder.owner.gone(&Owner::this(who, ""), free);
    Ok(Seen { holder: Some(holder), gone })
}

/// Returns who is at work, as far as can be seen as `who`: the holder of the lock, where nothing shows that it has ended.
pub(super) fn under_way(session: &mut dyn Session, records: &Records, who: &str) -> Option<Holder> {
    let seen = look(session, records, who).ok()?;
    let holder = seen.holder.filter(|_| seen.gone.is_none())?;
    let theirs = holder.owner.session.as_ref();
    let ended = theirs.is_some_and(|theirs| matches!(session.presence(theirs), Ok(Presence::Gone)));
    (!ended).then_some(holder)
}

/// What became of an unlock.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Unlocked {
    /// Nobody held it.
    Free,
    /// Its row made no sense, and is as new.
    Cleared,
    /// It was released.
    Released {
        /// Who held it.
        holder: Box<Holder>,
    },
}

/// Releases the lock of a holder that is gone; of a living one only where `force` says so.
///
/// # Errors
/// A holder that lives; the engine's answer.
pub fn unlock(
    deployment: &mut Deployment<'_>,
    force: bool,
    observer: &mut dyn Observer,
) -> Result<Unlocked, Error> {
    let status = match lock_status(deployment) {
        Err(error) if force && error.code() == "lock-table" => {
            clear(deployment)?;
            return Ok(Unlocked::Cleared);
        }
        other => other?,
    };
    let Some(holder) = status.holder else { return Ok(Unlocked::Free) };
    // Waiting for a sign tells nothing that is not known already.
    if !force && status.gone.is_none() && holder.owner.lives(&Owner::this(&deployment.who, "")) {
        let refusal = Refusal::LiveLock { holder: holder.owner.label() };
        return Err(ErrorKind::Refused { refusal }.into());
    }
    if deployment.settings.protected && !force && status.gone.is_none() {
        let (what, database) = ("unlock".to_owned(), deployment.settings.name.clone());
        return Err(ErrorKind::Refused { refusal: Refusal::Protected { what, database } }.into());
    }
    let dialect = deployment.dialect()?;
    let records = Arc::new(dialect.records(&deployment.settings.tables));
    if force {
        // Whoever writes a file keeps everybody out until it is done: a person is told at once.
        let lock_timeout = Duration::from_millis(500);
        let options = OpenOptions { lock_timeout, ..deployment.open_options(false) };
        let Deployment { settings, connection, cancel, .. } = deployment;
        let mut session = connection.open(settings, &options, cancel)?;
        let target = settings.url.target();
        let failed = |error| ErrorKind::Driver { doing: "releasing the lock", target: target.clone(), error };
        match session.begin() {
            Err(error) if error.kind == DriverErrorKind::Busy => {
                let refusal = Refusal::OpenTransaction { holder: holder.owner.label() };
                return Err(ErrorKind::Refused { refusal }.into());
            }
            begun => begun.map_err(failed)?,
        }
        // A higher token: were the holder to wake up, it could commit nothing.
        let take = [(holder.token + 1).into(), Value::Null, Value::Null, holder.token.into()];
        if session.execute(&records.take, &take).map_err(failed)? == 0 {
            // Another one holds it by now, who was not asked about.
            session.rollback().map_err(failed)?;
            return Err(ErrorKind::Usage {
                message: "the lock changed hands meanwhile; look again".to_owned(),
            }
            .into());
        }
        session.execute(&records.reset_beat, &[(holder.token + 1).into(), Value::Null]).map_err(failed)?;
        session.commit().map_err(failed)?;
        // What it runs on a server, outside a transaction, no token stops.
        if let Some(theirs) = &holder.owner.session {
            match session.evict(theirs) {
                // On another node, which is out of reach: who forces the lock open was told so, and the lock is open.
                Err(error) if error.kind == DriverErrorKind::Open => {}
                evicted => evicted.map(drop).map_err(failed)?,
            }
        }
        return Ok(Unlocked::Released { holder: Box::new(holder) });
    }
    // Taking it is the proof: at once where the holder's end can be seen, else after one lease without a sign.
    let options = deployment.open_options(false);
    let clock = Arc::clone(&deployment.clock);
    let lock = LockOptions {
        wait: if status.gone.is_some() {
            Duration::from_secs(1)
        } else {
            deployment.lock.lease + Duration::from_secs(1)
        },
        ..deployment.lock.clone()
    };
    let mut run = deployment.run(&*clock, observer);
    let Deployment { settings, connection, cancel, .. } = deployment;
    let session = connection.open(settings, &options, cancel)?;
    match LockGuard::acquire(session, records, &lock, None, &mut run) {
        Ok(guard) => {
            guard.release()?;
            Ok(Unlocked::Released { holder: Box::new(holder) })
        }
        Err(LockError::Held { holder: found, .. }) => {
            let holder = found.map_or(holder.owner.label(), |found| found.owner.label());
            Err(ErrorKind::Refused { refusal: Refusal::LiveLock { holder } }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes a row that makes no sense free.
fn clear(deployment: &mut Deployment<'_>) -> Result<(), Error> {
    let records = deployment.dialect()?.records(&deployment.settings.tables);
    let options = deployment.open_options(false);
    let Deployment { settings, connection, cancel, .. } = deployment;
    let mut session = connection.open(settings, &options, cancel)?;
    let target = settings.url.target();
    let failed = |error| ErrorKind::Driver { doing: "releasing the lock", target: target.clone(), error };
    session.begin().map_err(failed)?;
    let rows = session.query(&records.lock, &[]).map_err(failed)?;
    let token = rows.first().and_then(|row| row.integer(0));
    if let Some(token) = token {
        let take = [(token + 1).into(), Value::Null, Value::Null, token.into()];
        session.execute(&records.take, &take).map_err(failed)?;
        session.execute(&records.reset_beat, &[(token + 1).into(), Value::Null]).map_err(failed)?;
    }
    session.commit().map_err(failed)?;
    Ok(())
}
