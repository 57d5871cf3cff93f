//! The splitter: golden files for each dialect, properties on random text, and SQLite itself as judge.
//!
//! `tests/data/split/<dialect>/NN_name.sql` has its events beside it in `NN_name.golden`. What a run found is written below
//! `CARGO_TARGET_TMPDIR`, in the same layout, so new and changed goldens are blessed by copying them from there after reading them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests say what went wrong by failing")]

mod split {
    pub(crate) mod golden;
    #[cfg(feature = "sqlite")]
    pub(crate) mod judge;
    pub(crate) mod properties;
    pub(crate) mod show;
}
