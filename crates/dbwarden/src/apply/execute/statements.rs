//! The statements of a script, one by one.

use std::io::Read;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use super::stop::place;
use super::{Executor, Progress, around};
use crate::apply::failure::Cause;
use crate::apply::inspect;
use crate::apply::run::Event;
use crate::apply::watchdog::Watchdog;
use crate::dialect::{Manner, SessionTrace};
use crate::driver::DriverErrorKind;
use crate::migration::Script;
use crate::migration::applied::Unit;
use crate::migration::groups::{Group, GroupKind};
use crate::migration::source::{
    Directive, GroupHash, SourceError, SourceFile, SourceProblem, directives, section_reader,
};
use crate::sql::{Event as Piece, ReadError, Reader, Rules};

impl Executor<'_, '_, '_> {
    /// Runs the statements of `script`, and sees that they are still what was planned.
    pub(super) fn statements(
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
        if let (false, false, Some(planned)) = (fixed, progress.atomic, progress.task.migration) {
            let now = planned.hash_now().map_err(|error| problem(SourceProblem::Unreadable { error }))?;
            if now != planned.file_hash {
                return Err(problem(SourceProblem::Changed));
            }
        }
        let rules = Rules::new(self.dialect.syntax());
        let mut reader = section_reader(file, script, rules)
            .map_err(|error| problem(SourceProblem::Unreadable { error }))?;
        let mut groups = script.groups.iter();
        let mut group: Option<&Group> = None;
        let mut hash = GroupHash::default();
        let units = progress.unfinished().map(|unfinished| unfinished.units.clone()).unwrap_or_default();
        self.nothing_begun_behind(progress, script.statements)?;
        let done: Vec<Unit> = units.into_iter().filter(|unit| unit.state == "done").collect();
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
            let manner = match (manner, current.kind) {
                (Manner::Apart | Manner::MayCommit, GroupKind::Transaction) => Manner::Plain,
                (Manner::Apart | Manner::MayCommit, _) => Manner::Alone,
                (manner, _) => manner,
            };
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
                    // Finished statements behind it may have used what it made, and those to come would have something else.
                    if current.kind == GroupKind::Session
                        && done.iter().any(|unit| unit.first > progress.ordinal)
                        && self.dialect.session_trace(statement.text) == SessionTrace::Temporary
                    {
                        return Err(Cause::TemporaryGone { statement: progress.ordinal });
                    }
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
                    GroupKind::Session => {
                        progress.unit = progress.ordinal + 1;
                        // It belongs to no unit, and is done again by whoever goes on.
                        progress.unit_hash = GroupHash::default();
                    }
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
                if self.dialect.changes_role(text) {
                    progress.roles.push(text.to_owned());
                }
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
        let alone = match manner {
            Manner::Either => group.kind != GroupKind::Transaction,
            manner => matches!(manner, Manner::Alone | Manner::Session),
        };
        let passed = match manner {
            Manner::Alone => self.is_done(progress, piece.text)?,
            _ => self.is_passed_over(progress, piece.text)?,
        };
        if passed {
            progress.summary = summary(piece.text);
            progress.unit_hash.statement(piece.found, piece.text, self.dialect);
            if manner == Manner::Alone {
                // Until its row says that it is done.
                progress.announced = Some(progress.ordinal);
            }
            return Ok(false);
        }
        self.keys(progress, group)?;
        let open = self.guard.session().in_transaction();
        if !open && !alone {
            self.open(progress)?;
            if let Some(modes) = group.modes.as_ref().filter(|_| !self.shared) {
                let set = format!("SET TRANSACTION {modes}");
                self.guard.session().execute(&set, &[]).map_err(around("opening the transaction"))?;
            }
        }
        if !progress.atomic {
            if progress.unit == progress.ordinal {
                progress.summary = summary(piece.text);
            }
            progress.unit_hash.statement(piece.found, piece.text, self.dialect);
        }
        if manner == Manner::Alone {
            self.announce(progress, piece.text)?;
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
        progress.marked |= self.dialect.outlives_rollback(piece.text);
        if let Some(watchdog) = &progress.watchdog {
            watchdog.start();
        }
        let solitary = self.dialect.capabilities().alone_refuses_company && !in_transaction;
        let sent = Instant::now();
        let mut ran = if solitary {
            let gate = self.guard.gate();
            let _quiet = gate.lock().unwrap_or_else(PoisonError::into_inner);
            self.guard.session().run(piece.text)
        } else if piece.copy {
            self.guard.session().copy_begin(piece.text)
        } else {
            let unbounded = !in_transaction && self.dialect.waits_for_everybody(piece.text);
            self.patiently(progress, piece.text, in_transaction, unbounded)
        };
        // By itself it is a transaction of its own, of which nothing is kept.
        let mut attempt = 0;
        while let Err(error) = &ran
            && !in_transaction
            && error.is_conflict()
            && attempt < progress.conflicts()
        {
            attempt += 1;
            self.rest_before(attempt, &error.message);
            ran = self.guard.session().run(piece.text);
        }
        let over = progress.watchdog.as_ref().and_then(Watchdog::stop);
        progress.over = over;
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
        // Told to stop, a server may pass over the statement and say nothing.
        if let Some(limit) = over {
            return Err(Cause::TimedOut { limit });
        }
        self.run.point("statement-run");
        if self.dialect.changes_role(piece.text) {
            progress.roles.push(piece.text.to_owned());
        }
        if !in_transaction {
            self.background(piece.text, sent)?;
        }
        if in_transaction && !self.guard.session().in_transaction() {
            return Err(Cause::TransactionEnded);
        }
        Ok(true)
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

/// The beginning of a statement on one line, without secrets: it is recorded.
pub(super) fn summary(text: &str) -> String {
    // Masked before it is cut: half a literal is none.
    let head = text.char_indices().nth(4096).map_or(text, |(end, _)| &text[..end]);
    let masked = crate::sql::mask_secrets(head);
    let mut summary: String = masked.split_whitespace().take(12).collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = summary.char_indices().nth(80) {
        summary.truncate(end);
    }
    summary
}
