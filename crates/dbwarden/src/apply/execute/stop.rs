//! A step that stops: what is rolled back, what is kept, and where it stopped.

use super::left::Left;
use super::{Executor, Progress, around, direction};
use crate::apply::failure::{Cause, Kept, StepError};
use crate::apply::journal::{self, NewUnit, UnitState};
use crate::apply::lock::LockError;
use crate::dialect::Dialect;
use crate::driver::{DriverError, DriverErrorKind};
use crate::migration::applied::Unfinished;
use crate::migration::plan::{Action, Step};
use crate::migration::source::SourceFile;
use crate::sql::{Rules, tokens};

impl Executor<'_, '_, '_> {
    /// Finds out what was committed when the connection was cut: the server may have committed and not been able to say so.
    pub(super) fn after_a_cut(&mut self, progress: &mut Progress<'_>, cause: Cause) -> Result<(), Cause> {
        if self.shared {
            return Err(cause);
        }
        let Some(lost) = self.reconnected() else { return Err(cause) };
        let cause = if lost { Cause::Lock(LockError::Lost) } else { cause };
        let Ok(recorded) = self.is_recorded(progress.task.step, lost) else { return Err(cause) };
        progress.committing = false;
        progress.recorded = recorded;
        if recorded {
            progress.committed = progress.task.step.statements;
            return Ok(());
        }
        let (unfinished, _) =
            journal::read(self.guard.session(), &progress.records).map_err(around("reading the journal"))?;
        let id = &progress.task.step.id;
        let unfinished = unfinished.iter().find(|unfinished| unfinished.version == *id);
        // What is another's by now says nothing of ours any more; whose commit was answered knows that it was.
        if !lost {
            progress.committed = unfinished.map_or(0, Unfinished::done);
            progress.announced = unfinished.and_then(Unfinished::begun);
        }
        Err(cause)
    }

    /// The same for the transaction that all steps share, whose last one is `step`.
    pub(crate) fn after_a_shared_cut(&mut self, step: &Step, cause: Cause) -> Result<(), (Cause, Kept)> {
        let committing = matches!(cause, Cause::Around { .. });
        let Some(lost) = self.reconnected() else {
            return Err((cause, if committing { Kept::Unknown } else { Kept::Nothing }));
        };
        match self.is_recorded(step, lost) {
            Ok(true) => Ok(()),
            Ok(false) if lost => Err((Cause::Lock(LockError::Lost), Kept::Nothing)),
            Ok(false) => Err((cause, Kept::Nothing)),
            Err(_) => Err((cause, Kept::Unknown)),
        }
    }

    /// Opens the session anew. Returns whether another run has taken over; nothing where nobody can be asked.
    fn reconnected(&mut self) -> Option<bool> {
        // No interrupt of ours is to hit the looking up.
        self.run.cancel.take_note();
        // Whoever took over ended our session, and what we committed before stands all the same.
        let lost = match self.guard.reconnect() {
            Ok(()) => false,
            Err(LockError::Lost) => true,
            Err(_) => return None,
        };
        self.run.cancel.watch(self.guard.session().interrupter());
        Some(lost)
    }

    /// Returns whether the records say that this run has done `step`.
    fn is_recorded(&mut self, step: &Step, lost: bool) -> Result<bool, DriverError> {
        let records = self.guard.records();
        let rows = self.guard.session().query(&records.history, &[])?;
        // The tenth column is the run's id: see the list in `Records`.
        let row = rows.iter().find(|row| row.text(0) == step.id.as_str());
        Ok(match step.action {
            Action::Apply | Action::Record => row.is_some_and(|row| row.text(9) == self.run.id),
            // Whoever took over may have removed it just as well.
            Action::Undo | Action::Forget => !lost && row.is_none(),
        })
    }

    /// Rolls back what is open, and keeps in the journal why.
    pub(super) fn failed(&mut self, progress: &mut Progress<'_>, cause: Cause) -> Box<StepError> {
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
        if progress.committing && !cause.is_cut() {
            self.after_an_interrupted_commit(progress);
        }
        let in_doubt = self.in_doubt(progress, &cause);
        let worth_a_row = !progress.atomic
            && in_doubt.is_none()
            && !progress.recorded
            && !progress.unseen
            && progress.ordinal > 0
            // What is committed keeps its row: the cut may have come behind the commit.
            && progress.committed < progress.unit
            && !matches!(
                cause,
                Cause::Lock(_) | Cause::Edited { .. } | Cause::TemporaryGone { .. } | Cause::Doubtful { .. }
            );
        // What commits by itself and was interrupted did not fail: where it was begun, its row says so, and the next run looks.
        let worth_a_row = worth_a_row && !(matches!(cause, Cause::Cancelled) && self.is_alone(progress));
        let left = if progress.loose {
            Left::Part
        } else if worth_a_row {
            self.left(progress, &cause)
        } else {
            Left::Unasked
        };
        progress.left = left;
        if left == Left::Nothing && progress.committed == 0 {
            // Nothing of it is there: it is as if it had never been begun, and keeps nobody from something else.
            self.forget(progress);
        } else if worth_a_row
            && left != Left::Unknown
            && self.guard.session().begin().is_ok()
            && self.ourselves(progress).is_ok()
        {
            let text = crate::sql::mask_secrets(&cause.to_string());
            let unit = NewUnit {
                version: &progress.task.step.id,
                direction: direction(progress.task.step.action),
                first: progress.unit,
                count: progress.ordinal + 1 - progress.unit.min(progress.ordinal),
                hash: "",
                summary: &progress.summary,
                run: &self.run.id,
                state: UnitState::Failed(&text),
            };
            let now = self.run.now();
            let written = journal::write(self.guard.session(), &progress.records, &unit, now);
            if written.is_err() || self.guard.renew(None).is_err() || self.guard.session().commit().is_err() {
                self.guard.session().rollback().ok();
            }
        }
        let mut error = self.error(progress, cause);
        if error.cause.is_cut() && self.run.cancel.is_cancelled() {
            // Ended for us, who asked for it; what is known of it is what is known behind a cut.
            error.cause = Cause::Cancelled;
        } else if error.cause.is_cut()
            && let Some(limit) = progress.over
        {
            error.cause = Cause::TimedOut { limit };
        }
        Box::new(error)
    }

    /// Finds out what a COMMIT did that was refused: an interrupt may hit it when it is done (seen on DuckDB 1.5).
    fn after_an_interrupted_commit(&mut self, progress: &mut Progress<'_>) {
        let mut recorded = self.is_recorded(progress.task.step, false);
        if recorded.is_err() {
            // An interrupt that came late hits what comes next, once.
            recorded = self.is_recorded(progress.task.step, false);
        }
        progress.unseen = recorded.is_err();
        let Ok(recorded) = recorded else { return };
        progress.committing = false;
        progress.recorded = recorded;
        if recorded {
            progress.committed = progress.task.step.statements;
        } else {
            self.look_up(progress);
        }
    }

    /// Reads in the journal how far the migration came.
    pub(super) fn look_up(&mut self, progress: &mut Progress<'_>) {
        let mut read = journal::read(self.guard.session(), &progress.records);
        if read.is_err() {
            read = journal::read(self.guard.session(), &progress.records);
        }
        progress.unseen = read.is_err();
        if let Ok((all, _)) = read {
            let ours = all.iter().find(|unfinished| unfinished.version == progress.task.step.id);
            progress.committed = progress.committed.max(ours.map_or(0, Unfinished::done));
            progress.announced = ours.and_then(Unfinished::begun);
        }
    }

    /// Takes what the journal says of the migration away.
    fn forget(&mut self, progress: &Progress<'_>) {
        if self.guard.session().begin().is_err() {
            return;
        }
        let forgotten = self.ourselves(progress).is_ok()
            && journal::clear(self.guard.session(), &progress.records, &progress.task.step.id).is_ok()
            && self.guard.renew(None).is_ok()
            && self.guard.session().commit().is_ok();
        if !forgotten {
            self.guard.session().rollback().ok();
        }
    }

    /// The statement that commits by itself, and of which it is not known whether it was done: the server may go on with it. Its row
    /// says already that it was begun.
    fn in_doubt(&self, progress: &Progress<'_>, cause: &Cause) -> Option<u64> {
        // It is run again in any case.
        if progress.loose {
            return None;
        }
        if matches!(cause, Cause::Doubtful { .. }) {
            return Some(progress.ordinal);
        }
        // And where our own rows behind it could not be written, it was answered, and its row does not say so.
        let ours = matches!(cause, Cause::Around { .. } | Cause::Lock(_));
        // An interrupt may come when the statement is done, and its answer is not sent.
        let may = ours || cause.leaves_doubt();
        progress.announced.filter(|_| may)
    }

    pub(super) fn error(&self, progress: &Progress<'_>, cause: Cause) -> StepError {
        let step = progress.task.step;
        let kept = if progress.committing && cause.is_cut() {
            Kept::Unknown
        } else if progress.recorded && !self.shared && progress.committed >= progress.last_durable {
            Kept::All
        } else if let Some(statement) = self.in_doubt(progress, &cause) {
            Kept::Doubtful { committed: progress.committed, statement }
        } else if let Left::Part | Left::Unknown = progress.left {
            let asks = progress.left == Left::Unknown;
            Kept::Part { committed: progress.committed, statement: progress.ordinal, asks }
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
}

/// Puts the place of an engine's complaint, `offset` bytes into the statement `text`, into `progress`.
pub(super) fn place(
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
