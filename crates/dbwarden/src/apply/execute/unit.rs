//! What is committed together: opened, recorded in the journal or the history, and closed.

use super::{Executor, Progress, around, direction, millis, rest};
use crate::apply::failure::Cause;
use crate::apply::history;
use crate::apply::inspect::{self, Violations};
use crate::apply::journal::{self, NewUnit, UnitState};
use crate::apply::lock::LockError;
use crate::apply::run::Event;
use crate::dialect::{Dialect, SessionTrace, Settle};
use crate::driver::DriverErrorKind;
use crate::migration::applied::Applied;
use crate::migration::groups::Group;
use crate::migration::source::GroupHash;
use crate::value::Value;

impl Executor<'_, '_, '_> {
    /// Sets foreign keys as the file asks for the group, outside its transaction.
    pub(super) fn keys(&mut self, progress: &mut Progress<'_>, group: &Group) -> Result<(), Cause> {
        if group.foreign_keys == progress.keys || self.guard.session().in_transaction() {
            return Ok(());
        }
        let on = group.foreign_keys.unwrap_or(self.foreign_keys);
        self.guard.session().set_foreign_keys(on).map_err(around("setting foreign keys"))?;
        progress.keys = group.foreign_keys;
        Ok(())
    }

    /// Opens a transaction, and waits for another session's.
    pub(super) fn open(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
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
    pub(super) fn close(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        // Of a statement that ran outside, the transaction holds our rows alone, and can be had again.
        let mut attempt = 0;
        loop {
            match self.close_once(progress) {
                Err(cause)
                    if progress.announced.is_some()
                        && cause.is_conflict()
                        && attempt < progress.conflicts() =>
                {
                    attempt += 1;
                    self.guard.session().rollback().map_err(around("rolling back"))?;
                    (progress.recorded, progress.committing) = (false, false);
                    self.rest_before(attempt, &cause.to_string());
                }
                closed => {
                    progress.unit_sum = None;
                    return closed;
                }
            }
        }
    }

    fn close_once(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        if !self.shared && !self.guard.session().in_transaction() {
            // Behind a statement that ran outside.
            self.open(progress)?;
        }
        if let Some(before) = progress.violations.take() {
            self.check_keys(&before)?;
        }
        self.ourselves(progress)?;
        if progress.ordinal >= progress.last_durable {
            self.record(progress)?;
        } else {
            self.write_unit(progress)?;
        }
        if self.shared {
            return Ok(());
        }
        self.renew(progress, progress.ordinal + 1)?;
        self.unless_told_to_stop(progress)?;
        progress.committing = true;
        self.guard.session().commit().map_err(around("committing"))?;
        progress.committing = false;
        self.run.point("committed");
        progress.announced = None;
        progress.committed = progress.ordinal;
        progress.unit = progress.ordinal + 1;
        self.as_the_file_wants(progress)
    }

    /// Sees that nobody told the session to stop, before what it did is committed: a server may pass over a statement then, of the file or
    /// of ours, and say nothing, as MariaDB answers of an UPDATE that it found no row.
    pub(super) fn unless_told_to_stop(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        if !self.run.cancel.take_note() {
            return Ok(());
        }
        progress.recorded = false;
        Err(Cause::Cancelled)
    }

    /// Takes back the role that the file took: our records are written by whom the session belongs to.
    pub(super) fn ourselves(&mut self, progress: &Progress<'_>) -> Result<(), Cause> {
        if !progress.roles.is_empty() {
            for reset in ["SET SESSION AUTHORIZATION DEFAULT", "RESET ROLE"] {
                self.guard.session().execute(reset, &[]).map_err(around("taking the role back"))?;
            }
        }
        Ok(())
    }

    /// Gives the session the role again that the file took for longer than a transaction, where some of the file is still to come.
    fn as_the_file_wants(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        let roles = std::mem::take(&mut progress.roles);
        if progress.recorded || roles.is_empty() {
            return Ok(());
        }
        for role in roles {
            // What is local went with the transaction.
            if self.dialect.session_trace(&role) == SessionTrace::Setting {
                self.guard.session().run(&role).map_err(around("giving the role again"))?;
                progress.roles.push(role);
            }
        }
        Ok(())
    }

    /// Renews the lease in the open transaction, and says there what is run behind it: the rest of the migration from
    /// `statement` on, or the next one.
    pub(super) fn renew(&mut self, progress: &Progress<'_>, statement: u64) -> Result<(), Cause> {
        let id = &progress.task.step.id;
        let doing = if progress.recorded {
            self.run.next.as_ref().map(ToString::to_string)
        } else {
            Some(format!("{id} statement {statement}"))
        };
        if let Err(error) = self.guard.renew(doing.as_deref()) {
            // Interrupted, the check may say that it found no row of ours.
            let interrupted = matches!(error, LockError::Lost) && self.run.cancel.take_note();
            if interrupted && self.guard.session().rollback().is_ok() && !self.guard.is_lost() {
                return Err(Cause::Cancelled);
            }
            return Err(Cause::Lock(error));
        }
        self.run.point("renewed");
        Ok(())
    }

    /// Writes before a statement that runs outside a transaction that it is about to run.
    pub(super) fn announce(&mut self, progress: &mut Progress<'_>, text: &str) -> Result<(), Cause> {
        self.open(progress)?;
        progress.violations = None;
        self.ourselves(progress)?;
        let settle = self.dialect.settle(text);
        let evidence = if let Settle::Compare(comparison) = &settle { Some(comparison) } else { None };
        let unit = NewUnit {
            version: &progress.task.step.id,
            direction: direction(progress.task.step.action),
            first: progress.ordinal,
            count: 1,
            hash: &sum_of(text, self.dialect),
            summary: &progress.summary,
            run: &self.run.id,
            state: UnitState::Begun(evidence),
        };
        let now = self.run.now();
        journal::write(self.guard.session(), &progress.records, &unit, now)
            .map_err(around("writing the journal"))?;
        self.renew(progress, progress.ordinal)?;
        self.unless_told_to_stop(progress)?;
        self.guard.session().commit().map_err(around("committing"))?;
        progress.announced = Some(progress.ordinal);
        self.run.point("unit-begun");
        self.as_the_file_wants(progress)
    }

    /// Writes that the open unit is done.
    pub(super) fn write_unit(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
        let hash = progress.unit_sum.get_or_insert_with(|| progress.unit_hash.finish()).clone();
        let unit = NewUnit {
            version: &progress.task.step.id,
            direction: direction(progress.task.step.action),
            first: progress.unit,
            count: progress.ordinal + 1 - progress.unit,
            hash: &hash,
            summary: &progress.summary,
            run: &self.run.id,
            state: UnitState::Done,
        };
        self.run.point("unit-run");
        let now = self.run.now();
        journal::write(self.guard.session(), &progress.records, &unit, now)
            .map_err(around("writing the journal"))?;
        self.run.point("unit-recorded");
        Ok(())
    }

    /// What writes or removes the migration's row, to be sent with its script.
    pub(super) fn row_statements(&self, progress: &Progress<'_>) -> Vec<(String, Vec<Value>)> {
        let (records, id) = (&progress.records, &progress.task.step.id);
        let delete = || (records.delete.clone(), vec![id.as_str().into()]);
        match &progress.task.row {
            None => vec![delete()],
            Some(row) => {
                let row = Applied { applied_at: self.run.now(), ..row.clone() };
                let insert = history::insertion(records, &row, progress.task.down.as_deref(), None);
                if row.is_versioned() { vec![insert] } else { vec![delete(), insert] }
            }
        }
    }

    /// Writes or removes the migration's row.
    pub(super) fn record(&mut self, progress: &mut Progress<'_>) -> Result<(), Cause> {
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

    pub(super) fn check_keys(&mut self, before: &Violations) -> Result<(), Cause> {
        let now = inspect::violations(self.guard.session(), self.dialect)
            .map_err(around("checking foreign keys"))?;
        let known = |row| before.get(row).copied().unwrap_or(0);
        let new: Vec<_> = now.iter().filter(|(row, times)| **times > known(*row)).collect();
        let Some(((table, _, parent), _)) = new.first() else { return Ok(()) };
        let count = new.iter().map(|(row, times)| *times - known(*row)).sum();
        Err(Cause::ForeignKeys { count, table: table.clone(), parent: parent.clone() })
    }
}

/// The sum of a statement by itself, without its directives: what its unit's row has until it is done.
pub(super) fn sum_of(text: &str, dialect: &dyn Dialect) -> String {
    let mut hash = GroupHash::default();
    hash.statement(&[], text, dialect);
    hash.finish()
}
