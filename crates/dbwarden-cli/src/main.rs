//! The command `dbwarden`: turns flags into options of the library's verbs, and their reports into text or JSON.

mod args;
mod commands;
mod error;
mod kill;
mod settings;
mod ui;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

fn main() -> ExitCode {
    let matches = match args::Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are answers, not errors.
            if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") {
                commands::unreadable(&error);
            } else {
                error.print().ok();
            }
            return ExitCode::from(if error.use_stderr() { error::USAGE } else { 0 });
        }
    };
    match args::Cli::from_arg_matches(&matches) {
        Ok(cli) => ExitCode::from(commands::run(cli)),
        Err(error) => {
            error.print().ok();
            ExitCode::from(error::USAGE)
        }
    }
}
