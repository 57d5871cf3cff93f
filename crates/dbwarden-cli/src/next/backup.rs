//! What to type next after a backup, or a restore, that stopped.

use dbwarden::backup::BackupError;
use dbwarden::driver::DriverErrorKind;
use dbwarden::ops::backup::Made;

use crate::commands::backup;

/// What to type next after a backup.
pub(super) fn after(error: &BackupError) -> String {
    match error {
        BackupError::NotYet { .. } => "use the engine's own tools for now".to_owned(),
        BackupError::NoTool { package, tool } => {
            format!("install {tool}: on Debian and Ubuntu it is in the package {package}")
        }
        BackupError::Tool { said, .. } if said.iter().any(|line| line.contains("version mismatch")) => {
            "install the client tools of the server's version, and put them first on PATH".to_owned()
        }
        BackupError::Missing { .. } => "`dbwarden backups` lists those there are".to_owned(),
        BackupError::NoRecord { .. } => {
            "where you know what it is, run this again with --unrecorded; its checksum cannot be compared"
                .to_owned()
        }
        BackupError::Changed { .. } | BackupError::Damaged { .. } | BackupError::Record { .. } => {
            "take another: `dbwarden backups` lists those there are".to_owned()
        }
        BackupError::File { .. } => {
            "look at its rights and the room on the disk, or take another --backup-dir".to_owned()
        }
        BackupError::OtherEngine { .. } => "name the database it belongs to with -d".to_owned(),
        BackupError::Driver(error) if error.kind == DriverErrorKind::Busy => {
            "end the program that uses the database, then run this again".to_owned()
        }
        BackupError::TooLong { length, .. } => {
            format!(
                "`SET GLOBAL max_allowed_packet = {}` on the server, then run this again",
                length.next_multiple_of(1 << 20)
            )
        }
        BackupError::Definer { account, .. } => format!(
            "have an administrator grant {account} SET USER (MariaDB), SET_ANY_DEFINER or SET_USER_ID (MySQL), or restore as an account that has it"
        ),
        BackupError::OthersAtWork { .. } => "wait until that run has ended, then run this again".to_owned(),
        BackupError::RecordsElsewhere { records, .. } => {
            format!("back both up with the engine's own tools, {records} and the database, at one moment")
        }
        BackupError::InMemory { .. } => "name a file: `--url sqlite:app.db`".to_owned(),
        BackupError::NoDatabase { .. } => "`dbwarden migrate` makes it".to_owned(),
        BackupError::Tool { tool, .. } => format!("mend what {tool} names, then run this again"),
        BackupError::Cancelled => "run this again when you are ready".to_owned(),
        _ => String::new(),
    }
}

/// What to type next after a restore.
pub(super) fn after_restore(error: &BackupError, atomic: bool, replaced: Option<&Made>) -> String {
    match (atomic, replaced) {
        (false, Some(made)) => format!("{} brings back what was there", backup::restore(made)),
        (false, None) => match error {
            BackupError::Tool { tool, .. } => {
                format!("mend what {tool} names and run this again, or `dbwarden restore` another backup")
            }
            _ => "run this again".to_owned(),
        },
        (true, _) => match error {
            BackupError::Tool { said, .. } if said.iter().any(|line| line.contains("lock timeout")) => {
                "end the programs that use the database, then run this again".to_owned()
            }
            other => after(other),
        },
    }
}
