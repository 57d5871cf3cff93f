//! Servers for a whole test run: what `cargo xtask test` starts before the tests and ends behind them.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use super::start::{self, Started};
use super::{Brand, find, given};

/// A server that is to be lent: the variable that names it, and its start.
type Lent = (&'static str, Box<dyn FnOnce() -> Result<Started, String> + Send>);

/// Starts a server for each variable that is not set, and writes `VARIABLE=URL` lines, then an empty one. Ends the servers
/// when `until` has come to its end, as it does when the process at its other side is gone.
///
/// One that cannot be started is named on stderr and left out: the tests that need it fail then.
///
/// # Errors
/// Those of writing.
pub fn lend(mut until: impl Read, mut lines: impl Write) -> std::io::Result<()> {
    let wanted: Vec<Lent> = wanted();
    let starts: Vec<_> =
        wanted.into_iter().map(|(variable, start)| (variable, thread::spawn(start))).collect();
    let mut running = Vec::new();
    let mut written = Ok(());
    for (variable, start) in starts {
        match start.join().unwrap_or_else(|_| Err("its start panicked".to_owned())) {
            Ok(started) => {
                started.folder.keep_beating();
                written = written.and(writeln!(lines, "{variable}={}", started.server.whole_url()));
                running.push(started.folder);
            }
            Err(error) => eprintln!("no server for {variable}: {error}"),
        }
    }
    written = written.and(writeln!(lines)).and(lines.flush());
    if written.is_ok() {
        std::io::copy(&mut until, &mut std::io::sink()).ok();
    }
    let ends: Vec<_> = running.into_iter().map(|folder| thread::spawn(move || folder.stop())).collect();
    for end in ends {
        end.join().ok();
    }
    written
}

fn wanted() -> Vec<Lent> {
    let mut wanted: Vec<Lent> = Vec::new();
    for brand in [Brand::Postgres, Brand::Mariadb] {
        if given(brand).is_none() {
            wanted.push((brand.variable(), Box::new(move || start::start(brand))));
        }
    }
    wanted
}

/// Installs with apt what is neither here nor named by a variable. Does nothing where that cannot be: not root, no apt.
pub fn install_missing() {
    let missing: Vec<&str> =
        [(Brand::Postgres, find::postgres()), (Brand::Mariadb, find::program(&["mariadbd"]))]
            .into_iter()
            .filter(|(brand, found)| found.is_none() && given(*brand).is_none())
            .filter_map(|(brand, _)| brand.package())
            .collect();
    if missing.is_empty() || !rustix::process::geteuid().is_root() || find::program(&["apt-get"]).is_none() {
        return;
    }
    eprintln!("installing {}", missing.join(", "));
    apt(&["update", "-q"]);
    let install = ["install", "-y", "-q", "--no-install-recommends"];
    apt(&[install.as_slice(), &missing].concat());
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
