//! One database together with the migrations that are meant for it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::apply::lock::{LockError, LockOptions};
use crate::apply::owner;
use crate::apply::run::{Cancel, Clock, Observer, Points, Run, SystemClock};
use crate::dialect::{self, Dialect};
use crate::driver::{self, DriverError, DriverErrorKind, OpenOptions, Session};
use crate::error::{Error, ErrorKind};
use crate::migration::source::{ReadOptions, Source};
use crate::project::DatabaseSettings;

/// How the database is reached.
pub enum Connection<'host> {
    /// By the address in the settings, with a session for each verb.
    Address,
    /// Over a connection that the host owns.
    #[cfg(feature = "sqlite")]
    Host(&'host mut driver::HostConnection),
    /// Keeps the lifetime where no driver has a host's connection.
    #[doc(hidden)]
    Never(std::convert::Infallible, std::marker::PhantomData<&'host ()>),
}

impl fmt::Debug for Connection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Connection::Address => "Address",
            #[cfg(feature = "sqlite")]
            Connection::Host(_) => "Host",
            Connection::Never(..) => "Never",
        })
    }
}

/// One database together with the migrations that are meant for it.
pub struct Deployment<'host> {
    /// The database's settings.
    pub settings: DatabaseSettings,
    /// Where the migrations are.
    pub source: Source,
    /// Other databases of the project: files with their name in front are not for this one.
    pub others: BTreeSet<String>,
    /// How the database is reached.
    pub connection: Connection<'host>,
    /// How the lock is waited for and kept.
    pub lock: LockOptions,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Cancels what is running.
    pub cancel: Cancel,
    /// Told each point of a run that is passed.
    pub points: Option<Points>,
    /// Who works here, as user@host.
    pub who: String,
}

impl fmt::Debug for Deployment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment")
            .field("settings", &self.settings)
            .field("connection", &self.connection)
            .field("who", &self.who)
            .finish_non_exhaustive()
    }
}

impl<'host> Deployment<'host> {
    /// Returns the deployment of `settings` with the files of its directory.
    pub fn new(settings: DatabaseSettings) -> Self {
        let source = Source::Directory(settings.migrations.clone());
        let lock = LockOptions { wait: settings.lock_wait, ..LockOptions::default() };
        Self {
            settings,
            source,
            others: BTreeSet::new(),
            connection: Connection::Address,
            lock,
            clock: Arc::new(SystemClock),
            cancel: Cancel::default(),
            points: None,
            who: owner::who(),
        }
    }

    /// Returns the deployment over a connection that the host owns.
    #[cfg(feature = "sqlite")]
    pub fn on(settings: DatabaseSettings, connection: &'host mut driver::HostConnection) -> Self {
        Self { connection: Connection::Host(connection), ..Self::new(settings) }
    }

    /// Returns what is known of the engine.
    ///
    /// # Errors
    /// That this version cannot run on it.
    pub fn dialect(&self) -> Result<&'static dyn Dialect, Error> {
        let database = self.settings.url.database();
        Ok(dialect::of(database).ok_or(ErrorKind::NotYet { database })?)
    }

    /// Returns for whom the files are read.
    ///
    /// # Errors
    /// That this version cannot run on the engine.
    pub fn read_options(&self) -> Result<ReadOptions, Error> {
        Ok(ReadOptions { dialect: self.dialect()?, others: self.others() })
    }

    /// Returns the other databases whose files may stand beside ours.
    pub(crate) fn others(&self) -> BTreeSet<String> {
        let mut others = self.others.clone();
        others.remove(&self.settings.name);
        others
    }

    /// Returns how sessions are opened; `create` makes an embedded database's file.
    pub(crate) fn open_options(&self, create: bool) -> OpenOptions {
        OpenOptions {
            create,
            foreign_keys: self.settings.foreign_keys,
            lock_timeout: self.settings.safety.lock_timeout,
            prelude: self.settings.session.clone(),
            schema: self.settings.schema.clone(),
            duckdb_library: self.settings.duckdb_library.clone(),
        }
    }

    /// Returns the spellings of the environment, in lower case.
    pub(crate) fn environment(&self) -> BTreeSet<String> {
        let environment = self.settings.environment.iter();
        environment.flat_map(|environment| environment.spellings()).map(str::to_ascii_lowercase).collect()
    }

    /// Returns what a run carries with it.
    pub(crate) fn run<'a>(&self, clock: &'a dyn Clock, observer: &'a mut dyn Observer) -> Run<'a> {
        let now = clock.now();
        Run {
            id: format!("{}-{}", now.strftime("%Y%m%dT%H%M%S%.3f"), std::process::id()),
            clock,
            cancel: self.cancel.clone(),
            observer,
            points: self.points.clone(),
            who: self.who.clone(),
            next: None,
        }
    }
}

/// How often who waits for a file looks again.
const LOOK: Duration = Duration::from_millis(20);

/// How long who only looks waits for a process that has the database's file for itself.
pub(crate) const BRIEFLY: Duration = Duration::from_secs(1);

impl Connection<'_> {
    /// Opens a session.
    pub(crate) fn open<'a>(
        &'a mut self,
        settings: &DatabaseSettings,
        options: &OpenOptions,
    ) -> Result<Box<dyn Session + 'a>, Error> {
        self.open_within(settings, options, BRIEFLY.min(settings.lock_wait), &Cancel::default())
    }

    /// Opens a session, and waits as for the lock where another process has the file for itself, as DuckDB's are.
    pub(crate) fn open_within<'a>(
        &'a mut self,
        settings: &DatabaseSettings,
        options: &OpenOptions,
        wait: Duration,
        cancel: &Cancel,
    ) -> Result<Box<dyn Session + 'a>, Error> {
        let started = Instant::now();
        let opened: Result<Box<dyn Session + 'a>, DriverError> = match self {
            Connection::Address => loop {
                let opened = driver::open(&settings.url, options);
                match opened {
                    Err(error) if error.kind == DriverErrorKind::Busy && settings.url.path().is_some() => {
                        let waited = started.elapsed();
                        if waited >= wait {
                            return Err(LockError::Elsewhere { error, waited }.into());
                        }
                        if cancel.take_note() {
                            return Err(LockError::Cancelled.into());
                        }
                        // Many that wait do not all look at once.
                        std::thread::sleep(LOOK + LOOK.mul_f64(f64::from(std::process::id() % 16) / 16.0));
                    }
                    opened => break opened.map(|session| session as Box<dyn Session>),
                }
            },
            #[cfg(feature = "sqlite")]
            Connection::Host(connection) => driver::host_session(connection, options),
            Connection::Never(never, _) => match *never {},
        };
        let target = || settings.url.target();
        Ok(opened.map_err(|error| ErrorKind::Driver {
            doing: "the database cannot be opened",
            target: target(),
            error,
        })?)
    }
}
