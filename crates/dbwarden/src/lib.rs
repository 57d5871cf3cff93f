//! Database migrations that are proved by killing them.
//!
//! The library: no terminal, no environment variables, no process exit. See ARCHITECTURE.md for its rooms.

pub mod apply;
pub mod database;
pub mod dialect;
pub mod driver;
pub mod error;
pub mod migration;
mod nearest;
pub mod ops;
pub mod project;
pub mod sql;
pub mod url;
pub mod value;

pub use error::{Error, ErrorKind};
