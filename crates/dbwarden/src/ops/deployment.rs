//! One database together with the migrations that are meant for it.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::apply::hooks::{Commands, HookList};
use crate::apply::lock::{LockError, LockOptions};
use crate::apply::owner;
use crate::apply::run::{Cancel, Clock, Event, Observer, Points, Run, SystemClock};
use crate::dialect::{self, Dialect};
use crate::driver::{self, DriverError, DriverErrorKind, OpenOptions, Session};
use crate::error::{Error, ErrorKind};
use crate::migration::rust::RustMigration;
use crate::migration::source::{ReadOptions, Source};
use crate::project::DatabaseSettings;
use crate::url::DatabaseUrl;

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
    /// Migrations in Rust, beside those.
    pub rust: Vec<RustMigration>,
    /// What is called around each migration, before the commands of the settings.
    pub hooks: HookList,
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
            rust: Vec::new(),
            hooks: HookList::default(),
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

    /// Runs `verb`, and once more where another engine answers than the address says, as CockroachDB does under `postgresql:`: its files
    /// are to be read for that one then. Nothing has been done before a session is open.
    pub(super) fn meeting<T>(
        &mut self,
        mut verb: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let error = match verb(self) {
            Err(error) => error,
            done => return done,
        };
        let ErrorKind::AnotherEngine { database } = *error.kind() else { return Err(error) };
        self.settings.url = self.settings.url.clone().answered_by(database);
        verb(self)
    }

    /// Returns for whom the files are read.
    ///
    /// # Errors
    /// That this version cannot run on the engine.
    pub fn read_options(&self) -> Result<ReadOptions, Error> {
        let carried = self.rust.iter().map(RustMigration::migration).collect();
        Ok(ReadOptions { dialect: self.dialect()?, others: self.others(), carried })
    }

    /// Returns what is called around each migration.
    pub(super) fn hooks(&self) -> HookList {
        let mut hooks = self.hooks.clone();
        let commands = &self.settings.hooks;
        if *commands != crate::project::Hooks::default() {
            let (before, after, failure) =
                (commands.before.clone(), commands.after.clone(), commands.failure.clone());
            hooks.push(Arc::new(Commands { before, after, failure }));
        }
        hooks
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
            meant: None,
        }
    }
}

/// How long who waits for a file sleeps before it looks again, at first and at most: each look makes an instance of the engine, and
/// thirty who look all the time leave the holder no room.
const LOOK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(300));
/// How often it is told that somebody waits.
const TELL: Duration = Duration::from_secs(1);

/// How long who only looks waits for a process that has the database's file for itself.
const BRIEFLY: Duration = Duration::from_secs(1);

/// Told how long was waited, and what the engine says of who has the file.
type Told<'a> = Box<dyn FnMut(Duration, &str) + 'a>;

/// How another process is waited for that has the database's file for itself, as one has DuckDB's.
pub(crate) struct Patience<'a> {
    wait: Duration,
    cancel: Cancel,
    told: Told<'a>,
}

impl<'a> Patience<'a> {
    /// That of who only looks: it is soon over.
    pub(crate) fn brief(wait: Duration, cancel: &Cancel) -> Self {
        Self { wait: BRIEFLY.min(wait), cancel: cancel.clone(), told: Box::new(|_, _| {}) }
    }

    /// That of a run: as long as for the lock.
    pub(crate) fn of(run: &'a mut Run<'_>, wait: Duration) -> Self {
        let (cancel, observer) = (run.cancel.clone(), &mut *run.observer);
        let told = move |waited, reason: &str| {
            observer.event(&Event::Waiting { holder: None, reason: Some(reason), waited });
        };
        Self { wait, cancel, told: Box::new(told) }
    }

    /// Tries until no other process has the file.
    fn out<T>(
        &mut self,
        mut attempt: impl FnMut() -> Result<T, DriverError>,
    ) -> Result<Result<T, DriverError>, LockError> {
        let started = Instant::now();
        let (mut look, mut tell) = (LOOK.0, Duration::from_millis(300));
        loop {
            let error = match attempt() {
                Err(error) if error.kind == DriverErrorKind::Busy => error,
                other => return Ok(other),
            };
            let waited = started.elapsed();
            if waited >= self.wait {
                return Err(LockError::Elsewhere { error, waited });
            }
            if self.cancel.take_note() {
                return Err(LockError::Cancelled);
            }
            if waited >= tell {
                tell = waited + TELL;
                (self.told)(waited, &error.message);
            }
            // Many that wait do not all look at once.
            let share = (std::process::id() ^ started.elapsed().subsec_micros()) % 16;
            std::thread::sleep(
                look.mul_f64(0.5 + f64::from(share) / 16.0).min(self.wait.saturating_sub(waited)),
            );
            look = look.mul_f64(1.4).min(LOOK.1);
        }
    }
}

/// Makes the database where it is a file that is not there yet.
///
/// # Errors
/// The engine's answer: where the folder is there and the file is not, it is for want of rights.
pub(super) fn make(
    session: &mut dyn Session,
    url: &DatabaseUrl,
    mut patience: Patience<'_>,
) -> Result<(), Error> {
    patience.out(|| session.create())?.map_err(|mut error| {
        let folder = url.path().filter(|path| !path.exists()).and_then(Path::parent);
        let is_there = |folder: &Path| folder.as_os_str().is_empty() || folder.is_dir();
        if error.kind == DriverErrorKind::Open && folder.is_some_and(is_there) {
            error.kind = DriverErrorKind::Rights;
        }
        ErrorKind::Driver { doing: "the database's file cannot be made", target: url.target(), error }.into()
    })
}

/// Opens a session with a server from a thread of its own: where that says nothing, who cancels is heard all the same. The thread ends
/// with the driver's own patience.
fn beside(
    url: &DatabaseUrl,
    options: &OpenOptions,
    cancel: &Cancel,
) -> Result<Box<dyn Session>, DriverError> {
    const LOOK: Duration = Duration::from_millis(50);
    let (tell, told) = mpsc::channel();
    let (url, options) = (url.clone(), options.clone());
    std::thread::spawn(move || tell.send(driver::open(&url, &options)).ok());
    loop {
        match told.recv_timeout(LOOK) {
            Ok(opened) => return opened,
            Err(RecvTimeoutError::Timeout) if cancel.take_note() => {
                return Err(DriverError::new(DriverErrorKind::Interrupted, "interrupted while connecting"));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let message = "the thread that connects ended";
                return Err(DriverError::new(DriverErrorKind::Open, message));
            }
        }
    }
}

impl Connection<'_> {
    /// Opens a session, and is told by `cancel` to stop waiting for one.
    pub(crate) fn open<'a>(
        &'a mut self,
        settings: &DatabaseSettings,
        options: &OpenOptions,
        cancel: &Cancel,
    ) -> Result<Box<dyn Session + 'a>, Error> {
        self.open_within(settings, options, Patience::brief(settings.lock_wait, cancel))
    }

    /// Opens a session, and waits as for the lock where another process has the file for itself, as DuckDB's are.
    pub(crate) fn open_within<'a>(
        &'a mut self,
        settings: &DatabaseSettings,
        options: &OpenOptions,
        mut patience: Patience<'_>,
    ) -> Result<Box<dyn Session + 'a>, Error> {
        let opened: Result<Box<dyn Session + 'a>, DriverError> = match self {
            Connection::Address if settings.url.path().is_some() => patience
                .out(|| driver::open(&settings.url, options))?
                .map(|session| session as Box<dyn Session>),
            Connection::Address => {
                beside(&settings.url, options, &patience.cancel).map(|session| session as Box<dyn Session>)
            }
            #[cfg(feature = "sqlite")]
            Connection::Host(connection) => driver::host_session(connection, options),
            Connection::Never(never, _) => match *never {},
        };
        let target = || settings.url.target();
        if let Ok(session) = &opened
            && session.server().database != settings.url.database()
        {
            return Err(ErrorKind::AnotherEngine { database: session.server().database }.into());
        }
        Ok(opened.map_err(|error| ErrorKind::Driver {
            doing: "the database cannot be opened",
            target: target(),
            error,
        })?)
    }
}
