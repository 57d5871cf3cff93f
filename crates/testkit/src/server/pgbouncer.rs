//! `PgBouncer` in front of a PostgreSQL, each transaction in whichever of its few sessions is free; of the longer lane.

use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::folder::free_port;
use super::{Server, find};

/// The most that one is left running, in seconds, should its test be killed.
const AT_MOST: &str = "300";

/// A running `PgBouncer`, which ends with the value.
#[derive(Debug)]
pub struct PgBouncer {
    child: Child,
    folder: TempDir,
    server: Server,
}

pub(super) fn installed() -> bool {
    find::program(&["pgbouncer"]).is_some()
}

/// Starts one before `server`, in transaction mode, with `sessions` of it for each database. Tests that ask for it belong to the longer
/// lane: they are ignored unless they are asked for, and `longer_lane` is part of their names.
///
/// # Panics
/// Where it is not installed, or says nothing: the message says what to do.
#[track_caller]
pub fn pgbouncer(server: &Server, sessions: u32) -> PgBouncer {
    let program = find::program(&["pgbouncer"])
        .expect("PgBouncer is not installed: `cargo xtask test --all-servers` as root installs it on Debian (package pgbouncer)");
    let folder =
        tempfile::Builder::new().prefix("dbwarden-pgbouncer-").tempdir().expect("a folder can be made");
    let port = free_port().expect("a port is free");
    let settings = format!(
        "[databases]\n* = host={} port={} user={} password={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {sessions}\nmax_client_conn = 500\n\
         ignore_startup_parameters = extra_float_digits,options\nlogfile = {}/log\n",
        server.host(),
        server.port(),
        server.user(),
        server.password(),
        folder.path().display()
    );
    let file = folder.path().join("pgbouncer.ini");
    fs::write(&file, settings).expect("a file can be written");
    let mut command = Command::new("timeout");
    command.args(["--signal=TERM", AT_MOST]).arg(program).arg("--quiet");
    if rustix::process::geteuid().is_root() {
        // It refuses to be root.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("its rights can be set");
        command.arg("--user=nobody");
    }
    let child = command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("it can be started");
    let until = Instant::now() + Duration::from_secs(10);
    let server = server.through("127.0.0.1", port).with_setting("sslmode=disable");
    let pooler = PgBouncer { child, folder, server };
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let said = || fs::read_to_string(pooler.folder.path().join("log")).unwrap_or_default();
        assert!(Instant::now() < until, "PgBouncer does not listen: {}", said());
        std::thread::sleep(Duration::from_millis(20));
    }
    pooler
}

impl PgBouncer {
    /// Returns the address of a database behind it.
    pub fn url(&self, database: &str) -> String {
        self.server.url(database)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            // To its `timeout`, which hands it on.
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        }
        self.child.wait().ok();
    }
}
