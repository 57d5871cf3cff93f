//! A byte string for each id whose order is [`RevisionId::version_cmp`], so that ids are split into runs once, not
//! in each comparison.

use crate::migration::RevisionId;

/// The bytes of one id; two ids that are equal as versions (`2`, `0002`) have equal keys.
///
/// The first bytes stand in place, filled up with NULs, so that a usual id allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct VersionKey {
    head: [u8; HEAD],
    tail: Vec<u8>,
}

const HEAD: usize = 24;

impl VersionKey {
    /// A number is `0`, its length without leading zeros, its digits; a text is its bytes and a NUL, which makes a
    /// shorter run the lesser one. `0` keeps a number's place among texts: no text starts with a digit.
    pub(super) fn of(id: &RevisionId) -> Self {
        let mut key = Self { head: [0; HEAD], tail: Vec::new() };
        let mut len = 0;
        let mut rest = id.as_str().as_bytes();
        while let Some(first) = rest.first() {
            let number = first.is_ascii_digit();
            let end = rest.iter().position(|b| b.is_ascii_digit() != number).unwrap_or(rest.len());
            let (run, tail) = rest.split_at(end);
            if number {
                let digits = run.iter().position(|b| *b != b'0').map_or(&run[..0], |zeros| &run[zeros..]);
                let [high, low] = u16::try_from(digits.len()).unwrap_or(u16::MAX).to_be_bytes();
                key.push(&mut len, &[b'0', high, low]);
                key.push(&mut len, digits);
            } else {
                key.push(&mut len, run);
                key.push(&mut len, &[0]);
            }
            rest = tail;
        }
        if id.edition() > 0 {
            // Before all longer ids.
            key.push(&mut len, &[1, id.edition()]);
        }
        key
    }

    fn push(&mut self, len: &mut usize, bytes: &[u8]) {
        let (head, tail) = bytes.split_at(bytes.len().min(HEAD - *len));
        self.head[*len..*len + head.len()].copy_from_slice(head);
        *len += head.len();
        self.tail.extend_from_slice(tail);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_order_as_versions(a in "[0-3a-c._]{0,6}", b in "[0-3a-c._]{0,6}") {
            let (a, b) = (RevisionId::new(a), RevisionId::new(b));
            prop_assert_eq!(VersionKey::of(&a).cmp(&VersionKey::of(&b)), a.version_cmp(&b));
            for same in ["20240215_143000_", "20240215_143000_aaa_bbb_cc", "aaaaaaaaaaaaaaaaaaaaaaa"] {
                let (a, b) = (RevisionId::new(format!("{same}{a}")), RevisionId::new(format!("{same}{b}")));
                prop_assert_eq!(VersionKey::of(&a).cmp(&VersionKey::of(&b)), a.version_cmp(&b));
            }
        }
    }
}
