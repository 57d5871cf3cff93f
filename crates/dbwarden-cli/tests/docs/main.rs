//! The README and the guide do what they say: each `console` block is typed in, in the document's order, and what is printed is
//! compared with what is shown.
//!
//! `DBWARDEN_UPDATE_DOCS=1` writes what was printed into the documents, as `git diff` then shows. A line `...` stands for any
//! lines. What only the source shows, and this test does, is listed in `document.rs`.

#![cfg(all(unix, debug_assertions))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "../sandbox/mod.rs"]
mod sandbox;

mod document;
mod session;
mod transcript;

use std::collections::BTreeSet;
use std::fs;

use dbwarden::project::{Project, Sources};
use dbwarden::sql::{Rules, Syntax};
use document::Document;
use session::{checkout, play};

/// How many blocks may be left out: those that build, install or test the program itself.
const NOT_RUN: usize = 2;

/// The README and the guide, by their paths in the checkout.
fn documents() -> Vec<(String, String)> {
    let mut names = vec!["README.md".to_owned()];
    for name in sandbox::listing(&checkout().join("docs/guide")) {
        if name.ends_with(".md") {
            names.push(format!("docs/guide/{name}"));
        }
    }
    assert!(names.len() > 1, "the guide is not found");
    names.into_iter().map(read).collect()
}

fn read(name: impl Into<String>) -> (String, String) {
    let name = name.into();
    let text = fs::read_to_string(checkout().join(&name)).unwrap();
    (name, text)
}

#[test]
fn documents_show_what_is_printed() {
    let update = std::env::var_os("DBWARDEN_UPDATE_DOCS").is_some_and(|value| !value.is_empty());
    let mut findings = Vec::new();
    for (name, text) in documents() {
        if name.ends_with("/duckdb.md") && !cfg!(feature = "duckdb") {
            // Not for the program as it is built here.
            continue;
        }
        let mut played = play(&name, &text);
        if update && played.mended != text {
            fs::write(checkout().join(&name), &played.mended).unwrap();
            // What is left now is for a person to mend.
            played = play(&name, &played.mended);
        }
        findings.extend(played.findings);
    }
    assert!(
        findings.is_empty(),
        "\n{}\n`DBWARDEN_UPDATE_DOCS=1 cargo test -p dbwarden-cli --test docs` writes what is printed into the documents",
        findings.join("\n")
    );
}

/// The names of errors, as the functions that return them spell them.
fn codes() -> BTreeSet<String> {
    let named = regex::Regex::new(r#"(?:=>\s*\{?|code:)\s*"([a-z]+(?:-[a-z]+)*)""#).unwrap();
    let mut codes = BTreeSet::new();
    for (file, begins) in [
        ("crates/dbwarden/src/error.rs", "    pub fn code("),
        ("crates/dbwarden/src/error.rs", "fn graph_code("),
        ("crates/dbwarden/src/error.rs", "fn backup_code("),
        ("crates/dbwarden/src/error.rs", "fn driver_code("),
        ("crates/dbwarden/src/migration/source/error.rs", "    pub fn code("),
        ("crates/dbwarden/src/project/error.rs", "    pub fn code("),
        ("crates/dbwarden-cli/src/error.rs", "impl Failure {"),
    ] {
        let (_, text) = read(file);
        let (_, function) = text.split_once(begins).unwrap_or_else(|| panic!("{file} has no {begins}"));
        let end = if begins.starts_with(' ') { "\n    }\n" } else { "\n}\n" };
        let function = function.split_once(end).unwrap().0;
        codes.extend(named.captures_iter(function).map(|found| found[1].to_owned()));
    }
    codes
}

#[test]
fn the_page_of_failures_has_each_name() {
    let codes = codes();
    for known in
        ["sql", "heads", "backup-file", "rights", "sections", "unknown-key", "usage", "invalid-setting"]
    {
        assert!(codes.contains(known), "{known} was not found in the sources: {codes:?}");
    }
    let (name, page) = read("docs/guide/when-it-fails.md");
    let missing: Vec<_> = codes.iter().filter(|code| !page.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "{name} says nothing of {missing:?}");
}

#[test]
fn few_blocks_are_not_run_and_each_says_why() {
    let mut left_out = Vec::new();
    for (name, text) in documents() {
        for (line, block) in Document::parse(&name, &text).blocks() {
            if let Some(reason) = &block.markers.not_run {
                assert!(reason.split_whitespace().count() > 2, "{name}:{line}: `{reason}` is no reason");
                left_out.push(format!("{name}:{line}: {reason}"));
            }
        }
    }
    assert!(left_out.len() <= NOT_RUN, "too many blocks are not run:\n{}", left_out.join("\n"));
}

#[test]
fn a_changed_word_is_found_and_mended() {
    let (name, text) = read("README.md");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let at = lines.iter().position(|line| line.starts_with("applied ")).unwrap();
    lines[at] = lines[at].replace("applied", "did");
    let played = play(&name, &(lines.join("\n") + "\n"));
    assert_eq!(played.findings.len(), 1, "{}", played.findings.join("\n"));
    let finding = &played.findings[0];
    assert!(finding.starts_with("README.md:"), "{finding}");
    for part in ["dbwarden migrate", "\n    - did ", "\n    + applied "] {
        assert!(finding.contains(part), "{finding}");
    }
    assert_eq!(sandbox::still(&played.mended, &[]), sandbox::still(&text, &[]));
}

#[test]
fn settings_have_known_keys() {
    let mut seen = 0;
    for (name, text) in documents().into_iter().chain([read("docs/reference/settings.md")]) {
        for (line, block) in Document::parse(&name, &text).blocks() {
            if block.language != "toml" {
                continue;
            }
            let sandbox = sandbox::Sandbox::empty();
            sandbox.write("warden.toml", &block.text);
            let sources = Sources {
                directory: sandbox.path(""),
                environment: [("DATABASE_URL".to_owned(), "sqlite:///app.db".to_owned())].into(),
                ..Sources::default()
            };
            let project = Project::load(&sources).unwrap_or_else(|error| panic!("{name}:{line}: {error}"));
            for (database, settings) in project.all() {
                settings.unwrap_or_else(|error| panic!("{name}:{line}: {database}: {error}"));
            }
            seen += 1;
        }
    }
    assert!(seen > 1, "the blocks of settings are not found");
}

#[test]
fn sql_is_whole() {
    for (name, text) in documents() {
        for (line, block) in Document::parse(&name, &text).blocks() {
            if block.language == "sql" {
                dbwarden::sql::split(&block.text, Rules::new(Syntax::Sqlite))
                    .unwrap_or_else(|error| panic!("{name}:{line}: {error}"));
            }
        }
    }
}
