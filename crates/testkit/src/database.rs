//! A database that a test owns, whatever its engine. `Engine::` is matched here and nowhere else.

use std::path::{Path, PathBuf};
use std::time::Duration;

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
}

/// A database that a test owns, with a folder beside it. Both are gone when it is dropped.
#[derive(Debug)]
pub struct Database {
    engine: Engine,
    folder: TempDir,
}

impl Database {
    /// Makes an empty database, and a folder with an empty directory of migrations.
    pub fn new(engine: Engine) -> Self {
        // Memory where there is some: a crash test kills a process, not the machine, so what a disk keeps is no matter.
        let memory = Path::new("/dev/shm");
        let folder = tempfile::Builder::new().prefix("dbwarden-test-").tempdir_in(memory);
        let folder = folder.or_else(|_| tempfile::tempdir()).expect("a temporary folder can be made");
        std::fs::create_dir(folder.path().join("migrations")).expect("a directory can be made");
        Self { engine, folder }
    }

    /// Returns a copy with everything in it. Nobody may be writing.
    pub fn copy(&self) -> Self {
        let copy = Self::new(self.engine);
        match self.engine {
            Engine::Sqlite => {
                for end in ["", "-wal", "-journal"] {
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
        }
    }

    /// SQLite: returns its file.
    pub fn file(&self) -> PathBuf {
        self.folder().join("test.db")
    }

    /// Writes files into its directory of migrations, over those of the same name.
    pub fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.migrations().join(name);
            std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder can be made");
            std::fs::write(path, text).expect("a file can be written");
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
        }
    }

    /// Returns the first value of a query as text, or nothing where it has no row.
    pub fn one(&self, sql: &str) -> String {
        self.rows(sql).into_iter().next().unwrap_or_default()
    }

    /// Returns everything in the database but our own tables: definitions, then rows, in a fixed order.
    pub fn snapshot(&self) -> String {
        match self.engine {
            Engine::Sqlite => {
                let connection = self.connect();
                snapshot(&connection).unwrap_or_else(|error| panic!("snapshot: {error}"))
            }
        }
    }

    /// Returns what the records say that is the same in each run: versions with their kind, checksum and down script. Those
    /// that run once come in the order in which they ran.
    pub fn history(&self) -> Vec<String> {
        let mut rows = self.rows(
            "SELECT version, kind, checksum, statements, coalesce(down_script, '') FROM dbwarden_migrations \
             WHERE kind = 'versioned' ORDER BY sequence",
        );
        rows.extend(self.rows(
            "SELECT version, kind, checksum, statements FROM dbwarden_migrations WHERE kind <> 'versioned' ORDER BY version",
        ));
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
