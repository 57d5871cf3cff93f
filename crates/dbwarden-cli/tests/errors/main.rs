//! Every error of the specification's "Bad input" that SQLite and PostgreSQL can meet: the whole text, the exit code, and that nothing
//! changed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "../sandbox/mod.rs"]
mod sandbox;

mod adopt;
mod backup;
mod branches;
#[cfg(unix)]
mod cockroach;
#[cfg(unix)]
mod duckdb;
mod engine;
mod files;
mod graph;
mod layouts;
mod lock;
#[cfg(unix)]
mod mysql;
#[cfg(unix)]
mod postgres;
mod records;
mod safety;
mod settings;
mod squash;
mod statements;
mod template;
mod transactions;
mod typed;
