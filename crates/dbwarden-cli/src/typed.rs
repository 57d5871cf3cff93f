//! What was typed and cannot be read: the parser's errors in the form of all others.

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde_json::json;

use crate::args::Cli;
use crate::error::{Failure, USAGE};
use crate::ui;

/// Answers what the parser says, and returns the exit code. Help and version are answers, not errors.
pub(crate) fn answer(error: &clap::Error) -> u8 {
    let typed = |option: &str| std::env::args_os().any(|argument| argument == option);
    ui::set_colours(typed("--no-color"));
    if !error.use_stderr() {
        ui::said(error.print());
        return ended(0);
    }
    let nothing = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    let failure = if nothing || error.kind() == ErrorKind::MissingSubcommand {
        Failure::usage("a command is missing", "`dbwarden --help` lists the commands")
    } else {
        failure(error)
    };
    if typed("--json") {
        ui::line(&json!({ "schema": 1, "command": null, "error": failure.json() }).to_string());
        return ended(USAGE);
    }
    if nothing {
        error.print().ok();
    } else {
        failure.print();
    }
    USAGE
}

/// The exit code of what came to `exit` and was printed.
pub(crate) fn ended(exit: u8) -> u8 {
    let Some(error) = ui::unsaid() else { return exit };
    let failure = Failure::unsaid(error);
    failure.print();
    if exit == 0 { failure.exit } else { exit }
}

/// The parser writes paragraphs: the message, tips, the usage, and where there is more.
pub(crate) fn failure(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        paragraph.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    });
    let message = paragraphs.next().unwrap_or_default();
    let (mut hints, mut command) = (Vec::new(), command());
    for paragraph in paragraphs {
        if let Some(usage) = paragraph.strip_prefix("Usage: ") {
            let words = usage.split(' ').take_while(|word| !word.starts_with(['-', '[', '<']));
            command = words.collect::<Vec<_>>().join(" ");
            hints.push(format!("usage: {usage}"));
        } else if let Some(tips) = paragraph.strip_prefix("tip: ") {
            hints.extend(tips.split(" tip: ").filter(|tip| !tip.contains("similar")).map(str::to_owned));
        }
    }
    let meant = [ContextKind::SuggestedArg, ContextKind::SuggestedValue, ContextKind::SuggestedSubcommand]
        .into_iter()
        .find_map(|kind| match error.get(kind)? {
            ContextValue::String(name) => Some(name.clone()),
            // The nearest is the last.
            ContextValue::Strings(names) => names.last().cloned(),
            _ => None,
        });
    let next = match meant {
        Some(meant) => format!("did you mean `{meant}`? `{command} --help` lists what can be typed"),
        None => format!("`{command} --help` lists what can be typed"),
    };
    Failure::usage(message.trim_start_matches("error: "), next).hinting(hints)
}

/// The command that was typed, as far as one is known.
fn command() -> String {
    let program = Cli::command();
    let known = std::env::args_os().skip(1).find_map(|word| {
        let command = program.find_subcommand(&word)?;
        Some(format!("dbwarden {}", command.get_name()))
    });
    known.unwrap_or_else(|| "dbwarden".to_owned())
}
