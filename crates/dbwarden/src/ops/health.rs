//! Whether the database answers and is in order; and that our tables are there.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::deployment::{Patience, make};
use super::{Deployment, survey};
use crate::apply::history;
use crate::apply::lock::LockGuard;
use crate::apply::run::Observer;
use crate::error::{Error, ErrorKind};
use crate::migration::RevisionId;
use crate::migration::state::Selection;

/// How a database is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// It answers, and files and records can be read.
    pub reachable: bool,
    /// The database, as it is shown: never with a password.
    pub target: String,
    /// The engine that answered.
    pub engine: String,
    /// Its version, as it says it.
    pub version: String,
    /// How long the look took, in milliseconds.
    pub took_ms: u64,
    /// The current revisions.
    pub current: Vec<RevisionId>,
    /// How many migrations are pending.
    pub pending: usize,
    /// What is not in order, a line each: an unreachable database, changed or missing files, what is unfinished.
    pub problems: Vec<String>,
}

impl Health {
    /// Returns whether the database answers and nothing is wrong with files and records. What is pending is not wrong.
    pub fn is_healthy(&self) -> bool {
        self.reachable && self.problems.is_empty()
    }
}

/// Returns how the database is. What is wrong is in the value.
pub fn health(deployment: &mut Deployment<'_>, selection: &Selection) -> Health {
    let started = Instant::now();
    let looked = survey(deployment, selection);
    let mut health = Health {
        reachable: looked.is_ok(),
        target: deployment.settings.url.target(),
        engine: deployment.settings.url.database().name().to_owned(),
        version: String::new(),
        took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        current: Vec::new(),
        pending: 0,
        problems: Vec::new(),
    };
    match looked {
        Err(error) => health.problems.push(crate::sql::mask_secrets(&error.to_string())),
        Ok(survey) => {
            let (state, ids) = (&survey.state, |ids: &[RevisionId]| {
                ids.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ")
            });
            survey.server.database.name().clone_into(&mut health.engine);
            health.version.clone_from(&survey.server.version);
            health.current.clone_from(&state.current);
            health.pending = state.pending_count();
            health.problems.extend(state.changed().map(|(row, _)| format!("{} was changed", row.version)));
            if !state.gone.is_empty() {
                health.problems.push(format!("without a file: {}", ids(&state.gone)));
            }
            let unfinished = survey.history.unfinished.iter();
            health.problems.extend(unfinished.map(|it| format!("{} is unfinished", it.version)));
            health.problems.extend(survey.history.oddities.iter().cloned());
        }
    }
    health
}

/// Makes the tables of the records where they are not there, and nothing else.
///
/// # Errors
/// The database cannot be reached, or the role may not make them; records of another tool; the lock.
pub fn initialize(deployment: &mut Deployment<'_>, observer: &mut dyn Observer) -> Result<(), Error> {
    deployment.meeting(|deployment| {
        let (clock, lock) = (Arc::clone(&deployment.clock), deployment.lock.clone());
        let selection = Selection { environment: deployment.environment(), ..Selection::default() };
        let (dialect, open) = (deployment.dialect()?, deployment.open_options(true));
        let settings = deployment.settings.clone();
        let company = matches!(deployment.connection, super::Connection::Address);
        let mut run = deployment.run(&*clock, observer);
        let (survey, mut session) = survey::open(deployment, &selection, Patience::of(&mut run, lock.wait))?;
        if survey.history.exists {
            return Ok(());
        }
        if let Some(records) = survey.history.foreign.first() {
            return Err(ErrorKind::ForeignRecords { records: records.clone() }.into());
        }
        history::writable(&survey.history)?;
        make(&mut *session, &settings.url, Patience::of(&mut run, lock.wait))?;
        let records = Arc::new(dialect.records(&settings.tables));
        let company = company.then_some((&settings.url, &open));
        Ok(LockGuard::acquire(session, records, &lock, company, &mut run)?.release()?)
    })
}
