//! The tokens of a statement that mean something, one after the other.

use super::name::{ObjectName, part};
use crate::sql::{Rules, Syntax, Token, TokenKind, tokens};

/// So many tokens of a statement are looked at; what is longer holds rows.
const MOST: usize = 200_000;

/// The tokens of a statement, without white space and comments. What MySQL executes of a comment is a part of it.
pub(super) struct Tokens<'a> {
    pub(super) all: Vec<Token<'a>>,
    /// What was left out of a very long statement has no word that could name a table.
    pub(super) whole: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str, syntax: Syntax) -> Self {
        let mut found = Self { all: Vec::new(), whole: true };
        found.collect(text, syntax);
        found
    }

    fn collect(&mut self, text: &'a str, syntax: Syntax) {
        for token in tokens(text, Rules::new(syntax)) {
            match token.kind {
                TokenKind::Whitespace
                | TokenKind::LineComment
                | TokenKind::BlockComment
                | TokenKind::Hint => {}
                TokenKind::ExecutableComment => self.collect(executed(token.text), syntax),
                _ if self.all.len() < MOST => self.all.push(token),
                TokenKind::Word => {
                    let names = ["select", "from", "join", "into", "update", "table"];
                    self.whole &= !names.iter().any(|name| token.text.eq_ignore_ascii_case(name));
                }
                _ => {}
            }
        }
    }
}

/// What `/*!40101 … */` and `/*M! … */` hold.
fn executed(comment: &str) -> &str {
    let inner = comment.strip_prefix("/*").unwrap_or(comment);
    let inner = inner.strip_prefix('M').unwrap_or(inner);
    let inner = inner.strip_prefix('!').unwrap_or(inner);
    let inner = inner.trim_start_matches(|c: char| c.is_ascii_digit());
    inner.strip_suffix("*/").unwrap_or(inner)
}

/// A place among the tokens of a statement.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t, 'a> {
    pub(super) tokens: &'t [Token<'a>],
    pub(super) at: usize,
    pub(super) syntax: Syntax,
}

impl<'t, 'a> Cursor<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>], syntax: Syntax) -> Self {
        Self { tokens, at: 0, syntax }
    }

    pub(super) fn token(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.at)
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Whether the next token is this word, or this symbol.
    pub(super) fn is(&self, text: &str) -> bool {
        self.is_at(self.at, text)
    }

    pub(super) fn is_any(&self, texts: &[&str]) -> bool {
        texts.iter().any(|text| self.is(text))
    }

    pub(super) fn is_at(&self, at: usize, text: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| is(token, text))
    }

    /// Passes these words, where all of them stand here.
    pub(super) fn accept(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(index, word)| self.is_at(self.at + index, word));
        if found {
            self.at += words.len();
        }
        found
    }

    /// Passes any of these words, as many as stand here.
    pub(super) fn skip(&mut self, words: &[&str]) {
        while !self.is_done() && self.is_any(words) {
            self.at += 1;
        }
    }

    /// Passes `IF EXISTS`, `IF NOT EXISTS`.
    pub(super) fn conditions(&mut self) {
        let _ = self.accept(&["IF", "NOT", "EXISTS"]) || self.accept(&["IF", "EXISTS"]);
    }

    /// Passes what stands in parentheses, where it begins here.
    pub(super) fn parentheses(&mut self) {
        if !self.is("(") {
            return;
        }
        let mut depth = 0usize;
        while let Some(token) = self.token() {
            self.at += 1;
            if is(token, "(") {
                depth += 1;
            } else if is(token, ")") {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
        }
    }

    /// Goes to the next of these words outside of parentheses, and passes it.
    pub(super) fn find(&mut self, word: &str) -> bool {
        while !self.is_done() {
            if self.is("(") {
                self.parentheses();
                continue;
            }
            self.at += 1;
            if self.is_at(self.at - 1, word) {
                return true;
            }
        }
        false
    }

    /// Takes a name with what qualifies it.
    pub(super) fn name(&mut self) -> Option<ObjectName> {
        let mut parts = Vec::new();
        while let Some(part) = self.token().and_then(|token| part(token, self.syntax)) {
            parts.push(part);
            self.at += 1;
            let more = self.tokens.get(self.at + 1).and_then(|token| self::part(token, self.syntax));
            if !self.is(".") || more.is_none() {
                break;
            }
            self.at += 1;
        }
        ObjectName::of(parts)
    }
}

/// Whether `token` is this word without quotes, or this symbol.
pub(super) fn is(token: &Token<'_>, text: &str) -> bool {
    matches!(token.kind, TokenKind::Word | TokenKind::Symbol) && token.text.eq_ignore_ascii_case(text)
}
