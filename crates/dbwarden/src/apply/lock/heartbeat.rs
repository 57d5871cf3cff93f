//! The holder's counter, moved while its statements run.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::dialect::Records;
use crate::driver::{OpenOptions, Session};
use crate::url::DatabaseUrl;
use crate::value::Value;

/// Moves the holder's counter while a statement runs, over a session of its own.
pub(super) struct Heartbeat {
    /// Dropped to end the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a heartbeat shares with its lock.
#[derive(Clone, Default)]
pub(super) struct Shared {
    /// Held while the heartbeat's session is open, where that is opened for each beat.
    pub(super) gate: Arc<Mutex<()>>,
    /// What is being run, to be written with the next beat.
    pub(super) doing: Arc<Mutex<Option<String>>>,
}

impl Heartbeat {
    pub(super) fn start(
        url: &DatabaseUrl,
        open: &OpenOptions,
        records: &Arc<Records>,
        token: i64,
        beat: Duration,
        shared: Shared,
    ) -> Self {
        let (stop, stopped) = channel();
        let (url, records) = (url.clone(), Arc::clone(records));
        let lock_timeout = Duration::from_millis(if url.database().is_embedded() { 50 } else { 1000 });
        let open = OpenOptions { create: false, lock_timeout, prelude: Vec::new(), ..open.clone() };
        let thread = std::thread::spawn(move || {
            let mut kept: Option<Box<dyn Session>> = None;
            // Opened with the first beat: most runs are over before.
            while stopped.recv_timeout(beat) == Err(RecvTimeoutError::Timeout) {
                let _open = shared.gate.lock().unwrap_or_else(PoisonError::into_inner);
                // A beat stands in line while all nodes are at a definition, and whoever looks waits for it; were it to wait for that
                // definition first, others could look before it.
                let opened = || {
                    let mut session = crate::driver::open(&url, &open)?;
                    session.wait_for_nobody().map(|()| session)
                };
                let session = kept.take().map_or_else(opened, Ok);
                // No session: the next beat tries again.
                let Ok(mut session) = session else { continue };
                let doing = shared.doing.lock().unwrap_or_else(PoisonError::into_inner).clone();
                match session.execute(&records.beat, &[doing.into(), Value::from(token)]) {
                    // The lock is another's, and the next renewal will say so.
                    Ok(0) => return,
                    // A file's session is closed between beats, since some statements want no company.
                    Ok(_) if !url.database().is_embedded() => kept = Some(session),
                    // BUSY: our own transaction, or another's, keeps everybody out, who waits as well as us.
                    Ok(_) | Err(_) => {}
                }
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
