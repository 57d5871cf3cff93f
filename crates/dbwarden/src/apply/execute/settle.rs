//! What became of a statement that ran outside a transaction when an earlier run ended: done, not done, half done, or still
//! running on the server.

use std::time::{Duration, Instant};

use super::unit::sum_of;
use super::{Executor, Progress, around, rest};
use crate::apply::failure::Cause;
use crate::apply::run::{Event, Resume};
use crate::dialect::{Comparison, Settle, Settled};
use crate::driver::{DriverError, DriverErrorKind, Part};
use crate::migration::applied::Unit;
use crate::value::Value;

/// How often to look whether the server still works on it.
const LOOK: Duration = Duration::from_millis(250);

/// Why nothing tells what became of a statement that is not there any more.
const REPLACED: &str = "the file has another statement in its place now";

impl Executor<'_, '_, '_> {
    /// Finds out whether `text`, the statement at hand, is done already, and clears away what a failure of it left.
    pub(super) fn is_done(&mut self, progress: &Progress<'_>, text: &str) -> Result<bool, Cause> {
        let number = progress.ordinal;
        let begun = |unit: &&Unit| unit.first == number && unit.state != "done";
        let unit = progress.unfinished().and_then(|unfinished| unfinished.units.iter().find(begun));
        let doubtful = unit.is_some();
        // What was refused was not done, whatever is there by now.
        let refused = unit.is_some_and(|unit| unit.state == "failed");
        if refused && self.dialect.refusal_leaves_nothing() {
            return Ok(false);
        }
        if doubtful && let Some(resume) = self.resume {
            return Ok(resume == Resume::Skip);
        }
        // What the catalogue says by now is no answer to another question.
        if unit.is_some_and(|unit| self.is_another(unit, text)) {
            return Err(self.doubt(progress, Some(REPLACED.to_owned())));
        }
        match self.dialect.settle(text) {
            Settle::Again => Ok(false),
            // What the server refused, and said so, is not there where a definition is done whole or not at all.
            Settle::Ask if refused && self.records_evidence() => Ok(false),
            Settle::Ask if doubtful => {
                let reason = "it failed, and what it had committed by then is not known";
                Err(self.doubt(progress, refused.then(|| reason.to_owned())))
            }
            Settle::Look { query, parameters, before } if doubtful || before => {
                Ok(self.settled(progress, doubtful, &query, &parameters)? && !refused)
            }
            Settle::Compare(comparison) if doubtful => self.compared(progress, &comparison, unit),
            Settle::Ask | Settle::Look { .. } | Settle::Compare(_) => Ok(false),
        }
    }

    /// Whether `text`, which takes its turn with others and asks nothing of the catalogue, is to be passed over: it stands where another
    /// statement was running, and a person decided so.
    pub(super) fn is_passed_over(&self, progress: &Progress<'_>, text: &str) -> Result<bool, Cause> {
        let units = progress.unfinished().map(|unfinished| unfinished.units.as_slice()).unwrap_or_default();
        let here = |unit: &&Unit| unit.first == progress.ordinal;
        match (units.iter().find(here).filter(|unit| self.is_another(unit, text)), self.resume) {
            (None, _) => Ok(false),
            (Some(_), Some(resume)) => Ok(resume == Resume::Skip),
            (Some(_), None) => Err(self.doubt(progress, Some(REPLACED.to_owned()))),
        }
    }

    /// Sees that no statement was running behind the last of the file's `statements`: it was taken out since.
    pub(super) fn nothing_begun_behind(
        &self,
        progress: &mut Progress<'_>,
        statements: u64,
    ) -> Result<(), Cause> {
        let units = progress.unfinished().map(|unfinished| unfinished.units.as_slice()).unwrap_or_default();
        let behind = |unit: &&Unit| unit.state == "begun" && unit.first > statements;
        match units.iter().find(behind).map(|unit| unit.first).filter(|_| self.resume.is_none()) {
            None => Ok(()),
            Some(first) => {
                progress.ordinal = first;
                Err(self.doubt(progress, Some("the file does not have it any more".to_owned())))
            }
        }
    }

    /// Whether the row says of another statement than `text` that it was begun. One that was refused may be corrected.
    fn is_another(&self, unit: &Unit, text: &str) -> bool {
        unit.state == "begun" && !unit.hash.is_empty() && unit.hash != sum_of(text, self.dialect)
    }

    /// Whether the catalogue's word is recorded before each statement that commits by itself.
    pub(super) fn records_evidence(&self) -> bool {
        self.guard.records().evidence
    }

    /// Returns what the catalogue says now of what a statement touches.
    pub(super) fn evidence(&mut self, comparison: &Comparison) -> Result<String, DriverError> {
        let query = format!("SELECT {}", comparison.evidence);
        let rows = self.guard.session().query(&query, &comparison.parameters)?;
        Ok(rows.first().map(|row| row.text(0).to_owned()).unwrap_or_default())
    }

    /// Compares the catalogue with what it said before the statement.
    fn compared(
        &mut self,
        progress: &Progress<'_>,
        comparison: &Comparison,
        unit: Option<&Unit>,
    ) -> Result<bool, Cause> {
        // It failed, and was seen to fail: nothing of it is there, unless it is done part by part.
        if unit.is_some_and(|unit| unit.state == "failed") && comparison.parts.is_none() {
            return Ok(false);
        }
        let now = self.evidence(comparison).map_err(around("looking what became of the statement"))?;
        match comparison.read(unit.and_then(|unit| unit.evidence.as_deref()), &now) {
            Settled::Done => Ok(true),
            Settled::Finish(statement) => {
                self.unbounded(&statement, false)
                    .map_err(around("finishing what an earlier attempt began"))?;
                Ok(true)
            }
            Settled::Ask(reason) => Err(self.doubt(progress, Some(reason))),
            _ => Ok(false),
        }
    }

    fn settled(
        &mut self,
        progress: &Progress<'_>,
        doubtful: bool,
        query: &str,
        parameters: &[Value],
    ) -> Result<bool, Cause> {
        let (started, mut told) = (Instant::now(), false);
        loop {
            let rows = self
                .guard
                .session()
                .query(query, parameters)
                .map_err(around("looking what became of the statement"))?;
            match Settled::read(&rows) {
                Settled::Done => return Ok(doubtful),
                Settled::Again => return Ok(false),
                Settled::Clear(statements) => {
                    for statement in statements {
                        self.run.observer.event(&Event::Cleared { statement: &statement });
                        self.unbounded(&statement, true)
                            .map_err(around("clearing away what an earlier attempt left"))?;
                    }
                    return Ok(false);
                }
                Settled::Finish(statement) if doubtful => {
                    self.unbounded(&statement, true)
                        .map_err(around("finishing what an earlier attempt began"))?;
                    return Ok(true);
                }
                Settled::Ask(reason) if doubtful => return Err(self.doubt(progress, Some(reason))),
                Settled::Finish(_) | Settled::Ask(_) => return Ok(false),
                Settled::Busy(session) => {
                    if self.run.cancel.take_note() {
                        return Err(Cause::Cancelled);
                    }
                    if started.elapsed() > self.patience {
                        let reason = format!("{} of the server still works on it", worker(&session));
                        return Err(self.doubt(progress, Some(reason)));
                    }
                    if !told {
                        self.run.observer.event(&Event::StillRunning { session: &worker(&session) });
                        told = true;
                    }
                    std::thread::sleep(LOOK);
                }
            }
        }
    }

    /// Waits for what the server still does for `text`, which was sent at `sent` and answered.
    pub(super) fn background(&mut self, text: &str, sent: Instant) -> Result<(), Cause> {
        let Some((query, parameters)) = self.dialect.background(text) else { return Ok(()) };
        let mut told = false;
        loop {
            let mut rows = self
                .guard
                .session()
                .query(&query, &parameters)
                .map_err(around("looking what the statement left to the server"))?;
            // The answer is older than this: what was begun behind the statement is not taken for something before it, however long
            // the way to the server is.
            let since = i64::try_from(sent.elapsed().as_millis()).unwrap_or(i64::MAX);
            rows.retain(|row| row.integer(2).is_none_or(|age| age <= since));
            match Settled::read(&rows) {
                Settled::Busy(session) => {
                    if self.run.cancel.take_note() {
                        return Err(Cause::Cancelled);
                    }
                    if !told {
                        self.run.observer.event(&Event::StillRunning { session: &worker(&session) });
                        told = true;
                    }
                    std::thread::sleep(LOOK);
                }
                Settled::Ask(reason) => {
                    return Err(Cause::Statement(DriverError::new(DriverErrorKind::Statement, reason)));
                }
                _ => return Ok(()),
            }
        }
    }

    fn doubt(&self, progress: &Progress<'_>, reason: Option<String>) -> Cause {
        Cause::Doubtful { id: progress.task.step.id.clone(), statement: progress.ordinal, reason }
    }

    /// Runs a statement; one that commits by itself, and met another session's lock, is tried again: nothing of it was done.
    pub(super) fn patiently(
        &mut self,
        progress: &Progress<'_>,
        statement: &str,
        in_transaction: bool,
        unbounded: bool,
    ) -> Result<(), DriverError> {
        let checked = progress.announced.is_some()
            && !in_transaction
            && self.dialect.capabilities().journalled_packet >= statement.len() as u64;
        let mut attempt = 0;
        loop {
            let ran = if checked { self.checked(statement) } else { self.unbounded(statement, unbounded) };
            let Err(error) = &ran else { return ran };
            let may = error.kind == DriverErrorKind::Busy
                && !in_transaction
                && self.records_evidence()
                && self.dialect.settle(statement) != Settle::Ask;
            if !may || attempt >= progress.tries() || self.run.cancel.take_note() {
                return ran;
            }
            attempt += 1;
            self.run.observer.event(&Event::Retrying { attempt, reason: &error.message });
            std::thread::sleep(rest(attempt));
        }
    }

    /// Runs a statement that commits by itself behind a check of the lock's token in the same packet: we may have been stopped since the
    /// journal said that it begins, and the lock be another's by now.
    fn checked(&mut self, statement: &str) -> Result<(), DriverError> {
        let records = self.guard.records();
        let Some(fence) = &records.fence else { return self.guard.session().run(statement) };
        let check = Part::Ours(fence.sql.clone(), vec![self.guard.token().into()]);
        let session = self.guard.session();
        session.run_parts(&[check, Part::Theirs(statement)]).map_err(|failed| {
            // Nothing is open; the driver cannot know.
            session.rollback().ok();
            failed.error
        })
    }

    /// Runs a statement that waits for every session that came before it: a limit for locks would end it half done
    /// (<https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY>).
    pub(super) fn unbounded(&mut self, statement: &str, unbounded: bool) -> Result<(), DriverError> {
        let session = self.guard.session();
        if !unbounded {
            return session.run(statement);
        }
        let limit = session.lock_timeout();
        session.set_lock_timeout(Duration::ZERO)?;
        let ran = session.run(statement);
        let restored = session.set_lock_timeout(limit);
        ran.and(restored)
    }
}

/// Who works on something, as the server calls it: a session by its number, or a job.
fn worker(name: &str) -> String {
    if name.starts_with("job ") { name.to_owned() } else { format!("session {name}") }
}
