//! Hides what stands behind PASSWORD, IDENTIFIED BY and the like, before a statement is shown.

use super::{Rules, Syntax, TokenKind, tokens};

/// What announces a secret: in a role's definition, and in one of DuckDB's secrets
/// (<https://duckdb.org/docs/stable/sql/statements/create_secret>).
const TELLING: &[&str] =
    &["password", "identified", "secret", "session_token", "bearer_token", "client_secret"];

/// Returns `text` with each literal behind `PASSWORD`, `IDENTIFIED BY`, `IDENTIFIED … AS`, `SECRET` or a token as `'***'`.
pub fn mask_secrets(text: &str) -> String {
    if !TELLING.iter().any(|word| contains(text, word)) {
        return text.to_owned();
    }
    let mut masked = String::with_capacity(text.len());
    // The words since the last one that announces a secret; a few may stand between it and the literal.
    let mut behind: Option<u32> = None;
    for token in tokens(text, Rules::new(Syntax::Mysql)) {
        match token.kind {
            TokenKind::Word if TELLING.iter().any(|word| token.text.eq_ignore_ascii_case(word)) => {
                behind = Some(0)
            }
            TokenKind::String if behind.is_some() => {
                masked.push_str("'***'");
                behind = None;
                continue;
            }
            // Text of a statement that another one runs.
            TokenKind::String if TELLING.iter().any(|word| contains(token.text, word)) => {
                masked.push_str(&within(token.text));
                continue;
            }
            TokenKind::Word => behind = behind.map(|words| words + 1).filter(|words| *words < 5),
            TokenKind::Symbol if token.text == ";" => behind = None,
            _ => {}
        }
        masked.push_str(token.text);
    }
    masked
}

/// Masks what stands in a literal as a statement.
fn within(literal: &str) -> String {
    let inner = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    inner.map_or_else(
        || literal.to_owned(),
        |inner| format!("'{}'", mask_secrets(&inner.replace("''", "'")).replace('\'', "''")),
    )
}

fn contains(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_nothing_else() {
        let cases = [
            (
                "CREATE SECRET s (TYPE s3, KEY_ID 'id', SECRET 'hunter2', REGION 'eu')",
                "CREATE SECRET s (TYPE s3, KEY_ID '***', SECRET '***', REGION 'eu')",
            ),
            (
                "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''hunter2'' NO'; END $$",
                "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''***'' NO'; END $$",
            ),
            (
                "ALTER ROLE a WITH LOGIN PASSWORD 'hunter2' VALID UNTIL '2030'",
                "ALTER ROLE a WITH LOGIN PASSWORD '***' VALID UNTIL '2030'",
            ),
            (
                "CREATE USER a IDENTIFIED WITH mysql_native_password BY 'x'",
                "CREATE USER a IDENTIFIED WITH mysql_native_password BY '***'",
            ),
            ("create user a identified by 'it''s'", "create user a identified by '***'"),
            ("SELECT 'plain'", "SELECT 'plain'"),
            (
                "CREATE TABLE u (password TEXT, a TEXT, b TEXT, c TEXT, d TEXT DEFAULT 'x')",
                "CREATE TABLE u (password TEXT, a TEXT, b TEXT, c TEXT, d TEXT DEFAULT 'x')",
            ),
        ];
        for (text, masked) in cases {
            assert_eq!(mask_secrets(text), masked);
        }
    }
}
