//! The command `dbwarden`: turns flags into options of the library's verbs, and their reports into text or JSON.

mod args;
mod commands;
mod error;
mod kill;
mod next;
mod repeated;
mod rights;
mod settings;
mod typed;
mod ui;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

fn main() -> ExitCode {
    let read =
        args::Cli::command().try_get_matches().and_then(|matches| args::Cli::from_arg_matches(&matches));
    ExitCode::from(match read {
        Ok(cli) => commands::run(cli),
        Err(error) => typed::answer(&error),
    })
}
