//! Stops what a session runs, from another one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use mysql::Conn;

use super::connect::Address;
use super::{Link, send};
use crate::dialect::mysql::stop_sign;
use crate::driver::Interrupt;

/// How often, and with what rest between, to look whether the interrupted session has its answer.
const LOOKS: (u32, Duration) = (120, Duration::from_millis(500));

/// So many looks in a row must find it idle on the server and waiting here.
const SURE: u32 = 4;

/// Interrupts the session with the number `id`.
pub(super) struct Canceller {
    address: Arc<Address>,
    link: Weak<Mutex<Conn>>,
    id: u64,
    told_to_stop: Arc<AtomicBool>,
    /// Somebody sees to an answer already: it is interrupted again and again until it notes that.
    seen_to: AtomicBool,
}

impl Canceller {
    pub(super) fn new(address: &Arc<Address>, link: &Link, id: u64, told_to_stop: &Arc<AtomicBool>) -> Self {
        Self {
            address: Arc::clone(address),
            link: Arc::downgrade(link),
            id,
            told_to_stop: Arc::clone(told_to_stop),
            seen_to: AtomicBool::new(false),
        }
    }
}

impl Interrupt for Canceller {
    fn interrupt(&self) {
        let Ok(conn) = self.address.connect() else { return };
        let other = Arc::new(Mutex::new(conn));
        self.told_to_stop.store(true, Ordering::SeqCst);
        send(&other, &format!("DO GET_LOCK({}, 0)", stop_sign(&self.id.to_string())), false).ok();
        send(&other, &format!("KILL QUERY {}", self.id), false).ok();
        if self.seen_to.swap(true, Ordering::SeqCst) {
            return;
        }
        let (link, id) = (Weak::clone(&self.link), self.id);
        // Nobody waits for this thread: where the session ends, so does it.
        std::thread::spawn(move || see_to_an_answer(&other, &link, id));
    }
}

/// MariaDB says nothing more of a text of several statements where it is told to stop between two of them: it is idle, and its client
/// waits for the next answer for ever (seen on 10.11, twice in 400 tries). Then the session is ended, and what was done is looked up.
fn see_to_an_answer(other: &Link, link: &Weak<Mutex<Conn>>, id: u64) {
    let mut idle = 0;
    for _ in 0..LOOKS.0 {
        std::thread::sleep(LOOKS.1);
        let Some(link) = link.upgrade() else { return };
        let waits = link.try_lock().is_err();
        drop(link);
        // With a further interrupt pending it is `Killed`, and idle all the same.
        let query = format!("SELECT info IS NULL FROM information_schema.processlist WHERE id = {id}");
        let Ok(answer) = send(other, &query, true) else { return };
        let Some(row) = answer.rows.first() else { return };
        idle = if waits && row.integer(0) == Some(1) { idle + 1 } else { 0 };
        if idle >= SURE {
            send(other, &format!("KILL {id}"), false).ok();
            return;
        }
    }
}
