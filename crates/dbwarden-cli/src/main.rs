//! The command `dbwarden`.
fn main() {}
