//! A Galera cluster of two nodes, in the longer lane: runs start on either node, are stopped, killed and overtaken there, and each
//! migration is applied once.

#![cfg(all(unix, debug_assertions))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests stop at the first surprise")]

#[path = "galera/longer_lane.rs"]
mod longer_lane;
