//! `.env` files: `KEY=VALUE`, `export`, quotes, comments.
//!
//! Our own reader, because `dotenvy` replaces `$NAME` from the process environment while it reads, which empties
//! `pa$word`. Here a `$` is a `$`; only `${NAME}` is a reference (not in single quotes), and it is followed when somebody
//! asks for the variable, so that a reference of another program's variable stops nobody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::SettingsError;

/// One variable of a file.
#[derive(Clone)]
pub(crate) struct EnvEntry {
    pub(crate) value: String,
    /// Whether `${NAME}` in it is a reference.
    pub(crate) expands: bool,
    pub(crate) line: u32,
}

/// One file, its variables by name; of two with one name the later one counts.
#[derive(Clone)]
pub(crate) struct EnvFile {
    /// As messages show it.
    pub(crate) file: PathBuf,
    pub(crate) entries: BTreeMap<String, EnvEntry>,
}

impl EnvFile {
    /// Reads `text`, which stands in `file`.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, SettingsError> {
        let mut entries = BTreeMap::new();
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut line = 1_u32;
        while !rest.is_empty() {
            let fail = |problem| SettingsError::EnvLine { file: file.to_owned(), line, problem };
            let end = rest.find('\n').unwrap_or(rest.len());
            let this = rest[..end].trim();
            if this.is_empty() || this.starts_with('#') {
                rest = rest.get(end + 1..).unwrap_or_default();
                line += 1;
                continue;
            }
            let equals = rest[..end].find('=').ok_or_else(|| fail("expected KEY=VALUE"))?;
            let key = rest[..equals].trim();
            let key = key.strip_prefix("export ").unwrap_or(key).trim();
            if !is_key(key) {
                return Err(fail("the text before = is no name of a variable"));
            }
            let value = rest[equals + 1..].trim_start_matches([' ', '\t']);
            let (value, expands, after) = match value.chars().next() {
                Some('\'') => {
                    let (value, after) =
                        value[1..].split_once('\'').ok_or_else(|| fail("the quote ' is not closed"))?;
                    (value.to_owned(), false, after)
                }
                Some('"') => {
                    let (value, after) =
                        double_quoted(&value[1..]).ok_or_else(|| fail("the quote \" is not closed"))?;
                    (value, true, after)
                }
                _ => {
                    let end = value.find('\n').unwrap_or(value.len());
                    (unquoted(&value[..end]).to_owned(), true, &value[end..])
                }
            };
            let end = after.find('\n').unwrap_or(after.len());
            let tail = after[..end].trim();
            if !tail.is_empty() && !tail.starts_with('#') {
                return Err(fail("text follows the closing quote"));
            }
            entries.insert(key.to_owned(), EnvEntry { value, expands, line });
            let next = after.get(end + 1..).unwrap_or_default();
            let read = &rest[..rest.len() - next.len()];
            line += u32::try_from(read.matches('\n').count()).unwrap_or(u32::MAX);
            rest = next;
        }
        Ok(Self { file: file.to_owned(), entries })
    }
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Cuts a comment off: it begins with a `#` after white space, so that `pass#1` is whole.
fn unquoted(value: &str) -> &str {
    let mut before = ' ';
    for (at, c) in value.char_indices() {
        if c == '#' && before.is_whitespace() {
            return value[..at].trim();
        }
        before = c;
    }
    value.trim()
}

/// Returns the value up to the closing quote, and what follows it.
fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                // The escape of the references that are followed later.
                '$' if text[at + 2..].starts_with('{') => value.push_str("$$"),
                c @ ('"' | '\\' | '$') => value.push(c),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        EnvFile::parse(Path::new(".env"), text).unwrap().entries["K"].value.clone()
    }

    #[test]
    fn a_dollar_and_a_hash_in_a_password_survive() {
        let url = "postgresql://u:pa$word#1@h/db";
        assert_eq!(value(&format!("K={url}")), url);
        assert_eq!(value(&format!("K='{url}'")), url);
        assert_eq!(value(&format!("K=\"{url}\"")), url);
    }

    #[test]
    fn the_usual_spellings_are_read() {
        assert_eq!(value("\u{feff}export K = v  # comment\r\n"), "v");
        assert_eq!(value("# c\n\nK=a b#c\n"), "a b#c");
        assert_eq!(value("K="), "");
        assert_eq!(value("K=#"), "");
        assert_eq!(value("K=a=b"), "a=b");
        assert_eq!(value(r#"K="a\n\"b\" \d \\" # c"#), "a\n\"b\" \\d \\");
        assert_eq!(value("K='a\\n'"), "a\\n");
        assert_eq!(value("A='1\n2'\nK=x\nK=y"), "y");
    }

    #[test]
    fn lines_are_counted_over_values_of_several_lines() {
        let file = EnvFile::parse(Path::new(".env"), "A=\"1\n2\"\n\nB='3'\nC=4").unwrap();
        assert_eq!(file.entries.values().map(|it| it.line).collect::<Vec<_>>(), [1, 4, 5]);
    }
}
