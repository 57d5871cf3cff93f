//! PostgreSQL. What is claimed of its server was tried on 15.18, 25001 being its refusal of a transaction.

mod catalog;
mod cockroach;
mod fingerprint;
mod history;
mod render;
mod settle;

pub(super) use cockroach::Cockroach;

use super::render::{Render, knowing};
use super::{
    Capabilities, Dialect, Existence, Fingerprinting, Manner, Object, Records, RenderError, Rendering,
    Scratching, SessionTrace, Settle,
};
use crate::database::Database;
use crate::operation::{NameLimit, Operation};
use crate::project::Tables;
use crate::sql::{Rules, Syntax, Token, TokenKind, tokens};
use crate::value::{Row, Value};

/// PostgreSQL's dialect.
#[derive(Debug)]
pub(super) struct Postgres;

/// First words of what [`Dialect::manner`] looks at; anything else is plain.
const CONTROL: &[&str] = &[
    "ABORT", "ALTER", "BEGIN", "CALL", "CLUSTER", "COMMIT", "CREATE", "DISCARD", "DO", "DROP", "END",
    "PREPARE", "REINDEX", "ROLLBACK", "START", "VACUUM",
];

/// First words of what [`Dialect::session_trace`] looks at.
const TRACES: &[&str] = &[
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DISCARD",
    "LISTEN",
    "LOAD",
    "PREPARE",
    "RESET",
    "SELECT",
    "SET",
    "UNLISTEN",
    "WITH",
];

impl Dialect for Postgres {
    fn database(&self) -> Database {
        Database::Postgres
    }

    fn capabilities(&self) -> Capabilities {
        // A packet of 48 MiB cost the server 412 MiB.
        Capabilities {
            transactional_ddl: true,
            alone_refuses_company: false,
            packet: 1 << 20,
            journalled_packet: 0,
        }
    }

    fn fingerprint(&self) -> &'static Fingerprinting {
        &fingerprint::FINGERPRINT
    }

    fn scratch(&self) -> Option<&'static Scratching> {
        Some(&fingerprint::SCRATCH)
    }

    fn waits_for_everybody(&self, statement: &str) -> bool {
        statement
            .split(|c: char| !c.is_ascii_alphabetic())
            .take(12)
            .any(|word| word.eq_ignore_ascii_case("CONCURRENTLY"))
    }

    /// What a literal is (<https://www.postgresql.org/docs/current/runtime-config-compatible.html>).
    fn changes_reading(&self, statement: &str) -> bool {
        let first = statement.as_bytes().first().map(u8::to_ascii_lowercase);
        matches!(first, Some(b's' | b'r'))
            && ["standard_conforming_strings", "backslash_quote"]
                .iter()
                .any(|name| statement.to_ascii_lowercase().contains(name))
    }

    /// <https://www.postgresql.org/docs/current/sql-set-role.html> and
    /// <https://www.postgresql.org/docs/current/sql-set-session-authorization.html>.
    fn changes_role(&self, statement: &str) -> bool {
        if !is_one_of(first_word(statement), &["SET", "RESET"]) {
            return false;
        }
        let mut words = Words::of(statement);
        words.next();
        words.accept("LOCAL");
        words.is("ROLE") || words.has(&["SESSION", "AUTHORIZATION"]) || words.accept_all(&["SESSION", "ROLE"])
    }

    /// Whether it only reads is left out: our records are written in it
    /// (<https://www.postgresql.org/docs/current/sql-set-transaction.html>).
    fn transaction_modes(&self, statement: &str) -> Option<String> {
        let mut words = Words::of(statement);
        words.next();
        words.accept("TRANSACTION");
        words.accept("WORK");
        let mut modes = Vec::new();
        while let Some(token) = words.next() {
            if is(&token, "READ") && (words.accept("ONLY") || words.accept("WRITE")) {
                continue;
            }
            if !is(&token, ",") {
                modes.push(token.text);
            }
        }
        (!modes.is_empty()).then(|| modes.join(" "))
    }

    fn manner(&self, statement: &str) -> Manner {
        // Most statements end here: a file may hold millions.
        if !is_one_of(first_word(statement), CONTROL) {
            return Manner::Plain;
        }
        let mut words = Words::of(statement);
        match words.next_upper().as_str() {
            "BEGIN" => Manner::Begin,
            // What they run may COMMIT, unless they are in a transaction
            // (https://www.postgresql.org/docs/current/plpgsql-transactions.html).
            "CALL" => Manner::MayCommit,
            "DO" if may_commit(statement) => Manner::MayCommit,
            "START" if words.accept("TRANSACTION") => Manner::Begin,
            "COMMIT" | "ROLLBACK" if words.accept("PREPARED") => Manner::Alone,
            "COMMIT" | "END" => commit(&words),
            // https://www.postgresql.org/docs/current/sql-rollback-to.html: the transaction goes on.
            "ROLLBACK" if words.any("TO") => Manner::Plain,
            "ROLLBACK" | "ABORT" => Manner::Rollback,
            "PREPARE" if words.accept("TRANSACTION") => Manner::Refused(
                "it takes the transaction, and the record of the migration with it, out of the session",
            ),
            "VACUUM" => Manner::Alone,
            // It changes the session alone, and drops its locks too (https://www.postgresql.org/docs/current/sql-discard.html).
            "DISCARD" if words.accept("ALL") => Manner::Session,
            "CLUSTER" => cluster(words),
            "REINDEX" => reindex(words),
            "CREATE" => create(words),
            "DROP" => drop_object(words),
            "ALTER" => alter(words),
            _ => Manner::Plain,
        }
    }

    fn session_trace(&self, statement: &str) -> SessionTrace {
        if !is_one_of(first_word(statement), TRACES) {
            return SessionTrace::None;
        }
        let mut words = Words::of(statement);
        match words.next_upper().as_str() {
            "RESET" | "DISCARD" | "LISTEN" | "UNLISTEN" | "LOAD" | "DEALLOCATE" => SessionTrace::Setting,
            // These three end with their transaction (https://www.postgresql.org/docs/current/sql-set.html).
            "SET" if ["LOCAL", "TRANSACTION", "CONSTRAINTS"].iter().any(|word| words.is(word)) => {
                SessionTrace::None
            }
            "SET" => SessionTrace::Setting,
            "PREPARE" if !words.is("TRANSACTION") => SessionTrace::Setting,
            "DECLARE" if words.has(&["WITH", "HOLD"]) => SessionTrace::Setting,
            // What WITH begins may change rows, and is never run twice.
            first @ ("SELECT" | "WITH") => {
                if into_temporary(&words) {
                    SessionTrace::Temporary
                } else if first == "SELECT" && sets_config(&words) {
                    SessionTrace::Setting
                } else {
                    SessionTrace::None
                }
            }
            "CREATE" if is_temporary(&words) => SessionTrace::Temporary,
            _ => SessionTrace::None,
        }
    }

    fn records(&self, tables: &Tables) -> Records {
        history::records(self, tables)
    }

    fn existence(&self, object: &Object) -> Existence {
        catalog::existence(object)
    }

    fn settle(&self, statement: &str) -> Settle {
        settle::settle(statement)
    }

    fn foreign_key_violations(&self) -> Option<&'static str> {
        None
    }

    /// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>.
    fn name_limit(&self) -> NameLimit {
        NameLimit::Bytes(63)
    }

    fn asks(&self, operation: &Operation) -> Vec<(String, Vec<Value>)> {
        [render::asks(self, operation), render::asks_what_goes_along(self, operation)].concat()
    }

    fn render(&self, operation: &Operation, known: Option<&[Vec<Row>]>) -> Result<Rendering, RenderError> {
        let live = known.and_then(|answers| render::read(operation, answers));
        let mut rendering = self.both(&knowing(operation, live))?;
        render::brings_along(self, operation, known.unwrap_or_default(), &mut rendering);
        Ok(rendering)
    }
}

/// The tokens of a statement that mean something, taken one by one. A hint is for an extension, and means nothing here.
#[derive(Debug, Clone)]
struct Words<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Words<'a> {
    fn of(statement: &'a str) -> Self {
        let silent =
            [TokenKind::Whitespace, TokenKind::LineComment, TokenKind::BlockComment, TokenKind::Hint];
        let tokens = tokens(statement, Rules::new(Syntax::Postgres));
        Self { tokens: tokens.filter(|token| !silent.contains(&token.kind)).collect(), at: 0 }
    }

    fn rest(&self) -> &[Token<'a>] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.rest().first().copied();
        self.at += usize::from(token.is_some());
        token
    }

    fn next_upper(&mut self) -> String {
        self.next().map(|token| token.text.to_ascii_uppercase()).unwrap_or_default()
    }

    /// Whether the next is the keyword or symbol `word`.
    fn is(&self, word: &str) -> bool {
        self.rest().first().is_some_and(|token| is(token, word))
    }

    /// Takes `word` where it is the next.
    fn accept(&mut self, word: &str) -> bool {
        let there = self.is(word);
        self.at += usize::from(there);
        there
    }

    /// Takes all of `words` where they are the next.
    fn accept_all(&mut self, words: &[&str]) -> bool {
        let there = starts(self.rest(), words);
        self.at += if there { words.len() } else { 0 };
        there
    }

    /// Whether `word` is still to come.
    fn any(&self, word: &str) -> bool {
        self.rest().iter().any(|token| is(token, word))
    }

    /// Whether `words` are still to come, side by side.
    fn has(&self, words: &[&str]) -> bool {
        self.rest().windows(words.len()).any(|window| starts(window, words))
    }

    /// Takes a name with what it is qualified with, as it is written.
    fn name(&mut self) -> Option<String> {
        let mut name = self.part()?.to_owned();
        while self.accept(".") {
            name.push('.');
            name.push_str(self.part()?);
        }
        Some(name)
    }

    fn part(&mut self) -> Option<&'a str> {
        let token = self.next()?;
        // The server's own functions that take names apart do not know `U&"…"`.
        let known = token.kind == TokenKind::Word
            || (token.kind == TokenKind::Identifier && token.text.starts_with('"'));
        known.then_some(token.text)
    }

    /// Takes a list in parentheses, where one is next.
    fn options(&mut self) -> Vec<Token<'a>> {
        let mut options = Vec::new();
        if self.accept("(") {
            while let Some(token) = self.next().filter(|token| !is(token, ")")) {
                options.push(token);
            }
        }
        options
    }
}

fn is(token: &Token<'_>, word: &str) -> bool {
    matches!(token.kind, TokenKind::Word | TokenKind::Symbol) && token.text.eq_ignore_ascii_case(word)
}

fn starts(tokens: &[Token<'_>], words: &[&str]) -> bool {
    tokens.len() >= words.len() && tokens.iter().zip(words).all(|(token, word)| is(token, word))
}

/// The first word, also behind a hint or a parenthesis.
fn first_word(statement: &str) -> &str {
    let word = |text: &str| text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    match word(statement) {
        0 => tokens(statement, Rules::new(Syntax::Postgres))
            .find(|token| token.kind == TokenKind::Word)
            .map_or("", |token| token.text),
        end => &statement[..end],
    }
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a block of code ends transactions, or calls what may. It can do so by a word of its own alone: EXECUTE refuses them.
fn may_commit(statement: &str) -> bool {
    let mut words = statement.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.any(|word| is_one_of(word, &["CALL", "COMMIT", "ROLLBACK"]))
}

/// `COMMIT AND CHAIN` opens another transaction at once (<https://www.postgresql.org/docs/current/sql-commit.html>).
fn commit(words: &Words<'_>) -> Manner {
    if words.has(&["AND", "CHAIN"]) {
        Manner::Refused(
            "it opens another transaction, which nothing in the file names; write COMMIT and BEGIN",
        )
    } else {
        Manner::Commit
    }
}

/// Without a table it clusters all, each in a transaction of its own (<https://www.postgresql.org/docs/current/sql-cluster.html>).
/// A partitioned table refuses a transaction too, which its statement does not show.
fn cluster(mut words: Words<'_>) -> Manner {
    words.options();
    words.accept("VERBOSE");
    if words.rest().is_empty() { Manner::Alone } else { Manner::Plain }
}

/// <https://www.postgresql.org/docs/current/sql-reindex.html>. A partitioned table or index refuses a transaction too, which its
/// statement does not show.
fn reindex(mut words: Words<'_>) -> Manner {
    let alone =
        is_concurrent(&mut words) || ["SCHEMA", "DATABASE", "SYSTEM"].iter().any(|word| words.is(word));
    if alone { Manner::Alone } else { Manner::Plain }
}

/// Whether a REINDEX is concurrent, by its option or its word; leaves `words` before what is to be rebuilt.
fn is_concurrent(words: &mut Words<'_>) -> bool {
    let options = words.options();
    let option = options.iter().position(|token| is(token, "CONCURRENTLY")).is_some_and(|at| {
        let value = options.get(at + 1).map(|token| token.text.trim_matches('\'').to_ascii_lowercase());
        !value.is_some_and(|value| ["false", "off", "0"].contains(&value.as_str()))
    });
    option || words.rest().get(1).is_some_and(|token| is(token, "CONCURRENTLY"))
}

fn create(mut words: Words<'_>) -> Manner {
    words.accept("UNIQUE");
    // https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
    let alone = words.accept_all(&["INDEX", "CONCURRENTLY"])
        || ["DATABASE", "TABLESPACE", "SUBSCRIPTION"].iter().any(|word| words.is(word));
    if alone { Manner::Alone } else { Manner::Plain }
}

fn drop_object(mut words: Words<'_>) -> Manner {
    let alone = words.accept_all(&["INDEX", "CONCURRENTLY"])
        || ["DATABASE", "TABLESPACE", "SUBSCRIPTION"].iter().any(|word| words.is(word));
    if alone { Manner::Alone } else { Manner::Plain }
}

fn alter(mut words: Words<'_>) -> Manner {
    match words.next_upper().as_str() {
        // https://www.postgresql.org/docs/current/sql-altersubscription.html: some forms would bear one.
        "SYSTEM" | "SUBSCRIPTION" => Manner::Alone,
        "DATABASE" if words.has(&["SET", "TABLESPACE"]) => Manner::Alone,
        // https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DETACH-PARTITION
        "TABLE" if words.has(&["DETACH", "PARTITION"]) && words.any("CONCURRENTLY") => Manner::Alone,
        // The value may not be used before the commit (55P04): https://www.postgresql.org/docs/current/sql-altertype.html#id-1.9.3.42.7
        "TYPE" if words.name().is_some() && words.accept_all(&["ADD", "VALUE"]) => Manner::Ends,
        _ => Manner::Plain,
    }
}

/// Whether a CREATE makes something for the time of its session: by its word, or by its schema
/// (<https://www.postgresql.org/docs/current/sql-createtable.html>).
fn is_temporary(words: &Words<'_>) -> bool {
    // Goes with its transaction, and leaves nothing.
    if words.has(&["ON", "COMMIT", "DROP"]) {
        return false;
    }
    let head: Vec<_> = words.rest().iter().take_while(|token| !is(token, "(") && !is(token, "AS")).collect();
    let words = head
        .iter()
        .take(4)
        .take_while(|token| !["TABLE", "VIEW", "SEQUENCE"].iter().any(|word| is(token, word)));
    words.into_iter().any(|token| is(token, "TEMP") || is(token, "TEMPORARY"))
        || head.windows(2).any(|pair| is_temporary_schema(pair[0]) && is(pair[1], "."))
}

fn is_temporary_schema(token: &Token<'_>) -> bool {
    token.text.trim_matches('"').eq_ignore_ascii_case("pg_temp")
}

/// `SELECT … INTO TEMP t` (<https://www.postgresql.org/docs/current/sql-selectinto.html>).
fn into_temporary(words: &Words<'_>) -> bool {
    let Some(at) = words.rest().iter().position(|token| is(token, "INTO")) else { return false };
    let mut rest = words.rest()[at + 1..]
        .iter()
        .skip_while(|token| ["LOCAL", "GLOBAL", "TABLE"].iter().any(|word| is(token, word)));
    rest.next().is_some_and(|token| {
        is(token, "TEMP")
            || is(token, "TEMPORARY")
            || (is_temporary_schema(token) && rest.next().is_some_and(|dot| is(dot, ".")))
    })
}

/// Whether it calls `set_config` for longer than its transaction
/// (<https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SET>).
fn sets_config(words: &Words<'_>) -> bool {
    let rest = words.rest();
    rest.windows(2).enumerate().any(|(at, pair)| {
        if !pair[0].text.trim_matches('"').eq_ignore_ascii_case("set_config") || !is(&pair[1], "(") {
            return false;
        }
        let mut depth = 0_i32;
        let inside = rest[at + 1..].iter().take_while(|token| {
            depth += i32::from(is(token, "(")) - i32::from(is(token, ")"));
            depth > 0
        });
        !inside.last().is_some_and(|token| is(token, "true"))
    })
}

#[cfg(test)]
mod tests;
