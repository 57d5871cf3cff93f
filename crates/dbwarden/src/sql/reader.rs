//! Cuts a stream into statements, as the shell of each engine does, holding one statement at a time.
//!
//! The buffer holds what has not been handed out. Where a token or statement is longer than the buffer, the buffer doubles, so what is
//! scanned twice is bounded by what is scanned once.

mod copy;
mod delimiter;
mod event;
mod marker;
mod skip;
mod wrong;

use std::io::Read;
use std::ops::Range;

use super::body::{Body, Sign};
use super::lexer::{BOM, Lexeme, Rules, TokenKind, scan};
use super::position::{Tracker, is_plain};
use super::{Event, Position, ReadError, Syntax, TextError};
use delimiter::DelimiterLine;

/// What the reader has found, as places in its buffer.
#[derive(Debug)]
enum Found {
    Statement {
        text: Range<usize>,
        trailing: usize,
        end: usize,
        terminated: bool,
    },
    Break {
        text: Range<usize>,
        end: usize,
    },
    CopyData {
        end: usize,
    },
    CopyEnd {
        end: usize,
    },
    Tail,
    /// The buffer must be filled first.
    More,
    /// The text has ended.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// At the very start, where a byte order mark may stand.
    Start,
    Text,
    /// Behind `COPY … FROM stdin;` on its line.
    CopyLine,
    /// In the rows; true at the start of a line.
    CopyRows(bool),
    Finished,
}

/// The statement under way; places in the buffer.
#[derive(Debug, Default)]
struct Pending {
    /// Its first token.
    start: Option<usize>,
    /// An optimizer hint that may turn out to stand directly before it.
    hint: Option<usize>,
    /// Behind its last significant token so far.
    end: usize,
    /// Open parentheses.
    depth: u32,
    /// The outermost of them, as an offset.
    parenthesis: u64,
}

/// Reads statements from a source. Memory is bounded by the longest statement.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    source_ended: bool,
    rules: Rules,
    breaks: Option<fn(&str) -> bool>,
    mode: Mode,
    buffer: Vec<u8>,
    /// The size that the buffer begins with, and goes back to.
    capacity: usize,
    /// How much of the buffer is text.
    filled: usize,
    /// Whether the text in the buffer is plain, as [`is_plain`] says.
    plain: bool,
    /// What lies before has been handed out.
    done: usize,
    /// Where `done` stands in the file.
    tracker: Tracker,
    /// Whether only white space stands before `done` on its line.
    fresh_line: bool,
    /// What lies before has been scanned.
    at: usize,
    /// What `DELIMITER` said; empty for `;`.
    delimiter: Vec<u8>,
    pending: Pending,
    body: Body,
    /// The COPY whose rows are read.
    copy: Position,
}

/// The buffer's size as long as no statement is longer.
const CAPACITY: usize = 256 * 1024;

impl<R: Read> Reader<R> {
    /// Reads a whole file.
    pub fn new(source: R, rules: Rules) -> Self {
        Reader::starting_at(source, rules, Position::START)
    }

    /// Reads a source that begins at `start` of its file.
    pub fn starting_at(source: R, rules: Rules, start: Position) -> Self {
        Reader {
            source,
            source_ended: false,
            rules,
            breaks: None,
            mode: if start.offset == 0 { Mode::Start } else { Mode::Text },
            buffer: Vec::new(),
            capacity: CAPACITY,
            filled: 0,
            plain: true,
            done: 0,
            tracker: Tracker::new(start),
            fresh_line: start.column == 1,
            at: 0,
            delimiter: Vec::new(),
            pending: Pending::default(),
            body: Body::new(rules.syntax),
            copy: start,
        }
    }

    /// Ends a piece at each line comment that begins with `--` or `#`, stands alone on its line, and for which `breaks` returns true, given the
    /// comment without its line end. In the body of a trigger or routine such a comment is an ordinary one. A `DELIMITER` ends there too,
    /// since what follows may be read by itself.
    #[must_use]
    pub fn with_breaks(mut self, breaks: fn(&str) -> bool) -> Self {
        self.breaks = Some(breaks);
        self
    }

    /// Begins with a buffer of another size. It grows as it must.
    #[must_use]
    pub fn with_capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Returns how far the text has been handed out.
    pub fn position(&self) -> Position {
        self.tracker.position
    }

    /// Returns the next event, or `None` at the end. Behind an error nothing follows.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend from its own buffer")]
    pub fn next(&mut self) -> Result<Option<Event<'_>>, ReadError> {
        match self.find() {
            Ok(found) => Ok(self.event(found)?),
            Err(error) => {
                self.mode = Mode::Finished;
                Err(error)
            }
        }
    }

    fn find(&mut self) -> Result<Found, ReadError> {
        loop {
            let found = match self.mode {
                Mode::Start => {
                    self.fill()?;
                    self.byte_order_mark();
                    continue;
                }
                Mode::Text => self.text()?,
                Mode::CopyLine => self.copy_line()?,
                Mode::CopyRows(line_start) => self.copy_rows(line_start)?,
                Mode::Finished => Found::Nothing,
            };
            match found {
                Found::More => self.fill()?,
                found => return Ok(found),
            }
        }
    }

    /// Reads until the buffer is full, so that scanning a long token again is paid for by what was read.
    fn fill(&mut self) -> Result<(), std::io::Error> {
        if self.source_ended {
            return Ok(());
        }
        let kept = self.filled - self.done;
        self.buffer.copy_within(self.done..self.filled, 0);
        self.at -= self.done;
        self.pending.start = self.pending.start.map(|at| at - self.done);
        self.pending.hint = self.pending.hint.map(|at| at - self.done);
        self.pending.end = self.pending.end.saturating_sub(self.done);
        self.filled = kept;
        self.done = 0;
        if self.buffer.is_empty() {
            self.buffer = vec![0; self.capacity];
        }
        let size = self.buffer.len();
        if kept > size / 2 {
            self.buffer.resize(size * 2, 0);
        } else if size > 4 * CAPACITY && kept < size / 16 {
            self.buffer.truncate((size / 4).max(CAPACITY));
            self.buffer.shrink_to_fit();
        }
        while self.filled < self.buffer.len() {
            match self.source.read(&mut self.buffer[self.filled..]) {
                Ok(0) => {
                    self.source_ended = true;
                    break;
                }
                Ok(n) => self.filled += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.plain = is_plain(&self.buffer[..self.filled]);
        Ok(())
    }

    fn byte_order_mark(&mut self) {
        if self.filled < BOM.len() && !self.source_ended {
            return;
        }
        if self.buffer[..self.filled].starts_with(BOM) {
            self.done = BOM.len();
            self.at = BOM.len();
            self.tracker.position.offset += BOM.len() as u64;
        }
        self.mode = Mode::Text;
    }

    /// Scans text up to the end of a statement.
    fn text(&mut self) -> Result<Found, TextError> {
        let (rules, last) = (self.rules, self.source_ended);
        while self.at < self.filled {
            if self.pending.start.is_some() {
                self.skip();
            }
            if !self.delimiter.first().is_some_and(u8::is_ascii_whitespace) {
                self.skip_space();
            }
            if self.at == self.filled {
                break;
            }
            let at = self.at;
            if !self.delimiter.is_empty() {
                match self.delimiter_at(at) {
                    None => return Ok(Found::More),
                    Some(true) => {
                        let end = at + self.delimiter.len();
                        match self.terminator(at, end) {
                            Some(found) => return Ok(found),
                            None => continue,
                        }
                    }
                    Some(false) => {}
                }
            }
            let here = if self.pending.start.is_none() { rules.before_a_statement() } else { rules };
            let Some(mut token) = scan(&self.buffer[..self.filled], at, here, last) else {
                return Ok(Found::More);
            };
            let may_be_open = rules.syntax == Syntax::Sqlite && token.kind == TokenKind::BlockComment;
            if !token.closed && !may_be_open {
                return Err(self.unterminated(token));
            }
            match token.kind {
                TokenKind::Whitespace | TokenKind::BlockComment => self.at = token.end,
                TokenKind::LineComment => {
                    if let Some(found) = self.line_comment(token)? {
                        return Ok(found);
                    }
                }
                TokenKind::Hint if self.pending.start.is_none() => {
                    self.pending.hint.get_or_insert(at);
                    self.at = token.end;
                }
                TokenKind::Symbol => match self.buffer[at] {
                    b';' if self.delimiter.is_empty() => {
                        if let Some(found) = self.semicolon(at) {
                            return Ok(found);
                        }
                    }
                    // An empty statement before the delimiter.
                    b';' if self.pending.start.is_none() => self.at = token.end,
                    b';' if rules.syntax == Syntax::Mysql => {
                        if let Some(found) = self.semicolon_under_delimiter(at) {
                            return Ok(found);
                        }
                    }
                    b'\\' if matches!(rules.syntax, Syntax::Postgres | Syntax::Mysql) => {
                        // `\N` is NULL in MySQL.
                        if rules.syntax == Syntax::Postgres
                            || self.buffer[..self.filled].get(at + 1) != Some(&b'N')
                        {
                            return self.meta_command(at);
                        }
                        self.significant(token);
                    }
                    b'-' if rules.syntax == Syntax::Mysql && self.breaks.is_some() => {
                        match self.tight_marker(at)? {
                            Some(found) => return Ok(found),
                            None if self.at == at => self.symbol(b'-', token),
                            None => {}
                        }
                    }
                    symbol => self.symbol(symbol, token),
                },
                TokenKind::Word => {
                    self.cut_at_delimiter(&mut token);
                    if rules.syntax == Syntax::Mysql && self.is_delimiter_command(at, token.end) {
                        match self.delimiter_command(at, token.end)? {
                            DelimiterLine::More => return Ok(Found::More),
                            DelimiterLine::Set => continue,
                            DelimiterLine::EndsStatement(found) => return Ok(found),
                            DelimiterLine::Name => {}
                        }
                    }
                    if self.body.watching() {
                        let offset = self.offset(at);
                        let sign = Sign::Word(&self.buffer[at..token.end]);
                        self.body.see(sign, offset, self.pending.depth);
                    }
                    self.significant(token);
                }
                // A statement may begin with one, and it may be all of it.
                TokenKind::ExecutableComment => self.significant(token),
                _ => {
                    self.cut_at_delimiter(&mut token);
                    if self.body.watching() {
                        self.body.see(Sign::Other, self.offset(at), self.pending.depth);
                    }
                    self.significant(token);
                }
            }
        }
        if last { self.at_end() } else { Ok(Found::More) }
    }

    /// The file offset of a place in the buffer.
    #[inline]
    fn offset(&self, at: usize) -> u64 {
        self.tracker.position.offset + (at - self.done) as u64
    }

    #[inline]
    fn significant(&mut self, token: Lexeme) {
        if self.pending.start.is_none() {
            self.pending.start = self.pending.hint.take().or(Some(self.at));
        }
        self.pending.end = token.end;
        self.at = token.end;
    }

    #[inline]
    fn symbol(&mut self, symbol: u8, token: Lexeme) {
        match symbol {
            b'(' => {
                if self.pending.depth == 0 {
                    self.pending.parenthesis = self.offset(self.at);
                }
                self.pending.depth = self.pending.depth.saturating_add(1);
            }
            b')' => self.pending.depth = self.pending.depth.saturating_sub(1),
            _ => {}
        }
        if self.body.watching() {
            self.body.see(Sign::Symbol(symbol), self.offset(self.at), self.pending.depth);
        }
        if symbol == b';' && self.rules.syntax == Syntax::Mysql {
            // No expression goes on behind a `;`, whatever was left open.
            self.pending.depth = 0;
        }
        self.significant(token);
    }

    /// A `;` while it is the terminator.
    #[inline]
    fn semicolon(&mut self, at: usize) -> Option<Found> {
        // psql does not end a statement inside parentheses: CREATE RULE … DO (…; …).
        // https://www.postgresql.org/docs/current/sql-createrule.html
        let hidden =
            self.body.opened().is_some() || (self.rules.syntax == Syntax::Postgres && self.pending.depth > 0);
        if hidden {
            self.symbol(b';', Lexeme { kind: TokenKind::Symbol, end: at + 1, closed: true });
            return None;
        }
        self.terminator(at, at + 1)
    }

    fn terminator(&mut self, at: usize, end: usize) -> Option<Found> {
        self.at = end;
        self.pending.hint = None;
        let start = self.pending.start?;
        Some(Found::Statement { text: start..self.pending.end, trailing: at, end, terminated: true })
    }

    fn at_end(&mut self) -> Result<Found, TextError> {
        let Some(start) = self.pending.start else {
            return Ok(if self.done < self.filled { Found::Tail } else { Found::Nothing });
        };
        // Under a delimiter of the author's own the body needs no judge: the statement ends where the delimiter says.
        if let Some(opened) = self.body.opened().filter(|_| self.delimiter.is_empty()) {
            self.clean(self.filled)?;
            let opened = self.done + (opened - self.tracker.position.offset) as usize;
            return Err(TextError::UnterminatedBody { place: self.place(opened) });
        }
        let end = self.pending.end;
        Ok(Found::Statement { text: start..end, trailing: end, end, terminated: false })
    }
}
