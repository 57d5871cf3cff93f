//! `cargo xtask check`: format, lints and documentation, each with its warnings as errors; and that the page of the commands is
//! their help.

use std::process::Stdio;

use crate::cargo::{cargo, exit_code, status};
use crate::failure::{Failure, Outcome};

const STEPS: [&[&str]; 3] = [
    &["fmt", "--all", "--check"],
    &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
    &["doc", "--workspace", "--no-deps", "--all-features"],
];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(argument) = arguments.first() {
        return Err(Failure::usage(format!("check takes no `{argument}`")));
    }
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let asked = cargo([subcommand, "--version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !asked.is_ok_and(|status| status.success()) {
            return Err(Failure::new(format!(
                "`cargo {subcommand}` is not installed: rustup component add {component}"
            )));
        }
    }
    for step in STEPS {
        let mut command = cargo(step.iter().copied());
        if step[0] == "doc" {
            command.env("RUSTDOCFLAGS", "-D warnings");
        }
        let status = status(&mut command)?;
        if !status.success() {
            return Ok(exit_code(status));
        }
    }
    // Last, since it wants the command built.
    crate::docs::run(&["--check".to_owned()])
}
