//! The most memory a process held while it ran: from GNU time where it is, else by looking while it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::failure::Failure;

use super::contestants::{seconds, seconds_watched};
use super::scratch::Scratch;

/// How the peak is learnt here.
pub(super) enum Gauge {
    /// `time -f %M -o FILE`: exact.
    Time { time: PathBuf, report: PathBuf },
    /// `VmHWM` of /proc, read again and again: exact up to the last look.
    Proc,
    /// Not at all.
    None,
}

/// A run's seconds and the KiB it held at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) seconds: f64,
    pub(super) peak: Option<u64>,
}

impl Gauge {
    pub(super) fn find(scratch: &Scratch) -> Self {
        let (time, report) = (PathBuf::from("/usr/bin/time"), scratch.path().join("peak.txt"));
        let tried = wrapped(&time, &report, &Command::new("true"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        // Another system's `time` knows no -f.
        if tried.is_ok_and(|status| status.success()) && read_report(&report).is_some() {
            Self::Time { time, report }
        } else if Path::new("/proc/self/status").exists() {
            Self::Proc
        } else {
            Self::None
        }
    }

    pub(super) fn description(&self) -> &'static str {
        match self {
            Self::Time { .. } => "peaks from /usr/bin/time",
            Self::Proc => "peaks from VmHWM in /proc, as there is no GNU time",
            Self::None => "no peaks: there is neither GNU time nor /proc here",
        }
    }

    /// Runs a command with `input` as its standard input.
    pub(super) fn run(&self, command: &mut Command, input: Option<&Path>) -> Result<Run, Failure> {
        let stdin = || match input {
            Some(input) => fs::File::open(input).map(Stdio::from).map_err(Failure::at("cannot open", input)),
            None => Ok(Stdio::null()),
        };
        match self {
            Self::Time { time, report } => {
                let mut timed = wrapped(time, report, command);
                timed.stdin(stdin()?);
                let seconds = seconds(&mut timed)?;
                Ok(Run { seconds, peak: read_report(report) })
            }
            Self::Proc => watched(command.stdin(stdin()?)),
            Self::None => Ok(Run { seconds: seconds(command.stdin(stdin()?))?, peak: None }),
        }
    }
}

/// The same command under `time`.
fn wrapped(time: &Path, report: &Path, command: &Command) -> Command {
    let mut timed = Command::new(time);
    timed.args(["-f", "%M", "-o"]).arg(report).arg(command.get_program()).args(command.get_args());
    timed.env_clear();
    timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        timed.current_dir(directory);
    }
    timed
}

fn read_report(report: &Path) -> Option<u64> {
    // A line before it says that the command failed.
    fs::read_to_string(report).ok()?.lines().last()?.trim().parse().ok()
}

/// Runs a command and reads its `VmHWM` until it ends.
fn watched(command: &mut Command) -> Result<Run, Failure> {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut watcher = None;
        let seconds = seconds_watched(command, |process| {
            let (status, ended) = (format!("/proc/{process}/status"), &ended);
            watcher = Some(scope.spawn(move || {
                let mut peak = None;
                while !ended.load(Ordering::Relaxed) {
                    peak = peak.max(fs::read_to_string(&status).ok().as_deref().and_then(high_water));
                    thread::sleep(Duration::from_millis(5));
                }
                peak
            }));
        });
        ended.store(true, Ordering::Relaxed);
        let peak = watcher.and_then(|watcher| watcher.join().ok()).flatten();
        Ok(Run { seconds: seconds?, peak })
    })
}

/// The KiB of a status file's `VmHWM`.
fn high_water(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read() {
        assert_eq!(
            high_water("Name:\tdbwarden\nVmPeak:\t 9000 kB\nVmHWM:\t    6132 kB\nVmRSS:\t 1 kB\n"),
            Some(6132)
        );
        // A process that has ended holds nothing.
        assert_eq!(high_water("Name:\tdbwarden\nState:\tZ (zombie)\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_running_process_is_looked_at() {
        let run = Gauge::Proc.run(Command::new("sleep").arg("0.2"), None).unwrap();
        assert!(run.seconds >= 0.2);
        // No process here holds less than a page or as much as 64 MiB.
        assert!(run.peak.is_some_and(|peak| (4..65536).contains(&peak)), "{run:?}");
    }

    #[test]
    fn a_command_keeps_its_directory_and_environment_under_time() {
        let mut command = Command::new("/bin/a");
        command.arg("b").env_clear().env("C", "d").current_dir("/e");
        let timed = wrapped(Path::new("/usr/bin/time"), Path::new("/r"), &command);
        let arguments: Vec<_> = timed.get_args().map(|it| it.to_string_lossy()).collect();
        assert_eq!(arguments, ["-f", "%M", "-o", "/r", "/bin/a", "b"]);
        assert_eq!(timed.get_current_dir(), Some(Path::new("/e")));
        assert_eq!(timed.get_envs().count(), 1);
    }
}
