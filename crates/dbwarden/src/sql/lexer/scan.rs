//! One token at a time, from bytes that may end anywhere.

use memchr::{memchr, memchr2, memmem};

use super::class::{BOM, CLASS, Class, NAME};
use super::{Rules, Syntax, TokenKind};

/// A token as the scanner sees it: it begins where the scan began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme {
    pub(crate) kind: TokenKind,
    pub(crate) end: usize,
    pub(crate) closed: bool,
}

/// No decision looks further than this behind the end of the token it makes, those aside that look for themselves.
const LOOKAHEAD: usize = 4;
/// Scans the token that begins at `at`, which must be inside `bytes`. `None`: where the token ends depends on bytes that are not there
/// yet, which happens only when `last` is false.
#[inline]
pub(crate) fn scan(bytes: &[u8], at: usize, rules: Rules, last: bool) -> Option<Lexeme> {
    let scanner = Scanner { bytes, rules, last };
    let lexeme = scanner.token(at)?;
    if !last && lexeme.end + LOOKAHEAD > bytes.len() { None } else { Some(lexeme) }
}

/// Where the string ends that begins at `at` with a quote and no prefix; `None` where that is not clear from these bytes.
#[inline]
pub(crate) fn string_end(bytes: &[u8], at: usize, rules: Rules) -> Option<usize> {
    let scanner = Scanner { bytes, rules, last: false };
    match scanner.quoted(at + 1, bytes[at], rules.backslash()) {
        End::At(end) if end + LOOKAHEAD <= bytes.len() => Some(end),
        _ => None,
    }
}

/// Where a quoted thing ends: behind its closing quote, or nowhere.
#[derive(Clone, Copy)]
pub(super) enum End {
    At(usize),
    Open,
}

#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) rules: Rules,
    pub(super) last: bool,
}

impl Scanner<'_> {
    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    pub(super) fn is(&self, syntax: Syntax) -> bool {
        self.rules.syntax == syntax
    }

    #[inline(always)]
    fn token(&self, at: usize) -> Option<Lexeme> {
        let byte = self.bytes[at];
        match CLASS[usize::from(byte)] {
            Class::Symbol => done(TokenKind::Symbol, at + 1),
            Class::Space => self.space(at),
            Class::Prefix => self.prefix(at),
            Class::Letter => self.word(at),
            Class::Digit => done(TokenKind::Number, self.number(at)),
            Class::Quote => self.quote(at),
            Class::Dash => self.dash(at),
            Class::Slash => self.slash(at),
            Class::Dollar => self.dollar(at),
            Class::Hash if self.is(Syntax::Mysql) => done(TokenKind::LineComment, self.line_end(at)?),
            Class::Bracket if self.is(Syntax::Sqlite) => match memchr(b']', &self.bytes[at..]) {
                Some(i) => done(TokenKind::Identifier, at + i + 1),
                None => self.open(TokenKind::Identifier),
            },
            Class::Variable | Class::Hash if self.is(Syntax::Sqlite) => self.sqlite_variable(at),
            Class::Hash | Class::Bracket | Class::Variable => done(TokenKind::Symbol, at + 1),
        }
    }

    pub(super) fn open(&self, kind: TokenKind) -> Option<Lexeme> {
        self.last.then_some(Lexeme { kind, end: self.bytes.len(), closed: false })
    }

    pub(super) fn ended(&self, kind: TokenKind, end: End) -> Option<Lexeme> {
        match end {
            End::At(end) => done(kind, end),
            End::Open => self.open(kind),
        }
    }

    #[inline]
    fn space(&self, at: usize) -> Option<Lexeme> {
        // A vertical tab is white space everywhere but in SQLite, which refuses it.
        if self.is(Syntax::Sqlite) && self.bytes[at] == 0x0B {
            return done(TokenKind::Symbol, at + 1);
        }
        let vertical_tab = !self.is(Syntax::Sqlite);
        let mut end = at + 1;
        while let Some(&b) = self.bytes.get(end) {
            if CLASS[usize::from(b)] != Class::Space || (b == 0x0B && !vertical_tab) {
                break;
            }
            end += 1;
        }
        done(TokenKind::Whitespace, end)
    }

    #[inline]
    fn word(&self, at: usize) -> Option<Lexeme> {
        // SQLite takes a byte order mark anywhere between tokens as white space (tokenize.c, CC_BOM).
        if self.bytes[at] == BOM[0] && self.is(Syntax::Sqlite) && self.bytes[at..].starts_with(BOM) {
            return done(TokenKind::Whitespace, at + BOM.len());
        }
        done(TokenKind::Word, self.name(at + 1))
    }

    #[inline]
    fn name(&self, mut at: usize) -> usize {
        while at < self.bytes.len() && NAME[usize::from(self.bytes[at])] {
            at += 1;
        }
        at
    }

    fn number(&self, at: usize) -> usize {
        // `$` is left out: PostgreSQL before 15 reads `1$$…$$` as a number and a string.
        let mut end = at + 1;
        while end < self.bytes.len() {
            let b = self.bytes[end];
            if b == b'$' || !(b == b'.' || NAME[usize::from(b)]) {
                break;
            }
            end += 1;
        }
        end
    }

    #[inline]
    fn prefix(&self, at: usize) -> Option<Lexeme> {
        match self.byte(at + 1) {
            b'\'' => self.prefixed_string(at),
            b'&' => self.unicode(at),
            _ => self.word(at),
        }
    }

    /// At a letter with `'` directly behind it.
    fn prefixed_string(&self, at: usize) -> Option<Lexeme> {
        let letter = self.bytes[at].to_ascii_lowercase();
        let backslash = match (self.rules.syntax, letter) {
            (Syntax::Postgres | Syntax::Duckdb, b'e') => return self.escape_string(at),
            (Syntax::Postgres | Syntax::Duckdb, b'x' | b'b' | b'n') | (Syntax::Sqlite, b'x') => false,
            (Syntax::Mysql, b'x' | b'b' | b'n') => self.rules.backslash(),
            _ => return self.word(at),
        };
        self.ended(TokenKind::String, self.quoted(at + 2, b'\'', backslash))
    }

    /// `E'…'`: a string that goes on behind a line end (`E'a'⏎'b'`) keeps its backslashes, so the parts are one token;
    /// DuckDB 2.0 reads a plain string behind the line end instead.
    /// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS>
    fn escape_string(&self, at: usize) -> Option<Lexeme> {
        let mut from = at + 2;
        loop {
            let End::At(end) = self.quoted(from, b'\'', true) else { return self.open(TokenKind::String) };
            if !self.is(Syntax::Postgres) {
                return done(TokenKind::String, end);
            }
            match self.continuation(end)? {
                Some(next) => from = next,
                None => return done(TokenKind::String, end),
            }
        }
    }

    /// Looks behind a closed string for white space with a line end, and comments, up to another quote. `None`: not enough text.
    fn continuation(&self, mut at: usize) -> Option<Option<usize>> {
        let mut line_end = false;
        loop {
            if at + 1 >= self.bytes.len() && !self.last {
                return None;
            }
            match self.byte(at) {
                b'\n' | b'\r' => line_end = true,
                b' ' | b'\t' | 0x0B | 0x0C => {}
                b'-' if self.byte(at + 1) == b'-' => match memchr2(b'\n', b'\r', &self.bytes[at..]) {
                    Some(i) => {
                        line_end = true;
                        at += i;
                    }
                    None if self.last => return Some(None),
                    None => return None,
                },
                b'\'' if line_end => return Some(Some(at + 1)),
                _ => return Some(None),
            }
            at += 1;
        }
    }

    /// At a letter with `&` directly behind it.
    fn unicode(&self, at: usize) -> Option<Lexeme> {
        let can = matches!(self.rules.syntax, Syntax::Postgres | Syntax::Duckdb)
            && self.bytes[at].eq_ignore_ascii_case(&b'u');
        match self.byte(at + 2) {
            b'\'' if can => self.ended(TokenKind::String, self.quoted(at + 3, b'\'', false)),
            b'"' if can => self.ended(TokenKind::Identifier, self.quoted(at + 3, b'"', false)),
            _ => self.word(at),
        }
    }

    #[inline]
    fn quote(&self, at: usize) -> Option<Lexeme> {
        let quote = self.bytes[at];
        let (kind, backslash) = match (quote, self.rules.syntax) {
            (b'\'', _) => (TokenKind::String, self.rules.backslash()),
            (b'"', Syntax::Mysql) if !self.rules.ansi_quotes => (TokenKind::String, self.rules.backslash()),
            (b'"', _) | (b'`', Syntax::Mysql | Syntax::Sqlite | Syntax::Duckdb) => {
                (TokenKind::Identifier, false)
            }
            _ => return done(TokenKind::Symbol, at + 1),
        };
        self.ended(kind, self.quoted(at + 1, quote, backslash))
    }

    /// From behind the opening quote to behind the closing one; a doubled quote is part of the text.
    #[inline]
    pub(super) fn quoted(&self, mut at: usize, quote: u8, backslash: bool) -> End {
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            // Most strings are short, where a call into the vector search costs more than the string.
            let near = rest.iter().take(16).position(|&b| b == quote || (b == b'\\' && backslash));
            let found = match near {
                Some(i) => Some(i),
                None if rest.len() <= 16 => None,
                None if backslash => memchr2(quote, b'\\', &rest[16..]).map(|i| i + 16),
                None => memchr(quote, &rest[16..]).map(|i| i + 16),
            };
            let Some(i) = found else { return End::Open };
            if rest[i] == quote && rest.get(i + 1) != Some(&quote) {
                return End::At(at + i + 1);
            }
            at += i + 2;
        }
    }

    fn dollar(&self, at: usize) -> Option<Lexeme> {
        match self.rules.syntax {
            Syntax::Sqlite => self.sqlite_variable(at),
            Syntax::Mysql => self.word(at),
            Syntax::Postgres | Syntax::Duckdb => self.dollar_string(at),
        }
    }

    /// `$tag$…$tag$` or `$1`. The tag is a name without dollars; directly behind a name `$` is part of that name, so it never comes here.
    /// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-DOLLAR-QUOTING>
    fn dollar_string(&self, at: usize) -> Option<Lexeme> {
        let mut end = at + 1;
        if self.byte(end).is_ascii_digit() {
            while self.byte(end).is_ascii_digit() {
                end += 1;
            }
            return done(TokenKind::Parameter, end);
        }
        while end < self.bytes.len() && self.bytes[end] != b'$' && NAME[usize::from(self.bytes[end])] {
            end += 1;
        }
        if end == self.bytes.len() && !self.last {
            return None;
        }
        if self.byte(end) != b'$' {
            // DuckDB has named parameters: `$name`.
            let named = self.is(Syntax::Duckdb) && end > at + 1;
            return if named { done(TokenKind::Parameter, end) } else { done(TokenKind::Symbol, at + 1) };
        }
        let tag = &self.bytes[at..=end];
        match memmem::find(&self.bytes[end + 1..], tag) {
            Some(i) => done(TokenKind::DollarString, end + 1 + i + tag.len()),
            None => self.open(TokenKind::DollarString),
        }
    }

    /// `?1`, `:a`, `@a`, `#a`, `$a`, and the Tcl form `$a::b(c)`, in which everything but white space up to `)` belongs to it.
    /// <https://sqlite.org/lang_expr.html#parameters>
    fn sqlite_variable(&self, at: usize) -> Option<Lexeme> {
        let mut end = at + 1;
        let mut names = 0;
        if self.bytes[at] == b'?' {
            while self.byte(end).is_ascii_digit() {
                end += 1;
            }
            return done(TokenKind::Parameter, end);
        }
        loop {
            let b = self.byte(end);
            if NAME[usize::from(b)] {
                names += 1;
                end += 1;
            } else if b == b':' && self.byte(end + 1) == b':' {
                end += 2;
            } else if b == b'(' && names > 0 {
                while end < self.bytes.len()
                    && self.byte(end) != b')'
                    && !self.byte(end).is_ascii_whitespace()
                {
                    end += 1;
                }
                if end == self.bytes.len() && !self.last {
                    return None;
                }
                end += usize::from(self.byte(end) == b')');
                break;
            } else {
                break;
            }
        }
        if names == 0 { done(TokenKind::Symbol, at + 1) } else { done(TokenKind::Parameter, end) }
    }
}

#[inline]
pub(super) fn done(kind: TokenKind, end: usize) -> Option<Lexeme> {
    Some(Lexeme { kind, end, closed: true })
}
