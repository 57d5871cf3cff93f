//! A migration whose statements commit by themselves, in one packet with the journal's rows between them: the server works it off to
//! its end, or to the first that fails, also where we are killed meanwhile.
//!
//! Before each such statement stands a transaction that checks the lock's token and writes that it begins, with what the catalogue says
//! by then; it is also the one that writes that the statement before is done.

use std::sync::Arc;

use super::statements::summary;
use super::stop::place;
use super::{Executor, Progress, around, direction, rest, unreadable};
use crate::apply::failure::Cause;
use crate::apply::journal::{self, NewUnit, UnitState};
use crate::apply::lock::LockError;
use crate::apply::run::Event;
use crate::dialect::{Manner, Settle, TOLD_TO_STOP};
use crate::driver::{DriverError, DriverErrorKind, Part, PartError};
use crate::migration::Script;
use crate::migration::groups::{Group, GroupKind};
use crate::migration::source::{GroupHash, SourceError, SourceFile, SourceProblem, section_reader};
use crate::sql::{Event as Piece, Position, Rules};
use crate::value::Value;

/// One statement of ours, with its parameters.
type Sql = (String, Vec<Value>);

/// A statement of the file.
struct Statement {
    text: String,
    start: Position,
    alone: bool,
    group: usize,
}

/// What is sent, and what is known of it.
#[derive(Default)]
struct Packet<'a> {
    parts: Vec<Part<'a>>,
    /// For each part: the statement of the file that it is or belongs to, from 1, and the part to begin with when it is tried again.
    places: Vec<(u64, usize)>,
    /// Parts behind which so many statements are committed with their row.
    commits: Vec<(usize, u64)>,
    /// The part behind which the migration's own row is committed.
    recorded: usize,
}

impl<'a> Packet<'a> {
    fn ours(&mut self, statement: u64, again: usize, (sql, parameters): Sql) {
        self.parts.push(Part::Ours(sql, parameters));
        self.places.push((statement, again));
    }

    fn theirs(&mut self, statement: u64, again: Option<usize>, text: &'a str) {
        self.places.push((statement, again.unwrap_or(self.parts.len())));
        self.parts.push(Part::Theirs(text));
    }

    /// Opens a transaction, and returns where.
    fn open(&mut self, statement: u64) -> usize {
        let at = self.parts.len();
        self.ours(statement, at, plain("START TRANSACTION READ WRITE"));
        at
    }

    /// Commits; `done` statements have their row then.
    fn commit(&mut self, statement: u64, opened: usize, done: Option<u64>) {
        self.ours(statement, opened, plain("COMMIT"));
        self.commits.extend(done.map(|done| (self.parts.len() - 1, done)));
    }

    /// How many statements were committed with their row before `part`.
    fn committed_before(&self, part: usize) -> u64 {
        self.commits.iter().rfind(|(at, _)| *at < part).map_or(0, |(_, done)| *done)
    }
}

fn plain(sql: &str) -> Sql {
    (sql.to_owned(), Vec::new())
}

/// Since when the migration runs, for its row.
const SINCE: &str = "SET @dbwarden_since = SYSDATE(6)";

impl Executor<'_, '_, '_> {
    /// Whether the step may go to the server in one packet, with the journal's rows in it.
    pub(super) fn fits_a_journalled_packet(
        &self,
        progress: &Progress<'_>,
        file: &SourceFile,
        script: &Script,
    ) -> bool {
        !self.shared
            && self.guard.holds_a_packet_together()
            && progress.watchdog.is_none()
            && !progress.task.journalled
            && progress.unfinished().is_none()
            && file.is_fixed()
            && script.as_it_stands
            && script.statements > 0
            && script.length <= self.dialect.capabilities().journalled_packet
            && progress.records.fence.is_some()
    }

    /// Sends it, and waits for its end.
    pub(super) fn packet(
        &mut self,
        progress: &mut Progress<'_>,
        file: &SourceFile,
        script: &Script,
    ) -> Result<(), Cause> {
        if self.run.cancel.take_note() {
            return Err(Cause::Cancelled);
        }
        let statements = self.collect(file, script)?;
        let packet = self.packed(progress, script, &statements);
        let texts: Vec<_> = statements.iter().map(|statement| statement.text.as_str()).collect();
        let whole = texts.join(";\n");
        self.guard.says(&progress.task.step.id);
        self.run.observer.event(&Event::StatementStarted {
            number: 1,
            total: script.statements,
            text: &whole,
            bytes: 0,
            of_bytes: script.length,
        });
        self.run.point("begun");
        let (mut from, mut attempt) = (0, 0);
        loop {
            let sent = self.guard.session().run_parts(&packet.parts[from..]);
            for notice in self.guard.session().notices() {
                self.run.observer.event(&Event::Notice { notice: &notice });
            }
            let Err(PartError { error, part }) = sent else { break };
            let Some(part) = part.map(|part| from + part) else {
                return Err(around("opening the transaction")(error));
            };
            let (number, again) = packet.places.get(part).copied().unwrap_or((script.statements, from));
            let statement =
                usize::try_from(number).ok().and_then(|number| statements.get(number.checked_sub(1)?));
            // A variable that was counted up would be counted up twice.
            let theirs = packet.parts.get(again..=part).unwrap_or_default().iter();
            let once = theirs
                .filter_map(|part| if let Part::Theirs(text) = part { Some(*text) } else { None })
                .any(|text| self.dialect.outlives_rollback(text));
            // Of our own statements it is not known whether they stand behind a commit or before it: the journal says so.
            let may = !once
                && matches!(packet.parts.get(part), Some(Part::Theirs(_)))
                && statement.is_none_or(|it| !it.alone || self.dialect.settle(&it.text) != Settle::Ask);
            if error.kind == DriverErrorKind::Busy && attempt < progress.tries() && may {
                attempt += 1;
                let cancelled = self.run.cancel.take_note();
                let rolled_back = self.guard.session().rollback().map_err(around("rolling back"));
                let may = rolled_back.and(if cancelled { Err(Cause::Cancelled) } else { Ok(()) });
                if let Err(cause) = may {
                    self.look_up(progress);
                    return Err(cause);
                }
                self.run.observer.event(&Event::Retrying { attempt, reason: &error.message });
                std::thread::sleep(rest(attempt));
                from = again;
                continue;
            }
            progress.marked = texts.iter().any(|text| self.dialect.outlives_rollback(text));
            return Err(self.stopped(progress, file, script, &packet, &statements, part, error));
        }
        progress.ordinal = script.statements;
        progress.recorded = true;
        progress.committed = script.statements;
        self.run.point("committed");
        Ok(())
    }

    fn collect(&self, file: &SourceFile, script: &Script) -> Result<Vec<Statement>, Cause> {
        let problem = |problem| Cause::Source(Arc::new(SourceError::new(file.name.clone(), problem)));
        let rules = Rules::new(self.dialect.syntax());
        let mut reader = section_reader(file, script, rules).map_err(|error| unreadable(file, error))?;
        let mut statements: Vec<Statement> = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(Piece::Statement(statement))) => {
                    let number = statements.len() as u64 + 1;
                    let of = |group: &Group| (group.first..group.first + group.count).contains(&number);
                    let Some(group) = script.groups.iter().position(of) else {
                        return Err(problem(SourceProblem::Changed));
                    };
                    statements.push(Statement {
                        text: statement.text.to_owned(),
                        start: statement.start,
                        alone: self.dialect.manner(statement.text) == Manner::Alone,
                        group,
                    });
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return Err(problem(SourceProblem::Changed)),
            }
        }
        let planned = usize::try_from(script.statements).ok();
        if planned == Some(statements.len()) { Ok(statements) } else { Err(problem(SourceProblem::Changed)) }
    }

    /// Puts the packet together.
    fn packed<'s>(
        &self,
        progress: &Progress<'_>,
        script: &Script,
        statements: &'s [Statement],
    ) -> Packet<'s> {
        let mut packet = Packet::default();
        packet.ours(1, 0, plain(SINCE));
        // What says that the statement before is done, to be committed next.
        let mut done: Option<(u64, Vec<Sql>)> = None;
        let mut opened = None;
        for (index, statement) in statements.iter().enumerate() {
            let (number, group) = (index as u64 + 1, &script.groups[statement.group]);
            let (first, count) = match group.kind {
                GroupKind::Transaction => (group.first, group.count),
                GroupKind::Each | GroupKind::Session => (number, 1),
            };
            if group.kind == GroupKind::Session || !statement.alone {
                self.flush(&mut packet, number, &mut done);
            }
            if group.kind == GroupKind::Session {
                packet.theirs(number, None, &statement.text);
                continue;
            }
            let last = first + count - 1;
            let unit = &statements[usize::try_from(first - 1).unwrap_or(index)..=index];
            if statement.alone {
                let at = packet.open(number);
                let before = done.take();
                let committed = before.as_ref().map(|(number, _)| *number);
                for sql in before.into_iter().flat_map(|(_, rows)| rows) {
                    packet.ours(number, at, sql);
                }
                packet.ours(number, at, self.beginning(progress, first, unit));
                packet.ours(number, at, self.fence());
                packet.commit(number, at, committed);
                // Tried again from the check on: by then the lock may be another's.
                packet.theirs(number, Some(at), &statement.text);
                done = Some((number, self.ending(progress, first, unit)));
                continue;
            }
            let at = *opened.get_or_insert_with(|| packet.open(number));
            packet.theirs(number, Some(at), &statement.text);
            if number == last {
                for sql in self.ending(progress, first, unit) {
                    packet.ours(number, at, sql);
                }
                packet.ours(number, at, self.fence());
                packet.commit(number, at, Some(number));
                opened = None;
            }
        }
        let number = script.statements;
        if progress.last_durable == 0 {
            // Nothing of it lasts but its row.
            done = Some((number, self.recording(progress)));
        }
        self.flush(&mut packet, number, &mut done);
        let last = packet.commits.iter().find(|(_, done)| *done >= progress.last_durable);
        packet.recorded = last.map_or(packet.parts.len(), |(at, _)| *at);
        packet
    }

    fn flush<'s>(&self, packet: &mut Packet<'s>, number: u64, done: &mut Option<(u64, Vec<Sql>)>) {
        let Some((finished, rows)) = done.take() else { return };
        let at = packet.open(number);
        for sql in rows {
            packet.ours(number, at, sql);
        }
        packet.ours(number, at, self.fence());
        packet.commit(number, at, Some(finished));
    }

    /// Checks the token, and that nobody told the session to stop: what the server passed over then, it says nothing of. It stands right
    /// before each COMMIT, behind all that is to be kept.
    fn fence(&self) -> Sql {
        let records = self.guard.records();
        let fence = records.fence.as_ref();
        let sql = fence.map(|fence| fence.unless_told_to_stop.as_ref().unwrap_or(&fence.sql).clone());
        (sql.unwrap_or_default(), vec![Value::from(self.guard.token())])
    }

    /// What writes that a statement begins that commits by itself, with what the catalogue says.
    fn beginning(&self, progress: &Progress<'_>, first: u64, statement: &[Statement]) -> Sql {
        let settle = statement.first().map(|it| self.dialect.settle(&it.text));
        let evidence = if let Some(Settle::Compare(comparison)) = &settle { Some(comparison) } else { None };
        self.unit(progress, first, statement, UnitState::Begun(evidence))
    }

    /// What writes that the unit of these `statements`, from the `first` on, is done: its row of the journal, or the migration's own
    /// behind the last.
    fn ending(&self, progress: &Progress<'_>, first: u64, statements: &[Statement]) -> Vec<Sql> {
        if first + statements.len() as u64 > progress.last_durable {
            return self.recording(progress);
        }
        vec![self.unit(progress, first, statements, UnitState::Done)]
    }

    /// What writes the migration's own row.
    fn recording(&self, progress: &Progress<'_>) -> Vec<Sql> {
        let mut rows = self.row_statements(progress);
        if !progress.atomic {
            let id = progress.task.step.id.as_str();
            rows.push((progress.records.clear_journal.clone(), vec![id.into()]));
        }
        rows
    }

    fn unit(
        &self,
        progress: &Progress<'_>,
        first: u64,
        statements: &[Statement],
        state: UnitState<'_>,
    ) -> Sql {
        let mut hash = GroupHash::default();
        for statement in statements {
            hash.statement(&[], &statement.text, self.dialect);
        }
        let head = statements.first().map(|statement| summary(&statement.text)).unwrap_or_default();
        let unit = NewUnit {
            version: &progress.task.step.id,
            direction: direction(progress.task.step.action),
            first,
            count: statements.len() as u64,
            hash: &hash.finish(),
            summary: &head,
            run: &self.run.id,
            state,
        };
        journal::writing(&progress.records, &unit, self.run.now())
    }

    /// What is known of a packet that was not run to its end.
    #[expect(clippy::too_many_arguments, reason = "what was sent, and what came back")]
    fn stopped(
        &mut self,
        progress: &mut Progress<'_>,
        file: &SourceFile,
        script: &Script,
        packet: &Packet<'_>,
        statements: &[Statement],
        part: usize,
        error: DriverError,
    ) -> Cause {
        let cut = error.kind == DriverErrorKind::Cut;
        // The server may have gone on, to the end; and an interrupt may hit a COMMIT that is done.
        let ours = !matches!(packet.parts.get(part), Some(Part::Theirs(_)));
        progress.committing = cut || ours;
        progress.recorded = part > packet.recorded;
        progress.committed = packet.committed_before(part);
        let number = packet.places.get(part).map_or(script.statements, |(number, _)| *number);
        progress.ordinal = number;
        let statement =
            usize::try_from(number).ok().and_then(|number| statements.get(number.checked_sub(1)?));
        if let Some(statement) = statement {
            let group = &script.groups[statement.group];
            progress.unit = if group.kind == GroupKind::Transaction { group.first } else { number };
            let head = usize::try_from(progress.unit - 1).ok().and_then(|at| statements.get(at));
            progress.summary = head.map(|head| summary(&head.text)).unwrap_or_default();
        }
        // Its row says that it was begun; it may be done, and what follows it was hit.
        progress.announced = (cut || (!ours && statement.is_some_and(|it| it.alone))).then_some(number);
        if ours {
            let fence = progress.records.fence.as_ref();
            if fence.is_some_and(|fence| error.code.as_deref() == Some(fence.code)) {
                progress.committing = false;
                let cancelled = self.run.cancel.take_note();
                self.guard.session().rollback().ok();
                // Interrupted, the check itself may say that it found no row of ours.
                let told_to_stop = error.message.to_lowercase().contains(TOLD_TO_STOP);
                if !told_to_stop && (!cancelled || self.guard.is_lost()) {
                    return Cause::Lock(LockError::Lost);
                }
                self.look_up(progress);
                if cancelled {
                    return Cause::Cancelled;
                }
                let error = DriverError::new(DriverErrorKind::Interrupted, "the session was told to stop");
                return around("committing")(error);
            }
            if cut {
                return around("committing")(error);
            }
            // The statement before it may be committed or not, and so may what was interrupted: the journal knows.
            self.run.cancel.take_note();
            self.guard.session().rollback().ok();
            self.look_up(progress);
            return around("writing the journal")(error);
        }
        if error.kind == DriverErrorKind::Interrupted && self.run.cancel.take_note() {
            return Cause::Cancelled;
        }
        if let Some(statement) = statement {
            progress.position = Some(statement.start);
            place(progress, file, &statement.text, error.offset, self.dialect);
        }
        Cause::Statement(error)
    }
}
