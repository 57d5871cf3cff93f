//! Where a piece of text stands in its file, and which dialect's lexical rules it follows.

use memchr::{memchr, memchr_iter, memchr2, memchr2_iter, memrchr};
use serde::{Deserialize, Serialize};

/// A place in a file: byte offset from the start of the file (a BOM counts), line and column from 1. Columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// The first place of a file.
    pub const START: Position = Position { offset: 0, line: 1, column: 1 };

    /// Returns the place behind `text`, which begins here.
    pub(crate) fn advance(self, text: &str) -> Position {
        let mut tracker = Tracker::new(self);
        tracker.advance(text.as_bytes(), false);
        tracker.position
    }
}

/// The lexical rules of a family of engines. CockroachDB follows PostgreSQL, MariaDB follows MySQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Syntax {
    /// SQLite.
    Sqlite,
    /// PostgreSQL and CockroachDB.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// DuckDB.
    Duckdb,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Follows a position along a text that comes in pieces. A line ends at LF, CRLF or CR, as editors count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tracker {
    pub(crate) position: Position,
    after_cr: bool,
}

impl Tracker {
    pub(crate) fn new(position: Position) -> Self {
        Tracker { position, after_cr: false }
    }

    fn step(&mut self, byte: u8) {
        let position = &mut self.position;
        position.offset += 1;
        match byte {
            b'\n' | b'\r' => {
                if !(byte == b'\n' && self.after_cr) {
                    position.line = position.line.saturating_add(1);
                }
                position.column = 1;
            }
            _ => position.column = position.column.saturating_add(u32::from(byte & 0xC0 != 0x80)),
        }
        self.after_cr = byte == b'\r';
    }

    /// Goes on behind `bytes`, which follow what was seen so far. `plain` says that they are ASCII without a CR.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: &[u8], plain: bool) {
        if bytes.len() <= 8 {
            // What stands between statements is mostly a line end.
            bytes.iter().for_each(|&byte| self.step(byte));
        } else if plain && !self.after_cr {
            self.advance_plain(bytes);
        } else {
            self.advance_any(bytes);
        }
    }

    fn advance_plain(&mut self, bytes: &[u8]) {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let position = &mut self.position;
        position.offset += bytes.len() as u64;
        if let Some(last) = memrchr(b'\n', bytes) {
            let lines = 1 + line_feeds(&bytes[..last]);
            position.line = position.line.saturating_add(count(lines));
            position.column = count(bytes.len() - last);
        } else {
            position.column = position.column.saturating_add(count(bytes.len()));
        }
    }

    fn advance_any(&mut self, bytes: &[u8]) {
        let (mut lines, mut line_start) = (0usize, None);
        if self.after_cr || memchr(b'\r', bytes).is_some() {
            let mut after_cr = self.after_cr;
            let mut expected = 0;
            for i in memchr2_iter(b'\n', b'\r', bytes) {
                let second_half = bytes[i] == b'\n' && after_cr && i == expected;
                lines += usize::from(!second_half);
                line_start = Some(i + 1);
                after_cr = bytes[i] == b'\r';
                expected = i + 1;
            }
        } else if let Some(i) = memrchr(b'\n', bytes) {
            lines = memchr_iter(b'\n', &bytes[..=i]).count();
            line_start = Some(i + 1);
        }
        if let Some(from) = line_start {
            self.position.column = 1u32.saturating_add(characters(&bytes[from..]));
        } else {
            self.position.column = self.position.column.saturating_add(characters(bytes));
        }
        self.position.line = self.position.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.position.offset += bytes.len() as u64;
        self.after_cr = bytes.last() == Some(&b'\r');
    }
}

/// Whether `bytes` are ASCII without a CR or NUL: most texts are, and each of their bytes is a character.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    bytes.is_ascii() && memchr2(0, b'\r', bytes).is_none()
}

/// Counts the line feeds.
fn line_feeds(bytes: &[u8]) -> usize {
    if bytes.len() > 255 {
        return memchr_iter(b'\n', bytes).count();
    }
    // A call into the vector search costs more than most statements are long, and a sum of so few bytes cannot overflow.
    usize::from(bytes.iter().map(|&b| u8::from(b == b'\n')).sum::<u8>())
}

/// Every byte that does not continue a UTF-8 sequence begins a character.
fn characters(bytes: &[u8]) -> u32 {
    // A sum of bytes over at most 255 of them cannot overflow, and is a vector operation.
    let starts = |chunk: &[u8]| chunk.iter().map(|&b| u8::from(b & 0xC0 != 0x80)).sum::<u8>();
    let count: usize = bytes.chunks(255).map(|chunk| usize::from(starts(chunk))).sum();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_counted_as_any_other() {
        let text = "a line\nand another, longer one\n\nand the last";
        assert!(
            is_plain(text.as_bytes()) && !is_plain(b"\r") && !is_plain(b"\0") && !is_plain("é".as_bytes())
        );
        for start in ["", "\n", "\r", "é\r\n"] {
            for cut in 0..=text.len() {
                let mut tracker = Tracker::new(Position::START);
                tracker.advance(start.as_bytes(), false);
                let mut plain = tracker;
                plain.advance(&text.as_bytes()[..cut], true);
                tracker.advance(&text.as_bytes()[..cut], false);
                assert_eq!(plain.position, tracker.position, "{start:?}, cut {cut}");
            }
        }
    }

    #[test]
    fn lines_end_at_lf_crlf_and_cr_wherever_the_pieces_break() {
        let text = "a\r\nbé\rc\n\r\n\nd\r";
        for cut in 0..=text.len() {
            let mut tracker = Tracker::new(Position::START);
            tracker.advance(&text.as_bytes()[..cut], false);
            tracker.advance(&text.as_bytes()[cut..], false);
            assert_eq!(
                tracker.position,
                Position { offset: text.len() as u64, line: 7, column: 1 },
                "cut {cut}"
            );
        }
    }
}
