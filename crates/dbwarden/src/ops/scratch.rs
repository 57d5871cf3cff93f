//! A database of the deployment's engine that is made for a proof and gone behind it: a file in a temporary folder, a database on the
//! same server, or an empty one that the user names.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::fingerprint::of;
use super::{Connection, Deployment};
use crate::apply::fingerprint::relations;
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
    /// It is the deployment's own.
    #[error("the scratch database {target} is the deployment's own")]
    Itself {
        /// The database.
        target: String,
    },
    /// It is in memory: each session would have another.
    #[error("a scratch database in memory is another one in each session")]
    InMemory,
    /// Something is in it.
    #[error("the scratch database {target} is not empty: it has {}", listed(found))]
    NotEmpty {
        /// The database that was given.
        target: String,
        /// The tables and views in it.
        found: Vec<String>,
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
    #[error("the scratch database {target} {}: {reason}", if *made { "stays" } else { "is not empty any more" })]
    Stays {
        /// The database.
        target: String,
        /// Why.
        reason: String,
        /// Whether it was made here, and not given.
        made: bool,
    },
}

impl ScratchError {
    /// Returns the stable name of what is wrong, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            ScratchError::Rights { .. } => "scratch-rights",
            ScratchError::OtherEngine { .. } | ScratchError::Itself { .. } | ScratchError::InMemory => {
                "scratch-unfit"
            }
            ScratchError::NotEmpty { .. } => "scratch-not-empty",
            ScratchError::Folder { .. } => "scratch-folder",
            ScratchError::Stays { .. } => "scratch-stays",
        }
    }
}

fn listed(found: &[String]) -> String {
    const SHOWN: usize = 3;
    let names = found.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match found.len().saturating_sub(SHOWN) {
        0 => names,
        more => format!("{names} and {more} more"),
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
    /// The user's file, which was not there before.
    NewFile(PathBuf),
    /// The user's database, which was there and empty.
    Given,
    /// It is gone.
    Nowhere,
}

impl Scratch {
    /// Makes one. `url` is a database that the user gave for it, which must have no tables; else a file in a temporary folder, or on a
    /// server a new database beside the deployment's, of the same encoding and collation, and set as that is.
    ///
    /// # Errors
    /// A missing right; a given database that is not empty, is the deployment's own, or of another engine; the engine's answer; that it
    /// was cancelled. [`ErrorKind::AnotherEngine`] where another engine answers than the address says: see `Deployment::meeting`.
    pub(super) fn new(deployment: &mut Deployment<'_>, url: Option<&DatabaseUrl>) -> Result<Self, Error> {
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
        match (url, dialect.scratch()) {
            (Some(url), _) => {
                let given = scratch(
                    fit(url, &deployment.settings)?,
                    match url.path() {
                        Some(path) if !path.exists() => Place::NewFile(path.to_owned()),
                        _ => Place::Given,
                    },
                );
                given.refuse_unless_empty()?;
                Ok(given)
            }
            (None, None) => {
                let folder = tempfile::Builder::new().prefix("dbwarden-scratch-").tempdir();
                let folder =
                    folder.map_err(|error| ScratchError::Folder { folder: std::env::temp_dir(), error })?;
                let url = file_in(folder.path(), &deployment.settings.url);
                Ok(scratch(url, Place::Folder(folder)))
            }
            (None, Some(making)) => {
                let home = deployment.settings.clone();
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
        let mut connection = Connection::Address;
        let mut session = connection.open(&self.settings, &self.open, &self.cancel)?;
        let read = of(&mut *session, self.dialect, &self.settings.tables, &self.cancel);
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

    /// Refuses a given database with something in it.
    fn refuse_unless_empty(&self) -> Result<(), Error> {
        let open = OpenOptions { create: false, ..self.open.clone() };
        let mut connection = Connection::Address;
        let mut session =
            connection.open(&self.settings, &open, &self.cancel).map_err(|error| match error.kind() {
                ErrorKind::AnotherEngine { database } => {
                    let (target, database) = (self.settings.url.target(), *database);
                    let own = self.settings.url.database();
                    ScratchError::OtherEngine { target, given: database, database: own }.into()
                }
                _ => error,
            })?;
        let found = relations(&mut *session, self.dialect);
        let found = found.map_err(|error| self.failed("the scratch database cannot be read", error))?;
        if found.is_empty() {
            return Ok(());
        }
        Err(ScratchError::NotEmpty { target: self.settings.url.target(), found }.into())
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
        let stays = |reason: String, made| ScratchError::Stays { target: target.clone(), reason, made };
        match std::mem::replace(&mut self.place, Place::Nowhere) {
            Place::Folder(folder) => folder.close().map_err(|error| stays(error.to_string(), true)),
            Place::Server { name, home, making } => {
                self.drop_database(&name, &home, making).map_err(|error| stays(error.to_string(), true))
            }
            Place::NewFile(path) => without(&path).map_err(|error| stays(error.to_string(), false)),
            Place::Given => match self.refuse_unless_empty() {
                Ok(()) => Ok(()),
                Err(error) => Err(match error.kind() {
                    ErrorKind::Scratch(ScratchError::NotEmpty { found, .. }) => {
                        stays(format!("it has {}", listed(found)), false)
                    }
                    _ => stays(error.to_string(), false),
                }),
            },
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
    let url = if given == database { url.clone() } else { url.clone().answered_by(database) };
    if url.is_memory() {
        return Err(ScratchError::InMemory);
    }
    let own = &settings.url;
    let same = match (url.path(), own.path()) {
        (Some(a), Some(b)) => same_file(a, b),
        (None, None) => {
            let place = |url: &DatabaseUrl| {
                let hosts: Vec<_> = url.hosts().map(|(host, port)| (host.to_owned(), port)).collect();
                (hosts, url.socket().map(Path::to_owned), url.name().map(str::to_owned))
            };
            !own.is_memory() && place(&url) == place(own)
        }
        _ => false,
    };
    if same { Err(ScratchError::Itself { target: url.target() }) } else { Ok(url) }
}

fn same_file(a: &Path, b: &Path) -> bool {
    let own = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    own(a) == own(b)
}

/// Takes the file of a database away, and what its engine puts beside it.
fn without(path: &Path) -> std::io::Result<()> {
    let (mut folder, mut name) = (path.to_owned(), path.file_name().unwrap_or_default().to_owned());
    folder.pop();
    let mut outcome = Ok(());
    let own = name.clone();
    for end in ["", "-wal", "-shm", "-journal", ".wal", ".dbwarden-lock"] {
        name.clone_from(&own);
        name.push(end);
        match std::fs::remove_file(folder.join(&name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => outcome = Err(error),
            _ => {}
        }
    }
    outcome
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !matches!(self.place, Place::Given) {
            self.remove().ok();
        }
    }
}
