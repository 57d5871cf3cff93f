//! A project in a directory of its own, the program run in it, and what it printed with everything that differs from run to
//! run taken out.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;

/// A project.
pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
    /// Variables of the program's environment.
    variables: Vec<(String, String)>,
}

/// What one run came to.
pub(crate) struct Ran {
    /// The exit code; -1 where a signal ended it.
    pub(crate) exit: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    /// What was typed, and both streams, with what differs taken out.
    pub(crate) transcript: String,
}

impl Ran {
    /// Standard output as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    /// Sees that it came to `exit`.
    #[track_caller]
    pub(crate) fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "{}", self.transcript);
        self
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            testkit::secrets::none_below(self.dir.path());
        }
    }
}

impl Sandbox {
    /// An empty directory.
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// A project with a SQLite file `app.db` that is not there yet, and an empty `migrations/`.
    pub(crate) fn new() -> Self {
        Self::with_settings("url = \"sqlite:///app.db\"\n")
    }

    /// The same with these lines for its one database.
    pub(crate) fn with_settings(lines: &str) -> Self {
        let sandbox = Self::empty();
        sandbox.write("warden.toml", format!("[databases.primary]\nmigrations = \"migrations\"\n{lines}"));
        std::fs::create_dir(sandbox.path("migrations")).unwrap();
        sandbox
    }

    /// The same with files in `migrations/`.
    pub(crate) fn holding(files: &[(&str, &str)]) -> Self {
        let sandbox = Self::new();
        sandbox.migrations(files);
        sandbox
    }

    /// Three tables, applied.
    pub(crate) fn shop() -> Self {
        let sandbox = Self::holding(&[
            ("0001_create_customers.sql", CUSTOMERS),
            ("0002_create_orders.sql", ORDERS),
            ("0003_order_totals.sql", TOTALS),
        ]);
        sandbox.run(&["migrate"]).exits(0);
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn migration(&self, name: &str, text: impl AsRef<[u8]>) {
        self.write(&format!("migrations/{name}"), text);
    }

    pub(crate) fn migrations(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            self.migration(name, text);
        }
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    /// The program, ready to be started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.started(program(), arguments)
    }

    /// A program of the machine, or this one, in the project's directory.
    fn started(&self, other: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(other);
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(arguments, self.command(arguments).output().unwrap())
    }

    /// Runs a script of the shell that finds the program on its PATH, as a pipeline's does, to its end or to what first fails.
    pub(crate) fn script(&self, script: &str) -> Ran {
        let here = Path::new(program()).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(here).chain(std::env::split_paths(&path))).unwrap();
        let mut shell = self.started("sh", &["-e", "-c", script]);
        self.ran(&[script], shell.env("PATH", path).output().unwrap())
    }

    /// Runs the program, sees that it exits with `exit` and leaves the database's file as it was, byte for byte.
    #[track_caller]
    pub(crate) fn refuses(&self, exit: i32, arguments: &[&str]) -> Ran {
        let before = self.bytes();
        let ran = self.run(arguments).exits(exit);
        assert!(before == self.bytes(), "the database's file is another one now\n{}", ran.transcript);
        ran
    }

    /// Runs the program, sees that it exits with `exit` and leaves schema and rows as they were, our lock's own rows apart.
    #[track_caller]
    pub(crate) fn fails(&self, exit: i32, arguments: &[&str]) -> Ran {
        let before = self.contents();
        let ran = self.run(arguments).exits(exit);
        let after = self.contents();
        assert_eq!(before, after, "{}", ran.transcript);
        assert!(self.lock_is_free(), "the lock is left behind\n{}", ran.transcript);
        ran
    }

    fn ran(&self, arguments: &[&str], output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        let (out, err) = (text(output.stdout), text(output.stderr));
        testkit::secrets::none_in("standard output", &out);
        testkit::secrets::none_in("standard error", &err);
        let exit = output.status.code().unwrap_or(-1);
        let typed: Vec<_> = arguments
            .iter()
            .map(|argument| {
                let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+{}".contains(c);
                if !argument.is_empty() && argument.chars().all(plain) {
                    (*argument).to_owned()
                } else {
                    format!("'{argument}'")
                }
            })
            .collect();
        let shown = format!("$ dbwarden {}\n{out}{err}[exit {exit}]\n", typed.join(" "));
        let transcript = self.still(&shown);
        assert!(!err.contains("panicked"), "{err}");
        Ran { exit, out, err, transcript }
    }

    /// Takes out of `text` what differs from run to run and from machine to machine.
    pub(crate) fn still(&self, text: &str) -> String {
        still(text, &[&self.dir.path().canonicalize().unwrap(), self.dir.path()])
    }

    /// The bytes of the database's file, where there is one.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        std::fs::read(self.path("app.db")).ok()
    }

    pub(crate) fn database(&self) -> rusqlite::Connection {
        self.database_at("app.db")
    }

    pub(crate) fn database_at(&self, name: &str) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path(name)).unwrap()
    }

    /// Runs SQL on the database behind the program's back.
    pub(crate) fn sql(&self, sql: &str) {
        self.database().execute_batch(sql).unwrap();
    }

    /// The first column of a query's rows, with commas between.
    pub(crate) fn values(&self, query: &str) -> String {
        let database = self.database();
        let mut statement = database.prepare(query).unwrap();
        let rows = statement.query_map([], |row| Ok(shown(row.get_ref(0)?))).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap().join(",")
    }

    /// The recorded ids, in order.
    pub(crate) fn applied(&self) -> String {
        self.values("SELECT version FROM dbwarden_migrations ORDER BY sequence")
    }

    /// Schema and rows of the user's tables and of our history.
    pub(crate) fn contents(&self) -> String {
        if self.path("app.db").is_file() { contents(&self.database()) } else { "no file\n".to_owned() }
    }

    pub(crate) fn lock_is_free(&self) -> bool {
        if !self.path("app.db").is_file() {
            return true;
        }
        let database = self.database();
        let table = "SELECT count(*) FROM sqlite_schema WHERE name = 'dbwarden_lock'";
        let there: i64 = database.query_row(table, [], |row| row.get(0)).unwrap();
        let held = "SELECT count(*) FROM dbwarden_lock WHERE owner IS NOT NULL";
        there == 0 || database.query_row(held, [], |row| row.get::<_, i64>(0)).unwrap() == 0
    }
}

pub(crate) const CUSTOMERS: &str = "-- upgrade
CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
CREATE INDEX customers_email ON customers (email);
-- rollback
DROP TABLE customers;
";
pub(crate) const ORDERS: &str = "-- upgrade
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id));
-- rollback
DROP TABLE orders;
";
pub(crate) const TOTALS: &str = "-- upgrade
ALTER TABLE orders ADD COLUMN total INTEGER NOT NULL DEFAULT 0;
-- rollback
ALTER TABLE orders DROP COLUMN total;
";

/// Takes out of `text` what differs from run to run and from machine to machine, and the names of `directories`.
pub(crate) fn still(text: &str, directories: &[&Path]) -> String {
    let mut text = text.replace(env!("CARGO_PKG_VERSION"), "[version]");
    for directory in directories {
        text = text.replace(&*directory.to_string_lossy(), "[dir]");
    }
    for (pattern, shown) in [
        (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?", "[time]"),
        (r"\bwritten( +)\d{4}-\d\d-\d\d\b", "written$1[day]"),
        (r"\S+@\S+ \(pid \d+\)", "[who] (pid [pid])"),
        (r"  [\w-]+@[\w.-]+$", "  [who]"),
        (r"\bby [\w-]+@[\w.-]+", "by [who]"),
        (r"_\d{8}_\d{6}(_\d+)?\.(db|dump|sql)\b", "_[when].$2"),
        (r"\b\d+ min \d+ s\b|\b\d+(\.\d+)? m?s\b", "[duration]"),
        // A column is as wide as its longest.
        (r"\[duration\] {2,}", "[duration]  "),
        (r"\bv1:[0-9a-f]{8,}", "[checksum]"),
        (r"\bplan [0-9a-f]{12}\b", "plan [hash]"),
    ] {
        let pattern = regex::Regex::new(&format!("(?m){pattern}")).unwrap();
        text = pattern.replace_all(&text, shown).into_owned();
    }
    text
}

/// The program under test.
pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_dbwarden")
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{bytes:x?}"),
    }
}

/// Schema and rows of everything but our lock and journal.
pub(crate) fn contents(database: &rusqlite::Connection) -> String {
    let mut text = String::new();
    let ours = ["dbwarden_lock", "dbwarden_journal"];
    let mut tables = Vec::new();
    let mut schema = database
        .prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")
        .unwrap();
    let mut rows = schema.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (kind, name, sql): (String, String, String) =
            (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
        if ours.iter().any(|ours| name.contains(ours)) {
            continue;
        }
        // Empty, it is as good as not there: it is made when the lock is taken.
        if name.contains("dbwarden_migrations") {
            if kind == "table" {
                tables.push(name);
            }
            continue;
        }
        text.push_str(&format!("{kind} {name}: {sql}\n"));
        if kind == "table" {
            tables.push(name);
        }
    }
    for table in tables {
        let mut statement = database.prepare(&format!("SELECT * FROM \"{table}\" ORDER BY 1")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cells: Vec<_> = (0..columns).map(|column| shown(row.get_ref(column).unwrap())).collect();
            text.push_str(&format!("{table}: {}\n", cells.join("|").replace('\n', "\\n")));
        }
    }
    if text.is_empty() { "no file\n".to_owned() } else { text }
}

/// Schema and rows of the user's own objects.
pub(crate) fn schema(database: &rusqlite::Connection) -> String {
    let text = contents(database);
    text.lines().filter(|line| !line.starts_with("dbwarden_migrations:")).collect::<Vec<_>>().join("\n")
}

/// Waits until `condition` holds, for half a minute at most.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30), "waited half a minute until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits for the end of `child`, and kills it where it does not come.
#[track_caller]
pub(crate) fn wait_for(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if started.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("the program did not end within a minute");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says that a test is left out, since `what` is not to be had; where all tests must run, as in CI, that is a failure.
/// `DBWARDEN_TEST_REQUIRE_ALL=0` stands above `CI`.
#[track_caller]
pub(crate) fn left_out(what: &str) {
    let asked =
        |name| std::env::var_os(name).map(|value| !value.is_empty() && value != "0" && value != "false");
    let all = asked("DBWARDEN_TEST_REQUIRE_ALL").or_else(|| asked("CI")).unwrap_or(false);
    assert!(!all, "{what}, and every test must run here (DBWARDEN_TEST_REQUIRE_ALL=0 leaves this one out)");
    eprintln!("LEFT OUT: {what}");
}

/// Whether this process may do what only root may.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs git in the project's directory, as somebody.
#[track_caller]
pub(crate) fn git(sandbox: &Sandbox, arguments: &[&str]) {
    let who = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false"];
    let ran = Command::new("git")
        .args(who)
        .args(arguments)
        .current_dir(sandbox.path(""))
        .env("HOME", sandbox.path(""))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

/// A directory as text, for comparing.
pub(crate) fn listing(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
