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
    let mut calls = calls(runner, &filters);
    if all_servers {
        if runner == Runner::Nextest {
            // A filter may be for the longer lane alone.
            calls.iter_mut().skip(1).for_each(|call| call.extend(words(&["--no-tests", "pass"])));
        }
        calls.push(longer_lane(runner, &filters));
    }
    for arguments in calls {
        let mut command = still(cargo(arguments.iter().map(String::as_str)));
        // Doc tests use none: meanwhile the servers come up.
        if !arguments.iter().any(|argument| argument == "--doc") {
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

/// What the names of the tests contain that want further servers. They are ignored unless they are asked for.
const LONGER_LANE: &str = "longer_lane";

/// The call that runs those alone.
fn longer_lane(runner: Runner, filters: &[String]) -> Vec<String> {
    let mut call = words(&["--workspace", "--all-features", "--no-fail-fast"]);
    match runner {
        Runner::Nextest => {
            call.splice(0..0, words(&["nextest", "run"]));
            let mut wanted = format!("test({LONGER_LANE})");
            if !filters.is_empty() {
                let any: Vec<_> = filters.iter().map(|filter| format!("test({filter})")).collect();
                wanted.push_str(&format!(" and ({})", any.join(" or ")));
            }
            call.extend(words(&["--run-ignored", "only", "-E", &wanted]));
            if !filters.is_empty() {
                // It may be for the other tests alone.
                call.extend(words(&["--no-tests", "pass"]));
            }
        }
        Runner::CargoTest => {
            call.splice(0..0, words(&["test", "--tests"]));
            call.extend(words(&["--", "--ignored", LONGER_LANE]));
        }
    }
    call
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// The calls of cargo in their order; the first that fails is the last.
fn calls(runner: Runner, filters: &[String]) -> Vec<Vec<String>> {
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
    let calls = match runner {
        // Nextest runs no doc tests.
        Runner::Nextest => {
            let mut suite = vec!["nextest", "run"];
            suite.extend(scope);
            suite.extend(filters());
            vec![libtest(vec!["test", "--doc"]), suite]
        }
        Runner::CargoTest => vec![libtest(vec!["test"])],
    };
    calls.iter().map(|call| words(call)).collect()
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
    fn the_longer_lane_is_what_is_ignored_else() {
        let line = |runner, filters: &[&str]| longer_lane(runner, &words(filters)).join(" ");
        assert_eq!(
            line(Runner::Nextest, &[]),
            "nextest run --workspace --all-features --no-fail-fast --run-ignored only -E test(longer_lane)"
        );
        assert!(
            line(Runner::Nextest, &["a", "b"]).contains(" -E test(longer_lane) and (test(a) or test(b))")
        );
        assert_eq!(
            line(Runner::CargoTest, &[]),
            "test --tests --workspace --all-features --no-fail-fast -- --ignored longer_lane"
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
