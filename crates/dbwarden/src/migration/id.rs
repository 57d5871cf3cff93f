//! The id of a revision, and the order of ids as versions.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a revision as its file gives it (`0001`, `20240215_143000`, `1.2`, `a1b2c3d4e5f6`, `RA__views`).
///
/// Ids are compared as text for identity; [`RevisionId::version_cmp`] orders them as versions.
///
/// A file that replaces its own id (`0001` for `0001` to `0005`, as `squash` writes it) leaves two migrations of one id: itself, and
/// the one that had the id before. They are told apart by their *edition*, which is never written anywhere: 0 is the file that stands,
/// 1 the one that it replaced, 2 the one that this had replaced.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct RevisionId {
    text: String,
    edition: u8,
}

impl RevisionId {
    /// Takes `text` as an id, as it stands.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), edition: 0 }
    }

    /// Returns which of several migrations of this id it is, from 0: the one that stands, then those that it replaced.
    pub fn edition(&self) -> u8 {
        self.edition
    }

    /// Returns the same id of another edition.
    pub fn with_edition(&self, edition: u8) -> Self {
        Self { text: self.text.clone(), edition }
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Compares two ids as versions: runs of digits compare as numbers (`2` is less than `10`, `0002` equals `2`), all
    /// else as text.
    pub fn version_cmp(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (self.text.as_str(), other.text.as_str());
        loop {
            if a.is_empty() || b.is_empty() {
                return a.len().cmp(&b.len()).then(self.edition.cmp(&other.edition));
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
        f.write_str(&self.text)
    }
}

impl From<&str> for RevisionId {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for RevisionId {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<RevisionId> for String {
    fn from(id: RevisionId) -> Self {
        id.text
    }
}

impl fmt::Debug for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("RevisionId");
        tuple.field(&self.text);
        if self.edition > 0 {
            tuple.field(&self.edition);
        }
        tuple.finish()
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
