//! Whether an object exists, by DuckDB's own catalogue (<https://duckdb.org/docs/stable/sql/meta/duckdb_table_functions>).
//!
//! Names are the same in any case, quoted or not. One without a schema is looked for where a statement would find it: in the
//! current schema, or among what is temporary.

use crate::dialect::{Existence, Object};
use crate::value::Value;

/// name, schema, database: of the object in question.
macro_rules! named {
    ($from:literal, $name:literal) => {
        concat!(
            "SELECT 1 FROM ",
            $from,
            " WHERE lower(",
            $name,
            ") = lower(?) AND lower(schema_name) = lower(coalesce(?, current_schema())) \
             AND lower(database_name) IN (lower(coalesce(?, current_database())), 'temp')"
        )
    };
}

pub(super) fn existence(object: &Object) -> Existence {
    const TABLE: &str = named!("duckdb_tables()", "table_name");
    const VIEW: &str = named!("duckdb_views()", "view_name");
    const INDEX: &str = named!("duckdb_indexes()", "index_name");
    const COLUMN: &str =
        concat!(named!("duckdb_columns()", "table_name"), " AND lower(column_name) = lower(?)");
    const CONSTRAINT: &str = named!("duckdb_constraints()", "constraint_name");
    const TYPE: &str = named!("duckdb_types()", "type_name");
    match object {
        Object::Table(name) => Existence::Rows(TABLE, parts(name)),
        Object::View(name) => Existence::Rows(VIEW, parts(name)),
        Object::Index(name) => Existence::Rows(INDEX, parts(name)),
        Object::Column { table, column } => {
            let mut parameters = parts(table);
            parameters.push(bare(column).into());
            Existence::Rows(COLUMN, parameters)
        }
        Object::Constraint(name) => Existence::Rows(CONSTRAINT, parts(name)),
        Object::Type(name) => Existence::Rows(TYPE, parts(name)),
    }
}

/// The name, its schema and its database, as far as they are written.
fn parts(name: &str) -> Vec<Value> {
    let mut parts: Vec<Value> = Vec::new();
    let mut from = 0;
    let mut quoted = false;
    for (at, c) in name.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => {
                parts.push(bare(&name[from..at]).into());
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(bare(&name[from..]).into());
    parts.reverse();
    parts.resize(3, Value::Null);
    parts
}

/// A name without its quotes.
fn bare(name: &str) -> String {
    let name = name.trim();
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_apart_at_the_dots_outside_quotes() {
        let text = |name: &str| parts(name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text("t"), ["t", "NULL", "NULL"]);
        assert_eq!(text("app.t"), ["t", "app", "NULL"]);
        assert_eq!(text("shop . app.\"a.\"\"b\""), ["a.\"b", "app", "shop"]);
    }
}
