//! What is wrong with a text, and where.

use memchr::memchr;

use super::event::checked;
use super::{Found, Reader};
use crate::sql::lexer::{Lexeme, TokenKind};
use crate::sql::{Position, TextError};

impl<R> Reader<R> {
    /// Where a place of the buffer stands in the file.
    pub(super) fn place(&self, at: usize) -> Position {
        let mut tracker = self.tracker;
        tracker.advance(&self.buffer[self.done..at], self.plain);
        tracker.position
    }

    /// Refuses what is wrong with the text from what was handed out to `end`.
    pub(super) fn clean(&self, end: usize) -> Result<(), TextError> {
        checked(&self.buffer[self.done..end], self.tracker, self.plain).map(drop)
    }

    pub(super) fn unterminated(&self, token: Lexeme) -> TextError {
        if let Err(error) = self.clean(token.end) {
            return error;
        }
        let place = self.place(self.at);
        let text = &self.buffer[self.at..token.end];
        match token.kind {
            TokenKind::String => {
                let quote = if text.first() == Some(&b'"') { '"' } else { '\'' };
                TextError::UnterminatedString { place, quote }
            }
            TokenKind::Identifier => {
                let quote = match text.first() {
                    Some(b'`') => '`',
                    Some(b'[') => ']',
                    _ => '"',
                };
                TextError::UnterminatedIdentifier { place, quote }
            }
            TokenKind::DollarString => {
                let length = memchr(b'$', text.get(1..).unwrap_or_default()).map_or(0, |i| i + 2);
                TextError::UnterminatedDollar {
                    place,
                    tag: String::from_utf8_lossy(&text[..length]).into_owned(),
                }
            }
            _ => TextError::UnterminatedComment { place },
        }
    }

    /// A command of `psql` or `mysql`, such as `\connect` or `\G`: nothing else has a backslash outside of quotes.
    pub(super) fn meta_command(&self, at: usize) -> Result<Found, TextError> {
        let rest = &self.buffer[at + 1..self.filled];
        let length = match rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')) {
            Some(0) => 1,
            Some(length) => length,
            None if !self.source_ended => return Ok(Found::More),
            None => rest.len(),
        };
        self.clean(at)?;
        let command = String::from_utf8_lossy(&self.buffer[at..at + 1 + length]).into_owned();
        Err(TextError::MetaCommand { place: self.place(at), command })
    }
}
