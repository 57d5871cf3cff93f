//! Named locks, and the end of another session.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::cluster::{self, Node};
use super::{Link, MysqlSession, filled, send};
use crate::database::Database;
use crate::driver::{DriverError, DriverErrorKind, Held, Presence, ServerSession, Session, SessionLock};
use crate::value::Value;

/// How often, and with what rest between, to look whether a session that was told to end has ended.
const LOOKS: (u32, Duration) = (250, Duration::from_millis(20));

/// How far two answers may be apart, in seconds, when the server is asked since when it runs: it counts in whole seconds.
const TOLERANCE: i64 = 3;

/// How long a reset waits for the lock that it let go of, in seconds: whoever tries it meanwhile lets go at once.
const AGAIN: u32 = 5;

/// Tries the lock that goes by `name`, without waiting. It ends with its session
/// (<https://mariadb.com/kb/en/get_lock/>).
pub(super) fn attempt(
    link: &Link,
    locked: &Arc<Mutex<Option<String>>>,
    name: &str,
) -> Result<SessionLock, DriverError> {
    let digest = Sha256::digest(format!("dbwarden {name}"));
    // At most 64 letters, and a server has one list for all its databases.
    let name: String = "dbwarden_"
        .chars()
        .chain(digest[..16].iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).map(char::from))
        .collect();
    if !get(link, &name, 0)? {
        return Ok(SessionLock::Busy);
    }
    *locked.lock().unwrap_or_else(PoisonError::into_inner) = Some(name);
    Ok(SessionLock::Held(Box::new(NamedLock { link: Arc::clone(link), locked: Arc::clone(locked) })))
}

fn get(link: &Link, name: &str, seconds: u32) -> Result<bool, DriverError> {
    let rows = send(link, &format!("SELECT GET_LOCK('{name}', {seconds})"), true)?.rows;
    Ok(rows.first().is_some_and(|row| row.get(0).is_true()))
}

/// Takes the lock again, where it was held: a reset let go of it. The lease is what counts meanwhile.
pub(super) fn again(link: &Link, locked: &Mutex<Option<String>>) -> Result<(), DriverError> {
    let mut locked = locked.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(name) = &*locked
        && !get(link, name, AGAIN)?
    {
        *locked = None;
    }
    Ok(())
}

/// A held named lock.
struct NamedLock {
    link: Link,
    locked: Arc<Mutex<Option<String>>>,
}

impl std::fmt::Debug for NamedLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedLock").finish_non_exhaustive()
    }
}

impl Held for NamedLock {
    fn is_proof(&self) -> bool {
        // A reset of the session lets go of it for a moment.
        false
    }
}

impl Drop for NamedLock {
    fn drop(&mut self) {
        let name = self.locked.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(name) = name {
            send(&self.link, &format!("DO RELEASE_LOCK('{name}')"), false).ok();
        }
    }
}

/// Since when the server runs, in seconds: it gives the numbers of its sessions in their order, and begins again with each start. Not
/// by local time, as `SYSDATE()` would: that has an hour twice when summer ends.
pub(super) fn server_start(session: &MysqlSession) -> Option<String> {
    let rows = session.send("SHOW GLOBAL STATUS LIKE 'Uptime'; SELECT UNIX_TIMESTAMP()").ok()?.rows;
    let (uptime, now) = (rows.first()?.integer(1)?, rows.get(1)?.integer(0)?);
    Some((now - uptime).to_string())
}

/// Looks for the session `other`.
pub(super) fn presence(session: &mut MysqlSession, other: &ServerSession) -> Result<Presence, DriverError> {
    // Another node's sessions are listed there alone.
    if is_elsewhere(session, other) {
        return Ok(Presence::Unseen);
    }
    let Ok(id) = other.id.parse::<u64>() else { return Ok(Presence::Gone) };
    if !is_the_server_of(session, other) {
        // The server was started again since: nothing of that time is left.
        return Ok(Presence::Gone);
    }
    let seen = "SELECT 1 FROM information_schema.processlist WHERE id = ?";
    let number = Value::Integer(i64::try_from(id).unwrap_or(i64::MAX));
    if !session.send(&filled(seen, &[number]))?.rows.is_empty() {
        return Ok(Presence::There);
    }
    // Other accounts' sessions are shown to those who have the right PROCESS alone. The server says that there is none of that number
    // before it looks at rights (https://mariadb.com/kb/en/show-explain/).
    let ask = if session.server.database == Database::Mariadb {
        format!("SHOW EXPLAIN FOR {id}")
    } else {
        format!("EXPLAIN FOR CONNECTION {id}")
    };
    Ok(match session.send(&ask) {
        Err(error) if is_no_such_thread(&error) => Presence::Gone,
        Ok(_) => Presence::There,
        Err(_) => Presence::Unseen,
    })
}

/// Whether `session` is on the node of `other`, and on the server as it was started then; where it cannot be told, it is taken for it.
pub(super) fn is_the_server_of(session: &MysqlSession, other: &ServerSession) -> bool {
    let now = server_start(session).and_then(|now| now.parse::<i64>().ok());
    let restarted = match (now, other.started.parse::<i64>().ok()) {
        (Some(now), Some(then)) => now.abs_diff(then) > TOLERANCE.unsigned_abs(),
        _ => false,
    };
    !restarted && !is_elsewhere(session, other)
}

fn is_elsewhere(session: &MysqlSession, other: &ServerSession) -> bool {
    other.node != session.node.as_ref().map(Node::identity).unwrap_or_default()
}

/// Ends the session `other`, and looks until it is gone: what it ran is undone first.
pub(super) fn evict(session: &mut MysqlSession, other: &ServerSession) -> Result<Presence, DriverError> {
    if is_elsewhere(session, other) {
        return cluster::evict(session, other);
    }
    let mut found = presence(session, other)?;
    if found != Presence::There {
        return Ok(found);
    }
    let Ok(id) = other.id.parse::<u64>() else { return Ok(Presence::Gone) };
    let mut denied = None;
    for look in 0..LOOKS.0 {
        if look == 0 || denied.is_some() {
            denied = match session.execute(&format!("KILL {id}"), &[]) {
                Err(error) if is_no_such_thread(&error) => return Ok(Presence::Gone),
                // What it runs cannot be undone on one node alone. What it would run next is kept from beginning.
                Err(error) if is_taking_its_turn(session, &error) => Some(error),
                killed => killed.map(|_| None)?,
            };
        }
        found = presence(session, other)?;
        if found == Presence::Gone {
            return Ok(found);
        }
        std::thread::sleep(LOOKS.1);
    }
    match denied {
        Some(error) => Err(DriverError { kind: DriverErrorKind::Busy, ..error }),
        None => Ok(found),
    }
}

/// `ER_KILL_DENIED_ERROR`, as it is said of a session whose definition all nodes are at.
fn is_taking_its_turn(session: &MysqlSession, error: &DriverError) -> bool {
    session.node.is_some() && error.code.as_deref() == Some("1095") && error.message.contains("high priority")
}

/// `ER_NO_SUCH_THREAD`.
fn is_no_such_thread(error: &DriverError) -> bool {
    error.code.as_deref() == Some("1094")
}
