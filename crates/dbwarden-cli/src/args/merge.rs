//! What can be typed behind `merge`. The doc comments are the help.

use clap::Args;

/// Options of `merge`.
#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// The heads: ids, numbers, prefixes, NAME@head [default: all]
    #[arg(value_name = "REV")]
    pub(crate) revisions: Vec<String>,
    /// What it does, in a few words [default: merge and the heads]
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: Option<String>,
}
