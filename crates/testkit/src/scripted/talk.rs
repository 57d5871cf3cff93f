//! One client: its messages, statement by statement, and the answers.

use std::io::{self, Write};
use std::net::TcpStream;

use super::wire::{self, Message};
use super::{Answer, AutocommitBeforeDdl, Shared, sql};

/// The codes with which a client asks for TLS and for the end of another session's statement
/// (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).
const TLS: [u8; 4] = [4, 210, 22, 47];
const CANCEL: [u8; 4] = [4, 210, 22, 46];

/// A client and the session of the server behind it.
struct Talk<'a> {
    shared: &'a Shared,
    client: TcpStream,
    server: TcpStream,
    /// Answers that are not sent yet: they go when the client is to speak again.
    answers: Vec<u8>,
    port: u16,
    /// `I`, `T` or `E`, as the server said last.
    state: u8,
    /// The transaction has written rows.
    wrote: bool,
    autocommit: AutocommitBeforeDdl,
}

/// Serves a client to its end.
pub(super) fn serve(shared: &Shared, mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let port = client.peer_addr()?.port();
    let opening = loop {
        let opening = wire::opening(&mut client)?;
        if !opening.starts_with(&TLS) {
            break opening;
        }
        client.write_all(b"N")?;
    };
    let mut server = TcpStream::connect(shared.backend())?;
    server.set_nodelay(true)?;
    wire::write_opening(&mut server, &opening)?;
    if opening.starts_with(&CANCEL) {
        // It is carried out when the server closes the connection.
        io::copy(&mut server, &mut io::sink())?;
        return Ok(());
    }
    let autocommit = shared.script().autocommit;
    let mut talk =
        Talk { shared, client, server, answers: Vec::new(), port, state: b'I', wrote: false, autocommit };
    talk.log_in()?;
    loop {
        let message = Message::read(&mut talk.client)?;
        match message.kind {
            b'Q' => talk.text(&message.text())?,
            b'X' => return message.write(&mut talk.server),
            // Prepared statements, which COPY wants, are not known here.
            other => return Err(io::Error::other(format!("a message {other} is not known here"))),
        }
    }
}

impl Talk<'_> {
    fn log_in(&mut self) -> io::Result<()> {
        loop {
            let message = Message::read(&mut self.server)?;
            if message.kind == b'Z' {
                let (version, tells) = {
                    let script = self.shared.script();
                    (script.version.clone(), script.tells_version)
                };
                if tells {
                    Message::parameter("crdb_version", &version).write(&mut self.client)?;
                }
                return message.write(&mut self.client);
            }
            message.write(&mut self.client)?;
            // Cleartext, MD5, SASL and its continuation are answered.
            if message.kind == b'R' && matches!(message.body.get(3), Some(3 | 5 | 10 | 11)) {
                Message::read(&mut self.client)?.write(&mut self.server)?;
            }
        }
    }

    fn say(&mut self, message: &Message) -> io::Result<()> {
        message.write(&mut self.answers)
    }

    fn send(&mut self) -> io::Result<()> {
        let answers = std::mem::take(&mut self.answers);
        self.client.write_all(&answers)
    }

    /// Answers one message, which holds one statement or many.
    fn text(&mut self, text: &str) -> io::Result<()> {
        let statements = sql::statements(text);
        if let Some(wrong) = sql::wrong_syntax(&statements) {
            self.abort()?;
            self.say(&Message::error("42601", &wrong, None))?;
        } else if statements.is_empty() {
            self.say(&Message::new(b'I', Vec::new()))?;
        } else {
            for statement in statements {
                self.shared.script().seen.push(statement.clone());
                if !self.statement(&statement)? {
                    break;
                }
            }
        }
        self.say(&Message::ready(self.state))?;
        self.send()
    }

    /// Answers one statement; returns whether the next may follow.
    fn statement(&mut self, statement: &str) -> io::Result<bool> {
        if let Some(failure) = self.shared.failure(statement) {
            // A COMMIT that is refused ends its transaction all the same.
            if statement == "COMMIT" {
                self.quietly("ROLLBACK")?
            } else {
                self.abort()?
            }
            self.say(&Message::error(failure.code, &failure.message, None))?;
            return Ok(false);
        }
        if let Some((code, message)) = sql::unknown(statement) {
            self.abort()?;
            self.say(&Message::error(code, message, None))?;
            return Ok(false);
        }
        if statement == "SELECT version()" {
            let version = self.shared.script().version.clone();
            for message in Message::row("version", &version) {
                self.say(&message)?;
            }
            self.say(&Message::complete("SELECT 1"))?;
            return Ok(true);
        }
        // A stub that takes no lock (https://github.com/cockroachdb/cockroach/issues/13546).
        if statement.contains("pg_try_advisory_lock(") || statement.contains("pg_advisory_lock(") {
            for message in Message::row("pg_try_advisory_lock", "t") {
                self.say(&message)?;
            }
            self.say(&Message::complete("SELECT 1"))?;
            return Ok(true);
        }
        if let Some(setting) = statement.strip_prefix("SET ") {
            if setting.starts_with("autocommit_before_ddl") && self.autocommit != AutocommitBeforeDdl::Unknown
            {
                let on = setting.ends_with("on");
                self.autocommit = if on { AutocommitBeforeDdl::On } else { AutocommitBeforeDdl::Off };
                self.say(&Message::complete("SET"))?;
                return Ok(true);
            }
            if setting.starts_with("autocommit_before_ddl") || setting.starts_with("transaction_timeout") {
                let name = setting.split([' ', '=']).next().unwrap_or_default();
                self.abort()?;
                let message = format!("unrecognized configuration parameter \"{name}\"");
                self.say(&Message::error("42704", &message, None))?;
                return Ok(false);
            }
        }
        let first = sql::first_word(statement);
        if statement.starts_with("DISCARD ALL") {
            self.autocommit = self.shared.script().autocommit;
        }
        if sql::changes_schema(&first) {
            return self.schema_change(&first, statement);
        }
        if sql::shows_sessions(statement) && self.state != b'E' {
            self.quietly("SELECT pg_catalog.pg_stat_clear_snapshot()")?;
        }
        let translated = sql::translated(statement, self.shared, self.port);
        let done = self.pass_on(&translated)?;
        self.wrote = self.state == b'T'
            && (self.wrote || ["INSERT", "UPDATE", "DELETE", "COPY"].contains(&first.as_str()));
        Ok(done)
    }

    fn schema_change(&mut self, first: &str, statement: &str) -> io::Result<bool> {
        if self.state == b'T' && self.autocommit == AutocommitBeforeDdl::On {
            self.quietly("COMMIT")?;
            self.wrote = false;
        }
        // https://github.com/cockroachdb/cockroach/issues/26508
        if self.state == b'T' && self.wrote {
            self.abort()?;
            let words = "unimplemented: schema change statement cannot follow a statement that has written in the same transaction";
            let hint = "You have attempted to use a feature that is not yet implemented.\nSee: https://go.crdb.dev/issue-v/26508/v21.1";
            self.say(&Message::error("0A000", words, Some(hint)))?;
            return Ok(false);
        }
        let translated = sql::translated(statement, self.shared, self.port);
        if self.state != b'I' {
            return self.pass_on(&translated);
        }
        if !sql::has_job(first, statement) {
            let shared = self.shared;
            let _changing = shared.changing.lock().expect("no holder panics");
            return self.pass_on(&translated);
        }
        match self.shared.begin_job(statement) {
            Some(Answer::Cut) => Err(io::Error::other("cut by the script")),
            Some(Answer::Cancelled) => {
                self.say(&Message::error("57014", "query execution canceled", None))?;
                Ok(false)
            }
            Some(Answer::Done) => {
                self.say(&Message::complete(first))?;
                Ok(true)
            }
            None => {
                let done = self.pass_on(&translated)?;
                if !done {
                    self.shared.no_job();
                }
                Ok(done)
            }
        }
    }

    /// Has the server carry a statement out, and passes its answers on; returns whether it was done.
    fn pass_on(&mut self, statement: &str) -> io::Result<bool> {
        Message::query(statement).write(&mut self.server)?;
        self.answered()
    }

    /// Passes on what the server answers, to its end.
    fn answered(&mut self) -> io::Result<bool> {
        let mut done = true;
        loop {
            let message = Message::read(&mut self.server)?;
            match message.kind {
                b'Z' => {
                    self.state = message.body[0];
                    return Ok(done);
                }
                kind => {
                    done &= kind != b'E';
                    self.say(&message.without_place())?;
                }
            }
        }
    }

    /// Has the server carry a statement out, and keeps the answers.
    fn quietly(&mut self, statement: &str) -> io::Result<()> {
        Message::query(statement).write(&mut self.server)?;
        loop {
            let message = Message::read(&mut self.server)?;
            if message.kind == b'Z' {
                self.state = message.body[0];
                return Ok(());
            }
        }
    }

    /// Puts an open transaction into the state in which everything but its end is refused.
    fn abort(&mut self) -> io::Result<()> {
        if self.state == b'T' { self.quietly("SELECT 1 / 0") } else { Ok(()) }
    }
}
