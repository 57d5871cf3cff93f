//! What became of a schema change whose run was killed, by its job and by the catalogue.
//!
//! A schema change is done by a job, which goes on when whoever asked for it is gone
//! (<https://www.cockroachlabs.com/docs/stable/show-jobs>); so the job is looked for first. `SHOW JOBS` is asked rather than
//! `crdb_internal.jobs`, which late versions keep to themselves
//! (<https://www.cockroachlabs.com/docs/stable/crdb-internal>).

use crate::dialect::Settle;
use crate::dialect::postgres::Words;
use crate::dialect::postgres::settle as postgres;
use crate::sql::TokenKind;
use crate::value::Value;

/// Jobs of schema changes; the collection of garbage behind one is none.
const SCHEMA_CHANGES: &str = "FROM [SHOW JOBS] AS j WHERE j.job_type LIKE '%SCHEMA CHANGE' AND pg_catalog.strpos(j.description, ?) > 0";

/// What may be run again: it says how things should be, not what is to be done.
const AGAIN: &str = "SELECT 'again', NULL";

/// Nothing in the catalogue tells.
const ASK: &str = "SELECT 'ask', 'nothing in the catalogue shows it'";

pub(super) fn settle(statement: &str) -> Settle {
    let mut words = Words::of(statement);
    let first = words.next_upper();
    match first.as_str() {
        "ANALYZE" | "COMMENT" | "GRANT" | "REVOKE" | "SET" | "RESET" | "DISCARD" => return Settle::Again,
        "CREATE" | "ALTER" | "DROP" | "TRUNCATE" | "REFRESH" => {}
        _ => return postgres::settle(statement),
    }
    let Some(object) = object(statement) else { return Settle::Ask };
    let (answer, parameters) = match first.as_str() {
        "CREATE" => create(words),
        "DROP" => drop_object(words),
        "ALTER" => alter(words),
        "REFRESH" => again(),
        _ => ask(),
    };
    let query = format!(
        "SELECT CASE WHEN j.status IN ('paused', 'revert-failed') THEN 'ask' ELSE 'busy' END, \
         'job ' || j.job_id::text || CASE WHEN j.status IN ('paused', 'revert-failed') THEN ' of it is ' || j.status ELSE '' END \
         {SCHEMA_CHANGES} AND j.status NOT IN ('succeeded', 'failed', 'canceled') UNION ALL {answer}"
    );
    let parameters = std::iter::once(Value::from(object)).chain(parameters).collect();
    Settle::Look { query, parameters, before: false }
}

/// The query for what jobs like that of `statement` came to, each with its age in milliseconds; none where it has no job that a name
/// tells.
pub(super) fn jobs(statement: &str) -> Option<(String, Vec<Value>)> {
    let object = object(statement)?;
    // Times without a zone are UTC there. No clock but the server's counts, and no word is said of what came meanwhile: whose age it
    // is, who asks must find by when the answer was there.
    let query = format!(
        "SELECT CASE WHEN j.status IN ('failed', 'canceled', 'paused', 'revert-failed') THEN 'ask' ELSE 'busy' END, \
         'job ' || j.job_id::text || CASE WHEN j.status IN ('failed', 'canceled', 'paused', 'revert-failed') THEN ' of the schema change ' \
         || CASE j.status WHEN 'failed' THEN '' ELSE 'is ' END || j.status || coalesce(': ' || nullif(j.error, ''), '') ELSE '' END, \
         floor((extract(epoch FROM pg_catalog.clock_timestamp()) - extract(epoch FROM j.created)) * 1000)::bigint \
         {SCHEMA_CHANGES} AND j.status <> 'succeeded' ORDER BY j.job_id"
    );
    Some((query, vec![object.into()]))
}

/// The name by which the job of `statement` is told: the table's, where it is about a table.
fn object(statement: &str) -> Option<String> {
    let mut words = Words::of(statement);
    let first = words.next_upper();
    match first.as_str() {
        "CREATE" => {
            words.accept_all(&["OR", "REPLACE"]);
            let unique = words.accept("UNIQUE");
            let kind = words.next_upper();
            match kind.as_str() {
                "INVERTED" | "VECTOR" if words.accept("INDEX") => on_table(words),
                "INDEX" => on_table(words),
                _ if unique => None,
                "MATERIALIZED" => words.accept("VIEW").then(|| named(words)).flatten(),
                _ => named(words),
            }
        }
        "DROP" | "ALTER" => {
            if words.accept("MATERIALIZED") {
                words.accept("VIEW");
            } else {
                words.next();
            }
            named(words)
        }
        "TRUNCATE" => {
            words.accept("TABLE");
            named(words)
        }
        "REFRESH" => words.accept_all(&["MATERIALIZED", "VIEW"]).then(|| named(words)).flatten(),
        _ => None,
    }
}

fn on_table(mut words: Words<'_>) -> Option<String> {
    while !words.accept("ON") {
        words.next()?;
    }
    named(words)
}

fn named(mut words: Words<'_>) -> Option<String> {
    words.accept_all(&["IF", "NOT", "EXISTS"]);
    words.accept_all(&["IF", "EXISTS"]);
    words.accept("CONCURRENTLY");
    words.accept_all(&["IF", "EXISTS"]);
    words.accept("ONLY");
    words.name().map(|name| bare(&name))
}

/// The last part of a name, as the server knows it.
fn bare(name: &str) -> String {
    match name.strip_suffix('"') {
        Some(quoted) => {
            let start = quoted.rfind(".\"").map_or(1, |at| at + 2);
            quoted.get(start..).unwrap_or_default().replace("\"\"", "\"")
        }
        None => name.rsplit('.').next().unwrap_or(name).to_lowercase(),
    }
}

type Answer = (String, Vec<Value>);

fn again() -> Answer {
    (AGAIN.to_owned(), Vec::new())
}

fn ask() -> Answer {
    (ASK.to_owned(), Vec::new())
}

/// Done where `there` holds.
fn done_where(there: &str, parameters: Vec<Value>) -> Answer {
    (format!("SELECT CASE WHEN {there} THEN 'done' ELSE 'again' END, NULL"), parameters)
}

const RELATION: &str = "pg_catalog.to_regclass(?) IS NOT NULL";
const TYPE: &str = "pg_catalog.to_regtype(?) IS NOT NULL";
const INDEX: &str = "EXISTS (SELECT 1 FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('i', 'I') AND n.nspname = ANY (pg_catalog.current_schemas(false)) \
     AND c.relname = (pg_catalog.parse_ident(?))[1]::name)";
const INDEX_OF_TABLE: &str = "EXISTS (SELECT 1 FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS c ON c.oid = x.indexrelid \
     WHERE x.indrelid = pg_catalog.to_regclass(?) AND x.indisvalid AND c.relname = (pg_catalog.parse_ident(?))[1]::name)";
const COLUMN: &str = "EXISTS (SELECT 1 FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(?) \
     AND attname = (pg_catalog.parse_ident(?))[1]::name AND attnum > 0 AND NOT attisdropped)";
const CONSTRAINT: &str = "EXISTS (SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass(?) \
     AND conname = (pg_catalog.parse_ident(?))[1]::name)";
const VALUE: &str =
    "EXISTS (SELECT 1 FROM pg_catalog.pg_enum WHERE enumtypid = pg_catalog.to_regtype(?) AND enumlabel = ?)";

/// The catalogue's place of things that stand in no schema.
fn place(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "SCHEMA" => {
            "EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = (pg_catalog.parse_ident(?))[1]::name)"
        }
        "DATABASE" => {
            "EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = (pg_catalog.parse_ident(?))[1]::name)"
        }
        "ROLE" | "USER" => {
            "EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = (pg_catalog.parse_ident(?))[1]::name)"
        }
        "TABLE" | "VIEW" | "SEQUENCE" => RELATION,
        "TYPE" => TYPE,
        _ => return None,
    })
}

fn create(mut words: Words<'_>) -> Answer {
    if words.accept_all(&["OR", "REPLACE"]) {
        return again();
    }
    words.accept("UNIQUE");
    words.accept("INVERTED");
    words.accept("VECTOR");
    words.accept("MATERIALIZED");
    let kind = words.next_upper();
    if kind == "INDEX" {
        words.accept("CONCURRENTLY");
    }
    if words.accept_all(&["IF", "NOT", "EXISTS"]) {
        return again();
    }
    if kind == "INDEX" {
        let index = if words.is("ON") { None } else { words.name() };
        let (Some(index), true) = (index, words.accept("ON")) else { return ask() };
        let Some(table) = words.name() else { return ask() };
        return done_where(INDEX_OF_TABLE, vec![table.into(), index.into()]);
    }
    match (place(&kind), words.name()) {
        (Some(there), Some(name)) => done_where(there, vec![name.into()]),
        _ => ask(),
    }
}

fn drop_object(mut words: Words<'_>) -> Answer {
    words.accept("MATERIALIZED");
    let kind = words.next_upper();
    words.accept("CONCURRENTLY");
    if words.accept_all(&["IF", "EXISTS"]) {
        return again();
    }
    let Some(name) = words.name().filter(|_| !words.is(",")) else { return ask() };
    // https://www.cockroachlabs.com/docs/stable/drop-index: `table@index`.
    if kind == "INDEX" && words.accept("@") {
        let Some(index) = words.name() else { return ask() };
        return done_where(&format!("NOT {INDEX_OF_TABLE}"), vec![name.into(), index.into()]);
    }
    match if kind == "INDEX" { Some(INDEX) } else { place(&kind) } {
        // Of a name in a schema the last part is not all.
        Some(INDEX) if name.contains('.') => ask(),
        Some(there) => done_where(&format!("NOT ({there})"), vec![name.into()]),
        None => ask(),
    }
}

fn alter(mut words: Words<'_>) -> Answer {
    let kind = words.next_upper();
    words.accept_all(&["IF", "EXISTS"]);
    words.accept("ONLY");
    let Some(name) = words.name() else { return ask() };
    match kind.as_str() {
        "TABLE" => alter_table(words, name),
        "TYPE" => alter_type(words, name),
        "SEQUENCE" | "DATABASE" | "SCHEMA" | "ROLE" | "USER" if !words.is("RENAME") => again(),
        _ => ask(),
    }
}

fn alter_table(mut words: Words<'_>, table: String) -> Answer {
    let mut depth = 0_i32;
    let several = words.rest().iter().any(|token| {
        let opens = ["(", "["].contains(&token.text);
        depth += i32::from(opens) - i32::from([")", "]"].contains(&token.text));
        depth == 0 && token.text == ","
    });
    if several {
        return ask();
    }
    let of_table = |there: &str, name: Option<String>| match name {
        Some(name) => done_where(there, vec![table.as_str().into(), name.into()]),
        None => ask(),
    };
    match words.next_upper().as_str() {
        "ADD" if words.accept("CONSTRAINT") => {
            if words.accept_all(&["IF", "NOT", "EXISTS"]) {
                again()
            } else {
                of_table(CONSTRAINT, words.name())
            }
        }
        // Without a name nothing tells them from others.
        "ADD" if ["PRIMARY", "UNIQUE", "CHECK", "FOREIGN"].iter().any(|word| words.is(word)) => ask(),
        "ADD" => {
            words.accept("COLUMN");
            if words.accept_all(&["IF", "NOT", "EXISTS"]) { again() } else { of_table(COLUMN, words.name()) }
        }
        "DROP" => {
            let there = if words.accept("CONSTRAINT") { CONSTRAINT } else { COLUMN };
            words.accept("COLUMN");
            if words.accept_all(&["IF", "EXISTS"]) {
                again()
            } else {
                of_table(&format!("NOT {there}"), words.name())
            }
        }
        "RENAME" if words.accept("TO") => done_where(&format!("NOT ({RELATION})"), vec![table.into()]),
        "RENAME" => {
            let there = if words.accept("CONSTRAINT") { CONSTRAINT } else { COLUMN };
            words.accept("COLUMN");
            let old = words.name();
            of_table(there, old.filter(|_| words.accept("TO")).and_then(|_| words.name()))
        }
        "ALTER" if words.accept_all(&["PRIMARY", "KEY"]) => ask(),
        "ALTER" | "VALIDATE" | "SET" | "RESET" | "OWNER" | "CONFIGURE" => again(),
        _ => ask(),
    }
}

fn alter_type(mut words: Words<'_>, name: String) -> Answer {
    let label = |words: &mut Words<'_>| match words.next() {
        Some(label) if label.kind == TokenKind::String && label.text.starts_with('\'') => {
            let text = label.text.trim_start_matches('\'').strip_suffix('\'').unwrap_or_default();
            Some(text.replace("''", "'"))
        }
        _ => None,
    };
    let found = if words.accept_all(&["ADD", "VALUE"]) {
        if words.accept_all(&["IF", "NOT", "EXISTS"]) {
            return again();
        }
        label(&mut words).map(|label| (VALUE.to_owned(), label))
    } else if words.accept_all(&["RENAME", "VALUE"]) {
        label(&mut words)
            .filter(|_| words.accept("TO"))
            .and_then(|_| label(&mut words))
            .map(|label| (VALUE.to_owned(), label))
    } else if words.accept_all(&["DROP", "VALUE"]) {
        label(&mut words).map(|label| (format!("NOT {VALUE}"), label))
    } else {
        None
    };
    match found {
        Some((there, label)) => done_where(&there, vec![name.into(), label.into()]),
        None if words.is("OWNER") => again(),
        None => ask(),
    }
}
