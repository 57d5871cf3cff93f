//! MySQL and MariaDB, by the vendors' dump and client. Schema changes commit one by one there, so that what is brought back is not
//! brought back at once: a marker says of a database that it is half one, until a restore came to its end. Between the tables of
//! the script the lock's token is looked at, so that a run that lost the lock stops there.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::tool::Tool;
use super::{BackupError, Copier, Place, Staged};
use crate::driver::{self, Session};

const PACKAGE: &str = "mariadb-client or mysql-client";
const DUMPS: [Tool; 2] =
    [Tool { name: "mariadb-dump", package: PACKAGE }, Tool { name: "mysqldump", package: PACKAGE }];
const CLIENTS: [Tool; 2] =
    [Tool { name: "mariadb", package: PACKAGE }, Tool { name: "mysql", package: PACKAGE }];

/// Variables of the clients that would speak over the address
/// (<https://dev.mysql.com/doc/refman/8.4/en/environment-variables.html>).
const VARIABLES: &[&str] = &["MYSQL_PWD", "MYSQL_HOST", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT", "MYSQL_HOME"];

/// The last line of a whole dump (<https://mariadb.com/kb/en/mariadb-dump/>).
const COMPLETE: &str = "-- Dump completed";

/// What stands before each table of a dump: the script may be stopped there.
const BETWEEN: [&[u8]; 2] = [b"-- Table structure for table ", b"-- Dumping data for table "];

/// All there is in the database but for our lock's tables: what it is, and its name.
const THINGS: &str = "\
SELECT CASE table_type WHEN 'VIEW' THEN 'VIEW' WHEN 'SYSTEM VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END, \
table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
UNION ALL SELECT routine_type, routine_name FROM information_schema.routines \
WHERE routine_schema = DATABASE() AND routine_type <> 'PACKAGE BODY' \
UNION ALL SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = DATABASE()";

/// Tables that keep the past of their rows (<https://mariadb.com/kb/en/system-versioned-tables/>).
const VERSIONED: &str = "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'SYSTEM VERSIONED' LIMIT 1";

/// How long to wait for the client of a run that lost the lock, once it was told to end, in seconds.
const ORPHAN: u32 = 600;

/// How long to wait for the answer of one of several hosts.
const ANSWER: Duration = Duration::from_secs(10);

/// The vendors' programs.
#[derive(Debug)]
pub(super) struct Dump {
    /// Whether those of MySQL are looked for first.
    pub(super) vendors_first: bool,
}

impl Dump {
    /// Returns the client, how it reaches the server, and a session of our own.
    fn client(&self, place: &Place<'_>) -> Result<(Tool, Command, Box<dyn Session>), BackupError> {
        let (client, version) = self.found(CLIENTS)?;
        let mut session = driver::open(&place.settings.url, place.open)?;
        let command = reach(client, &version, place, &mut *session)?;
        Ok((client, command, session))
    }

    /// Returns the first of the two that is on PATH, and its version.
    fn found(&self, tools: [Tool; 2]) -> Result<(Tool, String), BackupError> {
        let [mariadb, mysql] = tools;
        let (first, second) = if self.vendors_first { (mysql, mariadb) } else { (mariadb, mysql) };
        match first.version() {
            Ok(version) => Ok((first, version)),
            Err(missing @ BackupError::NoTool { .. }) => match second.version() {
                Ok(version) => Ok((second, version)),
                Err(_) => Err(missing),
            },
            Err(error) => Err(error),
        }
    }
}

impl Copier for Dump {
    fn suffix(&self) -> &'static str {
        "sql"
    }

    fn take(&self, place: &Place<'_>, to: &Path) -> Result<String, BackupError> {
        let (dump, version) = self.found(DUMPS)?;
        let mut session = driver::open(&place.settings.url, place.open)?;
        let mut command = reach(dump, &version, place, &mut *session)?;
        // One moment of all tables of InnoDB; without the rights that only server-wide objects want.
        command.args([
            "--single-transaction",
            "--quick",
            "--routines",
            "--triggers",
            "--events",
            "--hex-blob",
        ]);
        command.args(["--no-tablespaces", "--skip-add-locks", "--default-character-set=utf8mb4"]);
        if !is_mariadb(&version) {
            command.arg("--set-gtid-purged=OFF");
        }
        // Rows of the past are in no dump unless it is asked for them.
        if !session.query(VERSIONED, &[])?.is_empty() {
            command.arg("--dump-history");
        }
        let database = name(place, &mut *session)?;
        command.arg(format!("--ignore-table={database}.{}", place.settings.tables.lock));
        command.arg(format!("--result-file={}", to.display())).arg("--").arg(&database);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        drop(session);
        dump.start(&mut command)?.finish(place.cancel, secret(place))?;
        fits(to, &lines(to)?, place)?;
        Ok(version)
    }

    fn check(&self, place: &Place<'_>, from: &Path) -> Result<(), BackupError> {
        let damaged = |reason: String| Err(BackupError::Damaged { path: from.to_owned(), reason });
        let lines = lines(from)?;
        if let Some(other) = &lines.elsewhere {
            return damaged(format!(
                "it is no copy of one database: `{other}` leaves the one that it is brought back to"
            ));
        }
        if !lines.complete {
            return damaged(format!("its last line is not `{COMPLETE} …`"));
        }
        may_define(from, &lines, &mut *driver::open(&place.settings.url, place.open)?)?;
        fits(from, &lines, place)
    }

    fn ready(&self, place: &Place<'_>) -> Result<(), BackupError> {
        let (client, mut command, mut session) = self.client(place)?;
        command.args(["--batch", "--execute=DO 0", "--"]).arg(name(place, &mut *session)?);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        client.start(&mut command)?.finish(place.cancel, secret(place))?;
        alone(client, &mut *session, |_, _| Ok(()))
    }

    fn bring_back(
        &self,
        place: &Place<'_>,
        from: &Path,
        token: i64,
    ) -> Result<Option<Box<dyn Staged>>, BackupError> {
        let file = File::open(from).map_err(BackupError::file("cannot read", from))?;
        let (client, mut command, mut session) = self.client(place)?;
        // Binary mode knows no commands of the client in the script but DELIMITER: none that runs a program.
        // Without --comments it takes those of routines away.
        command.args([
            "--batch",
            "--comments",
            "--binary-mode",
            "--skip-reconnect",
            "--default-character-set=utf8mb4",
        ]);
        command.args(["--max-allowed-packet=1G", "--"]).arg(name(place, &mut *session)?);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let before = alone(client, &mut *session, |session, guard| prologue(place, session, guard))?;
        drop(session);
        let fence = place.fence(token).map(|fence| format!("{fence};\n")).unwrap_or_default();
        let mut writing = client.start(&mut command)?;
        let Some(input) = writing.child.stdin.take() else {
            return Err(BackupError::Tool { tool: client.name, said: vec!["it has no stream".to_owned()] });
        };
        let (read, written) = std::thread::scope(|scope| {
            // Beside, since what is written waits for the server, and Ctrl-C is to be heard meanwhile.
            let pump = scope.spawn(move || pump(client, file, from, input, &before, &fence));
            let written = writing.finish(place.cancel, secret(place));
            (pump.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), written)
        });
        // Where the client ended early, that its script could not be written is only the consequence.
        written.and(read).map(|()| None)
    }

    fn is_atomic(&self) -> bool {
        false
    }
}

/// What a look through a dump tells.
#[derive(Debug, Default)]
struct Lines {
    /// It came to its end.
    complete: bool,
    /// The longest line, in bytes. A statement with rows is one line.
    longest: u64,
    /// A line that leaves the database, as those of several databases have it.
    elsewhere: Option<String>,
    /// In whose names views, routines, triggers and events are made: `ana@%`.
    definers: BTreeSet<String>,
}

/// The account behind `DEFINER=` in a line that makes something: `` /*!50013 DEFINER=`ana`@`%` SQL SECURITY DEFINER */ ``.
fn definer(line: &[u8]) -> Option<String> {
    if !(line.starts_with(b"/*!50") || line.starts_with(b"CREATE DEFINER")) {
        return None;
    }
    let line = String::from_utf8_lossy(line);
    let (_, rest) = line.split_once("DEFINER=`")?;
    let (user, rest) = rest.split_once('`')?;
    let (host, _) = rest.strip_prefix("@`")?.split_once('`')?;
    Some(format!("{user}@{host}"))
}

/// Sees that what is made in the name of others may be made so, before anything is replaced
/// (<https://mariadb.com/kb/en/grant/#set-user>).
fn may_define(path: &Path, lines: &Lines, session: &mut dyn Session) -> Result<(), BackupError> {
    const ENOUGH: [&str; 5] =
        ["ALL PRIVILEGES ON *.*", "SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER"];
    let rows = session.query("SELECT CURRENT_USER()", &[])?;
    let here = rows.first().map(|row| row.text(0).to_owned()).unwrap_or_default();
    let Some(other) = lines.definers.iter().find(|definer| **definer != here) else { return Ok(()) };
    let grants = session.query("SHOW GRANTS", &[])?;
    if grants.iter().any(|row| ENOUGH.iter().any(|right| row.text(0).contains(right))) {
        return Ok(());
    }
    Err(BackupError::Definer { path: path.to_owned(), definer: other.clone(), account: here })
}

fn lines(from: &Path) -> Result<Lines, BackupError> {
    let cannot = || BackupError::file("cannot read", from);
    let mut dump = BufReader::with_capacity(1 << 16, File::open(from).map_err(cannot())?);
    let (mut lines, mut line, mut inside) = (Lines::default(), Vec::new(), false);
    loop {
        line.clear();
        if dump.read_until(b'\n', &mut line).map_err(cannot())? == 0 {
            return Ok(lines);
        }
        lines.longest = lines.longest.max(line.len() as u64);
        if let Some(delimiter) = line.strip_prefix(b"DELIMITER ") {
            inside = delimiter.trim_ascii() != b";";
        }
        lines.complete |= line.starts_with(COMPLETE.as_bytes());
        lines.definers.extend(definer(&line));
        if !inside && (line.starts_with(b"USE `") || line.starts_with(b"CREATE DATABASE ")) {
            lines.elsewhere = Some(String::from_utf8_lossy(line.trim_ascii()).into_owned());
        }
    }
}

/// Sees that the server takes each statement.
fn fits(path: &Path, lines: &Lines, place: &Place<'_>) -> Result<(), BackupError> {
    let mut session = driver::open(&place.settings.url, place.open)?;
    let rows = session.query("SELECT @@max_allowed_packet", &[])?;
    let limit = rows.first().and_then(|row| row.integer(0)).and_then(|limit| u64::try_from(limit).ok());
    match limit {
        Some(limit) if lines.longest > limit => {
            Err(BackupError::TooLong { path: path.to_owned(), length: lines.longest, limit })
        }
        _ => Ok(()),
    }
}

/// Gives the client what empties the database, then the dump with the lock's fence before each table and at its end.
fn pump(
    client: Tool,
    file: File,
    from: &Path,
    mut input: ChildStdin,
    before: &str,
    fence: &str,
) -> Result<(), BackupError> {
    let broken =
        |error: std::io::Error| BackupError::Tool { tool: client.name, said: vec![error.to_string()] };
    input.write_all(before.replace("@fence@", fence).as_bytes()).map_err(broken)?;
    let (mut dump, mut line) = (BufReader::with_capacity(1 << 16, file), Vec::new());
    let mut inside = false;
    loop {
        line.clear();
        if dump.read_until(b'\n', &mut line).map_err(BackupError::file("cannot read", from))? == 0 {
            break;
        }
        if let Some(delimiter) = line.strip_prefix(b"DELIMITER ") {
            inside = delimiter.trim_ascii() != b";";
        }
        if !inside && BETWEEN.iter().any(|begins| line.starts_with(begins)) {
            input.write_all(fence.as_bytes()).map_err(broken)?;
        }
        input.write_all(&line).map_err(broken)?;
    }
    write!(input, "\n{fence}").and_then(|()| input.flush()).map_err(broken)
}

/// Returns what the client is told first: to wait no longer than we do, and to drop all there is.
fn prologue(place: &Place<'_>, session: &mut dyn Session, guard: &str) -> Result<String, BackupError> {
    let lock = &place.settings.tables.lock;
    // The first fails where the lock is not had.
    let mut script = format!(
        "SELECT 18446744073709551615 + (COALESCE(GET_LOCK('{guard}', {ORPHAN}), 0) = 0);\nSET SESSION lock_wait_timeout = {};\nSET SESSION foreign_key_checks = 0;\n@fence@",
        place.open.lock_timeout.as_secs().max(1)
    );
    let mut things = Vec::new();
    for row in session.query(THINGS, &[])? {
        let name = row.text(1);
        if name != lock && name != crate::dialect::restoring_table(&place.settings.tables) {
            things.push((row.text(0).to_owned(), name.to_owned()));
        }
    }
    // What reads others goes before them.
    let turn = |what: &str| match what {
        "VIEW" => 0,
        "TABLE" => 1,
        _ => 2,
    };
    things.sort_by_key(|(what, _)| turn(what));
    for (what, name) in things {
        script.push_str(&format!("DROP {what} IF EXISTS `{}`;\n", name.replace('`', "``")));
    }
    script.push_str("SET SESSION foreign_key_checks = 1;\n");
    Ok(script)
}

/// Does `what` while no client of an earlier restore works on the server; it is told the name of the lock.
fn alone<T>(
    client: Tool,
    session: &mut dyn Session,
    what: impl FnOnce(&mut dyn Session, &str) -> Result<T, BackupError>,
) -> Result<T, BackupError> {
    let (guard, held) = named_lock(session)?;
    if !held {
        let said = "the client of an earlier restore still works on the server".to_owned();
        return Err(BackupError::Tool { tool: client.name, said: vec![said] });
    }
    let done = what(session, &guard)?;
    session.query(&format!("SELECT RELEASE_LOCK('{guard}')"), &[])?;
    Ok(done)
}

/// Takes the server's lock under which one client at a time brings back this database. Our own lock is held: whoever has this one is
/// the client of a run that was killed or paused, and its session is ended. Returns its name, and whether it was had.
fn named_lock(session: &mut dyn Session) -> Result<(String, bool), BackupError> {
    let rows = session.query("SELECT LEFT(SHA1(CONCAT('dbwarden restore ', DATABASE())), 32)", &[])?;
    let lock = format!("dbwarden_{}", rows.first().map(|row| row.text(0)).unwrap_or_default());
    let get = |session: &mut dyn Session, seconds: u32| -> Result<bool, BackupError> {
        let rows = session.query(&format!("SELECT GET_LOCK('{lock}', {seconds})"), &[])?;
        Ok(rows.first().is_some_and(|row| row.integer(0) == Some(1)))
    };
    if get(session, 0)? {
        return Ok((lock, true));
    }
    let rows = session.query(&format!("SELECT IS_USED_LOCK('{lock}')"), &[])?;
    if let Some(id) = rows.first().and_then(|row| row.integer(0)) {
        // It may have ended meanwhile.
        session.execute(&format!("KILL {id}"), &[]).ok();
    }
    let held = get(session, ORPHAN)?;
    Ok((lock, held))
}

/// Returns the name of the database.
///
/// # Errors
/// The records are in another one, and would not come back with it.
fn name(place: &Place<'_>, session: &mut dyn Session) -> Result<String, BackupError> {
    let rows = session.query("SELECT DATABASE()", &[])?;
    let database = rows.first().map(|row| row.text(0).to_owned()).unwrap_or_default();
    match &place.settings.tables.schema {
        Some(records) if *records != database => {
            Err(BackupError::RecordsElsewhere { records: records.clone(), database })
        }
        _ => Ok(database),
    }
}

fn is_mariadb(version: &str) -> bool {
    version.contains("MariaDB")
}

fn secret<'a>(place: &Place<'a>) -> Option<&'a str> {
    place.settings.url.password().map(ExposeSecret::expose_secret)
}

/// Returns the tool with what it needs to reach the server as our session did. The password goes by environment: nobody else may
/// read that, and no file of it is left behind by a kill.
fn reach(
    tool: Tool,
    version: &str,
    place: &Place<'_>,
    session: &mut dyn Session,
) -> Result<Command, BackupError> {
    let url = &place.settings.url;
    let mut command = Command::new(tool.name);
    // First, since it counts only there.
    command.arg("--no-defaults");
    for name in VARIABLES {
        command.env_remove(name);
    }
    let rows = session.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'", &[])?;
    let encrypted = rows.first().is_some_and(|row| !row.text(1).is_empty());
    if let Some(socket) = url.socket() {
        command.arg("--protocol=socket").arg(format!("--socket={}", socket.display()));
    } else {
        let all: Vec<_> = url
            .hosts()
            .map(|(host, port)| (if host.is_empty() { "localhost" } else { host }, port))
            .collect();
        // As our session: the first that answers.
        let answers = |(host, port): &&(&str, u16)| {
            let addresses = (*host, *port).to_socket_addrs().into_iter().flatten();
            addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, ANSWER).is_ok())
        };
        let (host, port) = match all.as_slice() {
            [] => ("localhost", 3306),
            [only] => *only,
            several => *several.iter().find(answers).unwrap_or(&several[0]),
        };
        command.arg("--protocol=tcp").arg(format!("--host={host}")).arg(format!("--port={port}"));
    }
    command.args(driver::mysql_tool_tls(url, encrypted, is_mariadb(version))?);
    let user = url.user().map_or_else(|| whoami::username().unwrap_or_default(), str::to_owned);
    command.arg(format!("--user={user}"));
    if let Some(password) = url.password() {
        command.env("MYSQL_PWD", password.expose_secret());
    }
    Ok(command)
}
