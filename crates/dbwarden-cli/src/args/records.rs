//! Options of what writes records and runs nothing.

use clap::Args;
use dbwarden::migration::graph::Target;

use super::target;

/// Options of `stamp`.
#[derive(Debug, Args)]
pub(crate) struct Stamp {
    /// The revision; base for none
    #[arg(value_name = "REV", value_parser = target, required_unless_present_any = ["only", "remove"], allow_hyphen_values = true)]
    pub(crate) revision: Option<Target>,
    /// Add this one alone
    #[arg(long, value_name = "REV", conflicts_with_all = ["revision", "remove"])]
    pub(crate) only: Option<String>,
    /// Take this one away
    #[arg(long, value_name = "REV", conflicts_with = "revision")]
    pub(crate) remove: Option<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `adopt`.
#[derive(Debug, Args)]
pub(crate) struct Adopt {
    /// The tool, where several have records: strata (DBWarden, classic), dbwarden-python, manticore, alembic
    #[arg(long, value_name = "TOOL")]
    pub(crate) from: Option<String>,
    /// Take a file over as it stands although its old checksum is another
    #[arg(long)]
    pub(crate) no_proof: bool,
    /// Show what would be recorded, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
