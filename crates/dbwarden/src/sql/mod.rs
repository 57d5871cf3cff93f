//! SQL as text: tokens, statements and where they stand. Knows how each dialect writes, never what a statement does.

mod body;
mod error;
mod event;
mod lexer;
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres")),
    allow(dead_code, reason = "only these have accounts")
)]
mod mask;
mod position;
mod reader;
mod routine;
mod split;

pub use error::{ReadError, TextError};
pub use event::{Comment, Event, Statement};
pub use lexer::{Rules, Token, TokenKind, Tokens, keywords, tokens};
pub use mask::mask_secrets;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use mask::{mask_answer, mask_place};
pub use position::{Position, Syntax};
pub use reader::Reader;
pub use split::{OwnedStatement, split};
