//! `dbwarden version`, `completions`, `man`, and words that are no command.

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
    clap_complete::generate(shell, &mut Cli::command(), "dbwarden", &mut std::io::stdout());
    Answer::done(json!({}))
}

pub(super) fn man() -> Result<Answer, Failure> {
    clap_mangen::Man::new(Cli::command())
        .render(&mut std::io::stdout())
        .map_err(|error| broken("the manual page cannot be printed", error))?;
    Ok(Answer::done(json!({})))
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
