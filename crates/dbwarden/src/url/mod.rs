//! The address of a database: a URL, or the parts of one. It holds the password and never shows it.
//!
//! `Display` and `Debug` write `***` for the password and for every parameter that names a secret. The full text comes
//! from [`DatabaseUrl::secret_url`] alone.

mod error;
mod parse;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

pub use self::error::UrlError;
use crate::database::Database;

/// The address of one database.
///
/// Two addresses are equal when their full texts are.
#[derive(Clone)]
pub struct DatabaseUrl {
    database: Database,
    place: Place,
    parameters: BTreeMap<String, String>,
}

#[derive(Clone)]
enum Place {
    Memory,
    /// The path as written, and where it is once a directory is known.
    File {
        written: PathBuf,
        path: PathBuf,
    },
    Server(Server),
}

#[derive(Clone, Default)]
struct Server {
    hosts: Vec<Host>,
    socket: Option<PathBuf>,
    user: Option<String>,
    password: Option<SecretString>,
    name: String,
}

#[derive(Clone)]
struct Host {
    name: String,
    port: Option<u16>,
}

/// The parts of an address, each without any escaping.
#[derive(Clone)]
pub struct Parts {
    /// The engine.
    pub database: Database,
    /// The host, an IPv6 address without brackets, or the directory of a socket (it begins with `/`).
    pub host: Option<String>,
    /// The port; the engine's own where absent.
    pub port: Option<u16>,
    /// The user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<SecretString>,
    /// The name of the database on a server; the path, or `:memory:`, of an embedded one.
    pub name: Option<String>,
    /// What stands after the `?` of a URL.
    pub parameters: BTreeMap<String, String>,
}

impl DatabaseUrl {
    /// Reads a URL. The spellings are those of `docs/reference/settings.md`.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        parse::parse(text)
    }

    /// Puts an address together from its parts.
    pub fn from_parts(parts: Parts) -> Result<Self, UrlError> {
        let Parts { database, host, port, user, password, name, parameters } = parts;
        let name = name.filter(|it| !it.is_empty()).ok_or(UrlError::MissingDatabase { database })?;
        if database.is_embedded() {
            let mut url =
                if name == ":memory:" { Self::memory(database) } else { Self::file(database, name) };
            url.parameters = parameters;
            return Ok(url);
        }
        if port == Some(0) {
            return Err(UrlError::BadPort);
        }
        let (socket, host) = match host.filter(|it| !it.is_empty()) {
            Some(path) if path.starts_with('/') => (Some(PathBuf::from(path)), String::new()),
            Some(name) => (None, name.trim_start_matches('[').trim_end_matches(']').to_owned()),
            None => (None, String::new()),
        };
        let hosts = vec![Host { name: host, port }];
        let server = Server { hosts, socket, user: user.filter(|it| !it.is_empty()), password: None, name };
        let mut url = Self { database, place: Place::Server(server), parameters };
        url.set_password(password);
        Ok(url)
    }

    /// Returns the address of a file.
    pub fn file(database: Database, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let place = Place::File { written: path.clone(), path };
        Self { database, place, parameters: BTreeMap::new() }
    }

    /// Returns the address of a database in memory.
    pub fn memory(database: Database) -> Self {
        Self { database, place: Place::Memory, parameters: BTreeMap::new() }
    }

    /// Returns the same address with a relative file name taken from `directory`; [`DatabaseUrl::target`] still shows it
    /// as it was written.
    #[must_use]
    pub fn located_in(mut self, directory: &Path) -> Self {
        if let Place::File { written, path } = &mut self.place {
            *path = joined(directory, written);
        }
        self
    }

    /// Returns the address of the database `name` on the same server, with the same user and parameters; an embedded
    /// address becomes the file `name`.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        match &mut self.place {
            Place::Server(server) => server.name = name.to_owned(),
            place => *place = Place::File { written: name.into(), path: name.into() },
        }
        self
    }

    /// Returns the same address with this password, such as one from a password file of the engine's own client.
    #[must_use]
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.set_password(Some(password));
        self
    }

    /// Returns the same address with a parameter more, in place of one of that name.
    #[must_use]
    pub(crate) fn with_parameter(mut self, name: &str, value: impl Into<String>) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    /// Returns the same address of another engine that answered there: what was the first one's default stays.
    #[must_use]
    pub(crate) fn answered_by(mut self, database: Database) -> Self {
        let port = self.database.client_defaults().port;
        if let Place::Server(server) = &mut self.place {
            for host in &mut server.hosts {
                host.port = host.port.or(port);
            }
        }
        self.database = database;
        self
    }

    /// Returns the engine that the scheme names. A server behind `postgresql:` may still turn out to be CockroachDB.
    pub fn database(&self) -> Database {
        self.database
    }

    /// Returns the file of an embedded database; `None` for one in memory and for servers.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether the database lives in memory.
    pub fn is_memory(&self) -> bool {
        matches!(self.place, Place::Memory)
    }

    /// Returns the first host of a server: a name or an address without brackets; `None` where it is not given.
    pub fn host(&self) -> Option<&str> {
        self.hosts().next().map(|(host, _)| host).filter(|host| !host.is_empty())
    }

    /// Returns the port of the first host, or the engine's own; `None` for an embedded database.
    pub fn port(&self) -> Option<u16> {
        self.hosts().next().map(|(_, port)| port)
    }

    /// Returns every host with its port, in the order in which they are tried.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, u16)> {
        let default = self.database.client_defaults().port.unwrap_or(0);
        let hosts = self.server().map(|it| it.hosts.as_slice()).unwrap_or_default();
        hosts.iter().map(move |host| (host.name.as_str(), host.port.unwrap_or(default)))
    }

    /// Returns the user as written; the driver takes the engine's default where there is none.
    pub fn user(&self) -> Option<&str> {
        self.server()?.user.as_deref()
    }

    /// Returns the password.
    pub fn password(&self) -> Option<&SecretString> {
        self.server()?.password.as_ref()
    }

    /// Returns the name of the database on its server; `None` for an embedded database.
    pub fn name(&self) -> Option<&str> {
        self.server().map(|it| it.name.as_str())
    }

    /// Returns the socket: for PostgreSQL and CockroachDB its directory, for MySQL and MariaDB its file.
    pub fn socket(&self) -> Option<&Path> {
        self.server()?.socket.as_deref()
    }

    /// Returns the parameters after `?`, decoded, without those that are fields here. They may hold secrets.
    pub fn parameters(&self) -> &BTreeMap<String, String> {
        &self.parameters
    }

    /// Returns one parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Returns the address with `***` in place of every secret. It is what `Display` writes.
    pub fn masked(&self) -> String {
        self.write(write::Secrets::Masked)
    }

    /// Returns the whole address **with its secrets**, percent-encoded where it must be, for a driver that wants a URL.
    pub fn secret_url(&self) -> String {
        self.write(write::Secrets::Shown)
    }

    /// Returns what messages call the database: `shop.db`, `:memory:`, `app@db.internal:5432/shop`.
    pub fn target(&self) -> String {
        write::target(self)
    }

    fn server(&self) -> Option<&Server> {
        match &self.place {
            Place::Server(server) => Some(server),
            _ => None,
        }
    }

    fn set_password(&mut self, password: Option<SecretString>) {
        if let Place::Server(server) = &mut self.place {
            server.password = password.filter(|it| !it.expose_secret().is_empty());
        }
    }
}

/// Returns `path` as seen from `directory`; an empty directory and `.` leave it as it is.
pub(crate) fn joined(directory: &Path, path: &Path) -> PathBuf {
    if directory == Path::new(".") { path.to_owned() } else { directory.join(path) }
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { database, host, port, user, name, .. } = self;
        write!(f, "Parts({database}, {host:?}, {port:?}, {user:?}, ***, {name:?})")
    }
}

impl std::str::FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl PartialEq for DatabaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path() && self.secret_url() == other.secret_url()
    }
}

impl Eq for DatabaseUrl {}
