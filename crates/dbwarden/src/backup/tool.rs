//! The engines' own programs: found on PATH, given secrets by environment or file and never by argument, stopped when the run is.

use std::io::Read;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::BackupError;
use crate::apply::run::Cancel;

/// The most that is kept of what a program says, in bytes.
const SAID: usize = 64 << 10;

/// A program of an engine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// Where it comes from, for who does not have it.
    pub(super) package: &'static str,
}

impl Tool {
    /// Returns the version as the program says it: its first line.
    pub(super) fn version(self) -> Result<String, BackupError> {
        let output = Command::new(self.name).arg("--version").stdin(Stdio::null()).output();
        let output = output.map_err(|error| self.missing(&error))?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or(self.name).trim().to_owned())
    }

    /// Starts the program; what it says of failures is read beside.
    pub(super) fn start(self, command: &mut Command) -> Result<Running, BackupError> {
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(|error| self.missing(&error))?;
        let said = child.stderr.take().map(|stderr| std::thread::spawn(move || listen(stderr)));
        Ok(Running { tool: self, child, said })
    }

    fn missing(self, error: &std::io::Error) -> BackupError {
        if error.kind() == std::io::ErrorKind::NotFound {
            BackupError::NoTool { tool: self.name, package: self.package }
        } else {
            BackupError::Tool { tool: self.name, said: vec![error.to_string()] }
        }
    }
}

/// A program that was started. Dropped before its end, it is killed.
#[derive(Debug)]
pub(super) struct Running {
    tool: Tool,
    pub(super) child: Child,
    said: Option<JoinHandle<String>>,
}

impl Running {
    /// Waits for its end.
    ///
    /// # Errors
    /// What it said where it failed, without `secret`; that it was cancelled: then it is killed.
    pub(super) fn finish(mut self, cancel: &Cancel, secret: Option<&str>) -> Result<(), BackupError> {
        let mut pause = Duration::from_millis(1);
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) if cancel.is_cancelled() => return Err(BackupError::Cancelled),
                Ok(None) => std::thread::sleep(pause),
                Err(error) => break Err(error),
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        };
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(self.tool, &said, &status, secret)),
            Err(error) => Err(BackupError::Tool { tool: self.tool.name, said: vec![error.to_string()] }),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn listen(from: ChildStderr) -> String {
    let (mut from, mut tail, mut chunk) = (from, Vec::new(), vec![0; SAID]);
    // All of it is read, so that the program does not wait; the end is what it stopped at.
    while let Ok(length) = from.read(&mut chunk)
        && length > 0
    {
        tail.extend_from_slice(&chunk[..length]);
        let over = tail.len().saturating_sub(SAID);
        tail.drain(..over);
    }
    String::from_utf8_lossy(&tail).into_owned()
}

fn failed(tool: Tool, said: &str, status: &ExitStatus, secret: Option<&str>) -> BackupError {
    let mask = |line: &str| match secret.filter(|secret| !secret.is_empty()) {
        Some(secret) => line.replace(secret, "***"),
        None => line.to_owned(),
    };
    let begins = format!("{}: ", tool.name);
    let plain = |line: &str| {
        let line = line.trim_end();
        let line = line.strip_prefix(&begins).unwrap_or(line);
        // psql names the place in its input, which nobody else ever sees.
        let line = line.split_once("ERROR:  ").map_or(line, |(_, said)| said);
        // So do MySQL's.
        let line = match line.split_once(": ") {
            Some((before, rest)) if before.starts_with("ERROR ") => {
                let code = before.split_once(" at line ").map_or(before, |(code, _)| code);
                format!("{code}: {rest}")
            }
            _ => line.to_owned(),
        };
        mask(line.strip_prefix("error: ").unwrap_or(&line))
    };
    let lines = said.lines().filter(|line| !line.trim().is_empty());
    // MySQL's client shows the statement first, which may hold rows: nobody's business.
    let echoed = lines.clone().enumerate().filter(|(_, line)| line.starts_with("ERROR ")).last();
    let echoed = echoed.map_or(0, |(at, _)| at);
    let mut lines: Vec<String> = lines.skip(echoed).map(plain).take(8).collect();
    if lines.is_empty() {
        lines.push(format!("it ended with {status}"));
    }
    BackupError::Tool { tool: tool.name, said: lines }
}
