//! Whose the lock is, in words.

use std::time::Duration;

use crate::apply::owner::Holder;

pub(super) fn still(waited: Duration) -> String {
    match waited.as_secs() {
        0 => String::new(),
        seconds => format!(", still so after {seconds} s"),
    }
}

pub(super) fn held(holder: Option<&Holder>, waited: Duration) -> String {
    let still = still(waited);
    match holder {
        Some(holder) => format!("{} holds the lock since {} UTC{still}", holder.owner.label(), holder.since),
        None => format!("another program keeps the database from being written{still}"),
    }
}
