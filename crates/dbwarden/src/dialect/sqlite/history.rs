//! Our tables in SQLite. Always named with their schema, so that a temporary table cannot stand in for one.

use super::Sqlite;
use crate::dialect::{Dialect, Records};
use crate::project::Tables;

pub(super) fn records(dialect: &Sqlite, tables: &Tables) -> Records {
    let schema = dialect.quote(tables.schema.as_deref().unwrap_or("main"));
    let name = |table: &str| format!("{schema}.{}", dialect.quote(table));
    let (migrations, lock, journal) = (name(&tables.migrations), name(&tables.lock), name(&tables.journal));
    let text = |name: &str| format!("'{}'", name.to_ascii_lowercase().replace('\'', "''"));
    let ours = [text(&tables.migrations), text(&tables.lock), text(&tables.journal)].join(", ");
    Records {
        lock_name: lock.clone(),
        rights: String::new(),
        probe: format!(
            "SELECT type, name, tbl_name, \
             CASE WHEN type = 'table' THEN (SELECT group_concat(name, ',') FROM pragma_table_info(o.name)) END \
             FROM {schema}.sqlite_schema AS o WHERE tbl_name COLLATE NOCASE IN ({ours}, 'strata_migrations', \
             '_migrations', 'alembic_version', '_dbwarden_migrations', 'flyway_schema_history', \
             '_sqlx_migrations', '__diesel_schema_migrations', 'refinery_schema_history', 'schema_migrations', \
             'goose_db_version', 'django_migrations', 'databasechangelog', '_prisma_migrations') \
             AND type <> 'index'"
        ),
        made: None,
        strip: None,
        fill: None,
        create: vec![
            format!(
                "CREATE TABLE IF NOT EXISTS {migrations} (\n  sequence INTEGER PRIMARY KEY,\n  version TEXT NOT NULL UNIQUE,\n  \
                 description TEXT NOT NULL,\n  kind TEXT NOT NULL,\n  checksum TEXT NOT NULL,\n  applied_at TEXT NOT NULL,\n  \
                 duration_ms INTEGER NOT NULL,\n  applied_by TEXT NOT NULL,\n  tool_version TEXT NOT NULL,\n  \
                 run_id TEXT NOT NULL,\n  statements INTEGER NOT NULL,\n  file_hash TEXT,\n  down_script TEXT,\n  note TEXT\n)"
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {lock} (\n  name TEXT NOT NULL PRIMARY KEY,\n  token INTEGER NOT NULL,\n  \
                 beat INTEGER NOT NULL,\n  owner TEXT,\n  since TEXT,\n  doing TEXT\n)"
            ),
            format!(
                "INSERT OR IGNORE INTO {lock} (name, token, beat) VALUES ('holder', 0, 0), ('heartbeat', 0, 0)"
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {journal} (\n  version TEXT NOT NULL,\n  direction TEXT NOT NULL,\n  \
                 first INTEGER NOT NULL,\n  count INTEGER NOT NULL,\n  hash TEXT NOT NULL,\n  state TEXT NOT NULL,\n  \
                 started_at TEXT NOT NULL,\n  finished_at TEXT,\n  error TEXT,\n  run_id TEXT NOT NULL,\n  \
                 summary TEXT NOT NULL,\n  PRIMARY KEY (version, first)\n)"
            ),
        ],
        history: format!(
            "SELECT version, description, kind, checksum, file_hash, applied_at, duration_ms, applied_by, tool_version, \
             run_id, statements, down_script IS NOT NULL, note FROM {migrations} ORDER BY sequence"
        ),
        glance: format!(
            "SELECT version, kind, checksum, file_hash, note FROM {migrations} ORDER BY sequence"
        ),
        down_script: format!("SELECT down_script FROM {migrations} WHERE version = ?"),
        insert: format!(
            "INSERT INTO {migrations} (version, description, kind, checksum, file_hash, applied_at, duration_ms, \
             applied_by, tool_version, run_id, statements, down_script, note) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ),
        delete: format!("DELETE FROM {migrations} WHERE version = ?"),
        accept: format!("UPDATE {migrations} SET checksum = ?, file_hash = ?, note = ? WHERE version = ?"),
        rename: format!("UPDATE {migrations} SET version = ? WHERE version = ?"),
        lock: format!(
            "SELECT h.token, h.owner, h.since, b.beat, b.doing FROM {lock} AS h, {lock} AS b \
             WHERE h.name = 'holder' AND b.name = 'heartbeat'"
        ),
        take: format!(
            "UPDATE {lock} SET token = ?, owner = ?, since = ? WHERE name = 'holder' AND token = ?"
        ),
        reset_beat: format!("UPDATE {lock} SET token = ?, beat = 0, doing = ? WHERE name = 'heartbeat'"),
        // One writer at a time: renewing is fencing.
        fence: None,
        renew: format!("UPDATE {lock} SET beat = beat + 1, doing = ? WHERE name = 'heartbeat' AND token = ?"),
        beat: format!(
            "UPDATE {lock} SET beat = beat + 1, doing = coalesce(?, doing) WHERE name = 'heartbeat' AND token = ?"
        ),
        release: format!("UPDATE {lock} SET owner = NULL, since = NULL WHERE name = 'holder' AND token = ?"),
        journal: format!(
            "SELECT version, direction, first, count, hash, state, started_at, finished_at, error, run_id, summary \
             FROM {journal} ORDER BY version, first"
        ),
        begin_unit: format!(
            "INSERT INTO {journal} (version, direction, first, count, hash, state, started_at, run_id, summary) \
             VALUES (?, ?, ?, ?, ?, 'begun', ?, ?, ?) ON CONFLICT (version, first) DO UPDATE SET \
             direction = excluded.direction, count = excluded.count, hash = excluded.hash, state = 'begun', \
             started_at = excluded.started_at, finished_at = NULL, error = NULL, run_id = excluded.run_id, \
             summary = excluded.summary"
        ),
        see_unit: None,
        finish_unit: format!(
            "UPDATE {journal} SET state = 'done', finished_at = ?, error = NULL WHERE version = ? AND first = ?"
        ),
        fail_unit: format!(
            "UPDATE {journal} SET state = 'failed', error = ?, finished_at = ? WHERE version = ? AND first = ?"
        ),
        clear_journal: format!("DELETE FROM {journal} WHERE version = ?"),
        restoring: None,
    }
}
