//! Comments, plain ones, hints and those that the server runs.

use memchr::{memchr, memchr2, memmem};

use super::scan::{End, Lexeme, Scanner, done};
use super::{Syntax, TokenKind};

impl Scanner<'_> {
    pub(super) fn dash(&self, at: usize) -> Option<Lexeme> {
        if !self.line_comment(at) {
            return done(TokenKind::Symbol, at + 1);
        }
        done(TokenKind::LineComment, self.line_end(at)?)
    }

    /// Whether `--` begins a comment here. MySQL wants white space, a control character or the end behind it, so that `5--3` is 8.
    /// <https://dev.mysql.com/doc/refman/8.4/en/ansi-diff-comments.html>. Its client wants none of it before a statement, and sends no such
    /// line to the server.
    fn line_comment(&self, at: usize) -> bool {
        if self.byte(at + 1) != b'-' {
            return false;
        }
        !self.is(Syntax::Mysql)
            || self.rules.leading
            || self.bytes.get(at + 2).is_none_or(|&b| b == b' ' || b.is_ascii_control())
    }

    /// Where the line ends on which `at` stands. SQLite and MySQL end a comment at LF alone, PostgreSQL and DuckDB at CR too. The CR of a
    /// CRLF is not part of the comment.
    pub(super) fn line_end(&self, at: usize) -> Option<usize> {
        let rest = &self.bytes[at..];
        let found = match self.rules.syntax {
            Syntax::Postgres | Syntax::Duckdb => memchr2(b'\n', b'\r', rest),
            Syntax::Sqlite | Syntax::Mysql => memchr(b'\n', rest),
        };
        match found {
            Some(i) if i > 0 && rest[i - 1] == b'\r' => Some(at + i - 1),
            Some(i) => Some(at + i),
            None if !self.last => None,
            None if rest.last() == Some(&b'\r') => Some(self.bytes.len() - 1),
            None => Some(self.bytes.len()),
        }
    }

    pub(super) fn slash(&self, at: usize) -> Option<Lexeme> {
        if self.byte(at + 1) != b'*' {
            return done(TokenKind::Symbol, at + 1);
        }
        match self.rules.syntax {
            // `/*` as the very last two bytes is a slash and a star to SQLite.
            Syntax::Sqlite if at + 2 >= self.bytes.len() && self.last => done(TokenKind::Symbol, at + 1),
            Syntax::Sqlite => self.ended(TokenKind::BlockComment, self.block(at + 2)),
            Syntax::Postgres | Syntax::Duckdb => {
                let hint = self.is(Syntax::Postgres) && self.byte(at + 2) == b'+';
                let kind = if hint { TokenKind::Hint } else { TokenKind::BlockComment };
                self.ended(kind, self.nested_block(at + 2))
            }
            Syntax::Mysql => match (self.byte(at + 2), self.byte(at + 3)) {
                (b'!', _) => self.ended(TokenKind::ExecutableComment, self.executable(at + 3)),
                (b'M', b'!') => self.ended(TokenKind::ExecutableComment, self.executable(at + 4)),
                (b'+', _) => self.ended(TokenKind::Hint, self.block(at + 3)),
                _ => self.ended(TokenKind::BlockComment, self.block(at + 2)),
            },
        }
    }

    fn block(&self, at: usize) -> End {
        match self.bytes.get(at..).and_then(|rest| memmem::find(rest, b"*/")) {
            Some(i) => End::At(at + i + 2),
            None => End::Open,
        }
    }

    fn nested_block(&self, mut at: usize) -> End {
        let mut depth = 1;
        while let Some(i) = self.bytes.get(at..).and_then(|rest| memchr2(b'*', b'/', rest)) {
            at += i;
            match (self.bytes[at], self.byte(at + 1)) {
                (b'/', b'*') => {
                    depth += 1;
                    at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        return End::At(at);
                    }
                }
                _ => at += 1,
            }
        }
        End::Open
    }

    /// The server reads on inside an executable comment as if it were not one, so quotes and comments inside it hide a `*/`.
    /// <https://dev.mysql.com/doc/refman/8.4/en/comments.html>
    fn executable(&self, mut at: usize) -> End {
        while let Some(&b) = self.bytes.get(at) {
            let next = match b {
                b'*' if self.byte(at + 1) == b'/' => return End::At(at + 2),
                b'\'' | b'"' | b'`' => {
                    let backslash =
                        b != b'`' && self.rules.backslash() && !(b == b'"' && self.rules.ansi_quotes);
                    self.quoted(at + 1, b, backslash)
                }
                b'/' if self.byte(at + 1) == b'*' => self.block(at + 2),
                b'#' => self.line(at),
                b'-' if self.line_comment(at) => self.line(at),
                _ => End::At(at + 1),
            };
            match next {
                End::At(next) => at = next,
                End::Open => return End::Open,
            }
        }
        End::Open
    }

    fn line(&self, at: usize) -> End {
        match memchr(b'\n', &self.bytes[at..]) {
            Some(i) => End::At(at + i),
            None => End::Open,
        }
    }
}
