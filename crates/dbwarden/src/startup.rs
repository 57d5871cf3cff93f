//! What a service says of itself while it migrates at its start: whether it is ready, and that it lives.
//!
//! ```no_run
//! # fn main() -> Result<(), dbwarden::Error> {
//! use dbwarden::startup::Probe;
//!
//! let probe = Probe::new();
//! // A thread of the service answers `/readyz` by `probe.is_ready()` and `/livez` by `probe.is_alive(minute)`, from now on.
//! let mut migrator = dbwarden::Migrator::builder("sqlite:///app.db").directory("migrations").build()?;
//! migrator.start(&probe)?;
//! # Ok(())
//! # }
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::apply::run::{Event, Observer};
use crate::error::Error;
use crate::migration::RevisionId;
use crate::ops::Report;

/// Where a service is with its migrations. Clones are of the same service.
#[derive(Debug, Clone, Default)]
pub struct Probe(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    state: Startup,
    heard: Instant,
}

impl Default for Inner {
    fn default() -> Self {
        Self { state: Startup::Begun, heard: Instant::now() }
    }
}

/// A state of a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "startup")]
#[non_exhaustive]
pub enum Startup {
    /// Files and records are being read.
    Begun,
    /// Another instance migrates.
    Waiting {
        /// Who, as far as can be seen.
        holder: Option<String>,
    },
    /// This one migrates.
    Migrating {
        /// What.
        version: RevisionId,
        /// The statement, from 1; 0 before the first.
        statement: u64,
        /// Statements in all.
        of: u64,
    },
    /// All is applied, by whomever.
    Ready {
        /// How many migrations this instance applied.
        applied: usize,
        /// The current revisions.
        current: Vec<RevisionId>,
    },
    /// It failed.
    Failed {
        /// The error's code; `panicked` where a hook, an observer or a migration in Rust did.
        code: &'static str,
        /// What went wrong.
        message: String,
    },
}

impl Probe {
    /// Returns one for a service that begins.
    pub fn new() -> Self {
        Self::default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where the service is.
    pub fn state(&self) -> Startup {
        self.inner().state.clone()
    }

    /// Returns whether the service may be given work.
    pub fn is_ready(&self) -> bool {
        matches!(self.inner().state, Startup::Ready { .. })
    }

    /// Returns since when nothing was heard of the start: no wait, no statement that began, no migration that ended.
    pub fn silent_for(&self) -> Duration {
        self.inner().heard.elapsed()
    }

    /// Returns whether the service is to be left alive: it did not fail, and it is ready, or in the middle of a statement, which may
    /// take as long as it takes, or it was heard of within `patience`.
    pub fn is_alive(&self, patience: Duration) -> bool {
        let inner = self.inner();
        match inner.state {
            Startup::Failed { .. } => false,
            Startup::Ready { .. } => true,
            Startup::Migrating { statement: 1.., .. } => true,
            _ => inner.heard.elapsed() <= patience,
        }
    }

    fn becomes(&self, state: Startup) {
        *self.inner() = Inner { state, heard: Instant::now() };
    }

    pub(crate) fn hears(&self, event: &Event<'_>) {
        match event {
            Event::Waiting { holder, .. } => {
                self.becomes(Startup::Waiting { holder: holder.map(|holder| holder.owner.label()) });
            }
            Event::StepStarted { step } => {
                let version = step.id.clone();
                self.becomes(Startup::Migrating { version, statement: 0, of: step.statements });
            }
            Event::StatementStarted { number, total, .. } => {
                let mut inner = self.inner();
                inner.heard = Instant::now();
                if let Startup::Migrating { statement, of, .. } = &mut inner.state {
                    (*statement, *of) = (*number, *total);
                }
            }
            _ => self.inner().heard = Instant::now(),
        }
    }

    /// Says that the start failed, where it is left by a panic: a probe that is told nothing more would be in the middle of it for ever.
    pub(crate) fn unwinding(&self) -> Unwinding {
        Unwinding(Some(self.clone()))
    }

    fn ends(&self, outcome: &Result<Report, Error>) {
        self.becomes(match outcome {
            Ok(report) => Startup::Ready { applied: report.count(), current: report.current.clone() },
            Err(error) => {
                Startup::Failed { code: error.code(), message: crate::sql::mask_secrets(&error.to_string()) }
            }
        });
    }
}

/// A start that has not ended.
pub(crate) struct Unwinding(Option<Probe>);

impl Unwinding {
    /// Tells the probe how it ended.
    pub(crate) fn ends(mut self, outcome: &Result<Report, Error>) {
        if let Some(probe) = self.0.take() {
            probe.ends(outcome);
        }
    }
}

impl Drop for Unwinding {
    fn drop(&mut self) {
        if let Some(probe) = self.0.take() {
            let message = "the program panicked while it migrated".to_owned();
            probe.becomes(Startup::Failed { code: "panicked", message });
        }
    }
}

/// Tells a probe, and whoever watches beside.
pub(crate) struct Watched<'a> {
    pub(crate) probe: &'a Probe,
    pub(crate) beside: &'a mut dyn Observer,
}

impl Observer for Watched<'_> {
    fn event(&mut self, event: &Event<'_>) {
        self.probe.hears(event);
        self.beside.event(event);
    }
}
