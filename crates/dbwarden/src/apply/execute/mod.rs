//! Runs one step of a plan: its statements, its record and the renewal of the lease in one transaction where the plan has one
//! group, else unit by unit with the journal, so that a killed run goes on where it stopped.

mod code;
mod left;
mod packet;
mod settle;
mod statements;
mod stop;
mod unit;
mod whole;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::{Cause, StepError};
use super::inspect::Violations;
use super::journal;
use super::lock::{LockError, LockGuard};
use super::run::{Event, Resume, Run, StepReport};
use super::watchdog::Watchdog;
use crate::dialect::{Dialect, Records};
use crate::driver::{DriverError, DriverErrorKind};
use crate::migration::Migration;
use crate::migration::Script;
use crate::migration::applied::{Applied, Direction, Unfinished};
use crate::migration::groups::GroupKind;
use crate::migration::plan::{Action, Step};
use crate::migration::source::{GroupHash, SourceError, SourceFile, SourceProblem};
use crate::sql::Position;

/// How often a step that meets another session's lock is tried again, unless its header says otherwise.
const RETRIES: u32 = 3;

/// The same where the server took the transaction for one that cannot be brought into an order with others: it asks for that
/// (<https://www.cockroachlabs.com/docs/stable/transaction-retry-error-reference>).
const CONFLICTS: u32 = 10;

/// What is to be run, beside the step itself.
#[derive(Debug)]
pub(crate) struct Task<'a> {
    pub(crate) step: &'a Step,
    /// The file and the script to run; none where nothing is run.
    pub(crate) script: Option<(&'a SourceFile, &'a Script)>,
    /// The row to be written, without its time and duration; none where the row is to be removed.
    pub(crate) row: Option<Applied>,
    /// The down script to store with the row.
    pub(crate) down: Option<String>,
    /// What an earlier run left.
    pub(crate) unfinished: Option<&'a Unfinished>,
    /// The journal has rows of this migration, of whatever run.
    pub(crate) journalled: bool,
    /// The migration that was planned; none where the script comes from the records.
    pub(crate) migration: Option<&'a Migration>,
}

/// Runs steps on the session of a lock.
#[derive(Debug)]
pub(crate) struct Executor<'a, 's, 'r> {
    pub(crate) guard: &'a mut LockGuard<'s>,
    pub(crate) dialect: &'static dyn Dialect,
    pub(crate) environment: &'a BTreeSet<String>,
    /// What foreign keys are in each session, unless a file says otherwise.
    pub(crate) foreign_keys: bool,
    /// How long a statement waits for a lock, unless a file says otherwise.
    pub(crate) lock_timeout: Duration,
    /// How long to wait for what an earlier run left running on the server.
    pub(crate) patience: Duration,
    /// What a person decided of a statement that may have been done.
    pub(crate) resume: Option<Resume>,
    /// All steps share one transaction, which is open.
    pub(crate) shared: bool,
    pub(crate) run: &'a mut Run<'r>,
}

/// One step while it runs.
struct Progress<'t> {
    task: &'t Task<'t>,
    /// What this run itself has left, where it tries again.
    resumed: Option<Arc<Unfinished>>,
    started: Instant,
    records: Arc<Records>,
    /// The script commits as one, with its row.
    atomic: bool,
    /// The last statement that changes the database.
    last_durable: u64,
    /// The statement that runs, from 1.
    ordinal: u64,
    /// Where it stands.
    position: Option<Position>,
    line: Option<String>,
    width: usize,
    /// Statements that are committed.
    committed: u64,
    /// The first statement of the unit that is open.
    unit: u64,
    unit_hash: GroupHash,
    /// The sum of the unit that is being closed.
    unit_sum: Option<String>,
    summary: String,
    /// The statements that gave the session another role, since it was ours.
    roles: Vec<String>,
    /// Violated foreign keys before the group, where the file turned them off.
    violations: Option<Violations>,
    keys: Option<bool>,
    recorded: bool,
    /// The statement of which the journal says that it was begun outside a transaction, until it is done.
    announced: Option<u64>,
    /// How far it came could not be read: nothing is written over what the journal says.
    unseen: bool,
    /// What the statement that failed left.
    left: left::Left,
    /// COMMIT is under way, and its answer is not there.
    committing: bool,
    skipped: u64,
    /// The session is not as it was.
    traces: bool,
    /// Something in the session outlives a rollback.
    marked: bool,
    /// Code in Rust commits parts of its work by itself, and is run again from its beginning.
    loose: bool,
    /// The statement at hand ran longer than it may.
    over: Option<Duration>,
    watchdog: Option<Watchdog>,
}

impl<'t> Progress<'t> {
    fn new(task: &'t Task<'t>, records: Arc<Records>, resumed: Option<Arc<Unfinished>>) -> Self {
        let unfinished = resumed.as_deref().or(task.unfinished);
        let groups = &task.step.groups;
        let durable = groups.iter().rfind(|group| group.kind != GroupKind::Session);
        Self {
            task,
            started: Instant::now(),
            records,
            atomic: task.script.is_none_or(|(_, script)| script.is_atomic()) && unfinished.is_none(),
            last_durable: durable.map_or(0, |group| group.first + group.count - 1),
            ordinal: 0,
            position: None,
            line: None,
            width: 1,
            committed: unfinished.map_or(0, Unfinished::done),
            unit: 1,
            unit_hash: GroupHash::default(),
            unit_sum: None,
            resumed,
            summary: String::new(),
            roles: Vec::new(),
            violations: None,
            keys: None,
            recorded: false,
            announced: None,
            unseen: false,
            left: left::Left::Unasked,
            committing: false,
            skipped: 0,
            traces: false,
            marked: false,
            loose: false,
            over: None,
            watchdog: None,
        }
    }

    /// Forgets what was done in a transaction that was rolled back; `resumed` is committed, where something is.
    fn begin_anew(&mut self, resumed: Option<Arc<Unfinished>>) {
        let watchdog = self.watchdog.take();
        let resumed = resumed.or(self.resumed.take());
        let anew = Self::new(self.task, Arc::clone(&self.records), resumed);
        *self = Self { started: self.started, watchdog, ..anew };
    }

    /// What an earlier attempt left.
    fn unfinished(&self) -> Option<&Unfinished> {
        self.resumed.as_deref().or(self.task.unfinished)
    }

    fn tries(&self) -> u32 {
        self.task.step.limits.retries.unwrap_or(RETRIES)
    }

    /// How often a transaction that met another's is tried again.
    fn conflicts(&self) -> u32 {
        self.task.step.limits.retries.unwrap_or(CONFLICTS)
    }
}

impl Executor<'_, '_, '_> {
    /// Runs one step to its end.
    ///
    /// # Errors
    /// Why it stopped, and what became of it. Nothing of it is left open.
    pub(crate) fn step(&mut self, task: &Task<'_>) -> Result<StepReport, Box<StepError>> {
        self.run.observer.event(&Event::StepStarted { step: task.step });
        let mut progress = Progress::new(task, self.guard.records(), None);
        if let Some(limit) = task.step.limits.statement_timeout {
            progress.watchdog = Some(Watchdog::new(limit, self.guard.session().interrupter()));
        }
        let mut attempt = 0;
        let outcome = loop {
            let ran = match self.script(&mut progress) {
                Err(cause) if cause.is_cut() => self.after_a_cut(&mut progress, cause),
                ran => ran,
            };
            match ran {
                Ok(()) => break Ok(()),
                Err(cause)
                    if attempt
                        < if cause.is_conflict() { progress.conflicts() } else { progress.tries() }
                        && self.again(&mut progress, &cause, attempt + 1) =>
                {
                    attempt += 1;
                }
                Err(cause) => break Err(self.failed(&mut progress, cause)),
            }
        };
        let restored = self.restore(&mut progress);
        outcome?;
        if let Err(error) = restored {
            let cause = Cause::Around { doing: "putting the session back", error };
            return Err(Box::new(self.error(&progress, cause)));
        }
        let report = StepReport {
            version: task.step.id.clone(),
            description: task.step.description.clone(),
            kind: task.step.kind,
            action: task.step.action,
            statements: task.step.statements,
            skipped: progress.skipped,
            resumed_from: task.unfinished.map_or(0, Unfinished::done),
            duration_ms: millis(progress.started),
        };
        self.run.observer.event(&Event::StepFinished { report: &report });
        Ok(report)
    }

    /// Takes back what was begun, and rests a while, where the step met another session's lock and may begin anew: it is one
    /// transaction, and nothing of it is kept; or where one of its transactions cannot be brought into an order with others, and
    /// is run anew behind those that are committed.
    fn again(&mut self, progress: &mut Progress<'_>, cause: &Cause, attempt: u32) -> bool {
        let (Cause::Statement(error)
        | Cause::Condition(error)
        | Cause::Around { error, .. }
        | Cause::Lock(LockError::Driver(error))) = cause
        else {
            return false;
        };
        let conflict = error.is_conflict();
        // A commit that met a reader has waited for it by then; one that a server refused may be tried again from the first
        // statement.
        let waited = matches!(cause, Cause::Around { doing: "committing", .. }) && !conflict;
        let may = error.kind == DriverErrorKind::Busy
            && (progress.atomic || (conflict && progress.announced.is_none()))
            && !self.shared
            && !waited;
        if !may || self.guard.session().rollback().is_err() {
            return false;
        }
        self.rest_before(attempt, &error.message);
        if progress.marked {
            if self.guard.session().reset().is_err() {
                return false;
            }
            self.run.cancel.watch(self.guard.session().interrupter());
        }
        let mut resumed = None;
        if !progress.atomic {
            let Ok((unfinished, _)) = journal::read(self.guard.session(), &progress.records) else {
                return false;
            };
            let id = &progress.task.step.id;
            resumed = unfinished.into_iter().find(|unfinished| unfinished.version == *id).map(Arc::new);
        }
        progress.begin_anew(resumed);
        true
    }

    /// Rests before the next attempt, and says so.
    fn rest_before(&mut self, attempt: u32, reason: &str) {
        self.run.observer.event(&Event::Retrying { attempt, reason });
        std::thread::sleep(rest(attempt));
    }

    fn script(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        if let Some(timeout) = progress.task.step.limits.lock_timeout {
            self.guard.session().set_lock_timeout(timeout).map_err(around("setting the lock timeout"))?;
        }
        if let Some((file, script)) = progress.task.script {
            if let Some(unfinished) = progress.task.unfinished {
                let (id, done, total) = (&progress.task.step.id, unfinished.done(), script.statements);
                self.run.observer.event(&Event::Resumed { id, done, total });
            }
            progress.traces = script.changes_session;
            if let Some(code) = progress.task.migration.and_then(|migration| migration.code.as_ref()) {
                return self.code(progress, code, script);
            }
            if self.fits_one_packet(progress, file, script) {
                return self.whole(progress, file, script);
            }
            if self.fits_a_journalled_packet(progress, file, script) {
                return self.packet(progress, file, script);
            }
            self.statements(progress, file, script)?;
        }
        if !progress.recorded {
            self.open(progress)?;
            progress.ordinal = progress.last_durable;
            self.close(progress)?;
        }
        Ok(())
    }

    /// Puts the session back as each migration finds it.
    fn restore(&mut self, progress: &mut Progress<'_>) -> Result<(), DriverError> {
        progress.watchdog = None;
        let timeout = self.lock_timeout;
        let session = self.guard.session();
        if progress.task.step.limits.lock_timeout.is_some() {
            session.set_lock_timeout(timeout)?;
        }
        if progress.traces && !self.shared {
            session.reset()?;
            self.run.cancel.watch(self.guard.session().interrupter());
        } else if progress.keys.is_some() {
            session.set_foreign_keys(self.foreign_keys)?;
        }
        Ok(())
    }
}

/// How long to rest before the next attempt: longer each time, and not the same for each process.
fn rest(attempt: u32) -> Duration {
    let base = 50_u64 << attempt.min(6);
    let own = u64::from(std::process::id()).wrapping_mul(7919).wrapping_add(u64::from(attempt) * 104_729);
    Duration::from_millis(base + own % base)
}

fn unreadable(file: &SourceFile, error: std::io::Error) -> Cause {
    Cause::Source(Arc::new(SourceError::new(file.name.clone(), SourceProblem::Unreadable { error })))
}

fn around(doing: &'static str) -> impl Fn(DriverError) -> Cause {
    move |error| Cause::Around { doing, error }
}

fn direction(action: Action) -> Direction {
    match action {
        Action::Apply | Action::Record => Direction::Up,
        Action::Undo | Action::Forget => Direction::Down,
    }
}

fn millis(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
