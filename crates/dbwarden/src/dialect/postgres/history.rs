//! Our tables in PostgreSQL. Always named with their schema, since a file may empty the search path; catalogues and functions
//! likewise, since it may name `pg_catalog` last.

use crate::dialect::{Dialect, Fence, Records, foreign_tables};
use crate::project::Tables;

/// Other tools' tables. Compared as they are, so that the catalogue's index is used.
pub(super) fn foreign(tables: &Tables) -> String {
    foreign_tables(tables).iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ")
}

/// What our tables hold: migrations, lock, journal.
pub(super) const COLUMNS: [&str; 3] = [
    "sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version text NOT NULL UNIQUE, \
     description text NOT NULL, kind text NOT NULL, checksum text NOT NULL, applied_at text NOT NULL, \
     duration_ms bigint NOT NULL, applied_by text NOT NULL, tool_version text NOT NULL, run_id text NOT NULL, \
     statements bigint NOT NULL, file_hash text, down_script text, note text",
    "name text PRIMARY KEY, token bigint NOT NULL, beat bigint NOT NULL, owner text, since text, doing text",
    "version text NOT NULL, direction text NOT NULL, first bigint NOT NULL, count bigint NOT NULL, \
     hash text NOT NULL, state text NOT NULL, started_at text NOT NULL, finished_at text, error text, \
     run_id text NOT NULL, summary text NOT NULL, PRIMARY KEY (version, first)",
];

pub(super) fn records(dialect: &dyn Dialect, tables: &Tables) -> Records {
    let schema = tables.home().unwrap_or(PUBLIC);
    let name = |table: &str| format!("{}.{}", dialect.quote(schema), dialect.quote(table));
    let (migrations, lock, journal) = (name(&tables.migrations), name(&tables.lock), name(&tables.journal));
    Records {
        home: format!("{}.", dialect.quote(schema)),
        rights: format!("GRANT USAGE, CREATE ON SCHEMA {} TO \"{{role}}\"", dialect.quote(schema)),
        makes_schema: makes_schema(dialect, tables)
            .pop()
            .map(|make| format!("{make} AUTHORIZATION \"{{role}}\"")),
        probe: probe(schema, tables) + &elsewhere(tables),
        create: vec![
            create(dialect, schema, tables, [&migrations, &lock, &journal]),
            format!(
                "INSERT INTO {lock} (name, token, beat) VALUES ('holder', 0, 0), ('heartbeat', 0, 0) \
                 ON CONFLICT (name) DO NOTHING"
            ),
        ],
        others: Some(format!(
            "SELECT n.nspname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE c.relname = {} AND c.relkind IN ('r', 'p') AND n.nspname <> {} AND (SELECT pg_catalog.count(*) \
             FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname IN ('token', 'beat', 'owner') \
             AND NOT a.attisdropped) = 3 ORDER BY 1",
            literal(&tables.lock),
            literal(schema)
        )),
        history: format!(
            "SELECT version, description, kind, checksum, file_hash, applied_at, duration_ms, applied_by, tool_version, \
             run_id, statements, (down_script IS NOT NULL)::int, note FROM {migrations} ORDER BY sequence"
        ),
        insert: format!(
            "INSERT INTO {migrations} (version, description, kind, checksum, file_hash, applied_at, duration_ms, \
             applied_by, tool_version, run_id, statements, down_script, note) VALUES (?, ?, ?, ?, ?, ?, \
             coalesce(?, (extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.transaction_timestamp()) * 1000)::bigint), \
             ?, ?, ?, ?, ?, ?)"
        ),
        // 22012 where the token is another's; 40001 under REPEATABLE READ where it became so in this transaction's time.
        // FOR UPDATE makes a takeover wait for the end of the transaction; the heartbeat's row is another.
        fence: Some(Fence {
            sql: format!(
                "SELECT 1 / (SELECT pg_catalog.count(*) FROM (SELECT 1 FROM {lock} WHERE name = 'holder' AND token = ? \
                 FOR UPDATE) AS held)"
            ),
            code: "22012",
            unless_told_to_stop: None,
            write: None,
        }),
        ..Records::standard(&migrations, &lock, &journal)
    }
}

/// One pass over the catalogue, which asks for no table that may be missing.
///
/// A table of ours is `stranger-owned` unless its owner is the current user or a role it is a member of. A superuser is a
/// member of all (<https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS>), so for one the owner must be a
/// superuser or the database's owner: what a stranger's table runs when it is written (triggers, rules, checks, expressions
/// of its indexes) runs with the writer's rights. Rules are told like triggers.
fn probe(schema: &str, tables: &Tables) -> String {
    let schema = literal(schema);
    let ours = [&tables.migrations, &tables.lock, &tables.journal].map(|name| literal(name)).join(", ");
    let foreign = foreign(tables);
    format!(
        "WITH o AS MATERIALIZED (SELECT c.oid, c.relname, c.relkind, c.relowner, c.relname IN ({ours}) AS ours \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.relname IN ({ours}, {foreign}) AND (n.nspname = {schema} OR (c.relname NOT IN ({ours}) \
         AND n.nspname = ANY (pg_catalog.current_schemas(false))))) \
         SELECT CASE WHEN o.relkind IN ('r', 'p') THEN 'table' WHEN o.relkind IN ('v', 'm') THEN 'view' ELSE 'other' END, \
         o.relname, o.relname, CASE WHEN o.relkind IN ('r', 'p') THEN (SELECT pg_catalog.string_agg(a.attname::text, ',' \
         ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = o.oid AND a.attnum > 0 \
         AND NOT a.attisdropped) END FROM o \
         UNION ALL SELECT 'trigger', t.tgname, o.relname, NULL FROM o JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = o.oid \
         WHERE o.ours AND NOT t.tgisinternal \
         UNION ALL SELECT 'trigger', r.rulename, o.relname, NULL FROM o JOIN pg_catalog.pg_rewrite AS r ON r.ev_class = o.oid \
         WHERE o.ours AND o.relkind IN ('r', 'p') \
         UNION ALL SELECT 'stranger-owned', o.relname, o.relname, w.rolname FROM o \
         JOIN pg_catalog.pg_roles AS w ON w.oid = o.relowner \
         JOIN pg_catalog.pg_roles AS u ON u.rolname = CURRENT_USER \
         WHERE o.ours AND w.oid <> u.oid AND NOT (pg_catalog.pg_has_role(w.oid, 'USAGE') AND (NOT u.rolsuper OR w.rolsuper \
         OR w.oid = (SELECT d.datdba FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())))"
    )
}

/// The schema that is there by itself.
const PUBLIC: &str = "public";

/// The schemas that are made where they are missing: that of the sessions, and that of our tables.
fn schemas(tables: &Tables) -> impl Iterator<Item = &str> {
    let other = tables.schema.as_deref().filter(|schema| tables.session_schema.as_deref() != Some(schema));
    tables.session_schema.as_deref().into_iter().chain(other).filter(|schema| *schema != PUBLIC)
}

pub(super) fn makes_schema(dialect: &dyn Dialect, tables: &Tables) -> Vec<String> {
    schemas(tables).map(|schema| format!("CREATE SCHEMA {}", dialect.quote(schema))).collect()
}

/// The part of the probe that looks where earlier builds had our tables although `schema` was set, and where they are another
/// project's if the settings say so themselves.
pub(super) fn elsewhere(tables: &Tables) -> String {
    if tables.schema.is_some() || tables.session_schema.as_deref().is_none_or(|schema| schema == PUBLIC) {
        return String::new();
    }
    format!(
        " UNION ALL SELECT 'elsewhere', c.relname::text, '{PUBLIC}', (SELECT pg_catalog.string_agg(a.attname::text, ',' ORDER BY a.attnum) \
         FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE n.nspname = '{PUBLIC}' AND c.relkind IN ('r', 'p') AND c.relname = {}",
        literal(&tables.migrations)
    )
}

/// Makes the schema and the tables that are missing, and takes from everybody else what default privileges gave at their making.
///
/// Not bare `CREATE TABLE IF NOT EXISTS`, which wants the right to create in the schema, and says a notice, also where the table is
/// there; and what was granted later on purpose stays granted. Two sessions at once: the second waits for the first and then gets
/// 23505 or 42P07, which it is told as a lock that is held, to try again.
fn create(
    dialect: &dyn Dialect,
    schema: &str,
    tables: &Tables,
    [migrations, lock, journal]: [&str; 3],
) -> String {
    // CREATE SCHEMA wants the right to make one also where it is there.
    let homes = schemas(tables).zip(makes_schema(dialect, tables)).map(|(schema, make)| {
        format!(
            "  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {}) THEN\n    {make};\n  END IF;\n",
            literal(schema)
        )
    });
    let homes: String = homes.collect();
    let make = |table: &str, name: &str, columns: &str| {
        format!(
            "  IF NOT EXISTS (SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE n.nspname = {schema} AND c.relname = {table}) THEN\n    \
             CREATE TABLE {name} ({columns});\n    \
             FOR grantee IN SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::text END \
             FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) AS a \
             WHERE n.nspname = {schema} AND c.relname = {table} AND a.grantee <> c.relowner LOOP\n      \
             EXECUTE pg_catalog.concat('REVOKE ALL ON TABLE ', {name_text}, ' FROM ', grantee);\n    \
             END LOOP;\n  END IF;\n",
            schema = literal(schema),
            table = literal(table),
            name_text = literal(name),
        )
    };
    let body = [
        make(&tables.migrations, migrations, COLUMNS[0]),
        make(&tables.lock, lock, COLUMNS[1]),
        make(&tables.journal, journal, COLUMNS[2]),
    ]
    .concat();
    // A literal rather than dollar quotes, which a name could close.
    format!(
        "DO {}",
        literal(&format!(
            "DECLARE grantee text;\nBEGIN\n{homes}{body}\
         EXCEPTION WHEN unique_violation OR duplicate_table OR duplicate_schema THEN\n  \
         RAISE lock_not_available USING MESSAGE = 'another session makes the tables';\nEND"
        ))
    )
}

/// A text as a literal, whatever `standard_conforming_strings` says
/// (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS-ESCAPE>).
pub(super) fn literal(text: &str) -> String {
    let escaped = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", escaped.replace('\\', "\\\\")) } else { format!("'{escaped}'") }
}
