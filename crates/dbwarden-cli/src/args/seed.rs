//! What is typed of `seed`.

use clap::Args;
use dbwarden::migration::graph::Target;

use super::{Before, BeforeUndoing, Resume, target, whole};

/// Options of `seed apply`.
#[derive(Debug, Args)]
pub(crate) struct SeedApply {
    /// Up to this revision
    #[arg(short, long, value_name = "REV", value_parser = target, allow_hyphen_values = true)]
    pub(crate) to_version: Option<Target>,
    /// So many seeds
    #[arg(short, long, value_name = "N", value_parser = whole, allow_negative_numbers = true, conflicts_with = "to_version")]
    pub(crate) count: Option<u64>,
    /// Those of this tag too; may stand several times
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(crate) tag: Vec<String>,
    /// Show what would run, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What to do with a statement that was running when its run ended, where the database does not tell whether it was done
    #[arg(long, value_name = "HOW")]
    pub(crate) resume: Option<Resume>,
    #[command(flatten)]
    pub(crate) before: Before,
}

/// Options of `seed rollback`.
#[derive(Debug, Args)]
pub(crate) struct SeedRollback {
    /// Down to this revision, which stays applied
    #[arg(short, long, value_name = "REV", value_parser = target, allow_hyphen_values = true)]
    pub(crate) to_version: Option<Target>,
    /// So many seeds
    #[arg(short, long, value_name = "N", value_parser = whole, allow_negative_numbers = true, conflicts_with = "to_version")]
    pub(crate) count: Option<u64>,
    /// Show what would run, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// What to do with a statement that was running when its run ended, where the database does not tell whether it was done
    #[arg(long, value_name = "HOW")]
    pub(crate) resume: Option<Resume>,
    #[command(flatten)]
    pub(crate) before: BeforeUndoing,
}
