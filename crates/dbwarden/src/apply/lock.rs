//! The lock: the only door to a session that writes.
//!
//! It is a lease. The holder's row carries a token, which grows with each holder, and a second row a counter that the holder
//! moves. Nobody's wall clock counts: who waits watches the counter on its own clock, and takes over when it stood still for
//! a whole lease, or at once where the holder's end can be seen. A holder renews inside each of its transactions; where the
//! token is another's by then, nothing is committed.

mod heartbeat;
mod replaced;
mod words;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use self::heartbeat::{Heartbeat, Shared};
use self::words::{held, still};
use super::owner::{Holder, Owner};
use super::run::{Event, Run};
use crate::dialect::Records;
use crate::driver::{DriverError, DriverErrorKind, Held, OpenOptions, Presence, Session, SessionLock};
use crate::migration::RevisionId;
use crate::url::DatabaseUrl;
use crate::value::Value;

/// How the lock is waited for and kept.
#[derive(Debug, Clone)]
pub struct LockOptions {
    /// How long to wait for another holder.
    pub wait: Duration,
    /// How long a holder's counter must stand still before it is taken for gone.
    pub lease: Duration,
    /// How often a holder moves its counter.
    pub beat: Duration,
}

impl Default for LockOptions {
    fn default() -> Self {
        Self { wait: Duration::from_secs(60), lease: Duration::from_secs(30), beat: Duration::from_secs(5) }
    }
}

/// Why the lock is not ours.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Held by another, for longer than was to be waited.
    #[error("{}", held(holder.as_deref(), *waited))]
    Held {
        /// Who, where it can be seen.
        holder: Option<Box<Holder>>,
        /// How long was waited.
        waited: Duration,
    },
    /// Another process has the database's file for itself, and nobody can look into it.
    #[error("{error}{}", still(*waited))]
    Elsewhere {
        /// The engine's answer, which names the process.
        error: DriverError,
        /// How long was waited.
        waited: Duration,
    },
    /// Ours once, and another's now.
    #[error("the lock was taken over by another run while this one was paused; nothing more was written")]
    Lost,
    /// Its holder is gone, or gives no sign, and its session on the server cannot be seen to have ended.
    #[error("{} gives no sign, and its session on the server cannot be ended{}", holder.owner.label(), reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    StillThere {
        /// Who.
        holder: Box<Holder>,
        /// What the server said.
        reason: Option<DriverError>,
    },
    /// Cancelled while waiting.
    #[error("interrupted while waiting for the lock")]
    Cancelled,
    /// A row of the lock is missing or makes no sense.
    #[error("the lock's row makes no sense: {reason}")]
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// This role may not make our tables, or not write them.
    #[error("our tables cannot be made: {error}")]
    Rights {
        /// What would let it.
        grant: String,
        /// The engine's answer.
        error: DriverError,
    },
    /// The engine's answer.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

/// Stands for a token where there is none yet.
const NO_ROWS: i64 = -1;

/// How often who waits looks again.
const POLL: Duration = Duration::from_millis(25);

/// The session of whoever holds the lock. Dropping it releases the lock, on every path.
pub struct LockGuard<'s> {
    session: Box<dyn Session + 's>,
    records: Arc<Records>,
    token: i64,
    held: Option<Box<dyn Held>>,
    heartbeat: Option<Heartbeat>,
    /// What the heartbeat knows of us.
    shared: Shared,
    released: bool,
    /// How another session is opened, where that can be.
    address: Option<(DatabaseUrl, OpenOptions)>,
    owner: Owner,
    since: String,
    beat: Duration,
}

impl std::fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LockGuard").field("token", &self.token).finish_non_exhaustive()
    }
}

/// What the row of the lock says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "made a few times a run")]
pub enum LockRow {
    /// Nobody holds it; the token that was last.
    Free(i64),
    /// Somebody does.
    Held(Holder),
}

/// Returns what the lock's rows say, or nothing where there is no table.
///
/// # Errors
/// The engine's answer; rows that make no sense.
pub fn read(session: &mut dyn Session, records: &Records) -> Result<LockRow, LockError> {
    let rows = session.query(&records.lock, &[])?;
    let row = match rows.first() {
        Some(row) => row,
        // Whoever makes the table has not come to its rows.
        None if records.fill.is_some() => return Ok(LockRow::Free(NO_ROWS)),
        None => return Err(LockError::Damaged { reason: "its rows are missing".to_owned() }),
    };
    let token =
        row.integer(0).ok_or_else(|| LockError::Damaged { reason: "its token is no number".to_owned() })?;
    let Some(owner) = row.optional_text(1) else { return Ok(LockRow::Free(token)) };
    let owner = serde_json::from_str(&owner).map_err(|_| LockError::Damaged {
        reason: "its owner is none that this program writes".to_owned(),
    })?;
    Ok(LockRow::Held(Holder {
        owner,
        since: row.text(2).to_owned(),
        doing: row.optional_text(4),
        token,
        beat: row.integer(3).unwrap_or(0),
    }))
}

/// The longest that one look at the lock waits for another session's transaction: Ctrl-C is heard in between.
const ONE_LOOK: Duration = Duration::from_secs(1);

/// How long the session of a process that is gone has to end by itself, as it does where the server waits for its client.
const ENDING: Duration = Duration::from_millis(500);

/// What a waiter has seen of the lock, on its own clock.
struct Watch {
    token: i64,
    beat: i64,
    since: Instant,
}

impl<'s> LockGuard<'s> {
    /// Takes the lock, and makes our tables where they are not there.
    ///
    /// # Errors
    /// [`LockError::Held`] when the wait is over; the engine's answer.
    pub fn acquire(
        mut session: Box<dyn Session + 's>,
        records: Arc<Records>,
        options: &LockOptions,
        company: Option<(&DatabaseUrl, &OpenOptions)>,
        run: &mut Run<'_>,
    ) -> Result<Self, LockError> {
        let started = Instant::now();
        let itself = session.itself();
        let meant = run.meant.clone();
        let mut here = Owner { session: itself, meant, ..Owner::this(&run.who, &run.id) };
        let mut watch: Option<Watch> = None;
        let mut last_told: Option<Instant> = None;
        let mut seen: Option<Holder> = None;
        let lock_timeout = session.lock_timeout();
        loop {
            if run.cancel.take_note() {
                return Err(LockError::Cancelled);
            }
            let (held, busy) = match session.try_session_lock(&records.lock_name)? {
                SessionLock::Held(held) => (Some(held), false),
                SessionLock::Busy => (None, true),
                SessionLock::Unsupported => (None, false),
            };
            here.session_lock = held.as_ref().is_some_and(|held| held.is_proof());
            run.point("session-locked");
            let left = options.wait.saturating_sub(started.elapsed()).max(POLL);
            session.set_lock_timeout(lock_timeout.min(ONE_LOOK).min(left))?;
            let attempt = attempt(&mut *session, &records, &here, busy, options, &mut watch, run);
            let holder = match attempt {
                Ok(Attempt::Taken(token)) => {
                    session.set_lock_timeout(lock_timeout)?;
                    let shared = Shared::default();
                    let heartbeat = company.filter(|_| session.may_have_company()).map(|(url, open)| {
                        Heartbeat::start(url, open, &records, token, options.beat, shared.clone())
                    });
                    run.point("lock-taken");
                    let address = company.map(|(url, open)| (url.clone(), open.clone()));
                    let (owner, since) = (here, run.now());
                    return Ok(Self {
                        session,
                        records,
                        token,
                        held,
                        heartbeat,
                        shared,
                        released: false,
                        address,
                        owner,
                        since,
                        beat: options.beat,
                    });
                }
                Ok(Attempt::Held(holder)) => {
                    seen.clone_from(&holder);
                    holder
                }
                // Somebody writes right now: whoever was seen last, or one that cannot be read.
                Err(LockError::Driver(error)) if error.kind == DriverErrorKind::Busy => seen.clone(),
                Err(LockError::Driver(error)) if error.kind == DriverErrorKind::Interrupted => {
                    session.rollback()?;
                    // Galera says so too. It may have hit a COMMIT that was done: the lock is ours, and nobody knows.
                    match read(&mut *session, &records) {
                        Ok(LockRow::Held(it)) if it.owner.is_run_of(&here) => {
                            session.execute(&records.release, &[Value::from(it.token)])?;
                        }
                        _ => {}
                    }
                    seen.clone()
                }
                Err(LockError::Driver(error))
                    if error.kind == DriverErrorKind::Rights && !records.rights.is_empty() =>
                {
                    session.rollback()?;
                    let role = company.and_then(|(url, _)| url.user()).unwrap_or("this_role");
                    let schema =
                        records.makes_schema.as_ref().filter(|_| error.message.contains("for database"));
                    let grant =
                        schema.unwrap_or(&records.rights).replace("{role}", &role.replace('"', "\"\""));
                    return Err(LockError::Rights { grant, error });
                }
                Err(error) => {
                    session.rollback()?;
                    return Err(error);
                }
            };
            session.rollback()?;
            drop(held);
            let waited = started.elapsed();
            if waited >= options.wait {
                return Err(LockError::Held { holder: holder.map(Box::new), waited });
            }
            if waited > Duration::from_millis(300)
                && last_told.is_none_or(|told| told.elapsed() >= Duration::from_secs(1))
            {
                last_told = Some(Instant::now());
                run.observer.event(&Event::Waiting { holder: holder.as_ref(), reason: None, waited });
            }
            // Many that wait do not all look at once.
            std::thread::sleep(POLL + POLL.mul_f64(f64::from(here.pid % 16) / 16.0));
        }
    }

    /// Returns the session. What is written through it is fenced by [`LockGuard::renew`].
    pub fn session(&mut self) -> &mut dyn Session {
        &mut *self.session
    }

    /// Returns the SQL of our tables.
    pub fn records(&self) -> Arc<Records> {
        Arc::clone(&self.records)
    }

    /// Returns what keeps the heartbeat's session closed while it is locked.
    pub(crate) fn gate(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.shared.gate)
    }

    /// Returns the token.
    pub(crate) fn token(&self) -> i64 {
        self.token
    }

    /// Has the heartbeat write what is being run.
    pub(crate) fn says(&self, doing: &RevisionId) {
        *self.shared.doing.lock().unwrap_or_else(PoisonError::into_inner) = Some(doing.to_string());
    }

    /// Opens a session anew where ours was cut, and sees that the old one has ended on the server and that the lock is still ours.
    ///
    /// # Errors
    /// The server cannot be reached, the old session cannot be seen to have ended. Where the lock is another's, the new session is
    /// there to look with.
    pub(crate) fn reconnect(&mut self) -> Result<(), LockError> {
        let Some((url, open)) = &self.address else {
            let message = "the connection is its owner's to open again";
            return Err(DriverError::new(DriverErrorKind::Cut, message).into());
        };
        let old = self.session.itself();
        self.held = None;
        let mut session = crate::driver::open(url, open)?;
        if let Some(old) = &old
            && session.evict(old)? != Presence::Gone
        {
            let message = "the session that was cut cannot be seen to have ended";
            return Err(DriverError::new(DriverErrorKind::Cut, message).into());
        }
        self.session = session;
        // Others see the old session gone, and may have followed by now: the token tells. It grows, so that an old session that
        // cannot be seen, behind a pooler, commits nothing from here on; what it has committed can be read then.
        let owner = serde_json::to_string(&Owner { session: self.session.itself(), ..self.owner.clone() })
            .map_err(|error| LockError::Damaged { reason: error.to_string() })?;
        let (old, token) = (Value::from(self.token), self.token + 1);
        let parameters = [token.into(), owner.into(), self.since.as_str().into(), old];
        self.session.begin()?;
        if self.session.execute(&self.records.take, &parameters)? == 0 {
            self.session.rollback()?;
            return Err(LockError::Lost);
        }
        let doing = self.shared.doing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.session.execute(&self.records.reset_beat, &[token.into(), doing.into()])?;
        self.session.commit()?;
        self.token = token;
        if self.heartbeat.take().is_some() {
            let shared = self.shared.clone();
            self.heartbeat = Some(Heartbeat::start(url, open, &self.records, token, self.beat, shared));
        }
        if let SessionLock::Held(held) = self.session.try_session_lock(&self.records.lock_name)? {
            self.held = Some(held);
        }
        Ok(())
    }

    /// Renews the lease, inside the transaction that is to be committed next.
    ///
    /// # Errors
    /// [`LockError::Lost`] where the token is another's: the transaction must not be committed.
    pub fn renew(&mut self, doing: Option<&str>) -> Result<(), LockError> {
        if let Some(fence) = &self.records.fence {
            // What the heartbeat moves is left alone: the transaction would hold it up until its end.
            *self.shared.doing.lock().unwrap_or_else(PoisonError::into_inner) = doing.map(str::to_owned);
            if let Some(write) = fence.write.as_ref().filter(|_| self.session.certifies_writes()) {
                self.session.execute(write, &[self.token.into()])?;
            }
            return match self.session.query(&fence.sql, &[self.token.into()]) {
                Err(error) if error.code.as_deref() == Some(fence.code) => Err(LockError::Lost),
                Ok(rows) if rows.first().and_then(|row| row.integer(0)) == Some(0) => Err(LockError::Lost),
                other => Ok(other.map(drop)?),
            };
        }
        let changed = self.session.execute(&self.records.renew, &[doing.into(), self.token.into()])?;
        if changed == 0 { Err(LockError::Lost) } else { Ok(()) }
    }

    /// Returns whether the server holds a transaction together that is part of a packet with others. A node of Galera, where another
    /// node's commit comes first, rolls it back between two statements, says nothing, and commits those behind one by one (tried).
    pub(crate) fn holds_a_packet_together(&self) -> bool {
        !self.session.certifies_writes()
    }

    /// Returns whether the lock is another's by now. Asked when something failed: what another has done meanwhile may be why.
    pub(crate) fn is_lost(&mut self) -> bool {
        read(&mut *self.session, &self.records).is_ok_and(|row| match row {
            LockRow::Free(_) => true,
            LockRow::Held(holder) => holder.token != self.token,
        })
    }

    /// Releases the lock and returns the session.
    ///
    /// # Errors
    /// The engine's answer. The lease then runs out by itself.
    pub fn release(mut self) -> Result<(), LockError> {
        self.let_go()
    }

    fn let_go(&mut self) -> Result<(), LockError> {
        if self.released {
            return Ok(());
        }
        self.released = true;
        self.heartbeat = None;
        self.session.rollback()?;
        let token = [Value::from(self.token)];
        let mut released = self.session.execute(&self.records.release, &token);
        if released.as_ref().is_err_and(|error| error.kind == DriverErrorKind::Interrupted) {
            // Meant for what ran before, and late.
            released = self.session.execute(&self.records.release, &token);
        }
        self.held = None;
        released?;
        Ok(())
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        self.let_go().ok();
    }
}

#[expect(clippy::large_enum_variant, reason = "made a few times a run")]
enum Attempt {
    Taken(i64),
    Held(Option<Holder>),
}

/// Looks at the lock once, and takes it where it may be taken. A transaction may be left open where it was not.
fn attempt(
    session: &mut dyn Session,
    records: &Records,
    here: &Owner,
    busy: bool,
    options: &LockOptions,
    watch: &mut Option<Watch>,
    run: &mut Run<'_>,
) -> Result<Attempt, LockError> {
    let mut began = Instant::now();
    // The engine's lock is another's: look, without writing, whether that one still moves.
    if busy {
        let (mark, holder) = match read(session, records) {
            Ok(LockRow::Held(holder)) => ((holder.token, holder.beat), Some(holder)),
            // Between two holders; or one stands still there, or its row was forced open, and the token is what counts.
            Ok(LockRow::Free(token)) => ((token, -1), None),
            Err(LockError::Driver(error)) if error.kind == DriverErrorKind::Busy => {
                return Err(LockError::Driver(error));
            }
            // No table yet.
            Err(LockError::Driver(_)) => ((-1, -1), None),
            Err(error) => return Err(error),
        };
        // A server works on for a client that is gone, and keeps that one's lock: nobody will move the counter any more.
        let gone =
            |holder: &Holder| holder.owner.session.is_some() && holder.owner.gone(here, false).is_some();
        let patience = if holder.as_ref().is_some_and(gone) { ENDING } else { options.lease };
        if !stood_still(watch, mark, patience.min(options.lease), began) {
            return Ok(Attempt::Held(holder));
        }
    }
    if let Some(made) = &records.made {
        // What makes them is no part of a transaction there.
        if session.query(made, &[])?.is_empty() {
            make(session, records)?;
            // That another was quicker is no news.
            session.notices();
        }
        session.begin()?;
    } else {
        session.begin()?;
        make(session, records)?;
    }
    run.point("records-created");
    began = Instant::now();
    let mut found = read(session, records)?;
    if let (LockRow::Free(NO_ROWS), Some(fill)) = (&found, &records.fill) {
        session.rollback()?;
        session.execute(fill, &[])?;
        session.begin()?;
        found = read(session, records)?;
    }
    let token = match found {
        LockRow::Free(token) => token,
        LockRow::Held(holder) => {
            let why = holder.owner.gone(here, here.session_lock).or_else(|| {
                stood_still(watch, (holder.token, holder.beat), options.lease, began)
                    .then_some("it gave no sign for a whole lease")
            });
            let Some(why) = ended(session, &holder, why)? else { return Ok(Attempt::Held(Some(holder))) };
            run.observer.event(&Event::TakenOver { holder: &holder, why });
            holder.token
        }
    };
    let owner = serde_json::to_string(here)
        .map_err(|error| LockError::Damaged { reason: format!("our own name cannot be written: {error}") })?;
    let parameters = [Value::from(token + 1), owner.into(), run.now().into(), token.into()];
    if session.execute(&records.take, &parameters)? == 0 {
        return Ok(Attempt::Held(None));
    }
    let doing = run.next.as_ref().map(RevisionId::as_str);
    session.execute(&records.reset_beat, &[Value::from(token + 1), doing.into()])?;
    session.commit()?;
    Ok(Attempt::Taken(token + 1))
}

fn make(session: &mut dyn Session, records: &Records) -> Result<(), DriverError> {
    for statement in &records.create {
        session.execute(statement, &[])?;
    }
    if let Some(strip) = &records.strip {
        for row in session.query(strip, &[])? {
            session.execute(row.text(0), &[])?;
        }
    }
    Ok(())
}

/// Why `holder` may be followed, where `why` says that it gave no sign or is gone as far as can be seen from this machine. What its
/// session on the server still runs would go on behind our back, so that session ends first.
fn ended(
    session: &mut dyn Session,
    holder: &Holder,
    why: Option<&'static str>,
) -> Result<Option<&'static str>, LockError> {
    let Some(theirs) = &holder.owner.session else { return Ok(why) };
    match (session.presence(theirs)?, why) {
        (Presence::Gone, _) => Ok(Some(why.unwrap_or("its session on the server is gone"))),
        (Presence::There | Presence::Unseen, None) => Ok(None),
        // One that cannot be seen from here may be reached another way.
        (Presence::There | Presence::Unseen, Some(why)) => match session.evict(theirs) {
            Ok(Presence::Gone) => Ok(Some(why)),
            Ok(_) => Err(LockError::StillThere { holder: Box::new(holder.clone()), reason: None }),
            // What it is at can only be waited for.
            Err(error) if error.kind == DriverErrorKind::Busy => Err(LockError::Driver(error)),
            Err(error) => {
                Err(LockError::StillThere { holder: Box::new(holder.clone()), reason: Some(error) })
            }
        },
    }
}

/// Whether token and counter, as they were at some time since the look at them `began`, are those that were seen a whole lease before
/// it. A look may take long: on Galera it waits for a definition that another node is at, and so does the counter.
fn stood_still(
    watch: &mut Option<Watch>,
    (token, beat): (i64, i64),
    lease: Duration,
    began: Instant,
) -> bool {
    match watch {
        Some(seen) if seen.token == token && seen.beat == beat => {
            began.saturating_duration_since(seen.since) >= lease
        }
        _ => {
            *watch = Some(Watch { token, beat, since: Instant::now() });
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_took_long_tells_no_more_than_when_it_began() {
        let (began, lease) = (Instant::now(), Duration::from_millis(1));
        let mut watch = None;
        assert!(!stood_still(&mut watch, (1, 1), lease, began), "it is seen for the first time");
        std::thread::sleep(2 * lease);
        assert!(!stood_still(&mut watch, (1, 1), lease, began), "it may have moved since");
        assert!(stood_still(&mut watch, (1, 1), lease, Instant::now()));
        assert!(!stood_still(&mut watch, (1, 2), lease, Instant::now()));
    }
}
