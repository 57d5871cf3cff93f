//! What a session with CockroachDB does otherwise than one with PostgreSQL: its settings, and how sessions are seen and ended.

use super::{PostgresSession, lock};
use crate::driver::{DriverError, Presence, ServerSession, Session};

/// Settings that a cluster or a role may have given, where the version knows them. With `autocommit_before_ddl`, on by default in
/// late versions, a schema change commits the transaction that it stands in, and our records without it
/// (<https://www.cockroachlabs.com/docs/stable/session-variables#autocommit-before-ddl>).
const WHERE_KNOWN: [&str; 2] = ["SET autocommit_before_ddl = off", "SET transaction_timeout = 0"];

/// `undefined_object`: what a version answers to a setting that it does not know.
const UNKNOWN: &str = "42704";

/// Who we are there. `inet_client_port` always is 0, so the port comes from the list of sessions; roles see their own sessions in
/// it (<https://www.cockroachlabs.com/docs/stable/show-sessions>).
const ITSELF: &str = "SELECT s.session_id, current_user, s.client_address FROM [SHOW LOCAL SESSIONS] AS s \
     WHERE s.session_id = pg_catalog.current_setting('session_id')";

/// Sets what every session starts with, and asks who it is.
pub(super) fn introduce(session: &mut PostgresSession, port: Option<u16>) -> Result<(), DriverError> {
    settle(session)?;
    let rows = session.rows(ITSELF)?;
    let Some(row) = rows.last() else { return Ok(()) };
    let seen = row.text(2).rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
    session.pooled |= port.is_some() && seen != port;
    // Sessions are numbered once and for all; the role says who can see it.
    let id = format!("{}/{}", row.text(1), row.text(0));
    session.itself = Some(ServerSession { node: String::new(), id, started: String::new() });
    Ok(())
}

/// Sets what every session starts with.
fn settle(session: &PostgresSession) -> Result<(), DriverError> {
    session.messages(&session.settings())?;
    for statement in WHERE_KNOWN {
        match session.messages(statement) {
            Err(error) if error.code.as_deref() == Some(UNKNOWN) => {}
            other => drop(other?),
        }
    }
    Ok(())
}

/// Puts the settings back. There are no locks of sessions that `DISCARD ALL` would drop
/// (<https://www.cockroachlabs.com/docs/stable/discard>).
pub(super) fn reset(session: &PostgresSession) -> Result<(), DriverError> {
    session.messages("DISCARD ALL")?;
    settle(session)
}

/// The role and the number of a session.
fn parts(other: &ServerSession) -> (&str, &str) {
    other.id.rsplit_once('/').unwrap_or(("", &other.id))
}

/// Looks for the session `other` on all nodes. One that is not seen has ended only where it would be seen: it is our own role's,
/// or we are an administrator; and every node answered: of one that does not there is a row without a session.
pub(super) fn presence(session: &mut dyn Session, other: &ServerSession) -> Result<Presence, DriverError> {
    let (role, id) = parts(other);
    let find = "SELECT (count(*) FILTER (WHERE s.session_id = ?))::int, (count(*) FILTER (WHERE s.session_id IS NULL))::int, \
                (current_user = ? OR pg_catalog.pg_has_role('admin', 'USAGE'))::int FROM [SHOW CLUSTER SESSIONS] AS s";
    let rows = session.query(find, &[id.into(), role.into()])?;
    let told = |column| rows.first().and_then(|row| row.integer(column)).unwrap_or(0);
    Ok(match (told(0), told(1), told(2)) {
        (1.., _, _) => Presence::There,
        (_, 0, 1) => Presence::Gone,
        _ => Presence::Unseen,
    })
}

/// Ends the session `other`, and looks until it is gone. Its own role may
/// (<https://www.cockroachlabs.com/docs/stable/cancel-session>).
pub(super) fn evict(session: &mut dyn Session, other: &ServerSession) -> Result<Presence, DriverError> {
    let found = presence(session, other)?;
    if found != Presence::There {
        return Ok(found);
    }
    session.execute("CANCEL SESSION IF EXISTS ?", &[parts(other).1.into()])?;
    lock::until_gone(|| presence(session, other))
}
