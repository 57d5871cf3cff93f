//! SQLite, bundled: files, `:memory:` and a connection that the host owns.

use std::fs::{File, OpenOptions as FileOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, Value as SqliteValue, ValueRef};
use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags, ToSql, ffi};

use super::{DriverError, DriverErrorKind, Held, Interrupt, OpenOptions, Server, Session, SessionLock};
use crate::database::Database;
use crate::sql::{Rules, Syntax, tokens};
use crate::url::DatabaseUrl;
use crate::value::{Row, Value};

/// A connection that belongs to the program that embeds dbwarden.
pub type HostConnection = Connection;

/// How long to sleep between two tries of a COMMIT that a reader holds up.
const COMMIT_RETRY: Duration = Duration::from_millis(5);

/// Opens a session on a connection that the host owns and goes on using.
///
/// # Errors
/// SQLite's answer; that a transaction is open already.
pub fn host_session<'host>(
    connection: &'host mut Connection,
    options: &OpenOptions,
) -> Result<Box<dyn Session + 'host>, DriverError> {
    if !connection.is_autocommit() {
        return Err(DriverError::new(
            DriverErrorKind::Open,
            "the connection has a transaction open; commit it or roll it back first".to_owned(),
        ));
    }
    let before = settings(connection)?;
    let mut session = SqliteSession {
        connection: Handle::Host { connection, settings: before.clone() },
        settings: Some(before),
        place: Place::Host,
        lock_timeout: options.lock_timeout,
        foreign_keys: options.foreign_keys,
        prelude: options.prelude.clone(),
    };
    session.prepare()?;
    Ok(Box::new(session))
}

enum Handle<'host> {
    Own(Connection),
    /// The host's connection, and what its settings were, to be put back. A busy handler of the host's own cannot be read, and
    /// is lost.
    Host {
        connection: &'host mut Connection,
        settings: Settings,
    },
}

impl Handle<'_> {
    fn get(&self) -> &Connection {
        match self {
            Handle::Own(connection) => connection,
            Handle::Host { connection, .. } => connection,
        }
    }
}

#[derive(Clone)]
enum Place {
    File(PathBuf),
    Memory,
    /// A file that is not there and was not to be made yet: an empty database stands in for it, and is never written.
    Absent(PathBuf),
    Host,
}

pub(super) struct SqliteSession<'host> {
    connection: Handle<'host>,
    /// What its settings were at first, where it cannot be opened anew.
    settings: Option<Settings>,
    place: Place,
    lock_timeout: Duration,
    foreign_keys: bool,
    prelude: Vec<String>,
}

impl SqliteSession<'static> {
    pub(super) fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self, DriverError> {
        let place = match url.path() {
            None => Place::Memory,
            Some(path) if options.create || path.exists() => Place::File(path.to_owned()),
            Some(path) => Place::Absent(path.to_owned()),
        };
        let connection = connect(&place, options.create)?;
        let before = if matches!(place, Place::File(_)) { None } else { Some(settings(&connection)?) };
        let mut session = SqliteSession {
            connection: Handle::Own(connection),
            settings: before,
            place,
            lock_timeout: options.lock_timeout,
            foreign_keys: options.foreign_keys,
            prelude: options.prelude.clone(),
        };
        session.prepare()?;
        Ok(session)
    }
}

fn connect(place: &Place, create: bool) -> Result<Connection, DriverError> {
    let path = match place {
        Place::File(path) | Place::Absent(path) => Some(path),
        _ => None,
    };
    // A file that is not there is as good as an empty one. Without its folder it is a mistake, also for who only looks.
    if (create || matches!(place, Place::Absent(_)))
        && let Some(folder) = path
            .and_then(|path| path.parent())
            .filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
    {
        return Err(DriverError::new(
            DriverErrorKind::Open,
            format!("the folder {} does not exist", folder.display()),
        ));
    }
    let Place::File(path) = place else {
        return Connection::open_in_memory().map_err(|error| failed(&error, DriverErrorKind::Open));
    };
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    Connection::open_with_flags(path, flags).map_err(|error| failed(&error, DriverErrorKind::Open))
}

impl SqliteSession<'_> {
    fn connection(&self) -> &Connection {
        self.connection.get()
    }

    /// What every session starts with.
    fn prepare(&mut self) -> Result<(), DriverError> {
        let connection = self.connection();
        connection.busy_timeout(self.lock_timeout).map_err(|error| answer(&error))?;
        if matches!(self.connection, Handle::Own(_)) {
            connection.set_prepared_statement_cache_capacity(32);
        }
        self.set_foreign_keys(self.foreign_keys)?;
        for (index, statement) in self.prelude.clone().iter().enumerate() {
            self.run(statement).map_err(|error| DriverError {
                // Its text may hold a key.
                message: format!("statement {} of `session` fails: {}", index + 1, error.message),
                ..error
            })?;
        }
        Ok(())
    }
}

impl Drop for SqliteSession<'_> {
    fn drop(&mut self) {
        // The host gets its connection back as it gave it.
        if let Handle::Host { connection, settings } = &self.connection {
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK").ok();
            }
            put_back(connection, settings).ok();
        }
    }
}

impl Session for SqliteSession<'_> {
    fn server(&self) -> Server {
        Server { database: Database::Sqlite, version: rusqlite::version().to_owned() }
    }

    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, DriverError> {
        let mut statement = self.connection().prepare_cached(sql).map_err(|error| answer(&error))?;
        let changed =
            statement.execute(rusqlite::params_from_iter(parameters)).map_err(|error| answer(&error))?;
        Ok(changed as u64)
    }

    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DriverError> {
        let mut statement = self.connection().prepare_cached(sql).map_err(|error| answer(&error))?;
        let columns = statement.column_count();
        let mut rows =
            statement.query(rusqlite::params_from_iter(parameters)).map_err(|error| answer(&error))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(|error| answer(&error))? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(value(row.get_ref(column).map_err(|error| answer(&error))?));
            }
            found.push(Row(values));
        }
        Ok(found)
    }

    fn each(&mut self, sql: &str, take: &mut dyn FnMut(Row)) -> Result<(), DriverError> {
        let mut statement = self.connection().prepare(sql).map_err(|error| answer(&error))?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|error| answer(&error))? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(match row.get_ref(column).map_err(|error| answer(&error))? {
                    // Nothing may be lost of a text that is none.
                    ValueRef::Text(text) if std::str::from_utf8(text).is_err() => {
                        Value::Blob(text.to_owned())
                    }
                    other => value(other),
                });
            }
            take(Row(values));
        }
        Ok(())
    }

    fn run(&mut self, sql: &str) -> Result<(), DriverError> {
        let placed = |error: rusqlite::Error| {
            let error = answer(&error);
            DriverError { offset: error.offset.or_else(|| place_of(&error.message, sql)), ..error }
        };
        let mut statement = self.connection().prepare(sql).map_err(placed)?;
        let mut rows = statement.raw_query();
        while rows.next().map_err(placed)?.is_some() {}
        Ok(())
    }

    fn begin(&mut self) -> Result<(), DriverError> {
        // IMMEDIATE: a transaction that reads first and writes later gets BUSY without waiting
        // (https://www.sqlite.org/lang_transaction.html).
        self.execute("BEGIN IMMEDIATE", &[]).map(drop)
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        let started = Instant::now();
        loop {
            match self.execute("COMMIT", &[]) {
                // A reader holds up a commit in rollback-journal mode; the transaction stays open and may be tried
                // again (https://www.sqlite.org/rescode.html#busy).
                Err(error)
                    if error.kind == DriverErrorKind::Busy
                        && self.in_transaction()
                        && started.elapsed() < self.lock_timeout =>
                {
                    std::thread::sleep(COMMIT_RETRY);
                }
                other => return other.map(drop),
            }
        }
    }

    fn rollback(&mut self) -> Result<(), DriverError> {
        if self.in_transaction() { self.execute("ROLLBACK", &[]).map(drop) } else { Ok(()) }
    }

    fn in_transaction(&self) -> bool {
        !self.connection().is_autocommit()
    }

    fn set_lock_timeout(&mut self, timeout: Duration) -> Result<(), DriverError> {
        self.lock_timeout = timeout;
        self.connection().busy_timeout(timeout).map_err(|error| answer(&error))
    }

    fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    fn set_foreign_keys(&mut self, on: bool) -> Result<(), DriverError> {
        self.connection().pragma_update(None, "foreign_keys", on).map_err(|error| answer(&error))
    }

    fn reset(&mut self) -> Result<(), DriverError> {
        self.rollback()?;
        // PRAGMAs, attached files and temporary tables end with the connection; where it can be opened again, that is
        // the whole cure.
        if let Place::File(_) = self.place {
            self.connection = Handle::Own(connect(&self.place, false)?);
        } else if let Some(settings) = &self.settings {
            tidy(self.connection(), settings)?;
            put_back(self.connection(), settings)?;
        }
        self.prepare()
    }

    fn try_session_lock(&mut self, _name: &str) -> Result<SessionLock, DriverError> {
        match &self.place {
            // Under its own name: a link to the file is the same database.
            Place::File(path) => {
                Ok(FileLock::attempt(&std::fs::canonicalize(path).unwrap_or_else(|_| path.clone())))
            }
            _ => Ok(SessionLock::Unsupported),
        }
    }

    fn create(&mut self) -> Result<(), DriverError> {
        if let Place::Absent(path) = &self.place {
            let place = Place::File(path.clone());
            self.connection = Handle::Own(connect(&place, true)?);
            self.place = place;
            self.prepare()?;
        }
        Ok(())
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::new(Interrupter(self.connection().get_interrupt_handle()))
    }

    fn may_have_company(&self) -> bool {
        matches!(self.place, Place::File(_))
    }
}

struct Interrupter(InterruptHandle);

impl Interrupt for Interrupter {
    fn interrupt(&self) {
        self.0.interrupt();
    }
}

/// An OS lock on a file beside the database: gone with the process that holds it, however that ends.
#[derive(Debug)]
struct FileLock {
    /// Closing it releases the lock.
    _file: File,
    path: PathBuf,
}

impl FileLock {
    fn attempt(database: &Path) -> SessionLock {
        let mut name = database.as_os_str().to_owned();
        name.push(".dbwarden-lock");
        let path = PathBuf::from(name);
        for _ in 0..16 {
            // A folder that may not be written has no lock file; the lease alone holds there.
            let Ok(file) = FileOptions::new().create(true).truncate(false).write(true).open(&path) else {
                return SessionLock::Unsupported;
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => return SessionLock::Busy,
                Err(std::fs::TryLockError::Error(_)) => return SessionLock::Unsupported,
            }
            // The holder before us removed the file between our open and our lock: what we hold has no name any more.
            if same_file(&file, &path) {
                return SessionLock::Held(Box::new(FileLock { _file: file, path }));
            }
        }
        SessionLock::Busy
    }
}

impl Held for FileLock {}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Removed while it is held, so that nobody can hold the same name twice.
        if cfg!(unix) {
            std::fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => held.ino() == named.ino() && held.dev() == named.dev(),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_: &File, _: &Path) -> bool {
    true
}

/// What a connection was when it came to us: its settings, by the names of their PRAGMAs, and what was attached and made for the
/// time of the session.
#[derive(Clone)]
struct Settings {
    values: Vec<(&'static str, i64)>,
    attached: Vec<String>,
    temporary: Vec<String>,
}

const ATTACHED: &str = "SELECT name FROM pragma_database_list WHERE name NOT IN ('main', 'temp')";
const TEMPORARY: &str = "SELECT name FROM sqlite_temp_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";

fn names(connection: &Connection, query: &str) -> Result<Vec<String>, DriverError> {
    let mut statement = connection.prepare(query).map_err(|error| answer(&error))?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(|error| answer(&error))?;
    rows.collect::<Result<_, _>>().map_err(|error| answer(&error))
}

/// The settings that a migration may change and that a connection would keep.
const SETTINGS: &[&str] = &[
    "busy_timeout",
    "foreign_keys",
    "ignore_check_constraints",
    "legacy_alter_table",
    "recursive_triggers",
    "reverse_unordered_selects",
    "synchronous",
    "temp_store",
    "trusted_schema",
    "writable_schema",
];

fn settings(connection: &Connection) -> Result<Settings, DriverError> {
    let value = |name: &'static str| {
        let value = connection.pragma_query_value(None, name, |row| row.get(0));
        value.map(|value| (name, value)).map_err(|error| answer(&error))
    };
    Ok(Settings {
        values: SETTINGS.iter().map(|name| value(name)).collect::<Result<_, _>>()?,
        attached: names(connection, ATTACHED)?,
        temporary: names(connection, TEMPORARY)?,
    })
}

fn put_back(connection: &Connection, settings: &Settings) -> Result<(), DriverError> {
    for (name, value) in &settings.values {
        // Some of them answer with their new value.
        connection.pragma_update_and_check(None, name, value, |_| Ok(())).or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            error => Err(answer(&error)),
        })?;
    }
    Ok(())
}

/// Takes away what a migration attached or made for the time of its session, and nothing that was there before.
fn tidy(connection: &Connection, before: &Settings) -> Result<(), DriverError> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    for name in names(connection, ATTACHED)?.iter().filter(|name| !before.attached.contains(name)) {
        let statement = format!("DETACH {}", quoted(name));
        connection.execute_batch(&statement).map_err(|error| answer(&error))?;
    }
    for kind in ["trigger", "view", "table"] {
        let found = names(connection, &format!("{TEMPORARY} AND type = '{kind}'"))?;
        for name in found.iter().filter(|name| !before.temporary.contains(name)) {
            // What hangs on a virtual table goes with it.
            let statement = format!("DROP {kind} IF EXISTS temp.{}", quoted(name));
            connection.execute_batch(&statement).map_err(|error| answer(&error))?;
        }
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Value::Null => ToSqlOutput::Owned(SqliteValue::Null),
            Value::Integer(number) => ToSqlOutput::Owned(SqliteValue::Integer(*number)),
            Value::Real(number) => ToSqlOutput::Owned(SqliteValue::Real(*number)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
    }
}

/// SQLite's answer in our words.
pub(crate) fn answer(error: &rusqlite::Error) -> DriverError {
    failed(error, DriverErrorKind::Statement)
}

/// Where in `sql` the thing stands that SQLite names without its place: as a word of its own, or the end where the text ends too
/// soon.
fn place_of(message: &str, sql: &str) -> Option<usize> {
    let all = || tokens(sql, Rules::new(Syntax::Sqlite));
    if message == "incomplete input" {
        return all().last().map(|token| token.start);
    }
    let (_, name) = ["no such ", "duplicate column name: ", "unknown database"]
        .iter()
        .any(|beginning| message.starts_with(beginning))
        .then(|| message.rsplit_once([':', ' ']))??;
    // A name may come with its schema or table.
    let name = name.trim().rsplit('.').next()?;
    let plain = |text: &str| text.trim_matches(['"', '`', '[', ']', '\'']).to_ascii_lowercase();
    all().find(|token| plain(token.text) == plain(name)).map(|token| token.start)
}

/// SQLite's answer in our words; `otherwise` is its sort where the code does not tell.
fn failed(error: &rusqlite::Error, otherwise: DriverErrorKind) -> DriverError {
    let (code, message, offset) = match error {
        rusqlite::Error::SqlInputError { error, msg, offset, .. } => {
            (Some(*error), msg.clone(), usize::try_from(*offset).ok())
        }
        rusqlite::Error::SqliteFailure(error, message) => {
            (Some(*error), message.clone().unwrap_or_else(|| error.to_string()), None)
        }
        other => (None, other.to_string(), None),
    };
    let kind = match code.map(|code| code.code) {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => DriverErrorKind::Busy,
        Some(ErrorCode::CannotOpen) => DriverErrorKind::Open,
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => DriverErrorKind::Damaged,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => DriverErrorKind::ReadOnly,
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => DriverErrorKind::Disk,
        Some(ErrorCode::OperationInterrupted) => DriverErrorKind::Interrupted,
        _ => otherwise,
    };
    DriverError {
        kind,
        message,
        code: code.and_then(|code| code_name(code.extended_code)),
        offset,
        notes: Vec::new(),
    }
}

/// The names of the codes that say more than their message (<https://www.sqlite.org/rescode.html>).
fn code_name(code: i32) -> Option<String> {
    let name = match code {
        ffi::SQLITE_ERROR | ffi::SQLITE_OK => return None,
        ffi::SQLITE_BUSY => "SQLITE_BUSY",
        ffi::SQLITE_BUSY_SNAPSHOT => "SQLITE_BUSY_SNAPSHOT",
        ffi::SQLITE_LOCKED => "SQLITE_LOCKED",
        ffi::SQLITE_CANTOPEN => "SQLITE_CANTOPEN",
        ffi::SQLITE_NOTADB => "SQLITE_NOTADB",
        ffi::SQLITE_CORRUPT => "SQLITE_CORRUPT",
        ffi::SQLITE_READONLY => "SQLITE_READONLY",
        ffi::SQLITE_FULL => "SQLITE_FULL",
        ffi::SQLITE_INTERRUPT => "SQLITE_INTERRUPT",
        ffi::SQLITE_CONSTRAINT_CHECK => "SQLITE_CONSTRAINT_CHECK",
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "SQLITE_CONSTRAINT_FOREIGNKEY",
        ffi::SQLITE_CONSTRAINT_NOTNULL => "SQLITE_CONSTRAINT_NOTNULL",
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => "SQLITE_CONSTRAINT_PRIMARYKEY",
        ffi::SQLITE_CONSTRAINT_TRIGGER => "SQLITE_CONSTRAINT_TRIGGER",
        ffi::SQLITE_CONSTRAINT_UNIQUE => "SQLITE_CONSTRAINT_UNIQUE",
        other => return Some(format!("SQLite code {other}")),
    };
    Some(name.to_owned())
}
