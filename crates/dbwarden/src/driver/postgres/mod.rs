//! PostgreSQL, and servers that speak its protocol, over `tokio-postgres`.
//!
//! Everything goes over the simple protocol: it needs no prepared statement, so that it works through any pooler, and several
//! messages can be under way at once.

mod cockroach;
mod connect;
mod failure;
mod literal;
mod lock;
mod passfile;
mod tls;
mod whole;

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use pollster::block_on;
use tokio_postgres::{CancelToken, Client, CopyInSink, SimpleQueryMessage, SimpleQueryRow};

use self::connect::{Address, Opened};
use self::failure::answer;
use self::literal::filled;
use super::{
    DriverError, DriverErrorKind, Interrupt, Notice, OpenOptions, Presence, Server, ServerSession, Session,
    SessionLock, WholeError,
};
use crate::database::Database;
use crate::url::DatabaseUrl;
use crate::value::{Row, Value};

pub(super) struct PostgresSession {
    /// Shared with a held lock alone; the connection ends with the last of them.
    client: Option<Arc<Client>>,
    thread: Option<JoinHandle<()>>,
    address: Arc<Address>,
    notices: Arc<Mutex<Vec<Notice>>>,
    server: Server,
    itself: Option<ServerSession>,
    /// A pooler stands between, which may run each transaction in another session.
    pooled: bool,
    schema: Option<String>,
    lock_timeout: Duration,
    prelude: Vec<String>,
    open: bool,
    copy: Option<Pin<Box<CopyInSink<Bytes>>>>,
}

impl PostgresSession {
    pub(super) fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self, DriverError> {
        let address = Arc::new(Address::new(url)?);
        let Opened { client, notices, version, cockroach, port, thread } = address.connect()?;
        let server = match cockroach {
            Some(version) => Server { database: Database::Cockroach, version: cockroach_version(&version) },
            None => Server { database: Database::Postgres, version },
        };
        let mut session = Self {
            client: Some(Arc::new(client)),
            thread: Some(thread),
            address,
            notices,
            server,
            itself: None,
            pooled: url.parameter("pooler").is_some_and(|mode| mode == "transaction"),
            schema: options.schema.clone(),
            lock_timeout: options.lock_timeout,
            prelude: options.prelude.clone(),
            open: false,
            copy: None,
        };
        session.introduce(port)?;
        if url.database() == Database::Cockroach && session.server.database != Database::Cockroach {
            let version = &session.server.version;
            return Err(failure::open_error(format!(
                "the address says CockroachDB, and PostgreSQL {version} answers: write postgresql: in its place"
            )));
        }
        session.run_prelude()?;
        Ok(session)
    }

    fn client(&self) -> Result<&Arc<Client>, DriverError> {
        self.client.as_ref().ok_or_else(|| DriverError::new(DriverErrorKind::Cut, "the session is closed"))
    }

    /// Sets what every session starts with, and asks who it is on the server.
    fn introduce(&mut self, port: Option<u16>) -> Result<(), DriverError> {
        if self.server.database == Database::Cockroach {
            return cockroach::introduce(self, port);
        }
        let text = format!(
            "{}; SELECT pg_backend_pid(), (SELECT backend_start FROM pg_stat_get_activity(pg_backend_pid())), \
             inet_client_port()",
            self.settings()
        );
        let rows = match self.rows(&text) {
            // undefined_function: behind a pooler nothing but its version says that it is CockroachDB.
            Err(error) if error.code.as_deref() == Some("42883") => {
                let version = self.rows("SELECT version()")?;
                let version = version.first().map(|row| row.text(0)).unwrap_or_default();
                if !version.starts_with("CockroachDB") {
                    return Err(error);
                }
                self.server = Server { database: Database::Cockroach, version: cockroach_version(version) };
                return cockroach::introduce(self, port);
            }
            rows => rows?,
        };
        let Some(row) = rows.last() else { return Ok(()) };
        let seen = row.integer(2).and_then(|port| u16::try_from(port).ok());
        // The server sees another end than ours: somebody stands between, and may give our session to others between two
        // transactions. A lock of sessions is not to be trusted then; the lease holds alone.
        self.pooled |= port.is_some() && seen != port;
        let (id, started) = (row.text(0).to_owned(), row.text(1).to_owned());
        self.itself = Some(ServerSession { node: String::new(), id, started });
        Ok(())
    }

    /// A setting of the server's or the role's could end our statements, or our session while a person is asked
    /// (<https://www.postgresql.org/docs/current/runtime-config-client.html>).
    fn settings(&self) -> String {
        let mut text = format!(
            "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET client_encoding = 'UTF8'; \
             SET standard_conforming_strings = on; SET lock_timeout = {}",
            self.lock_timeout.as_millis()
        );
        if let Some(schema) = &self.schema {
            text.push_str(&format!("; SET search_path TO \"{}\"", schema.replace('"', "\"\"")));
        }
        text
    }

    /// What opens a transaction. Read committed, whatever the default is: under a snapshot the check of the lock's token could see
    /// an old one. The limit is set here again since a pooler may give each transaction another session.
    ///
    /// CockroachDB aborts a transaction itself where the token changed under it, and knows read committed in late versions alone
    /// (<https://www.cockroachlabs.com/docs/stable/read-committed>).
    fn beginning(&self) -> String {
        let cockroach = self.server.database == Database::Cockroach;
        let level = if cockroach { "SERIALIZABLE" } else { "READ COMMITTED" };
        format!(
            "BEGIN ISOLATION LEVEL {level} READ WRITE; SET LOCAL lock_timeout = {}",
            self.lock_timeout.as_millis()
        )
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
    fn messages(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, DriverError> {
        block_on(self.client()?.simple_query(sql)).map_err(|error| answer(&error, sql))
    }

    fn rows(&self, sql: &str) -> Result<Vec<Row>, DriverError> {
        let rows = self.messages(sql)?.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(texts(&row)),
            _ => None,
        });
        Ok(rows.collect())
    }
}

fn texts(row: &SimpleQueryRow) -> Row {
    let text = |column| row.get(column).map_or(Value::Null, |text| Value::Text(text.to_owned()));
    Row((0..row.len()).map(text).collect())
}

impl Session for PostgresSession {
    fn server(&self) -> Server {
        self.server.clone()
    }

    fn execute(&mut self, sql: &str, parameters: &[Value]) -> Result<u64, DriverError> {
        let messages = self.messages(&filled(sql, parameters)?)?;
        let changed = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::CommandComplete(rows) => *rows,
            _ => 0,
        };
        Ok(messages.iter().map(changed).sum())
    }

    fn query(&mut self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DriverError> {
        self.rows(&filled(sql, parameters)?)
    }

    fn each(&mut self, sql: &str, take: &mut dyn FnMut(Row)) -> Result<(), DriverError> {
        let client = Arc::clone(self.client()?);
        let ran = block_on(async {
            let mut stream = std::pin::pin!(client.simple_query_raw(sql).await?);
            while let Some(message) = stream.next().await {
                if let SimpleQueryMessage::Row(row) = message? {
                    take(texts(&row));
                }
            }
            Ok(())
        });
        ran.map_err(|error| answer(&error, sql))
    }

    fn run(&mut self, sql: &str) -> Result<(), DriverError> {
        let client = Arc::clone(self.client()?);
        let ran = block_on(async {
            let mut stream = std::pin::pin!(client.simple_query_raw(sql).await?);
            // Rows are dropped as they come: a SELECT in a migration may have many.
            while let Some(message) = stream.next().await {
                message?;
            }
            Ok(())
        });
        ran.map_err(|error| answer(&error, sql))
    }

    fn begin(&mut self) -> Result<(), DriverError> {
        self.open = true;
        self.messages(&self.beginning()).map(drop)
    }

    fn commit(&mut self) -> Result<(), DriverError> {
        self.open = false;
        // COMMIT of an aborted transaction answers without an error
        // (https://www.postgresql.org/docs/current/sql-commit.html): whoever commits has seen every answer before it.
        self.messages("COMMIT").map(drop)
    }

    fn rollback(&mut self) -> Result<(), DriverError> {
        self.copy = None;
        if std::mem::take(&mut self.open) { self.messages("ROLLBACK").map(drop) } else { Ok(()) }
    }

    fn in_transaction(&self) -> bool {
        self.open
    }

    fn run_whole(&mut self, body: &str, records: &[(String, Vec<Value>)]) -> Result<(), WholeError> {
        whole::run(self, body, records)
    }

    fn set_lock_timeout(&mut self, timeout: Duration) -> Result<(), DriverError> {
        if self.lock_timeout == timeout {
            return Ok(());
        }
        self.lock_timeout = timeout;
        self.messages(&format!("SET lock_timeout = {}", timeout.as_millis())).map(drop)
    }

    fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    fn set_foreign_keys(&mut self, _on: bool) -> Result<(), DriverError> {
        Ok(())
    }

    fn reset(&mut self) -> Result<(), DriverError> {
        self.rollback()?;
        if self.server.database == Database::Cockroach {
            cockroach::reset(self)?;
            return self.run_prelude();
        }
        // DISCARD ALL would let go of the lock of sessions too (https://www.postgresql.org/docs/current/sql-discard.html).
        for statement in [
            "SET SESSION AUTHORIZATION DEFAULT",
            "RESET ALL",
            "CLOSE ALL",
            "UNLISTEN *",
            "DEALLOCATE ALL",
            "DISCARD TEMP",
        ] {
            self.messages(statement)?;
        }
        self.messages(&self.settings())?;
        self.run_prelude()
    }

    fn try_session_lock(&mut self, name: &str) -> Result<SessionLock, DriverError> {
        // CockroachDB's function returns true and locks nothing (https://github.com/cockroachdb/cockroach/issues/13546).
        if self.pooled || self.server.database == Database::Cockroach {
            return Ok(SessionLock::Unsupported);
        }
        lock::attempt(Arc::clone(self.client()?), name)
    }

    fn itself(&self) -> Option<ServerSession> {
        if self.pooled { None } else { self.itself.clone() }
    }

    fn presence(&mut self, other: &ServerSession) -> Result<Presence, DriverError> {
        match self.server.database {
            Database::Cockroach => cockroach::presence(self, other),
            _ => lock::presence(self, other),
        }
    }

    fn evict(&mut self, other: &ServerSession) -> Result<Presence, DriverError> {
        match self.server.database {
            Database::Cockroach => cockroach::evict(self, other),
            _ => lock::evict(self, other),
        }
    }

    fn interrupter(&self) -> Arc<dyn Interrupt> {
        let token = self.client.as_ref().map(|client| client.cancel_token());
        Arc::new(Canceller { token, address: Arc::clone(&self.address) })
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn copy_begin(&mut self, sql: &str) -> Result<(), DriverError> {
        let sink = block_on(self.client()?.copy_in(sql)).map_err(|error| answer(&error, sql))?;
        self.copy = Some(Box::pin(sink));
        Ok(())
    }

    fn copy_data(&mut self, rows: &[u8]) -> Result<(), DriverError> {
        let Some(sink) = &mut self.copy else { return Ok(()) };
        block_on(sink.send(Bytes::copy_from_slice(rows))).map_err(|error| answer(&error, ""))
    }

    fn copy_end(&mut self) -> Result<(), DriverError> {
        let Some(mut sink) = self.copy.take() else { return Ok(()) };
        block_on(sink.as_mut().finish()).map(drop).map_err(|error| answer(&error, ""))
    }

    fn may_have_company(&self) -> bool {
        true
    }
}

/// The number out of `CockroachDB CCL v24.3.1 (x86_64-pc-linux-gnu, built …)`, without its letter.
fn cockroach_version(said: &str) -> String {
    let numbered = |word: &&str| {
        word.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let found = said.split_whitespace().find(numbered);
    found.map_or(said, |word| &word[1..]).to_owned()
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        self.copy = None;
        // The thread ends with the connection; where a lock still holds that, with the lock.
        let ended = self.client.take().and_then(Arc::into_inner).is_some();
        if let (true, Some(thread)) = (ended, self.thread.take()) {
            thread.join().ok();
        }
    }
}

struct Canceller {
    token: Option<CancelToken>,
    address: Arc<Address>,
}

impl Interrupt for Canceller {
    fn interrupt(&self) {
        if let Some(token) = self.token.clone() {
            self.address.cancel(token);
        }
    }
}
