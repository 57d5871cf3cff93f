//! What cannot be written to standard output, and what is to be typed next with the options that were typed.

use std::process::{Output, Stdio};

use crate::sandbox::Sandbox;

/// Runs the program with a standard output that is full.
#[cfg(target_os = "linux")]
fn into_full(sandbox: &Sandbox, arguments: &[&str]) -> (i32, String) {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = sandbox.command(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
    ended(&output)
}

fn ended(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_output() {
    let sandbox = Sandbox::shop();
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["history"],
        &["heads"],
        &["branches", "--json"],
        &["show", "0001"],
        &["verify"],
        &["migrate"],
        &["migrate", "--json"],
        &["migrate", "--sql"],
        &["migrate", "--sql", "--json"],
        &["doctor"],
        &["config"],
        &["database", "list"],
        &["lock-status"],
        &["version"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
        &["migrate", "--help"],
        &["help", "migrate"],
        &["new", "more"],
    ] {
        let (exit, said) = into_full(&sandbox, arguments);
        assert_eq!(exit, 1, "{arguments:?}: {said}");
        assert!(said.contains("error[output]: ") && said.contains("No space left on device"), "{said}");
        assert!(!said.contains("0001_create_customers.sql"), "the file is not to blame: {said}");
    }
    // What it did is done, and what it failed at has its own exit code.
    assert!(sandbox.path("migrations/0004_more.sql").is_file());
    let (exit, said) = into_full(&sandbox, &["migrate", "-t", "nothing", "--json"]);
    assert!(exit == 2 && said.contains("error[output]"), "{exit} {said}");
}

#[test]
fn a_reader_that_went_away() {
    let sandbox = Sandbox::holding(&[("0001_many.sql", &"SELECT 1;\n".repeat(50_000))]);
    for arguments in [&["migrate", "--sql"][..], &["status"], &["man"], &["--help"], &["version", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sandbox.command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(ended(&output), (0, String::new()), "{arguments:?}");
    }
}

/// The last line of what `arguments` come to on standard error.
#[track_caller]
fn next(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let ran = sandbox.run(arguments);
    assert_ne!(ran.exit, 0, "{}", ran.transcript);
    ran.err.lines().rfind(|line| line.contains("next: ")).unwrap_or_default().to_owned()
}

#[test]
fn the_options_that_were_typed_stand_in_what_is_to_be_typed_next() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "here.toml",
        "[databases.one]\nurl = \"sqlite:///one.db\"\nmigrations = \"one\"\n\n[databases.two]\nurl = \"sqlite:///two.db\"\nmigrations = \"two dir\"\n",
    );
    sandbox.write("one/0001_a.sql", "CREATE TABLE a (id INTEGER);\n");
    sandbox.write("two dir/0001_a.sql", "CREATE TABLE a (;\n");
    let with = |arguments: &[&str]| next(&sandbox, arguments);
    assert!(
        with(&["--config", "here.toml", "-d", "two", "migrate"])
            .ends_with("then `dbwarden migrate -d two --config here.toml`")
    );
    let all = sandbox.run(&["--config", "here.toml", "--all", "-q", "migrate"]).exits(3);
    assert!(all.err.contains("= in the database \"two\"\n"), "{}", all.transcript);
    assert!(all.err.contains("then `dbwarden migrate -d two --config here.toml`"), "{}", all.transcript);
    let url = with(&["--url", "sqlite:///x.db", "--migrations", "two dir", "migrate"]);
    assert!(url.ends_with("then `dbwarden migrate --migrations 'two dir' --url sqlite:///x.db`"), "{url}");
    let json =
        sandbox.run(&["--url", "sqlite:///x.db", "--migrations", "two dir", "migrate", "--json"]).json();
    assert!(json["error"]["next"].as_str().unwrap().contains("--url sqlite:///x.db`"), "{json}");
}
