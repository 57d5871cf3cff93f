//! What a run carries with it: its id, its clock, the way to cancel it, and who watches.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::owner::{Holder, Meant};
use crate::driver::{Interrupt, Notice};
use crate::migration::plan::{Action, Step};
use crate::migration::{Kind, RevisionId};

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Returns `time` as it is recorded: UTC, `2026-11-20 14:02:11.482`.
pub fn recorded_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// What a person decided of a statement of which the database does not tell whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// It is run again.
    Retry,
    /// It counts as done.
    Skip,
}

/// What happens during a run, for whoever shows it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Somebody else holds the lock; told again every second.
    Waiting {
        /// Who, as far as can be seen.
        holder: Option<&'a Holder>,
        /// What the engine says of it, where nobody can look at the lock: on DuckDB it names the process that has the file.
        reason: Option<&'a str>,
        /// For how long so far.
        waited: Duration,
    },
    /// The lock of a holder that is gone was taken over.
    TakenOver {
        /// Who held it.
        holder: &'a Holder,
        /// How its end was seen.
        why: &'a str,
    },
    /// The plan that will be run, made under the lock.
    Planned {
        /// Its steps.
        steps: &'a [Step],
    },
    /// The server said something beside its answer.
    Notice {
        /// What.
        notice: &'a Notice,
    },
    /// What an earlier attempt at the next statement left half made is cleared away.
    Cleared {
        /// By this statement.
        statement: &'a str,
    },
    /// The server still runs the next statement, for a run that has ended.
    StillRunning {
        /// In this session.
        session: &'a str,
    },
    /// A migration was interrupted earlier and goes on.
    Resumed {
        /// The migration.
        id: &'a RevisionId,
        /// Statements that are done.
        done: u64,
        /// Statements in all.
        total: u64,
    },
    /// A down script that comes from the database is about to be run.
    StoredScript {
        /// The migration.
        id: &'a RevisionId,
        /// The script.
        text: &'a str,
    },
    /// A step begins.
    StepStarted {
        /// The step.
        step: &'a Step,
    },
    /// A statement begins.
    StatementStarted {
        /// Its number, from 1.
        number: u64,
        /// Statements in all.
        total: u64,
        /// Its text.
        text: &'a str,
        /// Bytes of the script before it.
        bytes: u64,
        /// Bytes of the script.
        of_bytes: u64,
    },
    /// A statement was left out, since its directive says so.
    StatementSkipped {
        /// Its number, from 1.
        number: u64,
        /// The directive.
        directive: &'a str,
    },
    /// A step is committed.
    StepFinished {
        /// What it came to.
        report: &'a StepReport,
    },
    /// Another session's lock was met; it is tried again.
    Retrying {
        /// How often it was tried.
        attempt: u32,
        /// What the engine said.
        reason: &'a str,
    },
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// The id.
    pub version: RevisionId,
    /// What it does.
    pub description: String,
    /// The kind.
    pub kind: Kind,
    /// What was done with it.
    pub action: Action,
    /// Statements of its script.
    pub statements: u64,
    /// Statements that were left out, since a directive said so.
    pub skipped: u64,
    /// Statements that an earlier run had done.
    pub resumed_from: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Watches a run.
pub trait Observer {
    /// Takes what happens.
    fn event(&mut self, event: &Event<'_>);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: &Event<'_>) {}
}

impl<F: FnMut(&Event<'_>)> Observer for F {
    fn event(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// Cancels a run from another thread. Clones cancel the same run.
#[derive(Clone, Default)]
pub struct Cancel(Arc<CancelState>);

#[derive(Default)]
struct CancelState {
    cancelled: AtomicBool,
    /// The run knows; nothing more is to be interrupted.
    seen: AtomicBool,
    session: Mutex<Option<Arc<dyn Interrupt>>>,
    /// What is cancelled with it.
    narrower: Mutex<Vec<Weak<CancelState>>>,
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel").field("cancelled", &self.is_cancelled()).finish()
    }
}

impl Cancel {
    /// Cancels: the running statement on the server, then the run.
    pub fn cancel(&self) {
        if self.0.cancelled.swap(true, Ordering::SeqCst) {
            return;
        }
        let narrower = std::mem::take(&mut *locked(&self.0.narrower));
        narrower.iter().filter_map(Weak::upgrade).for_each(|narrower| Self(narrower).cancel());
        // An interrupt that comes just before a statement begins is lost, so it is repeated until the run has seen it.
        let state = Arc::downgrade(&self.0);
        std::thread::spawn(move || {
            while let Some(state) = state.upgrade() {
                // Held over the interrupt, so that it cannot hit the rollback behind the statement.
                let session = locked(&state.session);
                if state.seen.load(Ordering::SeqCst) {
                    return;
                }
                if let Some(session) = &*session {
                    session.interrupt();
                }
                drop(session);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
    }

    /// Returns one that is cancelled with this one, and by itself.
    #[cfg(feature = "tokio")]
    pub(crate) fn narrower(&self) -> Self {
        let narrower = Self::default();
        let mut all = locked(&self.0.narrower);
        all.retain(|one| one.strong_count() > 0);
        all.push(Arc::downgrade(&narrower.0));
        drop(all);
        if self.is_cancelled() {
            narrower.cancel();
        }
        narrower
    }

    /// Returns whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Returns whether it was cancelled, and from then on interrupts nothing more.
    pub(crate) fn take_note(&self) -> bool {
        let cancelled = self.is_cancelled();
        if cancelled {
            let session = locked(&self.0.session);
            self.0.seen.store(true, Ordering::SeqCst);
            drop(session);
        }
        cancelled
    }

    pub(crate) fn watch(&self, session: Arc<dyn Interrupt>) {
        *locked(&self.0.session) = Some(session);
    }

    pub(crate) fn forget(&self) {
        *locked(&self.0.session) = None;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Told each named point of a run as it is passed: crash tests end the process there.
pub type Points = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Every named point, in the order in which a run passes them first.
pub const POINTS: &[&str] = &[
    "history-read",
    "renamed",
    "set-aside",
    "session-locked",
    "records-created",
    "lock-taken",
    "planned",
    "begun",
    "statement-run",
    "recorded",
    "renewed",
    "committed",
    "unit-begun",
    "unit-run",
    "unit-recorded",
    "released",
];

/// What a run carries with it.
pub struct Run<'a> {
    /// Its id, in the history of each migration it applied.
    pub id: String,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Cancels it.
    pub cancel: Cancel,
    /// Watches it.
    pub observer: &'a mut dyn Observer,
    /// Told each point that is passed.
    pub points: Option<Points>,
    /// Who runs it, as user@host.
    pub who: String,
    /// What it does once it has the lock, for those who wait: the migration that is run next.
    pub next: Option<RevisionId>,
    /// What it is to do, where that is counted from where the database is.
    pub meant: Option<Meant>,
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("id", &self.id).field("who", &self.who).finish_non_exhaustive()
    }
}

impl Run<'_> {
    /// Passes the point `name`.
    pub(crate) fn point(&self, name: &'static str) {
        debug_assert!(POINTS.contains(&name), "{name} is not in the list of points");
        if let Some(points) = &self.points {
            points(name);
        }
    }

    /// Returns the time now, as it is recorded.
    pub(crate) fn now(&self) -> String {
        recorded_time(self.clock.now())
    }
}
