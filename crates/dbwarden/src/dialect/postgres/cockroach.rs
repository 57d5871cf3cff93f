//! CockroachDB, where it differs from PostgreSQL. What is claimed of it is from its own pages and sources; no server of it was
//! at hand.

mod catalog;
mod fingerprint;
mod history;
mod render;
mod settle;

use super::{Postgres, Words, first_word, is_one_of, render as as_postgres};
use crate::database::Database;
use crate::dialect::render::{Render, knowing};
use crate::dialect::{
    Capabilities, Dialect, Existence, Fingerprinting, Manner, Object, Records, RenderError, Rendering,
    Scratching, SessionTrace, Settle,
};
use crate::operation::Operation;
use crate::project::Tables;
use crate::value::{Row, Value};

/// CockroachDB's dialect.
#[derive(Debug)]
pub(in crate::dialect) struct Cockroach;

/// First words of what [`Dialect::manner`] looks at; anything else is plain.
const CONTROL: &[&str] = &[
    "ABORT",
    "ALTER",
    "ANALYZE",
    "BACKUP",
    "BEGIN",
    "CALL",
    "CANCEL",
    "COMMENT",
    "COMMIT",
    "CREATE",
    "DISCARD",
    "DROP",
    "END",
    "EXPORT",
    "GRANT",
    "IMPORT",
    "PAUSE",
    "PREPARE",
    "REASSIGN",
    "REFRESH",
    "RELEASE",
    "RESTORE",
    "RESUME",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "START",
    "TRUNCATE",
];

impl Dialect for Cockroach {
    fn database(&self) -> Database {
        Database::Cockroach
    }

    fn capabilities(&self) -> Capabilities {
        // Of several schema changes in a transaction some may stay where others fail
        // (https://www.cockroachlabs.com/docs/stable/online-schema-changes#schema-changes-within-transactions).
        Capabilities { transactional_ddl: false, ..Postgres.capabilities() }
    }

    fn changes_reading(&self, statement: &str) -> bool {
        Postgres.changes_reading(statement)
    }

    fn changes_role(&self, statement: &str) -> bool {
        Postgres.changes_role(statement)
    }

    fn transaction_modes(&self, statement: &str) -> Option<String> {
        Postgres.transaction_modes(statement)
    }

    /// A schema change runs as a single statement, as its makers advise: in a transaction with others it is done behind the
    /// COMMIT, and where it fails then (XXA00) the rest stays
    /// (<https://www.cockroachlabs.com/docs/stable/online-schema-changes#schema-changes-within-transactions>). What only makes
    /// something new is done by the transaction itself, and bears one that the file opens.
    fn manner(&self, statement: &str) -> Manner {
        if !is_one_of(first_word(statement), CONTROL) {
            return Manner::Plain;
        }
        let mut words = Words::of(statement);
        match words.next_upper().as_str() {
            // Its RELEASE commits (https://www.cockroachlabs.com/docs/stable/savepoint#savepoints-for-client-side-transaction-retries).
            "SAVEPOINT" | "RELEASE" if words.any("cockroach_restart") => {
                Manner::Refused("it retries and commits by itself; a migration is retried without it")
            }
            "SAVEPOINT" | "RELEASE" => Manner::Plain,
            "CREATE" => create(words),
            "COMMENT" | "GRANT" | "REVOKE" => Manner::Apart,
            // https://www.cockroachlabs.com/docs/stable/set-cluster-setting
            "SET" if words.accept_all(&["CLUSTER", "SETTING"]) => Manner::Alone,
            "SET" => Manner::Plain,
            "ALTER" | "ANALYZE" | "BACKUP" | "CANCEL" | "DROP" | "EXPORT" | "IMPORT" | "PAUSE"
            | "REASSIGN" | "REFRESH" | "RESTORE" | "RESUME" | "TRUNCATE" => Manner::Alone,
            _ => Postgres.manner(statement),
        }
    }

    fn session_trace(&self, statement: &str) -> SessionTrace {
        let mut words = Words::of(statement);
        // It is the cluster's, and no session's.
        if words.accept_all(&["SET", "CLUSTER", "SETTING"]) {
            return SessionTrace::None;
        }
        Postgres.session_trace(statement)
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

    fn refusal_leaves_nothing(&self) -> bool {
        true
    }

    fn background(&self, statement: &str) -> Option<(String, Vec<Value>)> {
        (self.manner(statement) == Manner::Alone).then(|| settle::jobs(statement)).flatten()
    }

    fn fingerprint(&self) -> &'static Fingerprinting {
        &fingerprint::FINGERPRINT
    }

    fn scratch(&self) -> Option<&'static Scratching> {
        Some(&fingerprint::SCRATCH)
    }

    fn foreign_key_violations(&self) -> Option<&'static str> {
        None
    }

    fn asks(&self, operation: &Operation) -> Vec<(String, Vec<Value>)> {
        as_postgres::asks(self, operation)
    }

    fn render(&self, operation: &Operation, known: Option<&[Vec<Row>]>) -> Result<Rendering, RenderError> {
        let live = known.and_then(|answers| as_postgres::read(operation, answers));
        self.both(&knowing(operation, live))
    }
}

fn create(mut words: Words<'_>) -> Manner {
    words.accept_all(&["OR", "REPLACE"]);
    match words.next_upper().as_str() {
        // Rows are copied by a job (https://www.cockroachlabs.com/docs/stable/create-table-as).
        "TABLE" if words.any("AS") && !has_columns_first(&words) => Manner::Alone,
        "TABLE" | "VIEW" | "SEQUENCE" | "TYPE" | "SCHEMA" | "FUNCTION" | "PROCEDURE" | "ROLE" | "USER" => {
            Manner::Apart
        }
        _ => Manner::Alone,
    }
}

/// Whether a CREATE TABLE has a list of definitions, in which AS belongs to a computed column, and nothing behind it makes it a
/// CREATE TABLE … AS.
fn has_columns_first(words: &Words<'_>) -> bool {
    let mut depth = 0_i32;
    !words.rest().iter().any(|token| {
        depth += i32::from(super::is(token, "(")) - i32::from(super::is(token, ")"));
        depth == 0 && super::is(token, "AS")
    })
}

#[cfg(test)]
mod tests;
