//! The Manticore client for CockroachDB: `_migrations`. It keeps no sums and has no lock.

use super::{OldTable, Role, Rows, Tool};

pub(super) const TOOL: Tool =
    Tool { name: "manticore", title: "Manticore", role, rows: Rows::Each, settle: Ok, sums: None };

fn role(table: &OldTable) -> Option<Role> {
    let its = table.is(&["_migrations"]) && table.has(&["version", "description", "applied_at"]);
    its.then_some(Role::History)
}
