//! Whole texts, split at once.

use super::{Event, Position, ReadError, Reader, Rules, TextError};

/// One statement of a text that was split at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedStatement {
    /// What stands between the statement before and this one, without the terminator of that one.
    pub leading: String,
    /// First token to last token, without the terminator.
    pub text: String,
    /// Where `text` begins.
    pub start: Position,
    /// Just behind `text`.
    pub end: Position,
    /// Whether a terminator followed.
    pub terminated: bool,
    /// The rows of a `COPY … FROM stdin`.
    pub rows: Option<Vec<u8>>,
}

/// Splits a whole text. For a file of unknown size use a [`Reader`].
pub fn split(text: &str, rules: Rules) -> Result<Vec<OwnedStatement>, TextError> {
    let mut reader = Reader::new(text.as_bytes(), rules);
    let mut statements: Vec<OwnedStatement> = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(Event::Statement(statement))) => statements.push(OwnedStatement {
                leading: statement.leading.to_owned(),
                text: statement.text.to_owned(),
                start: statement.start,
                end: statement.end,
                terminated: statement.terminated,
                rows: statement.copy.then(Vec::new),
            }),
            Ok(Some(Event::CopyData(data))) => {
                if let Some(rows) = statements.last_mut().and_then(|statement| statement.rows.as_mut()) {
                    rows.extend_from_slice(data);
                }
            }
            Ok(Some(Event::Break(_) | Event::CopyEnd | Event::Tail(_))) => {}
            // Memory can always be read.
            Ok(None) | Err(ReadError::Io(_)) => return Ok(statements),
            Err(ReadError::Text(error)) => return Err(error),
        }
    }
}
