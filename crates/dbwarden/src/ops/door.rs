//! The way in under the lock, the same for `migrate`, `rollback` and `stamp`; and what is looked at again there.

use std::sync::Arc;

use super::deployment::{Connection, Patience, make};
use super::survey::read_history;
use super::{Deployment, Survey};
use crate::apply::lock::{LockGuard, LockOptions};
use crate::apply::run::Run;
use crate::dialect::{Dialect, Records};
use crate::driver::{OpenOptions, Session};
use crate::error::Error;
use crate::migration::plan::Plan;
use crate::migration::source::{ReadOptions, Source};
use crate::migration::state::{Selection, State};
use crate::project::DatabaseSettings;

/// What is needed to come in.
pub(super) struct Door {
    pub(super) settings: DatabaseSettings,
    pub(super) dialect: &'static dyn Dialect,
    pub(super) records: Arc<Records>,
    pub(super) open: OpenOptions,
    pub(super) lock: LockOptions,
    pub(super) source: Source,
    pub(super) read: ReadOptions,
    pub(super) selection: Selection,
    company: bool,
}

impl Door {
    /// Returns the way into the database of `deployment`; `create` where its file may be made.
    ///
    /// # Errors
    /// That this version cannot run on the engine.
    pub(super) fn new(
        deployment: &Deployment<'_>,
        selection: Selection,
        create: bool,
    ) -> Result<Self, Error> {
        let dialect = deployment.dialect()?;
        Ok(Self {
            settings: deployment.settings.clone(),
            dialect,
            records: Arc::new(dialect.records(&deployment.settings.tables)),
            open: deployment.open_options(create),
            lock: deployment.lock.clone(),
            source: deployment.source.clone(),
            read: deployment.read_options()?,
            selection,
            company: matches!(deployment.connection, Connection::Address),
        })
    }

    /// Takes the lock, for `plan` as it is known so far.
    ///
    /// # Errors
    /// The lock; the engine's answer.
    pub(super) fn take<'s>(
        &self,
        mut session: Box<dyn Session + 's>,
        plan: Option<&Plan>,
        run: &mut Run<'_>,
    ) -> Result<LockGuard<'s>, Error> {
        if self.open.create {
            // Only now that everything is known to be in order is a file made.
            make(&mut *session, &self.settings.url, Patience::of(run, self.lock.wait))?;
        }
        run.next = plan.and_then(|plan| plan.steps.first()).map(|step| step.id.clone());
        let company = self.company.then_some((&self.settings.url, &self.open));
        Ok(LockGuard::acquire(session, Arc::clone(&self.records), &self.lock, company, run)?)
    }

    /// Reads the records again.
    ///
    /// # Errors
    /// The engine's answer.
    pub(super) fn read_records(
        &self,
        guard: &mut LockGuard<'_>,
        survey: &mut Survey,
        run: &Run<'_>,
    ) -> Result<(), Error> {
        let (tables, wait) = (&self.settings.tables, self.lock.wait);
        survey.history = read_history(guard.session(), self.dialect, tables, wait, &run.cancel)?;
        Ok(())
    }

    /// Reads those files again that changed, where `files` says so, and holds files and records against each other.
    ///
    /// # Errors
    /// A file that is no migration; how the files hang together.
    pub(super) fn compare(&self, survey: &mut Survey, files: bool) -> Result<(), Error> {
        if files {
            survey.set = survey.set.again(&self.source, &self.read)?;
        }
        survey.state = State::new(&mut survey.set, &mut survey.history, &self.selection);
        Ok(())
    }

    /// Reads everything again: somebody may have been quicker.
    ///
    /// # Errors
    /// As [`Self::read_records`] and [`Self::compare`].
    pub(super) fn look_again(
        &self,
        guard: &mut LockGuard<'_>,
        survey: &mut Survey,
        run: &Run<'_>,
    ) -> Result<(), Error> {
        self.read_records(guard, survey, run)?;
        self.compare(survey, true)
    }
}
