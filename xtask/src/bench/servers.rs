//! The same work on servers of this machine: migrations applied, nothing to do, `status`, against the vendors' own shells; and on
//! PostgreSQL behind a line that adds 20 ms to each round trip.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cargo::{cargo, status, target_directory};
use crate::failure::Failure;
use crate::servers::Servers;

use super::apply::MigrationSet;
use super::arguments::Arguments;
use super::contestants::{Dbwarden, bare, expect, output, seconds, with_input};
use super::paired::{Contestant, WarmUp, median, ratio, rounds};
use super::scratch::Scratch;
use super::table::Row;

/// The database that is made anew for each run.
const NAME: &str = "dbwarden_bench";

const READ_HISTORY: &str = "SELECT version, checksum FROM dbwarden_migrations ORDER BY version";

/// What the slow line adds to each round trip, in milliseconds.
const DELAY: f64 = 20.0;

/// The most round trips that one migration may take there.
const TRIPS: f64 = 1.3;

/// What is measured on one engine.
struct Engine {
    name: &'static str,
    /// The variable that names the test server.
    variable: &'static str,
    /// The most that ours may take of the shell's time.
    apply: Option<f64>,
    noop: Option<f64>,
}

const ENGINES: [Engine; 2] = [
    Engine { name: "postgresql", variable: "DBWARDEN_TEST_POSTGRES_URL", apply: Some(1.0), noop: Some(0.5) },
    // Its shell is fed the same without a journal; what has a target is the floor with one.
    Engine { name: "mariadb", variable: "DBWARDEN_TEST_MARIADB_URL", apply: None, noop: None },
];

/// A server, and how its shell and ours reach it. Without TLS on both sides: what that costs is not what is measured.
struct Server {
    engine: &'static Engine,
    user: String,
    password: String,
    host: String,
    port: u16,
}

impl Server {
    fn of(engine: &'static Engine, url: &str) -> Option<Self> {
        let (_, rest) = url.split_once("://")?;
        let (login, rest) = rest.split_once('@')?;
        let (user, password) = login.split_once(':')?;
        let (host, port) = rest.split(['/', '?']).next()?.rsplit_once(':')?;
        let (user, password, host) = (user.to_owned(), password.to_owned(), host.to_owned());
        Some(Self { engine, user, password, host, port: port.parse().ok()? })
    }

    fn is_postgres(&self) -> bool {
        self.engine.name == "postgresql"
    }

    /// The vendor's shell on a database.
    fn shell(&self, database: &str) -> Command {
        let port = self.port.to_string();
        if self.is_postgres() {
            let mut command = bare(Path::new("psql"));
            command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]);
            command.env("PGHOST", &self.host).env("PGPORT", port).env("PGUSER", &self.user);
            command.env("PGPASSWORD", &self.password).env("PGSSLMODE", "disable").env("PGDATABASE", database);
            command
        } else {
            let mut command = bare(Path::new("mariadb"));
            command.args([
                "--no-defaults",
                "--skip-ssl",
                "--batch",
                "--skip-column-names",
                "-h",
                &self.host,
                "-P",
                &port,
            ]);
            command.args(["-u", &self.user]).env("MYSQL_PWD", &self.password).arg(database);
            command
        }
    }

    /// The shell with one statement.
    fn statement(&self, database: &str, sql: &str) -> Command {
        let mut command = self.shell(database);
        command.args([if self.is_postgres() { "-c" } else { "-e" }, sql]);
        command
    }

    /// Makes the database anew.
    fn fresh(&self) -> Result<(), Failure> {
        let (home, force) = if self.is_postgres() { ("postgres", " WITH (FORCE)") } else { ("mysql", "") };
        for sql in [format!("DROP DATABASE IF EXISTS {NAME}{force}"), format!("CREATE DATABASE {NAME}")] {
            output(&mut self.statement(home, &sql))?;
        }
        Ok(())
    }

    /// Ours, reached through `port`.
    fn ours(&self, ours: &Dbwarden, verb: &str, set: &MigrationSet, scratch: &Scratch, port: u16) -> Command {
        let off = if self.is_postgres() { "sslmode=disable" } else { "ssl-mode=disabled" };
        let Server { user, password, host, engine, .. } = self;
        let url = format!("{}://{user}:{password}@{host}:{port}/{NAME}?{off}", engine.name);
        let mut command = ours.bare(&set.directory, scratch);
        command.env("BENCH_URL", url).args(["--url", "env:BENCH_URL", verb, "--quiet"]);
        command
    }

    /// Applies the set once, and returns all that the server heard meanwhile as a script for its shell: the same SQL with the same
    /// journal.
    fn heard(&self, ours: &Dbwarden, set: &MigrationSet, scratch: &Scratch) -> Result<PathBuf, Failure> {
        self.fresh()?;
        for sql in [
            "SET GLOBAL log_output = 'TABLE'",
            "TRUNCATE TABLE mysql.general_log",
            "SET GLOBAL general_log = ON",
        ] {
            output(&mut self.statement(NAME, sql))?;
        }
        seconds(&mut self.ours(ours, "migrate", set, scratch, self.port))?;
        output(&mut self.statement(NAME, "SET GLOBAL general_log = OFF"))?;
        // The session that migrates; the heartbeat's is another.
        let query = "SELECT CONCAT(CONVERT(argument USING utf8mb4), ';') FROM mysql.general_log WHERE command_type = 'Query' AND \
                     thread_id = (SELECT thread_id FROM mysql.general_log WHERE argument LIKE 'SET @dbwarden_since%' LIMIT 1) \
                     ORDER BY event_time";
        let script = output(self.statement(NAME, query).arg("--raw"))?;
        // The token is counted from the time at which the tables were made; the same script is run many times.
        let taken = script.split("SET token = ").nth(1).and_then(|rest| rest.split("AND token = ").nth(1));
        let digits: String = taken.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        scratch.write("journalled.sql", &script.replace("UNIX_TIMESTAMP()", &digits))
    }

    /// Fails unless every table and history row of the set is there.
    fn check(&self, who: &str, history: &str, set: &MigrationSet) -> Result<(), Failure> {
        let schema = if self.is_postgres() { "public" } else { NAME };
        let tables = format!(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = '{schema}' AND table_name LIKE 't0%'"
        );
        let count = u64::try_from(set.count).unwrap_or(u64::MAX);
        for (what, sql) in [("tables", tables), ("history rows", format!("SELECT count(*) FROM {history}"))] {
            let answer = output(&mut self.statement(NAME, &sql))?;
            let found =
                answer.trim().parse().map_err(|_| Failure::new(format!("`{sql}` answers {answer:?}")))?;
            expect(who, what, found, count)?;
        }
        Ok(())
    }
}

/// Starts the servers and measures on each.
pub(super) fn measure(
    arguments: &Arguments,
    ours: &Dbwarden,
    scratch: &Scratch,
    set: &MigrationSet,
) -> Result<Vec<Row>, Failure> {
    if !status(&mut cargo(["build", "--quiet", "--package", "testkit", "--bins"]))?.success() {
        return Err(Failure::new("the program that starts servers does not build"));
    }
    let mut servers = Servers::start(false)?;
    let variables = servers.variables();
    let mut rows = Vec::new();
    for engine in &ENGINES {
        let url = variables.iter().find(|(name, _)| name == engine.variable).map(|(_, url)| url.as_str());
        let server = url.and_then(|url| Server::of(engine, url));
        let server = server.ok_or_else(|| Failure::new(format!("{} was not started", engine.name)))?;
        println!("{}: {}", engine.name, output(server.shell("").arg("--version"))?.trim());
        rows.extend(one(arguments, ours, scratch, set, &server)?);
        if server.is_postgres() {
            rows.push(far(arguments, ours, scratch, set, &server)?);
        }
    }
    Ok(rows)
}

fn one(
    arguments: &Arguments,
    ours: &Dbwarden,
    scratch: &Scratch,
    set: &MigrationSet,
    server: &Server,
) -> Result<Vec<Row>, Failure> {
    let Engine { name, apply, noop, .. } = server.engine;
    let task = format!("{name}: apply {}", set.count);
    let journalled = if server.is_postgres() { None } else { Some(server.heard(ours, set, scratch)?) };
    let mut contestants = vec![
        Contestant::new("ours", || {
            server.fresh()?;
            let seconds = seconds(&mut server.ours(ours, "migrate", set, scratch, server.port))?;
            server.check("dbwarden", "dbwarden_migrations", set)?;
            Ok(seconds)
        }),
        Contestant::new("floor", || {
            server.fresh()?;
            let seconds = seconds(&mut with_input(server.shell(NAME), &set.script)?)?;
            server.check("the shell", "_history", set)?;
            Ok(seconds)
        }),
    ];
    if let Some(script) = &journalled {
        contestants.push(Contestant::new("floor with the journal", || {
            server.fresh()?;
            let seconds = seconds(&mut with_input(server.shell(NAME), script)?)?;
            server.check("the shell", "dbwarden_migrations", set)?;
            Ok(seconds)
        }));
    }
    let times = rounds(&task, arguments.rounds(5), WarmUp::Once, &mut contestants)?;
    drop(contestants);
    let [migrate, floor, with_journal @ ..] = times.as_slice() else {
        return Err(Failure::new("a contestant has no times"));
    };
    let mut rows =
        vec![Row::times(task.clone(), median(migrate), median(floor), ratio(migrate, floor), *apply)];
    for floor in with_journal {
        let task = format!("{task}, as a journal");
        rows.push(Row::times(task, median(migrate), median(floor), ratio(migrate, floor), Some(1.0)));
    }

    server.fresh()?;
    seconds(&mut server.ours(ours, "migrate", set, scratch, server.port))?;
    let task = format!("{name}: noop {}", set.count);
    let mut contestants = [
        Contestant::new("ours", || seconds(&mut server.ours(ours, "migrate", set, scratch, server.port))),
        Contestant::new("status", || seconds(&mut server.ours(ours, "status", set, scratch, server.port))),
        Contestant::new("floor", || seconds(&mut server.statement(NAME, READ_HISTORY))),
    ];
    let times = rounds(&task, arguments.rounds(15), WarmUp::Once, &mut contestants)?;
    drop(contestants);
    let [migrate, status, floor] = times.as_slice() else {
        return Err(Failure::new("a contestant has no times"));
    };
    rows.push(Row::times(task, median(migrate), median(floor), ratio(migrate, floor), *noop));
    let task = format!("{name}: status {}", set.count);
    rows.push(Row::times(task, median(status), median(floor), ratio(status, floor), None));
    Ok(rows)
}

/// Behind the slow line: the floor is one round trip for each migration.
fn far(
    arguments: &Arguments,
    ours: &Dbwarden,
    scratch: &Scratch,
    set: &MigrationSet,
    server: &Server,
) -> Result<Row, Failure> {
    let line = Line::before(&server.host, server.port)?;
    let task = format!("{}: apply {}, {DELAY} ms away", server.engine.name, set.count);
    let mut contestants = [Contestant::new("ours", || {
        server.fresh()?;
        let seconds = seconds(&mut server.ours(ours, "migrate", set, scratch, line.port))?;
        server.check("dbwarden", "dbwarden_migrations", set)?;
        Ok(seconds)
    })];
    let times = rounds(&task, arguments.rounds(3).min(5), WarmUp::Once, &mut contestants)?;
    drop(contestants);
    let ours = times.first().map(|times| median(times)).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    let floor = set.count as f64 * DELAY / 1000.0;
    Ok(Row::times(task, ours, floor, ours / floor, Some(TRIPS)))
}

/// A slow line before a server; it ends with this value.
struct Line {
    proxy: Child,
    port: u16,
}

impl Line {
    fn before(host: &str, port: u16) -> Result<Self, Failure> {
        let program =
            target_directory().join("debug").join(format!("delay-proxy{}", std::env::consts::EXE_SUFFIX));
        let mut command = Command::new(&program);
        command
            .arg(format!("{host}:{port}"))
            .arg(DELAY.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut proxy = command.spawn().map_err(Failure::at("cannot start", &program))?;
        let mut text = String::new();
        if let Some(stdout) = proxy.stdout.take() {
            BufReader::new(stdout).read_line(&mut text).ok();
        }
        match text.trim().parse() {
            Ok(port) => Ok(Self { proxy, port }),
            Err(_) => Err(Failure::new(format!("{} said {text:?}, which is no port", program.display()))),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        drop(self.proxy.stdin.take());
        self.proxy.wait().ok();
    }
}
