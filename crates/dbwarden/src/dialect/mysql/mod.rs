//! MySQL, and MariaDB where it is alike; `mariadb` holds what differs. What is claimed of a server was tried on MariaDB 10.11.

mod catalog;
mod fingerprint;
mod history;
mod mariadb;
mod read;
mod render;
mod settle;
mod trace;
mod words;

use self::words::{Words, first_word, is};
use super::{
    Capabilities, Dialect, Existence, Fingerprinting, Manner, Object, Records, RenderError, Rendering,
    Scratching, SessionTrace, Settle,
};
use crate::database::Database;
use crate::operation::{NameLimit, Operation};
use crate::project::Tables;
use crate::value::{Row, Value};

pub(crate) use self::history::stop_sign;
pub(super) use self::mariadb::Mariadb;

/// MySQL's dialect.
#[derive(Debug)]
pub(super) struct Mysql;

/// First words of what runs in a transaction like any other, and commits nothing by itself. Everything that is not known here may
/// commit (<https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html>), and is journalled by itself.
const PLAIN: &[&str] = &[
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DO",
    "EXPLAIN",
    "GET",
    "HANDLER",
    "HELP",
    "INSERT",
    "RELEASE",
    "REPLACE",
    "SAVEPOINT",
    "SELECT",
    "SHOW",
    "SIGNAL",
    "TABLE",
    "UPDATE",
    "VALUES",
    "WITH",
];

impl Dialect for Mysql {
    fn database(&self) -> Database {
        Database::Mysql
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            transactional_ddl: false,
            alone_refuses_company: false,
            packet: 0,
            journalled_packet: 1 << 20,
        }
    }

    fn manner(&self, statement: &str) -> Manner {
        manner(statement)
    }

    fn session_trace(&self, statement: &str) -> SessionTrace {
        trace::session_trace(statement)
    }

    /// User variables, temporary tables and prepared statements know no transactions
    /// (<https://dev.mysql.com/doc/refman/8.4/en/user-variables.html>).
    fn outlives_rollback(&self, statement: &str) -> bool {
        if statement.contains('@') {
            return true;
        }
        match first_word(statement).to_ascii_uppercase().as_str() {
            "CREATE" | "DROP" => {
                let words = Words::of(statement);
                words.any("TEMPORARY") || words.any("PREPARE")
            }
            "DEALLOCATE" => true,
            _ => false,
        }
    }

    /// What a literal and a name are (<https://dev.mysql.com/doc/refman/8.4/en/sql-mode.html>).
    fn changes_reading(&self, statement: &str) -> bool {
        first_word(statement).eq_ignore_ascii_case("SET")
            && statement.to_ascii_lowercase().contains("sql_mode")
    }

    fn records(&self, tables: &Tables) -> Records {
        history::records(tables)
    }

    fn existence(&self, object: &Object) -> Existence {
        catalog::existence(object)
    }

    fn settle(&self, statement: &str) -> Settle {
        settle::settle(statement)
    }

    fn replaced(&self, statement: &str) -> Option<Existence> {
        settle::replaced(statement).map(|name| catalog::table(&name))
    }

    fn fingerprint(&self) -> &'static Fingerprinting {
        &fingerprint::FINGERPRINT
    }

    fn scratch(&self) -> Option<&'static Scratching> {
        Some(&fingerprint::SCRATCH)
    }

    /// A schema is a database of its own.
    fn records_may_be_outside(&self) -> bool {
        true
    }

    fn foreign_key_violations(&self) -> Option<&'static str> {
        None
    }

    fn as_text(&self, expression: &str) -> String {
        format!("CAST({expression} AS CHAR)")
    }

    // All of them or none, also where the server dies in between (https://dev.mysql.com/doc/refman/8.4/en/atomic-ddl.html,
    // https://mariadb.com/kb/en/atomic-ddl/).
    fn rename_tables(&self, home: &str, names: &[(String, String)]) -> Vec<String> {
        let one = |(from, to): &(String, String)| format!("{home}{} TO {home}{}", quote(from), quote(to));
        vec![format!("RENAME TABLE {}", names.iter().map(one).collect::<Vec<_>>().join(", "))]
    }

    /// <https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html>.
    fn name_limit(&self) -> NameLimit {
        NameLimit::Characters(64)
    }

    fn asks(&self, operation: &Operation) -> Vec<(String, Vec<Value>)> {
        render::asks(self, operation)
    }

    fn render(&self, operation: &Operation, known: Option<&[Vec<Row>]>) -> Result<Rendering, RenderError> {
        render::render(self, operation, known)
    }

    fn quote(&self, name: &str) -> String {
        quote(name)
    }
}

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn manner(statement: &str) -> Manner {
    let first = first_word(statement);
    // Most statements end here: a file may hold millions.
    if first.is_empty() || PLAIN.iter().any(|known| known.eq_ignore_ascii_case(first)) {
        return Manner::Plain;
    }
    let mut words = Words::of(statement);
    match words.next_upper().as_str() {
        "USE" | "PREPARE" | "DEALLOCATE" => Manner::Either,
        "SET" => set(words),
        // LOAD INDEX INTO CACHE commits, LOAD DATA and LOAD XML do not.
        "LOAD" if words.accept("INDEX") => Manner::Alone,
        "LOAD" => Manner::Plain,
        // A block of MariaDB's, which may hold anything (https://mariadb.com/kb/en/begin-end/).
        "BEGIN" if words.accept("NOT") => Manner::Alone,
        "BEGIN" => Manner::Begin,
        "START" if words.accept("TRANSACTION") => Manner::Begin,
        "COMMIT" if words.has(&["AND", "CHAIN"]) || words.any("RELEASE") => Manner::Refused(
            "it opens another transaction or ends the session; write COMMIT, and BEGIN behind it",
        ),
        "COMMIT" => Manner::Commit,
        "ROLLBACK" if words.any("TO") => Manner::Plain,
        "ROLLBACK" => Manner::Rollback,
        "XA" => Manner::Refused(
            "it takes the transaction, and the record of the migration with it, out of the session",
        ),
        // https://dev.mysql.com/doc/refman/8.4/en/lock-tables.html
        "LOCK" | "UNLOCK" => Manner::Refused(
            "it commits what is open, and keeps every table that it does not name from being used, those of the records too; \
             leave it out (mysqldump: --skip-add-locks), since one run at a time writes anyway",
        ),
        "FLUSH" if words.has(&["READ", "LOCK"]) || words.has(&["FOR", "EXPORT"]) => {
            Manner::Refused("it keeps every table from being written, those of the records too")
        }
        "CREATE" if creates_temporary(&mut words) => Manner::Plain,
        "DROP" if words.accept("TEMPORARY") => Manner::Plain,
        "DROP" if words.accept("PREPARE") => Manner::Either,
        _ => Manner::Alone,
    }
}

fn creates_temporary(words: &mut Words<'_>) -> bool {
    words.accept_all(&["OR", "REPLACE"]);
    words.accept("TEMPORARY")
}

fn set(mut words: Words<'_>) -> Manner {
    // https://mariadb.com/kb/en/set-statement/: what stands behind FOR is the statement.
    if words.is("STATEMENT") {
        let inner = words.skip_to(&["FOR"]).and_then(|_| words.rest_text());
        return inner.map_or(Manner::Alone, manner);
    }
    if words.is("PASSWORD") || words.is("DEFAULT") {
        return Manner::Alone;
    }
    let sets = |name: &str| sets(&words, name);
    if sets("autocommit") {
        return Manner::Refused("the run says what is committed together; write BEGIN and COMMIT");
    }
    // COMMIT would open another transaction, or end the session
    // (https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_completion_type).
    if sets("completion_type") {
        return Manner::Refused("a COMMIT of the run's would open another transaction or end the session");
    }
    if words.is("GLOBAL") || words.is("PERSIST") || words.is("PERSIST_ONLY") || sets_global(&words) {
        return Manner::Alone;
    }
    // These are errors inside a transaction (1568, 1694, 1560).
    if words.is("TRANSACTION") || ["sql_log_bin", "binlog_format", "gtid_next"].into_iter().any(sets) {
        return Manner::Session;
    }
    Manner::Either
}

/// Whether `name` is given a value, also as `@@name` or `@@session.name`.
fn sets(words: &Words<'_>, name: &str) -> bool {
    let matches = |text: &str| {
        let text = text.trim_start_matches('@').to_ascii_lowercase();
        let text = text.rsplit_once('.').map_or(text.as_str(), |(_, name)| name);
        text.trim_matches('`') == name
    };
    words
        .rest()
        .windows(2)
        .any(|pair| matches(pair[0].text) && (is(&pair[1], "=") || is(&pair[1], ":") || pair[1].text == ":="))
}

fn sets_global(words: &Words<'_>) -> bool {
    let text: String = words.rest().iter().map(|token| token.text.to_ascii_lowercase()).collect();
    // Read on the right of an assignment it changes nothing.
    text.split(',').any(|assignment| {
        ["@@global.", "@@persist", "global"].iter().any(|word| assignment.starts_with(word))
    })
}

#[cfg(test)]
mod tests;
