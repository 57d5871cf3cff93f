//! Our tables in CockroachDB: PostgreSQL's, but for how they are looked for and made. A `DO` block is known to late versions
//! alone (<https://www.cockroachlabs.com/docs/stable/do>), and a schema change is best a statement of its own.

use super::Cockroach;
use crate::dialect::postgres::history::{
    COLUMNS, elsewhere, foreign, literal, makes_schema, records as of_postgres,
};
use crate::dialect::{Dialect, Records};
use crate::project::Tables;

pub(super) fn records(dialect: &Cockroach, tables: &Tables) -> Records {
    let schema = tables.home().unwrap_or("public");
    let ours = [&tables.migrations, &tables.lock, &tables.journal];
    let name = |table: &str| format!("{}.{}", dialect.quote(schema), dialect.quote(table));
    let mut records = of_postgres(dialect, tables);
    records.fill = records.create.pop();
    records.probe = probe(schema, tables) + &elsewhere(tables);
    let made = ours.iter().zip(COLUMNS);
    let made = made.map(|(table, columns)| format!("CREATE TABLE IF NOT EXISTS {} ({columns})", name(table)));
    let schemas = makes_schema(dialect, tables).into_iter();
    let schemas = schemas.map(|make| make.replacen("CREATE SCHEMA", "CREATE SCHEMA IF NOT EXISTS", 1));
    records.create = schemas.chain(made).collect();
    let named = ours.map(|table| literal(table)).join(", ");
    records.made = Some(format!(
        "SELECT 1 FROM (SELECT count(*) AS tables FROM information_schema.tables WHERE table_schema = {} \
         AND table_name IN ({named})) AS made WHERE tables = 3",
        literal(schema)
    ));
    // Nobody who may do everything, and not ourselves; what is granted later on purpose stays.
    records.strip = Some(format!(
        "SELECT DISTINCT 'REVOKE ALL ON TABLE ' || pg_catalog.quote_ident(table_schema) || '.' || pg_catalog.quote_ident(table_name) \
         || ' FROM ' || pg_catalog.quote_ident(grantee) FROM information_schema.table_privileges WHERE table_schema = {} \
         AND table_name IN ({named}) AND grantee NOT IN ('admin', 'root', current_user)",
        literal(schema)
    ));
    records
}

/// One pass over the catalogue, which asks for no table that may be missing.
///
/// An owner is trusted as on PostgreSQL. Who is a member of `admin` may act for everybody, and so trusts only those that may
/// too, and the database's owner (<https://www.cockroachlabs.com/docs/stable/security-reference/authorization#admin-role>).
/// There are no rules.
fn probe(schema: &str, tables: &Tables) -> String {
    let schema = literal(schema);
    let ours = [&tables.migrations, &tables.lock, &tables.journal].map(|name| literal(name)).join(", ");
    let foreign = foreign(tables);
    format!(
        "WITH o AS (SELECT c.oid, c.relname, c.relkind, c.relowner, c.relname IN ({ours}) AS ours \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relname IN ({ours}, {foreign}) AND (n.nspname = {schema} \
         OR (c.relname NOT IN ({ours}) AND n.nspname = ANY (pg_catalog.current_schemas(false))))) \
         SELECT CASE WHEN o.relkind IN ('r', 'p') THEN 'table' ELSE 'view' END, \
         o.relname::text, o.relname::text, CASE WHEN o.relkind IN ('r', 'p') THEN (SELECT pg_catalog.string_agg(a.attname::text, ',' \
         ORDER BY a.attnum) FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = o.oid AND a.attnum > 0 \
         AND NOT a.attisdropped) END FROM o \
         UNION ALL SELECT 'trigger', t.tgname::text, o.relname::text, NULL FROM o JOIN pg_catalog.pg_trigger AS t \
         ON t.tgrelid = o.oid WHERE o.ours \
         UNION ALL SELECT 'stranger-owned', o.relname::text, o.relname::text, w.rolname::text FROM o \
         JOIN pg_catalog.pg_roles AS w ON w.oid = o.relowner \
         WHERE o.ours AND w.rolname NOT IN (current_user, 'admin', 'root', 'node') \
         AND NOT (pg_catalog.pg_has_role(w.oid, 'USAGE') AND (NOT pg_catalog.pg_has_role('admin', 'USAGE') \
         OR pg_catalog.pg_has_role(w.rolname, 'admin', 'USAGE') \
         OR w.oid = (SELECT d.datdba FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database())))"
    )
}
