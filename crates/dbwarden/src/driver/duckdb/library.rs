//! DuckDB's library, loaded once and kept until the process ends.

use std::collections::BTreeMap;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use adbc_core::options::AdbcVersion;
use adbc_driver_manager::ManagedDriver;

use crate::driver::{DriverError, DriverErrorKind};

/// DuckDB's own entry (<https://duckdb.org/docs/stable/clients/adbc>).
const ENTRY: &[u8] = b"duckdb_adbc_init";

static LOADED: Mutex<BTreeMap<PathBuf, ManagedDriver>> = Mutex::new(BTreeMap::new());

/// Returns the library at `path`; without one, what the system's loader finds under its usual name.
///
/// # Errors
/// It is not there, or is no library of DuckDB.
pub(super) fn load(path: Option<&Path>) -> Result<ManagedDriver, DriverError> {
    let usual = PathBuf::from(format!("{DLL_PREFIX}duckdb{DLL_SUFFIX}"));
    let name = path.map_or(usual, Path::to_owned);
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(driver) = loaded.get(&name) {
        return Ok(driver.clone());
    }
    let driver = ManagedDriver::load_dynamic_from_filename(&name, Some(ENTRY), AdbcVersion::V110);
    let driver = driver.map_err(|error| {
        // The loader names the file itself; the manager puts its own name in front.
        let why = error.message.rsplit_once("] ").map_or(&*error.message, |(_, why)| why);
        let why = why.lines().next().unwrap_or_default().trim().to_owned();
        let mut error = DriverError::new(
            DriverErrorKind::NoLibrary,
            format!("DuckDB's library {} cannot be loaded", name.display()),
        );
        error.notes.push(format!("the loader: {why}"));
        error
    })?;
    loaded.insert(name, driver.clone());
    Ok(driver)
}
