//! `2018-03-31-201450_create_users`: a time with dashes, as Diesel names its directories. The id is the digits alone, as Diesel
//! records them.

use super::{Format, stamp};
use crate::migration::Kind;

pub(super) const FORMAT: Format = Format {
    name: "dated",
    example: "2018-03-31-201450_create_users.sql",
    parse: |stem| {
        let (date, words) = stem.split_once('_')?;
        let dashes =
            date.len() == 17 && date.char_indices().all(|(at, c)| (c == '-') == [4, 7, 10].contains(&at));
        let digits: String = date.chars().filter(char::is_ascii_digit).collect();
        (dashes && digits.len() == 14 && !words.is_empty()).then_some((digits, words, Kind::Versioned))
    },
    next: stamp::FORMAT.next,
    write: |id, words| {
        let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
        match id.len() {
            14 => format!("{}-{}-{}-{}_{words}", part(0, 4), part(4, 6), part(6, 8), part(8, 14)),
            _ => format!("{id}_{words}"),
        }
    },
};
