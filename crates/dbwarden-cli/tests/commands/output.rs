//! Text: what is printed where, without escape codes, at any width, into any pipe.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use insta::assert_snapshot;

use crate::sandbox::{Sandbox, wait_for};

#[test]
fn the_main_job() {
    let sandbox = Sandbox::holding(&[
        ("0001_create_customers.sql", crate::sandbox::CUSTOMERS),
        ("0002_create_orders.sql", crate::sandbox::ORDERS),
        ("0003_order_totals.sql", crate::sandbox::TOTALS),
    ]);
    let said: Vec<_> = [
        &["status"][..],
        &["migrate", "--dry-run"],
        &["migrate"],
        &["migrate"],
        &["status"],
        &["history"],
        &["heads"],
        &["show", "head"],
        &["verify"],
        &["rollback"],
        &["rollback", "-t", "base", "--dry-run"],
        &["downgrade", "base"],
        &["stamp", "0002"],
        &["lock-status"],
        &["doctor"],
        &["config"],
        &["database", "list"],
        &["version"],
    ]
    .iter()
    .map(|arguments| sandbox.run(arguments).exits(0).transcript)
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn quiet_prints_nothing_on_success() {
    let sandbox =
        Sandbox::holding(&[("0001_a.sql", "CREATE TABLE a (id INTEGER);\n-- rollback\nDROP TABLE a;\n")]);
    for arguments in [
        &["migrate"][..],
        &["status"],
        &["history"],
        &["heads"],
        &["branches"],
        &["show", "0001"],
        &["verify"],
        &["rollback"],
        &["stamp", "head"],
        &["lock-status"],
        &["unlock"],
        &["doctor"],
        &["config"],
        &["database", "list"],
        &["new", "x"],
        &["init"],
    ] {
        let with: Vec<_> = ["--quiet"].iter().chain(arguments).copied().collect();
        let ran = sandbox.run(&with).exits(0);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""), "{arguments:?}");
        sandbox.run(&["new", "--help"]).exits(0);
        if arguments[0] == "new" {
            sandbox.remove("migrations/0002_x.sql");
        }
    }
    let ran = sandbox.run(&["-q", "migrate", "-t", "nothing"]).exits(2);
    assert!(ran.err.starts_with("error["), "errors are printed all the same");
}

#[test]
fn no_escape_code_goes_into_a_pipe() {
    let mut sandbox = Sandbox::shop();
    sandbox.migration("0004_fails.sql", "SELECT nonsense;\n");
    for (variable, value) in [("TERM", "xterm-256color"), ("NO_COLOR", "1")] {
        sandbox.set(variable, value);
        for arguments in [
            &["status"][..],
            &["migrate"],
            &["history"],
            &["--help"],
            &["migrate", "--help"],
            &["nonsense"],
            &["migrate", "--nonsense"],
            &["status", "--no-color"],
            &["man"],
            &["completions", "bash"],
        ] {
            let ran = sandbox.run(arguments);
            assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{arguments:?}: {}", ran.err);
        }
    }
}

#[test]
fn colours_can_be_had_and_refused() {
    let mut sandbox = Sandbox::empty();
    sandbox.set("CLICOLOR_FORCE", "1");
    assert!(sandbox.run(&["migrate"]).err.contains('\u{1b}'), "asked for");
    assert!(!sandbox.run(&["migrate", "--no-color"]).err.contains('\u{1b}'), "the flag stands above");
    sandbox.unset("CLICOLOR_FORCE");
    sandbox.set("NO_COLOR", "1");
    assert!(!sandbox.run(&["migrate"]).err.contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let sandbox = Sandbox::new();
    let mut sql = String::new();
    for number in 0..2_000 {
        sandbox.migration(&format!("{number:04}_t.sql"), format!("CREATE TABLE t{number} (id INTEGER);\n"));
        sql.push_str("INSERT INTO t0 VALUES (1);\n");
    }
    sandbox.migration("2000_seed.sql", sql);
    for arguments in [
        &["history"][..],
        &["migrate", "--sql"],
        &["completions", "bash"],
        &["man"],
        &["history", "--json"],
        &["status"],
        &["--help"],
    ] {
        let mut child =
            sandbox.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        wait_for(&mut child);
        let error = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(!error.contains("panicked"), "{arguments:?}: {error}");
    }
}

/// A terminal 40 columns wide, by util-linux' `script`; without it there is none to be had here.
#[cfg(target_os = "linux")]
#[test]
fn a_narrow_terminal() {
    let sandbox = Sandbox::shop();
    let codes = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    for (arguments, exit) in
        [("migrate --help", 0), ("--help", 0), ("status", 0), ("history", 0), ("migrate -t 0009", 2)]
    {
        let typed = format!("stty cols 40 rows 24 && exec {} {arguments}", crate::sandbox::program());
        let output = std::process::Command::new("script")
            .args(["-qec", &typed, "/dev/null"])
            .current_dir(sandbox.path(""))
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .output();
        let Ok(output) = output else {
            crate::sandbox::left_out("there is no `script` of util-linux, so no narrow terminal");
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{arguments}: {text}");
        assert!(!text.contains("panicked"), "{text}");
        if arguments == "migrate --help" {
            let plain = codes.replace_all(&text, "").into_owned();
            let wrapped = plain.split("Examples:").next().unwrap_or_default();
            let widest = wrapped.lines().map(|line| line.trim_end().chars().count()).max().unwrap_or(0);
            assert!(
                widest <= 60,
                "{widest} columns, and words that cannot be parted alone are wider than 40: {plain}"
            );
            assert!(text.contains('\u{1b}'), "a terminal has colours");
        }
    }
}

#[test]
fn data_goes_to_standard_output_and_all_else_to_standard_error() {
    let sandbox = Sandbox::shop();
    sandbox.migration("V2.5__late.sql", "CREATE TABLE late (id INTEGER);\n");
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert!(ran.err.contains("note: 2.5 is older than 0003"), "{}", ran.transcript);
    assert!(!ran.out.contains("note:"), "{}", ran.transcript);
    let ran = sandbox.run(&["migrate", "--verbose", "-t", "nothing"]).exits(2);
    assert_eq!(ran.out, "");
}

#[test]
fn with_all_each_text_says_whose_it_is() {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "warden.toml",
        "default = \"a\"\n[databases.a]\nurl = \"sqlite:///a.db\"\n[databases.b]\nurl = \"sqlite:///b.db\"\n",
    );
    for name in ["a", "b"] {
        sandbox.migration(
            &format!("{name}/0001_{name}.sql"),
            format!("CREATE TABLE {name} (id INTEGER);\n-- rollback\nDROP TABLE {name};\n"),
        );
    }
    // The script holds times: of it only whose it is, and that this is a comment.
    let comments = |line: &[&str]| {
        let script = sandbox.run(line).exits(0).out;
        let comments = script.lines().filter(|line| line.starts_with("-- ")).collect::<Vec<_>>();
        comments.join("\n")
    };
    let (a, b) = ("-- a  sqlite a.db\n-- 0001 a", "-- b  sqlite b.db\n-- 0001 b");
    assert_eq!(comments(&["migrate", "--sql", "--all"]), format!("{a}\n{b}"));
    // At once, the one that is done first comes first.
    let at_once = comments(&["migrate", "--sql", "--all", "--jobs", "2"]);
    assert!([format!("{a}\n{b}"), format!("{b}\n{a}")].contains(&at_once), "{at_once}");
    sandbox.migration("a/0002_wrong.sql", "");
    let refused = sandbox.run(&["migrate", "--sql", "--all"]).exits(3);
    assert!(refused.out.starts_with("-- b  sqlite b.db\n"), "{}", refused.out);
    std::fs::remove_file(sandbox.path("migrations/a/0002_wrong.sql")).unwrap();
    let add = ["template", "add-column", "--table", "t", "--column", "c:text", "--all"];
    let said: Vec<_> = [
        &["history", "--all"][..],
        &["heads", "--all"],
        &["branches", "--all"],
        &["show", "1", "--all"],
        &["merge", "--all"],
        &add,
    ]
    .iter()
    .map(|line| sandbox.run(line).exits(0).transcript)
    .collect();
    assert_snapshot!(said.join("\n"));
}

#[test]
fn verbose_prints_each_statement() {
    let sandbox =
        Sandbox::holding(&[("0001_a.sql", "CREATE TABLE a (id INTEGER);\nINSERT INTO a VALUES (1);\n")]);
    let ran = sandbox.run(&["migrate", "-v"]).exits(0);
    assert!(ran.err.contains("INSERT INTO a VALUES (1)"), "{}", ran.transcript);
}

#[test]
fn names_that_would_command_a_terminal_are_shown_as_text() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", "CREATE TABLE a (id INTEGER);\n")]);
    sandbox.run(&["migrate"]).exits(0);
    sandbox.sql("UPDATE dbwarden_migrations SET applied_by = 'a' || char(27) || '[2Jb', description = char(27) || ']0;x'");
    for arguments in [&["status"][..], &["history"], &["show", "0001"]] {
        let ran = sandbox.run(arguments).exits(0);
        assert!(!ran.out.contains('\u{1b}'), "{arguments:?}");
    }
}

#[test]
fn a_rollback_counts_what_status_counts() {
    let sandbox = Sandbox::shop();
    sandbox.migration("ROC__w.sql", "DROP VIEW IF EXISTS w;\nCREATE VIEW w AS SELECT id FROM orders;\n");
    sandbox.migration("0004_b.sql", "CREATE TABLE b (id INTEGER);\n-- rollback\nDROP TABLE b;\n");
    sandbox.run(&["migrate"]).exits(0);
    let said = [sandbox.run(&["rollback"]).transcript, sandbox.run(&["status"]).transcript];
    assert_snapshot!(said.join("\n"));
}

#[test]
fn a_tag_that_no_file_has() {
    let sandbox = Sandbox::holding(&[("0001_a.sql", "-- tags: demo\nCREATE TABLE a (id INTEGER);\n")]);
    let ran = sandbox.run(&["migrate", "--tag", "demoo"]).exits(0);
    assert!(
        ran.err.contains("note: no migration has the tag demoo; did you mean demo?\n"),
        "{}",
        ran.transcript
    );
    let ran = sandbox.run(&["migrate", "--tag", "demo"]).exits(0);
    assert!(!ran.err.contains("no migration has"), "{}", ran.transcript);
}

#[test]
fn a_statement_that_is_left_out_names_its_migration() {
    let sandbox = Sandbox::shop();
    sandbox.migration("0004_more.sql", "-- unless: table orders\nCREATE TABLE orders (id INTEGER);\n");
    let ran = sandbox.run(&["migrate"]).exits(0);
    assert!(
        ran.err.contains("  statement 1 of 0004 is left out: unless: table orders\n"),
        "{}",
        ran.transcript
    );
}

#[test]
fn settings_that_cannot_be_read_say_why() {
    let sandbox = Sandbox::shop();
    sandbox.write("warden.toml", b"[databases.primary]\nurl = \"\xff\"\n");
    let ran = sandbox.run(&["status"]).exits(2);
    assert!(
        ran.err.contains("cannot read warden.toml: stream did not contain valid UTF-8"),
        "{}",
        ran.transcript
    );
}
