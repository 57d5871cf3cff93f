//! How a file's name says which migration it is. A format is one file here and one line in [`FORMATS`].

mod dated;
mod hash;
mod number;
mod repeatable;
mod stamp;
mod version;

pub(super) use hash::behind as hash_behind;

use crate::migration::{Kind, RevisionId};

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// The name of the database in front, as in `primary__0001_x.sql`.
    pub database: Option<String>,
    /// The id.
    pub id: RevisionId,
    /// The words behind the id, with spaces between.
    pub description: String,
    /// The kind.
    pub kind: Kind,
}

/// One way to name files.
#[derive(Debug)]
pub struct Format {
    /// What it is called in settings and messages.
    pub name: &'static str,
    /// A name of this format, for messages.
    pub example: &'static str,
    /// Takes a name without `.sql` and without the database's prefix apart: id, words, kind.
    parse: fn(&str) -> Option<(String, &str, Kind)>,
    /// Returns the next free id behind `ids`, at the time `now` (`YYYYMMDDHHMMSS`).
    pub next: fn(ids: &[&RevisionId], now: &str) -> String,
    /// Returns the file's name without `.sql`.
    pub write: fn(id: &str, words: &str) -> String,
}

/// Every format, in the order in which they are tried.
pub const FORMATS: &[Format] = &[
    repeatable::ALWAYS,
    repeatable::ON_CHANGE,
    version::FORMAT,
    stamp::FORMAT,
    dated::FORMAT,
    number::FORMAT,
    hash::FORMAT,
];

/// Returns what the file name `name` says, and the format that says it.
pub fn recognise(name: &str) -> Option<(FileName, &'static Format)> {
    let end = name.len().checked_sub(4).filter(|&end| name.is_char_boundary(end))?;
    let stem = name[end..].eq_ignore_ascii_case(".sql").then(|| &name[..end])?;
    let whole = FORMATS.iter().find_map(|format| Some((None, (format.parse)(stem)?, format)));
    let (database, (id, words, kind), format) = whole.or_else(|| {
        let (prefix, rest) = stem.split_once("__")?;
        let plain = prefix.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let named = || FORMATS.iter().find_map(|format| Some((Some(prefix), (format.parse)(rest)?, format)));
        if plain { named() } else { None }
    })?;
    let file = FileName {
        database: database.map(str::to_owned),
        id: RevisionId::new(id),
        description: words.replace('_', " ").trim().to_owned(),
        kind,
    };
    Some((file, format))
}

/// Returns `text` as the words of a file name: letters and digits, in lower case, with `_` between.
pub fn words(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_alphanumeric() { c.to_lowercase().next().unwrap_or(c) } else { ' ' })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join("_")
}

/// The digits at the start of `text`, and what is behind the first `separator` after them.
fn digits<'a>(text: &'a str, separator: &str) -> Option<(&'a str, &'a str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).filter(|&end| end > 0)?;
    let words = text[end..].strip_prefix(separator)?;
    (!words.is_empty()).then_some((&text[..end], words))
}

/// The whole number behind `ids`, as wide as the widest of them, or `width` where there is none.
fn next_number(ids: &[&RevisionId], width: usize) -> String {
    let numbers = ids.iter().map(|id| id.as_str()).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    let (mut greatest, mut widest) = (0u128, 0);
    for id in numbers.filter(|id| id.len() < 14) {
        widest = widest.max(id.len());
        greatest = greatest.max(id.parse().unwrap_or(0));
    }
    let width = if widest == 0 { width } else { widest };
    format!("{:0width$}", greatest + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_table() {
        let table = [
            ("0001_create_users.sql", "0001", "create users", Kind::Versioned, "number"),
            ("primary__0001_create_users.sql", "0001", "create users", Kind::Versioned, "number"),
            (
                "V20240215_143000__create_users.sql",
                "20240215_143000",
                "create users",
                Kind::Versioned,
                "version",
            ),
            ("V1.2__x.sql", "1.2", "x", Kind::Versioned, "version"),
            ("20230101120000_create_users.sql", "20230101120000", "create users", Kind::Versioned, "stamp"),
            (
                "2018-03-31-201450_create_users.sql",
                "20180331201450",
                "create users",
                Kind::Versioned,
                "dated",
            ),
            ("a1b2c3d4e5f6_create_users.sql", "a1b2c3d4e5f6", "create users", Kind::Versioned, "hash"),
            ("RA__refresh_views.sql", "RA__refresh_views", "refresh views", Kind::RunsAlways, "runs always"),
            (
                "primary__RA__refresh_views.sql",
                "RA__refresh_views",
                "refresh views",
                Kind::RunsAlways,
                "runs always",
            ),
            ("ROC__policies.sql", "ROC__policies", "policies", Kind::RunsOnChange, "runs on change"),
        ];
        for (name, id, description, kind, format) in table {
            let (file, found) = recognise(name).unwrap_or_else(|| panic!("{name} is not recognised"));
            assert_eq!(
                (file.id.as_str(), file.description.as_str(), file.kind),
                (id, description, kind),
                "{name}"
            );
            assert_eq!(found.name, format, "{name}");
            assert_eq!(file.database.as_deref(), name.starts_with("primary").then_some("primary"), "{name}");
        }
    }

    #[test]
    fn names_of_no_format() {
        for name in [
            "users.sql",
            "create_users.sql",
            "V1_x.sql",
            "0001.sql",
            "0001_.sql",
            "RA_x.sql",
            "0001_x.txt",
            "décor_x.sql",
            "20180-3-31-201450_x.sql",
            "2018-03-31-201450_.sql",
            "R__views.sql",
            "U1__x.sql",
        ] {
            assert_eq!(recognise(name).map(|(file, _)| file), None, "{name}");
        }
    }

    #[test]
    fn a_written_name_is_read_back() {
        for format in FORMATS {
            let id = (format.next)(&[], "20261120140211");
            let name = format!("{}.sql", (format.write)(&id, "add_coupons"));
            let (file, found) = recognise(&name).unwrap_or_else(|| panic!("{name} is not recognised"));
            assert_eq!((found.name, file.description.as_str()), (format.name, "add coupons"), "{name}");
        }
    }
}
