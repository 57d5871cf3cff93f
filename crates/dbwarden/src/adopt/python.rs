//! DBWarden in Python (<https://pypi.org/project/dbwarden/>). Up to 0.7 it has `dbwarden_migrations`, which is ours too; from 0.8 on
//! `_dbwarden_migrations`. Its lock is `dbwarden_lock`, which is ours too: a row with `locked`, and from 0.19 on one with `state`.

use super::{OldTable, Place, Role, Rows, Tool, sums};

/// What messages call it.
pub const TITLE: &str = "the Python DBWarden";

pub(super) const TOOL: Tool =
    Tool { name: "dbwarden-python", title: TITLE, role, rows: Rows::Each, sums: Some(sums::all) };

fn role(table: &OldTable) -> Option<Role> {
    let named = |names: &[&str]| table.place != Place::Elsewhere || table.is(names);
    let recorded = table.has(&["version"])
        && (table.has(&["migration_type"]) || table.has(&["filename"]))
        && !table.has(&["run_id"]);
    if recorded && named(&["dbwarden_migrations", "_dbwarden_migrations"]) {
        return Some(Role::History);
    }
    let locks = table.has(&["locked"]) || table.has(&["state", "fencing_token"]);
    (locks && !table.has(&["beat"]) && named(&["dbwarden_lock"])).then_some(Role::Lock)
}
