//! Names of what is made, and those that are made up.

use std::fmt;

use sha2::{Digest, Sha256};

use super::OperationError;

/// A table or a type, perhaps with its schema. The parts are the names themselves, without quotes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    /// The schema, where it is said.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
}

impl TableName {
    /// Returns the name of a table in the schema that the session finds it in.
    pub fn new(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into() }
    }

    /// Reads `table` or `schema.table`. What stands in double quotes is a name as it is, dots and all.
    ///
    /// # Errors
    /// A part that is no name, see `check`; more than two parts.
    pub fn parse(what: &'static str, text: &str) -> Result<Self, OperationError> {
        let parts = parts(text);
        let wrong = |reason| OperationError::Name { what, name: text.to_owned(), reason };
        for part in &parts {
            check(what, part).map_err(|_| wrong(reason(part).unwrap_or("it is empty")))?;
        }
        match <[String; 2]>::try_from(parts) {
            Ok([schema, name]) => Ok(Self { schema: Some(schema), name }),
            Err(parts) => match <[String; 1]>::try_from(parts) {
                Ok([name]) => Ok(Self { schema: None, name }),
                Err(_) => Err(wrong("it has more parts than a schema and a name")),
            },
        }
    }

    /// Reads `table.column` or `schema.table.column`.
    ///
    /// # Errors
    /// Fewer or more parts; a part that is no name.
    pub fn parse_column(text: &str) -> Result<(Self, String), OperationError> {
        let mut parts = parts(text);
        for part in &parts {
            check("a column", part)?;
        }
        let wrong = || OperationError::Reference { text: text.to_owned() };
        if parts.len() > 3 {
            return Err(wrong());
        }
        let (column, name) = (parts.pop().ok_or_else(wrong)?, parts.pop().ok_or_else(wrong)?);
        Ok((Self { schema: parts.pop(), name }, column))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The parts between dots; a part in double quotes without its quotes. Quotes inside a part are part of the name.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut rest) = (Vec::new(), text.trim());
    loop {
        let quoted = rest.strip_prefix('"').and_then(|inside| {
            let end = inside.replace("\"\"", "\u{1}\u{1}").find('"')?;
            let behind = &inside[end + 1..];
            (behind.is_empty() || behind.starts_with('.'))
                .then(|| (inside[..end].replace("\"\"", "\""), behind))
        });
        let (part, behind) = match quoted {
            Some((part, behind)) => (part, behind),
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        parts.push(part);
        match behind.strip_prefix('.') {
            Some(behind) => rest = behind,
            None => return parts,
        }
    }
}

/// Reads the name of one thing: quotes around it are taken off, what is in them is the name as it is.
///
/// # Errors
/// As `check`.
pub fn parse_name(what: &'static str, text: &str) -> Result<String, OperationError> {
    let text = text.trim();
    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let name = match inside {
        Some(inside) if !inside.replace("\"\"", "").contains('"') => inside.replace("\"\"", "\""),
        _ => text.to_owned(),
    };
    check(what, &name)?;
    Ok(name)
}

/// Sees that `name` is one. A name is quoted wherever it is written, so that nearly any will do; one with a semicolon or a line
/// end is more likely SQL than a name, and is refused.
///
/// # Errors
/// An empty name, a semicolon, a control character.
pub(super) fn check(what: &'static str, name: &str) -> Result<(), OperationError> {
    match reason(name) {
        Some(reason) => Err(OperationError::Name { what, name: name.to_owned(), reason }),
        None => Ok(()),
    }
}

fn reason(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() {
        Some("it is empty")
    } else if name.contains(';') {
        Some("it has a semicolon")
    } else if name.contains(char::is_control) {
        Some("it has a control character")
    } else {
        None
    }
}

/// How long a name may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameLimit {
    /// So many bytes of UTF-8.
    Bytes(usize),
    /// So many characters.
    Characters(usize),
    /// As long as one likes.
    None,
}

impl NameLimit {
    fn length(self, name: &str) -> (usize, usize, &'static str) {
        match self {
            NameLimit::Bytes(limit) => (name.len(), limit, "bytes"),
            NameLimit::Characters(limit) => (name.chars().count(), limit, "characters"),
            NameLimit::None => (0, usize::MAX, "characters"),
        }
    }

    /// Sees that the engine takes `name` as it is: PostgreSQL would cut it and say so in a notice alone
    /// (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>).
    ///
    /// # Errors
    /// A name that is longer.
    pub fn check(self, name: &str) -> Result<(), OperationError> {
        let (length, limit, unit) = self.length(name);
        if length <= limit {
            return Ok(());
        }
        Err(OperationError::LongName { name: name.to_owned(), length, unit, limit })
    }

    /// Returns a name that was made up, cut to the limit. Eight digits of its sum in place of what is cut off keep two long ones
    /// apart.
    pub fn fit(self, name: String) -> String {
        const SUM: usize = 9;
        let (length, limit, _) = self.length(&name);
        if length <= limit {
            return name;
        }
        let sum: String =
            Sha256::digest(name.as_bytes()).iter().take(4).map(|b| format!("{b:02x}")).collect();
        let mut kept = name;
        while self.length(&kept).0 > limit.saturating_sub(SUM) {
            kept.pop();
        }
        format!("{}_{sum}", kept.trim_end_matches('_'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_may_have_a_schema_and_quotes() {
        let parse = |text: &str| TableName::parse("a table", text);
        let named = |schema: Option<&str>, name: &str| {
            Ok(TableName { schema: schema.map(str::to_owned), name: name.to_owned() })
        };
        assert_eq!(parse("users"), named(None, "users"));
        assert_eq!(parse("app.users"), named(Some("app"), "users"));
        assert_eq!(parse("\"a.b\""), named(None, "a.b"));
        assert_eq!(parse("\"a.b\".\"c\"\"d\""), named(Some("a.b"), "c\"d"));
        assert_eq!(parse("weird \"name\""), named(None, "weird \"name\""));
        for wrong in ["", ".", "a.", ".a", "a.b.c", "x; DROP TABLE y", "a\nb", "\"\""] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(TableName::parse_column("app.users.id").unwrap().0.schema.as_deref(), Some("app"));
        assert!(TableName::parse_column("users").is_err());
        assert!(TableName::parse_column("a.b.c.d").is_err());
        assert_eq!(parse_name("a column", "\"from\"").unwrap(), "from");
        assert_eq!(parse_name("a column", "a\"b").unwrap(), "a\"b");
    }

    #[test]
    fn a_long_name_is_cut_and_stays_itself() {
        let long = |end: &str| format!("ix_{}_{end}", "ä".repeat(60));
        let (a, b) = (NameLimit::Bytes(63).fit(long("a")), NameLimit::Bytes(63).fit(long("b")));
        assert!(a != b && a.len() <= 63 && b.len() <= 63, "{a} {b}");
        assert_eq!(NameLimit::Characters(64).fit(long("abc")).chars().count(), 64);
        assert_eq!(NameLimit::None.fit(long("a")), long("a"));
        assert_eq!(NameLimit::Bytes(63).fit("ix_a_b".to_owned()), "ix_a_b");
        assert!(NameLimit::Bytes(63).check(&long("a")).is_err());
    }
}
