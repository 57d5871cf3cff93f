//! Where to go: the text a person types, read without knowing the files.

use std::fmt;
use std::str::FromStr;

/// Where a migration or a rollback is to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `head`: the one head.
    Head,
    /// `heads`: all of them.
    Heads,
    /// `base`: before the first revision.
    Base,
    /// `NAME@head`: the head of a labelled branch.
    LabelHead(String),
    /// `+2`, `-1`: so many migrations on or back. Never 0 when read from text.
    Relative(i64),
    /// `ID`, `ID+1`, `ID-1`: a revision, or so many children or parents from it.
    ///
    /// A text such as `2024-01-15` is a reference with an offset here; where an id is that whole text, the id is meant.
    Revision {
        /// An id, a number equal to one, or a prefix of one; with an offset also `head` and `base`.
        reference: String,
        /// Children up, parents down.
        offset: i64,
    },
}

/// A text that is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Nothing but white space.
    #[error("a target is empty: give a revision, head, heads, base, NAME@head, +N or -N")]
    Empty,
    /// `+` or `-` without a number behind it.
    #[error("{text:?} is no target: a number goes behind the sign, as in +2 or -1")]
    NotANumber {
        /// The text.
        text: String,
    },
    /// `+0` or `-0`.
    #[error("{text:?} goes nowhere: a count starts at 1")]
    Zero {
        /// The text.
        text: String,
    },
    /// An `@` that is not `NAME@head`.
    #[error("{text:?} is no target: a label is written as NAME@head")]
    NotALabel {
        /// The text.
        text: String,
    },
}

impl Target {
    /// Returns the target that is exactly this revision.
    pub fn revision(reference: impl Into<String>) -> Self {
        Self::Revision { reference: reference.into(), offset: 0 }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        for (word, target) in [("head", Self::Head), ("heads", Self::Heads), ("base", Self::Base)] {
            if text.eq_ignore_ascii_case(word) {
                return Ok(target);
            }
        }
        if text.starts_with(['+', '-']) {
            return relative(text);
        }
        if let Some((name, place)) = text.split_once('@') {
            let head = place.eq_ignore_ascii_case("head") && !name.trim().is_empty();
            return if head {
                Ok(Self::LabelHead(name.trim().to_owned()))
            } else {
                Err(TargetError::NotALabel { text: text.to_owned() })
            };
        }
        Ok(match offset(text) {
            Some((reference, offset)) => Self::Revision { reference: reference.to_owned(), offset },
            None => Self::revision(text),
        })
    }
}

fn relative(text: &str) -> Result<Target, TargetError> {
    let digits = &text[1..];
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
    match number {
        Some(0) => Err(TargetError::Zero { text: text.to_owned() }),
        Some(steps) => Ok(Target::Relative(steps)),
        None => Err(TargetError::NotANumber { text: text.to_owned() }),
    }
}

/// Splits `ID+2` or `ID-1`. A number with a leading zero is a part of the id: `2024-01` is a month.
fn offset(text: &str) -> Option<(&str, i64)> {
    let at = text.rfind(['+', '-']).filter(|at| *at > 0)?;
    let digits = &text[at + 1..];
    let counts = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    let steps = counts.then(|| text[at..].parse().ok()).flatten()?;
    Some((&text[..at], steps))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Heads => f.write_str("heads"),
            Self::Base => f.write_str("base"),
            Self::LabelHead(label) => write!(f, "{label}@head"),
            Self::Relative(steps) => write!(f, "{steps:+}"),
            Self::Revision { reference, offset: 0 } => f.write_str(reference),
            Self::Revision { reference, offset } => write!(f, "{reference}{offset:+}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    fn target(text: &str) -> Target {
        text.parse().expect("a target")
    }

    fn revision(reference: &str, offset: i64) -> Target {
        Target::Revision { reference: reference.to_owned(), offset }
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(target("head"), Target::Head);
        assert_eq!(target(" HEADS "), Target::Heads);
        assert_eq!(target("base"), Target::Base);
        assert_eq!(target("billing@head"), Target::LabelHead("billing".to_owned()));
        assert_eq!(target("+2"), Target::Relative(2));
        assert_eq!(target("-1"), Target::Relative(-1));
        assert_eq!(target("0002"), revision("0002", 0));
        assert_eq!(target("0002+1"), revision("0002", 1));
        assert_eq!(target("a1b2-12"), revision("a1b2", -12));
        assert_eq!(target("20240215_143000"), revision("20240215_143000", 0));
        assert_eq!(target("2024-01"), revision("2024-01", 0));
        assert_eq!(target("head-1"), revision("head", -1));
    }

    #[test]
    fn what_is_no_target_says_why() {
        let error = |text: &str| text.parse::<Target>().expect_err("no target").to_string();
        assert_snapshot!(error(" "), @"a target is empty: give a revision, head, heads, base, NAME@head, +N or -N");
        assert_snapshot!(error("+"), @r#""+" is no target: a number goes behind the sign, as in +2 or -1"#);
        assert_snapshot!(error("-x"), @r#""-x" is no target: a number goes behind the sign, as in +2 or -1"#);
        assert_snapshot!(error("+99999999999999999999"), @r#""+99999999999999999999" is no target: a number goes behind the sign, as in +2 or -1"#);
        assert_snapshot!(error("-0"), @r#""-0" goes nowhere: a count starts at 1"#);
        assert_snapshot!(error("billing@base"), @r#""billing@base" is no target: a label is written as NAME@head"#);
        assert_snapshot!(error("@head"), @r#""@head" is no target: a label is written as NAME@head"#);
    }

    proptest! {
        #[test]
        fn text_that_is_a_target_reads_back(text in "[-+@a-e0-9._]{1,8}") {
            if let Ok(target) = text.parse::<Target>() {
                prop_assert_eq!(target.to_string().parse::<Target>(), Ok(target));
            }
        }
    }
}
