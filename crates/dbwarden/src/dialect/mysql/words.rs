//! The words of a statement, taken one by one. What stands in a comment that the server executes counts like the rest
//! (<https://dev.mysql.com/doc/refman/8.4/en/comments.html>).

use crate::sql::{Rules, Syntax, Token, TokenKind, tokens};

#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    statement: &'a str,
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Words<'a> {
    pub(super) fn of(statement: &'a str) -> Self {
        let mut found = Vec::new();
        collect(statement, &mut found);
        Self { statement, tokens: found, at: 0 }
    }

    pub(super) fn rest(&self) -> &[Token<'a>] {
        self.tokens.get(self.at..).unwrap_or_default()
    }

    /// The text from the next token on; nothing where it stands in an executable comment.
    pub(super) fn rest_text(&self) -> Option<&'a str> {
        let first = self.rest().first()?;
        let start = (first.text.as_ptr() as usize).checked_sub(self.statement.as_ptr() as usize)?;
        self.statement.get(start..)
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        let token = self.rest().first().copied();
        self.at += usize::from(token.is_some());
        token
    }

    pub(super) fn next_upper(&mut self) -> String {
        self.next().map(|token| token.text.to_ascii_uppercase()).unwrap_or_default()
    }

    /// Whether the next is the keyword or symbol `word`.
    pub(super) fn is(&self, word: &str) -> bool {
        self.rest().first().is_some_and(|token| is(token, word))
    }

    /// Takes `word` where it is the next.
    pub(super) fn accept(&mut self, word: &str) -> bool {
        let there = self.is(word);
        self.at += usize::from(there);
        there
    }

    /// Takes all of `words` where they are the next.
    pub(super) fn accept_all(&mut self, words: &[&str]) -> bool {
        let there = starts(self.rest(), words);
        self.at += if there { words.len() } else { 0 };
        there
    }

    /// Takes any of `words` where it is the next.
    pub(super) fn accept_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.accept(word))
    }

    /// Whether `word` is still to come.
    pub(super) fn any(&self, word: &str) -> bool {
        self.rest().iter().any(|token| is(token, word))
    }

    /// Whether `words` are still to come, side by side.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        self.rest().windows(words.len()).any(|window| starts(window, words))
    }

    /// Goes on to `word`, and behind it; returns whether it came.
    pub(super) fn skip_to(&mut self, words: &[&str]) -> Option<String> {
        while let Some(token) = self.next() {
            if words.iter().any(|word| is(&token, word)) {
                return Some(token.text.to_ascii_uppercase());
            }
        }
        None
    }

    /// Takes a name with what it is qualified with.
    pub(super) fn name(&mut self) -> Option<Name> {
        let first = self.part()?;
        Some(if self.accept(".") {
            Name { database: Some(first), name: self.part()? }
        } else {
            Name { database: None, name: first }
        })
    }

    fn part(&mut self) -> Option<String> {
        let token = self.next()?;
        match token.kind {
            TokenKind::Word => Some(token.text.to_owned()),
            // Under ANSI_QUOTES a name may stand in double quotes
            // (https://dev.mysql.com/doc/refman/8.4/en/identifiers.html).
            TokenKind::Identifier | TokenKind::String if token.text.starts_with(['`', '"']) => {
                unquoted(token.text)
            }
            _ => None,
        }
    }
}

/// A name, without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// The database, where it is named.
    pub(super) database: Option<String>,
    pub(super) name: String,
}

/// Takes the names apart that are written as `text`, with their quotes and what they are qualified with.
pub(super) fn parts(text: &str) -> Option<Vec<String>> {
    let mut words = Words::of(text);
    let mut parts = vec![words.part()?];
    while words.accept(".") {
        parts.push(words.part()?);
    }
    words.rest().is_empty().then_some(parts)
}

fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next()?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
}

fn collect<'a>(text: &'a str, to: &mut Vec<Token<'a>>) {
    for token in tokens(text, Rules::new(Syntax::Mysql)) {
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment | TokenKind::Hint => {}
            TokenKind::ExecutableComment => {
                let inner = token.text.trim_start_matches("/*M!").trim_start_matches("/*!");
                let inner = inner.strip_suffix("*/").unwrap_or(inner);
                collect(inner.trim_start_matches(|c: char| c.is_ascii_digit()), to);
            }
            _ => to.push(token),
        }
    }
}

pub(super) fn is(token: &Token<'_>, word: &str) -> bool {
    matches!(token.kind, TokenKind::Word | TokenKind::Symbol) && token.text.eq_ignore_ascii_case(word)
}

fn starts(tokens: &[Token<'_>], words: &[&str]) -> bool {
    tokens.len() >= words.len() && tokens.iter().zip(words).all(|(token, word)| is(token, word))
}

/// The first word, also in an executable comment or behind a parenthesis.
pub(super) fn first_word(statement: &str) -> &str {
    let word = |text: &str| text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    match word(statement) {
        0 => {
            let mut found = Vec::new();
            collect(statement, &mut found);
            found.into_iter().find(|token| token.kind == TokenKind::Word).map_or("", |token| token.text)
        }
        end => &statement[..end],
    }
}
