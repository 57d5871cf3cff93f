//! What can be typed about backups. The doc comments are the help.

use std::path::PathBuf;

use clap::Args;

/// Where backups are.
#[derive(Debug, Args)]
pub(crate) struct BackupDirectory {
    /// Where backups are [default: `backups` in the settings, else backups]
    #[arg(long, value_name = "DIR")]
    pub(crate) backup_dir: Option<PathBuf>,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup: a path, or a name in the directory of backups
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) directory: BackupDirectory,
    /// Make no backup of what is replaced
    #[arg(long)]
    pub(crate) no_backup: bool,
    /// Take a file that has no record beside it, and so no checksum
    #[arg(long)]
    pub(crate) unrecorded: bool,
}

/// A backup before the first step of what undoes, or a recent one.
#[derive(Debug, Args)]
pub(crate) struct BeforeUndoing {
    /// Make a backup before the first step
    #[arg(long)]
    pub(crate) with_backup: bool,
    /// Make it there, and look there for the recent one that `safety.require_backup_within` asks for [default: `backups` in the settings, else backups]
    #[arg(long, value_name = "DIR")]
    pub(crate) backup_dir: Option<PathBuf>,
}

impl BeforeUndoing {
    /// Where a backup is to be made, where one is asked for.
    pub(crate) fn directory(&self, settings: &dbwarden::project::DatabaseSettings) -> Option<PathBuf> {
        self.with_backup.then(|| self.backup_dir.clone().unwrap_or_else(|| settings.backups.clone()))
    }
}

/// A backup before the first step of what applies.
#[derive(Debug, Args)]
pub(crate) struct Before {
    /// Make a backup before the first step
    #[arg(long)]
    pub(crate) with_backup: bool,
    /// Make it there [default: `backups` in the settings, else backups]
    #[arg(long, value_name = "DIR", requires = "with_backup")]
    pub(crate) backup_dir: Option<PathBuf>,
}

impl Before {
    /// Where a backup is to be made, where one is asked for.
    pub(crate) fn directory(&self, settings: &dbwarden::project::DatabaseSettings) -> Option<PathBuf> {
        self.with_backup.then(|| self.backup_dir.clone().unwrap_or_else(|| settings.backups.clone()))
    }
}
