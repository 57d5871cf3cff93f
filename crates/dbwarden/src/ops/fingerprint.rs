//! What is in a database, object by object. Reads alone.

use std::collections::BTreeSet;

use super::Deployment;
use crate::apply::fingerprint::read;
use crate::apply::run::Cancel;
use crate::dialect::Dialect;
use crate::driver::{DriverError, DriverErrorKind, Session};
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::project::Tables;

/// Returns what is in the database, our own tables apart: every object with its definition, and digests of the rows of each table. Every
/// row is read once; nothing is written, and a database that is a file and not there is an empty one.
///
/// # Errors
/// A database that cannot be opened; a table that may not be read; that it was cancelled.
pub fn fingerprint(deployment: &mut Deployment<'_>) -> Result<Fingerprint, Error> {
    deployment.meeting(|deployment| {
        let dialect = deployment.dialect()?;
        let options = deployment.open_options(false);
        let Deployment { settings, connection, cancel, .. } = deployment;
        let mut session = connection.open(settings, &options, cancel)?;
        of(&mut *session, dialect, &settings.tables, &BTreeSet::new(), cancel).map_err(|error| {
            let doing = "the fingerprint cannot be read";
            ErrorKind::Driver { doing, target: settings.url.target(), error }.into()
        })
    })
}

/// Reads a fingerprint, and stops where somebody cancels.
pub(super) fn of(
    session: &mut dyn Session,
    dialect: &dyn Dialect,
    tables: &Tables,
    without: &BTreeSet<String>,
    cancel: &Cancel,
) -> Result<Fingerprint, DriverError> {
    if cancel.take_note() {
        return Err(DriverError::new(DriverErrorKind::Interrupted, "interrupted"));
    }
    cancel.watch(session.interrupter());
    let read = read(session, dialect, tables, without);
    cancel.forget();
    cancel.take_note();
    read
}
