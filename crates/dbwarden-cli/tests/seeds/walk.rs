//! One reader of one document, with a project and a database, and the table of what was done.

use std::fs;
use std::path::{Path, PathBuf};

use testkit::{Database, Engine};

use crate::sandbox::{Ran, Sandbox};

/// A walk: the tests `sqlite` and `postgres` of a module, whose `fn walk(walk: &mut Walk)` does what the document says. `$seed` is
/// the name of its table in `docs/reference/seeds/`.
macro_rules! walk {
    ($seed:literal) => {
        #[test]
        fn sqlite() {
            crate::walk::on(testkit::Engine::Sqlite, $seed, walk);
        }

        #[test]
        fn postgres() {
            crate::walk::on(testkit::Engine::Postgres, $seed, walk);
        }
    };
}
pub(crate) use walk;

/// Walks through a document on one engine, and compares what was done with its table.
pub(crate) fn on(engine: Engine, seed: &'static str, walk: fn(&mut Walk)) {
    let mut reader = Walk::new(engine);
    walk(&mut reader);
    reader.is_the_table_of(seed);
}

/// A reader on the way.
pub(crate) struct Walk {
    /// The project's own database, which is `primary` in its settings.
    pub(crate) database: Database,
    /// The project: `warden.toml` and an empty `migrations/`.
    pub(crate) sandbox: Sandbox,
    /// The rows of the table so far.
    rows: Vec<String>,
}

impl Walk {
    fn new(engine: Engine) -> Self {
        let database = Database::new(engine);
        let sandbox = Sandbox::with_settings(&format!("url = \"{}\"\n", database.url()));
        Self { database, sandbox, rows: Vec::new() }
    }

    /// Begins anew in an empty project with an empty database, as another page of the document would.
    pub(crate) fn anew(&mut self) {
        let Self { database, sandbox, .. } = Self::new(self.database.engine());
        self.database = database;
        self.sandbox = sandbox;
    }

    /// The engine that it goes on.
    pub(crate) fn engine(&self) -> Engine {
        self.database.engine()
    }

    /// Types `line` in place of what is `written` in the document, both as they stand in the table, and sees that it is done.
    #[track_caller]
    pub(crate) fn types(&mut self, written: &str, line: &str) -> Ran {
        self.types_to(0, written, line)
    }

    /// The same where another exit code is what the document leads to.
    #[track_caller]
    pub(crate) fn types_to(&mut self, exit: i32, written: &str, line: &str) -> Ran {
        self.does(written, &format!("`{line}`"));
        self.runs(line).exits(exit)
    }

    /// Types what is for a later version, and sees that the program says so and does nothing.
    #[track_caller]
    pub(crate) fn not_yet(&mut self, written: &str, line: &str) -> Ran {
        self.row(written, &format!("`{line}`"), "not yet");
        self.is_later(2, line)
    }

    /// The same for what stands in a file, as `here` says in the table: `line` reads the file.
    #[track_caller]
    pub(crate) fn not_yet_in_file(&mut self, written: &str, here: &str, line: &str) -> Ran {
        self.row(written, here, "not yet");
        self.is_later(1, line)
    }

    #[track_caller]
    fn is_later(&self, exit: i32, line: &str) -> Ran {
        let before = self.database.snapshot();
        let ran = self.runs(line).exits(exit);
        assert!(ran.err.contains("comes with a later version"), "{}", ran.transcript);
        assert_eq!(self.database.snapshot(), before, "{}", ran.transcript);
        ran
    }

    /// Runs a line that begins with `dbwarden`, beside the table: what the walk itself needs.
    #[track_caller]
    pub(crate) fn runs(&self, line: &str) -> Ran {
        let words = shell_words::split(line).unwrap();
        let [program, arguments @ ..] = words.as_slice() else { panic!("nothing is typed") };
        assert_eq!(program, "dbwarden", "{line}");
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        self.sandbox.run(&arguments)
    }

    /// Puts into the table what takes the place `here` of what is `written`: a file, a setting, a call of the library, which the
    /// caller does next. Both are Markdown.
    pub(crate) fn does(&mut self, written: &str, here: &str) {
        self.row(written, here, "yes");
    }

    /// The same for what only `engine` can do; returns whether this walk is on it.
    #[must_use]
    pub(crate) fn does_on(&mut self, engine: Engine, written: &str, here: &str) -> bool {
        self.row(written, here, if engine == Engine::Postgres { "on PostgreSQL" } else { "on SQLite" });
        self.engine() == engine
    }

    fn row(&mut self, written: &str, here: &str, state: &str) {
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        self.rows.push(format!("| {} | {} | {state} |", cell(written), cell(here)));
    }

    /// Sees that the table of the document says what was done, row by row.
    #[track_caller]
    fn is_the_table_of(&self, seed: &str) {
        let path = tables().join(format!("{seed}.md"));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let about: Vec<_> = text.lines().filter(|line| !line.starts_with('|')).collect();
        let head = ["| in the document | here | works |".to_owned(), "| --- | --- | --- |".to_owned()];
        let table = [&head[..], &self.rows].concat().join("\n");
        let whole = format!("{}\n\n{table}\n", about.join("\n").trim_end());
        if std::env::var_os("DBWARDEN_UPDATE_DOCS").is_some_and(|value| !value.is_empty()) {
            fs::write(&path, &whole).unwrap();
        }
        let told = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            told,
            whole,
            "{} is another walk; `DBWARDEN_UPDATE_DOCS=1 cargo test -p dbwarden-cli --test seeds` writes it",
            path.display()
        );
    }
}

/// The directory of the tables.
fn tables() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/seeds")
}

#[test]
fn each_table_has_its_walk() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seeds");
    let mut text = String::new();
    let mut open = vec![PathBuf::from(sources)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { text.push_str(&fs::read_to_string(path).unwrap()) }
        }
    }
    let index = fs::read_to_string(tables().join("README.md")).unwrap();
    for name in crate::sandbox::listing(&tables()).iter().filter(|name| *name != "README.md") {
        let seed = name.trim_end_matches(".md");
        assert!(text.contains(&format!("walk!(\"{seed}\")")), "{name} has no walk");
        assert!(index.contains(&format!("({name})")), "{name} is not in the index");
    }
}
