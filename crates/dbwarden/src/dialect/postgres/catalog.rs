//! Whether an object exists, by PostgreSQL's own catalogue (<https://www.postgresql.org/docs/current/catalogs.html>).
//!
//! Names are resolved by the server, as it would resolve them in a statement: by the search path, folded to lower case where
//! they are not quoted. A name that no statement could hold (`a b`) is the server's error (42602), and so is a schema without
//! the right to use it (42501).

use crate::dialect::{Existence, Object};

pub(super) fn existence(object: &Object) -> Existence {
    const TABLE: &str = "SELECT 1 FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(?) AND relkind IN ('r', 'p', 'f')";
    const VIEW: &str =
        "SELECT 1 FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(?) AND relkind IN ('v', 'm')";
    // Also one that a failed CREATE INDEX CONCURRENTLY left invalid: settling tells of that.
    const INDEX: &str =
        "SELECT 1 FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass(?) AND relkind IN ('i', 'I')";
    const COLUMN: &str = "SELECT 1 FROM pg_catalog.pg_attribute WHERE attrelid = pg_catalog.to_regclass(?) \
         AND attname = (pg_catalog.parse_ident(?))[1]::name AND attnum > 0 AND NOT attisdropped";
    // A constraint has the schema of its table or domain; by its name alone it is one of a table or domain that is seen.
    const CONSTRAINT: &str = "SELECT 1 FROM (SELECT pg_catalog.parse_ident(?) AS part) AS asked \
         JOIN pg_catalog.pg_constraint AS k ON k.conname = asked.part[pg_catalog.cardinality(asked.part)]::name \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = k.connamespace LEFT JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid \
         WHERE CASE pg_catalog.cardinality(asked.part) \
         WHEN 1 THEN pg_catalog.pg_table_is_visible(k.conrelid) OR pg_catalog.pg_type_is_visible(k.contypid) \
         WHEN 2 THEN n.nspname = asked.part[1]::name \
         OR (c.relname = asked.part[1]::name AND pg_catalog.pg_table_is_visible(c.oid)) \
         ELSE n.nspname = asked.part[1]::name AND c.relname = asked.part[2]::name END";
    // The row type that comes with each table is none of its own.
    const TYPE: &str = "SELECT 1 FROM pg_catalog.pg_type AS t WHERE t.oid = pg_catalog.to_regtype(?) AND (t.typrelid = 0 \
         OR (SELECT c.relkind FROM pg_catalog.pg_class AS c WHERE c.oid = t.typrelid) = 'c')";
    let one = |name: &String| vec![name.as_str().into()];
    match object {
        Object::Table(name) => Existence::Rows(TABLE, one(name)),
        Object::View(name) => Existence::Rows(VIEW, one(name)),
        Object::Index(name) => Existence::Rows(INDEX, one(name)),
        Object::Column { table, column } => {
            Existence::Rows(COLUMN, vec![table.as_str().into(), column.as_str().into()])
        }
        Object::Constraint(name) => Existence::Rows(CONSTRAINT, one(name)),
        Object::Type(name) => Existence::Rows(TYPE, one(name)),
    }
}
