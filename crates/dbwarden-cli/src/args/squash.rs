//! What can be typed behind `squash`. The doc comments are the help.

use clap::Args;

/// Options of `squash`.
#[derive(Debug, Args)]
pub(crate) struct Squash {
    /// The first that it replaces [default: the first of all]
    #[arg(long, value_name = "REV")]
    pub(crate) from: Option<String>,
    /// The last that it replaces [default: head]
    #[arg(long, value_name = "REV")]
    pub(crate) to: Option<String>,
    /// What it does, in a few words [default: initial schema]
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
    /// A server on which scratch databases are made and dropped, or env:NAME [default: that of the database]
    #[arg(long, value_name = "URL")]
    pub(crate) scratch: Option<String>,
    /// Prove it, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
