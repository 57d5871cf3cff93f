//! What can share a transaction.

use super::Step;

/// Why a step cannot share a transaction with others.
pub(super) fn not_atomic(step: &Step) -> Option<&'static str> {
    use crate::migration::groups::GroupKind;
    match &step.groups[..] {
        [group] if group.foreign_keys.is_some() => {
            Some("it sets PRAGMA foreign_keys, which takes effect outside a transaction alone")
        }
        _ if step.changes_session => Some(
            "it changes its session (PRAGMA, ATTACH or a temporary object), and the next would run in it",
        ),
        [group] if group.kind == GroupKind::Transaction => None,
        [] => None,
        [_] => Some("it has a statement that runs outside a transaction"),
        _ => Some("it has several transactions of its own"),
    }
}
