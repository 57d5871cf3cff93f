//! Pieces of SQL that a person gives: a condition, an expression, a default. Each is seen to be one piece, so that nothing behind
//! it can be another statement.

use super::OperationError;
use crate::sql::{Rules, Syntax, Token, TokenKind, tokens};

/// One expression, as it was written. That it is one is seen when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    text: String,
    /// An engine wrote it itself.
    written: bool,
}

impl Expression {
    /// Reads an expression. `what` is what it is to be, for the error.
    ///
    /// # Errors
    /// Nothing at all; a semicolon, a comment, a comma outside parentheses and brackets, a quote or parenthesis that is not closed or
    /// opened, a line end outside a literal.
    pub fn parse(what: &'static str, text: &str, syntax: Syntax) -> Result<Self, OperationError> {
        let text = text.trim();
        match one_piece(text, syntax) {
            Ok(_) => Ok(Self { text: text.to_owned(), written: false }),
            Err(reason) => Err(OperationError::Expression { what, text: text.to_owned(), reason }),
        }
    }

    /// Returns an expression that an engine wrote itself, which needs no look.
    pub(crate) fn written(text: impl Into<String>) -> Self {
        Self { text: text.into(), written: true }
    }

    /// Returns whether an engine wrote it itself, so that it needs no parentheses where it stood without.
    pub(crate) fn is_written(&self) -> bool {
        self.written
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the text in parentheses, unless it stands in one pair already.
    pub fn enclosed(&self, syntax: Syntax) -> String {
        let pieces = significant(&self.text, syntax);
        if encloses(&pieces) { self.text.clone() } else { format!("({})", self.text) }
    }
}

/// The tokens that mean something, where the text is one piece.
pub(super) fn one_piece(text: &str, syntax: Syntax) -> Result<Vec<Token<'_>>, &'static str> {
    let mut open = Vec::new();
    let mut found = Vec::new();
    for token in tokens(text, Rules::new(syntax)) {
        match token.kind {
            _ if !token.closed => return Err("a quote is not closed"),
            TokenKind::LineComment
            | TokenKind::BlockComment
            | TokenKind::ExecutableComment
            | TokenKind::Hint => return Err("it has a comment"),
            TokenKind::Whitespace => {
                if token.text.contains(['\n', '\r']) {
                    return Err("it has a line end");
                }
                continue;
            }
            TokenKind::Symbol if token.text == ";" => return Err("it has a semicolon"),
            TokenKind::Symbol if ["(", "[", "{"].contains(&token.text) => open.push(token.text),
            TokenKind::Symbol if [")", "]", "}"].contains(&token.text) => match (open.pop(), token.text) {
                (Some("("), ")") | (Some("["), "]") | (Some("{"), "}") => {}
                _ => return Err("a parenthesis is closed that was not opened"),
            },
            // Behind it stands another clause of the statement.
            TokenKind::Symbol if token.text == "," && open.is_empty() => {
                return Err("it has a comma outside parentheses");
            }
            TokenKind::Symbol if token.text.contains(char::is_control) => {
                return Err("it has a control character");
            }
            _ => {}
        }
        found.push(token);
    }
    match (found.is_empty(), open.is_empty()) {
        (true, _) => Err("it is empty"),
        (_, true) => Ok(found),
        _ => Err("a parenthesis is not closed"),
    }
}

fn significant(text: &str, syntax: Syntax) -> Vec<Token<'_>> {
    tokens(text, Rules::new(syntax)).filter(|token| token.kind != TokenKind::Whitespace).collect()
}

/// Whether the first token opens the parenthesis that the last one closes.
fn encloses(tokens: &[Token<'_>]) -> bool {
    let Some(first) = tokens.first().filter(|token| token.text == "(") else { return false };
    let mut depth = 0_i32;
    let end = tokens.iter().position(|token| {
        depth += i32::from(token.text == "(") - i32::from(token.text == ")");
        depth == 0
    });
    first.start == 0 && end == Some(tokens.len() - 1)
}

/// What a column holds where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultValue {
    /// A number, as it was written.
    Number(String),
    /// A text, without quotes: what it says is a literal, whatever it looks like.
    Text(String),
    /// `NULL`, `TRUE`, `FALSE`.
    Keyword(&'static str),
    /// The time at which the row is written.
    Now,
    /// An expression in the engine's words.
    Expression(Expression),
}

impl DefaultValue {
    /// Reads a default. It is
    ///
    /// | written | is |
    /// | --- | --- |
    /// | `0`, `-1.5`, `2e3` | a number |
    /// | `NULL`, `TRUE`, `FALSE`, in any case | that word |
    /// | `now()`, `CURRENT_TIMESTAMP` | the time at which the row is written, in each engine's words |
    /// | `CURRENT_DATE`, `CURRENT_TIME`, `CURRENT_USER`, `LOCALTIMESTAMP`, … | that word |
    /// | `(price * 2)`, `gen_random_uuid()`, `'{}'::jsonb` | an expression: something in parentheses, a call, a literal with a cast |
    /// | `'active'` | the text in the quotes |
    /// | anything else: `active`, `it's` | a text, which is quoted |
    ///
    /// # Errors
    /// An expression that is not one piece of SQL, see [`Expression::parse`]; a NUL in a text.
    pub fn parse(text: &str, syntax: Syntax) -> Result<Self, OperationError> {
        let trimmed = text.trim();
        let upper = trimmed.to_ascii_uppercase();
        for keyword in ["NULL", "TRUE", "FALSE"] {
            if upper == keyword {
                return Ok(DefaultValue::Keyword(keyword));
            }
        }
        if ["NOW()", "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP()"].contains(&upper.as_str()) {
            return Ok(DefaultValue::Now);
        }
        if is_number(trimmed) {
            return Ok(DefaultValue::Number(trimmed.to_owned()));
        }
        let expression = || Expression::parse("default", trimmed, syntax).map(DefaultValue::Expression);
        const WORDS: &[&str] =
            &["CURRENT_DATE", "CURRENT_TIME", "CURRENT_USER", "SESSION_USER", "LOCALTIME", "LOCALTIMESTAMP"];
        if WORDS.contains(&upper.as_str()) || trimmed.starts_with('(') {
            return expression();
        }
        let pieces = significant(trimmed, syntax);
        let kind = |at: usize| pieces.get(at).map(|token| token.kind);
        let text_at = |at: usize| pieces.get(at).map_or("", |token| token.text);
        // `word(…` without a space is a call; with one it is more likely the beginning of a sentence.
        let called = kind(0) == Some(TokenKind::Word)
            && text_at(1) == "("
            && pieces.get(1).is_some_and(|open| open.start == text_at(0).len())
            && trimmed.ends_with(')');
        let literal = kind(0) == Some(TokenKind::String) && pieces[0].closed && trimmed.starts_with('\'');
        if literal && pieces.len() == 1 {
            let inside = &trimmed[1..trimmed.len() - 1];
            return Self::text(&inside.replace("''", "'"));
        }
        if called || (literal && text_at(1) == ":" && text_at(2) == ":") || (literal && text_at(1) == "::") {
            return expression();
        }
        Self::text(text)
    }

    fn text(text: &str) -> Result<Self, OperationError> {
        if text.contains('\0') {
            let reason = "it has a control character";
            return Err(OperationError::Expression { what: "default", text: text.to_owned(), reason });
        }
        Ok(DefaultValue::Text(text.to_owned()))
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'))
        && digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default(text: &str) -> DefaultValue {
        DefaultValue::parse(text, Syntax::Postgres).unwrap()
    }

    #[test]
    fn a_default_is_what_it_looks_like() {
        let text = |text: &str| DefaultValue::Text(text.to_owned());
        let expression =
            |text: &str| DefaultValue::Expression(Expression { text: text.to_owned(), written: false });
        for number in ["0", "-1.5", "2e3", ".5", "+4"] {
            assert_eq!(default(number), DefaultValue::Number(number.to_owned()));
        }
        assert_eq!(default("null"), DefaultValue::Keyword("NULL"));
        assert_eq!(default("True"), DefaultValue::Keyword("TRUE"));
        assert_eq!(default("now()"), DefaultValue::Now);
        assert_eq!(default("current_timestamp"), DefaultValue::Now);
        for sql in
            ["(1 + 2)", "gen_random_uuid()", "CURRENT_DATE", "nextval('a;b')", "'{}'::jsonb", "(1) + (2)"]
        {
            assert_eq!(default(sql), expression(sql));
        }
        for plain in
            ["active", "it's", "1.2.3", "2026-01-01 00:00:00", "a (b)", "", "x; DROP TABLE y", "12abc"]
        {
            assert_eq!(default(plain), text(plain));
        }
        assert_eq!(default("'it''s'"), text("it's"));
        assert_eq!(default("'a' 'b'"), text("'a' 'b'"));
    }

    #[test]
    fn an_expression_is_one_piece() {
        for wrong in [
            "",
            "  ",
            "1); DROP TABLE y; --",
            "now(); DROP TABLE y",
            "a -- b",
            "a /* b */",
            "'a",
            "(a",
            "a)",
            ") (",
            "a\nb",
            "(0), DROP COLUMN name",
            "a, b",
            "(a], DROP COLUMN name, [b)",
            "a[1",
        ] {
            assert!(Expression::parse("condition", wrong, Syntax::Postgres).is_err(), "{wrong:?}");
        }
        for right in ["(a, b) < (1, 2)", "tags && ARRAY['a', 'b']", "f(a, 'x, y')", "m[1:2] = '{1, 2}'"] {
            assert!(Expression::parse("condition", right, Syntax::Postgres).is_ok(), "{right:?}");
        }
        for wrong in ["(0), DROP COLUMN name", "f(0), DROP COLUMN name()", "'{}'::jsonb, DROP COLUMN name"] {
            assert!(DefaultValue::parse(wrong, Syntax::Postgres).is_err(), "{wrong:?}");
        }
        assert!(Expression::parse("condition", "x = {'a': 1, 'b': [1, 2]}", Syntax::Duckdb).is_ok());
        for wrong in ["(1); DROP TABLE y", "f(); DROP TABLE y()", "(1)) CHECK (1", "f() -- )"] {
            assert!(DefaultValue::parse(wrong, Syntax::Sqlite).is_err(), "{wrong:?}");
        }
        let right = Expression::parse("condition", " status IN ('a;b', 'c--d') ", Syntax::Mysql).unwrap();
        assert_eq!(right.enclosed(Syntax::Mysql), "(status IN ('a;b', 'c--d'))");
        let of = |text: &str| Expression::written(text).enclosed(Syntax::Sqlite);
        assert_eq!(of("(a) + (b)"), "((a) + (b))");
        assert_eq!(of("((a) + (b))"), "((a) + (b))");
    }
}
