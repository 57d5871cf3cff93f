//! `DELIMITER`, a command of the `mysql` client that never reaches the server.
//! <https://dev.mysql.com/doc/refman/8.4/en/stored-programs-defining.html>

use std::io::Read;

use memchr::{memchr, memchr2};

use super::{Found, Reader, TextError};
use crate::sql::lexer::{Lexeme, TokenKind, word_is};

/// The command.
pub(super) const DELIMITER: &str = "delimiter";

/// What a word DELIMITER turned out to be.
pub(super) enum DelimiterLine {
    /// Not enough text to tell.
    More,
    /// The command, done.
    Set,
    /// The command, behind a statement without a terminator; it is read again behind that.
    EndsStatement(Found),
    /// A name.
    Name,
}

impl<R: Read> Reader<R> {
    /// Whether the delimiter stands here; `None`: not enough text to tell.
    #[inline]
    pub(super) fn delimiter_at(&self, at: usize) -> Option<bool> {
        let rest = &self.buffer[at..self.filled];
        if rest.first() != self.delimiter.first() {
            return Some(false);
        }
        let shared = rest.len().min(self.delimiter.len());
        if rest[..shared] != self.delimiter[..shared] {
            return Some(false);
        }
        if shared == self.delimiter.len() {
            Some(true)
        } else if self.source_ended {
            Some(false)
        } else {
            None
        }
    }

    /// The client looks for the delimiter at each byte outside quotes and comments, so it also ends a word: `END$$`.
    #[inline]
    pub(super) fn cut_at_delimiter(&self, token: &mut Lexeme) {
        if let Some(&first) = self.delimiter.first()
            && matches!(token.kind, TokenKind::Word | TokenKind::Number)
        {
            self.cut_at(first, token);
        }
    }

    fn cut_at(&self, first: u8, token: &mut Lexeme) {
        let mut from = self.at + 1;
        // Words are short, where a call into the vector search costs more than the word.
        while let Some(i) = self.buffer[from..token.end].iter().position(|&b| b == first) {
            // Unclear here means that it will be looked at again, with more text, as the next token.
            if self.delimiter_at(from + i) != Some(false) {
                token.end = from + i;
                return;
            }
            from += i + 1;
        }
    }

    /// A `;` under another delimiter. The client sends all up to that, and the server takes the `;` for the end of each statement but a
    /// routine. So a plain statement ends here. What may be a routine goes on, since the delimiter is there to say where it ends; the `;`
    /// behind its END is no part of it, as two in a row would be an error.
    pub(super) fn semicolon_under_delimiter(&mut self, at: usize) -> Option<Found> {
        let end = at + 1;
        if self.body.is_plain() {
            return self.terminator(at, end);
        }
        let last = self.pending.end;
        self.symbol(b';', Lexeme { kind: TokenKind::Symbol, end, closed: true });
        self.pending.end = last;
        None
    }

    #[inline]
    pub(super) fn is_delimiter_command(&self, at: usize, end: usize) -> bool {
        word_is(&self.buffer[at..end], DELIMITER)
            && self.buffer[..self.filled].get(end).is_none_or(u8::is_ascii_whitespace)
    }

    pub(super) fn delimiter_command(&mut self, at: usize, end: usize) -> Result<DelimiterLine, TextError> {
        let rest = &self.buffer[end..self.filled];
        let line = match memchr2(b'\n', b'\r', rest) {
            Some(i) => &rest[..i],
            None if self.source_ended => rest,
            None => return Ok(DelimiterLine::More),
        };
        let length = line.len();
        let wanted = argument(line);
        if let Some(start) = self.pending.start {
            // The client ends a statement at any `delimiter `, even where that is the name of a column. Here the line must also look like
            // the command, and stand where the statement could end.
            let alone = wanted.is_some_and(|wanted| {
                wanted == line.trim_ascii()
                    && wanted.iter().all(u8::is_ascii_punctuation)
                    && !wanted.starts_with(b",")
                    && !wanted.iter().any(|b| b"=()<>+-*.'\"`".contains(b))
            });
            let could_end = self.pending.depth == 0
                && (!self.delimiter.is_empty() || self.body.opened().is_none())
                && self.begins_line(at);
            if !(alone && could_end) {
                return Ok(DelimiterLine::Name);
            }
            let end = self.pending.end;
            return Ok(DelimiterLine::EndsStatement(Found::Statement {
                text: start..end,
                trailing: end,
                end,
                terminated: false,
            }));
        }
        let Some(wanted) = wanted else {
            self.clean(at)?;
            return Err(TextError::DelimiterMissing { place: self.place(at) });
        };
        self.delimiter = if wanted == b";" { Vec::new() } else { wanted.to_vec() };
        self.pending.hint = None;
        self.at = end + length;
        Ok(DelimiterLine::Set)
    }
}

/// The first word of the rest of the line, or what stands in quotes. The client refuses a backslash.
fn argument(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii_start();
    let wanted = match line.first() {
        Some(quote @ (b'\'' | b'"' | b'`')) => {
            let inside = &line[1..];
            &inside[..memchr(*quote, inside)?]
        }
        _ => &line[..line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len())],
    };
    if wanted.is_empty() || wanted.contains(&b'\\') { None } else { Some(wanted) }
}
