//! DBWarden in Python (<https://pypi.org/project/dbwarden/>). Up to 0.7 it has `dbwarden_migrations`, which is ours too; from 0.8 on
//! `_dbwarden_migrations`. Its lock is `dbwarden_lock`, which is ours too: a row with `locked`, and from 0.19 on one with `state`.

use super::{AdoptError, Homeless, OldRow, OldTable, Place, Role, Rows, Tool, sums};

/// Its table from 0.8 on.
const LATER: &str = "_dbwarden_migrations";

/// What messages call it.
pub const TITLE: &str = "the Python DBWarden";

pub(super) const TOOL: Tool = Tool {
    name: "dbwarden-python",
    title: TITLE,
    role,
    rows: Rows::Each,
    settle: of_the_later,
    sums: Some(sums::all),
};

fn role(table: &OldTable) -> Option<Role> {
    let named = |names: &[&str]| table.place != Place::Elsewhere || table.is(names);
    let recorded = table.has(&["version"])
        && (table.has(&["migration_type"]) || table.has(&["filename"]))
        && !table.has(&["run_id"]);
    if recorded && named(&["dbwarden_migrations", LATER]) {
        return Some(Role::History);
    }
    let locks = table.has(&["locked"]) || table.has(&["state", "fencing_token"]);
    (locks && !table.has(&["beat"]) && named(&["dbwarden_lock"])).then_some(Role::Lock)
}

/// Returns the rows that count. A version from 0.8 on looks into its own table alone (tried on 0.20.11), so where that has rows it is
/// the truth, and the earlier one is what was true when it came.
///
/// # Errors
/// The earlier table says that something is applied which the later lacks: it may be undone, or never recorded anew.
pub(super) fn of_the_later(rows: Vec<OldRow>) -> Result<Vec<OldRow>, AdoptError> {
    let (later, earlier): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.table.eq_ignore_ascii_case(LATER));
    let Some(newer) = later.first().map(|row| row.table.clone()) else { return Ok(earlier) };
    // What runs again and again has no version, and says nothing of what is applied.
    let version = |row: &OldRow| row.version.as_deref().map(|version| version.trim().to_owned());
    let known: Vec<_> = later.iter().filter_map(version).collect();
    let lacking = earlier.iter().filter(|row| version(row).is_some_and(|version| !known.contains(&version)));
    let rows: Vec<_> = lacking
        .map(|row| Homeless { table: row.table.clone(), label: row.label().to_owned(), reason: None })
        .collect();
    if rows.is_empty() { Ok(later) } else { Err(AdoptError::TwoHistories { rows, newer }) }
}
