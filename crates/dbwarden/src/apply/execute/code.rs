//! A migration in Rust: its code is run where the statements of a file would be.

use std::error::Error as StdError;
use std::sync::PoisonError;

use super::{Executor, Progress, around, direction};
use crate::apply::failure::Cause;
use crate::apply::inspect;
use crate::apply::journal::{self, NewUnit, UnitState};
use crate::apply::lock::LockError;
use crate::apply::run::Event;
use crate::apply::watchdog::Watchdog;
use crate::database::Database;
use crate::dialect::{Manner, Object};
use crate::driver::{DriverError, DriverErrorKind, Notice, Session};
use crate::migration::Script;
use crate::migration::applied::Direction;
use crate::migration::groups::GroupKind;
use crate::migration::rust::{Door, RustMigration, Work, WorkError};
use crate::sql::{Event as Piece, Reader, Rules};
use crate::value::{Row, Value};

impl Executor<'_, '_, '_> {
    /// Runs the code of `migration`, and records it: in one transaction, or journalled where the code asks for none.
    pub(super) fn code(
        &mut self,
        progress: &mut Progress<'_>,
        migration: &RustMigration,
        script: &Script,
    ) -> Result<(), Cause> {
        if self.run.cancel.take_note() {
            return Err(Cause::Cancelled);
        }
        let direction = direction(progress.task.step.action);
        let loose = script.groups.iter().any(|group| group.kind == GroupKind::Each);
        progress.ordinal = 1;
        migration.description().clone_into(&mut progress.summary);
        self.open(progress)?;
        if loose {
            let unit = NewUnit {
                version: &progress.task.step.id,
                direction,
                first: 1,
                count: 1,
                hash: script.checksum.as_str(),
                summary: &progress.summary,
                run: &self.run.id,
                state: UnitState::Begun(None),
            };
            let now = self.run.now();
            journal::write(self.guard.session(), &progress.records, &unit, now)
                .map_err(around("writing the journal"))?;
            self.renew(progress, 1)?;
            self.unless_told_to_stop(progress)?;
            self.guard.session().commit().map_err(around("committing"))?;
            progress.announced = Some(1);
            progress.loose = true;
            self.run.point("unit-begun");
        }
        let text = migration.description();
        let started = Event::StatementStarted { number: 1, total: 1, text, bytes: 0, of_bytes: 0 };
        self.run.observer.event(&started);
        let mut door = CodeDoor { executor: self, progress, loose, depth: 0, said: None, stop: None };
        let ran = migration.call(direction == Direction::Down, &mut Work::new(&mut door));
        let (stop, said) = (door.stop.take(), door.said.take());
        if let Some(cause) = stop {
            return Err(cause);
        }
        match ran {
            Some(ran) => ran.map_err(|error| cause(&*error, said.as_ref()))?,
            None => return Err(Cause::Code { message: "there is no code that undoes it".to_owned() }),
        }
        self.run.point("statement-run");
        if !loose && !self.guard.session().in_transaction() {
            return Err(Cause::TransactionEnded);
        }
        self.close(progress)
    }
}

/// Why the code failed, as far as its error tells; `said` is what the engine said last.
fn cause(error: &(dyn StdError + Send + Sync + 'static), said: Option<&DriverError>) -> Cause {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    let mut words = Vec::new();
    while let Some(error) = next {
        if let (Some(WorkError::Engine { message, .. }), Some(said)) = (error.downcast_ref(), said)
            && *message == said.message
        {
            return Cause::Statement(said.clone());
        }
        let word = error.to_string();
        if words.last() != Some(&word) {
            words.push(word);
        }
        next = error.source();
    }
    Cause::Code { message: words.join(": ") }
}

/// What the code is let through to: the session, and nothing that would end its transaction.
struct CodeDoor<'d, 'e, 's, 'r, 'p> {
    executor: &'d mut Executor<'e, 's, 'r>,
    progress: &'d mut Progress<'p>,
    /// No transaction is open around the code.
    loose: bool,
    /// How many of its own it opened, one in the other.
    depth: usize,
    /// What the engine refused last.
    said: Option<DriverError>,
    /// Why nothing more is done, whatever the code makes of that.
    stop: Option<Cause>,
}

const ONE: &str = "one statement at a time; `run` takes many";
const TRANSACTION: &str = "the transaction of a migration in Rust is opened and ended for it; one that is to commit part by part \
     says `without_transaction()`, and `work.transaction(…)` for each part";
const REFUSES: &str = "the statement commits by itself or refuses a transaction here; the migration would have to say \
     `without_transaction()`, or the statement to stand in a migration in SQL";

impl CodeDoor<'_, '_, '_, '_, '_> {
    fn session(&mut self) -> &mut dyn Session {
        self.executor.guard.session()
    }

    fn stopped(&mut self, cause: Cause) -> WorkError {
        self.stop.get_or_insert(cause);
        WorkError::Stopped
    }

    /// Whether a transaction is open, ours or the code's own.
    fn is_open(&self) -> bool {
        !self.loose || self.depth > 0
    }

    /// Sees that `statement` may run here, and returns whether it runs outside a transaction.
    fn admit(&mut self, statement: &str) -> Result<bool, WorkError> {
        if self.stop.is_some() {
            return Err(WorkError::Stopped);
        }
        if self.executor.run.cancel.take_note() {
            return Err(self.stopped(Cause::Cancelled));
        }
        let refused = |text: &str| Err(WorkError::Refused(text.to_owned()));
        match self.executor.dialect.manner(statement) {
            Manner::Begin | Manner::Commit | Manner::Rollback => refused(TRANSACTION),
            Manner::ForeignKeys(_) => {
                refused("foreign keys are turned on and off by migrations in SQL alone")
            }
            Manner::Refused(why) => refused(why),
            Manner::Alone | Manner::Session if self.is_open() => refused(REFUSES),
            Manner::Alone | Manner::Session => Ok(true),
            _ => Ok(false),
        }
    }

    /// Does `act` with one statement: in the transaction that is open, in one of its own, or outside of any.
    fn does<T>(
        &mut self,
        statement: &str,
        act: impl FnOnce(&mut dyn Session) -> Result<T, DriverError>,
    ) -> Result<T, WorkError> {
        let alone = self.admit(statement)?;
        if alone && self.executor.guard.is_lost() {
            return Err(self.stopped(Cause::Lock(LockError::Lost)));
        }
        let own = !alone && !self.is_open();
        if own {
            self.begin()?;
        }
        if let Some(watchdog) = &self.progress.watchdog {
            watchdog.start();
        }
        let ran = if alone && self.executor.dialect.capabilities().alone_refuses_company {
            let gate = self.executor.guard.gate();
            let _quiet = gate.lock().unwrap_or_else(PoisonError::into_inner);
            act(self.session())
        } else {
            act(self.session())
        };
        let over = self.progress.watchdog.as_ref().and_then(Watchdog::stop);
        for notice in self.session().notices() {
            self.executor.run.observer.event(&Event::Notice { notice: &notice });
        }
        self.progress.marked |= self.executor.dialect.outlives_rollback(statement);
        let interrupted = ran.as_ref().is_err_and(|error| error.kind == DriverErrorKind::Interrupted);
        if let Some(limit) = over.filter(|_| interrupted || (ran.is_ok() && !alone)) {
            return Err(self.stopped(Cause::TimedOut { limit }));
        }
        if interrupted && self.executor.run.cancel.take_note() {
            return Err(self.stopped(Cause::Cancelled));
        }
        let done = match ran {
            Ok(done) => done,
            Err(error) => {
                if own {
                    self.depth -= 1;
                    self.session().rollback().ok();
                }
                return Err(self.engine(error));
            }
        };
        if own {
            self.commit()?;
        }
        Ok(done)
    }

    fn engine(&mut self, error: DriverError) -> WorkError {
        let (message, code) = (error.message.clone(), error.code.clone());
        self.said = Some(error);
        WorkError::Engine { message, code }
    }

    /// Splits `text` as a file is, and gives each statement to `each`.
    fn statements(
        &mut self,
        text: &str,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), WorkError>,
    ) -> Result<(), WorkError> {
        let refused = |text: String| WorkError::Refused(text);
        let mut reader = Reader::new(text.as_bytes(), Rules::new(self.executor.dialect.syntax()));
        loop {
            match reader.next() {
                Ok(Some(Piece::Statement(statement))) if statement.copy => {
                    return Err(refused("rows for COPY stand in migrations in SQL alone".to_owned()));
                }
                Ok(Some(Piece::Statement(statement))) => {
                    let text = statement.text.to_owned();
                    each(self, &text)?;
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) => return Err(refused(error.to_string())),
            }
        }
    }

    fn is_one(&mut self, text: &str) -> Result<(), WorkError> {
        let mut many = 0;
        self.statements(text, |_, _| {
            many += 1;
            Ok(())
        })?;
        if many == 1 { Ok(()) } else { Err(WorkError::Refused(ONE.to_owned())) }
    }
}

impl Door for CodeDoor<'_, '_, '_, '_, '_> {
    fn database(&self) -> Database {
        self.executor.dialect.database()
    }

    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, WorkError> {
        self.is_one(sql)?;
        self.does(sql, |session| session.execute(sql, parameters))
    }

    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, WorkError> {
        self.is_one(sql)?;
        self.does(sql, |session| session.query(sql, parameters))
    }

    fn run(&mut self, sql: &str) -> Result<(), WorkError> {
        self.statements(sql, |door, statement| door.does(statement, |session| session.run(statement)))
    }

    fn exists(&mut self, object: &Object) -> Result<bool, WorkError> {
        if self.stop.is_some() {
            return Err(WorkError::Stopped);
        }
        let dialect = self.executor.dialect;
        inspect::exists(self.session(), dialect, object).map_err(|error| self.engine(error))
    }

    fn begin(&mut self) -> Result<(), WorkError> {
        if self.stop.is_some() {
            return Err(WorkError::Stopped);
        }
        if !self.is_open() {
            self.session().begin().map_err(|error| self.engine(error))?;
        }
        self.depth += 1;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), WorkError> {
        self.depth -= 1;
        if self.is_open() {
            return Ok(());
        }
        // As behind the statements of a file: what was told to stop may have passed over something in silence.
        let may = if self.stop.is_some() || self.executor.run.cancel.take_note() {
            Err(Cause::Cancelled)
        } else {
            self.executor.renew(self.progress, 1)
        };
        if let Err(cause) = may {
            self.session().rollback().ok();
            return Err(self.stopped(cause));
        }
        let committed = self.session().commit();
        committed.map_err(|error| {
            self.session().rollback().ok();
            self.engine(error)
        })
    }

    fn roll_back(&mut self, error: &(dyn StdError + Send + Sync + 'static)) {
        self.depth -= 1;
        if self.is_open() {
            // A part of an open transaction cannot be undone by itself.
            let cause = cause(error, self.said.as_ref());
            self.stop.get_or_insert(cause);
        } else {
            self.session().rollback().ok();
        }
    }

    fn says(&mut self, text: &str) {
        let notice = Notice { level: "NOTICE".to_owned(), text: text.to_owned() };
        self.executor.run.observer.event(&Event::Notice { notice: &notice });
    }

    fn is_stopped(&mut self) -> bool {
        self.stop.is_some() || self.executor.run.cancel.is_cancelled()
    }
}
