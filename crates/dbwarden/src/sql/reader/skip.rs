//! The fast way over the middle of a statement: bytes that can neither end it nor begin anything that hides a terminator.

use std::io::Read;

use super::Reader;
use crate::sql::Syntax;
use crate::sql::lexer::{NAME, is_space};

/// Bytes that need no look, for each dialect.
const PLAIN: [[bool; 256]; 4] =
    [plain(Syntax::Sqlite), plain(Syntax::Postgres), plain(Syntax::Mysql), plain(Syntax::Duckdb)];

const fn plain(syntax: Syntax) -> [bool; 256] {
    let mut table = [true; 256];
    let stops: &[u8] = match syntax {
        // 0xEF begins a byte order mark, which is white space here.
        Syntax::Sqlite => b"'\"`[;()-/$:@#\x0B\xEF",
        Syntax::Postgres => b"'\";()-/$&\\",
        Syntax::Mysql => b"'\"`;()-/#\\\n\r",
        Syntax::Duckdb => b"'\"`;()-/$&",
    };
    let mut i = 0;
    while i < stops.len() {
        table[stops[i] as usize] = false;
        i += 1;
    }
    table
}

impl<R: Read> Reader<R> {
    /// Goes on to the next token that must be looked at. Counts parentheses on the way.
    #[inline]
    pub(super) fn skip(&mut self) {
        let table = match self.rules.syntax {
            Syntax::Sqlite => &PLAIN[0],
            Syntax::Postgres => &PLAIN[1],
            Syntax::Mysql => &PLAIN[2],
            Syntax::Duckdb => &PLAIN[3],
        };
        let from = self.at;
        let first = self.offset(from);
        let bytes = &self.buffer[from..self.filled];
        let mut at = 0;
        let stop = loop {
            match bytes[at..].iter().position(|&b| !table[usize::from(b)]) {
                Some(i) => at += i,
                None => {
                    at = bytes.len();
                    break None;
                }
            }
            match bytes[at] {
                b'(' => {
                    if self.pending.depth == 0 {
                        self.pending.parenthesis = first + at as u64;
                    }
                    self.pending.depth = self.pending.depth.saturating_add(1);
                }
                b')' => self.pending.depth = self.pending.depth.saturating_sub(1),
                other => break Some(other),
            }
            at += 1;
        };
        // What may belong to the word before it is looked at together with that word.
        if matches!(stop, None | Some(b'\'' | b'$' | b'&' | 0xEF)) {
            while at > 0 && NAME[usize::from(bytes[at - 1])] {
                at -= 1;
            }
        }
        let space = bytes[..at].iter().rev().take_while(|&&b| is_space(b)).count();
        if space < at {
            self.pending.end = from + at - space;
        }
        self.at = from + at;
    }
}
