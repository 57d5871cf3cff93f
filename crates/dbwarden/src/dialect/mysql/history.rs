//! Our tables in MySQL and MariaDB. Always named with their database, since a file may choose another with USE.
//!
//! Texts compare byte by byte, so that ids that differ in case or accents alone are two, whatever the server's collation is.

use super::quote;
use crate::dialect::{Fence, Records, Restoring, aside_table, foreign_tables, restoring_table};
use crate::project::Tables;

const OPTIONS: &str = "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

/// Behind each SELECT of ours that a file may stand before: it may have set `sql_select_limit`, which holds where there is no LIMIT
/// (<https://dev.mysql.com/doc/refman/8.4/en/server-system-variables.html#sysvar_sql_select_limit>).
const ALL: &str = "LIMIT 18446744073709551615";

/// A name in the form of a literal, or what stands for the database of the session.
fn database(tables: &Tables) -> String {
    tables.schema.as_deref().map_or_else(|| "DATABASE()".to_owned(), literal)
}

pub(super) fn records(tables: &Tables) -> Records {
    let name = |table: &str| match &tables.schema {
        Some(schema) => format!("{}.{}", quote(schema), quote(table)),
        None => quote(table),
    };
    let (migrations, lock, journal) = (name(&tables.migrations), name(&tables.lock), name(&tables.journal));
    let rights =
        tables.schema.as_deref().map_or_else(|| "*".to_owned(), |schema| format!("{}.*", quote(schema)));
    let stale = format!(
        "COALESCE((SELECT COUNT(*) = 0 FROM (SELECT 1 FROM {lock} WHERE name = 'holder' AND token = ? FOR UPDATE) AS held), 1)"
    );
    let home = tables.schema.as_deref().map_or_else(String::new, |schema| format!("{}.", quote(schema)));
    Records {
        home,
        take_over: format!(
            "INSERT IGNORE INTO {lock} (name, token, beat, since, doing, owner) VALUES ('adopted', 0, 0, ?, ?, ?)"
        ),
        rights: format!("GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON {rights} TO '{{role}}'@'%'"),
        probe: probe(tables),
        made: Some(made(tables)),
        create: create([&migrations, &lock, &journal]),
        fill: Some(fill(&lock)),
        history: format!(
            "SELECT version, description, kind, checksum, file_hash, applied_at, duration_ms, applied_by, tool_version, \
             run_id, statements, down_script IS NOT NULL, note FROM {migrations} ORDER BY sequence {ALL}"
        ),
        glance: format!(
            "SELECT version, kind, checksum, file_hash, note FROM {migrations} ORDER BY sequence {ALL}"
        ),
        down_script: format!("SELECT down_script FROM {migrations} WHERE version = ? LIMIT 1"),
        insert: format!(
            "INSERT INTO {migrations} (version, description, kind, checksum, file_hash, applied_at, duration_ms, \
             applied_by, tool_version, run_id, statements, down_script, note) VALUES (?, ?, ?, ?, ?, ?, \
             COALESCE(?, TIMESTAMPDIFF(MICROSECOND, @dbwarden_since, SYSDATE(6)) DIV 1000, 0), ?, ?, ?, ?, ?, ?)"
        ),
        lock: format!(
            "SELECT h.token, h.owner, h.since, b.beat, b.doing FROM {lock} AS h, {lock} AS b \
             WHERE h.name = 'holder' AND b.name = 'heartbeat' LIMIT 1"
        ),
        // 1690, whatever sql_mode is, where the token is another's: a number that is one too large. FOR UPDATE reads what is committed
        // and not what the transaction began with, and makes a takeover wait; the heartbeat's row is another.
        fence: Some(Fence {
            sql: format!("SELECT 18446744073709551615 + ({stale}) LIMIT 1"),
            // What KILL QUERY hits may say that it is done and found nothing: UPDATE, DELETE, what a CALL runs, a subquery of the
            // catalogue (each some 20 of 4,000 on MariaDB 10.11).
            unless_told_to_stop: Some(format!(
                "SELECT 18446744073709551615 + ({stale}), EXP(1000 * (COALESCE(IS_FREE_LOCK({}), 0) = 0)) LIMIT 1",
                stop_sign("CONNECTION_ID()")
            )),
            code: "1690",
            // A row that was locked and not written is not compared with what other nodes wrote: a commit behind a takeover on
            // another node would go through (https://galeracluster.com/library/documentation/certification-based-replication.html).
            write: Some(format!("UPDATE {lock} SET beat = beat + 1 WHERE name = 'holder' AND token = ?")),
        }),
        journal: format!(
            "SELECT version, direction, `first`, `count`, hash, state, started_at, finished_at, error, run_id, summary, \
             evidence FROM {journal} ORDER BY version, `first` {ALL}"
        ),
        restoring: Some(restoring(&name(&restoring_table(tables)))),
        unit: format!(
            "INSERT INTO {journal} (version, direction, `first`, `count`, hash, state, started_at, finished_at, error, run_id, \
             summary, evidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, {{evidence}}) ON DUPLICATE KEY UPDATE \
             direction = VALUES(direction), `count` = VALUES(`count`), hash = VALUES(hash), state = VALUES(state), \
             started_at = VALUES(started_at), finished_at = VALUES(finished_at), error = VALUES(error), \
             run_id = VALUES(run_id), summary = VALUES(summary), \
             evidence = IF(VALUES(state) = 'begun', VALUES(evidence), evidence)"
        ),
        evidence: true,
        ..Records::standard(&migrations, &lock, &journal)
    }
}

/// Returns the expression of the named lock that whoever tells the session `id` to stop holds from before that on.
pub(crate) fn stop_sign(id: &str) -> String {
    format!("CONVERT(CONCAT('dbwarden_stop_', {id}) USING utf8mb4)")
}

/// There is one row, whose key is always the same.
fn restoring(table: &str) -> Restoring {
    Restoring {
        create: format!(
            "CREATE TABLE IF NOT EXISTS {table} (one TINYINT NOT NULL PRIMARY KEY, file TEXT NOT NULL, \
             since VARCHAR(40) NOT NULL) {OPTIONS}"
        ),
        mark: format!("REPLACE INTO {table} (one, file, since) VALUES (1, ?, ?)"),
        read: format!("SELECT file, since FROM {table}"),
        clear: format!("DROP TABLE IF EXISTS {table}"),
    }
}

/// Three passes over the catalogue, which ask for no table that may be missing. A trigger that an account may not see runs with its
/// maker's rights, not with ours (<https://dev.mysql.com/doc/refman/8.4/en/stored-objects-security.html>). Tables have no owner.
fn probe(tables: &Tables) -> String {
    let (database, ours, marker) = (database(tables), ours(tables), literal(&restoring_table(tables)));
    let aside = [&tables.migrations, &tables.lock].map(|table| aside_table(table));
    let foreign = foreign_tables(tables).into_iter().filter(|name| !aside.contains(name));
    let foreign = foreign.map(|name| literal(&name)).collect::<Vec<_>>().join(", ");
    let aside = aside.map(|name| literal(&name)).join(", ");
    format!(
        "SELECT 'table', table_name, table_name, GROUP_CONCAT(column_name) FROM information_schema.columns \
         WHERE table_schema = {database} AND table_name IN ({ours}, {marker}, {aside}) GROUP BY table_name \
         UNION ALL SELECT 'table', table_name, table_name, GROUP_CONCAT(column_name) FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND table_name IN ({foreign}) GROUP BY table_name \
         UNION ALL SELECT 'trigger', trigger_name, event_object_table, NULL FROM information_schema.triggers \
         WHERE event_object_schema = {database} AND event_object_table IN ({ours})"
    )
}

/// Has a row where all three are there.
fn made(tables: &Tables) -> String {
    let (database, ours) = (database(tables), ours(tables));
    format!(
        "SELECT 1 FROM (SELECT COUNT(*) AS tables FROM information_schema.tables WHERE table_schema = {database} \
         AND table_name IN ({ours})) AS made WHERE tables = 3"
    )
}

fn ours(tables: &Tables) -> String {
    [&tables.migrations, &tables.lock, &tables.journal].map(|name| literal(name)).join(", ")
}

/// Each statement commits by itself; several sessions at once wait for each other. No `CREATE TABLE … SELECT`, by which the lock's rows
/// would come with their table: on Galera that takes no turn among the nodes, and where two of them make it at once one finds it there,
/// and then not.
fn create([migrations, lock, journal]: [&str; 3]) -> Vec<String> {
    vec![
        format!(
            "CREATE TABLE IF NOT EXISTS {migrations} (sequence BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, \
             version VARCHAR(255) NOT NULL UNIQUE, description TEXT NOT NULL, kind VARCHAR(40) NOT NULL, \
             checksum VARCHAR(255) NOT NULL, file_hash VARCHAR(255), applied_at VARCHAR(40) NOT NULL, \
             duration_ms BIGINT NOT NULL, applied_by TEXT NOT NULL, tool_version VARCHAR(255) NOT NULL, \
             run_id VARCHAR(255) NOT NULL, statements BIGINT NOT NULL, down_script LONGTEXT, note TEXT) {OPTIONS}"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {journal} (version VARCHAR(255) NOT NULL, direction VARCHAR(10) NOT NULL, \
             `first` BIGINT NOT NULL, `count` BIGINT NOT NULL, hash VARCHAR(255) NOT NULL, state VARCHAR(10) NOT NULL, \
             started_at VARCHAR(40) NOT NULL, finished_at VARCHAR(40), error LONGTEXT, run_id VARCHAR(255) NOT NULL, \
             summary TEXT NOT NULL, evidence TEXT, PRIMARY KEY (version, `first`)) {OPTIONS}"
        ),
        format!(
            "CREATE TABLE IF NOT EXISTS {lock} (name VARCHAR(40) NOT NULL PRIMARY KEY, token BIGINT NOT NULL, \
             beat BIGINT NOT NULL, owner TEXT, since VARCHAR(40), doing TEXT) {OPTIONS}"
        ),
        fill(lock),
    ]
}

/// The token begins with a number that no earlier one has reached: the rows may have been deleted under a holder.
fn fill(lock: &str) -> String {
    format!(
        "INSERT IGNORE INTO {lock} (name, token, beat) VALUES ('holder', UNIX_TIMESTAMP(), 0), ('heartbeat', 0, 0)"
    )
}

/// A name as a literal, whatever `sql_mode` says of backslashes.
fn literal(text: &str) -> String {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\') {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let digits: String = text.bytes().map(|byte| format!("{byte:02X}")).collect();
    format!("_utf8mb4 X'{digits}'")
}
