//! Tokens of each dialect, as its server's own lexer cuts them. Works on bytes, so that one scanner serves a complete text and a
//! buffer that ends anywhere; never fails: what is not closed runs to the end and says so.
//!
//! The rules are those of
//! SQLite <https://sqlite.org/lang_expr.html#literal_values_constants_> and its `tokenize.c`,
//! PostgreSQL <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>,
//! MySQL <https://dev.mysql.com/doc/refman/8.4/en/language-structure.html> and
//! DuckDB <https://duckdb.org/docs/stable/sql/data_types/literal_types>, whose lexer is nearly PostgreSQL's.

use memchr::{memchr, memchr2, memmem};

use super::Syntax;

/// What changes the meaning of the text: the dialect, and the two `sql_mode`s of MySQL that change what its tokens are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The dialect.
    pub syntax: Syntax,
    /// MySQL's `ANSI_QUOTES`: `"…"` is an identifier, and a backslash in it is only a backslash.
    pub ansi_quotes: bool,
    /// MySQL's `NO_BACKSLASH_ESCAPES`: a backslash in a string is only a backslash.
    pub no_backslash_escapes: bool,
}

impl Rules {
    /// The rules of a dialect in its default mode.
    pub const fn new(syntax: Syntax) -> Self {
        Rules { syntax, ansi_quotes: false, no_backslash_escapes: false }
    }

    /// Whether a backslash escapes in strings without a prefix.
    fn backslash(self) -> bool {
        matches!(self.syntax, Syntax::Mysql) && !self.no_backslash_escapes
    }
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// A keyword or a name without quotes.
    Word,
    /// A number, with what letters stick to it.
    Number,
    /// A quoted literal with its prefix: `'…'`, `E'…'`, `x'…'`, `N'…'`, `U&'…'`, and `"…"` in MySQL.
    String,
    /// A quoted name: `"…"`, `` `…` ``, `[…]`, `U&"…"`.
    Identifier,
    /// A dollar-quoted string with its tags.
    DollarString,
    /// A placeholder for a value: `?1`, `:a`, `@a` and `$a` in SQLite, `$1` in PostgreSQL and DuckDB.
    Parameter,
    /// Any other single character.
    Symbol,
    /// A comment to the end of its line, without the line end.
    LineComment,
    /// A comment between `/*` and `*/`.
    BlockComment,
    /// A comment that MySQL or MariaDB executes: `/*! … */`, `/*M! … */`.
    ExecutableComment,
    /// An optimizer hint: `/*+ … */` in MySQL, and in PostgreSQL for `pg_hint_plan`.
    Hint,
    /// White space; also a byte order mark at the start.
    Whitespace,
}

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// The text itself.
    pub text: &'a str,
    /// Bytes from the start of the whole text.
    pub start: usize,
    /// False when a quote or comment is not closed and the token runs to the end of the text.
    pub closed: bool,
}

/// Returns the tokens of a complete text. The texts of the tokens, one behind the other, are the input.
pub fn tokens(text: &str, rules: Rules) -> Tokens<'_> {
    Tokens { text, rules, at: 0 }
}

/// Returns the texts of the tokens that mean something: no white space and no plain comments.
pub fn keywords(text: &str, rules: Rules) -> impl Iterator<Item = &str> {
    tokens(text, rules)
        .filter(|token| {
            !matches!(token.kind, TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment)
        })
        .map(|token| token.text)
}

/// The iterator behind [`tokens`].
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a str,
    rules: Rules,
    at: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        let found = if start == 0 && self.text.as_bytes().starts_with(BOM) {
            Lexeme { kind: TokenKind::Whitespace, end: BOM.len(), closed: true }
        } else {
            scan(self.text.as_bytes(), start, self.rules, true)?
        };
        self.at = found.end;
        Some(Token { kind: found.kind, text: &self.text[start..found.end], start, closed: found.closed })
    }
}

/// UTF-8's byte order mark.
pub(crate) const BOM: &[u8] = b"\xEF\xBB\xBF";

/// A token as the scanner sees it: it begins where the scan began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme {
    pub(crate) kind: TokenKind,
    pub(crate) end: usize,
    pub(crate) closed: bool,
}

/// No decision looks further than this behind the end of the token it makes, those aside that look for themselves.
const LOOKAHEAD: usize = 4;

/// What a byte can begin. One table for all dialects: the rare classes ask for the dialect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Symbol,
    Space,
    /// A letter that may also be the prefix of a string.
    Prefix,
    Letter,
    Digit,
    Quote,
    Dash,
    Slash,
    Dollar,
    Hash,
    Bracket,
    Variable,
}

const CLASS: [Class; 256] = {
    let mut table = [Class::Symbol; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = match i as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C => Class::Space,
            b'e' | b'E' | b'x' | b'X' | b'b' | b'B' | b'n' | b'N' | b'u' | b'U' => Class::Prefix,
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80..=0xFF => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'\'' | b'"' | b'`' => Class::Quote,
            b'-' => Class::Dash,
            b'/' => Class::Slash,
            b'$' => Class::Dollar,
            b'#' => Class::Hash,
            b'[' => Class::Bracket,
            b':' | b'@' | b'?' => Class::Variable,
            _ => Class::Symbol,
        };
        i += 1;
    }
    table
};

/// What may go on a name. `$` may in all four dialects.
pub(crate) const NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = matches!(i as u8, b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'0'..=b'9' | 0x80..=0xFF);
        i += 1;
    }
    table
};

/// Scans the token that begins at `at`, which must be inside `bytes`. `None`: where the token ends depends on bytes that are not there
/// yet, which happens only when `last` is false.
#[inline]
pub(crate) fn scan(bytes: &[u8], at: usize, rules: Rules, last: bool) -> Option<Lexeme> {
    let scanner = Scanner { bytes, rules, last };
    let lexeme = scanner.token(at)?;
    if !last && lexeme.end + LOOKAHEAD > bytes.len() { None } else { Some(lexeme) }
}

/// Where a quoted thing ends: behind its closing quote, or nowhere.
#[derive(Clone, Copy)]
enum End {
    At(usize),
    Open,
}

#[derive(Clone, Copy)]
struct Scanner<'a> {
    bytes: &'a [u8],
    rules: Rules,
    last: bool,
}

impl Scanner<'_> {
    #[inline]
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn is(&self, syntax: Syntax) -> bool {
        self.rules.syntax == syntax
    }

    #[inline]
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

    fn open(&self, kind: TokenKind) -> Option<Lexeme> {
        self.last.then_some(Lexeme { kind, end: self.bytes.len(), closed: false })
    }

    fn ended(&self, kind: TokenKind, end: End) -> Option<Lexeme> {
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
    fn quoted(&self, mut at: usize, quote: u8, backslash: bool) -> End {
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

    fn dash(&self, at: usize) -> Option<Lexeme> {
        if !self.line_comment(at) {
            return done(TokenKind::Symbol, at + 1);
        }
        done(TokenKind::LineComment, self.line_end(at)?)
    }

    /// Whether `--` begins a comment here. MySQL wants white space, a control character or the end behind it, so that `5--3` is 8.
    /// <https://dev.mysql.com/doc/refman/8.4/en/ansi-diff-comments.html>
    fn line_comment(&self, at: usize) -> bool {
        if self.byte(at + 1) != b'-' {
            return false;
        }
        !self.is(Syntax::Mysql) || self.bytes.get(at + 2).is_none_or(|&b| b == b' ' || b.is_ascii_control())
    }

    /// Where the line ends on which `at` stands. SQLite and MySQL end a comment at LF alone, PostgreSQL and DuckDB at CR too. The CR of a
    /// CRLF is not part of the comment.
    fn line_end(&self, at: usize) -> Option<usize> {
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

    fn slash(&self, at: usize) -> Option<Lexeme> {
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
fn done(kind: TokenKind, end: usize) -> Option<Lexeme> {
    Some(Lexeme { kind, end, closed: true })
}

/// Whether a word is this keyword, in any case.
#[inline]
pub(crate) fn word_is(word: &[u8], keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword.as_bytes())
}

/// White space of all dialects.
pub(crate) fn is_space(byte: u8) -> bool {
    CLASS[usize::from(byte)] == Class::Space
}
