use super::*;

#[test]
fn statements_stand_to_transactions_as_duckdb_says() {
    let table = [
        ("CREATE TABLE t (a INT)", Manner::Plain),
        ("BEGIN", Manner::Begin),
        ("begin transaction", Manner::Begin),
        ("START TRANSACTION", Manner::Begin),
        ("COMMIT", Manner::Commit),
        ("END", Manner::Commit),
        ("ROLLBACK", Manner::Rollback),
        ("ABORT", Manner::Rollback),
        ("CHECKPOINT", Manner::Alone),
        ("FORCE /* all */ CHECKPOINT shop", Manner::Alone),
        ("PRAGMA force_checkpoint", Manner::Alone),
        ("CALL checkpoint()", Manner::Alone),
        ("CALL pragma_version()", Manner::Plain),
        ("PRAGMA table_info('t')", Manner::Plain),
        // These take part in a transaction, or are nothing to it.
        ("VACUUM", Manner::Plain),
        ("ATTACH 'x.db' AS x", Manner::Plain),
        ("USE x", Manner::Plain),
        ("EXPORT DATABASE 'x'", Manner::Plain),
        ("SET threads = 1", Manner::Plain),
    ];
    for (statement, manner) in table {
        assert_eq!(Duckdb.manner(statement), manner, "{statement}");
    }
}

#[test]
fn what_stays_in_a_session_is_known() {
    let table = [
        ("SET VARIABLE a = 3", SessionTrace::Setting),
        ("USE app", SessionTrace::Setting),
        ("ATTACH 'x.db' AS x", SessionTrace::Setting),
        ("LOAD json", SessionTrace::Setting),
        ("PRAGMA enable_progress_bar", SessionTrace::Setting),
        ("PREPARE p AS SELECT 1", SessionTrace::Setting),
        ("CREATE SECRET s (TYPE s3)", SessionTrace::Setting),
        ("CREATE OR REPLACE TEMPORARY SECRET s (TYPE s3)", SessionTrace::Setting),
        ("CREATE PERSISTENT SECRET s (TYPE s3)", SessionTrace::None),
        ("CREATE TEMP TABLE t (a INT)", SessionTrace::Temporary),
        ("CREATE OR REPLACE TEMP VIEW v AS SELECT 1", SessionTrace::Temporary),
        ("CREATE TABLE temp.t (a INT)", SessionTrace::Temporary),
        ("CREATE TABLE \"temp\".main.t (a INT)", SessionTrace::Temporary),
        ("CREATE TABLE t (a INT)", SessionTrace::None),
        ("INSERT INTO t VALUES (1)", SessionTrace::None),
    ];
    for (statement, trace) in table {
        assert_eq!(Duckdb.session_trace(statement), trace, "{statement}");
    }
}

#[test]
fn what_must_be_committed_before_an_index_is_known() {
    use TableState::{Same, Unsettled, WantsSettled};
    let table = [
        ("UPDATE t SET a = 1", Unsettled),
        ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET a = 1", Unsettled),
        ("WITH n AS (SELECT 1) UPDATE t SET a = 1", Unsettled),
        ("INSERT OR REPLACE INTO t VALUES (1)", Unsettled),
        ("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 3", Unsettled),
        ("DROP INDEX i", Unsettled),
        ("ALTER TABLE t ADD COLUMN a TIMESTAMP DEFAULT now()", Unsettled),
        ("ALTER TABLE t ADD COLUMN a DATE DEFAULT current_date", Unsettled),
        ("ALTER TABLE t ADD COLUMN a DECIMAL(3, 2) DEFAULT 1.5", Same),
        ("INSERT INTO t VALUES ('DO UPDATE')", Same),
        ("INSERT INTO t VALUES (1)", Same),
        ("DELETE FROM t", Same),
        ("CREATE TABLE t (a INT NOT NULL)", Same),
        ("CREATE INDEX i ON t (a)", WantsSettled),
        ("CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a)", WantsSettled),
        ("ALTER TABLE t ALTER a SET NOT NULL", WantsSettled),
        ("ALTER TABLE t ADD PRIMARY KEY (a)", WantsSettled),
        ("ALTER TABLE t ALTER COLUMN a TYPE BIGINT", WantsSettled),
        ("ALTER TABLE t RENAME TO u", Same),
        ("ALTER TABLE t ADD COLUMN b INT", Same),
    ];
    for (statement, state) in table {
        assert_eq!(Duckdb.table_state(statement), state, "{statement}");
    }
}

#[test]
fn a_script_for_others_names_no_database() {
    let records = Duckdb.records(&Tables::default());
    let text = Duckdb.standalone(&records.clear_journal);
    assert_eq!(text, "DELETE FROM \"main\".\"dbwarden_journal\" WHERE version = ?");
}
