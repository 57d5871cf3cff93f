//! DBWarden, classic: `strata_migrations`, `strata_lock`.

use super::{OldTable, Role, Rows, Tool, sums};

pub(super) const TOOL: Tool = Tool {
    name: "strata",
    title: "the classic DBWarden",
    role,
    rows: Rows::Each,
    settle: Ok,
    sums: Some(sums::all),
};

fn role(table: &OldTable) -> Option<Role> {
    if table.is(&["strata_migrations"]) && table.has(&["version"]) {
        return Some(Role::History);
    }
    (table.is(&["strata_lock"]) && table.has(&["locked"])).then_some(Role::Lock)
}
