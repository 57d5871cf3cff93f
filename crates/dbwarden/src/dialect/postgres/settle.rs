//! What became of a statement that ran outside a transaction when its run was killed, by what the catalogue shows.
//!
//! The server may still work on it: it sees that its client is gone only when it has something to say. A build is seen in
//! `pg_stat_progress_create_index`, whose sessions are shown to everybody, and its table in `pg_locks`.

use super::{Words, is_concurrent};
use crate::dialect::Settle;
use crate::sql::TokenKind;
use crate::value::Value;

/// A session that builds an index of the table `x.indrelid`, but not this one.
const BUILDER: &str = "(SELECT p.pid::text FROM pg_catalog.pg_stat_progress_create_index AS p \
     JOIN pg_catalog.pg_locks AS l ON l.pid = p.pid WHERE l.relation = x.indrelid AND l.granted \
     AND l.mode = 'ShareUpdateExclusiveLock' AND p.pid <> pg_catalog.pg_backend_pid() LIMIT 1)";

pub(super) fn settle(statement: &str) -> Settle {
    let mut words = Words::of(statement);
    match words.next_upper().as_str() {
        "CREATE" => create(words),
        "DROP" => drop_object(words),
        "ALTER" => alter(words),
        "REINDEX" => reindex(words),
        // Once it is gone nothing tells which of the two took it.
        "COMMIT" | "ROLLBACK" if words.accept("PREPARED") => match words.next() {
            Some(gid) if gid.kind == TokenKind::String => look(
                format!(
                    "SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts WHERE gid = {} \
                     AND database = pg_catalog.current_database()) THEN 'again' ELSE 'ask' END, \
                     'the prepared transaction is gone, committed or rolled back'",
                    gid.text
                ),
                vec![],
            ),
            _ => Settle::Ask,
        },
        "VACUUM" | "ANALYZE" | "CLUSTER" | "REFRESH" | "CHECKPOINT" | "DISCARD" | "SET" | "RESET" => {
            Settle::Again
        }
        _ => Settle::Ask,
    }
}

fn look(query: String, parameters: Vec<Value>) -> Settle {
    Settle::Look { query, parameters, before: false }
}

fn create(mut words: Words<'_>) -> Settle {
    words.accept("UNIQUE");
    if words.accept_all(&["INDEX", "CONCURRENTLY"]) {
        return create_index(words);
    }
    match words.next_upper().as_str() {
        "DATABASE" => there("pg_database WHERE datname", words.name()),
        "TABLESPACE" => there("pg_tablespace WHERE spcname", words.name()),
        "SUBSCRIPTION" => there(SUBSCRIPTION, words.name()),
        _ => Settle::Ask,
    }
}

const SUBSCRIPTION: &str = "pg_subscription WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database \
     WHERE datname = pg_catalog.current_database()) AND subname";

/// Done where it is there.
fn there(place: &str, name: Option<String>) -> Settle {
    answered(place, name, "'done' ELSE 'again'")
}

/// Done where it is gone.
fn gone(place: &str, name: Option<String>) -> Settle {
    answered(place, name, "'again' ELSE 'done'")
}

fn answered(place: &str, name: Option<String>, answers: &str) -> Settle {
    let Some(name) = name else { return Settle::Ask };
    let query = format!(
        "SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.{place} = (pg_catalog.parse_ident(?))[1]::name) THEN {answers} END, NULL"
    );
    look(query, vec![name.into()])
}

/// An index whose building failed stays, invalid
/// (<https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY>), and `IF NOT EXISTS` takes it for one.
fn create_index(mut words: Words<'_>) -> Settle {
    let before = words.accept_all(&["IF", "NOT", "EXISTS"]);
    let index = if words.is("ON") { None } else { words.name() };
    if !words.accept("ON") {
        return Settle::Ask;
    }
    words.accept("ONLY");
    let Some(table) = words.name() else { return Settle::Ask };
    let Some(index) = index else {
        // The server made its name, which nothing tells from one that was there before.
        let query = format!(
            "SELECT COALESCE((SELECT 'busy' FROM (SELECT t.oid AS indrelid) AS x WHERE {BUILDER} IS NOT NULL), 'ask'), \
             COALESCE((SELECT {BUILDER} FROM (SELECT t.oid AS indrelid) AS x), 'the index has no name of its own; its table has: ' \
             || COALESCE((SELECT pg_catalog.string_agg(i.indexrelid::pg_catalog.regclass::text || CASE WHEN i.indisvalid \
             THEN '' ELSE ' (invalid)' END, ', ' ORDER BY i.indexrelid) FROM pg_catalog.pg_index AS i WHERE i.indrelid = t.oid), \
             'none')) FROM (SELECT pg_catalog.to_regclass(?)::oid AS oid) AS t"
        );
        return look(query, vec![table.into()]);
    };
    // An index is in the schema of its table.
    let query = format!(
        "SELECT CASE WHEN x.indrelid <> t.oid THEN 'ask' WHEN x.indisvalid THEN 'done' WHEN {BUILDER} IS NOT NULL THEN 'busy' \
         ELSE 'clear' END, CASE WHEN x.indrelid <> t.oid THEN 'an index of that name stands on ' \
         || x.indrelid::pg_catalog.regclass::text WHEN NOT x.indisvalid THEN COALESCE({BUILDER}, {DROP}) END \
         FROM pg_catalog.pg_class AS t JOIN pg_catalog.pg_class AS c ON c.relnamespace = t.relnamespace \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_catalog.pg_index AS x ON x.indexrelid = c.oid \
         WHERE t.oid = pg_catalog.to_regclass(?) AND c.relname = (pg_catalog.parse_ident(?))[1]::name"
    );
    Settle::Look { query, parameters: vec![table.into(), index.into()], before }
}

const DROP: &str = "pg_catalog.format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, c.relname)";

fn drop_object(mut words: Words<'_>) -> Settle {
    if words.accept_all(&["INDEX", "CONCURRENTLY"]) {
        words.accept_all(&["IF", "EXISTS"]);
        let Some(name) = words.name().filter(|_| !words.is(",")) else { return Settle::Ask };
        // VACUUM locks an index less than this.
        return look(
            "SELECT CASE WHEN c.oid IS NULL THEN 'done' WHEN l.pid IS NOT NULL THEN 'busy' ELSE 'again' END, l.pid::text \
             FROM (SELECT pg_catalog.to_regclass(?)::oid AS oid) AS c LEFT JOIN pg_catalog.pg_locks AS l ON l.relation = c.oid \
             AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid <> pg_catalog.pg_backend_pid() LIMIT 1"
                .to_owned(),
            vec![name.into()],
        );
    }
    let kind = words.next_upper();
    words.accept_all(&["IF", "EXISTS"]);
    match kind.as_str() {
        // One whose dropping was interrupted is there still, and is dropped again.
        "DATABASE" => gone("pg_database WHERE datname", words.name()),
        "TABLESPACE" => gone("pg_tablespace WHERE spcname", words.name()),
        "SUBSCRIPTION" => gone(SUBSCRIPTION, words.name()),
        _ => Settle::Ask,
    }
}

fn alter(mut words: Words<'_>) -> Settle {
    match words.next_upper().as_str() {
        "SYSTEM" => Settle::Again,
        "DATABASE" if words.has(&["SET", "TABLESPACE"]) => Settle::Again,
        "SUBSCRIPTION" => {
            let again = ["REFRESH", "ENABLE", "DISABLE", "SET", "CONNECTION", "OWNER"];
            let named = words.name().is_some();
            if named && again.iter().any(|word| words.is(word)) { Settle::Again } else { Settle::Ask }
        }
        "TYPE" => add_value(words),
        "TABLE" => detach(words),
        _ => Settle::Ask,
    }
}

fn add_value(mut words: Words<'_>) -> Settle {
    let Some(name) = words.name().filter(|_| words.accept_all(&["ADD", "VALUE"])) else { return Settle::Ask };
    words.accept_all(&["IF", "NOT", "EXISTS"]);
    match words.next() {
        Some(label) if matches!(label.kind, TokenKind::String | TokenKind::DollarString) => look(
            format!(
                "SELECT 'done', NULL FROM pg_catalog.pg_enum WHERE enumtypid = pg_catalog.to_regtype(?) \
                 AND enumlabel = {}",
                label.text
            ),
            vec![name.into()],
        ),
        _ => Settle::Ask,
    }
}

/// What was interrupted is left pending, and is finished by another statement
/// (<https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DETACH-PARTITION>).
fn detach(mut words: Words<'_>) -> Settle {
    words.accept_all(&["IF", "EXISTS"]);
    words.accept("ONLY");
    let Some(parent) = words.name().filter(|_| words.accept_all(&["DETACH", "PARTITION"])) else {
        return Settle::Ask;
    };
    let Some(child) = words.name().filter(|_| words.is("CONCURRENTLY") || words.is("FINALIZE")) else {
        return Settle::Ask;
    };
    look(
        "SELECT CASE WHEN a.child IS NULL OR a.parent IS NULL THEN 'ask' WHEN h.inhrelid IS NULL THEN 'done' \
         WHEN l.pid IS NOT NULL THEN 'busy' WHEN h.inhdetachpending THEN 'finish' ELSE 'again' END, \
         CASE WHEN a.child IS NULL OR a.parent IS NULL THEN 'the table or its partition is not there' \
         WHEN l.pid IS NOT NULL THEN l.pid::text WHEN h.inhdetachpending THEN pg_catalog.format( \
         'ALTER TABLE %s DETACH PARTITION %s FINALIZE', a.parent::pg_catalog.regclass, a.child::pg_catalog.regclass) END \
         FROM (SELECT pg_catalog.to_regclass(?)::oid AS parent, pg_catalog.to_regclass(?)::oid AS child) AS a \
         LEFT JOIN pg_catalog.pg_inherits AS h ON h.inhparent = a.parent AND h.inhrelid = a.child \
         LEFT JOIN pg_catalog.pg_locks AS l ON l.relation = a.parent AND l.granted \
         AND l.mode = 'ShareUpdateExclusiveLock' AND l.pid <> pg_catalog.pg_backend_pid() LIMIT 1"
            .to_owned(),
        vec![parent.into(), child.into()],
    )
}

/// A failed concurrent rebuild leaves an invalid index beside the old one: `_ccnew`, or `_ccold` where the new one is in its
/// place already (<https://www.postgresql.org/docs/current/sql-reindex.html#SQL-REINDEX-CONCURRENTLY>).
fn reindex(mut words: Words<'_>) -> Settle {
    if !is_concurrent(&mut words) {
        return Settle::Again;
    }
    let kind = words.next_upper();
    words.accept("CONCURRENTLY");
    let name = words.name();
    let (target, parameters) = match (kind.as_str(), name) {
        ("INDEX", Some(name)) => (
            "x.indrelid = (SELECT i.indrelid FROM pg_catalog.pg_index AS i WHERE i.indexrelid = pg_catalog.to_regclass(?))",
            vec![name.into()],
        ),
        ("TABLE", Some(name)) => (
            "x.indrelid IN (SELECT pg_catalog.unnest(ARRAY[r.oid, r.reltoastrelid]) FROM pg_catalog.pg_class AS r \
             WHERE r.oid = pg_catalog.to_regclass(?))",
            vec![name.into()],
        ),
        ("SCHEMA", Some(name)) => ("n.nspname = (pg_catalog.parse_ident(?))[1]::name", vec![name.into()]),
        ("DATABASE" | "SYSTEM", _) => ("true", Vec::new()),
        _ => return Settle::Ask,
    };
    look(
        format!(
            "SELECT CASE WHEN {BUILDER} IS NULL THEN 'clear' ELSE 'busy' END, COALESCE({BUILDER}, {DROP}) \
             FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS c ON c.oid = x.indexrelid \
             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE NOT x.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' AND {target} ORDER BY c.oid"
        ),
        parameters,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(statement: &str) -> Option<Vec<String>> {
        match settle(statement) {
            Settle::Look { parameters, .. } => Some(parameters.iter().map(ToString::to_string).collect()),
            _ => None,
        }
    }

    #[test]
    fn what_is_looked_for_is_named_as_it_is_written() {
        let table: [(&str, &[&str]); 12] = [
            ("CREATE INDEX CONCURRENTLY i ON t (a)", &["t", "i"]),
            (
                "create unique index concurrently if not exists \"I\" on only app . \"T\" using btree (a)",
                &["app.\"T\"", "\"I\""],
            ),
            ("CREATE INDEX CONCURRENTLY ON t (a)", &["t"]),
            ("CREATE INDEX CONCURRENTLY /* i */ IF NOT EXISTS i ON app.t (a)", &["app.t", "i"]),
            ("DROP INDEX CONCURRENTLY IF EXISTS app.i CASCADE", &["app.i"]),
            ("DROP DATABASE IF EXISTS \"D\" WITH (FORCE)", &["\"D\""]),
            ("CREATE DATABASE d OWNER x", &["d"]),
            ("ALTER TYPE app.\"Mood\" ADD VALUE IF NOT EXISTS 'it''s' BEFORE 'x'", &["app.\"Mood\""]),
            ("ALTER TABLE IF EXISTS app.p DETACH PARTITION app.p1 CONCURRENTLY", &["app.p", "app.p1"]),
            ("REINDEX (VERBOSE, CONCURRENTLY) TABLE app.t", &["app.t"]),
            ("REINDEX INDEX CONCURRENTLY i", &["i"]),
            ("REINDEX DATABASE CONCURRENTLY d", &[]),
        ];
        for (statement, expected) in table {
            assert_eq!(
                parameters(statement).as_deref(),
                Some(&expected.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()[..]),
                "{statement}"
            );
        }
    }

    #[test]
    fn if_not_exists_is_asked_about_before_it_is_believed() {
        let before = |statement: &str| matches!(settle(statement), Settle::Look { before: true, .. });
        assert!(before("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)"));
        assert!(!before("CREATE INDEX CONCURRENTLY i ON t (a)"));
    }

    #[test]
    fn what_may_be_repeated_is_and_what_nothing_tells_is_asked() {
        for again in [
            "VACUUM t",
            "ANALYZE",
            "REINDEX TABLE t",
            "ALTER SYSTEM SET a = 1",
            "ALTER SUBSCRIPTION s DISABLE",
        ] {
            assert_eq!(settle(again), Settle::Again, "{again}");
        }
        for ask in
            ["CALL p()", "ALTER SUBSCRIPTION s RENAME TO t", "INSERT INTO t VALUES (1)", "DROP TABLE t"]
        {
            assert_eq!(settle(ask), Settle::Ask, "{ask}");
        }
    }
}
