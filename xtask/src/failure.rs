//! Why a task could not be done, as one text for the person who called it.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// The exit code of a wrong call.
pub(crate) const USAGE_EXIT: u8 = 2;

/// What a verb ends with: the code of the program it ran, or why it could not run it.
pub(crate) type Outcome = Result<ExitCode, Failure>;

#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: USAGE_EXIT }
    }

    /// For `map_err` on what the file system refuses: `did` is the thing tried, such as "cannot write".
    pub(crate) fn at(did: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::new(format!("{did} {}: {error}", path.display()))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.code.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
