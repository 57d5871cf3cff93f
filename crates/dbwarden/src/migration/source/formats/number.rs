//! `0001_create_users.sql`.

use super::{Format, digits, next_number};
use crate::migration::Kind;

pub(super) const FORMAT: Format = Format {
    name: "number",
    example: "0001_create_users.sql",
    parse: |stem| {
        let (id, words) = digits(stem, "_")?;
        Some((id.to_owned(), words, Kind::Versioned))
    },
    next: |ids, _| next_number(ids, 4),
    write: |id, words| format!("{id}_{words}"),
};
