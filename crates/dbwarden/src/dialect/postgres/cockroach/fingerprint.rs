//! What CockroachDB is asked for a fingerprint, and how a database is made beside another. Its own text of a table, a view or a sequence
//! (`SHOW CREATE`, <https://www.cockroachlabs.com/docs/stable/show-create>) says all, families and localities too; columns,
//! constraints and indexes are told by name from `pg_catalog` beside it. Written after its pages: none of it has met a real server yet,
//! but the scripted one of the tests alone, which answers from PostgreSQL's catalogue.
//!
//! Left out: what is the cluster's (settings, roles, zone configurations), regions of the database, jobs, schedules and changefeeds, and
//! the hidden column `rowid`, whose numbers are a clock's
//! (<https://www.cockroachlabs.com/docs/stable/functions-and-operators#id-generation-functions>).

use crate::dialect::{Catalog, Entry, Fingerprinting, Scratching};
use crate::value::Row;

pub(super) static FINGERPRINT: Fingerprinting = Fingerprinting {
    home: "public",
    folds: false,
    begin: BEGIN,
    end: "ROLLBACK",
    catalogs: &[
        Catalog::of(SCHEMAS),
        Catalog::asking(RELATIONS, shown),
        Catalog::of(COLUMNS),
        Catalog::of(CONSTRAINTS),
        Catalog::of(INDEXES),
        Catalog::of(ROUTINES),
        Catalog::of(TYPES),
        Catalog::asking(POSITIONS, position),
        Catalog::of(PRIVILEGES),
        Catalog::of(COMMENTS),
    ],
    columns: VALUES,
};

/// <https://www.cockroachlabs.com/docs/stable/session-variables>
const BEGIN: &[&str] = &[
    "BEGIN READ ONLY",
    "SET LOCAL search_path = ''",
    "SET LOCAL timezone = 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL intervalstyle = 'postgres'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
];

/// The schemas of people, `n`.
macro_rules! theirs {
    () => {
        "n.nspname NOT IN ('pg_catalog', 'information_schema', 'crdb_internal', 'pg_extension') AND n.nspname NOT LIKE 'pg\\_%'"
    };
}

const SCHEMAS: &str = concat!(
    "SELECT 'schema', NULL, NULL, n.nspname::text, '' FROM pg_catalog.pg_namespace AS n WHERE n.nspname <> 'public' AND ",
    theirs!()
);

const RELATIONS: &str = concat!(
    "SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END, \
     n.nspname::text, c.relname::text, NULL, 'SELECT create_statement FROM [SHOW CREATE ' || CASE c.relkind WHEN 'v' THEN 'VIEW ' \
     WHEN 'm' THEN 'VIEW ' WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || pg_catalog.quote_ident(n.nspname) || '.' \
     || pg_catalog.quote_ident(c.relname) || ']' FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n \
     ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND ",
    theirs!()
);

fn shown(entry: &Entry, rows: &[Row]) -> Vec<Entry> {
    let mut entry = entry.clone();
    entry.definition = rows.iter().map(|row| row.text(0)).collect::<Vec<_>>().join("\n");
    vec![entry]
}

const COLUMNS: &str = concat!(
    "SELECT 'column', n.nspname::text, c.relname::text, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod) \
     || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') \
     FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
     WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm') AND ",
    theirs!()
);

const CONSTRAINTS: &str = concat!(
    "SELECT 'constraint', n.nspname::text, c.relname::text, k.conname::text, pg_catalog.pg_get_constraintdef(k.oid) \
     || CASE WHEN k.convalidated THEN '' ELSE ' (not validated)' END FROM pg_catalog.pg_constraint AS k \
     JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE ",
    theirs!()
);

const INDEXES: &str = concat!(
    "SELECT 'index', n.nspname::text, c.relname::text, i.relname::text, pg_catalog.pg_get_indexdef(i.oid) \
     FROM pg_catalog.pg_index AS x JOIN pg_catalog.pg_class AS i ON i.oid = x.indexrelid \
     JOIN pg_catalog.pg_class AS c ON c.oid = x.indrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE ",
    theirs!()
);

const ROUTINES: &str = concat!(
    "SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END, n.nspname::text, NULL, p.proname::text, \
     pg_catalog.pg_get_functiondef(p.oid), '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')' \
     FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE p.prokind IN ('f', 'p') AND ",
    theirs!()
);

const TYPES: &str = concat!(
    "SELECT 'type', n.nspname::text, NULL, t.typname::text, 'enum ' || pg_catalog.string_agg(pg_catalog.quote_literal(l.enumlabel), ', ' \
     ORDER BY l.enumsortorder) FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace \
     JOIN pg_catalog.pg_enum AS l ON l.enumtypid = t.oid WHERE ",
    theirs!(),
    " GROUP BY n.nspname, t.typname"
);

/// Where each sequence stands, which is in the sequence itself.
const POSITIONS: &str = concat!(
    "SELECT 'position of sequence', n.nspname::text, c.relname::text, NULL, 'SELECT last_value, is_called FROM ' \
     || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_class AS c \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND ",
    theirs!()
);

fn position(entry: &Entry, rows: &[Row]) -> Vec<Entry> {
    let mut entry = entry.clone();
    let Some(row) = rows.first() else { return Vec::new() };
    let next = if row.get(1).is_true() { "behind" } else { "at" };
    entry.definition = format!("{next} {}", row.get(0));
    vec![entry]
}

/// Those of others than who looks, and than those who may do everything.
const PRIVILEGES: &str = "SELECT 'privileges', g.table_schema::text, g.table_name::text, NULL, pg_catalog.string_agg(g.privilege_type::text \
     || CASE g.is_grantable WHEN 'YES' THEN ' with grant option' ELSE '' END, ', ' ORDER BY g.privilege_type::text), \
     ' of ' || pg_catalog.quote_ident(g.grantee) FROM information_schema.table_privileges AS g \
     WHERE g.grantee NOT IN ('admin', 'root', current_user) \
     AND g.table_schema NOT IN ('pg_catalog', 'information_schema', 'crdb_internal', 'pg_extension') \
     GROUP BY g.table_schema, g.table_name, g.grantee";

const COMMENTS: &str = concat!(
    "SELECT 'comment on', n.nspname::text, c.relname::text, a.attname::text, d.description FROM pg_catalog.pg_description AS d \
     JOIN pg_catalog.pg_class AS c ON c.oid = d.objoid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0 WHERE ",
    theirs!()
);

const VALUES: &str = concat!(
    "SELECT n.nspname::text, c.relname::text, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || ' AS x', \
     a.attname::text, 'x.' || pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_class AS c \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace LEFT JOIN (SELECT b.attrelid, b.attnum, b.attname \
     FROM pg_catalog.pg_attribute AS b LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = b.attrelid AND d.adnum = b.attnum \
     WHERE b.attnum > 0 AND NOT b.attisdropped AND NOT (b.attname LIKE 'rowid%' \
     AND coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') = 'unique_rowid()')) AS a ON a.attrelid = c.oid \
     WHERE c.relkind IN ('r', 'p') AND ",
    theirs!(),
    " ORDER BY n.nspname, c.relname, a.attnum"
);

pub(super) static SCRATCH: Scratching = Scratching {
    // There is one encoding, and no collation of a database
    // (https://www.cockroachlabs.com/docs/stable/create-database).
    like: "SELECT ''",
    alike: None,
    // https://www.cockroachlabs.com/docs/stable/drop-database
    drop: &["DROP DATABASE IF EXISTS {name} CASCADE"],
    taken: "42P04",
    right: "CREATEDB",
    grant: "SELECT 'ALTER ROLE ' || pg_catalog.quote_ident(current_user) || ' CREATEDB'",
};
