//! Alembic: `alembic_version`, whose rows are the heads of what is applied
//! (<https://alembic.sqlalchemy.org/en/latest/branches.html>). It keeps no sums, no times, and has no lock.

use super::{OldTable, Role, Rows, Tool};

pub(super) const TOOL: Tool =
    Tool { name: "alembic", title: "Alembic", role, rows: Rows::Heads, settle: Ok, sums: None };

fn role(table: &OldTable) -> Option<Role> {
    (table.is(&["alembic_version"]) && table.has(&["version_num"])).then_some(Role::History)
}
