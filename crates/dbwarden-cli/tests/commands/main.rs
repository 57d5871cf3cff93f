//! Each command and alias, its main options, its text and JSON, its exit codes, and how it behaves as a program among others.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "../sandbox/mod.rs"]
mod sandbox;

mod branches;
mod exits;
mod interrupted;
mod json;
mod memory;
mod output;
mod secrets;
mod seed;
mod squash;
mod streams;
mod template;
mod typed;
mod unchanged;
mod written;
