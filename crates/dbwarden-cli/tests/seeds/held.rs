//! A run that lasts: it holds the lock, in a hook, until it is told to go on.

use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::sandbox::{wait_for, wait_until};
use crate::walk::Walk;

/// What the run waits in: until it may go on, or its project is gone; five minutes at most.
const HOOK: &str =
    "for i in $(seq 3000); do [ ! -e go ] || exit 0; [ -e held.toml ] || exit 1; sleep 0.1; done; exit 1";

/// A run that holds the lock. Dropped, it is killed.
pub(crate) struct Held {
    child: Child,
    go: PathBuf,
}

impl Walk {
    /// Starts `line`, `dbwarden migrate` or another that changes `primary`, and returns when it has the lock.
    #[track_caller]
    pub(crate) fn holds(&self, line: &str) -> Held {
        let sandbox = &self.sandbox;
        let go = sandbox.path("go");
        std::fs::remove_file(&go).ok();
        let hooks = format!("\n[databases.primary.hooks]\nbefore = ['{HOOK}']\n");
        sandbox.write("held.toml", sandbox.read("warden.toml") + &hooks);
        let words = shell_words::split(line).unwrap();
        let mut words: Vec<_> = words.iter().skip(1).map(String::as_str).collect();
        words.extend(["--config", "held.toml"]);
        let mut command = sandbox.command(&words);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let held = Held { child, go };
        wait_until("the run has the lock", || {
            self.runs("dbwarden lock-status").out.contains(&format!("(pid {})", held.pid()))
        });
        held
    }
}

impl Held {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it go on, and sees that it ends well.
    #[track_caller]
    pub(crate) fn goes_on(self) {
        self.goes_on_to(0);
    }

    /// Lets it go on to another exit code.
    #[track_caller]
    pub(crate) fn goes_on_to(mut self, exit: i32) {
        std::fs::write(&self.go, "").unwrap();
        assert_eq!(wait_for(&mut self.child).code(), Some(exit));
    }

    /// Has it end by SIGTERM, as Ctrl-C does too, and sees that it says so.
    #[track_caller]
    pub(crate) fn interrupted(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert_eq!(wait_for(&mut self.child).code(), Some(130));
    }

    /// Kills it, so that nothing of it is left but what it left behind.
    pub(crate) fn killed(self) {}
}

impl Drop for Held {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        // Its hook ends by itself.
        std::fs::write(&self.go, "").ok();
    }
}
