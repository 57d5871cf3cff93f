//! Advisory locks, and the end of another session.

use std::sync::Arc;
use std::time::Duration;

use pollster::block_on;
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::failure::answer;
use crate::driver::{DriverError, Held, Presence, ServerSession, Session, SessionLock};
use crate::value::Value;

/// How often, and with what rest between, to look whether a session that was told to end has ended.
const LOOKS: (u32, Duration) = (100, Duration::from_millis(20));

/// Tries the advisory lock that goes by `name`. It is tried and never waited for: who waits for one inside the server stands in
/// the way of its holder's CREATE INDEX CONCURRENTLY
/// (<https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY>).
pub(super) fn attempt(client: Arc<Client>, name: &str) -> Result<SessionLock, DriverError> {
    let digest = Sha256::digest(format!("dbwarden {name}"));
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    let key = i64::from_be_bytes(first);
    let text = format!("SELECT pg_try_advisory_lock({key})");
    let messages = block_on(client.simple_query(&text)).map_err(|error| answer(&error, &text))?;
    let got = messages.iter().any(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0) == Some("t"),
        _ => false,
    });
    Ok(if got { SessionLock::Held(Box::new(AdvisoryLock { client, key })) } else { SessionLock::Busy })
}

/// A held advisory lock; the server lets go of it by itself when the session ends.
struct AdvisoryLock {
    client: Arc<Client>,
    key: i64,
}

impl std::fmt::Debug for AdvisoryLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdvisoryLock").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Held for AdvisoryLock {}

impl Drop for AdvisoryLock {
    fn drop(&mut self) {
        let text = format!("SELECT pg_advisory_unlock({})", self.key);
        block_on(self.client.simple_query(&text)).ok();
    }
}

/// Looks for the session `other`.
pub(super) fn presence(session: &mut dyn Session, other: &ServerSession) -> Result<Presence, DriverError> {
    // Within a transaction the first look at the sessions is shown again and again
    // (https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-STATS-VIEWS).
    if session.in_transaction() {
        session.query("SELECT pg_stat_clear_snapshot()", &[])?;
    }
    // Of another role's session the start is NULL
    // (https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-STATS-VIEWS).
    let find = "SELECT backend_start = ?::timestamptz FROM pg_stat_get_activity(?)";
    let rows = session.query(find, &[other.started.as_str().into(), id(other)])?;
    Ok(match rows.first().map(|row| row.get(0)) {
        None => Presence::Gone,
        Some(Value::Null) => Presence::Unseen,
        Some(same) if same.is_true() => Presence::There,
        // The number was given away again.
        Some(_) => Presence::Gone,
    })
}

/// Ends the session `other`, and looks until it is gone.
pub(super) fn evict(session: &mut dyn Session, other: &ServerSession) -> Result<Presence, DriverError> {
    let found = presence(session, other)?;
    if found != Presence::There {
        return Ok(found);
    }
    session.query("SELECT pg_terminate_backend(?)", &[id(other)])?;
    until_gone(|| presence(session, other))
}

/// Looks until a session that was told to end has ended, or for a while.
pub(super) fn until_gone(
    mut look: impl FnMut() -> Result<Presence, DriverError>,
) -> Result<Presence, DriverError> {
    let mut found = Presence::There;
    for _ in 0..LOOKS.0 {
        found = look()?;
        if found == Presence::Gone {
            break;
        }
        std::thread::sleep(LOOKS.1);
    }
    Ok(found)
}

fn id(session: &ServerSession) -> Value {
    Value::Integer(session.id.parse().unwrap_or(0))
}
