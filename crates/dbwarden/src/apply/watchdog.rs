//! Ends a statement that runs longer than it may, on engines that have no such limit of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::driver::Interrupt;

/// Interrupts a session when a statement runs longer than its limit.
#[derive(Debug)]
pub(crate) struct Watchdog {
    limit: Duration,
    /// When the running statement must have ended.
    deadline: Arc<RwLock<Option<Instant>>>,
    fired: Arc<AtomicBool>,
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    pub(crate) fn new(limit: Duration, session: Arc<dyn Interrupt>) -> Self {
        let deadline = Arc::new(RwLock::new(None::<Instant>));
        let fired = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = channel();
        let tick = (limit / 4).clamp(Duration::from_millis(1), Duration::from_millis(50));
        let thread = {
            let (deadline, fired) = (Arc::clone(&deadline), Arc::clone(&fired));
            std::thread::spawn(move || {
                while stopped.recv_timeout(tick) == Err(RecvTimeoutError::Timeout) {
                    // Held over the interrupt, so that it cannot hit what comes behind the statement.
                    let due = deadline.read().unwrap_or_else(PoisonError::into_inner);
                    if due.is_some_and(|due| Instant::now() >= due) {
                        fired.store(true, Ordering::SeqCst);
                        session.interrupt();
                    }
                }
            })
        };
        Self { limit, deadline, fired, stop: Some(stop), thread: Some(thread) }
    }

    /// A statement begins.
    pub(crate) fn start(&self) {
        self.fired.store(false, Ordering::SeqCst);
        *self.deadline.write().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + self.limit);
    }

    /// The statement ended; returns the limit where it was ended by it.
    pub(crate) fn stop(&self) -> Option<Duration> {
        *self.deadline.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.fired.load(Ordering::SeqCst).then_some(self.limit)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
