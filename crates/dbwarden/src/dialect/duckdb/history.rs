//! Our tables in DuckDB. Always named with their schema and their database: see [`HOME_NAME`].

use super::{Duckdb, HOME_NAME, HOME_TEXT};
use crate::dialect::{Dialect, Fence, Records, foreign_tables};
use crate::project::Tables;

pub(super) fn records(dialect: &Duckdb, tables: &Tables) -> Records {
    let schema = tables.schema.as_deref().unwrap_or("main");
    let name = |table: &str| format!("{HOME_NAME}.{}.{}", dialect.quote(schema), dialect.quote(table));
    let (migrations, lock, journal) = (name(&tables.migrations), name(&tables.lock), name(&tables.journal));
    let home = format!("{HOME_NAME}.{}.", dialect.quote(schema));
    Records {
        elsewhere: home.clone(),
        home,
        probe: probe(schema, tables),
        others: Some(format!(
            "SELECT schema_name FROM duckdb_columns() WHERE lower(database_name) = lower({HOME_TEXT}) AND table_name = {} \
             AND lower(schema_name) <> lower({}) AND column_name IN ('token', 'beat', 'owner') GROUP BY 1 HAVING count(*) = 3 ORDER BY 1",
            literal(&tables.lock),
            literal(schema)
        )),
        create: vec![
            format!(
                "CREATE TABLE IF NOT EXISTS {migrations} (sequence BIGINT PRIMARY KEY, version TEXT NOT NULL UNIQUE, \
                 description TEXT NOT NULL, kind TEXT NOT NULL, checksum TEXT NOT NULL, applied_at TEXT NOT NULL, \
                 duration_ms BIGINT NOT NULL, applied_by TEXT NOT NULL, tool_version TEXT NOT NULL, \
                 run_id TEXT NOT NULL, statements BIGINT NOT NULL, file_hash TEXT, down_script TEXT, note TEXT)"
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {lock} (name TEXT PRIMARY KEY, token BIGINT NOT NULL, beat BIGINT NOT NULL, \
                 owner TEXT, since TEXT, doing TEXT)"
            ),
            format!(
                "INSERT INTO {lock} (name, token, beat) VALUES ('holder', 0, 0), ('heartbeat', 0, 0) \
                 ON CONFLICT (name) DO NOTHING"
            ),
            format!(
                "CREATE TABLE IF NOT EXISTS {journal} (version TEXT NOT NULL, direction TEXT NOT NULL, \
                 first BIGINT NOT NULL, count BIGINT NOT NULL, hash TEXT NOT NULL, state TEXT NOT NULL, \
                 started_at TEXT NOT NULL, finished_at TEXT, error TEXT, run_id TEXT NOT NULL, summary TEXT NOT NULL, \
                 PRIMARY KEY (version, first))"
            ),
        ],
        // Written under the lock: the next number is nobody else's.
        insert: format!(
            "INSERT INTO {migrations} (sequence, version, description, kind, checksum, file_hash, applied_at, duration_ms, \
             applied_by, tool_version, run_id, statements, down_script, note) \
             VALUES (coalesce((SELECT max(sequence) FROM {migrations}), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ),
        take: format!(
            "UPDATE {lock} SET token = ?, owner = ?, since = ?, beat = beat + 1 WHERE name = 'holder' AND token = ?"
        ),
        // A plain read would let a stale holder commit: its snapshot still has its token. What conflicts are two changes of one
        // column of one row, so fence and takeover both count up the holder's own `beat`. Neither a change to the same value,
        // nor one of another column, nor UPDATE … RETURNING, which deletes and inserts, is seen by the other one.
        fence: Some(Fence {
            sql: format!("UPDATE {lock} SET beat = beat + 1 WHERE name = 'holder' AND token = ?"),
            code: "conflict",
            unless_told_to_stop: None,
            write: None,
        }),
        release: format!(
            "UPDATE {lock} SET owner = NULL, since = NULL, beat = beat + 1 WHERE name = 'holder' AND token = ?"
        ),
        ..Records::standard(&migrations, &lock, &journal)
    }
}

/// One look at the catalogue, which asks for no table that may be missing. There are no triggers and no roles.
fn probe(schema: &str, tables: &Tables) -> String {
    let ours = [&tables.migrations, &tables.lock, &tables.journal].map(|name| literal(name)).join(", ");
    let foreign = foreign_tables(tables).iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ");
    let here =
        format!("lower(database_name) = lower({HOME_TEXT}) AND lower(schema_name) = {}", literal(schema));
    format!(
        "SELECT 'table', t.table_name, t.table_name, string_agg(c.column_name, ',' ORDER BY c.column_index) \
         FROM duckdb_tables() AS t JOIN duckdb_columns() AS c ON c.table_oid = t.table_oid \
         AND c.database_oid = t.database_oid WHERE {tables_here} AND lower(t.table_name) IN ({ours}, {foreign}) \
         GROUP BY t.table_oid, t.table_name \
         UNION ALL SELECT 'view', view_name, view_name, NULL FROM duckdb_views() WHERE {here} AND lower(view_name) IN ({ours})",
        tables_here = here
            .replace("lower(database_name)", "lower(t.database_name)")
            .replace("lower(schema_name)", "lower(t.schema_name)"),
    )
}

fn literal(text: &str) -> String {
    format!("'{}'", text.to_lowercase().replace('\'', "''"))
}
