//! `a1b2c3d4e5f6_create_users.sql`: an id that says nothing of its order, as Alembic writes them.

use super::Format;
use crate::migration::checksum::FileHash;
use crate::migration::{Kind, RevisionId};

pub(super) const FORMAT: Format = Format {
    name: "hash",
    example: "a1b2c3d4e5f6_create_users.sql",
    parse: |stem| {
        let (id, words) = stem.split_once('_')?;
        let hash = (8..=40).contains(&id.len())
            && id.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
            && id.contains(|c: char| c.is_ascii_digit());
        (hash && !words.is_empty()).then(|| (id.to_owned(), words, Kind::Versioned))
    },
    next: |ids, now| {
        // A hash of the time and of what is there: no source of randomness is needed for an id that must only be new.
        let mut seed = now.to_owned();
        for id in ids {
            seed.push_str(id.as_str());
        }
        let hash = FileHash::of(seed.as_bytes());
        // A letter in front keeps it from being read as a number, a digit behind it from being read as a word.
        format!("a1{}", hash.as_str().get(..10).unwrap_or("0000000000"))
    },
    write: |id, words| format!("{id}_{words}"),
};

/// Returns `id` changed so that it comes behind `last` in version order: one `f` more than `last` begins with, and a digit.
pub(in crate::migration::source) fn behind(last: &RevisionId, id: &str) -> String {
    let front = last.as_str().chars().take_while(|c| *c == 'f').count() + 1;
    let rest = id.get(2..).unwrap_or(id);
    let rest = &rest[..rest.len().min(11usize.saturating_sub(front).max(6))];
    format!("{}1{rest}", "f".repeat(front))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_behind_another() {
        for last in ["a1b2c3d4e5f6", "f0aa11bb22cc", "fab2c3d4e5f6", "ffffffffff11", "99b2c3d4e5f6"] {
            let last = RevisionId::from(last);
            let id = behind(&last, "a1b2c3d4e5f6");
            assert!(last.version_cmp(&RevisionId::from(id.as_str())).is_lt(), "{last} {id}");
            let name = format!("{id}_x");
            assert_eq!((FORMAT.parse)(&name).map(|(found, ..)| found), Some(id), "{name}");
        }
    }
}
