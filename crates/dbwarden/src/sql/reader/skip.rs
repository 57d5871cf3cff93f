//! The fast way over the middle of a statement: bytes that can neither end it nor begin anything that hides a terminator, nor be the
//! word for which the follower of its body waits.

use std::io::Read;

use super::Reader;
use super::delimiter::DELIMITER;
use crate::sql::Syntax;
use crate::sql::body::Awaited;
use crate::sql::lexer::{NAME, TokenKind, is_space, scan, string_end, word_is};
use crate::sql::routine::TURNS;

/// Where the fast way ends.
struct Stops {
    /// The bytes that need no look.
    plain: [bool; 256],
    /// Words that must be cut out as tokens. Their first letters are not plain, and all other letters are.
    words: &'static [&'static str],
}

impl Stops {
    const fn new(syntax: Syntax, words: &'static [&'static str]) -> Self {
        let mut plain = [true; 256];
        let bytes: &[u8] = match syntax {
            // 0xEF begins a byte order mark, which is white space here.
            Syntax::Sqlite => b"'\"`[;()-/$:@#?\x0B\xEF",
            Syntax::Postgres => b"'\";()-/$&\\",
            Syntax::Mysql => b"'\"`;()-/#\\",
            Syntax::Duckdb => b"'\"`;()-/$&",
        };
        let mut i = 0;
        while i < bytes.len() {
            plain[bytes[i] as usize] = false;
            i += 1;
        }
        let mut stops = Self { plain, words };
        i = 0;
        while i < words.len() {
            let first = words[i].as_bytes()[0];
            stops = stops.and(first.to_ascii_lowercase()).and(first.to_ascii_uppercase());
            i += 1;
        }
        if matches!(syntax, Syntax::Mysql) {
            // The client's own command, DELIMITER, may stand on any line.
            stops = stops.and(b'd').and(b'D');
        }
        stops
    }

    const fn and(mut self, byte: u8) -> Self {
        self.plain[byte as usize] = false;
        self
    }

    /// The stops of a dialect; `None` where the very next token must be looked at.
    fn of(syntax: Syntax, awaited: Awaited) -> Option<&'static Self> {
        static SQLITE: Stops = Stops::new(Syntax::Sqlite, &[]);
        static SQLITE_HEAD: Stops = Stops::new(Syntax::Sqlite, &["begin"]);
        static POSTGRES: Stops = Stops::new(Syntax::Postgres, &[]);
        static POSTGRES_HEAD: Stops = Stops::new(Syntax::Postgres, &["begin"]);
        static POSTGRES_COPY: Stops = Stops::new(Syntax::Postgres, &["from"]);
        static MYSQL: Stops = Stops::new(Syntax::Mysql, &[]);
        // Behind a label stands a colon.
        static MYSQL_BODY: Stops = Stops::new(Syntax::Mysql, TURNS).and(b':');
        static DUCKDB: Stops = Stops::new(Syntax::Duckdb, &[]);
        match (syntax, awaited) {
            (_, Awaited::Token) => None,
            (Syntax::Sqlite, Awaited::Begin) => Some(&SQLITE_HEAD),
            (Syntax::Sqlite, _) => Some(&SQLITE),
            (Syntax::Postgres, Awaited::Begin) => Some(&POSTGRES_HEAD),
            (Syntax::Postgres, Awaited::From) => Some(&POSTGRES_COPY),
            (Syntax::Postgres, _) => Some(&POSTGRES),
            (Syntax::Mysql, Awaited::Turn) => Some(&MYSQL_BODY),
            (Syntax::Mysql, _) => Some(&MYSQL),
            (Syntax::Duckdb, _) => Some(&DUCKDB),
        }
    }

    fn awaits(&self, word: &[u8]) -> bool {
        self.words.iter().any(|awaited| word_is(word, awaited)) || word_is(word, DELIMITER)
    }
}

impl<R: Read> Reader<R> {
    /// Goes on to the next token that must be looked at. Counts parentheses on the way.
    #[inline]
    pub(super) fn skip(&mut self) {
        let Some(stops) = Stops::of(self.rules.syntax, self.body.awaited()) else { return };
        match self.delimiter.first() {
            None => self.skip_to(stops, &stops.plain),
            // A delimiter is looked for at each byte. One that begins like a name or with what is counted here is left to the tokens.
            Some(&first) if first.is_ascii_punctuation() && !matches!(first, b'(' | b')' | b'_' | b'\'') => {
                let mut plain = stops.plain;
                plain[usize::from(first)] = false;
                self.skip_to(stops, &plain);
            }
            Some(_) => {}
        }
    }

    /// Goes over white space. What is that in some dialects only is left to the tokens.
    #[inline]
    pub(super) fn skip_space(&mut self) {
        let rest = &self.buffer[self.at..self.filled];
        let space = rest.iter().position(|b| !b.is_ascii_whitespace());
        self.at += space.unwrap_or(rest.len());
    }

    #[inline]
    fn skip_to(&mut self, stops: &Stops, plain: &[bool; 256]) {
        let from = self.at;
        let first = self.offset(from);
        let bytes = &self.buffer[from..self.filled];
        let mut depth = self.pending.depth;
        let mut at = 0;
        let stop = loop {
            match bytes[at..].iter().position(|&b| !plain[usize::from(b)]) {
                Some(i) => at += i,
                None => {
                    at = bytes.len();
                    break None;
                }
            }
            match bytes[at] {
                b'(' => {
                    if depth == 0 {
                        self.pending.parenthesis = first + at as u64;
                    }
                    depth = depth.saturating_add(1);
                    at += 1;
                }
                b')' => {
                    depth = depth.saturating_sub(1);
                    at += 1;
                }
                letter if letter.is_ascii_alphabetic() => {
                    // A `$` may begin a delimiter.
                    let rest = bytes[at..].iter().position(|&b| !NAME[usize::from(b)] || b == b'$');
                    let end = rest.map_or(bytes.len(), |i| at + i);
                    let begins = at == 0 || !NAME[usize::from(bytes[at - 1])];
                    if begins && stops.awaits(&bytes[at..end]) {
                        break Some(letter);
                    }
                    at = end;
                }
                b'\'' if at > 0 && !may_be_prefix(bytes[at - 1]) => match string_end(bytes, at, self.rules) {
                    Some(end) => at = end,
                    None => break Some(b'\''),
                },
                other => break Some(other),
            }
        };
        self.pending.depth = depth;
        // What may belong to the word or number before it is looked at together with that.
        if stop.is_none_or(|b| NAME[usize::from(b)] || matches!(b, b'\'' | b'&')) {
            at = word_or_number_before(bytes, at);
        }
        let space = bytes[..at].iter().rev().take_while(|&&b| is_space(b)).count();
        if space < at {
            let end = at - space;
            self.pending.end = from + end;
            if self.body.awaited() == Awaited::Turn {
                let name_ahead = match bytes[end - 1] {
                    _ if depth > 0 => false,
                    b'@' => true,
                    b'.' => self.ends_in_dot(from + word_or_number_before(bytes, end), from + end),
                    _ => false,
                };
                self.body.passed(name_ahead);
            }
        }
        self.at = from + at;
    }

    /// Whether the last token of a piece is a dot by itself, and not the end of a number.
    fn ends_in_dot(&self, mut at: usize, end: usize) -> bool {
        while let Some(token) = scan(&self.buffer[..end], at, self.rules, true) {
            at = token.end;
            if at == end {
                return token.kind == TokenKind::Symbol;
            }
        }
        false
    }
}

/// Whether a string behind this byte may begin before its quote.
fn may_be_prefix(byte: u8) -> bool {
    NAME[usize::from(byte)] || matches!(byte, b'&' | b'.')
}

/// Where the letters, digits and dots begin that stand before `at`.
fn word_or_number_before(bytes: &[u8], at: usize) -> usize {
    let length = bytes[..at].iter().rev().take_while(|&&b| NAME[usize::from(b)] || b == b'.').count();
    at - length
}
