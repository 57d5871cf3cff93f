//! DBWarden, classic: the first half of the document. Files `V<stamp>__name.sql`, locks, checksums, squash, `STRATA_*` settings.

use crate::walk::{Walk, walk};

walk!("classic");

fn walk(walk: &mut Walk) {
    locking(walk);
}

fn locking(walk: &mut Walk) {
    walk.types("`dbwarden lock-status`", "dbwarden lock-status");
    walk.types("`dbwarden unlock`", "dbwarden unlock");
}
