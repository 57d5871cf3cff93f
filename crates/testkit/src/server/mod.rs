//! Real servers for tests: found by a variable of the environment, or started on this machine, private and forgetful.
//!
//! Each test is a process of its own under cargo-nextest, and all of them share one server of each brand. `cargo xtask test`
//! starts them beforehand and hands their URLs on. Without it the first process starts one, which ends by itself some two
//! minutes after the last process that used it, however that one ended.

mod account;
mod address;
mod certificate;
mod find;
mod folder;
mod galera;
mod lend;
pub(crate) mod npm;
mod owned;
mod pgbouncer;
mod postgres_18;
mod shared;
mod shell;
mod start;

use std::path::Path;
use std::sync::OnceLock;

use address::Address;
use folder::Folder;
pub use galera::galera;
pub use lend::{install_missing, lend};
pub use owned::{OwnedDatabase, Role};
pub use pgbouncer::{PgBouncer, pgbouncer};
pub use postgres_18::postgres_18;
use shared::Meeting;
use start::Started;

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brand {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    Mariadb,
    /// MySQL: only where its URL is given.
    Mysql,
    /// CockroachDB: only where its URL is given.
    Cockroach,
}

impl Brand {
    /// Returns the name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Brand::Postgres => "PostgreSQL",
            Brand::Mariadb => "MariaDB",
            Brand::Mysql => "MySQL",
            Brand::Cockroach => "CockroachDB",
        }
    }

    /// Returns the variable that holds the URL of a server of it, as its administrator.
    pub fn variable(self) -> &'static str {
        match self {
            Brand::Postgres => "DBWARDEN_TEST_POSTGRES_URL",
            Brand::Mariadb => "DBWARDEN_TEST_MARIADB_URL",
            Brand::Mysql => "DBWARDEN_TEST_MYSQL_URL",
            Brand::Cockroach => "DBWARDEN_TEST_COCKROACH_URL",
        }
    }

    /// Returns Debian's package of it.
    fn package(self) -> Option<&'static str> {
        match self {
            Brand::Postgres => Some("postgresql"),
            Brand::Mariadb => Some("mariadb-server"),
            Brand::Mysql | Brand::Cockroach => None,
        }
    }

    fn is_mariadb(self) -> bool {
        self == Brand::Mariadb
    }

    fn is_cockroach(self) -> bool {
        self == Brand::Cockroach
    }

    /// Whether it speaks PostgreSQL's protocol.
    fn is_postgres(self) -> bool {
        matches!(self, Brand::Postgres | Brand::Cockroach)
    }

    fn scheme(self) -> &'static str {
        match self {
            Brand::Postgres => "postgresql",
            Brand::Mariadb => "mariadb",
            Brand::Mysql => "mysql",
            Brand::Cockroach => "cockroachdb",
        }
    }

    fn administrator(self) -> &'static str {
        if self == Brand::Postgres { "postgres" } else { "root" }
    }

    fn default_port(self) -> u16 {
        match self {
            Brand::Postgres => 5432,
            Brand::Mariadb | Brand::Mysql => 3306,
            Brand::Cockroach => 26257,
        }
    }

    /// The setting of a URL that names the file of trusted authorities.
    fn ca_setting(self) -> &'static str {
        if self.is_postgres() { "sslrootcert" } else { "ssl-ca" }
    }

    fn missing(self) -> String {
        let (name, variable) = (self.name(), self.variable());
        let url = format!(
            "{variable}={}://{}:PASSWORD@HOST:{}/",
            self.scheme(),
            self.administrator(),
            self.default_port()
        );
        match self.package() {
            Some(package) => format!(
                "{name} is not installed, and {variable} is not set: `cargo xtask test` as root installs it on Debian \
                 (package {package}); or set {url}"
            ),
            None => format!("{name} is not started by the tests: see compose.yml, and set {url}"),
        }
    }

    fn missing_shell(self) -> String {
        let (shell, package) =
            if self.is_postgres() { ("psql", "postgresql-client") } else { ("mariadb", "mariadb-client") };
        format!("the shell `{shell}` for {} is not installed: on Debian, package {package}", self.name())
    }
}

/// A server to which the test is the administrator.
#[derive(Debug, Clone)]
pub struct Server {
    brand: Brand,
    address: Address,
}

impl Server {
    fn new(brand: Brand, address: Address) -> Self {
        crate::secrets::know(&address.password);
        Self { brand, address }
    }

    fn at(brand: Brand, url: &str) -> Result<Self, String> {
        Ok(Self::new(brand, Address::parse(brand, url)?))
    }

    /// Returns whose it is.
    pub fn brand(&self) -> Brand {
        self.brand
    }

    /// Returns the host's name or number.
    pub fn host(&self) -> &str {
        &self.address.host
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.address.port
    }

    /// Returns the administrator's name.
    pub fn user(&self) -> &str {
        &self.address.user
    }

    /// Returns the administrator's password.
    pub fn password(&self) -> &str {
        &self.address.password
    }

    /// Returns the file with the authority that signed its certificate for `localhost` and `127.0.0.1`; none where the server
    /// is not the kit's own.
    pub fn ca_file(&self) -> Option<&Path> {
        self.address.ca_file.as_deref()
    }

    /// Returns the folder with its Unix sockets, `socket` for MariaDB and `.s.PGSQL.<port>` for PostgreSQL; none where the
    /// server is not the kit's own.
    pub fn socket_folder(&self) -> Option<&Path> {
        self.ca_file()?.parent()
    }

    /// Returns the address of a database on it, as the administrator.
    pub fn url(&self, database: &str) -> String {
        self.address.url(self.brand.scheme(), self.user(), self.password(), database)
    }

    /// Returns the address of a database on it, as a role.
    pub fn url_as(&self, role: &Role, database: &str) -> String {
        self.address.url(self.brand.scheme(), role.name(), role.password(), database)
    }

    /// Returns the address as another host and port reach it, such as those of a [`crate::Proxy`].
    #[must_use]
    pub fn through(&self, host: &str, port: u16) -> Self {
        let address = Address { host: host.to_owned(), port, ..self.address.clone() };
        Self { brand: self.brand, address }
    }

    /// Returns it with a further setting in its addresses, such as `sslmode=require`.
    #[must_use]
    pub fn with_setting(&self, setting: &str) -> Self {
        let mut server = self.clone();
        server.address.settings.push(setting.to_owned());
        server
    }

    /// Makes a database of the test's own, whose name begins with the hint.
    ///
    /// # Panics
    /// Where the server refuses.
    pub fn database(&self, hint: &str) -> OwnedDatabase {
        OwnedDatabase::new(self, hint)
    }

    /// Makes a role of the test's own that may log in, whose name begins with the hint.
    ///
    /// # Panics
    /// Where the server refuses.
    pub fn role(&self, hint: &str) -> Role {
        Role::new(self, hint)
    }

    /// What `psql` is given: no password, which would be seen in the list of processes.
    fn postgres_url(&self, user: &str, database: &str) -> String {
        self.address.url("postgresql", user, "", database)
    }

    /// The URL that holds all there is to know of it, for a variable of the environment.
    fn whole_url(&self) -> String {
        self.address.whole(self.brand)
    }
}

/// Returns the PostgreSQL of this run.
///
/// # Panics
/// Where there is none: the message says what to install or to set.
#[track_caller]
pub fn postgres() -> &'static Server {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    shown(SERVER.get_or_init(|| shared(Brand::Postgres)))
}

/// Returns the MariaDB of this run.
///
/// # Panics
/// Where there is none: the message says what to install or to set.
#[track_caller]
pub fn mariadb() -> &'static Server {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    shown(SERVER.get_or_init(|| shared(Brand::Mariadb)))
}

/// Returns the MySQL that `DBWARDEN_TEST_MYSQL_URL` names, if it is set.
#[track_caller]
pub fn mysql() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Result<Server, String>>> = OnceLock::new();
    SERVER.get_or_init(|| given(Brand::Mysql, Brand::Mysql.variable())).as_ref().map(shown)
}

/// Returns the CockroachDB that `DBWARDEN_TEST_COCKROACH_URL` names, if it is set.
#[track_caller]
pub fn cockroach() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Result<Server, String>>> = OnceLock::new();
    SERVER.get_or_init(|| given(Brand::Cockroach, Brand::Cockroach.variable())).as_ref().map(shown)
}

#[track_caller]
fn shown<T>(found: &'static Result<T, String>) -> &'static T {
    found.as_ref().unwrap_or_else(|error| panic!("{error}"))
}

/// Whether the longer lane is wanted, `cargo xtask test --all-servers`.
fn all_servers() -> bool {
    is_set("DBWARDEN_TEST_ALL_SERVERS")
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn given(brand: Brand, variable: &str) -> Option<Result<Server, String>> {
    let url = std::env::var_os(variable).filter(|url| !url.is_empty())?;
    Some(Server::at(brand, &url.to_string_lossy()))
}

fn shared(brand: Brand) -> Result<Server, String> {
    Ok(further(brand, brand.variable(), brand.scheme(), || start::start(brand))?.0)
}

/// The server that a variable names, or the shared one of that name, with its folder.
fn further(
    brand: Brand,
    variable: &str,
    name: &str,
    start: impl FnOnce() -> Result<Started, String>,
) -> Result<(Server, Option<Folder>), String> {
    if let Some(given) = given(brand, variable) {
        return Ok((given?, None));
    }
    let found = Meeting::here()?.find_or_start(brand, name, start)?;
    Ok((found.server, Some(found.folder)))
}

#[cfg(test)]
mod tests {
    use super::Brand;

    #[test]
    fn a_missing_server_is_told_with_what_to_do() {
        assert_eq!(
            Brand::Mariadb.missing(),
            "MariaDB is not installed, and DBWARDEN_TEST_MARIADB_URL is not set: `cargo xtask test` as root installs it on \
             Debian (package mariadb-server); or set DBWARDEN_TEST_MARIADB_URL=mariadb://root:PASSWORD@HOST:3306/"
        );
        assert_eq!(
            Brand::Cockroach.missing(),
            "CockroachDB is not started by the tests: see compose.yml, and set \
             DBWARDEN_TEST_COCKROACH_URL=cockroachdb://root:PASSWORD@HOST:26257/"
        );
    }
}
