//! A database that a test owns, whatever its engine. `Engine::` is matched here and nowhere else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::duckdb;
use crate::scripted::Cockroach;
use crate::server::{self, OwnedDatabase};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tempfile::TempDir;

/// The names of our own tables, which no snapshot shows.
const OURS: &str = "('dbwarden_migrations', 'dbwarden_lock', 'dbwarden_journal')";

/// An engine that the tests run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite, a file.
    Sqlite,
    /// PostgreSQL, a database on the server that the tests share.
    Postgres,
    /// A database on that server, behind what answers as CockroachDB does.
    Scripted,
    /// CockroachDB, the server that `DBWARDEN_TEST_COCKROACH_URL` names.
    Cockroach,
    /// MariaDB, likewise.
    Mariadb,
    /// DuckDB, a file.
    Duckdb,
}

/// A database that a test owns, with a folder beside it. Both are gone when it is dropped.
#[derive(Debug)]
pub struct Database {
    engine: Engine,
    folder: TempDir,
    /// On a server: the database there.
    owned: Option<OwnedDatabase>,
    scripted: Option<Cockroach>,
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            crate::secrets::none_below(self.folder.path());
        }
    }
}

impl Database {
    /// Makes an empty database, and a folder with an empty directory of migrations.
    pub fn new(engine: Engine) -> Self {
        let owned = match engine {
            Engine::Sqlite | Engine::Duckdb => None,
            // TLS has tests of its own.
            Engine::Postgres | Engine::Scripted => {
                Some(server::postgres().with_setting("sslmode=disable").database("suite"))
            }
            Engine::Mariadb => Some(server::mariadb().with_setting("ssl-mode=disabled").database("suite")),
            Engine::Cockroach => {
                let server = server::cockroach().expect(
                    "DBWARDEN_TEST_COCKROACH_URL names the CockroachDB of this test; compose.yml has one",
                );
                Some(server.database("suite"))
            }
        };
        Self::with(engine, owned)
    }

    /// Makes one on a server that is not the one that the tests share.
    pub fn on(engine: Engine, server: &server::Server) -> Self {
        Self::with(engine, Some(server.database("suite")))
    }

    fn with(engine: Engine, owned: Option<OwnedDatabase>) -> Self {
        // Memory where there is some: a crash test kills a process, not the machine, so what a disk keeps is no matter.
        let memory = Path::new("/dev/shm");
        let folder = tempfile::Builder::new().prefix("dbwarden-test-").tempdir_in(memory);
        let folder = folder.or_else(|_| tempfile::tempdir()).expect("a temporary folder can be made");
        std::fs::create_dir(folder.path().join("migrations")).expect("a directory can be made");
        let scripted = owned.as_ref().filter(|_| engine == Engine::Scripted).map(Cockroach::before);
        let database = Self { engine, folder, owned, scripted };
        if engine == Engine::Duckdb {
            // Columns do not number their rows by themselves there.
            database.execute("CREATE SEQUENCE test_keys");
        }
        database
    }

    /// Returns what answers as CockroachDB does.
    ///
    /// # Panics
    /// Where the engine is another.
    pub fn scripted(&self) -> &Cockroach {
        self.scripted.as_ref().expect("a scripted CockroachDB")
    }

    /// Returns the database on the server.
    ///
    /// # Panics
    /// Where the engine has no server.
    pub fn owned(&self) -> &OwnedDatabase {
        self.owned.as_ref().expect("an engine with a server")
    }

    /// Returns a copy with everything in it. Nobody may be writing.
    pub fn copy(&self) -> Self {
        let mut copy = Self::new(self.engine);
        match self.engine {
            Engine::Postgres => copy.owned = Some(self.owned().copy()),
            Engine::Mariadb => self.owned().copy_into(copy.owned()),
            Engine::Scripted => {
                let owned = self.owned().copy();
                copy.scripted = Some(Cockroach::before(&owned));
                copy.owned = Some(owned);
            }
            Engine::Cockroach => panic!("CockroachDB copies no database"),
            Engine::Sqlite | Engine::Duckdb => {
                for end in ["", "-wal", "-journal", ".wal"] {
                    let name = format!("test.db{end}");
                    if self.folder().join(&name).exists() {
                        std::fs::copy(self.folder().join(&name), copy.folder().join(&name)).expect("copied");
                    }
                }
            }
        }
        for entry in std::fs::read_dir(self.migrations()).expect("the directory can be read") {
            let entry = entry.expect("the directory can be read");
            std::fs::copy(entry.path(), copy.migrations().join(entry.file_name())).expect("copied");
        }
        copy
    }

    /// Returns the engine.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Returns the folder that goes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns its directory of migrations.
    pub fn migrations(&self) -> PathBuf {
        self.folder().join("migrations")
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        match self.engine {
            Engine::Sqlite => format!("sqlite:///{}", self.file().display()),
            Engine::Duckdb => format!("duckdb:///{}", self.file().display()),
            Engine::Postgres | Engine::Mariadb | Engine::Cockroach => self.owned().url(),
            Engine::Scripted => self.scripted().url("cockroachdb"),
        }
    }

    /// SQLite and DuckDB: returns its file.
    pub fn file(&self) -> PathBuf {
        self.folder().join("test.db")
    }

    /// Whether a definition (CREATE, ALTER, DROP) commits by itself, and what was open before it.
    pub fn commits_definitions(&self) -> bool {
        matches!(self.engine, Engine::Mariadb | Engine::Scripted | Engine::Cockroach)
    }

    /// Returns what a column is that numbers its rows by itself, in the engine's words.
    pub fn key(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite => "INTEGER PRIMARY KEY",
            Engine::Duckdb => "BIGINT PRIMARY KEY DEFAULT nextval('test_keys')",
            Engine::Postgres | Engine::Scripted | Engine::Cockroach => {
                "INTEGER GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
            }
            Engine::Mariadb => "INTEGER AUTO_INCREMENT PRIMARY KEY",
        }
    }

    /// Writes files into its directory of migrations, over those of the same name. `{key}` in them becomes [`Database::key`].
    pub fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.migrations().join(name);
            std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder can be made");
            std::fs::write(path, text.replace("{key}", self.key())).expect("a file can be written");
        }
    }

    /// Removes a file from its directory of migrations.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.migrations().join(name)).expect("the file is there");
    }

    /// SQLite: returns a connection of the test's own, which waits long for a lock.
    pub fn connect(&self) -> Connection {
        let connection = Connection::open(self.file()).expect("the database can be opened");
        connection.busy_timeout(Duration::from_secs(30)).expect("a timeout can be set");
        connection.pragma_update(None, "foreign_keys", false).expect("a pragma can be set");
        connection
    }

    /// Runs `sql`, one statement or many.
    pub fn execute(&self, sql: &str) {
        match self.engine {
            Engine::Sqlite => {
                self.connect().execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
            Engine::Postgres | Engine::Mariadb | Engine::Scripted | Engine::Cockroach => {
                self.owned().shell(sql);
            }
            Engine::Duckdb => {
                duckdb::rows(&self.file(), sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
        }
    }

    /// Returns the rows of a query, each as its values as text with `|` between; nothing where a table of it is missing.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        match self.engine {
            Engine::Sqlite => match rows(&self.connect(), sql) {
                Ok(rows) => rows,
                Err(error) if error.to_string().contains("no such table") => Vec::new(),
                Err(error) => panic!("{sql}: {error}"),
            },
            Engine::Duckdb => match duckdb::rows(&self.file(), sql) {
                Ok(rows) => rows,
                Err(error) if error.contains("does not exist") => Vec::new(),
                Err(error) => panic!("{sql}: {error}"),
            },
            Engine::Postgres | Engine::Scripted | Engine::Cockroach => {
                match self.owned().server().try_shell(self.owned().name(), sql) {
                    Ok(text) => text.lines().map(str::to_owned).collect(),
                    Err(error) if error.contains("does not exist") => Vec::new(),
                    Err(error) => panic!("{sql}: {error}"),
                }
            }
            Engine::Mariadb => match self.owned().server().try_shell(self.owned().name(), sql) {
                // The shell writes a line end within a value, and a backslash, with a backslash.
                Ok(text) => {
                    let plain = |line: &str| line.replace("\\n", "\n").replace("\\\\", "\\");
                    text.lines().map(plain).collect()
                }
                Err(error) if error.contains("doesn't exist") => Vec::new(),
                Err(error) => panic!("{sql}: {error}"),
            },
        }
    }

    /// Returns the first value of a query as text, or nothing where it has no row.
    pub fn one(&self, sql: &str) -> String {
        match self.engine {
            Engine::Sqlite | Engine::Duckdb | Engine::Mariadb => {
                self.rows(sql).into_iter().next().unwrap_or_default()
            }
            // A value may have several lines.
            Engine::Postgres | Engine::Scripted | Engine::Cockroach => self.rows(sql).join("\n"),
        }
    }

    /// Returns everything in the database but our own tables: definitions, then rows, in a fixed order.
    pub fn snapshot(&self) -> String {
        match self.engine {
            Engine::Sqlite => {
                let connection = self.connect();
                snapshot(&connection).unwrap_or_else(|error| panic!("snapshot: {error}"))
            }
            Engine::Duckdb => {
                duckdb::snapshot(&self.file(), OURS).unwrap_or_else(|error| panic!("snapshot: {error}"))
            }
            Engine::Postgres | Engine::Mariadb | Engine::Scripted => {
                self.owned().dump(&["dbwarden_migrations", "dbwarden_lock", "dbwarden_journal"])
            }
            Engine::Cockroach => self.owned().contents(OURS),
        }
    }

    /// Returns what the records say that is the same in each run: versions with their kind, checksum and down script. Those
    /// that run once come in the order in which they ran.
    pub fn history(&self) -> Vec<String> {
        let once = "SELECT version, kind, checksum, statements, coalesce(down_script, '') FROM dbwarden_migrations \
                    WHERE kind = 'versioned' ORDER BY sequence";
        let again = "SELECT version, kind, checksum, statements FROM dbwarden_migrations WHERE kind <> 'versioned' \
                     ORDER BY version";
        let rows = match self.engine {
            Engine::Sqlite | Engine::Duckdb => [self.rows(once), self.rows(again)].concat(),
            // The shell is started once: that takes longer than what it asks.
            Engine::Postgres | Engine::Mariadb | Engine::Scripted | Engine::Cockroach => {
                self.rows(&format!("{once};\n{again}"))
            }
        };
        crate::secrets::none_in("the records", rows.join("\n"));
        rows
    }

    /// Returns the versions that are recorded, oldest first.
    pub fn versions(&self) -> Vec<String> {
        self.rows("SELECT version FROM dbwarden_migrations ORDER BY sequence")
    }

    /// Returns how many rows the journal has.
    pub fn journalled(&self) -> usize {
        self.rows("SELECT 1 FROM dbwarden_journal").len()
    }

    /// Returns the owner that the lock's row names, empty where it is free.
    pub fn lock_owner(&self) -> String {
        self.one("SELECT coalesce(owner, '') FROM dbwarden_lock WHERE name = 'holder'")
    }

    /// SQLite: returns whether the file of the session lock is there.
    pub fn lock_file(&self) -> bool {
        self.folder().join("test.db.dbwarden-lock").exists()
    }
}

fn rows(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(match row.get_ref(column)? {
                ValueRef::Null => "NULL".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Blob(bytes) => format!("{bytes:02x?}"),
            });
        }
        found.push(values.join("|"));
    }
    Ok(found)
}

fn snapshot(connection: &Connection) -> rusqlite::Result<String> {
    let mut text = String::new();
    let objects = rows(
        connection,
        &format!(
            "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name NOT IN {OURS} AND sql IS NOT NULL ORDER BY type, name"
        ),
    )?;
    for object in objects {
        text.push_str(&object);
        text.push('\n');
    }
    for pragma in ["user_version", "journal_mode"] {
        text.push_str(&format!("{pragma} {}\n", rows(connection, &format!("PRAGMA {pragma}"))?.join(" ")));
    }
    let tables = rows(
        connection,
        &format!("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN {OURS} ORDER BY name"),
    )?;
    for table in tables {
        let mut found = rows(connection, &format!("SELECT * FROM \"{}\"", table.replace('"', "\"\"")))?;
        found.sort();
        for row in found {
            text.push_str(&format!("{table}: {row}\n"));
        }
    }
    Ok(text)
}
