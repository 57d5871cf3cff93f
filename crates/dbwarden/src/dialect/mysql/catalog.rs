//! Whether an object exists, by the catalogue (<https://dev.mysql.com/doc/refman/8.4/en/information-schema.html>). A name without
//! a database is one of the session's.

use super::words::{Name, parts};
use crate::dialect::{Existence, Object};
use crate::value::Value;

const TABLE: &str = "SELECT 1 FROM information_schema.tables WHERE table_schema = COALESCE(?, DATABASE()) \
     AND table_name = ? AND table_type <> 'VIEW' LIMIT 1";

pub(super) fn table(name: &Name) -> Existence {
    let database = name.database.as_deref().map_or(Value::Null, Value::from);
    Existence::Rows(TABLE, vec![database, name.name.as_str().into()])
}

pub(super) fn existence(object: &Object) -> Existence {
    const VIEW: &str = "SELECT 1 FROM information_schema.views WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? LIMIT 1";
    const COLUMN: &str = "SELECT 1 FROM information_schema.columns WHERE table_schema = COALESCE(?, DATABASE()) \
         AND table_name = ? AND column_name = ? LIMIT 1";
    // The name of an index is one of its table alone, so that several may have it.
    const INDEX: &str = "SELECT 1 FROM information_schema.statistics WHERE table_schema = COALESCE(?, DATABASE()) \
         AND index_name = ? LIMIT 1";
    const TABLES_INDEX: &str = "SELECT 1 FROM information_schema.statistics WHERE table_schema = COALESCE(?, DATABASE()) \
         AND table_name = ? AND index_name = ? LIMIT 1";
    const CONSTRAINT: &str = "SELECT 1 FROM information_schema.table_constraints \
         WHERE constraint_schema = COALESCE(?, DATABASE()) AND constraint_name = ? LIMIT 1";
    const TABLES_CONSTRAINT: &str = "SELECT 1 FROM information_schema.table_constraints \
         WHERE constraint_schema = COALESCE(?, DATABASE()) AND table_name = ? AND constraint_name = ? LIMIT 1";
    match object {
        Object::Table(name) => named(TABLE, name),
        Object::View(name) => named(VIEW, name),
        Object::Index(name) => of_table(INDEX, TABLES_INDEX, name),
        Object::Constraint(name) => of_table(CONSTRAINT, TABLES_CONSTRAINT, name),
        Object::Column { table, column } => match (parts(table).as_deref(), parts(column).as_deref()) {
            (Some([table]), Some([column])) => {
                Existence::Rows(COLUMN, vec![Value::Null, table.as_str().into(), column.as_str().into()])
            }
            (Some([database, table]), Some([column])) => Existence::Rows(
                COLUMN,
                vec![database.as_str().into(), table.as_str().into(), column.as_str().into()],
            ),
            _ => Existence::Never,
        },
        Object::Type(_) => Existence::Never,
    }
}

/// An object of a database.
fn named(query: &'static str, name: &str) -> Existence {
    match parts(name).as_deref() {
        Some([name]) => Existence::Rows(query, vec![Value::Null, name.as_str().into()]),
        Some([database, name]) => {
            Existence::Rows(query, vec![database.as_str().into(), name.as_str().into()])
        }
        _ => Existence::Never,
    }
}

/// An object of a table, which may be named before it.
fn of_table(any: &'static str, of: &'static str, name: &str) -> Existence {
    match parts(name).as_deref() {
        Some([name]) => Existence::Rows(any, vec![Value::Null, name.as_str().into()]),
        Some([table, name]) => {
            Existence::Rows(of, vec![Value::Null, table.as_str().into(), name.as_str().into()])
        }
        Some([database, table, name]) => {
            Existence::Rows(of, vec![database.as_str().into(), table.as_str().into(), name.as_str().into()])
        }
        _ => Existence::Never,
    }
}
