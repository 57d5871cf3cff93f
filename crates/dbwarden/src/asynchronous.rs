//! The async face: mirrors [`Migrator`](crate::Migrator) over threads where blocking is allowed. Dropping a future cancels what it
//! runs: the statement is interrupted, the migration rolled back, the lock released.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::apply::run::Cancel;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::migration::RevisionId;
use crate::migration::applied::Applied;
use crate::migration::plan::Plan;
use crate::operation::Operation;
use crate::ops::adopt::{AdoptOptions, Adoption};
use crate::ops::against::Comparison;
use crate::ops::backup::Made;
use crate::ops::health::Health;
use crate::ops::load::Loaded;
use crate::ops::merge::{MergeOptions, Merged};
use crate::ops::migrate::MigrateOptions;
use crate::ops::new::{Created, NewOptions, Scripts};
use crate::ops::ready::Readiness;
use crate::ops::renumber::Renumbered;
use crate::ops::restore::{RestoreOptions, Restored};
use crate::ops::rollback::RollbackOptions;
use crate::ops::squash::{SquashOptions, Squashed};
use crate::ops::stamp::StampOptions;
use crate::ops::status::Status;
use crate::ops::template::Template;
use crate::ops::verify::Verification;
use crate::ops::{Report, Survey};
use crate::startup::Probe;

/// A [`Migrator`](crate::Migrator) for async programs. It runs on the runtime it is called on, which must be tokio's.
#[derive(Debug, Clone)]
pub struct Migrator {
    inner: Arc<Mutex<crate::Migrator<'static>>>,
    /// Of all that it runs.
    cancel: Cancel,
}

impl From<crate::Migrator<'static>> for Migrator {
    fn from(migrator: crate::Migrator<'static>) -> Self {
        let cancel = migrator.cancel_handle();
        Self { inner: Arc::new(Mutex::new(migrator)), cancel }
    }
}

/// Cancels a run when the future that waits for it is dropped.
struct CancelOnDrop(Option<Cancel>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(cancel) = self.0.take() {
            cancel.cancel();
        }
    }
}

impl Migrator {
    /// Returns what cancels whatever this migrator runs, now and later. It is the handle of the
    /// [`Migrator`](crate::Migrator::cancel_handle) that it was made of.
    pub fn cancel_handle(&self) -> Cancel {
        self.cancel.clone()
    }

    async fn call<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut crate::Migrator<'static>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let cancel = self.cancel.narrower();
        let mut guard = CancelOnDrop(Some(cancel.clone()));
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || {
            let mut migrator = inner.lock().unwrap_or_else(PoisonError::into_inner);
            // Each call has a handle of its own: one whose future was dropped does not keep the next from running.
            migrator.deployment().cancel = cancel;
            verb(&mut migrator)
        });
        let outcome = task.await;
        guard.0 = None;
        match outcome {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(ErrorKind::Usage { message: "the runtime was shut down".to_owned() }.into()),
        }
    }

    /// As [`Migrator::migrate`](crate::Migrator::migrate).
    ///
    /// # Errors
    /// The same.
    pub async fn migrate(&self) -> Result<Report, Error> {
        self.call(crate::Migrator::migrate).await
    }

    /// As [`Migrator::start`](crate::Migrator::start).
    ///
    /// # Errors
    /// The same.
    pub async fn start(&self, probe: &Probe) -> Result<Report, Error> {
        let probe = probe.clone();
        self.call(move |migrator| migrator.start(&probe)).await
    }

    /// As [`Migrator::initialize`](crate::Migrator::initialize).
    ///
    /// # Errors
    /// The same.
    pub async fn initialize(&self) -> Result<(), Error> {
        self.call(crate::Migrator::initialize).await
    }

    /// As [`Migrator::health`](crate::Migrator::health).
    ///
    /// # Errors
    /// That the runtime was shut down.
    pub async fn health(&self) -> Result<Health, Error> {
        self.call(|migrator| Ok(migrator.health())).await
    }

    /// As [`Migrator::migrations`](crate::Migrator::migrations).
    ///
    /// # Errors
    /// The same.
    pub async fn migrations(&self) -> Result<Vec<Loaded>, Error> {
        self.call(|migrator| migrator.migrations()).await
    }

    /// As [`Migrator::migrate_to`](crate::Migrator::migrate_to).
    ///
    /// # Errors
    /// The same.
    pub async fn migrate_to(&self, target: &str) -> Result<Report, Error> {
        let target = target.to_owned();
        self.call(move |migrator| migrator.migrate_to(&target)).await
    }

    /// As [`Migrator::migrate_count`](crate::Migrator::migrate_count).
    ///
    /// # Errors
    /// The same.
    pub async fn migrate_count(&self, count: u64) -> Result<Report, Error> {
        self.call(move |migrator| migrator.migrate_count(count)).await
    }

    /// As [`Migrator::migrate_with`](crate::Migrator::migrate_with).
    ///
    /// # Errors
    /// The same.
    pub async fn migrate_with(&self, options: MigrateOptions) -> Result<Report, Error> {
        self.call(move |migrator| migrator.migrate_with(&options)).await
    }

    /// As [`Migrator::plan`](crate::Migrator::plan).
    ///
    /// # Errors
    /// The same.
    pub async fn plan(&self) -> Result<Option<Plan>, Error> {
        self.call(crate::Migrator::plan).await
    }

    /// As [`Migrator::rollback`](crate::Migrator::rollback).
    ///
    /// # Errors
    /// The same.
    pub async fn rollback(&self) -> Result<Report, Error> {
        self.call(crate::Migrator::rollback).await
    }

    /// As [`Migrator::rollback_to`](crate::Migrator::rollback_to).
    ///
    /// # Errors
    /// The same.
    pub async fn rollback_to(&self, target: &str) -> Result<Report, Error> {
        let target = target.to_owned();
        self.call(move |migrator| migrator.rollback_to(&target)).await
    }

    /// As [`Migrator::rollback_count`](crate::Migrator::rollback_count).
    ///
    /// # Errors
    /// The same.
    pub async fn rollback_count(&self, count: u64) -> Result<Report, Error> {
        self.call(move |migrator| migrator.rollback_count(count)).await
    }

    /// As [`Migrator::rollback_with`](crate::Migrator::rollback_with).
    ///
    /// # Errors
    /// The same.
    pub async fn rollback_with(&self, options: RollbackOptions) -> Result<Report, Error> {
        self.call(move |migrator| migrator.rollback_with(&options)).await
    }

    /// As [`Migrator::ready`](crate::Migrator::ready).
    ///
    /// # Errors
    /// The same.
    pub async fn ready(&self) -> Result<Readiness, Error> {
        self.call(crate::Migrator::ready).await
    }

    /// As [`Migrator::status`](crate::Migrator::status).
    ///
    /// # Errors
    /// The same.
    pub async fn status(&self) -> Result<Status, Error> {
        self.call(crate::Migrator::status).await
    }

    /// As [`Migrator::survey`](crate::Migrator::survey).
    ///
    /// # Errors
    /// The same.
    pub async fn survey(&self) -> Result<Survey, Error> {
        self.call(crate::Migrator::survey).await
    }

    /// As [`Migrator::current`](crate::Migrator::current).
    ///
    /// # Errors
    /// The same.
    pub async fn current(&self) -> Result<Vec<RevisionId>, Error> {
        self.call(crate::Migrator::current).await
    }

    /// As [`Migrator::heads`](crate::Migrator::heads).
    ///
    /// # Errors
    /// The same.
    pub async fn heads(&self) -> Result<Vec<RevisionId>, Error> {
        self.call(|migrator| migrator.heads()).await
    }

    /// As [`Migrator::pending`](crate::Migrator::pending).
    ///
    /// # Errors
    /// The same.
    pub async fn pending(&self) -> Result<Vec<RevisionId>, Error> {
        self.call(crate::Migrator::pending).await
    }

    /// As [`Migrator::has_pending`](crate::Migrator::has_pending).
    ///
    /// # Errors
    /// The same.
    pub async fn has_pending(&self) -> Result<bool, Error> {
        self.call(crate::Migrator::has_pending).await
    }

    /// As [`Migrator::is_applied`](crate::Migrator::is_applied).
    ///
    /// # Errors
    /// The same.
    pub async fn is_applied(&self, reference: &str) -> Result<bool, Error> {
        let reference = reference.to_owned();
        self.call(move |migrator| migrator.is_applied(&reference)).await
    }

    /// As [`Migrator::applied`](crate::Migrator::applied).
    ///
    /// # Errors
    /// The same.
    pub async fn applied(&self) -> Result<Vec<Arc<Applied>>, Error> {
        self.call(crate::Migrator::applied).await
    }

    /// As [`Migrator::stamp`](crate::Migrator::stamp).
    ///
    /// # Errors
    /// The same.
    pub async fn stamp(&self, target: &str) -> Result<Report, Error> {
        let target = target.to_owned();
        self.call(move |migrator| migrator.stamp(&target)).await
    }

    /// As [`Migrator::stamp_with`](crate::Migrator::stamp_with).
    ///
    /// # Errors
    /// The same.
    pub async fn stamp_with(&self, options: StampOptions) -> Result<Report, Error> {
        self.call(move |migrator| migrator.stamp_with(&options)).await
    }

    /// As [`Migrator::adopt`](crate::Migrator::adopt).
    ///
    /// # Errors
    /// The same.
    pub async fn adopt(&self, options: AdoptOptions) -> Result<Adoption, Error> {
        self.call(move |migrator| migrator.adopt(&options)).await
    }

    /// As [`Migrator::fingerprint`](crate::Migrator::fingerprint).
    ///
    /// # Errors
    /// The same.
    pub async fn fingerprint(&self) -> Result<Fingerprint, Error> {
        self.call(crate::Migrator::fingerprint).await
    }

    /// As [`Migrator::backup`](crate::Migrator::backup).
    ///
    /// # Errors
    /// The same.
    pub async fn backup(&self, directory: &Path) -> Result<Made, Error> {
        let directory = directory.to_owned();
        self.call(move |migrator| migrator.backup(&directory)).await
    }

    /// As [`Migrator::restore`](crate::Migrator::restore).
    ///
    /// # Errors
    /// The same.
    pub async fn restore(&self, options: RestoreOptions) -> Result<Restored, Error> {
        self.call(move |migrator| migrator.restore(&options)).await
    }

    /// As [`Migrator::create`](crate::Migrator::create).
    ///
    /// # Errors
    /// The same.
    pub async fn create(&self, description: &str) -> Result<Created, Error> {
        self.create_from(NewOptions::of(description)).await
    }

    /// As [`Migrator::create_with`](crate::Migrator::create_with).
    ///
    /// # Errors
    /// The same.
    pub async fn create_with(
        &self,
        description: &str,
        up: &str,
        down: Option<&str>,
    ) -> Result<Created, Error> {
        let scripts = Scripts { up: up.to_owned(), down: down.map(str::to_owned) };
        self.create_from(NewOptions { scripts: Some(scripts), ..NewOptions::of(description) }).await
    }

    /// As [`Migrator::create_from`](crate::Migrator::create_from).
    ///
    /// # Errors
    /// The same.
    pub async fn create_from(&self, options: NewOptions) -> Result<Created, Error> {
        self.call(move |migrator| migrator.create_from(&options)).await
    }

    /// As [`Migrator::merge`](crate::Migrator::merge).
    ///
    /// # Errors
    /// The same.
    pub async fn merge(&self, options: MergeOptions) -> Result<Merged, Error> {
        self.call(move |migrator| migrator.merge(&options)).await
    }

    /// As [`Migrator::squash`](crate::Migrator::squash).
    ///
    /// # Errors
    /// The same.
    pub async fn squash(&self, options: SquashOptions) -> Result<Squashed, Error> {
        self.call(move |migrator| migrator.squash(&options)).await
    }

    /// As [`Migrator::compare`](crate::Migrator::compare).
    ///
    /// # Errors
    /// The same.
    pub async fn compare(&self, base: &str) -> Result<Comparison, Error> {
        let base = base.to_owned();
        self.call(move |migrator| migrator.compare(&base)).await
    }

    /// As [`Migrator::renumber`](crate::Migrator::renumber).
    ///
    /// # Errors
    /// The same.
    pub async fn renumber(&self, file: &Path) -> Result<Renumbered, Error> {
        let file = file.to_owned();
        self.call(move |migrator| migrator.renumber(&file)).await
    }

    /// As [`Migrator::template`](crate::Migrator::template).
    ///
    /// # Errors
    /// The same.
    pub async fn template(&self, operations: Vec<Operation>) -> Result<Template, Error> {
        self.call(move |migrator| migrator.template(&operations)).await
    }

    /// As [`Migrator::verify`](crate::Migrator::verify).
    ///
    /// # Errors
    /// The same.
    pub async fn verify(&self) -> Result<Verification, Error> {
        self.call(crate::Migrator::verify).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The names behind `mark` in a source, up to its tests.
    fn methods<'a>(source: &'a str, mark: &str) -> BTreeSet<&'a str> {
        let source = source.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        source.split(mark).skip(1).filter_map(|rest| rest.split(['(', '<']).next()).collect()
    }

    #[test]
    fn each_verb_is_mirrored() {
        let blocking = include_str!("migrator.rs");
        let verbs = blocking.split("impl<'host> Migrator<'host> {").last().unwrap_or_default();
        let mut verbs = methods(verbs, "\n    pub fn ");
        for not_a_verb in ["deployment", "cancel_handle"] {
            assert!(verbs.remove(not_a_verb), "{verbs:?}");
        }
        assert!(verbs.len() > 20, "{verbs:?}");
        assert_eq!(methods(include_str!("asynchronous.rs"), "\n    pub async fn "), verbs);
    }
}
