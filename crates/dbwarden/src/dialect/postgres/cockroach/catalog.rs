//! Whether an object exists. The catalogue is PostgreSQL's (<https://www.cockroachlabs.com/docs/stable/pg-catalog>) but for
//! indexes, whose names are their table's there and which `to_regclass` does not find.

use crate::dialect::postgres::catalog;
use crate::dialect::{Existence, Object};

pub(super) fn existence(object: &Object) -> Existence {
    const INDEX: &str = "SELECT 1 FROM (SELECT pg_catalog.parse_ident(?) AS part) AS asked \
         JOIN pg_catalog.pg_class AS c ON c.relname = asked.part[pg_catalog.array_length(asked.part, 1)]::name \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('i', 'I') \
         AND CASE pg_catalog.array_length(asked.part, 1) WHEN 1 THEN n.nspname = ANY (pg_catalog.current_schemas(false)) \
         ELSE n.nspname = asked.part[1]::name END";
    match object {
        Object::Index(name) => Existence::Rows(INDEX, vec![name.as_str().into()]),
        object => catalog::existence(object),
    }
}
