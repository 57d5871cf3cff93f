//! A reader with a terminal: does what a document says, in a directory of its own, and sees what comes of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::document::{Block, Document, Typed, What};
use crate::sandbox;
use crate::transcript::{ANY, difference, lines, matches};

/// The directory of a session, as a document calls it.
const HOME: &str = "/home/you";

/// Stands where a README says `cargo run`: the program is built already, and nothing else is to be built here.
const CARGO: &str = r#"#!/bin/sh
if [ "$1" = run ] && [ "$2" = -- ]; then
    shift 2
    exec dbwarden "$@"
fi
echo "only 'cargo run --' is known here" >&2
exit 127
"#;

/// What became of a document.
pub(crate) struct Played {
    /// What is not as the document says.
    pub(crate) findings: Vec<String>,
    /// The document as it should be.
    pub(crate) mended: String,
}

/// Does what a document says.
pub(crate) fn play(name: &str, text: &str) -> Played {
    let document = Document::parse(name, text);
    let mut session = Session::new();
    if name.ends_with("/duckdb.md") {
        session.variables.extend(duckdb_library());
    }
    let mut findings = Vec::new();
    let mut mends = Vec::new();
    for step in &document.steps {
        let done = match &step.what {
            What::Fresh => {
                session.clear();
                Ok(())
            }
            What::Run(script) => session.prepare(script),
            What::Block(block) => session.block(&document, block, &mut findings, &mut mends),
        };
        // What follows stands on it.
        if let Err(why) = done {
            findings.push(format!("{name}:{}: the rest is not run: {why}", step.line));
            break;
        }
    }
    let mut mended = document.lines;
    for (typed, lines) in mends.into_iter().rev() {
        mended.splice(typed.shown.clone(), lines);
    }
    Played { findings, mended: mended.join("\n") + "\n" }
}

struct Session {
    root: tempfile::TempDir,
    /// Where its commands are run. `cd` changes it.
    here: PathBuf,
    /// Further variables.
    variables: Vec<(&'static str, PathBuf)>,
}

impl Session {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(sandbox::program(), bin.join("dbwarden")).unwrap();
        fs::write(bin.join("cargo"), CARGO).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(bin.join("cargo"), mode).unwrap();
        let home = root.path().canonicalize().unwrap().join("home");
        fs::create_dir(&home).unwrap();
        Self { root, here: home, variables: Vec::new() }
    }

    fn home(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap().join("home")
    }

    fn clear(&mut self) {
        self.here = self.home();
        fs::remove_dir_all(&self.here).unwrap();
        fs::create_dir(&self.here).unwrap();
    }

    fn prepare(&mut self, script: &str) -> Result<(), String> {
        let (exit, printed) = self.run(&format!("set -e\n{script}"));
        if exit == 0 { Ok(()) } else { Err(format!("the hidden commands end with {exit}\n{printed}")) }
    }

    fn block<'a>(
        &mut self,
        document: &Document,
        block: &'a Block,
        findings: &mut Vec<String>,
        mends: &mut Vec<(&'a Typed, Vec<String>)>,
    ) -> Result<(), String> {
        if let Some(path) = &block.markers.file {
            let path = self.here.join(path);
            let folder = path.parent().expect("a file is in a directory");
            assert!(folder.is_dir(), "{}: no directory for {}", document.name, path.display());
            fs::write(path, &block.text).unwrap();
        }
        if block.markers.not_run.is_some() {
            return Ok(());
        }
        for (index, typed) in block.commands.iter().enumerate() {
            let last = index + 1 == block.commands.len();
            let expected = if last { block.markers.exits } else { 0 };
            let (exit, printed) = self.run(&typed.command);
            if exit != expected {
                return Err(format!("`{}` ends with {exit}, not {expected}\n{printed}", typed.command));
            }
            let shown = document.lines[typed.shown.clone()].join("\n");
            let (left, right) = (lines(&self.still(&shown)), lines(&self.still(&printed)));
            if !matches(&left, &right) {
                findings.push(format!(
                    "{}:{}: `{}` prints something else (- shown, + printed)\n{}",
                    document.name,
                    typed.line,
                    typed.command,
                    difference(&left, &right)
                ));
                // What a `...` leaves out, and what not, is chosen by a person.
                if !left.iter().any(|line| line == ANY) {
                    mends.push((typed, lines(&self.presentable(&printed))));
                }
            }
        }
        Ok(())
    }

    /// Runs a command to its end. Both streams are one file, as they are one screen to a reader.
    fn run(&mut self, command: &str) -> (i32, String) {
        let root = self.root.path();
        let (screen, place) = (root.join("screen"), root.join("place"));
        let printed = File::create(&screen).unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path =
            std::env::join_paths(std::iter::once(root.join("bin")).chain(std::env::split_paths(&path)))
                .unwrap();
        let mut child = Command::new("sh")
            .arg("-c")
            .arg("trap 'pwd > \"$PLACE\"' EXIT\neval \"$0\"")
            .arg(command)
            .current_dir(&self.here)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.home())
            .env("CHECKOUT", checkout())
            .env("PLACE", &place)
            .envs(self.variables.clone())
            .stdin(Stdio::null())
            .stdout(printed.try_clone().unwrap())
            .stderr(printed)
            .spawn()
            .unwrap();
        let status = sandbox::wait_for(&mut child);
        self.here = PathBuf::from(fs::read_to_string(place).unwrap().trim_end());
        (status.code().unwrap_or(-1), fs::read_to_string(screen).unwrap())
    }

    /// Takes out what differs from run to run, and the release of SQLite: it comes with the lock file.
    fn still(&self, text: &str) -> String {
        let mut text = sandbox::still(text, &[&self.home(), Path::new(HOME)]);
        for (pattern, shown) in [(r"\b20\d{12}_", "[stamp]_"), (r"\bSQLite \d[\d.]*", "SQLite [version]")] {
            text = regex::Regex::new(pattern).unwrap().replace_all(&text, shown).into_owned();
        }
        text
    }

    /// Puts a reader's own names where those of this machine are.
    fn presentable(&self, text: &str) -> String {
        let text = text.replace(&*self.home().to_string_lossy(), HOME);
        let who = regex::Regex::new(r"(?m)\S+@\S+ \(pid \d+\)").unwrap();
        let text = who.replace_all(&text, "you@laptop (pid 4711)");
        let who = regex::Regex::new(r"(?m)(  |\bby )[\w.-]+@[\w.-]+?(,|$)").unwrap();
        who.replace_all(&text, "${1}you@laptop$2").into_owned()
    }
}

/// Where DuckDB's library is.
fn duckdb_library() -> Option<(&'static str, PathBuf)> {
    #[cfg(feature = "duckdb")]
    let library = Some(("DBWARDEN_DUCKDB_LIBRARY", testkit::duckdb_library()));
    #[cfg(not(feature = "duckdb"))]
    let library = None;
    library
}

/// The directory that holds the README.
pub(crate) fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the package is in crates/")
}
