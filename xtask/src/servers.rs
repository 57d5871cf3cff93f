//! The servers of a test run: a program of the testkit starts them, and ends them when this process has ended, however.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::cargo::target_directory;
use crate::failure::Failure;

/// Servers that run, or are about to. Dropping it ends them.
pub(crate) struct Servers {
    lender: Child,
    all: bool,
}

/// Set where the tests on further servers are to run.
const ALL: &str = "DBWARDEN_TEST_ALL_SERVERS";

impl Servers {
    /// Starts the program, which was built with the tests; the servers come up meanwhile.
    pub(crate) fn start(all: bool) -> Result<Self, Failure> {
        let mut command = Command::new(lender());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if all {
            command.env(ALL, "1");
        }
        // A group of its own: an interrupt from the terminal ends us, and the end of our pipe ends it, in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        match command.spawn() {
            Ok(lender) => Ok(Self { lender, all }),
            Err(error) => Err(Failure::new(format!("cannot start {}: {error}", lender().display()))),
        }
    }

    /// Waits until they run, and returns the variables that name them. One that did not start was told of on stderr; the
    /// tests that need it fail.
    pub(crate) fn variables(&mut self) -> Vec<(String, String)> {
        let Some(stdout) = self.lender.stdout.take() else { return Vec::new() };
        let lines = BufReader::new(stdout).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        let all = self.all.then(|| (ALL.to_owned(), "1".to_owned()));
        let named = lines
            .filter_map(|line| line.split_once('=').map(|(name, url)| (name.to_owned(), url.to_owned())));
        named.chain(all).collect()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        drop(self.lender.stdin.take());
        self.lender.wait().ok();
    }
}

fn lender() -> PathBuf {
    target_directory().join("debug").join(format!("test-servers{}", std::env::consts::EXE_SUFFIX))
}
