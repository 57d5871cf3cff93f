//! What can be wrong with SQL as text, before any engine sees it.

use super::Position;

/// A text that cannot be cut into statements. Each variant names the place where the reader should look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// A byte that is no part of a UTF-8 text.
    #[error("the text is not UTF-8")]
    NotUtf8 {
        /// The first byte that does not fit.
        place: Position,
    },
    /// A NUL byte, which no engine takes inside a statement (and a sign of UTF-16).
    #[error("the text has a NUL byte")]
    NulByte {
        /// The byte.
        place: Position,
    },
    /// A string whose closing quote is missing.
    #[error("the string that begins here is not closed: no {quote} follows")]
    UnterminatedString {
        /// Where the string begins.
        place: Position,
        /// The quote that would close it.
        quote: char,
    },
    /// A quoted identifier whose closing quote is missing.
    #[error("the quoted name that begins here is not closed: no {quote} follows")]
    UnterminatedIdentifier {
        /// Where the name begins.
        place: Position,
        /// The quote that would close it.
        quote: char,
    },
    /// A dollar-quoted string whose closing tag is missing.
    #[error("the string that begins here is not closed: no {tag} follows")]
    UnterminatedDollar {
        /// Where the string begins.
        place: Position,
        /// The whole tag, dollars included.
        tag: String,
    },
    /// A block comment that does not end.
    #[error("the comment that begins here is not closed: no */ follows")]
    UnterminatedComment {
        /// Where the comment begins.
        place: Position,
    },
    /// The body of a trigger or routine that does not end.
    #[error("the body that begins here is not closed: its END is missing")]
    UnterminatedBody {
        /// The word that opens the body.
        place: Position,
    },
    /// `COPY … FROM stdin` without the line `\.` behind its rows.
    #[error("the rows of this COPY do not end: no line \\. follows")]
    UnterminatedCopy {
        /// Where the COPY statement begins.
        place: Position,
    },
    /// Something other than a comment behind `COPY … FROM stdin;` on its line.
    #[error("only a comment may stand behind a COPY from stdin on its line: its rows follow on the next")]
    TextAfterCopy {
        /// What stands there.
        place: Position,
    },
    /// A command of the engine's own shell, such as `\connect`, which the server does not know.
    #[error("{command} is a command of the database's shell, not SQL")]
    MetaCommand {
        /// Where the command begins.
        place: Position,
        /// The command word with its backslash.
        command: String,
    },
    /// A marker inside an open parenthesis, so that one side of it would end in the middle of a statement.
    #[error("the marker stands inside a parenthesis that was opened on line {}", opened.line)]
    BreakInside {
        /// The marker.
        place: Position,
        /// The outermost open parenthesis.
        opened: Position,
    },
    /// A `DELIMITER` line without a usable delimiter.
    #[error("DELIMITER wants the new delimiter behind it, without a backslash")]
    DelimiterMissing {
        /// The word DELIMITER.
        place: Position,
    },
}

impl TextError {
    /// Returns where to look.
    pub fn place(&self) -> Position {
        match self {
            TextError::NotUtf8 { place }
            | TextError::NulByte { place }
            | TextError::UnterminatedString { place, .. }
            | TextError::UnterminatedIdentifier { place, .. }
            | TextError::UnterminatedDollar { place, .. }
            | TextError::UnterminatedComment { place }
            | TextError::UnterminatedBody { place }
            | TextError::UnterminatedCopy { place }
            | TextError::TextAfterCopy { place }
            | TextError::MetaCommand { place, .. }
            | TextError::BreakInside { place, .. }
            | TextError::DelimiterMissing { place } => *place,
        }
    }
}

/// Why a [`Reader`](super::Reader) stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The source failed.
    #[error("the text cannot be read")]
    Io(#[from] std::io::Error),
    /// The text is wrong.
    #[error(transparent)]
    Text(#[from] TextError),
}
