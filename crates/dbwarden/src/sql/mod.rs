//! SQL as text: tokens, statements and where they stand. Knows how each dialect writes, never what a statement does.

mod body;
mod error;
mod lexer;
mod position;
mod reader;
mod routine;
mod split;

pub use error::{ReadError, TextError};
pub use lexer::{Rules, Token, TokenKind, Tokens, keywords, tokens};
pub use position::{Position, Syntax};
pub use reader::{Comment, Event, Reader, Statement};
pub use split::{OwnedStatement, split};
