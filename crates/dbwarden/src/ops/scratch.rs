//! A database of the deployment's engine that is made for a proof and gone behind it: a file in a temporary folder, or a database on the
//! same server or on another one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::fingerprint::of;
use super::{Connection, Deployment};
use crate::apply::run::Cancel;
use crate::database::Database;
use crate::dialect::{Dialect, Scratching};
use crate::driver::{DriverError, DriverErrorKind, OpenOptions};
use crate::error::{Error, ErrorKind};
use crate::fingerprint::Fingerprint;
use crate::project::{DatabaseSettings, Destructive, Hooks, Safety};
use crate::url::DatabaseUrl;

#[cfg(test)]
mod tests;

/// Why there is no scratch database, or why it stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScratchError {
    /// The role may not make one.
    #[error("a scratch database cannot be made on {target}, for want of the right {right}: {error}")]
    Rights {
        /// The deployment's database.
        target: String,
        /// The right that is missing.
        right: &'static str,
        /// What gives it, where the server could be asked who wants it.
        grant: Option<String>,
        /// The engine's answer.
        error: DriverError,
    },
    /// It is one of another engine.
    #[error("the scratch database {target} is {given}, and the deployment's is {database}")]
    OtherEngine {
        /// The database that was given.
        target: String,
        /// Its engine.
        given: Database,
        /// The deployment's engine.
        database: Database,
    },
    /// A server was named, and the engine has none.
    #[error("a scratch database of {database} is a file in a temporary folder, and on no server")]
    NoServer {
        /// The engine.
        database: Database,
    },
    /// No folder can be made for it.
    #[error("no temporary folder can be made in {}: {error}", folder.display())]
    Folder {
        /// Where.
        folder: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
    /// It could not be taken away again; or it was given, and what the proof made is still in it.
    #[error("the scratch database {target} stays: {reason}")]
    Stays {
        /// The database.
        target: String,
        /// Why.
        reason: String,
    },
}

impl ScratchError {
    /// Returns the stable name of what is wrong, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            ScratchError::Rights { .. } => "scratch-rights",
            ScratchError::OtherEngine { .. } | ScratchError::NoServer { .. } => "scratch-unfit",
            ScratchError::Folder { .. } => "scratch-folder",
            ScratchError::Stays { .. } => "scratch-stays",
        }
    }
}

/// How many names are tried where one is taken.
const NAMES: u32 = 16;

/// A database of the deployment's engine that is made for a proof, and gone when it is dropped: also where the proof fails, panics or is
/// cancelled. A killed process leaves it, and its name says whose and of when it is.
#[derive(Debug)]
pub(super) struct Scratch {
    settings: DatabaseSettings,
    open: OpenOptions,
    dialect: &'static dyn Dialect,
    cancel: Cancel,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A file in a folder of its own.
    Folder(TempDir),
    /// A database on the server of the deployment's.
    Server { name: String, home: Box<DatabaseSettings>, making: &'static Scratching },
    /// It is gone.
    Nowhere,
}

impl Scratch {
    /// Makes one: a file in a temporary folder, or on a server a new database beside the deployment's, of the same encoding and collation,
    /// and set as that is. `at` is a database of another server, beside which and as which it is made.
    ///
    /// # Errors
    /// A missing right; a server of another engine; the engine's answer; that it was cancelled.
    /// [`ErrorKind::AnotherEngine`] where another engine answers than the address says: see `Deployment::meeting`.
    pub(super) fn new(deployment: &mut Deployment<'_>, at: Option<&DatabaseUrl>) -> Result<Self, Error> {
        let dialect = deployment.dialect()?;
        not_cancelled(&deployment.cancel, &deployment.settings.url)?;
        let open = deployment.open_options(true);
        let scratch = |url: DatabaseUrl, place| Self {
            settings: settings(&deployment.settings, url, dialect),
            open: open.clone(),
            dialect,
            cancel: deployment.cancel.clone(),
            place,
        };
        match (at, dialect.scratch()) {
            (Some(_), None) => {
                Err(ScratchError::NoServer { database: deployment.settings.url.database() }.into())
            }
            (None, None) => {
                let folder = tempfile::Builder::new().prefix("dbwarden-scratch-").tempdir();
                let folder =
                    folder.map_err(|error| ScratchError::Folder { folder: std::env::temp_dir(), error })?;
                let url = file_in(folder.path(), &deployment.settings.url);
                Ok(scratch(url, Place::Folder(folder)))
            }
            (at, Some(making)) => {
                let mut home = deployment.settings.clone();
                if let Some(at) = at {
                    home.url = fit(at, &home)?;
                }
                let mut made = scratch(home.url.clone(), Place::Nowhere);
                made.create(deployment, making, &home)?;
                Ok(made)
            }
        }
    }

    /// Returns the settings of a deployment on it: the original's with another address, under which nobody is asked. Its records are in
    /// it, also where the original's are elsewhere.
    pub(super) fn settings(&self) -> DatabaseSettings {
        self.settings.clone()
    }

    /// Returns what is in it now, our own tables apart.
    ///
    /// # Errors
    /// The engine's answer; that it was cancelled.
    pub(super) fn fingerprint(&self) -> Result<Fingerprint, Error> {
        self.fingerprint_without(&BTreeSet::new())
    }

    /// The same without the columns whose digests are called so.
    ///
    /// # Errors
    /// The same.
    pub(super) fn fingerprint_without(&self, without: &BTreeSet<String>) -> Result<Fingerprint, Error> {
        let mut connection = Connection::Address;
        let mut session = connection.open(&self.settings, &self.open, &self.cancel)?;
        let read = of(&mut *session, self.dialect, &self.settings.tables, without, &self.cancel);
        Ok(read.map_err(|error| self.failed("the scratch database cannot be read", error))?)
    }

    /// Takes it away, and says what could not be; dropping it does the same in silence. A database that was given is left as the proof
    /// left it, which is no business of ours to clear: a file that was not there before is removed.
    ///
    /// # Errors
    /// [`ScratchError::Stays`].
    pub(super) fn close(mut self) -> Result<(), Error> {
        Ok(self.remove()?)
    }

    fn failed(&self, doing: &'static str, error: DriverError) -> ErrorKind {
        ErrorKind::Driver { doing, target: self.settings.url.target(), error }
    }

    /// Makes a database on the deployment's server.
    fn create(
        &mut self,
        deployment: &mut Deployment<'_>,
        making: &'static Scratching,
        home: &DatabaseSettings,
    ) -> Result<(), Error> {
        let cancel = deployment.cancel.clone();
        let time = deployment.clock.now().strftime("%Y%m%d_%H%M%S");
        let base = format!("dbwarden_scratch_{time}_{}", std::process::id());
        let options = deployment.open_options(false);
        let mut session = deployment.connection.open(home, &options, &cancel)?;
        let session = &mut *session;
        let failed = |error| ErrorKind::Driver {
            doing: "the scratch database cannot be made",
            target: home.url.target(),
            error,
        };
        let like = session.query(making.like, &[]).map_err(failed)?;
        let like = like.first().map(|row| row.text(0).to_owned()).unwrap_or_default();
        let alike = making.alike.map(|query| session.query(query, &[])).transpose().map_err(failed)?;
        for number in 0..NAMES {
            let name = if number == 0 { base.clone() } else { format!("{base}_{number}") };
            let quoted = self.dialect.quote(&name);
            not_cancelled(&cancel, &home.url)?;
            cancel.watch(session.interrupter());
            let mut made = session.execute(&format!("CREATE DATABASE {quoted}{like}"), &[]).map(drop);
            // Where it is not known whether it was made, it is dropped if it is there.
            if made.as_ref().map_or_else(may_have_been_done, |()| true) {
                self.settings.url = home.url.clone().with_name(&name);
                self.place = Place::Server { name, home: Box::new(home.clone()), making };
            }
            if made.is_ok() {
                made = alike.iter().flatten().try_for_each(|row| {
                    let statement = row.text(0).replace("{name}", &quoted);
                    match session.execute(&statement, &[]) {
                        // What only an administrator may set, an administrator has set.
                        Err(error) if error.kind == DriverErrorKind::Rights => Ok(()),
                        other => other.map(drop),
                    }
                });
            }
            cancel.forget();
            cancel.take_note();
            match made {
                Err(error) if error.code.as_deref() == Some(making.taken) => {}
                Err(error) if error.kind == DriverErrorKind::Rights => {
                    let grant = session.query(making.grant, &[]).ok();
                    let grant = grant.and_then(|rows| rows.first()?.optional_text(0));
                    let target = home.url.target();
                    return Err(ScratchError::Rights { target, right: making.right, grant, error }.into());
                }
                other => return Ok(other.map_err(failed)?),
            }
        }
        let error = DriverError::new(DriverErrorKind::Statement, format!("{base} and its like are taken"));
        Err(failed(error).into())
    }

    fn remove(&mut self) -> Result<(), ScratchError> {
        let target = self.settings.url.target();
        let stays = |reason: String| ScratchError::Stays { target: target.clone(), reason };
        match std::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Folder(folder) => folder.close().map_err(|error| stays(error.to_string())),
            Place::Server { name, home, making } => {
                self.drop_database(&name, &home, making).map_err(|error| stays(error.to_string()))
            }
            Place::Nowhere => Ok(()),
        }
    }

    /// Drops the database on the server, over a session of its own that nobody's cancel reaches.
    fn drop_database(&self, name: &str, home: &DatabaseSettings, making: &Scratching) -> Result<(), Error> {
        let options = OpenOptions { create: false, ..self.open.clone() };
        let mut connection = Connection::Address;
        let mut session = connection.open(home, &options, &Cancel::default())?;
        let mut dropped = Ok(0);
        for words in making.drop {
            dropped = session.execute(&words.replace("{name}", &self.dialect.quote(name)), &[]);
            if dropped.as_ref().map_or_else(|error| error.kind != DriverErrorKind::Statement, |_| true) {
                break;
            }
        }
        let doing = "it cannot be dropped";
        dropped.map_err(|error| ErrorKind::Driver { doing, target: home.url.target(), error })?;
        Ok(())
    }
}

fn not_cancelled(cancel: &Cancel, url: &DatabaseUrl) -> Result<(), Error> {
    if !cancel.take_note() {
        return Ok(());
    }
    let error = DriverError::new(DriverErrorKind::Interrupted, "interrupted");
    let doing = "the scratch database cannot be made";
    Err(ErrorKind::Driver { doing, target: url.target(), error }.into())
}

/// Whether a statement may have been done all the same, though it was answered so.
fn may_have_been_done(error: &DriverError) -> bool {
    matches!(error.kind, DriverErrorKind::Interrupted | DriverErrorKind::Cut)
}

/// The settings of a deployment on the database at `url`: those that say how files are read and statements run, and none that asks or
/// tells anybody, or leads elsewhere.
fn settings(of: &DatabaseSettings, url: DatabaseUrl, dialect: &dyn Dialect) -> DatabaseSettings {
    let mut settings = of.clone();
    settings.url = url;
    settings.direct_url = None;
    settings.dev_url = None;
    settings.protected = false;
    settings.strict_ahead = false;
    settings.hooks = Hooks::default();
    settings.safety = Safety {
        require_backup_within: None,
        destructive: Destructive::Allow,
        window: None,
        ..of.safety.clone()
    };
    settings.notes.clear();
    if dialect.records_may_be_outside() {
        settings.tables.schema = None;
    }
    settings
}

/// The file of a database, in `folder`. It has the name of the deployment's own: DuckDB calls a database after its file, and a script
/// may name it so.
fn file_in(folder: &Path, url: &DatabaseUrl) -> DatabaseUrl {
    let name = url.path().and_then(Path::file_name).map_or_else(|| "memory.db".into(), PathBuf::from);
    DatabaseUrl::file(url.database(), folder.join(name))
}

/// Returns the address of a given database, of the engine that answers at the deployment's.
fn fit(url: &DatabaseUrl, settings: &DatabaseSettings) -> Result<DatabaseUrl, ScratchError> {
    let (given, database) = (url.database(), settings.url.database());
    if given != database && !given.may_be(database) {
        return Err(ScratchError::OtherEngine { target: url.target(), given, database });
    }
    Ok(if given == database { url.clone() } else { url.clone().answered_by(database) })
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.remove().ok();
    }
}
