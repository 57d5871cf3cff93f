//! DuckDB. What is claimed of it was tried on the library of 1.5.6.

mod catalog;
mod fingerprint;
mod history;
mod render;
#[cfg(test)]
mod tests;

use super::render::{Render, knowing};
use super::{
    Capabilities, Dialect, Existence, Fingerprinting, Manner, Object, Records, RenderError, Rendering,
    SessionTrace, TableState,
};
use crate::database::Database;
use crate::operation::Operation;
use crate::project::Tables;
use crate::sql::{Rules, Syntax, keywords};
use crate::value::{Row, Value};

/// The session's own database as a name and as a text, in the SQL of our tables; the driver puts its name there. DuckDB calls a
/// database after its file, and without that name `USE` and temporary tables would lead our statements astray: `main.t` is
/// `temp.main.t` where there is one.
pub(crate) const HOME_NAME: &str = "\"\u{1}home\"";
/// See [`HOME_NAME`].
pub(crate) const HOME_TEXT: &str = "'\u{1}home'";

/// DuckDB's dialect.
#[derive(Debug)]
pub(super) struct Duckdb;

/// First words of what [`Dialect::manner`] looks at; anything else is plain.
const CONTROL: &[&str] =
    &["ABORT", "BEGIN", "CALL", "CHECKPOINT", "COMMIT", "END", "FORCE", "PRAGMA", "ROLLBACK", "START"];

/// First words of what [`Dialect::session_trace`] looks at.
const TRACES: &[&str] =
    &["ATTACH", "CREATE", "DEALLOCATE", "DETACH", "LOAD", "PRAGMA", "PREPARE", "RESET", "SET", "USE"];

/// First words of what [`Dialect::table_state`] looks at.
const STATES: &[&str] = &["ALTER", "CREATE", "DROP", "INSERT", "MERGE", "UPDATE", "WITH"];

impl Dialect for Duckdb {
    fn database(&self) -> Database {
        Database::Duckdb
    }

    fn capabilities(&self) -> Capabilities {
        // A checkpoint wants no other transaction (https://duckdb.org/docs/stable/sql/statements/checkpoint).
        Capabilities { transactional_ddl: true, alone_refuses_company: true, packet: 0, journalled_packet: 0 }
    }

    fn manner(&self, statement: &str) -> Manner {
        // Most statements end here: a file may hold millions.
        if !is_one_of(first_word(statement), CONTROL) {
            return Manner::Plain;
        }
        let mut words = words(statement);
        match (words.next().unwrap_or_default().as_str(), words.next().as_deref()) {
            ("BEGIN", _) | ("START", Some("TRANSACTION")) => Manner::Begin,
            ("COMMIT" | "END", _) => Manner::Commit,
            // There are no savepoints.
            ("ROLLBACK" | "ABORT", _) => Manner::Rollback,
            ("CHECKPOINT", _) | ("FORCE", Some("CHECKPOINT")) => Manner::Alone,
            ("PRAGMA" | "CALL", Some("CHECKPOINT" | "FORCE_CHECKPOINT" | "WAL_CHECKPOINT")) => Manner::Alone,
            _ => Manner::Plain,
        }
    }

    fn session_trace(&self, statement: &str) -> SessionTrace {
        if !is_one_of(first_word(statement), TRACES) {
            return SessionTrace::None;
        }
        let words: Vec<_> = words(statement).take(8).collect();
        match words.first().map(String::as_str) {
            Some("CREATE") => made(&words[1..]),
            // A PRAGMA that asks leaves nothing, and may be asked again.
            Some(_) => SessionTrace::Setting,
            None => SessionTrace::None,
        }
    }

    fn table_state(&self, statement: &str) -> TableState {
        if is_one_of(first_word(statement), STATES) { state(statement) } else { TableState::Same }
    }

    fn records(&self, tables: &Tables) -> Records {
        history::records(self, tables)
    }

    fn standalone(&self, sql: &str) -> String {
        sql.replace(&format!("{HOME_NAME}."), "").replace(HOME_TEXT, "current_database()")
    }

    fn existence(&self, object: &Object) -> Existence {
        catalog::existence(object)
    }

    fn settle(&self, _statement: &str) -> super::Settle {
        // Checkpoints alone run outside a transaction.
        super::Settle::Again
    }

    fn fingerprint(&self) -> &'static Fingerprinting {
        &fingerprint::FINGERPRINT
    }

    fn foreign_key_violations(&self) -> Option<&'static str> {
        // They are checked at once, and cannot be turned off.
        None
    }

    fn asks(&self, operation: &Operation) -> Vec<(String, Vec<Value>)> {
        render::asks(operation)
    }

    fn render(&self, operation: &Operation, known: Option<&[Vec<Row>]>) -> Result<Rendering, RenderError> {
        let live = known.and_then(|answers| render::read(operation, answers));
        self.both(&knowing(operation, live))
    }
}

/// Keywords, names and symbols in upper case.
fn words(statement: &str) -> impl Iterator<Item = String> {
    keywords(statement, Rules::new(Syntax::Duckdb)).map(str::to_ascii_uppercase)
}

fn first_word(statement: &str) -> &str {
    let end = statement.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(statement.len());
    &statement[..end]
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// What CREATE leaves in the session: by its word, or by its schema.
fn made(mut words: &[String]) -> SessionTrace {
    if words.starts_with(&["OR".to_owned(), "REPLACE".to_owned()]) {
        words = &words[2..];
    }
    let temporary = |word: &str| matches!(word.trim_matches('"'), "TEMP" | "TEMPORARY");
    let first = words.first().map_or("", String::as_str);
    let what = words.get(usize::from(temporary(first))).map_or("", String::as_str);
    match (what, first) {
        // Kept in memory unless it is PERSISTENT (https://duckdb.org/docs/stable/configuration/secrets_manager).
        ("SECRET", _) => SessionTrace::Setting,
        (_, first) if temporary(first) => SessionTrace::Temporary,
        _ if words.windows(2).any(|pair| temporary(&pair[0]) && pair[1] == ".") => SessionTrace::Temporary,
        _ => SessionTrace::None,
    }
}

/// An index, and a constraint that is one or is checked like one, cannot be made behind an UPDATE of the same transaction: "Cannot
/// create index with outstanding updates". A column's type cannot be changed behind the DROP of its index: it is still seen.
fn state(statement: &str) -> TableState {
    // An INSERT of a gigabyte says what it is at its beginning, and what it does on conflict at its end, where few have it.
    let upper = |text: &str| words(text).collect::<Vec<_>>();
    let (head, tail) = (head(statement, 4096), tail(statement, 4096));
    let rare = |text: &str| ["ONFLICT", "onflict", "EPLACE", "eplace"].iter().any(|part| text.contains(part));
    if is_one_of(first_word(statement), &["INSERT"]) && !rare(head) && !rare(tail) {
        return TableState::Same;
    }
    let words = upper(head);
    let has = |wanted: &[&str]| words.windows(wanted.len()).any(|window| window == wanted);
    match words.first().map(String::as_str) {
        Some("UPDATE" | "MERGE") => TableState::Unsettled,
        Some("WITH") if has(&["UPDATE"]) || has(&["DO", "UPDATE"]) => TableState::Unsettled,
        Some("INSERT") if has(&["OR", "REPLACE"]) => TableState::Unsettled,
        Some("INSERT") if upper(tail).windows(2).any(|pair| pair == ["DO", "UPDATE"]) => {
            TableState::Unsettled
        }
        Some("DROP") if has(&["DROP", "INDEX"]) => TableState::Unsettled,
        Some("CREATE") if has(&["CREATE", "INDEX"]) || has(&["CREATE", "UNIQUE", "INDEX"]) => {
            TableState::WantsSettled
        }
        Some("ALTER")
            if has(&["NOT", "NULL"])
                || has(&["PRIMARY", "KEY"])
                || has(&["UNIQUE"])
                || has(&["TYPE"])
                || has(&["SET", "DATA"])
                || has(&["DROP", "COLUMN"]) =>
        {
            TableState::WantsSettled
        }
        // It writes the rows that are there, each with a value of its own.
        Some("ALTER") if has(&["ADD"]) && computed(&words) => TableState::Unsettled,
        _ => TableState::Same,
    }
}

/// Whether a default is not the same for all rows: a call, or a word that is one.
fn computed(words: &[String]) -> bool {
    let mut behind = words.iter().skip_while(|word| *word != "DEFAULT");
    behind.any(|word| word == "(" || word.starts_with("CURRENT_"))
}

fn head(text: &str, length: usize) -> &str {
    let end = (0..=length.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

fn tail(text: &str, length: usize) -> &str {
    let from = text.len().saturating_sub(length);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[from..]
}
