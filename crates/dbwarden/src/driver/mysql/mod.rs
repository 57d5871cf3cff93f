//! MySQL and MariaDB, over the `mysql` crate.
//!
//! Everything goes as text: several statements can be sent in one packet then, which the server works off one after the other and
//! leaves at the first that fails. Every answer is read to its end, since the error of a later statement stands there.

mod cancel;
mod cluster;
mod connect;
mod failure;
mod literal;
mod lock;
mod parts;
mod reading;
mod tls;

pub(crate) use self::tls::tool_arguments as tool_tls;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mysql::Conn;
use mysql::prelude::Queryable;

use self::cluster::Node;
use self::connect::Address;
use self::failure::answer;
use self::literal::filled;
use super::{
    DriverError, DriverErrorKind, Interrupt, Notice, OpenOptions, Part, PartError, Presence, Server,
    ServerSession, Session, SessionLock,
};
use crate::database::Database;
use crate::sql::Rules;
use crate::url::DatabaseUrl;
use crate::value::{Row, Value};

/// The longest that a lock can be waited for, in seconds
/// (<https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_lock_wait_timeout>).
const LONGEST: u64 = 31_536_000;

/// The code of a system variable that the server does not know.
const UNKNOWN_VARIABLE: &str = "1193";

/// A connection, shared with a held lock alone.
type Link = Arc<Mutex<Conn>>;

pub(super) struct MysqlSession {
    link: Link,
    address: Arc<Address>,
    name: String,
    server: Server,
    /// The server's number of this session.
    id: u64,
    /// Which node of a Galera cluster answers; process lists and named locks are a node's own there.
    node: Option<Node>,
    itself: Mutex<Option<ServerSession>>,
    lock_timeout: Duration,
    prelude: Vec<String>,
    notices: Vec<Notice>,
    open: bool,
    /// Somebody interrupted it, at any time.
    told_to_stop: Arc<AtomicBool>,
    /// How the server reads statements now, where it is not as files are split; nothing too where a file may have changed it.
    rules: Option<Rules>,
    /// The same of the session as it was opened.
    opened: Option<Rules>,
    /// Whether the server runs what stands in comments with such a beginning.
    comments: Vec<(String, bool)>,
    /// The lock of sessions, which a reset lets go of.
    locked: Arc<Mutex<Option<String>>>,
}

/// What the server answered to a text of one statement or many.
#[derive(Debug, Default)]
struct Answer {
    rows: Vec<Row>,
    changed: u64,
    warnings: u16,
}

impl MysqlSession {
    pub(super) fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self, DriverError> {
        let server = Server { database: url.database(), version: String::new() };
        let address = Arc::new(Address::new(url)?);
        let name = url.name().unwrap_or_default();
        let mut session = Self::connected(address, name, server, options.lock_timeout)?;
        session.prelude.clone_from(&options.prelude);
        session.run_prelude()?;
        let rows = session.send("SELECT @@sql_mode")?.rows;
        session.opened = reading::rules(rows.first().map_or("", |row| row.text(0)));
        session.rules = session.opened;
        Ok(session)
    }

    fn connected(
        address: Arc<Address>,
        name: &str,
        server: Server,
        lock_timeout: Duration,
    ) -> Result<Self, DriverError> {
        let conn = address.connect()?;
        let mut session = Self {
            id: u64::from(conn.connection_id()),
            link: Arc::new(Mutex::new(conn)),
            address,
            name: name.to_owned(),
            server,
            node: None,
            itself: Mutex::new(None),
            lock_timeout,
            prelude: Vec::new(),
            notices: Vec::new(),
            open: false,
            told_to_stop: Arc::default(),
            rules: None,
            opened: None,
            comments: Vec::new(),
            locked: Arc::default(),
        };
        session.introduce()?;
        Ok(session)
    }

    /// Opens a session of the same account at another place.
    fn beside(&self, address: Address) -> Result<Self, DriverError> {
        Self::connected(Arc::new(address), &self.name, self.server.clone(), self.lock_timeout)
    }

    /// Sets what every session starts with, and asks who answers.
    fn introduce(&mut self) -> Result<(), DriverError> {
        let who = "SELECT VERSION(), CONNECTION_ID() /*M!100100 , @@wsrep_on */";
        let rows = match self.send(&format!("{}; {who}", self.settings())) {
            // A MariaDB that was built without Galera.
            Err(error) if error.code.as_deref() == Some(UNKNOWN_VARIABLE) => {
                self.send(&format!("{}; SELECT VERSION(), CONNECTION_ID()", self.settings()))
            }
            sent => sent,
        }?
        .rows;
        let Some(row) = rows.last() else { return Ok(()) };
        let version = row.text(0);
        let mariadb = version.to_ascii_lowercase().contains("mariadb");
        self.server = Server {
            database: if mariadb { Database::Mariadb } else { Database::Mysql },
            version: version.to_owned(),
        };
        // A proxy between us may count its clients by itself: the server's own number is what it lists and kills.
        self.id = row.integer(1).and_then(|id| u64::try_from(id).ok()).unwrap_or(self.id);
        // Of MySQL's line the builds with Galera alone know that variable, and a SELECT of it is an error elsewhere.
        if row.get(2).is_true() || (!mariadb && cluster::is_on(self)?) {
            self.node = Some(cluster::join(self)?);
        }
        Ok(())
    }

    /// A setting of the server's or the account's could end our statements, or our session while a person is asked, or keep what we
    /// write from being committed. Comments that begin with `M!` are for MariaDB alone
    /// (<https://mariadb.com/kb/en/comment-syntax/>), and it leaves out those for the versions of MySQL from 5.7 on.
    fn settings(&self) -> String {
        format!(
            "SET NAMES utf8mb4; SET SESSION autocommit = 1, wait_timeout = 28800, sql_select_limit = 18446744073709551615 \
             /*M!100103 , max_statement_time = 0 */ /*M!100300 , idle_transaction_timeout = 0 */ \
             /*!50708 , max_execution_time = 0 */, {}",
            self.limits()
        )
    }

    /// Both limits count in seconds: that for the definitions of tables, and that for rows
    /// (<https://mariadb.com/kb/en/server-system-variables/#lock_wait_timeout>).
    fn limits(&self) -> String {
        let seconds = match self.lock_timeout {
            Duration::ZERO => LONGEST,
            timeout => u64::try_from(timeout.as_millis().div_ceil(1000)).unwrap_or(LONGEST).min(LONGEST),
        };
        format!("lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}")
    }

    fn run_prelude(&mut self) -> Result<(), DriverError> {
        for (index, statement) in self.prelude.clone().iter().enumerate() {
            self.run(statement).map_err(|error| DriverError {
                // Its text may hold a key.
                message: format!("statement {} of `session` fails: {}", index + 1, error.message),
                ..error
            })?;
        }
        Ok(())
    }

    /// Runs `sql`, one statement or many, to its end.
    fn send(&self, sql: &str) -> Result<Answer, DriverError> {
        send(&self.link, sql, true)
    }

    /// Runs one statement of ours. On a cluster it may be thrown out by another node's, also where it only reads: such a definition waits
    /// for nobody. Outside a transaction nothing of it was kept then, and it is sent again.
    fn one(&self, sql: &str) -> Result<Answer, DriverError> {
        let mut sent = self.send(sql);
        for again in 1..=cluster::AGAIN {
            match &sent {
                Err(error) if self.node.is_some() && !self.open && cluster::is_thrown_out(error) => {
                    std::thread::sleep(cluster::REST * again);
                    sent = self.send(sql);
                }
                _ => break,
            }
        }
        sent
    }

    /// Keeps what the server would say to the last statement beside its answer.
    fn keep_warnings(&mut self) -> Result<(), DriverError> {
        for row in self.send("SHOW WARNINGS")?.rows {
            let text = format!("{} ({})", row.text(2), row.text(1));
            self.notices.push(Notice { level: row.text(0).to_owned(), text });
        }
        Ok(())
    }
}

/// Sends `sql` and reads every answer to its end, or to the first error; the rows are kept where they are `wanted`.
fn send(link: &Link, sql: &str, wanted: bool) -> Result<Answer, DriverError> {
    let mut rows = Vec::new();
    // A statement in a migration may return many rows: they are dropped as they come.
    let mut answered = stream(link, sql, &mut |row| {
        if wanted {
            rows.push(Row(row.unwrap().into_iter().map(value).collect()));
        }
    })?;
    answered.rows = rows;
    Ok(answered)
}

/// Sends `sql` and reads every answer to its end, or to the first error; each row is given away as it comes.
fn stream(link: &Link, sql: &str, take: &mut dyn FnMut(mysql::Row)) -> Result<Answer, DriverError> {
    let mut conn = link.lock().unwrap_or_else(PoisonError::into_inner);
    let mut answered = Answer::default();
    let mut results = conn.query_iter(sql).map_err(|error| answer(&error, sql))?;
    while let Some(set) = results.iter() {
        answered.changed += set.affected_rows();
        for row in set {
            take(row.map_err(|error| answer(&error, sql))?);
        }
    }
    drop(results);
    answered.warnings = conn.warnings();
    Ok(answered)
}

/// Text comes as text, and numbers too; what is no text is bytes.
fn value(value: mysql::Value) -> Value {
    match value {
        mysql::Value::NULL => Value::Null,
        mysql::Value::Bytes(bytes) => {
            String::from_utf8(bytes).map_or_else(|error| Value::Blob(error.into_bytes()), Value::Text)
        }
        mysql::Value::Int(number) => Value::Integer(number),
        other => Value::Text(other.as_sql(true)),
    }
}

impl Session for MysqlSession {
    fn server(&self) -> Server {
        self.server.clone()
    }

    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, DriverError> {
        let sql = filled(sql, parameters);
        let mut changed = self.one(&sql)?.changed;
        // Told to stop, the server may say of an UPDATE or a DELETE that it found no row. Ours may be sent twice.
        let passes_over = || sql.starts_with("UPDATE") || sql.starts_with("DELETE");
        if changed == 0 && self.told_to_stop.load(Ordering::SeqCst) && passes_over() {
            changed = self.one(&sql)?.changed;
        }
        Ok(changed)
    }

    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DriverError> {
        Ok(self.one(&filled(sql, parameters))?.rows)
    }

    fn each(&mut self, sql: &str, take: &mut dyn FnMut(Row)) -> Result<(), DriverError> {
        let mut give = |row: mysql::Row| take(Row(row.unwrap().into_iter().map(value).collect()));
        stream(&self.link, sql, &mut give).map(drop)
    }

    fn run(&mut self, sql: &str) -> Result<(), DriverError> {
        let sql = self.readable(sql)?;
        let answered = send(&self.link, &sql, false)?;
        if answered.warnings > 0 { self.keep_warnings() } else { Ok(()) }
    }

    fn begin(&mut self) -> Result<(), DriverError> {
        self.open = true;
        self.send("START TRANSACTION READ WRITE").map(drop)
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        self.open = false;
        self.send("COMMIT").map(drop)
    }

    fn rollback(&mut self) -> Result<(), DriverError> {
        if !std::mem::take(&mut self.open) {
            return Ok(());
        }
        // An interrupt that comes late hits what comes next. What stayed open would be committed by the next START TRANSACTION.
        let mut ended = self.send("ROLLBACK");
        if ended.as_ref().is_err_and(|error| error.kind == DriverErrorKind::Interrupted) {
            ended = self.send("ROLLBACK");
        }
        self.open = ended.as_ref().is_err_and(|error| error.kind != DriverErrorKind::Cut);
        ended.map(drop)
    }

    fn in_transaction(&self) -> bool {
        self.open
    }

    fn run_parts(&mut self, parts: &[Part<'_>]) -> Result<(), PartError> {
        parts::run(self, parts)
    }

    fn set_lock_timeout(&mut self, timeout: Duration) -> Result<(), DriverError> {
        if self.lock_timeout == timeout {
            return Ok(());
        }
        self.lock_timeout = timeout;
        self.send(&format!("SET SESSION {}", self.limits())).map(drop)
    }

    fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    fn set_foreign_keys(&mut self, _on: bool) -> Result<(), DriverError> {
        Ok(())
    }

    fn reset(&mut self) -> Result<(), DriverError> {
        self.rollback()?;
        {
            let mut conn = self.link.lock().unwrap_or_else(PoisonError::into_inner);
            conn.reset().map_err(|error| answer(&error, ""))?;
        }
        // A reset keeps the database that USE chose (https://dev.mysql.com/doc/c-api/8.4/en/mysql-reset-connection.html).
        let home = format!("USE `{}`; {}", self.name.replace('`', "``"), self.settings());
        self.send(&home)?;
        if self.node.is_some() {
            cluster::set(self)?;
        }
        lock::again(&self.link, &self.locked)?;
        self.rules = None;
        self.run_prelude()?;
        self.rules = self.opened;
        Ok(())
    }

    fn try_session_lock(&mut self, name: &str) -> Result<SessionLock, DriverError> {
        // A named lock is a node's own on Galera (https://mariadb.com/kb/en/mariadb-galera-cluster-known-limitations/).
        if self.node.is_some() {
            return Ok(SessionLock::Unsupported);
        }
        lock::attempt(&self.link, &self.locked, name)
    }

    fn itself(&self) -> Option<ServerSession> {
        let mut known = self.itself.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = Some(ServerSession {
                node: self.node.as_ref().map(Node::identity).unwrap_or_default(),
                id: self.id.to_string(),
                started: lock::server_start(self)?,
            });
        }
        known.clone()
    }

    fn presence(&mut self, other: &ServerSession) -> Result<Presence, DriverError> {
        lock::presence(self, other)
    }

    fn evict(&mut self, other: &ServerSession) -> Result<Presence, DriverError> {
        lock::evict(self, other)
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        Arc::new(cancel::Canceller::of(self))
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn may_have_company(&self) -> bool {
        true
    }

    fn wait_for_nobody(&mut self) -> Result<(), DriverError> {
        if self.node.is_some() { self.send("SET SESSION wsrep_sync_wait = 0").map(drop) } else { Ok(()) }
    }

    fn certifies_writes(&self) -> bool {
        self.node.is_some()
    }
}
