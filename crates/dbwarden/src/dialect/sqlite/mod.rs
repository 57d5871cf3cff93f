//! SQLite.

mod catalog;
mod fingerprint;
mod history;
mod rebuild;
mod render;
mod table;

use super::{
    Capabilities, Dialect, Existence, Fingerprinting, Manner, Object, Records, RenderError, Rendering,
    SessionTrace,
};
use crate::database::Database;
use crate::operation::Operation;
use crate::project::Tables;
use crate::sql::{Rules, Syntax, keywords};
use crate::value::{Row, Value};

/// SQLite's dialect.
#[derive(Debug)]
pub(super) struct Sqlite;

impl Dialect for Sqlite {
    fn database(&self) -> Database {
        Database::Sqlite
    }

    fn capabilities(&self) -> Capabilities {
        // Leaving WAL wants no other connection (https://www.sqlite.org/pragma.html#pragma_journal_mode).
        Capabilities { transactional_ddl: true, alone_refuses_company: true, packet: 0, journalled_packet: 0 }
    }

    fn manner(&self, statement: &str) -> Manner {
        let first = first_word(statement);
        // Most statements end here: a file may hold millions.
        if !["BEGIN", "COMMIT", "END", "ROLLBACK", "VACUUM", "ATTACH", "DETACH", "PRAGMA"]
            .iter()
            .any(|word| first.eq_ignore_ascii_case(word))
        {
            return Manner::Plain;
        }
        match first.to_ascii_uppercase().as_str() {
            "BEGIN" => Manner::Begin,
            "COMMIT" | "END" => Manner::Commit,
            // ROLLBACK TO a savepoint stays inside the transaction (https://www.sqlite.org/lang_savepoint.html).
            "ROLLBACK" if words(statement).any(|word| word.eq_ignore_ascii_case("TO")) => Manner::Plain,
            "ROLLBACK" => Manner::Rollback,
            "VACUUM" => Manner::Alone,
            "ATTACH" | "DETACH" => Manner::Session,
            _ => pragma(statement),
        }
    }

    fn session_trace(&self, statement: &str) -> SessionTrace {
        let first = first_word(statement);
        if !["PRAGMA", "ATTACH", "DETACH", "CREATE"].iter().any(|word| first.eq_ignore_ascii_case(word)) {
            return SessionTrace::None;
        }
        match first.to_ascii_uppercase().as_str() {
            "PRAGMA" | "ATTACH" | "DETACH" => SessionTrace::Setting,
            "CREATE" if is_temporary(statement) => SessionTrace::Temporary,
            _ => SessionTrace::None,
        }
    }

    fn records(&self, tables: &Tables) -> Records {
        history::records(self, tables)
    }

    fn existence(&self, object: &Object) -> Existence {
        catalog::existence(object)
    }

    fn fingerprint(&self) -> &'static Fingerprinting {
        &fingerprint::FINGERPRINT
    }

    /// It may be an attached file.
    fn records_may_be_outside(&self) -> bool {
        true
    }

    fn foreign_key_violations(&self) -> Option<&'static str> {
        Some("PRAGMA foreign_key_check")
    }

    fn asks(&self, operation: &Operation) -> Vec<(String, Vec<Value>)> {
        render::asks(operation)
    }

    fn asks_whole_tables(&self) -> bool {
        true
    }

    fn render(&self, operation: &Operation, known: Option<&[Vec<Row>]>) -> Result<Rendering, RenderError> {
        render::render(operation, known)
    }
}

fn words(statement: &str) -> impl Iterator<Item = &str> {
    keywords(statement, Rules::new(Syntax::Sqlite))
}

fn first_word(statement: &str) -> &str {
    let end = statement.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(statement.len());
    &statement[..end]
}

/// PRAGMAs that a transaction changes the meaning of (<https://www.sqlite.org/pragma.html>).
fn pragma(statement: &str) -> Manner {
    let mut words = words(statement).skip(1);
    let Some(mut name) = words.next().map(bare) else { return Manner::Plain };
    let mut next = words.next();
    if next == Some(".") {
        let Some(second) = words.next() else { return Manner::Plain };
        name = bare(second);
        next = words.next();
    }
    let value = match next {
        Some("=" | "(") => words.find(|word| *word != "+").map(bare),
        _ => None,
    };
    match (name.as_str(), value) {
        ("foreign_keys", Some(value)) => {
            let on = matches!(value.as_str(), "on" | "yes" | "true")
                || value.parse::<i64>().is_ok_and(|number| number != 0);
            Manner::ForeignKeys(on)
        }
        ("journal_mode", Some(_)) | ("wal_checkpoint" | "incremental_vacuum", _) => Manner::Alone,
        ("synchronous" | "locking_mode" | "temp_store", Some(_)) => Manner::Session,
        _ => Manner::Plain,
    }
}

/// Whether a CREATE makes something for the time of its session: by its word, or by its schema.
fn is_temporary(statement: &str) -> bool {
    let temporary = |word: &str| matches!(bare(word).as_str(), "temp" | "temporary");
    let words: Vec<&str> = words(statement).skip(1).take(8).collect();
    words.first().is_some_and(|word| temporary(word))
        || words.windows(2).any(|pair| temporary(pair[0]) && pair[1] == ".")
}

/// A name or value without its quotes, in lower case.
fn bare(word: &str) -> String {
    word.trim_matches(['\'', '"', '`', '[', ']']).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_stand_to_transactions_as_sqlite_says() {
        let table = [
            ("CREATE TABLE t (a)", Manner::Plain),
            ("BEGIN IMMEDIATE", Manner::Begin),
            ("commit transaction", Manner::Commit),
            ("END", Manner::Commit),
            ("ROLLBACK", Manner::Rollback),
            ("ROLLBACK TO SAVEPOINT a", Manner::Plain),
            ("ROLLBACK TRANSACTION TO a", Manner::Plain),
            ("VACUUM", Manner::Alone),
            ("PRAGMA foreign_keys = OFF", Manner::ForeignKeys(false)),
            ("PRAGMA main.foreign_keys(1)", Manner::ForeignKeys(true)),
            ("pragma /* why */ Foreign_Keys='off'", Manner::ForeignKeys(false)),
            ("PRAGMA [foreign_keys]=OFF", Manner::ForeignKeys(false)),
            ("PRAGMA \"foreign_keys\" = +1", Manner::ForeignKeys(true)),
            ("PRAGMA \"main\".`foreign_keys` = 'on'", Manner::ForeignKeys(true)),
            ("PRAGMA foreign_keys", Manner::Plain),
            ("PRAGMA journal_mode = WAL", Manner::Alone),
            ("PRAGMA journal_mode", Manner::Plain),
            ("PRAGMA user_version = 3", Manner::Plain),
            ("ATTACH 'x.db' AS x", Manner::Session),
        ];
        for (statement, manner) in table {
            assert_eq!(Sqlite.manner(statement), manner, "{statement}");
        }
    }
}
