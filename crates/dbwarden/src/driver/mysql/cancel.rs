//! Stops what a session runs, from another one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mysql::Conn;

use super::connect::Address;
use super::{MysqlSession, lock};
use crate::dialect::mysql::stop_sign;
use crate::driver::{DriverError, Interrupt, Server, ServerSession, Session};

/// How long to rest between two looks whether the interrupted session has its answer.
const REST: Duration = Duration::from_millis(500);

/// So many looks in a row must find it idle on the server and waiting here.
const SURE: u32 = 4;

/// Interrupts one session, from another on the same server.
pub(super) struct Canceller(Arc<Interrupted>);

/// What is known of the session that is interrupted.
struct Interrupted {
    address: Arc<Address>,
    name: String,
    server: Server,
    itself: Option<ServerSession>,
    link: Weak<Mutex<Conn>>,
    id: u64,
    told_to_stop: Arc<AtomicBool>,
    /// The other session. While it lives, it holds the lock that says of ours that it was told to stop.
    beside: Mutex<Option<MysqlSession>>,
    /// Somebody sees to an answer already: it is interrupted again and again until it notes that.
    seen_to: AtomicBool,
}

impl Canceller {
    pub(super) fn of(session: &MysqlSession) -> Self {
        Self(Arc::new(Interrupted {
            address: Arc::clone(&session.address),
            name: session.name.clone(),
            server: session.server.clone(),
            itself: session.itself(),
            link: Arc::downgrade(&session.link),
            id: session.id,
            told_to_stop: Arc::clone(&session.told_to_stop),
            beside: Mutex::default(),
            seen_to: AtomicBool::new(false),
        }))
    }
}

impl Interrupt for Canceller {
    fn interrupt(&self) {
        let of = &self.0;
        let killed = of.beside(|session| session.send(&format!("KILL QUERY {}", of.id)).map(drop));
        if killed.is_some() && !of.seen_to.swap(true, Ordering::SeqCst) {
            let of = Arc::clone(of);
            // Nobody waits for this thread: where the session ends, so does it.
            std::thread::spawn(move || of.see_to_an_answer());
        }
    }
}

impl Interrupted {
    fn other(&self) -> MutexGuard<'_, Option<MysqlSession>> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `act` in the other session, which is opened where there is none; nothing comes back where that fails.
    fn beside<T>(&self, act: impl FnOnce(&mut MysqlSession) -> Result<T, DriverError>) -> Option<T> {
        let mut other = self.other();
        if other.is_none() {
            *other = self.open();
        }
        let done = act(other.as_mut()?).ok();
        if done.is_none() {
            *other = None;
        }
        done
    }

    /// Opens a session where ours is: behind a balancer, or of several hosts, another one may answer, whose session of our number is a
    /// stranger's.
    fn open(&self) -> Option<MysqlSession> {
        let timeout = Duration::from_secs(1);
        let mut opened = self.address.each().filter_map(|place| {
            MysqlSession::connected(Arc::new(place), &self.name, self.server.clone(), timeout).ok()
        });
        let here = |session: &MysqlSession| {
            self.itself.as_ref().is_none_or(|itself| lock::is_the_server_of(session, itself))
        };
        let session = opened.find(here)?;
        self.told_to_stop.store(true, Ordering::SeqCst);
        // From here on nothing that is run in one packet with others is kept: what the server passes over, it may say nothing of.
        session.send(&format!("DO GET_LOCK({}, 0)", stop_sign(&self.id.to_string()))).ok()?;
        Some(session)
    }

    /// MariaDB says nothing more of a text of several statements where it is told to stop between two of them: it is idle, and its
    /// client waits for the next answer for ever (seen on 10.11, twice in 400 tries). Then the session is ended, and what was done is
    /// looked up.
    fn see_to_an_answer(&self) {
        let mut idle = 0;
        loop {
            std::thread::sleep(REST);
            let Some(link) = self.link.upgrade() else { return };
            let waits = link.try_lock().is_err();
            drop(link);
            // With a further interrupt pending it is `Killed`, and idle all the same.
            let query =
                format!("SELECT info IS NULL FROM information_schema.processlist WHERE id = {}", self.id);
            let looked = self.beside(|session| Ok(session.send(&query)?.rows));
            let is_idle = looked.and_then(|rows| rows.first()?.integer(0)) == Some(1);
            idle = if waits && is_idle { idle + 1 } else { 0 };
            if idle >= SURE {
                self.beside(|session| session.send(&format!("KILL {}", self.id)).map(drop));
                idle = 0;
            }
        }
    }
}
