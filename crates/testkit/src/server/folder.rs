//! The folder of one running server: its data, its log, its certificate, and the files by which its watcher is spoken to.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::account::{Account, roomy_folder};
use super::certificate::Certificate;

const WATCH: &str = include_str!("watch.sh");
/// How often somebody who uses a server says so; its watcher waits for two minutes at least.
const BEAT: Duration = Duration::from_secs(15);

/// What the names of all such folders begin with.
const PREFIX: &str = "dbwarden-server-";

/// What is run in a folder: the server, and the signal that ends it at once.
pub(super) struct Plan {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) signal: &'static str,
}

/// A server's folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    account: Option<Account>,
}

impl Folder {
    /// Makes one with a short path, since the path of a socket has little room.
    pub(super) fn new(name: &str, account: &str) -> Result<Self, String> {
        let account = Account::below_root(account)?;
        let room = roomy_folder();
        sweep(&room);
        let path = room.join(format!("{PREFIX}{name}-{}", random_name(8)));
        let made = DirBuilder::new().mode(0o711).create(&path);
        made.map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        fs::set_permissions(&path, Permissions::from_mode(0o711))
            .map_err(|error| format!("cannot open up {}: {error}", path.display()))?;
        if let Some(account) = &account {
            account.own(&path)?;
        }
        Ok(Self { path, account })
    }

    /// Returns one that is there, to be looked at.
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), account: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in it as text.
    pub(super) fn file(&self, name: &str) -> String {
        self.path.join(name).to_string_lossy().into_owned()
    }

    /// Writes a file that is the server's own.
    pub(super) fn write(&self, name: &str, text: &str, mode: u32) -> Result<(), String> {
        let path = self.path.join(name);
        let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        opened
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        self.account.as_ref().map_or(Ok(()), |account| account.own(&path))
    }

    /// Writes `ca.pem`, `certificate.pem` and `key.pem`.
    pub(super) fn certify(&self) -> Result<(), String> {
        let made = Certificate::new()?;
        self.write("ca.pem", &made.ca, 0o644)?;
        self.write("certificate.pem", &made.certificate, 0o644)?;
        self.write("key.pem", &made.key, 0o600)
    }

    /// Returns a command in it, under the server's account, with nothing of this process's environment but the PATH.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = match &self.account {
            Some(account) => account.command(program),
            None => Command::new(program),
        };
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(&self.path).stdin(Stdio::null());
        command
    }

    /// Runs a program that prepares the data to its end.
    pub(super) fn prepare(&self, program: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<(), String> {
        let output = self.command(program).args(arguments).output();
        let output = output.map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("{} failed:\n{}", program.display(), last_lines(&String::from_utf8_lossy(&said))))
    }

    /// Starts the server under its watcher, and waits until it `answers`.
    pub(super) fn start(&self, plan: &Plan, answers: impl Fn() -> bool) -> Result<(), String> {
        self.write("beat", "", 0o600)?;
        let mut watcher = self.command(Path::new("sh"));
        watcher
            .args(["-c", WATCH, "watch"])
            .arg(&self.path)
            .arg(plan.signal)
            .arg(&plan.program)
            .args(&plan.arguments);
        // A group of its own: neither an interrupt from the terminal nor the end of a test reaches it.
        watcher.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
        let mut watcher = watcher.spawn().map_err(|error| format!("cannot run sh: {error}"))?;
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(90) {
            if answers() {
                reap(watcher);
                return Ok(());
            }
            if self.path.join("ended").exists() || watcher.try_wait().is_ok_and(|status| status.is_some()) {
                return Err(format!("{} ended at once:\n{}", plan.program.display(), self.log()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(format!("{} does not answer:\n{}", plan.program.display(), self.log()))
    }

    /// Returns the end of what the server said.
    pub(super) fn log(&self) -> String {
        last_lines(&fs::read_to_string(self.path.join("server.log")).unwrap_or_default())
    }

    /// Says once that the server is used; returns whether it will stay.
    pub(super) fn beat(&self) -> bool {
        let beaten = OpenOptions::new().write(true).truncate(true).open(self.path.join("beat"));
        beaten.and_then(|mut file| file.write_all(b"\n")).is_ok()
            && !self.path.join("stopping").exists()
            && !self.path.join("ended").exists()
    }

    /// Says so again and again while this process lives.
    pub(super) fn keep_beating(&self) {
        let folder = self.clone();
        std::thread::spawn(move || {
            while folder.path.exists() {
                folder.beat();
                std::thread::sleep(BEAT);
            }
        });
    }

    /// Ends the server, and removes the folder.
    pub(super) fn stop(&self) {
        fs::write(self.path.join("stop"), "").ok();
        let started = Instant::now();
        while self.path.join("beat").exists()
            && !self.path.join("ended").exists()
            && started.elapsed() < Duration::from_secs(20)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        fs::remove_dir_all(&self.path).ok();
    }
}

/// Removes what was left by a watcher that was killed itself, whose server went with it, and by a start that was killed:
/// folders of which nobody has made use since yesterday.
fn sweep(room: &Path) {
    for entry in fs::read_dir(room).into_iter().flatten().flatten() {
        let path = entry.path();
        let used = fs::metadata(path.join("beat")).or_else(|_| fs::metadata(&path));
        let used = used.and_then(|found| found.modified());
        let old =
            used.is_ok_and(|time| time.elapsed().is_ok_and(|ago| ago > Duration::from_secs(24 * 60 * 60)));
        if old && entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_dir_all(path).ok();
        }
    }
}

/// Somebody has to take note of a child's end; the watcher may well live longer than this process.
fn reap(mut child: Child) {
    std::thread::spawn(move || child.wait());
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

/// Returns a port on which nobody listens now.
pub(super) fn free_port() -> Result<u16, String> {
    let bound = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| format!("no port is free: {error}"))
}

/// Returns whether somebody listens on a port of this machine.
pub(super) fn listens(port: u16) -> bool {
    TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), Duration::from_secs(2)).is_ok()
}

/// Returns small letters and digits, a letter first, that nobody can guess.
pub(super) fn random_name(length: usize) -> String {
    const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0; length];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| std::io::Read::read_exact(&mut random, &mut bytes))
        .expect("the system has random bytes");
    let sign =
        |(index, byte): (usize, u8)| char::from(SIGNS[usize::from(byte) % if index == 0 { 16 } else { 32 }]);
    bytes.into_iter().enumerate().map(sign).collect()
}
