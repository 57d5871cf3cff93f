//! What PostgreSQL 15.18 answered inside a transaction, and what its sessions keep.

use super::*;

/// What the server refused with 25001, by trial; and what it took.
#[test]
fn statements_stand_to_transactions_as_the_server_answered() {
    use Manner::{Alone, Begin, Commit, Ends, MayCommit, Plain, Rollback, Session};
    let table = [
        ("BEGIN", Begin),
        ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", Begin),
        ("COMMIT", Commit),
        ("end work", Commit),
        ("ROLLBACK", Rollback),
        ("ABORT", Rollback),
        ("ROLLBACK TO SAVEPOINT a", Plain),
        ("ROLLBACK WORK TO a", Plain),
        ("SAVEPOINT a", Plain),
        ("COMMIT PREPARED 'a'", Alone),
        ("ROLLBACK PREPARED 'a'", Alone),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", Alone),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", Alone),
        ("create index /* now */ concurrently ON t (a)", Alone),
        ("/*+ hint */ CREATE INDEX CONCURRENTLY ON t (a)", Alone),
        ("CREATE INDEX i ON t (a)", Plain),
        ("CREATE INDEX \"concurrently\" ON t (a)", Plain),
        ("DROP INDEX CONCURRENTLY ta", Alone),
        ("DROP INDEX ta", Plain),
        ("REINDEX INDEX CONCURRENTLY ta", Alone),
        ("REINDEX TABLE CONCURRENTLY t", Alone),
        ("REINDEX (VERBOSE, CONCURRENTLY) TABLE t", Alone),
        ("REINDEX (CONCURRENTLY TRUE) TABLE t", Alone),
        ("REINDEX (CONCURRENTLY FALSE) TABLE t", Plain),
        ("REINDEX (CONCURRENTLY 0) TABLE t", Plain),
        ("REINDEX INDEX ta", Plain),
        ("REINDEX TABLE t", Plain),
        ("REINDEX SCHEMA public", Alone),
        ("REINDEX SCHEMA CONCURRENTLY public", Alone),
        ("REINDEX DATABASE trial", Alone),
        ("REINDEX SYSTEM trial", Alone),
        ("VACUUM", Alone),
        ("VACUUM(ANALYZE) t", Alone),
        ("ANALYZE t", Plain),
        ("CLUSTER", Alone),
        ("CLUSTER VERBOSE", Alone),
        ("CLUSTER (VERBOSE)", Alone),
        ("CLUSTER t USING ta", Plain),
        ("CLUSTER (VERBOSE) t", Plain),
        ("CREATE DATABASE x", Alone),
        ("DROP DATABASE IF EXISTS x", Alone),
        ("ALTER DATABASE trial SET TABLESPACE pg_default", Alone),
        ("ALTER DATABASE trial SET default_tablespace = ''", Plain),
        ("ALTER DATABASE trial REFRESH COLLATION VERSION", Plain),
        ("CREATE TABLESPACE ts LOCATION '/nowhere'", Alone),
        ("DROP TABLESPACE ts", Alone),
        ("ALTER TABLESPACE pg_default SET (seq_page_cost = 1)", Plain),
        ("ALTER SYSTEM SET work_mem = '4MB'", Alone),
        ("CREATE SUBSCRIPTION s CONNECTION 'dbname=x' PUBLICATION pub", Alone),
        ("ALTER SUBSCRIPTION s REFRESH PUBLICATION", Alone),
        ("DROP SUBSCRIPTION s", Alone),
        ("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY", Alone),
        ("ALTER TABLE p DETACH PARTITION p1", Plain),
        ("ALTER TABLE p DETACH PARTITION p1 FINALIZE", Plain),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY mv", Plain),
        ("ALTER TYPE mood ADD VALUE 'sad'", Ends),
        ("ALTER TYPE app.\"Mood\" ADD VALUE IF NOT EXISTS 'sad' BEFORE 'x'", Ends),
        ("ALTER TYPE mood RENAME VALUE 'ok' TO 'good'", Plain),
        ("ALTER TYPE pair ADD ATTRIBUTE c int", Plain),
        ("DISCARD ALL", Session),
        ("DISCARD PLANS", Plain),
        ("PREPARE s AS SELECT 1", Plain),
        ("SET ROLE x", Plain),
        ("CHECKPOINT", Plain),
        ("LOCK TABLE t", Plain),
        ("DO $$ BEGIN COMMIT; END $$", MayCommit),
        ("DO $$ BEGIN PERFORM 1; END $$", Plain),
        ("CALL p()", MayCommit),
    ];
    for (statement, manner) in table {
        assert_eq!(Postgres.manner(statement), manner, "{statement}");
    }
    for refused in ["PREPARE TRANSACTION 'a'", "COMMIT AND CHAIN"] {
        assert!(matches!(Postgres.manner(refused), Manner::Refused(_)), "{refused}");
    }
}

#[test]
fn roles_and_modes_are_seen() {
    for statement in [
        "SET ROLE app",
        "set local role app",
        "SET SESSION ROLE app",
        "RESET ROLE",
        "SET SESSION AUTHORIZATION app",
        "SET LOCAL SESSION AUTHORIZATION app",
        "RESET SESSION AUTHORIZATION",
    ] {
        assert!(Postgres.changes_role(statement), "{statement}");
    }
    for statement in ["SET search_path = role", "SELECT 1", "ALTER ROLE app SET x = 1", "RESET ALL"] {
        assert!(!Postgres.changes_role(statement), "{statement}");
    }
    let modes = |statement| Postgres.transaction_modes(statement);
    assert_eq!(modes("BEGIN"), None);
    assert_eq!(modes("START TRANSACTION READ WRITE"), None);
    assert_eq!(
        modes("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY, NOT DEFERRABLE").as_deref(),
        Some("ISOLATION LEVEL REPEATABLE READ NOT DEFERRABLE")
    );
}

#[test]
fn sessions_keep_settings_and_temporary_objects() {
    use SessionTrace::{None, Setting, Temporary};
    let table = [
        ("SET search_path = app", Setting),
        ("SET SESSION search_path TO app", Setting),
        ("SET ROLE app", Setting),
        ("SET SESSION AUTHORIZATION app", Setting),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Setting),
        ("SET LOCAL search_path = app", None),
        ("SET TRANSACTION READ ONLY", None),
        ("SET CONSTRAINTS ALL DEFERRED", None),
        ("RESET ALL", Setting),
        ("SELECT pg_catalog.set_config('search_path', '', false)", Setting),
        ("SELECT set_config('search_path', concat('a', 'b'), FALSE)", Setting),
        ("SELECT set_config('search_path', '', true)", None),
        ("SELECT count(*) FROM t", None),
        ("LISTEN x", Setting),
        ("LOAD 'x'", Setting),
        ("DISCARD ALL", Setting),
        ("PREPARE s AS SELECT 1", Setting),
        ("DEALLOCATE s", Setting),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", Setting),
        ("DECLARE c CURSOR FOR SELECT 1", None),
        ("CREATE TEMP TABLE t (a int)", Temporary),
        ("CREATE LOCAL TEMPORARY TABLE t (a int)", Temporary),
        ("CREATE OR REPLACE TEMP VIEW v AS SELECT 1", Temporary),
        ("CREATE TEMPORARY SEQUENCE s", Temporary),
        ("CREATE TABLE pg_temp.t (a int)", Temporary),
        ("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", Temporary),
        ("CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 1", None),
        ("CREATE TABLE t (LIKE pg_temp.x)", None),
        ("CREATE TABLE temp (a int)", None),
        ("SELECT * INTO TEMP t FROM x", Temporary),
        ("WITH a AS (SELECT 1) SELECT * INTO LOCAL TEMPORARY TABLE t FROM a", Temporary),
        ("SELECT 1 INTO t", None),
    ];
    for (statement, trace) in table {
        assert_eq!(Postgres.session_trace(statement), trace, "{statement}");
    }
}
