//! Names as the engines compare them.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::sql::{Syntax, Token, TokenKind};

/// PostgreSQL cuts a longer name (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html>, NAMEDATALEN).
const POSTGRES_NAME: usize = 63;

/// The name of an object, as far as it is qualified, in the case in which its engine compares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    /// Never empty; its own name last.
    parts: Vec<String>,
}

impl ObjectName {
    /// Takes `parts` as a name, its own last; nothing where there is none.
    pub(super) fn of(parts: Vec<String>) -> Option<Self> {
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// Returns its own name, without what qualifies it.
    pub fn last(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// Returns whether both may name one object: `users` is in a schema that the session knows, so it may be `public.users` and
    /// `app.users`, which are two.
    pub fn may_be(&self, other: &Self) -> bool {
        self.parts.iter().rev().zip(other.parts.iter().rev()).all(|(one, other)| one == other)
    }

    /// The name of what belongs to this table alone, as a trigger of PostgreSQL does.
    pub(super) fn within(&self, last: &str) -> Self {
        Self { parts: self.parts.iter().cloned().chain([last.to_owned()]).collect() }
    }

    /// What the name qualifies, where it is that of a column.
    pub(super) fn parent(&self) -> Option<Self> {
        Self::of(self.parts[..self.parts.len() - 1].to_vec())
    }

    /// The same in another schema.
    pub(super) fn moved(&self, schema: &Self) -> Self {
        schema.within(self.last())
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("."))
    }
}

impl Serialize for ObjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What `token` is as a part of a name, where it may be one.
///
/// SQLite and DuckDB compare names without case, quoted or not (<https://sqlite.org/lang_keywords.html>,
/// <https://duckdb.org/docs/stable/sql/dialect/keywords_and_identifiers>). On MySQL that depends on the server
/// (`lower_case_table_names`), so names that differ in case alone are taken for one.
pub(super) fn part(token: &Token<'_>, syntax: Syntax) -> Option<String> {
    let text = token.text;
    match token.kind {
        TokenKind::Word => Some(plain(text, syntax)),
        TokenKind::Identifier => quoted(text, syntax),
        // `"users"` is a string of MySQL's unless its mode says otherwise, and SQLite takes any string for a name where one is due.
        TokenKind::String if matches!(syntax, Syntax::Mysql | Syntax::Sqlite) => {
            let quote = text.chars().next()?;
            let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
            let unquoted = matches!(quote, '"' | '\'').then(|| inner.to_lowercase());
            unquoted.filter(|name| !name.is_empty())
        }
        _ => None,
    }
}

/// A name without quotes, or one in a text such as `'public.users'`.
pub(super) fn plain(text: &str, syntax: Syntax) -> String {
    cut(text.to_lowercase(), syntax)
}

fn quoted(text: &str, syntax: Syntax) -> Option<String> {
    let inner = |open: char, close: char| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        Some(inner.replace(&format!("{close}{close}"), &close.to_string()))
    };
    let name = match text.chars().next()? {
        '[' => text.strip_prefix('[')?.strip_suffix(']')?.to_owned(),
        quote @ ('"' | '`') => inner(quote, quote)?,
        // `U&"…"`, whose escapes only a server reads.
        _ => return None,
    };
    Some(if syntax == Syntax::Postgres { cut(name, syntax) } else { name.to_lowercase() })
}

fn cut(mut name: String, syntax: Syntax) -> String {
    if syntax == Syntax::Postgres && name.len() > POSTGRES_NAME {
        let end = (0..=POSTGRES_NAME).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        name.truncate(end);
    }
    name
}
