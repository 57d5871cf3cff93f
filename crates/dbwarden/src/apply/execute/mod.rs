//! Runs one step of a plan: its statements, its record and the renewal of the lease in one transaction where the plan has one
//! group, else unit by unit with the journal, so that a killed run goes on where it stopped.

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
use super::lock::LockGuard;
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
    summary: String,
    /// Violated foreign keys before the group, where the file turned them off.
    violations: Option<Violations>,
    keys: Option<bool>,
    recorded: bool,
    /// The journal says that the statement at hand was begun, and what the catalogue was before it.
    announced: bool,
    /// COMMIT is under way, and its answer is not there.
    committing: bool,
    skipped: u64,
    /// The session is not as it was.
    traces: bool,
    watchdog: Option<Watchdog>,
}

impl<'t> Progress<'t> {
    fn new(task: &'t Task<'t>, records: Arc<Records>) -> Self {
        let groups = &task.step.groups;
        let durable = groups.iter().rfind(|group| group.kind != GroupKind::Session);
        Self {
            task,
            started: Instant::now(),
            records,
            atomic: task.script.is_none_or(|(_, script)| script.is_atomic()) && task.unfinished.is_none(),
            last_durable: durable.map_or(0, |group| group.first + group.count - 1),
            ordinal: 0,
            position: None,
            line: None,
            width: 1,
            committed: task.unfinished.map_or(0, Unfinished::done),
            unit: 1,
            unit_hash: GroupHash::default(),
            summary: String::new(),
            violations: None,
            keys: None,
            recorded: false,
            announced: false,
            committing: false,
            skipped: 0,
            traces: false,
            watchdog: None,
        }
    }

    /// Forgets what was done in a transaction that was rolled back.
    fn begin_anew(&mut self) {
        let watchdog = self.watchdog.take();
        *self = Self { started: self.started, watchdog, ..Self::new(self.task, Arc::clone(&self.records)) };
    }

    fn tries(&self) -> u32 {
        self.task.step.limits.retries.unwrap_or(RETRIES)
    }
}

impl Executor<'_, '_, '_> {
    /// Runs one step to its end.
    ///
    /// # Errors
    /// Why it stopped, and what became of it. Nothing of it is left open.
    pub(crate) fn step(&mut self, task: &Task<'_>) -> Result<StepReport, Box<StepError>> {
        self.run.observer.event(&Event::StepStarted { step: task.step });
        let mut progress = Progress::new(task, self.guard.records());
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
                    if attempt < progress.tries() && self.again(&mut progress, &cause, attempt + 1) =>
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
    /// transaction, and nothing of it is kept.
    fn again(&mut self, progress: &mut Progress<'_>, cause: &Cause, attempt: u32) -> bool {
        let (Cause::Statement(error) | Cause::Condition(error) | Cause::Around { error, .. }) = cause else {
            return false;
        };
        // A commit that met a reader has waited for it by then; one that a server refused may be tried again from the first
        // statement.
        let waited = matches!(cause, Cause::Around { doing: "committing", .. })
            && error.code.as_deref() != Some("40001");
        let may = error.kind == DriverErrorKind::Busy && progress.atomic && !self.shared && !waited;
        if !may || self.guard.session().rollback().is_err() {
            return false;
        }
        self.run.observer.event(&Event::Retrying { attempt, reason: &error.message });
        std::thread::sleep(rest(attempt));
        progress.begin_anew();
        true
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
