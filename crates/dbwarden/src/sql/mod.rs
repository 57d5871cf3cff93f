//! SQL as text: tokens, statements and where they stand. Knows how each dialect writes, never what a statement does.

mod position;

pub use position::{Position, Syntax};
