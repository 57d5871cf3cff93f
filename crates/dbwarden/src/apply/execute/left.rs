//! What a statement left that the engine refused: nothing, or a part of its work.

use super::{Executor, Progress};
use crate::apply::failure::Cause;
use crate::apply::journal;
use crate::dialect::{Existence, Manner, Settle, Settled};
use crate::driver::DriverErrorKind;
use crate::migration::groups::{Group, GroupKind};
use crate::sql::{Event as Piece, Rules, tokens};

/// What a refused statement left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// Nothing: its transaction was rolled back, or the catalogue is as it was.
    Nothing,
    /// A part: MySQL's `DROP TABLE a, b` drops the one that is there
    /// (<https://dev.mysql.com/doc/refman/8.4/en/drop-table.html>).
    Part,
    /// Nothing tells: a `CALL` may have committed before it failed.
    Unknown,
    /// Nobody asked: it is no statement that was refused, or the session is not there any more.
    Unasked,
}

impl Executor<'_, '_, '_> {
    /// Finds out what the statement at hand left. No transaction is open any more.
    pub(super) fn left(&mut self, progress: &Progress<'_>, cause: &Cause) -> Left {
        let Cause::Statement(error) = cause else { return Left::Unasked };
        let refused = matches!(
            error.kind,
            DriverErrorKind::Statement | DriverErrorKind::Busy | DriverErrorKind::Rights
        );
        let Some((_, script)) = progress.task.script.filter(|_| refused && progress.ordinal > 0) else {
            return Left::Unasked;
        };
        let of = |group: &&Group| (group.first..group.first + group.count).contains(&progress.ordinal);
        if script.groups.iter().find(of).is_some_and(|group| group.kind == GroupKind::Transaction)
            && !self.records_evidence()
        {
            return Left::Nothing;
        }
        let Some(text) = self.text_at_hand(progress) else { return Left::Unasked };
        // Elsewhere code that commits runs by itself where the file asks for that, whatever sort it is of.
        if self.records_evidence() && self.dialect.manner(&text) != Manner::Alone {
            return Left::Nothing;
        }
        match self.dialect.settle(&text) {
            // There is no harm in doing it again; but the old table may be gone, and the new one not there.
            Settle::Again => match self.dialect.replaced(&text) {
                Some(Existence::Rows(query, parameters)) => {
                    match self.guard.session().query(query, &parameters) {
                        Ok(rows) if rows.is_empty() => Left::Part,
                        Ok(_) => Left::Nothing,
                        Err(_) => Left::Unasked,
                    }
                }
                _ => Left::Nothing,
            },
            Settle::Ask if !self.records_evidence() => Left::Unasked,
            // Not even understood; where routines and blocks run, what was not understood may be something inside.
            Settle::Ask if error.code.as_deref() == Some("1064") && !runs_others(&text) => Left::Nothing,
            Settle::Ask => Left::Unknown,
            Settle::Look { query, parameters, .. } => match self.guard.session().query(&query, &parameters) {
                Ok(rows) if Settled::read(&rows) == Settled::Again => Left::Nothing,
                _ => Left::Unasked,
            },
            Settle::Compare(comparison) => {
                let Ok((all, _)) = journal::read(self.guard.session(), &progress.records) else {
                    return Left::Unasked;
                };
                let units =
                    all.iter().filter(|it| it.version == progress.task.step.id).flat_map(|it| &it.units);
                let before = units
                    .filter(|unit| unit.first == progress.ordinal)
                    .find_map(|unit| unit.evidence.clone());
                match (before, self.evidence(&comparison)) {
                    (None, _) | (_, Err(_)) => Left::Unasked,
                    (Some(before), Ok(now)) if before == now => Left::Nothing,
                    (Some(_), Ok(_)) => Left::Part,
                }
            }
        }
    }

    /// Returns whether the statement at hand commits by itself.
    pub(super) fn is_alone(&self, progress: &Progress<'_>) -> bool {
        self.text_at_hand(progress).is_some_and(|text| self.dialect.manner(&text) == Manner::Alone)
    }

    /// Returns the statement at hand, read from its file again.
    fn text_at_hand(&self, progress: &Progress<'_>) -> Option<String> {
        let (file, script) = progress.task.script?;
        let rules = Rules::new(self.dialect.syntax());
        let mut reader = crate::migration::source::section_reader(file, script, rules).ok()?;
        let mut number = 0;
        loop {
            match reader.next() {
                Ok(Some(Piece::Statement(statement))) => {
                    number += 1;
                    if number == progress.ordinal {
                        return Some(statement.text.to_owned());
                    }
                }
                Ok(Some(_)) => {}
                _ => return None,
            }
        }
    }
}

/// Whether a statement runs others.
fn runs_others(text: &str) -> bool {
    let first = tokens(text, Rules::new(crate::sql::Syntax::Mysql)).next();
    first.is_some_and(|word| {
        ["CALL", "EXECUTE", "BEGIN", "SET"].iter().any(|known| word.text.eq_ignore_ascii_case(known))
    })
}
