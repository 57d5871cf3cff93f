//! What was typed makes no sense, or comes with a later version.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

#[test]
fn an_unknown_command() {
    let sandbox = Sandbox::shop();
    let said: Vec<_> =
        [&["migrat"][..], &["staus"], &["lockstatus"], &["frobnicate"], &["frobnicate", "--hard"]]
            .iter()
            .map(|arguments| sandbox.refuses(2, arguments).transcript)
            .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn later_commands_and_flags() {
    let sandbox = Sandbox::shop();
    let said: Vec<_> = [
        &["make-migrations", "text"][..],
        &["check"],
        &["check-db", "-o", "json"],
        &["diff"],
        &["database", "clean"],
        &["database", "create"],
        &["migrate", "--sandbox"],
        &["migrate", "--phase", "expand"],
        &["verify", "--round-trip"],
        &["revision", "-m", "x", "--autogenerate"],
    ]
    .iter()
    .map(|arguments| sandbox.refuses(2, arguments).transcript)
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn unknown_options() {
    let sandbox = Sandbox::shop();
    let said: Vec<_> = [
        &["migrate", "--dryrun"][..],
        &["status", "extra"],
        &["show"],
        &["new"],
        &["stamp"],
        &["new", "x", "--type", "rx"],
        &["new", "x", "-m", "y"],
        &["new", "x", "--type"],
        &["migrate", "--lock-wait", "soon"],
        &["migrate", "--from", "0001"],
        &["database"],
        &["--colour", "status"],
        &["migrate", "--dryrun", "--json"],
        &["show", "--json"],
        &["diff", "--json"],
        &["--json"],
    ]
    .iter()
    .map(|arguments| sandbox.refuses(2, arguments).transcript)
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_text_that_names_nothing() {
    let sandbox = Sandbox::shop();
    let said = [
        sandbox.refuses(2, &["new", "!!!"]).transcript,
        sandbox.refuses(2, &["new", "x", "--version", "0002"]).transcript,
        sandbox.refuses(2, &["new", "x", "--version", "../../etc/x"]).transcript,
        sandbox.refuses(2, &["new", "x", "--version", "two words"]).transcript,
    ];
    assert_snapshot!(said.join("\n"));
}
