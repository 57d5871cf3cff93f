//! `2018-03-31-201450_create_users`: a time with dashes, as Diesel names its directories. The id is the digits alone. Written by
//! hand there is `2018-03-31_201450_create_users`, and the day alone, which stands for its first second; a counter behind the time
//! stays apart, so that ids of both kinds sort by their time.

use super::{Format, stamp};
use crate::migration::Kind;

pub(super) const FORMAT: Format = Format {
    name: "dated",
    example: "2018-03-31-201450_create_users.sql",
    parse: |stem| {
        let (date, words) = stem.split_once('_')?;
        let mut parts = date.split('-');
        let mut id = String::with_capacity(14);
        for digits in [4, 2, 2] {
            id.push_str(parts.next().filter(|part| is_number(part, digits))?);
        }
        let words = match parts.next() {
            Some(time) => {
                id.push_str(Some(time).filter(|time| is_number(time, 6))?);
                words
            }
            None => match words.split_once('_').filter(|(time, _)| is_number(time, 6)) {
                Some((time, words)) => {
                    id.push_str(time);
                    words
                }
                None => {
                    id.push_str("000000");
                    words
                }
            },
        };
        if let Some(counter) = parts.next() {
            id.push_str(&format!("_{}", Some(counter).filter(|counter| is_number(counter, counter.len()))?));
        }
        (parts.next().is_none() && !words.is_empty()).then_some((id, words, Kind::Versioned))
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

fn is_number(text: &str, digits: usize) -> bool {
    digits > 0 && text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_dashes() {
        let id = |stem: &str| (FORMAT.parse)(stem).map(|(id, words, _)| format!("{id} {words}"));
        assert_eq!(id("2018-03-31-201450_a_b").as_deref(), Some("20180331201450 a_b"));
        assert_eq!(id("2018-03-31_201450_a_b").as_deref(), Some("20180331201450 a_b"));
        assert_eq!(id("2018-03-31_a_b").as_deref(), Some("20180331000000 a_b"));
        assert_eq!(id("2018-03-31-201450-0001_a").as_deref(), Some("20180331201450_0001 a"));
        for none in [
            "2018-03-31-2014_a",
            "2018-3-31-201450_a",
            "2018-03-31-201450_",
            "2018-03_a",
            "2018-03-31-201450-_a",
            "2018-03-31-201450-1-2_a",
            "20180331201450_a",
        ] {
            assert_eq!(id(none), None, "{none}");
        }
    }
}
