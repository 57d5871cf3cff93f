//! `cargo xtask test`: the whole test suite. Doc tests first, so that the last lines are the runner's summary.

use std::env;
use std::process::{Command, ExitCode, Stdio};

use crate::cargo::{cargo, exit_code, status};
use crate::failure::{Failure, Outcome};
use crate::servers::Servers;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    Nextest,
    CargoTest,
}

const ALL_SERVERS: &str = "--all-servers";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let all_servers = arguments.iter().any(|argument| argument == ALL_SERVERS);
    let filters: Vec<String> =
        arguments.iter().filter(|argument| *argument != ALL_SERVERS).cloned().collect();
    if let Some(option) = filters.iter().find(|filter| filter.starts_with('-')) {
        return Err(Failure::usage(format!(
            "test takes parts of test names, not `{option}`; call `cargo nextest` or `cargo test` itself for its options"
        )));
    }
    let runner = if nextest_is_there() {
        Runner::Nextest
    } else {
        eprintln!("xtask: cargo-nextest is not installed, so `cargo test` runs the tests");
        Runner::CargoTest
    };
    let built = status(&mut cargo(["test", "--workspace", "--all-features", "--no-run"]))?;
    if !built.success() {
        return Ok(exit_code(built));
    }
    let mut servers = Servers::start(all_servers)?;
    let mut code = ExitCode::SUCCESS;
    for arguments in calls(runner, &filters) {
        let mut command = still(cargo(arguments.iter().copied()));
        // Doc tests use none: meanwhile the servers come up.
        if !arguments.contains(&"--doc") {
            command.envs(servers.variables());
        }
        let status = status(&mut command)?;
        code = exit_code(status);
        if !status.success() {
            break;
        }
    }
    if code == ExitCode::SUCCESS {
        code = on_cockroach(runner)?;
    }
    Ok(code)
}

/// The variable that names a CockroachDB; the tests do not start one.
const COCKROACH: &str = "DBWARDEN_TEST_COCKROACH_URL";

/// Runs what wants a real CockroachDB, or says that nothing was run on one.
fn on_cockroach(runner: Runner) -> Outcome {
    if env::var_os(COCKROACH).is_none_or(|url| url.is_empty()) {
        eprintln!("xtask: {COCKROACH} is not set, so nothing was run on a real CockroachDB");
        return Ok(ExitCode::SUCCESS);
    }
    let scope = ["--workspace", "--all-features", "--no-fail-fast"];
    let (first, last): (&[&str], &[&str]) = match runner {
        Runner::Nextest => (&["nextest", "run"], &["--run-ignored", "only", "cockroach::"]),
        Runner::CargoTest => (&["test"], &["cockroach::", "--", "--ignored"]),
    };
    let mut command = still(cargo([first, &scope, last].concat()));
    Ok(exit_code(status(&mut command)?))
}

fn nextest_is_there() -> bool {
    let asked = cargo(["nextest", "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// The calls of cargo in their order; the first that fails is the last.
fn calls(runner: Runner, filters: &[String]) -> Vec<Vec<&str>> {
    let filters = || filters.iter().map(String::as_str);
    let scope = ["--workspace", "--all-features", "--no-fail-fast"];
    let libtest = |mut call: Vec<&'static str>| {
        call.extend(scope);
        let mut call: Vec<&str> = call;
        if filters().next().is_some() {
            call.push("--");
            call.extend(filters());
        }
        call
    };
    match runner {
        // Nextest runs no doc tests.
        Runner::Nextest => {
            let mut suite = vec!["nextest", "run"];
            suite.extend(scope);
            suite.extend(filters());
            vec![libtest(vec!["test", "--doc"]), suite]
        }
        Runner::CargoTest => vec![libtest(vec!["test"])],
    }
}

/// Under CI a snapshot that differs is a failure, and no file is written for it.
fn still(mut command: Command) -> Command {
    if env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false") {
        command.env("INSTA_UPDATE", "no");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(runner: Runner, filters: &[&str]) -> Vec<String> {
        let filters: Vec<String> = filters.iter().map(ToString::to_string).collect();
        calls(runner, &filters).iter().map(|call| call.join(" ")).collect()
    }

    #[test]
    fn nextest_comes_last_and_takes_filters_as_they_are() {
        assert_eq!(
            lines(Runner::Nextest, &["lock", "graph"]),
            [
                "test --doc --workspace --all-features --no-fail-fast -- lock graph",
                "nextest run --workspace --all-features --no-fail-fast lock graph",
            ]
        );
    }

    #[test]
    fn cargo_test_runs_doc_tests_itself() {
        assert_eq!(lines(Runner::CargoTest, &[]), ["test --workspace --all-features --no-fail-fast"]);
        assert_eq!(
            lines(Runner::CargoTest, &["lock"]),
            ["test --workspace --all-features --no-fail-fast -- lock"]
        );
    }
}
