//! Whether an object exists, by SQLite's own catalogue (<https://www.sqlite.org/schematab.html>).

use super::table::bare;
use crate::dialect::{Existence, Object};

pub(super) fn existence(object: &Object) -> Existence {
    const TABLE: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE";
    const VIEW: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = ? COLLATE NOCASE";
    const INDEX: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ? COLLATE NOCASE";
    // xinfo lists generated columns too.
    const COLUMN: &str = "SELECT 1 FROM pragma_table_xinfo(?) WHERE name = ? COLLATE NOCASE";
    // SQLite keeps constraints in the text of their table alone.
    const TEXTS: &str = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL";
    let one = |name: &String| vec![bare(name).into()];
    match object {
        Object::Table(name) => Existence::Rows(TABLE, one(name)),
        Object::View(name) => Existence::Rows(VIEW, one(name)),
        Object::Index(name) => Existence::Rows(INDEX, one(name)),
        Object::Column { table, column } => {
            Existence::Rows(COLUMN, vec![bare(table).into(), bare(column).into()])
        }
        Object::Constraint(name) => Existence::ConstraintInText(TEXTS, bare(name)),
        Object::Type(_) => Existence::Never,
    }
}
