//! `dbwarden version`, `completions`, `man`, and words that are no command.

use std::io::Write;

use clap::{CommandFactory, FromArgMatches};
use clap_mangen::Man;
use serde_json::json;

use super::{Answer, broken};
use crate::args::{Cli, Command, Database, Global};
use crate::error::Failure;
use crate::ui::line;

/// Commands of SPEC that come with a later version.
const LATER: &[&str] = &["check", "check-db", "diff", "make-migrations", "plan", "prove"];

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
    crate::ui::print(&text);
    Answer::done(json!({}))
}

pub(super) fn man() -> Result<Answer, Failure> {
    let mut text = Vec::new();
    manual(&mut text).map_err(|error| broken("the manual page cannot be made", error))?;
    crate::ui::print(&text);
    Ok(Answer::done(json!({})))
}

/// One page, with a section for each command.
fn manual(text: &mut Vec<u8>) -> std::io::Result<()> {
    let page = Man::new(Cli::command());
    page.render_title(text)?;
    page.render_name_section(text)?;
    page.render_synopsis_section(text)?;
    page.render_description_section(text)?;
    // The commands by what they are for, line by line as they stand.
    let mut groups = Vec::new();
    page.render_extra_section(&mut groups)?;
    let groups = String::from_utf8_lossy(&groups).replacen(".SH EXTRA", ".SH COMMANDS\n.nf", 1);
    writeln!(text, "{groups}.fi")?;
    page.render_options_section(text)?;
    for command in Cli::command().get_subcommands() {
        section(text, "dbwarden", command)?;
    }
    page.render_version_section(text)
}

/// The section of one command, and those of the commands under it. What every command takes stands once, in the page's own
/// options.
fn section(text: &mut Vec<u8>, above: &str, command: &clap::Command) -> std::io::Result<()> {
    let name = format!("{above} {}", command.get_name());
    writeln!(text, ".SH \"{}\"", name.replace('-', "\\-"))?;
    let page = Man::new(command.clone().bin_name(&name).disable_help_flag(true));
    let mut parts = Vec::new();
    page.render_description_section(&mut parts)?;
    page.render_synopsis_section(&mut parts)?;
    page.render_options_section(&mut parts)?;
    page.render_extra_section(&mut parts)?;
    for line in String::from_utf8_lossy(&parts).lines() {
        // Headings of a page of its own: here they are paragraphs.
        writeln!(text, "{}", if line.starts_with(".SH ") { ".PP" } else { line })?;
    }
    command.get_subcommands().try_for_each(|command| section(text, &name, command))
}

/// `dbwarden help COMMAND`, as `dbwarden COMMAND --help`.
pub(super) fn help(words: &[String], global: &Global) -> Result<Answer, Failure> {
    let typed = ["dbwarden"].into_iter().chain(words.iter().map(String::as_str)).chain(["--help"]);
    let parsed = Cli::command().try_get_matches_from(typed).and_then(|it| Cli::from_arg_matches(&it));
    match parsed {
        Ok(Cli { command: Command::Database { command: Database::Other(words) }, .. }) => {
            Err(unknown_of_database(&words))
        }
        Ok(_) => Err(unknown(words)),
        Err(text) if !text.use_stderr() => {
            if !global.json {
                crate::ui::said(text.print());
            }
            Ok(Answer::done(json!({ "help": text.render().to_string() })))
        }
        Err(error) => Err(crate::typed::failure(&error)),
    }
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
