//! A walk through each of the five documents that the product unites: what they tell a reader to type, to write and to call,
//! in their order, done with `dbwarden` in the place of the tool that they describe, on SQLite and on PostgreSQL.
//!
//! Each walk is one file here and one table in `docs/reference/seeds/`, which says for each command or call of the document what
//! takes its place; the two cannot differ. `DBWARDEN_UPDATE_DOCS=1` writes the tables, as `git diff` then shows.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "../sandbox/mod.rs"]
mod sandbox;

#[allow(dead_code, reason = "each walk uses its own part of it")]
mod held;
#[allow(dead_code, reason = "each walk uses its own part of it")]
mod walk;

mod classic;
mod current;
mod manager;
mod manticore;
mod program;
mod routstr;
