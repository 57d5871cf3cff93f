//! How statements stand to transactions, by the pages of CockroachDB, and how what is doubtful is looked for.

use super::*;

#[test]
fn a_schema_change_is_a_statement_of_its_own() {
    use Manner::{Alone, Apart, Begin, Commit, MayCommit, Plain, Session};
    let table = [
        ("BEGIN", Begin),
        ("COMMIT", Commit),
        ("SAVEPOINT a", Plain),
        ("RELEASE SAVEPOINT a", Plain),
        ("INSERT INTO t VALUES (1)", Plain),
        ("UPSERT INTO t VALUES (1)", Plain),
        ("SET search_path = app", Plain),
        ("SET CLUSTER SETTING a = 1", Alone),
        ("CREATE TABLE t (a int)", Apart),
        ("CREATE TABLE IF NOT EXISTS t (a int AS (b + 1) STORED, b int)", Apart),
        ("CREATE TABLE t AS SELECT 1", Alone),
        ("CREATE TABLE t (a) AS SELECT 1", Alone),
        ("CREATE VIEW v AS SELECT 1", Apart),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", Apart),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", Alone),
        ("CREATE SEQUENCE s", Apart),
        ("CREATE TYPE mood AS ENUM ('sad')", Apart),
        ("CREATE SCHEMA s", Apart),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE SQL AS 'SELECT 1'", Apart),
        ("COMMENT ON TABLE t IS 'x'", Apart),
        ("GRANT SELECT ON t TO ana", Apart),
        ("CREATE INDEX i ON t (a)", Alone),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", Alone),
        ("CREATE DATABASE d", Alone),
        ("CREATE STATISTICS s FROM t", Alone),
        ("ALTER TABLE t ADD COLUMN b int", Alone),
        ("ALTER TYPE mood ADD VALUE 'ok'", Alone),
        ("DROP TABLE t", Alone),
        ("TRUNCATE t", Alone),
        ("REFRESH MATERIALIZED VIEW v", Alone),
        ("CALL p()", MayCommit),
        ("DISCARD ALL", Session),
    ];
    for (statement, manner) in table {
        assert_eq!(Cockroach.manner(statement), manner, "{statement}");
    }
    for refused in ["SAVEPOINT cockroach_restart", "RELEASE SAVEPOINT cockroach_restart", "COMMIT AND CHAIN"]
    {
        assert!(matches!(Cockroach.manner(refused), Manner::Refused(_)), "{refused}");
    }
}

#[test]
fn what_the_cluster_keeps_is_no_trace_of_a_session() {
    assert_eq!(Cockroach.session_trace("SET CLUSTER SETTING a = 1"), SessionTrace::None);
    assert_eq!(Cockroach.session_trace("SET search_path = app"), SessionTrace::Setting);
    assert_eq!(Cockroach.session_trace("CREATE TEMP TABLE t (a int)"), SessionTrace::Temporary);
}

/// The parameters of what is looked for: the name in the jobs first; and which answers the catalogue may give.
fn looked_for(statement: &str) -> (Vec<String>, &'static str) {
    match Cockroach.settle(statement) {
        Settle::Look { query, parameters, .. } => {
            let answers = if query.contains("THEN 'done'") {
                "done or again"
            } else if query.contains("SELECT 'again'") {
                "again"
            } else {
                "ask"
            };
            (parameters.iter().map(ToString::to_string).collect(), answers)
        }
        other => panic!("{statement}: {other:?}"),
    }
}

#[test]
fn a_doubtful_schema_change_is_looked_for_by_its_job_and_in_the_catalogue() {
    let table: [(&str, &[&str], &str); 27] = [
        ("CREATE TABLE app.\"T\" (a int)", &["T", "app.\"T\""], "done or again"),
        ("CREATE TABLE IF NOT EXISTS T (a int)", &["t"], "again"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", &["v", "v"], "done or again"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", &["v"], "again"),
        ("CREATE TYPE mood AS ENUM ('a')", &["mood", "mood"], "done or again"),
        ("CREATE UNIQUE INDEX i ON app.t (a)", &["t", "app.t", "i"], "done or again"),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", &["t"], "again"),
        ("CREATE INVERTED INDEX i ON t (a)", &["t", "t", "i"], "done or again"),
        ("CREATE INDEX ON t (a)", &["t"], "ask"),
        ("DROP INDEX t@i", &["t", "t", "i"], "done or again"),
        ("DROP INDEX IF EXISTS i CASCADE", &["i"], "again"),
        ("DROP INDEX app.i", &["i"], "ask"),
        ("DROP TABLE t", &["t", "t"], "done or again"),
        ("DROP TABLE t, u", &["t"], "ask"),
        ("DROP SCHEMA app", &["app", "app"], "done or again"),
        ("ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 1", &["t", "t", "c"], "done or again"),
        ("ALTER TABLE t ADD c DECIMAL(10, 2)", &["t", "t", "c"], "done or again"),
        ("ALTER TABLE t ADD COLUMN c int, ADD COLUMN d int", &["t"], "ask"),
        ("ALTER TABLE t ADD CONSTRAINT k CHECK (a IN (1, 2))", &["t", "t", "k"], "done or again"),
        ("ALTER TABLE t ADD UNIQUE (a)", &["t"], "ask"),
        ("ALTER TABLE IF EXISTS t DROP COLUMN c", &["t", "t", "c"], "done or again"),
        ("ALTER TABLE t RENAME COLUMN a TO b", &["t", "t", "b"], "done or again"),
        ("ALTER TABLE t RENAME TO u", &["t", "t"], "done or again"),
        ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", &["t"], "again"),
        ("ALTER TABLE t ALTER PRIMARY KEY USING COLUMNS (a)", &["t"], "ask"),
        ("ALTER TYPE app.mood ADD VALUE 'it''s'", &["mood", "app.mood", "it's"], "done or again"),
        ("TRUNCATE TABLE t", &["t"], "ask"),
    ];
    for (statement, parameters, answers) in table {
        let (found, told) = looked_for(statement);
        assert_eq!(
            (found.iter().map(String::as_str).collect::<Vec<_>>(), told),
            (parameters.to_vec(), answers),
            "{statement}"
        );
    }
    for again in ["COMMENT ON TABLE t IS 'x'", "GRANT SELECT ON t TO ana", "SET CLUSTER SETTING a = 1"] {
        assert_eq!(Cockroach.settle(again), Settle::Again, "{again}");
    }
    assert_eq!(Cockroach.settle("CALL p()"), Settle::Ask);
}

/// Rows as `SHOW JOBS` gives them, read as they are by the queries above.
#[test]
fn jobs_say_whether_a_schema_change_goes_on() {
    use crate::dialect::Settled;
    use crate::value::Row;
    let read = |rows: &[(&str, &str)]| {
        Settled::read(&rows.iter().map(|(a, b)| Row(vec![(*a).into(), (*b).into()])).collect::<Vec<_>>())
    };
    assert_eq!(read(&[("busy", "job 7"), ("again", "")]), Settled::Busy("job 7".into()));
    assert_eq!(
        read(&[("ask", "job 7 of it is paused"), ("again", "")]),
        Settled::Ask("job 7 of it is paused".into())
    );
    assert_eq!(read(&[("done", "")]), Settled::Done);
    let (query, parameters) = Cockroach.background("CREATE INDEX i ON app.t (a)").unwrap();
    assert!(query.contains("[SHOW JOBS]") && query.matches('?').count() == parameters.len());
    assert!(Cockroach.background("CREATE TABLE t (a int)").is_none(), "no job does that");
}

#[test]
fn our_tables_are_made_one_by_one() {
    let records = Cockroach.records(&Tables::default());
    assert_eq!(records.create.len(), 3);
    assert!(records.create.iter().all(|sql| sql.starts_with("CREATE TABLE IF NOT EXISTS \"public\".")));
    assert!(records.fill.is_some_and(|fill| fill.starts_with("INSERT INTO")));
    assert!(records.made.is_some() && records.strip.is_some());
    assert!(!records.probe.contains("MATERIALIZED") && !records.probe.contains("pg_rewrite"));
}
