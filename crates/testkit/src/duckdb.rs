//! DuckDB: its library, found or fetched from an npm package, and what a test asks of a file itself.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::server::npm;

const VARIABLE: &str = "DBWARDEN_TEST_DUCKDB_LIBRARY";
const VERSION: &str = "1.5.6-r.1";

fn package() -> Option<(&'static str, &'static str)> {
    Some(match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => ("@duckdb/node-bindings-linux-x64", "libduckdb.so"),
        ("linux", "aarch64") => ("@duckdb/node-bindings-linux-arm64", "libduckdb.so"),
        ("macos", "x86_64") => ("@duckdb/node-bindings-darwin-x64", "libduckdb.dylib"),
        ("macos", "aarch64") => ("@duckdb/node-bindings-darwin-arm64", "libduckdb.dylib"),
        _ => return None,
    })
}

fn folder() -> PathBuf {
    npm::folder(&format!("duckdb-{VERSION}"))
}

/// Written last: until then the library may be there in part.
fn fetched() -> PathBuf {
    folder().join("fetched")
}

fn find() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return Some(given.into());
    }
    let (package, file) = package()?;
    let library = folder().join("node_modules").join(package).join(file);
    Some(library).filter(|library| library.is_file() && fetched().exists())
}

/// Returns the file of DuckDB's library; fetches it where it is missing.
///
/// # Panics
/// Where it is not to be had: the message says what to do.
#[track_caller]
pub fn library() -> PathBuf {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = LIBRARY.get_or_init(|| {
        install();
        find()
    });
    found.clone().unwrap_or_else(|| {
        let package = package().map_or("for this machine", |(package, _)| package);
        panic!(
            "DuckDB's library is not here, and npm did not fetch it (package {package} {VERSION}): install npm, or set \
             {VARIABLE} to the library's file"
        )
    })
}

/// Fetches the library where it is missing; where that fails, the tests that need it say so.
pub(crate) fn install() {
    let Some((package, _)) = package().filter(|_| find().is_none()) else { return };
    let folder = folder();
    // Many tests begin at once: the first one fetches it.
    let lock = std::fs::create_dir_all(&folder).and_then(|()| {
        let lock = std::fs::File::create(folder.join("lock"))?;
        lock.lock()?;
        Ok(lock)
    });
    if let Err(error) = &lock {
        eprintln!("cannot lock {}: {error}", folder.display());
    } else if find().is_none()
        && !(npm::install(package, VERSION, &folder) && std::fs::write(fetched(), "").is_ok())
    {
        eprintln!("{package} cannot be installed");
    }
}

/// Whether it is neither here nor named by a variable.
pub(crate) fn is_missing() -> bool {
    package().is_some() && find().is_none()
}

pub(crate) use shell::{rows, snapshot};

mod shell {
    use std::path::Path;
    use std::sync::{Mutex, OnceLock, PoisonError};
    use std::time::{Duration, Instant};

    use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
    use adbc_core::{Connection, Database, Driver, Statement};
    use adbc_driver_manager::{ManagedConnection, ManagedDriver};
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type, UInt64Type};
    use arrow_array::{Array, RecordBatch};
    use arrow_schema::DataType;

    /// Two instances of one file in one process would write over each other's rows.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    /// Runs `sql`, one statement or many, and returns the rows of the last.
    pub(crate) fn rows(file: &Path, sql: &str) -> Result<Vec<String>, String> {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        with(file, |connection| ask(connection, sql))
    }

    /// Definitions and rows of everything but the tables in the list `ours`.
    pub(crate) fn snapshot(file: &Path, ours: &str) -> Result<String, String> {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        with(file, |connection| {
            let mut text = String::new();
            let definitions = format!(
                "SELECT sql FROM duckdb_tables() WHERE table_name NOT IN {ours} UNION ALL \
                 SELECT sql FROM duckdb_views() WHERE NOT internal UNION ALL \
                 SELECT sql FROM duckdb_indexes() WHERE table_name NOT IN {ours} UNION ALL \
                 SELECT type_name || ' ' || logical_type FROM duckdb_types() WHERE NOT internal UNION ALL \
                 SELECT 'macro ' || function_name || ' ' || macro_definition FROM duckdb_functions() WHERE NOT internal \
                 ORDER BY 1"
            );
            for definition in ask(connection, &definitions)? {
                text.push_str(&definition);
                text.push('\n');
            }
            let tables = format!(
                "SELECT '\"' || schema_name || '\".\"' || replace(table_name, '\"', '\"\"') || '\"' FROM duckdb_tables() \
                 WHERE table_name NOT IN {ours} ORDER BY 1"
            );
            for table in ask(connection, &tables)? {
                for row in ask(connection, &format!("SELECT CAST(t AS TEXT) FROM {table} AS t ORDER BY 1"))? {
                    text.push_str(&format!("{table}: {row}\n"));
                }
            }
            Ok(text)
        })
    }

    fn with<T>(
        file: &Path,
        then: impl FnOnce(&mut ManagedConnection) -> Result<T, String>,
    ) -> Result<T, String> {
        assert!(!is_open_here(file), "{} is still open in this process", file.display());
        let said = |error: adbc_core::error::Error| error.message;
        let started = Instant::now();
        let database = loop {
            let path = OptionValue::String(file.to_string_lossy().into_owned());
            let opened = driver().new_database_with_opts([(OptionDatabase::Other("path".to_owned()), path)]);
            match opened {
                // A process that was killed may not have ended yet.
                Err(error)
                    if error.message.contains("Could not set lock")
                        && started.elapsed() < Duration::from_secs(30) =>
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
                opened => break opened.map_err(said)?,
            }
        };
        let mut connection = database.new_connection().map_err(said)?;
        then(&mut connection)
    }

    fn driver() -> ManagedDriver {
        static DRIVER: OnceLock<ManagedDriver> = OnceLock::new();
        let load = || {
            let entry = Some(b"duckdb_adbc_init".as_slice());
            let library = super::library();
            let driver = ManagedDriver::load_dynamic_from_filename(&library, entry, AdbcVersion::V110);
            driver.unwrap_or_else(|error| panic!("{}: {}", library.display(), error.message))
        };
        DRIVER.get_or_init(load).clone()
    }

    /// Whether this process has the file open, where the system tells.
    fn is_open_here(file: &Path) -> bool {
        let file = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
        open.filter_map(|entry| std::fs::read_link(entry.path()).ok()).any(|link| link == file)
    }

    fn ask(connection: &mut ManagedConnection, sql: &str) -> Result<Vec<String>, String> {
        let said = |error: adbc_core::error::Error| error.message;
        let mut statement = connection.new_statement().map_err(said)?;
        statement.set_sql_query(sql).map_err(said)?;
        let mut rows = Vec::new();
        for batch in statement.execute().map_err(said)? {
            let batch: RecordBatch = batch.map_err(|error| error.to_string())?;
            for at in 0..batch.num_rows() {
                let values: Vec<_> = batch.columns().iter().map(|column| text(&**column, at)).collect();
                rows.push(values.join("|"));
            }
        }
        Ok(rows)
    }

    fn text(column: &dyn Array, at: usize) -> String {
        if column.is_null(at) {
            return "NULL".to_owned();
        }
        match column.data_type() {
            DataType::Int8 => column.as_primitive::<Int8Type>().value(at).to_string(),
            DataType::Int16 => column.as_primitive::<Int16Type>().value(at).to_string(),
            DataType::Int32 => column.as_primitive::<Int32Type>().value(at).to_string(),
            DataType::Int64 => column.as_primitive::<Int64Type>().value(at).to_string(),
            DataType::UInt64 => column.as_primitive::<UInt64Type>().value(at).to_string(),
            DataType::Boolean => column.as_boolean().value(at).to_string(),
            DataType::Utf8 => column.as_string::<i32>().value(at).to_owned(),
            other => panic!("a test that asks for a column of type {other} casts it to TEXT"),
        }
    }
}
