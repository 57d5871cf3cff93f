//! A migration that is one transaction, in one packet with its record: one round trip, and the server holds it together.

use std::io::Read;

use super::stop::place;
use super::{Executor, Progress, around, unreadable};
use crate::apply::failure::Cause;
use crate::apply::lock::LockError;
use crate::apply::run::Event;
use crate::driver::{DriverErrorKind, WholeError};
use crate::migration::Script;
use crate::migration::source::{SourceFile, section_reader};
use crate::sql::{Event as Piece, Position, Rules};
use crate::value::Value;

impl Executor<'_, '_, '_> {
    /// Whether the step may go to the server in one packet.
    pub(super) fn fits_one_packet(
        &self,
        progress: &Progress<'_>,
        file: &SourceFile,
        script: &Script,
    ) -> bool {
        progress.atomic
            && !self.shared
            && progress.watchdog.is_none()
            && !progress.task.journalled
            && file.is_fixed()
            && script.as_it_stands
            && script.statements > 0
            && script.length <= self.dialect.capabilities().packet
            && progress.records.fence.is_some()
    }

    /// Sends it, and waits for the commit.
    pub(super) fn whole(
        &mut self,
        progress: &mut Progress<'_>,
        file: &SourceFile,
        script: &Script,
    ) -> Result<(), Cause> {
        if self.run.cancel.take_note() {
            return Err(Cause::Cancelled);
        }
        let mut body = String::new();
        file.open_at(script.start.offset)
            .and_then(|text| text.take(script.length).read_to_string(&mut body))
            .map_err(|error| unreadable(file, error))?;
        let mut records = self.row_statements(progress);
        let fence = progress.records.fence.as_ref().map(|fence| (fence.sql.clone(), fence.code));
        if let Some((sql, _)) = &fence {
            records.push((sql.clone(), vec![Value::from(self.guard.token())]));
        }
        self.guard.says(&progress.task.step.id);
        self.run.observer.event(&Event::StatementStarted {
            number: 1,
            total: script.statements,
            text: body.trim(),
            bytes: 0,
            of_bytes: script.length,
        });
        self.run.point("begun");
        progress.committing = true;
        let sent = self.guard.session().run_whole(&body, &records);
        progress.committing = sent.as_ref().is_err_and(|failed| failed.error.kind == DriverErrorKind::Cut);
        for notice in self.guard.session().notices() {
            self.run.observer.event(&Event::Notice { notice: &notice });
        }
        let Err(WholeError { error, finished }) = sent else {
            progress.ordinal = script.statements;
            progress.recorded = true;
            progress.committed = script.statements;
            self.run.point("committed");
            return Ok(());
        };
        let Some(finished) = finished else {
            // CockroachDB refuses the packet whole where one statement is wrong, and does not say which: one by one it does.
            // Nothing has been run (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT).
            if error.code.as_deref() == Some("42601") && error.offset.is_none() {
                progress.committing = false;
                return self.statements(progress, file, script);
            }
            return Err(around("opening the transaction")(error));
        };
        if finished >= script.statements {
            progress.ordinal = script.statements;
            if fence.is_some_and(|(_, code)| error.code.as_deref() == Some(code)) {
                return Err(Cause::Lock(LockError::Lost));
            }
            let doing = if error.kind == DriverErrorKind::Cut { "committing" } else { "writing the history" };
            return Err(around(doing)(error));
        }
        progress.ordinal = finished + 1;
        if error.kind == DriverErrorKind::Interrupted && self.run.cancel.take_note() {
            return Err(Cause::Cancelled);
        }
        self.point_at(progress, file, script, &body, error.offset);
        Err(Cause::Statement(error))
    }

    /// Finds the statement that failed, and where in it.
    fn point_at(
        &self,
        progress: &mut Progress<'_>,
        file: &SourceFile,
        script: &Script,
        body: &str,
        offset: Option<usize>,
    ) {
        let rules = Rules::new(self.dialect.syntax());
        let Ok(mut reader) = section_reader(file, script, rules) else { return };
        let mut number = 0;
        while let Ok(Some(piece)) = reader.next() {
            let Piece::Statement(statement) = piece else { continue };
            number += 1;
            let from = usize::try_from(statement.start.offset - script.start.offset).unwrap_or(usize::MAX);
            // An error of syntax is found before any statement is run: the place tells which one it is.
            let here = match offset {
                Some(offset) => (from..=from + statement.text.len()).contains(&offset),
                None => number == progress.ordinal,
            };
            if here {
                progress.ordinal = number;
                progress.position = Some(statement.start);
                let within = offset.map(|offset| offset - from);
                place(progress, file, statement.text, within, self.dialect);
                return;
            }
        }
        // Behind the last statement, where what is open there ends.
        if offset.is_some_and(|offset| offset >= body.trim_end().len()) {
            let end: Position = script.start.advance(body.trim_end());
            progress.ordinal = number.max(1);
            progress.position = Some(end);
            progress.line = file.line_at(end.offset);
        }
    }
}
