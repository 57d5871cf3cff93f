//! What a [`Reader`](super::Reader) finds, lent from its buffer.

use super::Position;

/// One statement, with what stands around it: `leading`, `text`, `trailing` and the terminator follow each other without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    /// White space and comments between the piece before and this statement; also terminators of empty statements and `DELIMITER` lines.
    pub leading: &'a str,
    /// First token to last token, without the terminator.
    pub text: &'a str,
    /// White space and comments between the last token and the terminator; empty when there is no terminator.
    pub trailing: &'a str,
    /// Where `text` begins.
    pub start: Position,
    /// Just behind `text`.
    pub end: Position,
    /// Whether a terminator followed: `;`, or what `DELIMITER` said.
    pub terminated: bool,
    /// Whether this is PostgreSQL's `COPY … FROM stdin`, whose rows follow.
    pub copy: bool,
}

/// A line comment that stands alone on its line and divides the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment<'a> {
    /// White space and comments between the piece before and this one.
    pub leading: &'a str,
    /// The comment, without its line end.
    pub text: &'a str,
    /// Where `text` begins.
    pub start: Position,
    /// Behind the line end.
    pub end: Position,
}

/// What a [`Reader`](super::Reader) finds, in the order of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A statement.
    Statement(Statement<'a>),
    /// A comment for which the function given to [`Reader::with_breaks`](super::Reader::with_breaks) said true.
    Break(Comment<'a>),
    /// Rows of a COPY, as they stand in the file: any bytes. Comes any number of times.
    CopyData(&'a [u8]),
    /// The line `\.` behind the rows.
    CopyEnd,
    /// White space and comments behind the last statement, when there are any. The last event.
    Tail(&'a str),
}
