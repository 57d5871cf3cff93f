//! Tokens of each dialect, as its server's own lexer cuts them. Works on bytes, so that one scanner serves a complete text and a
//! buffer that ends anywhere; never fails: what is not closed runs to the end and says so.
//!
//! The rules are those of
//! SQLite <https://sqlite.org/lang_expr.html#literal_values_constants_> and its `tokenize.c`,
//! PostgreSQL <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>,
//! MySQL <https://dev.mysql.com/doc/refman/8.4/en/language-structure.html> and
//! DuckDB <https://duckdb.org/docs/stable/sql/data_types/literal_types>, whose lexer is nearly PostgreSQL's.

mod class;
mod comment;
mod scan;

use super::Syntax;

pub(crate) use class::{BOM, NAME, is_space};
pub(crate) use scan::{Lexeme, scan, string_end};

/// What changes the meaning of the text: the dialect, and the two `sql_mode`s of MySQL that change what its tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The dialect.
    pub syntax: Syntax,
    /// MySQL's `ANSI_QUOTES`: `"…"` is an identifier, and a backslash in it is only a backslash.
    pub ansi_quotes: bool,
    /// MySQL's `NO_BACKSLASH_ESCAPES`: a backslash in a string is only a backslash.
    pub no_backslash_escapes: bool,
    /// Nothing of a statement stands before: MySQL's and MariaDB's clients then take `--` for a comment whatever follows it, and send no such
    /// line (tried with `mariadb` 10.11).
    pub(crate) leading: bool,
}

impl Rules {
    /// The rules of a dialect in its default mode.
    pub const fn new(syntax: Syntax) -> Self {
        Rules { syntax, ansi_quotes: false, no_backslash_escapes: false, leading: false }
    }

    /// The same rules for what stands before a statement.
    pub(crate) const fn before_a_statement(self) -> Self {
        Rules { leading: true, ..self }
    }

    /// Whether a backslash escapes in strings without a prefix.
    fn backslash(self) -> bool {
        matches!(self.syntax, Syntax::Mysql) && !self.no_backslash_escapes
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// A keyword or a name without quotes.
    Word,
    /// A number, with what letters stick to it.
    Number,
    /// A quoted literal with its prefix: `'…'`, `E'…'`, `x'…'`, `N'…'`, `U&'…'`, and `"…"` in MySQL.
    String,
    /// A quoted name: `"…"`, `` `…` ``, `[…]`, `U&"…"`.
    Identifier,
    /// A dollar-quoted string with its tags.
    DollarString,
    /// A placeholder for a value: `?1`, `:a`, `@a` and `$a` in SQLite, `$1` in PostgreSQL and DuckDB.
    Parameter,
    /// Any other single character.
    Symbol,
    /// A comment to the end of its line, without the line end.
    LineComment,
    /// A comment between `/*` and `*/`.
    BlockComment,
    /// A comment that MySQL or MariaDB executes: `/*! … */`, `/*M! … */`.
    ExecutableComment,
    /// An optimizer hint: `/*+ … */` in MySQL, and in PostgreSQL for `pg_hint_plan`.
    Hint,
    /// White space; also a byte order mark at the start.
    Whitespace,
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// The text itself.
    pub text: &'a str,
    /// Bytes from the start of the whole text.
    pub start: usize,
    /// False when a quote or comment is not closed and the token runs to the end of the text.
    pub closed: bool,
}

/// Returns the tokens of a complete text. The texts of the tokens, one behind the other, are the input.
pub fn tokens(text: &str, rules: Rules) -> Tokens<'_> {
    Tokens { text, rules, at: 0 }
}

/// Returns the texts of the tokens that mean something: no white space and no plain comments.
pub fn keywords(text: &str, rules: Rules) -> impl Iterator<Item = &str> {
    tokens(text, rules)
        .filter(|token| {
            !matches!(token.kind, TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment)
        })
        .map(|token| token.text)
}

/// The iterator behind [`tokens`].
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a str,
    rules: Rules,
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        let found = if start == 0 && self.text.as_bytes().starts_with(BOM) {
            Lexeme { kind: TokenKind::Whitespace, end: BOM.len(), closed: true }
        } else {
            scan(self.text.as_bytes(), start, self.rules, true)?
        };
        self.at = found.end;
        Some(Token { kind: found.kind, text: &self.text[start..found.end], start, closed: found.closed })
    }
}
/// Whether a word is this keyword, in any case.
#[inline]
pub(crate) fn word_is(word: &[u8], keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword.as_bytes())
}
