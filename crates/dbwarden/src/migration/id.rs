//! The id of a revision, and the order of ids as versions.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a revision as its file gives it (`0001`, `20240215_143000`, `1.2`, `a1b2c3d4e5f6`, `RA__views`).
///
/// Ids are compared as text for identity; [`RevisionId::version_cmp`] orders them as versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevisionId(String);

impl RevisionId {
    /// Takes `text` as an id, as it stands.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares two ids as versions: runs of digits compare as numbers (`2` is less than `10`, `0002` equals `2`), all
    /// else as text.
    pub fn version_cmp(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (self.0.as_str(), other.0.as_str());
        loop {
            if a.is_empty() || b.is_empty() {
                return a.len().cmp(&b.len());
            }
            let (left, right) = (run(a), run(b));
            let order = match (is_number(left), is_number(right)) {
                (true, true) => {
                    let (x, y) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
                    x.len().cmp(&y.len()).then_with(|| x.cmp(y))
                }
                _ => left.cmp(right),
            };
            if order != Ordering::Equal {
                return order;
            }
            a = &a[left.len()..];
            b = &b[right.len()..];
        }
    }
}

/// The first run of digits, or of anything else, in `text`.
fn run(text: &str) -> &str {
    let digits = is_number(text);
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    &text[..end]
}

fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for RevisionId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_as_numbers() {
        let less =
            [("2", "10"), ("0002", "0010"), ("1.2", "1.10"), ("0001", "20230101120000"), ("a9", "a10")];
        for (a, b) in less {
            assert_eq!(RevisionId::from(a).version_cmp(&b.into()), Ordering::Less, "{a} {b}");
        }
        assert_eq!(RevisionId::from("2").version_cmp(&"0002".into()), Ordering::Equal);
        assert_eq!(RevisionId::from("1").version_cmp(&"1.1".into()), Ordering::Less);
    }
}
