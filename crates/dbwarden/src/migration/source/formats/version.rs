//! `V1.2__create_users.sql` and `V20240215_143000__create_users.sql`.

use super::Format;
use crate::migration::Kind;

pub(super) const FORMAT: Format = Format {
    name: "version",
    example: "V20240215_143000__create_users.sql",
    parse: |stem| {
        let (id, words) = stem.strip_prefix(['V', 'v'])?.split_once("__")?;
        let version = id.starts_with(|c: char| c.is_ascii_digit())
            && id.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '_');
        (version && !words.is_empty()).then(|| (id.to_owned(), words, Kind::Versioned))
    },
    next: |ids, now| {
        let last = ids.iter().max_by(|a, b| a.version_cmp(b)).map(|id| id.as_str());
        match last {
            // 1.2 is followed by 1.3; a stamp, or nothing, by the time.
            Some(last) if !last.contains('_') && last.len() < 14 => {
                let (front, end) = last.rsplit_once('.').map_or(("", last), |(front, end)| (front, end));
                let next = end.parse::<u64>().unwrap_or(0) + 1;
                let width = end.len();
                if front.is_empty() { format!("{next:0width$}") } else { format!("{front}.{next:0width$}") }
            }
            _ => {
                let stamp = format!("{}_{}", now.get(..8).unwrap_or(now), now.get(8..).unwrap_or_default());
                last.map_or_else(|| stamp.clone(), |last| later(last, &stamp))
            }
        }
    },
    write: |id, words| format!("V{id}__{words}"),
};

/// `stamp`, or one second more than `last` where the clock is not past it.
fn later(last: &str, stamp: &str) -> String {
    let digits = |text: &str| text.replace('_', "").parse::<u64>().unwrap_or(0);
    if digits(stamp) > digits(last) {
        return stamp.to_owned();
    }
    let next = (digits(last) + 1).to_string();
    format!("{}_{}", next.get(..8).unwrap_or(&next), next.get(8..).unwrap_or_default())
}
