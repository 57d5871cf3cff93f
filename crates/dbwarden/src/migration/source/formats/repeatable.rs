//! `RA__refresh_views.sql`, which runs always, and `ROC__policies.sql`, which runs on change.

use super::Format;
use crate::migration::Kind;

pub(super) const ALWAYS: Format = Format {
    name: "runs always",
    example: "RA__refresh_views.sql",
    parse: |stem| {
        let words = stem.strip_prefix("RA__").filter(|words| !words.is_empty())?;
        Some((stem.to_owned(), words, Kind::RunsAlways))
    },
    next: |_, _| String::new(),
    write: |_, words| format!("RA__{words}"),
};

pub(super) const ON_CHANGE: Format = Format {
    name: "runs on change",
    example: "ROC__policies.sql",
    parse: |stem| {
        let words = stem.strip_prefix("ROC__").filter(|words| !words.is_empty())?;
        Some((stem.to_owned(), words, Kind::RunsOnChange))
    },
    next: |_, _| String::new(),
    write: |_, words| format!("ROC__{words}"),
};
