//! Tasks of the repository, run as `cargo xtask VERB`. One file a verb; nothing beyond the standard library, so that it
//! compiles in seconds.

mod bench;
mod cargo;
mod check;
mod docs;
mod failure;
mod servers;
mod test;

use std::process::ExitCode;

use failure::{Failure, Outcome};

const USAGE: &str = "\
Usage: cargo xtask VERB

  test [FILTER…]      runs every test, or those whose names contain a FILTER, on PostgreSQL and MariaDB too: installs them
                      with apt where that may be, starts them, and ends them
                      (--all-servers: on further versions and clusters as well, fetched where that may be)
  check               format, lints and documentation, warnings as errors, and docs --check
  bench [TASK]        times this tool against the engine's own shell; `cargo xtask bench --help`
  docs [--check]      writes docs/reference/cli.md from the command's own help; --check only compares
                      (--binary PATH: of this dbwarden, instead of one built now)

Builds go to CARGO_TARGET_DIR, else to dbwarden/target in the user's cache directory.";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}

fn run() -> Outcome {
    let mut arguments = Vec::new();
    for argument in std::env::args_os().skip(1) {
        arguments.push(argument.into_string().map_err(|argument| {
            Failure::usage(format!("the argument {} is not UTF-8", argument.display()))
        })?);
    }
    let Some((verb, rest)) = arguments.split_first() else {
        eprintln!("{USAGE}");
        return Ok(failure::USAGE_EXIT.into());
    };
    match verb.as_str() {
        "test" => test::run(rest),
        "check" => check::run(rest),
        "bench" => bench::run(rest),
        "docs" => docs::run(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        other => Err(Failure::usage(format!("no verb `{other}`\n\n{USAGE}"))),
    }
}
