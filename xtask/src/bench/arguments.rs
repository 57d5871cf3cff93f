//! What the bench was asked for.

use std::path::{Path, PathBuf};

use crate::failure::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Apply,
    Noop,
    Split,
    Memory,
    Servers,
    All,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) task: Task,
    rounds: Option<usize>,
    pub(super) count: usize,
    pub(super) mebibytes: u64,
    pub(super) directory: Option<PathBuf>,
    pub(super) binary: Option<PathBuf>,
    pub(super) strict: bool,
}

impl Arguments {
    /// The rounds asked for, else the task's own number.
    pub(super) fn rounds(&self, otherwise: usize) -> usize {
        self.rounds.unwrap_or(otherwise)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    Help,
    Run(Arguments),
}

pub(super) fn parse(given: &[String]) -> Result<Request, Failure> {
    let mut arguments = Arguments {
        task: Task::All,
        rounds: None,
        count: 1000,
        mebibytes: 1024,
        directory: None,
        binary: None,
        strict: false,
    };
    let mut task = None;
    let mut rest = given.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        let named = match argument {
            "apply" => Task::Apply,
            "noop" => Task::Noop,
            "split" => Task::Split,
            "memory" => Task::Memory,
            "servers" => Task::Servers,
            "all" => Task::All,
            "--help" | "-h" => return Ok(Request::Help),
            "--strict" => {
                arguments.strict = true;
                continue;
            }
            "--rounds" | "--count" | "--mib" | "--dir" | "--binary" => {
                let value = rest.next().ok_or_else(|| Failure::usage(format!("{argument} wants a value")))?;
                match argument {
                    "--rounds" => arguments.rounds = Some(number(argument, value)?),
                    "--count" => arguments.count = number(argument, value)?,
                    "--mib" => arguments.mebibytes = number(argument, value)?,
                    "--dir" => arguments.directory = Some(absolute(value)?),
                    _ => arguments.binary = Some(absolute(value)?),
                }
                continue;
            }
            other => {
                return Err(Failure::usage(format!("bench knows no `{other}`\n\n{}", super::USAGE)));
            }
        };
        if task.replace(named).is_some() {
            return Err(Failure::usage("bench takes one task, or `all`"));
        }
    }
    arguments.task = task.unwrap_or(Task::All);
    Ok(Request::Run(arguments))
}

fn number<N: std::str::FromStr + PartialOrd + From<u8>>(option: &str, value: &str) -> Result<N, Failure> {
    value
        .parse()
        .ok()
        .filter(|number| *number >= N::from(1))
        .ok_or_else(|| Failure::usage(format!("{option} wants a number from 1, not `{value}`")))
}

fn absolute(value: &str) -> Result<PathBuf, Failure> {
    std::path::absolute(value).map_err(Failure::at("cannot find", Path::new(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Arguments, String> {
        let given: Vec<String> = text.split_whitespace().map(Into::into).collect();
        match parse(&given) {
            Ok(Request::Run(arguments)) => Ok(arguments),
            Ok(Request::Help) => Err("help".into()),
            Err(failure) => Err(failure.to_string()),
        }
    }

    #[test]
    fn everything_has_a_default() {
        let all = parsed("").unwrap();
        assert_eq!((all.task, all.count, all.mebibytes, all.strict), (Task::All, 1000, 1024, false));
        assert_eq!(all.rounds(7), 7);
    }

    #[test]
    fn options_stand_before_or_after_the_task() {
        let noop = parsed("--count 10000 noop --rounds 3 --strict").unwrap();
        assert_eq!((noop.task, noop.count, noop.rounds(7), noop.strict), (Task::Noop, 10_000, 3, true));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(parsed("--rounds 0").unwrap_err(), "--rounds wants a number from 1, not `0`");
        assert_eq!(parsed("--count many").unwrap_err(), "--count wants a number from 1, not `many`");
        assert_eq!(parsed("--count").unwrap_err(), "--count wants a value");
        assert_eq!(parsed("apply noop").unwrap_err(), "bench takes one task, or `all`");
        assert!(parsed("fast").unwrap_err().starts_with("bench knows no `fast`"));
    }
}
