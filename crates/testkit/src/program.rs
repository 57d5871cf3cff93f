//! The program `dbwarden`, run as a process of its own: to its end, killed, or paused.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::{Database, Engine};

/// How long a test waits for what must happen, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program, on the database of a test.
#[derive(Debug, Clone)]
pub struct Program {
    binary: PathBuf,
    folder: PathBuf,
    url: String,
    environment: Vec<(String, String)>,
}

/// A process that ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Finished {
    /// Returns whether it ended with the exit code 0.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// Returns whether SIGKILL ended it.
    pub fn was_killed(&self) -> bool {
        self.signal == Some(Signal::KILL.as_raw())
    }

    /// Returns it, where it ended with `code`.
    ///
    /// # Panics
    /// Where it ended otherwise.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "signal {:?}\n{}\n{}", self.signal, self.stdout, self.stderr);
        self
    }
}

impl Program {
    /// Returns the program at `binary`, to be run on `database`.
    pub fn new(binary: impl AsRef<Path>, database: &Database) -> Self {
        Self {
            binary: binary.as_ref().to_owned(),
            folder: database.folder().to_owned(),
            url: database.url(),
            environment: match database.engine() {
                Engine::Duckdb => {
                    let library = crate::duckdb::library().to_string_lossy().into_owned();
                    vec![("DBWARDEN_DUCKDB_LIBRARY".to_owned(), library)]
                }
                _ => Vec::new(),
            },
        }
    }

    /// Returns it with a variable set.
    #[must_use]
    pub fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut program = self.clone();
        program.environment.push((name.to_owned(), value.into()));
        program
    }

    /// Returns it as it ends, or is stopped, at `point`: the value of `DBWARDEN_TEST_KILL_AT`.
    #[must_use]
    pub fn ending_at(&self, point: impl Into<String>) -> Self {
        self.with("DBWARDEN_TEST_KILL_AT", point)
    }

    /// Returns it as it writes each point that it passes into `file`.
    #[must_use]
    pub fn telling_points(&self, file: &Path) -> Self {
        self.with("DBWARDEN_TEST_POINTS_TO", file.to_string_lossy())
    }

    /// Returns it with a lease of so many milliseconds.
    #[must_use]
    pub fn with_lease(&self, millis: u64) -> Self {
        self.with("DBWARDEN_TEST_LEASE_MS", millis.to_string())
    }

    /// Returns it on another address.
    #[must_use]
    pub fn on(&self, url: impl Into<String>) -> Self {
        Self { url: url.into(), ..self.clone() }
    }

    /// Starts it.
    pub fn start(&self, arguments: &[impl AsRef<OsStr>]) -> Running {
        let mut command = Command::new(&self.binary);
        // Nothing of the machine's own: a DATABASE_URL would be taken for a setting.
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.folder).args(arguments);
        command.args(["--url", &self.url, "--migrations", "migrations"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("the program can be started");
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Running { child, started, stdout: Some(reader(stdout)), stderr: Some(reader(stderr)) }
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Finished {
        self.start(arguments).finish()
    }
}

fn reader(from: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            from.read_to_end(&mut bytes).ok();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A process that runs, or is stopped. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    started: Instant,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn process(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until it stopped itself (`pause:point`).
    ///
    /// # Panics
    /// Where it ends, or goes on for too long.
    #[track_caller]
    pub fn wait_until_stopped(&self) {
        let options =
            WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Ok(Some(status)) = waitid(WaitId::Pid(self.process()), options) {
                assert!(status.stopped(), "the process ended instead of being stopped");
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the process was not stopped");
    }

    /// Stops it.
    pub fn stop(&self) {
        kill_process(self.process(), Signal::STOP).expect("the process can be stopped");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        kill_process(self.process(), Signal::CONT).expect("the process can go on");
    }

    /// Sends it SIGTERM.
    pub fn terminate(&self) {
        kill_process(self.process(), Signal::TERM).expect("the process can be told to end");
    }

    /// Sends it SIGKILL; nothing happens where it ended already.
    pub fn kill(&self) {
        kill_process(self.process(), Signal::KILL).ok();
    }

    /// Returns whether it ended.
    pub fn ended(&mut self) -> bool {
        self.child.try_wait().expect("the process can be waited for").is_some()
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Finished {
        let status = self.child.wait().expect("the process can be waited for");
        let took = self.started.elapsed();
        let text = |thread: &mut Option<JoinHandle<String>>| {
            thread.take().map(|thread| thread.join().unwrap_or_default()).unwrap_or_default()
        };
        let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
        crate::secrets::none_in("standard output", &stdout);
        crate::secrets::none_in("standard error", &stderr);
        Finished { code: status.code(), signal: status.signal(), stdout, stderr, took }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
