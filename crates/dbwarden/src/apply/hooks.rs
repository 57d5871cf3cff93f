//! What a host does around each migration: code of its own, and the commands of its settings.

use std::error::Error as StdError;
use std::fmt;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::failure::StepError;
use super::run::{Cancel, StepReport};
use crate::migration::plan::{Action, Step};

/// What a hook returns.
pub type HookOutcome = Result<(), Box<dyn StdError + Send + Sync>>;

/// Called around each migration that is applied or rolled back; a stamp runs nothing, and calls nobody.
///
/// A hook runs under the lock, on a connection of its own if it wants one. What it says in `Moment::says` is shown as a notice.
pub trait Hook: Send + Sync {
    /// Before the first statement. An error keeps the migration, and those behind it, from being run.
    ///
    /// # Errors
    /// Why it is not to be run.
    fn before(&self, _moment: &mut Moment<'_>) -> HookOutcome {
        Ok(())
    }

    /// Behind the commit, which an error undoes no more: it is noted in the report.
    ///
    /// # Errors
    /// What went wrong.
    fn after(&self, _moment: &mut Moment<'_>, _report: &StepReport) -> HookOutcome {
        Ok(())
    }

    /// When it failed, and what there was to undo is undone. An error is noted in the report. Where all ran in one transaction, those
    /// that are rolled back with it had a [`before`](Hook::before), and get neither this nor an [`after`](Hook::after).
    ///
    /// # Errors
    /// What went wrong.
    fn failed(&self, _moment: &mut Moment<'_>, _error: &StepError) -> HookOutcome {
        Ok(())
    }
}

/// Where a run is when it calls a hook.
pub struct Moment<'a> {
    /// The database's name in the settings.
    pub database: &'a str,
    /// The run.
    pub run_id: &'a str,
    /// The migration, and which way it goes.
    pub step: &'a Step,
    cancel: &'a Cancel,
    said: Vec<String>,
}

impl fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment").field("step", &self.step.id).finish_non_exhaustive()
    }
}

impl<'a> Moment<'a> {
    pub(crate) fn new(database: &'a str, run_id: &'a str, step: &'a Step, cancel: &'a Cancel) -> Self {
        Self { database, run_id, step, cancel, said: Vec::new() }
    }

    /// Shows a line to whoever watches the run.
    pub fn says(&mut self, line: impl Into<String>) {
        self.said.push(line.into());
    }

    /// Returns whether the run was interrupted: a hook that waits looks from time to time.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Takes what was said.
    pub(crate) fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    /// What a command gets.
    fn document(&self, hook: &str) -> Json {
        let direction = if self.step.action == Action::Undo { "down" } else { "up" };
        json!({
            "schema": 1,
            "hook": hook,
            "database": self.database,
            "run_id": self.run_id,
            "version": self.step.id,
            "description": self.step.description,
            "kind": self.step.kind,
            "direction": direction,
            "file": self.step.file,
            "statements": self.step.statements,
        })
    }
}

/// The hooks of one deployment, in the order in which they are called.
#[derive(Clone, Default)]
pub struct HookList(Vec<Arc<dyn Hook>>);

impl fmt::Debug for HookList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hooks", self.0.len())
    }
}

impl HookList {
    /// Adds a hook behind those that are there.
    pub fn push(&mut self, hook: Arc<dyn Hook>) {
        self.0.push(hook);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Hook> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// Commands that the shell runs, with a JSON document on standard input.
#[derive(Debug, Clone, Default)]
pub struct Commands {
    /// Before a migration.
    pub before: Vec<String>,
    /// Behind it.
    pub after: Vec<String>,
    /// When it failed.
    pub failure: Vec<String>,
}

impl Hook for Commands {
    fn before(&self, moment: &mut Moment<'_>) -> HookOutcome {
        let document = moment.document("before");
        self.before.iter().try_for_each(|command| run(command, moment, &document).map_err(Into::into))
    }

    fn after(&self, moment: &mut Moment<'_>, report: &StepReport) -> HookOutcome {
        let mut document = moment.document("after");
        document["duration_ms"] = report.duration_ms.into();
        document["skipped"] = report.skipped.into();
        all(&self.after, moment, &document)
    }

    fn failed(&self, moment: &mut Moment<'_>, error: &StepError) -> HookOutcome {
        let mut document = moment.document("failure");
        document["error"] = crate::sql::mask_secrets(&error.to_string()).into();
        document["statement"] = error.statement.into();
        document["line"] = error.position.map(|position| position.line).into();
        all(&self.failure, moment, &document)
    }
}

/// Runs them all, also behind one that fails.
fn all(commands: &[String], moment: &mut Moment<'_>, document: &Json) -> HookOutcome {
    let failed = commands.iter().filter_map(|command| run(command, moment, document).err());
    let failed = failed.collect::<Vec<_>>().join("; ");
    if failed.is_empty() { Ok(()) } else { Err(failed.into()) }
}

/// How often to look whether a command has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The most that is shown of what a command says, in bytes.
const SAID: u64 = 64 << 10;

fn run(command: &str, moment: &mut Moment<'_>, document: &Json) -> Result<(), String> {
    try_run(command, moment, document).map_err(|why| format!("`{command}`: {why}"))
}

fn try_run(command: &str, moment: &mut Moment<'_>, document: &Json) -> Result<(), String> {
    let mut child = shell(command)
        .env("DBWARDEN_HOOK", document["hook"].as_str().unwrap_or_default())
        .env("DBWARDEN_VERSION", moment.step.id.as_str())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        let document = document.to_string();
        // One that does not read it closes the pipe when it ends; until then a long document does not fit into it.
        std::thread::spawn(move || stdin.write_all(document.as_bytes()).ok());
    }
    let heard: Vec<_> =
        [child.stdout.take().map(listen), child.stderr.take().map(listen)].into_iter().flatten().collect();
    let status = ended(&mut child, moment)?;
    // Whatever it left running in the background may hold its output open: only what it said itself is waited for.
    for heard in heard {
        let until = std::time::Instant::now() + 20 * LOOK;
        while !heard.is_finished() && std::time::Instant::now() < until {
            std::thread::sleep(LOOK);
        }
        if heard.is_finished() {
            let text = heard.join().unwrap_or_default();
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                moment.says(crate::sql::mask_secrets(line));
            }
        }
    }
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

/// Waits for its end; a run that was interrupted kills it, and all that it started.
fn ended(child: &mut Child, moment: &Moment<'_>) -> Result<std::process::ExitStatus, String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if moment.is_cancelled() => {
                kill(child);
                child.wait().ok();
                return Err("interrupted".to_owned());
            }
            Ok(None) => std::thread::sleep(LOOK),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn listen(stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let (mut bytes, mut stream) = (Vec::new(), stream);
        stream.by_ref().take(SAID).read_to_end(&mut bytes).ok();
        // Read to its end, so that the command is not stopped by a full pipe.
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn shell(command: &str) -> Command {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut shell = Command::new(program);
    shell.arg(flag).arg(command);
    // A group of its own, so that what it starts can be ended with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut shell, 0);
    shell
}

/// Ends a shell that still runs, and what it started: without its group the shell would be gone, and its command would go on.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        group.map(|group| kill_process_group(group, Signal::KILL));
    }
    child.kill().ok();
}
