//! Database migrations that are proved by killing them.
//!
//! The library: no terminal, no environment variables, no process exit. See ARCHITECTURE.md for its rooms.

pub mod migration;
pub mod sql;
