//! The rows behind PostgreSQL's `COPY … FROM stdin`, as `psql` and `pg_dump` write them: raw lines up to `\.` alone on a line, in CSV too.
//! <https://www.postgresql.org/docs/current/sql-copy.html>

use std::io::Read;

use memchr::{memchr, memmem, memrchr};

use super::{Found, Mode, Reader, TextError};
use crate::sql::lexer::{TokenKind, scan};

impl<R: Read> Reader<R> {
    /// Skips what stands behind the `;` on its line: `psql` reads the rows from the next one.
    pub(super) fn copy_line(&mut self) -> Result<Found, TextError> {
        let Some(i) = memchr(b'\n', &self.buffer[self.done..self.filled]) else {
            if self.source_ended {
                return Err(TextError::UnterminatedCopy { place: self.copy });
            }
            return Ok(Found::More);
        };
        let end = self.done + i + 1;
        let mut at = self.done;
        while at < end {
            let Some(token) = scan(&self.buffer[..end], at, self.rules, true) else { break };
            let trivia = matches!(
                token.kind,
                TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment
            );
            if !trivia || !token.closed {
                self.clean(end)?;
                return Err(TextError::TextAfterCopy { place: self.place(at) });
            }
            at = token.end;
        }
        self.tracker.advance(&self.buffer[self.done..end], self.plain);
        self.done = end;
        self.at = end;
        self.mode = Mode::CopyRows(true);
        self.copy_rows(true)
    }

    pub(super) fn copy_rows(&mut self, line_start: bool) -> Result<Found, TextError> {
        let rows = &self.buffer[self.done..self.filled];
        if rows.is_empty() {
            if self.source_ended {
                return Err(TextError::UnterminatedCopy { place: self.copy });
            }
            return Ok(Found::More);
        }
        if line_start {
            match end_mark(rows, self.source_ended) {
                Mark::Unclear => return Ok(Found::More),
                Mark::Ends(length) => {
                    self.mode = Mode::Text;
                    return Ok(Found::CopyEnd { end: self.done + length });
                }
                Mark::None => {}
            }
        }
        let mut from = 0;
        while let Some(i) = memmem::find(&rows[from..], b"\n\\.") {
            let line = from + i + 1;
            if !matches!(end_mark(&rows[line..], self.source_ended), Mark::None) {
                self.mode = Mode::CopyRows(true);
                return Ok(Found::CopyData { end: self.done + line });
            }
            from = line;
        }
        if self.source_ended {
            self.mode = Mode::CopyRows(false);
            return Ok(Found::CopyData { end: self.filled });
        }
        if let Some(i) = memrchr(b'\n', rows) {
            self.mode = Mode::CopyRows(true);
            return Ok(Found::CopyData { end: self.done + i + 1 });
        }
        if rows.len() >= self.buffer.len() / 2 {
            self.mode = Mode::CopyRows(false);
            return Ok(Found::CopyData { end: self.filled });
        }
        Ok(Found::More)
    }
}

/// Whether a line is `\.`.
enum Mark {
    None,
    /// With so many bytes, line end included.
    Ends(usize),
    /// Not enough text to tell.
    Unclear,
}

fn end_mark(line: &[u8], last: bool) -> Mark {
    const LINES: [&[u8]; 2] = [b"\\.\n", b"\\.\r\n"];
    for mark in LINES {
        if line.starts_with(mark) {
            return Mark::Ends(mark.len());
        }
        if mark.starts_with(line) && !last {
            return Mark::Unclear;
        }
    }
    // The file may end without a line end.
    if last && (line == b"\\." || line == b"\\.\r") { Mark::Ends(line.len()) } else { Mark::None }
}
