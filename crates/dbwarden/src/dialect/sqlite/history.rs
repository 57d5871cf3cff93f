//! Our tables in SQLite. Always named with their schema, so that a temporary table cannot stand in for one.

use super::Sqlite;
use crate::dialect::{Dialect, Records, foreign_tables};
use crate::project::Tables;

pub(super) fn records(dialect: &Sqlite, tables: &Tables) -> Records {
    let schema = dialect.quote(tables.schema.as_deref().unwrap_or("main"));
    let name = |table: &str| format!("{schema}.{}", dialect.quote(table));
    let (migrations, lock, journal) = (name(&tables.migrations), name(&tables.lock), name(&tables.journal));
    let text = |name: &str| format!("'{}'", name.to_ascii_lowercase().replace('\'', "''"));
    let ours = [&tables.migrations, &tables.lock, &tables.journal].map(String::as_str);
    let foreign = foreign_tables(tables);
    let looked_for = ours.into_iter().chain(foreign.iter().map(String::as_str));
    let looked_for = looked_for.map(text).collect::<Vec<_>>().join(", ");
    Records {
        home: format!("{schema}."),
        elsewhere: format!("{schema}."),
        probe: format!(
            "SELECT type, name, tbl_name, \
             CASE WHEN type = 'table' THEN (SELECT group_concat(name, ',') FROM pragma_table_info(o.name)) END \
             FROM {schema}.sqlite_schema AS o WHERE tbl_name COLLATE NOCASE IN ({looked_for}) \
             AND type <> 'index'"
        ),
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
        // One writer at a time: renewing is fencing, and there is no other fence.
        ..Records::standard(&migrations, &lock, &journal)
    }
}
