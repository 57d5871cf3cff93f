//! Servers for a whole test run: what `cargo xtask test` starts before the tests and ends behind them.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use super::start::{self, Started};
use super::{Brand, all_servers, find, galera, is_set, pgbouncer, postgres_18};

/// Servers that run, each with the variable that names it.
type Running = Vec<(&'static str, Started)>;
/// What is to be started, and how.
type Wanted = (&'static str, Box<dyn FnOnce() -> Result<Running, String> + Send>);

/// Starts a server for each variable that is not set, and writes `VARIABLE=URL` lines, then an empty one. Ends the servers
/// when `until` has come to its end, as it does when the process at its other side is gone.
///
/// One that cannot be started is named on stderr and left out: the tests that need it fail then.
///
/// # Errors
/// Those of writing.
pub fn lend(mut until: impl Read, mut lines: impl Write) -> std::io::Result<()> {
    let starts: Vec<_> = wanted().into_iter().map(|(name, start)| (name, thread::spawn(start))).collect();
    let mut folders = Vec::new();
    let mut written = Ok(());
    for (name, start) in starts {
        match start.join().unwrap_or_else(|_| Err("its start panicked".to_owned())) {
            Ok(running) => {
                for (variable, started) in running {
                    written = written.and(writeln!(lines, "{variable}={}", started.server.whole_url()));
                    folders.push(started.folder);
                }
            }
            Err(error) => eprintln!("no {name}: {error}"),
        }
    }
    written = written.and(writeln!(lines)).and(lines.flush());
    if written.is_ok() {
        std::io::copy(&mut until, &mut std::io::sink()).ok();
    }
    let ends: Vec<_> = folders.into_iter().map(|folder| thread::spawn(move || folder.stop())).collect();
    for end in ends {
        end.join().ok();
    }
    written
}

fn wanted() -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for brand in [Brand::Postgres, Brand::Mariadb] {
        if !is_set(brand.variable()) {
            wanted.push((brand.name(), Box::new(move || beating(brand.variable(), start::start(brand)?))));
        }
    }
    if all_servers() && !is_set(postgres_18::VARIABLE) {
        wanted.push(("PostgreSQL 18", Box::new(|| beating(postgres_18::VARIABLE, postgres_18::start()?))));
    }
    if all_servers() && !is_set(galera::VARIABLES[0]) {
        wanted.push(("Galera", Box::new(cluster)));
    }
    wanted
}

/// A server that is used from now on.
fn beating(variable: &'static str, started: Started) -> Result<Running, String> {
    started.folder.keep_beating();
    Ok(vec![(variable, started)])
}

fn cluster() -> Result<Running, String> {
    let mut nodes = beating(galera::VARIABLES[0], galera::start_first()?)?;
    let first = &nodes[0].1;
    match galera::start_second(&first.folder, &first.server) {
        Ok(second) => nodes.extend(beating(galera::VARIABLES[1], second)?),
        Err(error) => {
            first.folder.stop();
            return Err(error);
        }
    }
    Ok(nodes)
}

/// Installs what is neither here nor named by a variable: with apt, as root, and PostgreSQL 18 and DuckDB with npm. Where that cannot be
/// nothing happens, and the start says what is missing.
pub fn install_missing() {
    let mut missing = Vec::new();
    if find::postgres().is_none() && !is_set(Brand::Postgres.variable()) {
        missing.extend(Brand::Postgres.package());
    }
    if find::program(&["mariadbd"]).is_none() && !is_set(Brand::Mariadb.variable()) {
        missing.extend(Brand::Mariadb.package());
    }
    if all_servers() && !galera::installed() && !is_set(galera::VARIABLES[0]) {
        missing.extend(["galera-4", "rsync"]);
    }
    if all_servers() && !pgbouncer::installed() {
        missing.push("pgbouncer");
    }
    if crate::duckdb::is_missing() && find::program(&["npm"]).is_none() {
        missing.push("npm");
    }
    if !missing.is_empty() && rustix::process::geteuid().is_root() && find::program(&["apt-get"]).is_some() {
        eprintln!("installing {}", missing.join(", "));
        apt(&["update", "-q"]);
        apt(&[["install", "-y", "-q", "--no-install-recommends"].as_slice(), &missing].concat());
    }
    if all_servers() && !is_set(postgres_18::VARIABLE) {
        postgres_18::install();
    }
    crate::duckdb::install();
}

/// What apt says goes to stderr; where it fails, the start of a server will say what is missing.
fn apt(arguments: &[&str]) {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    // Debian starts no service of a package then, where it heeds it; ours listen elsewhere in any case.
    command.env("RUNLEVEL", "1").stdout(std::io::stderr());
    if !command.status().is_ok_and(|status| status.success()) {
        eprintln!("apt-get {} failed", arguments.join(" "));
    }
}
