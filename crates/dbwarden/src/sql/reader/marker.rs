//! Line comments that divide a text.

use std::io::Read;

use memchr::memchr2;

use super::{Found, Reader, TextError};
use crate::sql::lexer::{Lexeme, TokenKind};

impl<R: Read> Reader<R> {
    pub(super) fn line_comment(&mut self, token: Lexeme) -> Result<Option<Found>, TextError> {
        let at = self.at;
        self.at = token.end;
        let Some(breaks) = self.breaks else { return Ok(None) };
        if !matches!(self.buffer[at], b'-' | b'#') || !self.begins_line(at) || self.body.opened().is_some() {
            return Ok(None);
        }
        if !std::str::from_utf8(&self.buffer[at..token.end]).is_ok_and(breaks) {
            return Ok(None);
        }
        if self.pending.depth > 0 {
            let opened = self.done + (self.pending.parenthesis - self.tracker.position.offset) as usize;
            self.clean(at)?;
            return Err(TextError::BreakInside { place: self.place(at), opened: self.place(opened) });
        }
        if let Some(start) = self.pending.start {
            // The comment itself is found again, behind the statement.
            self.at = self.pending.end;
            let end = self.pending.end;
            return Ok(Some(Found::Statement { text: start..end, trailing: end, end, terminated: false }));
        }
        let rest = &self.buffer[token.end..self.filled];
        let line_end = match (rest.first(), rest.get(1)) {
            (Some(b'\r'), Some(b'\n')) => 2,
            (Some(b'\r' | b'\n'), _) => 1,
            _ => 0,
        };
        Ok(Some(Found::Break { text: at..token.end, end: token.end + line_end }))
    }

    /// To MySQL's server `--rollback` without a space is arithmetic. Alone on a line it is what its author meant it to be, and the client
    /// takes it for a comment at the start of a statement.
    pub(super) fn tight_marker(&mut self, at: usize) -> Result<Option<Found>, TextError> {
        let rest = &self.buffer[at..self.filled];
        if rest.get(1) != Some(&b'-') || !self.begins_line(at) || self.body.opened().is_some() {
            return Ok(None);
        }
        let end = match memchr2(b'\n', b'\r', rest) {
            Some(i) if i + 2 <= rest.len() || self.source_ended => at + i,
            None if self.source_ended => self.filled,
            _ => return Ok(Some(Found::More)),
        };
        let marker = std::str::from_utf8(&self.buffer[at..end]);
        if !marker.is_ok_and(|marker| self.breaks.is_some_and(|breaks| breaks(marker))) {
            return Ok(None);
        }
        self.line_comment(Lexeme { kind: TokenKind::LineComment, end, closed: true })
    }

    /// Whether only white space stands before `at` on its line.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        match self.buffer[self.done..at].iter().rposition(|b| !matches!(b, b' ' | b'\t' | 0x0B | 0x0C)) {
            Some(i) => matches!(self.buffer[self.done + i], b'\n' | b'\r'),
            None => self.fresh_line,
        }
    }
}
