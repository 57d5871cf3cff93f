//! `dbwarden version`, `completions`, `man`, and words that are no command.

use std::io::Write;

use clap::CommandFactory;
use serde_json::json;

use super::{Answer, broken};
use crate::args::{Cli, Global};
use crate::error::Failure;
use crate::ui::line;

/// Commands of SPEC that come with a later version.
const LATER: &[&str] = &[
    "adopt",
    "backup",
    "backups",
    "check",
    "check-db",
    "diff",
    "make-migrations",
    "merge",
    "plan",
    "prove",
    "restore",
    "seed",
    "squash",
    "template",
];

pub(super) fn version(global: &Global) -> Answer {
    let version = env!("CARGO_PKG_VERSION");
    if !global.json {
        line(&format!("dbwarden {version}"));
    }
    Answer::done(json!({ "version": version }))
}

pub(super) fn completions(shell: clap_complete::Shell) -> Answer {
    // Written at once: a reader that goes away is no reason to panic.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "dbwarden", &mut text);
    std::io::stdout().write_all(&text).ok();
    Answer::done(json!({}))
}

pub(super) fn man() -> Result<Answer, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut text)
        .map_err(|error| broken("the manual page cannot be made", error))?;
    std::io::stdout().write_all(&text).ok();
    Ok(Answer::done(json!({})))
}

/// The answer to a word behind `database` that is no command of this version.
pub(super) fn unknown_of_database(words: &[String]) -> Failure {
    let word = words.first().map_or("", String::as_str);
    if ["create", "clean"].contains(&word) {
        return Failure::later(&format!("`dbwarden database {word}`"));
    }
    Failure::usage(format!("there is no command `database {word}`"), "did you mean `dbwarden database list`?")
}

/// The answer to a word that is no command of this version.
pub(super) fn unknown(words: &[String]) -> Failure {
    let word = words.first().map_or("", String::as_str);
    if LATER.contains(&word) {
        return Failure::later(&format!("`dbwarden {word}`"));
    }
    let command = Cli::command();
    let nearest = command
        .get_subcommands()
        .flat_map(|command| std::iter::once(command.get_name()).chain(command.get_all_aliases()))
        .map(|name| (strsim::damerau_levenshtein(name, word), name))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    let next = match nearest {
        Some((_, name)) => format!("did you mean `dbwarden {name}`?"),
        None => "`dbwarden --help` lists the commands".to_owned(),
    };
    Failure::usage(format!("there is no command {word:?}"), next)
}
