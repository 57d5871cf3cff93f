//! DuckDB, over ADBC: its library is loaded when the first session is opened, and no build of it is needed.
//!
//! One process at a time has a file open (<https://duckdb.org/docs/stable/connect/concurrency>), and within a process everybody must
//! share one instance of it: see [`instance`].

mod failure;
mod instance;
mod library;
mod text;
mod value;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adbc_core::options::{OptionConnection, OptionValue};
use adbc_core::{CancelHandle, Connection, Database as _, Optionable, Statement};
use adbc_driver_manager::ManagedConnection;
use arrow_array::RecordBatch;

use super::{DriverError, DriverErrorKind, Interrupt, OpenOptions, Server, Session, SessionLock};
use crate::database::Database;
use crate::url::DatabaseUrl;
use crate::value::{Row, Value};
use failure::{answer, opening};
use instance::Instance;
pub(crate) use instance::{beside, canonical, new_name, reader, replace};

/// First words of what may change more than the session's transaction.
const STRAYS: &[&str] = &["ATTACH", "DETACH", "LOAD", "PRAGMA", "RESET", "SET"];

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Memory,
    /// A file that is not there and was not to be made yet: an empty database stands in for it, and is never written.
    Absent(PathBuf),
}

pub(super) struct DuckdbSession {
    // Dropped before the instance that it belongs to.
    connection: Option<ManagedConnection>,
    instance: Instance,
    interrupter: Arc<Interrupter>,
    place: Place,
    library: Option<PathBuf>,
    /// The name that DuckDB gave to the database.
    home: String,
    version: String,
    lock_timeout: Duration,
    prelude: Vec<String>,
    /// What was attached and set before the first statement that may have changed it: both belong to the instance, and a new
    /// connection has them too.
    before: Option<Before>,
}

struct Before {
    attached: Vec<String>,
    settings: Vec<(String, String)>,
}

impl DuckdbSession {
    pub(super) fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self, DriverError> {
        let place = match url.path() {
            None => Place::Memory,
            Some(path) if options.create || path.exists() => Place::File(path.to_owned()),
            Some(path) => Place::Absent(path.to_owned()),
        };
        let instance = instance_of(&place, options.duckdb_library.as_deref())?;
        Self::on(instance, place, options)
    }

    fn on(instance: Instance, place: Place, options: &OpenOptions) -> Result<Self, DriverError> {
        let library = options.duckdb_library.clone();
        let mut session = Self {
            connection: None,
            instance,
            interrupter: Arc::default(),
            place,
            library,
            home: String::new(),
            version: String::new(),
            lock_timeout: options.lock_timeout,
            prelude: options.prelude.clone(),
            before: None,
        };
        session.connect()?;
        Ok(session)
    }

    /// Opens a connection in place of the one that there was.
    fn connect(&mut self) -> Result<(), DriverError> {
        self.disconnect();
        let connection = self.instance.database().new_connection().map_err(|error| opening(&error))?;
        *self.interrupter.locked() = Some(connection.get_cancel_handle());
        self.connection = Some(connection);
        let rows = self.query("SELECT current_database(), version()", &[])?;
        let text = |column| rows.first().map(|row: &Row| row.text(column).to_owned()).unwrap_or_default();
        (self.home, self.version) = (text(0), text(1));
        for (index, statement) in self.prelude.clone().iter().enumerate() {
            self.ask(statement).map(drop).map_err(|error| DriverError {
                // Its text may hold a key.
                message: format!("statement {} of `session` fails: {}", index + 1, error.message),
                offset: None,
                ..error
            })?;
        }
        Ok(())
    }

    fn disconnect(&mut self) {
        *self.interrupter.locked() = None;
        self.connection = None;
    }

    /// Runs one statement to its end, and returns its rows.
    fn ask(&mut self, sql: &str) -> Result<Vec<RecordBatch>, DriverError> {
        let mut batches = Vec::new();
        self.stream(sql, &mut |batch| {
            batches.push(batch);
            Ok(())
        })?;
        Ok(batches)
    }

    /// Runs one statement to its end, and gives its rows away as they come.
    fn stream(
        &mut self,
        sql: &str,
        take: &mut dyn FnMut(RecordBatch) -> Result<(), DriverError>,
    ) -> Result<(), DriverError> {
        let gone = || DriverError::new(DriverErrorKind::Cut, "the connection is closed");
        let connection = self.connection.as_mut().ok_or_else(gone)?;
        let placed = |error: &adbc_core::error::Error| answer(error, sql);
        let mut statement = connection.new_statement().map_err(|error| placed(&error))?;
        statement.set_sql_query(sql).map_err(|error| placed(&error))?;
        let batches = statement.execute().map_err(|error| placed(&error))?;
        // What fails while rows are made fails here.
        for batch in batches {
            take(batch.map_err(|error| failure::of_rows(&error, sql))?)?;
        }
        Ok(())
    }

    fn attached(&mut self) -> Result<Vec<String>, DriverError> {
        let rows = self.query("SELECT database_name FROM duckdb_databases() WHERE NOT internal", &[])?;
        Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
    }

    fn settings(&mut self) -> Result<Vec<(String, String)>, DriverError> {
        let rows = self.query(
            "SELECT name, coalesce(value, '') FROM duckdb_settings() WHERE scope = 'GLOBAL' ORDER BY name",
            &[],
        )?;
        Ok(rows.iter().map(|row| (row.text(0).to_owned(), row.text(1).to_owned())).collect())
    }

    /// Takes back what a migration attached and set for the whole instance.
    fn tidy(&mut self, before: &Before) -> Result<(), DriverError> {
        for name in self.attached()?.iter().filter(|name| !before.attached.contains(name)) {
            self.ask(&format!("DETACH {}", text::quoted(name)))?;
        }
        for (name, value) in self.settings()? {
            let was = before.settings.iter().find(|(known, _)| *known == name);
            if let Some((_, was)) = was.filter(|(_, was)| *was != value) {
                let put_back = format!("SET GLOBAL {name} = {}", text::literal(was));
                // One that is no literal any more, or may not be changed back, goes to its default.
                self.ask(&put_back).or_else(|_| self.ask(&format!("RESET GLOBAL {name}"))).ok();
            }
        }
        Ok(())
    }
}

/// Opens the copy of a database, a file that nobody writes, and writes nothing.
pub(crate) fn open_copy(path: &Path, options: &OpenOptions) -> Result<Box<dyn Session>, DriverError> {
    let instance = Instance::of_copy(path, options.duckdb_library.as_deref())?;
    Ok(Box::new(DuckdbSession::on(instance, Place::Memory, options)?))
}

fn instance_of(place: &Place, library: Option<&Path>) -> Result<Instance, DriverError> {
    // A file that is not there is as good as an empty one. Without its folder it is a mistake, also for who only looks.
    if let Place::File(path) | Place::Absent(path) = place
        && let Some(folder) =
            path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
    {
        let message = format!("the folder {} does not exist", folder.display());
        return Err(DriverError::new(DriverErrorKind::Open, message));
    }
    match place {
        Place::File(path) => Instance::of_file(path, library),
        Place::Memory | Place::Absent(_) => Instance::in_memory(library),
    }
}

impl Drop for DuckdbSession {
    fn drop(&mut self) {
        // What is open is rolled back with its connection.
        self.disconnect();
    }
}

impl Session for DuckdbSession {
    fn server(&self) -> Server {
        Server { database: Database::Duckdb, version: self.version.trim_start_matches('v').to_owned() }
    }

    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, DriverError> {
        let rows = self.query(sql, parameters)?;
        // An INSERT, UPDATE or DELETE answers with how many rows it changed.
        let changed = rows.first().and_then(|row| row.integer(0)).unwrap_or(0);
        Ok(u64::try_from(changed).unwrap_or(0))
    }

    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DriverError> {
        let sql = text::filled(sql, parameters, &self.home)?;
        let mut rows = Vec::new();
        for batch in self.ask(&sql)? {
            value::rows(&batch, &mut rows)?;
        }
        Ok(rows)
    }

    fn each(&mut self, sql: &str, take: &mut dyn FnMut(Row)) -> Result<(), DriverError> {
        let sql = text::filled(sql, &[], &self.home)?;
        let mut rows = Vec::new();
        self.stream(&sql, &mut |batch| {
            value::rows(&batch, &mut rows)?;
            rows.drain(..).for_each(&mut *take);
            Ok(())
        })
    }

    fn run(&mut self, sql: &str) -> Result<(), DriverError> {
        let first = sql.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if self.before.is_none() && STRAYS.iter().any(|word| word.eq_ignore_ascii_case(first)) {
            self.before = Some(Before { attached: self.attached()?, settings: self.settings()? });
        }
        self.ask(sql).map(drop)
    }

    fn begin(&mut self) -> Result<(), DriverError> {
        self.ask("BEGIN TRANSACTION").map(drop)
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        // COMMIT of an aborted transaction rolls back and answers without an error; anything else it says so.
        self.ask("SELECT 1")?;
        self.ask("COMMIT").map(drop)
    }

    fn rollback(&mut self) -> Result<(), DriverError> {
        if self.in_transaction() { self.ask("ROLLBACK").map(drop) } else { Ok(()) }
    }

    fn in_transaction(&self) -> bool {
        let automatic = self.connection.as_ref().map(|it| it.get_option_string(OptionConnection::AutoCommit));
        matches!(automatic, Some(Ok(automatic)) if automatic == "false")
    }

    fn set_lock_timeout(&mut self, timeout: Duration) -> Result<(), DriverError> {
        // Nobody waits: who comes second is told so at once.
        self.lock_timeout = timeout;
        Ok(())
    }

    fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    fn set_foreign_keys(&mut self, _on: bool) -> Result<(), DriverError> {
        Ok(())
    }

    fn reset(&mut self) -> Result<(), DriverError> {
        self.rollback()?;
        // Its own settings, what it uses, prepared and made for its own time end with the connection.
        self.connect()?;
        if let Some(before) = self.before.take() {
            self.tidy(&before)?;
        }
        Ok(())
    }

    fn try_session_lock(&mut self, _name: &str) -> Result<SessionLock, DriverError> {
        Ok(self.instance.try_lock())
    }

    fn create(&mut self) -> Result<(), DriverError> {
        let Place::Absent(path) = &self.place else { return Ok(()) };
        let place = Place::File(path.clone());
        // Another process may be making it right now: the empty one stands in until then.
        let instance = instance_of(&place, self.library.as_deref())?;
        self.disconnect();
        self.instance = instance;
        self.place = place;
        self.connect()
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::clone(&self.interrupter) as Arc<dyn Interrupt>
    }

    fn may_have_company(&self) -> bool {
        matches!(self.place, Place::File(_))
    }
}

/// Holds what cancels a connection, and keeps it from ending meanwhile: it must not outlive its instance.
#[derive(Default)]
struct Interrupter(Mutex<Option<Box<dyn CancelHandle>>>);

impl Interrupter {
    fn locked(&self) -> std::sync::MutexGuard<'_, Option<Box<dyn CancelHandle>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interrupt for Interrupter {
    fn interrupt(&self) {
        if let Some(handle) = &*self.locked() {
            handle.try_cancel().ok();
        }
    }
}

/// An option of a database, in ADBC's words.
fn option(value: &str) -> OptionValue {
    OptionValue::String(value.to_owned())
}
