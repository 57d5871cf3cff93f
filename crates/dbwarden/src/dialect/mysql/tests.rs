use super::*;

#[test]
fn what_may_commit_by_itself_is_journalled_by_itself() {
    let table = [
        ("SELECT 1", Manner::Plain),
        ("(SELECT 1) UNION (SELECT 2)", Manner::Plain),
        ("insert into t values (1)", Manner::Plain),
        ("WITH a AS (SELECT 1) SELECT * FROM a", Manner::Plain),
        ("LOAD DATA INFILE 'x' INTO TABLE t", Manner::Plain),
        ("LOAD INDEX INTO CACHE t", Manner::Alone),
        ("CREATE TABLE t (a INT)", Manner::Alone),
        ("CREATE OR REPLACE TABLE t (a INT)", Manner::Alone),
        ("CREATE TEMPORARY TABLE t (a INT)", Manner::Plain),
        ("/*!40101 CREATE TEMPORARY TABLE t (a INT) */", Manner::Plain),
        ("DROP TEMPORARY TABLE t", Manner::Plain),
        (
            "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH ROW SET @a = 1 */",
            Manner::Alone,
        ),
        ("CALL p()", Manner::Alone),
        ("EXECUTE s", Manner::Alone),
        ("PREPARE s FROM 'SELECT 1'", Manner::Either),
        ("DROP PREPARE s", Manner::Either),
        ("BEGIN", Manner::Begin),
        ("BEGIN NOT ATOMIC SELECT 1; END", Manner::Alone),
        ("START TRANSACTION READ ONLY", Manner::Begin),
        ("START SLAVE", Manner::Alone),
        ("COMMIT", Manner::Commit),
        ("ROLLBACK TO SAVEPOINT a", Manner::Plain),
        ("ROLLBACK", Manner::Rollback),
        ("USE other", Manner::Either),
        ("SET @a = 1", Manner::Either),
        ("SET FOREIGN_KEY_CHECKS = 0", Manner::Either),
        ("/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */", Manner::Either),
        ("SET PASSWORD = 'x'", Manner::Alone),
        ("SET GLOBAL max_connections = 5", Manner::Alone),
        ("SET @@global.max_connections = 5", Manner::Alone),
        ("SET @a = @@global.max_connections", Manner::Either),
        ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", Manner::Session),
        ("SET SESSION sql_log_bin = 0", Manner::Session),
        ("SET STATEMENT max_statement_time = 1 FOR SELECT 1", Manner::Plain),
        ("SET STATEMENT max_statement_time = 1 FOR ALTER TABLE t ADD a INT", Manner::Alone),
        ("GRANT SELECT ON a.* TO b", Manner::Alone),
        ("WHATEVER COMES", Manner::Alone),
    ];
    for (statement, expected) in table {
        assert_eq!(Mysql.manner(statement), expected, "{statement}");
    }
    for refused in [
        "XA START 'a'",
        "LOCK TABLES t WRITE",
        "UNLOCK TABLES",
        "FLUSH TABLES WITH READ LOCK",
        "SET autocommit = 0",
        "SET @@session.autocommit := 1",
        "SET completion_type = 'CHAIN'",
        "SET @@session.completion_type := 2",
        "SET SESSION completion_type = RELEASE",
        "COMMIT AND CHAIN",
    ] {
        assert!(matches!(Mysql.manner(refused), Manner::Refused(_)), "{refused}");
    }
}

#[test]
fn what_a_later_session_would_lack_is_known() {
    let table = [
        ("SET FOREIGN_KEY_CHECKS = 0", SessionTrace::Setting),
        ("SET @a = 1, @b = CONCAT('x', @a)", SessionTrace::Setting),
        ("SET @a = (SELECT COUNT(*) FROM information_schema.columns)", SessionTrace::Setting),
        ("SET @a = (SELECT MAX(id) FROM t)", SessionTrace::Temporary),
        ("SET @a = LAST_INSERT_ID()", SessionTrace::Temporary),
        ("SET @a = NOW()", SessionTrace::Temporary),
        ("SET @a = SYSDATE(6)", SessionTrace::Temporary),
        ("SET @a = CURRENT_TIMESTAMP", SessionTrace::Temporary),
        ("SET @a = CURRENT_DATE()", SessionTrace::Temporary),
        ("SET @a = CURDATE()", SessionTrace::Temporary),
        ("SET @a = CURTIME()", SessionTrace::Temporary),
        ("SET @a = LOCALTIME", SessionTrace::Temporary),
        ("SET @a = LOCALTIMESTAMP(6)", SessionTrace::Temporary),
        ("SET @a = UTC_TIMESTAMP", SessionTrace::Temporary),
        ("SET @a = UNIX_TIMESTAMP()", SessionTrace::Temporary),
        ("SET @a = DATE_FORMAT(NOW(), '%Y')", SessionTrace::Temporary),
        ("SET @a = RAND()", SessionTrace::Temporary),
        ("SET @a = RANDOM_BYTES(8)", SessionTrace::Temporary),
        ("SET @a = REPLACE(UUID(), '-', '')", SessionTrace::Temporary),
        ("SET @a = UUID_SHORT()", SessionTrace::Temporary),
        ("SET @a = CONNECTION_ID()", SessionTrace::Temporary),
        ("SET @a = @@last_insert_id", SessionTrace::Temporary),
        ("SET @a = @@session.timestamp + 1", SessionTrace::Temporary),
        ("SET @a = NEXT VALUE FOR s", SessionTrace::Temporary),
        ("SET @a = ours(1)", SessionTrace::Temporary),
        ("SET @a = app.concat(1)", SessionTrace::Temporary),
        ("SET @a = `ours`(1)", SessionTrace::Temporary),
        ("SET timestamp = 1", SessionTrace::Setting),
        ("SET @@session.timestamp = 1", SessionTrace::Setting),
        ("SET @a := 1", SessionTrace::Setting),
        ("SET @current_date = 1, @b = @current_date", SessionTrace::Setting),
        (
            "SET @a = IF((1 IN (1, 2)), CONCAT('ALTER', UPPER('x')), CAST(1 AS CHAR(3)))",
            SessionTrace::Setting,
        ),
        ("SET sql_mode = sys.list_drop(@@sql_mode, 'STRICT_TRANS_TABLES')", SessionTrace::Setting),
        ("/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */", SessionTrace::Setting),
        ("SET GLOBAL a = 1", SessionTrace::None),
        ("SET STATEMENT max_statement_time = 1 FOR SELECT 1", SessionTrace::None),
        ("SET STATEMENT max_statement_time = 1 FOR SELECT 1 INTO @a", SessionTrace::Temporary),
        ("CALL p(@a)", SessionTrace::Temporary),
        ("CALL p(1, 'a@b.c', @@version)", SessionTrace::None),
        ("CALL p()", SessionTrace::None),
        ("EXECUTE s USING @a", SessionTrace::Temporary),
        ("EXECUTE IMMEDIATE 'SELECT 1 INTO @a'", SessionTrace::Temporary),
        ("EXECUTE s", SessionTrace::None),
        ("GET DIAGNOSTICS @n = ROW_COUNT", SessionTrace::Temporary),
        ("BEGIN NOT ATOMIC SET @a = 1; END", SessionTrace::Temporary),
        ("INSERT INTO t SELECT @n := @n + 1", SessionTrace::Temporary),
        ("UPDATE t SET a = (@n := @n + 1)", SessionTrace::Temporary),
        ("DO @n := 1", SessionTrace::Temporary),
        ("INSERT INTO t VALUES ('a@b.c := d')", SessionTrace::None),
        ("INSERT INTO t VALUES (@a)", SessionTrace::None),
        ("CREATE TABLE t SELECT @n := 1", SessionTrace::Temporary),
        ("CREATE DEFINER = `a`@`b` PROCEDURE p() SELECT 1 INTO @a", SessionTrace::None),
        ("SELECT MAX(id) INTO @a FROM t", SessionTrace::Temporary),
        ("SELECT @a := 1", SessionTrace::Temporary),
        ("SELECT 1", SessionTrace::None),
        ("USE other", SessionTrace::Setting),
        ("PREPARE s FROM 'SELECT 1'", SessionTrace::Setting),
        ("CREATE TEMPORARY TABLE t (a INT)", SessionTrace::Temporary),
        ("CREATE TABLE t (a INT)", SessionTrace::None),
    ];
    for (statement, expected) in table {
        assert_eq!(Mysql.session_trace(statement), expected, "{statement}");
    }
}

#[test]
fn what_says_how_things_should_be_is_done_again() {
    for statement in [
        "CREATE OR REPLACE TABLE t (a INT)",
        "create or replace sequence s",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE OR REPLACE DEFINER = `a`@`b` PROCEDURE p() SELECT 1",
        "CREATE OR REPLACE UNIQUE INDEX i ON t (a)",
        "CREATE OR REPLACE USER a",
        "/*M!100103 CREATE OR REPLACE TABLE t (a INT) */",
    ] {
        assert_eq!(Mysql.settle(statement), Settle::Again, "{statement}");
    }
    for statement in ["CREATE TABLE t (a INT)", "CREATE SEQUENCE s", "CREATE INDEX i ON t (a)"] {
        assert!(matches!(Mysql.settle(statement), Settle::Compare(_)), "{statement}");
    }
}

#[test]
fn behind_the_settings_of_one_statement_stands_what_is_settled() {
    let within =
        |statement: &str| Mysql.settle(&format!("SET STATEMENT max_statement_time = 1 FOR {statement}"));
    for statement in ["CALL p()", "CREATE TABLE t (a INT)", "ANALYZE TABLE t", "DROP TABLE a, b"] {
        assert_eq!(within(statement), Mysql.settle(statement), "{statement}");
    }
    assert_eq!(within("CALL p()"), Settle::Ask);
    assert_eq!(Mysql.settle("/*!40000 SET STATEMENT a = 1 FOR CALL p() */"), Settle::Ask);
    assert_eq!(Mysql.settle("SET GLOBAL a = 1"), Settle::Again);
}
