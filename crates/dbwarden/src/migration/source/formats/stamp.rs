//! `20230101120000_create_users.sql`: the time at which it was written.

use super::{Format, digits};
use crate::migration::Kind;

pub(super) const FORMAT: Format = Format {
    name: "stamp",
    example: "20230101120000_create_users.sql",
    parse: |stem| {
        let (id, words) = digits(stem, "_").filter(|(id, _)| id.len() == 14)?;
        Some((id.to_owned(), words, Kind::Versioned))
    },
    next: |ids, now| {
        // Two files in one second, or a clock that went back, still sort in the order of their making.
        let greatest = ids.iter().filter_map(|id| id.as_str().parse::<u64>().ok()).max().unwrap_or(0);
        now.parse::<u64>().map_or_else(|_| now.to_owned(), |now| now.max(greatest + 1).to_string())
    },
    write: |id, words| format!("{id}_{words}"),
};
