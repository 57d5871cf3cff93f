//! Runs one step of a plan: its statements, its record and the renewal of the lease in one transaction where the plan has one
//! group, else unit by unit with the journal, so that a killed run goes on where it stopped.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::failure::{Cause, Kept, StepError};
use super::history;
use super::inspect::{self, Violations};
use super::journal::{self, NewUnit};
use super::lock::{LockError, LockGuard};
use super::run::{Event, Run, StepReport};
use super::watchdog::Watchdog;
use crate::dialect::{Dialect, Manner, Records, SessionTrace};
use crate::driver::{DriverError, DriverErrorKind};
use crate::migration::Script;
use crate::migration::applied::{Applied, Direction, Unfinished, Unit};
use crate::migration::checksum::FileHash;
use crate::migration::groups::{Group, GroupKind};
use crate::migration::plan::{Action, Step};
use crate::migration::source::{
    Directive, GroupHash, SourceError, SourceFile, SourceProblem, directives, section_reader,
};
use crate::sql::{Event as Piece, Position, ReadError, Reader, Rules, tokens};

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
    /// The hash of the file that was planned.
    pub(crate) file_hash: Option<&'a FileHash>,
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
            match self.script(&mut progress) {
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
            self.statements(progress, file, script)?;
        }
        if !progress.recorded {
            self.open(progress)?;
            progress.ordinal = progress.last_durable;
            self.close(progress)?;
        }
        Ok(())
    }

    /// Runs the statements of `script`, and sees that they are still what was planned.
    fn statements(
        &mut self,
        progress: &mut Progress<'_>,
        file: &SourceFile,
        script: &Script,
    ) -> Result<(), Cause> {
        let problem = |problem| {
            let mut error = SourceError::new(file.name.clone(), problem);
            error.line = None;
            Cause::Source(Arc::new(error))
        };
        // Where the text at hand is the one that was planned, its sums were made when it was split.
        let fixed = file.is_fixed();
        // What commits by parts cannot be taken back when the last part turns out to be another.
        if let (false, false, Some(planned)) = (fixed, progress.atomic, progress.task.file_hash) {
            let now = file.hash().map_err(|error| problem(SourceProblem::Unreadable { error }))?;
            if now != *planned {
                return Err(problem(SourceProblem::Changed));
            }
        }
        let rules = Rules::new(self.dialect.syntax());
        let mut reader = section_reader(file, script, rules)
            .map_err(|error| problem(SourceProblem::Unreadable { error }))?;
        let mut groups = script.groups.iter();
        let mut group: Option<&Group> = None;
        let mut hash = GroupHash::default();
        let done: Vec<&Unit> = progress
            .task
            .unfinished
            .iter()
            .flat_map(|unfinished| &unfinished.units)
            .filter(|unit| unit.state == "done")
            .collect();
        loop {
            let statement = match reader.next() {
                Ok(Some(Piece::Statement(statement))) => statement,
                Ok(Some(_)) => continue,
                Ok(None) => break,
                Err(ReadError::Io(error)) => return Err(problem(SourceProblem::Unreadable { error })),
                Err(ReadError::Text(error)) => return Err(problem(SourceProblem::Text(error))),
            };
            let manner = self.dialect.manner(statement.text);
            if matches!(manner, Manner::Begin | Manner::Commit | Manner::Rollback | Manner::ForeignKeys(_)) {
                continue;
            }
            progress.ordinal += 1;
            progress.position = Some(statement.start);
            let found =
                directives(statement.leading, self.dialect.syntax()).map_err(|(wrong, _)| problem(wrong))?;
            let current = match group.or_else(|| groups.next()) {
                Some(current) => current,
                None => return Err(problem(SourceProblem::Changed)),
            };
            group = Some(current);
            if !fixed {
                hash.statement(&found, statement.text, self.dialect);
            }
            let (bytes, copy) = (statement.start.offset - script.start.offset, statement.copy);
            let unit = done
                .iter()
                .find(|unit| unit.first <= progress.ordinal && progress.ordinal < unit.first + unit.count);
            let ran = match unit {
                Some(unit) => {
                    self.skip(progress, unit, &found, statement.text)?;
                    false
                }
                None => {
                    let piece =
                        Fragment { text: statement.text, found: &found, bytes, of: script.length, copy };
                    self.one(progress, current, manner, &piece)?
                }
            };
            if copy {
                self.rows(&mut reader, &mut hash, ran).map_err(|cause| match cause {
                    RowsError::Cause(cause) => cause,
                    RowsError::Problem(wrong) => problem(wrong),
                })?;
            }
            if unit.is_none() {
                match current.kind {
                    GroupKind::Each => self.close(progress)?,
                    GroupKind::Session => progress.unit = progress.ordinal + 1,
                    GroupKind::Transaction => {}
                }
            }
            if progress.ordinal + 1 == current.first + current.count {
                if !fixed && hash.finish() != current.hash {
                    return Err(problem(SourceProblem::Changed));
                }
                if current.kind == GroupKind::Transaction && unit.is_none() {
                    self.close(progress)?;
                }
                group = None;
            }
        }
        // What was done may not be taken out of the file either.
        if let Some(unit) = done.iter().find(|unit| unit.first + unit.count > progress.ordinal + 1) {
            return Err(Cause::Edited { id: progress.task.step.id.clone(), statement: unit.first });
        }
        if group.is_some() || groups.next().is_some() {
            return Err(problem(SourceProblem::Changed));
        }
        Ok(())
    }

    /// Passes over a statement that an earlier run has done; what it left in its session is done again.
    fn skip(
        &mut self,
        progress: &mut Progress<'_>,
        unit: &Unit,
        found: &[(Directive, String)],
        text: &str,
    ) -> Result<(), Cause> {
        progress.unit_hash.statement(found, text, self.dialect);
        if progress.ordinal + 1 == unit.first + unit.count {
            let id = progress.task.step.id.clone();
            if progress.unit_hash.finish() != unit.hash {
                return Err(Cause::Edited { id, statement: unit.first });
            }
            progress.committed = progress.committed.max(progress.ordinal);
        }
        match self.dialect.session_trace(text) {
            SessionTrace::None => {}
            SessionTrace::Setting => {
                progress.traces = true;
                self.guard.session().run(text).map_err(Cause::Statement)?;
            }
            SessionTrace::Temporary => return Err(Cause::TemporaryGone { statement: progress.ordinal }),
        }
        progress.unit = progress.ordinal + 1;
        Ok(())
    }

    /// Runs one statement in its group.
    fn one(
        &mut self,
        progress: &mut Progress<'_>,
        group: &Group,
        manner: Manner,
        piece: &Fragment<'_>,
    ) -> Result<bool, Cause> {
        if self.run.cancel.take_note() {
            return Err(Cause::Cancelled);
        }
        self.keys(progress, group)?;
        let open = self.guard.session().in_transaction();
        let alone = matches!(manner, Manner::Alone | Manner::Session);
        if !open && !alone {
            self.open(progress)?;
        }
        if !progress.atomic {
            if progress.unit == progress.ordinal {
                progress.summary = summary(piece.text);
            }
            progress.unit_hash.statement(piece.found, piece.text, self.dialect);
        }
        if manner == Manner::Alone {
            self.announce(progress)?;
        }
        self.conditions_and_statement(progress, piece, !alone)
    }

    /// Passes the rows behind a COPY on to the server, or over them where it was not run.
    fn rows(
        &mut self,
        reader: &mut Reader<Box<dyn Read + Send + '_>>,
        hash: &mut GroupHash,
        ran: bool,
    ) -> Result<(), RowsError> {
        loop {
            match reader.next() {
                Ok(Some(Piece::CopyData(rows))) => {
                    hash.rows(rows);
                    if ran {
                        self.guard.session().copy_data(rows).map_err(Cause::Statement)?;
                    }
                }
                Ok(Some(Piece::CopyEnd) | None) => {
                    hash.rows_end();
                    if ran {
                        self.guard.session().copy_end().map_err(Cause::Statement)?;
                    }
                    return Ok(());
                }
                Ok(Some(_)) => {}
                Err(ReadError::Io(error)) => {
                    return Err(RowsError::Problem(SourceProblem::Unreadable { error }));
                }
                Err(ReadError::Text(error)) => return Err(RowsError::Problem(SourceProblem::Text(error))),
            }
        }
    }

    fn conditions_and_statement(
        &mut self,
        progress: &mut Progress<'_>,
        piece: &Fragment<'_>,
        in_transaction: bool,
    ) -> Result<bool, Cause> {
        for (directive, text) in piece.found {
            let wants = inspect::wants(self.guard.session(), self.dialect, self.environment, directive)
                .map_err(Cause::Condition)?;
            if !wants {
                progress.skipped += 1;
                let event = Event::StatementSkipped { number: progress.ordinal, directive: text };
                self.run.observer.event(&event);
                return Ok(false);
            }
        }
        self.run.observer.event(&Event::StatementStarted {
            number: progress.ordinal,
            total: progress.task.step.statements,
            text: piece.text,
            bytes: piece.bytes,
            of_bytes: piece.of,
        });
        if let Some(watchdog) = &progress.watchdog {
            watchdog.start();
        }
        let solitary = self.dialect.capabilities().alone_refuses_company && !in_transaction;
        let ran = if solitary {
            let gate = self.guard.gate();
            let _quiet = gate.lock().unwrap_or_else(PoisonError::into_inner);
            self.guard.session().run(piece.text)
        } else if piece.copy {
            self.guard.session().copy_begin(piece.text)
        } else {
            self.guard.session().run(piece.text)
        };
        let over = progress.watchdog.as_ref().and_then(Watchdog::stop);
        for notice in self.guard.session().notices() {
            self.run.observer.event(&Event::Notice { notice: &notice });
        }
        if let Err(error) = ran {
            if error.kind == DriverErrorKind::Interrupted {
                if let Some(limit) = over {
                    return Err(Cause::TimedOut { limit });
                }
                if self.run.cancel.take_note() {
                    return Err(Cause::Cancelled);
                }
            }
            if let Some((file, _)) = progress.task.script {
                place(progress, file, piece.text, error.offset, self.dialect);
            }
            return Err(Cause::Statement(error));
        }
        self.run.point("statement-run");
        if in_transaction && !self.guard.session().in_transaction() {
            return Err(Cause::TransactionEnded);
        }
        Ok(true)
    }

    /// Sets foreign keys as the file asks for the group, outside its transaction.
    fn keys(&mut self, progress: &mut Progress<'_>, group: &Group) -> Result<(), Cause> {
        if group.foreign_keys == progress.keys || self.guard.session().in_transaction() {
            return Ok(());
        }
        let on = group.foreign_keys.unwrap_or(self.foreign_keys);
        self.guard.session().set_foreign_keys(on).map_err(around("setting foreign keys"))?;
        progress.keys = group.foreign_keys;
        Ok(())
    }

    /// Opens a transaction, and waits for another session's.
    fn open(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        if self.shared {
            return Ok(());
        }
        let tries = progress.tries();
        let mut attempt = 0;
        while let Err(error) = self.guard.session().begin() {
            attempt += 1;
            if error.kind != DriverErrorKind::Busy || attempt > tries {
                return Err(around("opening the transaction")(error));
            }
            if self.run.cancel.take_note() {
                return Err(Cause::Cancelled);
            }
            self.run.observer.event(&Event::Retrying { attempt, reason: &error.message });
            std::thread::sleep(rest(attempt));
        }
        self.run.point("begun");
        if progress.keys == Some(false) {
            let found = inspect::violations(self.guard.session(), self.dialect)
                .map_err(around("checking foreign keys"))?;
            progress.violations = Some(found);
        }
        Ok(())
    }

    /// Commits the open unit: with the journal's row, or with the migration's own when this was the last.
    fn close(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        if !self.shared && !self.guard.session().in_transaction() {
            // Behind a statement that ran outside.
            self.open(progress)?;
        }
        if let Some(before) = progress.violations.take() {
            self.check_keys(&before)?;
        }
        if progress.ordinal >= progress.last_durable {
            self.record(progress)?;
        } else {
            self.write_unit(progress)?;
        }
        if self.shared {
            return Ok(());
        }
        self.renew(progress, progress.ordinal + 1)?;
        self.guard.session().commit().map_err(around("committing"))?;
        self.run.point("committed");
        progress.committed = progress.ordinal;
        progress.unit = progress.ordinal + 1;
        Ok(())
    }

    /// Renews the lease in the open transaction, and says there what is run behind it: the rest of the migration from
    /// `statement` on, or the next one.
    fn renew(&mut self, progress: &Progress<'_>, statement: u64) -> Result<(), Cause> {
        let id = &progress.task.step.id;
        let doing = if progress.recorded {
            self.run.next.as_ref().map(ToString::to_string)
        } else {
            Some(format!("{id} statement {statement}"))
        };
        self.guard.renew(doing.as_deref()).map_err(Cause::Lock)?;
        self.run.point("renewed");
        Ok(())
    }

    /// Writes before a statement that runs outside a transaction that it is about to run.
    fn announce(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        self.open(progress)?;
        progress.violations = None;
        let now = self.run.now();
        let unit = NewUnit {
            version: &progress.task.step.id,
            direction: direction(progress.task.step.action),
            first: progress.ordinal,
            count: 1,
            hash: "",
            summary: &progress.summary,
            run: &self.run.id,
        };
        journal::begin(self.guard.session(), &progress.records, &unit, now)
            .map_err(around("writing the journal"))?;
        self.renew(progress, progress.ordinal)?;
        self.guard.session().commit().map_err(around("committing"))?;
        self.run.point("unit-begun");
        Ok(())
    }

    /// Writes that the open unit is done.
    fn write_unit(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        let hash = progress.unit_hash.finish();
        let unit = NewUnit {
            version: &progress.task.step.id,
            direction: direction(progress.task.step.action),
            first: progress.unit,
            count: progress.ordinal + 1 - progress.unit,
            hash: &hash,
            summary: &progress.summary,
            run: &self.run.id,
        };
        self.run.point("unit-run");
        let (now, session) = (self.run.now(), self.guard.session());
        journal::begin(session, &progress.records, &unit, now.clone())
            .and_then(|()| journal::finish(session, &progress.records, unit.version, unit.first, now))
            .map_err(around("writing the journal"))?;
        self.run.point("unit-recorded");
        Ok(())
    }

    /// Writes or removes the migration's row.
    fn record(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        let now = self.run.now();
        let (session, records) = (self.guard.session(), &progress.records);
        let id = &progress.task.step.id;
        let written = match &progress.task.row {
            Some(row) => {
                let row = Applied {
                    applied_at: now,
                    duration_ms: i64::try_from(millis(progress.started)).unwrap_or(i64::MAX),
                    ..row.clone()
                };
                // A repeatable has one row, that of its last run.
                let replaced =
                    if row.is_versioned() { Ok(false) } else { history::delete(session, records, id) };
                let down = progress.task.down.as_deref();
                replaced.and_then(|_| history::insert(session, records, &row, down))
            }
            None => history::delete(session, records, id).map(drop),
        };
        written.map_err(around("writing the history"))?;
        if !progress.atomic || progress.task.journalled {
            journal::clear(session, records, id).map_err(around("clearing the journal"))?;
        }
        self.run.point("recorded");
        progress.recorded = true;
        Ok(())
    }

    fn check_keys(&mut self, before: &Violations) -> Result<(), Cause> {
        let now = inspect::violations(self.guard.session(), self.dialect)
            .map_err(around("checking foreign keys"))?;
        let known = |row| before.get(row).copied().unwrap_or(0);
        let new: Vec<_> = now.iter().filter(|(row, times)| **times > known(*row)).collect();
        let Some(((table, _, parent), _)) = new.first() else { return Ok(()) };
        let count = new.iter().map(|(row, times)| *times - known(*row)).sum();
        Err(Cause::ForeignKeys { count, table: table.clone(), parent: parent.clone() })
    }

    /// Rolls back what is open, and keeps in the journal why.
    fn failed(&mut self, progress: &mut Progress<'_>, cause: Cause) -> Box<StepError> {
        self.run.cancel.take_note();
        if !self.shared {
            self.guard.session().rollback().ok();
        }
        // An interrupt may hit what goes around a statement too.
        let cause = match cause {
            Cause::Around { ref error, .. } | Cause::Condition(ref error)
                if error.kind == DriverErrorKind::Interrupted && self.run.cancel.take_note() =>
            {
                Cause::Cancelled
            }
            cause => cause,
        };
        // "The table exists already", since another took over and made it: that the lock is lost is the cause.
        let cause = match cause {
            Cause::Lock(_) | Cause::Cancelled => cause,
            _ if self.guard.is_lost() => Cause::Lock(LockError::Lost),
            _ => cause,
        };
        let session = self.guard.session();
        let worth_a_row = !progress.atomic
            && !progress.recorded
            && progress.ordinal > 0
            && !matches!(cause, Cause::Lock(_) | Cause::Edited { .. } | Cause::TemporaryGone { .. });
        if worth_a_row && session.begin().is_ok() {
            let now = self.run.now();
            let unit = NewUnit {
                version: &progress.task.step.id,
                direction: direction(progress.task.step.action),
                first: progress.unit,
                count: progress.ordinal + 1 - progress.unit.min(progress.ordinal),
                hash: "",
                summary: &progress.summary,
                run: &self.run.id,
            };
            let text = cause.to_string();
            let session = self.guard.session();
            let written = journal::begin(session, &progress.records, &unit, now.clone()).and_then(|()| {
                journal::fail(session, &progress.records, unit.version, unit.first, &text, now)
            });
            if written.is_err() || self.guard.renew(None).is_err() || self.guard.session().commit().is_err() {
                self.guard.session().rollback().ok();
            }
        }
        Box::new(self.error(progress, cause))
    }

    fn error(&self, progress: &Progress<'_>, cause: Cause) -> StepError {
        let step = progress.task.step;
        let kept = if progress.recorded && !self.shared && progress.committed >= progress.last_durable {
            Kept::All
        } else if progress.committed > 0 {
            Kept::Statements(progress.committed)
        } else {
            Kept::Nothing
        };
        // What comes with the commit is no one statement's doing.
        let of_the_whole = matches!(cause, Cause::Around { .. } | Cause::ForeignKeys { .. });
        let mut error = StepError {
            id: step.id.clone(),
            direction: direction(step.action),
            file: step.file.clone(),
            position: progress.position.filter(|_| !of_the_whole),
            line: progress.line.clone().filter(|_| !of_the_whole),
            width: progress.width,
            statement: progress.ordinal,
            total: step.statements,
            kept,
            cause,
        };
        if error.line.is_none()
            && let (Some(position), Some((file, _))) = (error.position, progress.task.script)
        {
            error.line = file.line_at(position.offset);
        }
        error
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

/// One statement, and where it stands in its script.
struct Fragment<'a> {
    text: &'a str,
    found: &'a [(Directive, String)],
    bytes: u64,
    of: u64,
    /// Its rows follow.
    copy: bool,
}

/// Why rows did not arrive.
enum RowsError {
    Cause(Cause),
    Problem(SourceProblem),
}

impl From<Cause> for RowsError {
    fn from(cause: Cause) -> Self {
        RowsError::Cause(cause)
    }
}

/// How long to rest before the next attempt: longer each time, and not the same for each process.
fn rest(attempt: u32) -> Duration {
    let base = 50_u64 << attempt.min(6);
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Duration::from_millis(base + u64::from(clock.subsec_nanos() / 1000) % base)
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

/// The beginning of a statement on one line.
fn summary(text: &str) -> String {
    let mut summary: String = text.split_whitespace().take(12).collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = summary.char_indices().nth(80) {
        summary.truncate(end);
    }
    summary
}

/// Puts the place of an engine's complaint, `offset` bytes into the statement `text`, into `progress`.
fn place(
    progress: &mut Progress<'_>,
    file: &SourceFile,
    text: &str,
    offset: Option<usize>,
    dialect: &dyn Dialect,
) {
    let Some(start) = progress.position else { return };
    let offset = offset.filter(|&offset| text.is_char_boundary(offset)).unwrap_or(0);
    let position = start.advance(&text[..offset]);
    progress.position = Some(position);
    progress.line = file.line_at(position.offset);
    let token = tokens(&text[offset..], Rules::new(dialect.syntax())).next();
    let first_line = token.map_or("", |token| token.text).lines().next().unwrap_or_default();
    progress.width = first_line.chars().count().max(1);
}
