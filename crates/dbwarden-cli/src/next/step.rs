//! What to type next after a migration that stopped.

use dbwarden::apply::failure::{Cause, Kept, StepError};
use dbwarden::driver::DriverErrorKind;
use dbwarden::migration::applied::Direction;

use super::after_disk;

/// What to type next.
pub(super) fn after(step: &StepError) -> String {
    let command = if step.direction == Direction::Up { "migrate" } else { "rollback" };
    match &step.cause {
        _ if step.kept == Kept::Unknown => {
            format!(
                "once the server answers, `dbwarden status`, then `dbwarden {command}` goes on from there"
            )
        }
        Cause::Statement(error) | Cause::Condition(error) | Cause::Around { error, .. }
            if error.kind == DriverErrorKind::Cut =>
        {
            format!("`dbwarden {command}` goes on from there")
        }
        Cause::Statement(error) | Cause::Around { error, .. } if error.kind == DriverErrorKind::Disk => {
            format!("{}, then `dbwarden {command}`", after_disk(error))
        }
        Cause::Statement(error) | Cause::Condition(error) | Cause::Around { error, .. }
            if error.kind == DriverErrorKind::Rights =>
        {
            format!("{}, then `dbwarden {command}`", crate::rights::wanted(error))
        }
        Cause::Statement(error) | Cause::Around { error, .. } if error.kind == DriverErrorKind::Busy => {
            format!("find what else writes to the database, then `dbwarden {command}`")
        }
        Cause::Statement(_) if matches!(step.kept, Kept::Part { asks: true, .. }) => format!(
            "look what statement {} did, then `dbwarden {command} --resume=retry` to run it again or `--resume=skip` where that is enough",
            step.statement
        ),
        Cause::Statement(_) if matches!(step.kept, Kept::Part { .. }) => {
            format!(
                "look what statement {} did, correct it so that it bears that, then `dbwarden {command}` runs it again",
                step.statement
            )
        }
        Cause::Statement(_) | Cause::Condition(_)
            if matches!(step.kept, Kept::Statements(_) | Kept::Doubtful { .. }) =>
        {
            format!("correct statement {}, then `dbwarden {command}` goes on from it", step.statement)
        }
        Cause::Statement(_) | Cause::Condition(_) | Cause::TransactionEnded => {
            format!("correct the file, then `dbwarden {command}`")
        }
        // What is found out with the commit is of the file's making; what else we do ourselves is not.
        Cause::Around { doing: "committing", error } if error.kind == DriverErrorKind::Statement => {
            format!("correct the file, then `dbwarden {command}`")
        }
        Cause::Around { doing: "opening the transaction", error }
            if error.kind == DriverErrorKind::Statement && error.message.contains("sql_mode") =>
        {
            format!(
                "take it out of sql_mode, or write that text without a backslash, then `dbwarden {command}`"
            )
        }
        Cause::Hook { .. } => {
            format!("mend what `hooks.before` in the settings runs, then `dbwarden {command}`")
        }
        Cause::ForeignKeys { .. } => {
            format!("correct the file, so that no row is left without its parent, then `dbwarden {command}`")
        }
        Cause::TimedOut { .. } => {
            format!("raise `-- statement_timeout:` in the file, then `dbwarden {command}`")
        }
        Cause::Doubtful { .. } => format!(
            "look at the database, then `dbwarden {command} --resume=retry` to run it again or `--resume=skip` where it was done"
        ),
        Cause::Edited { .. } => "put that statement back as it was; what follows it may change".to_owned(),
        Cause::TemporaryGone { .. } => {
            "make it an ordinary table and drop it at the end, or undo by hand what is committed and stamp"
                .to_owned()
        }
        Cause::Cancelled if matches!(step.kept, Kept::Doubtful { .. }) => {
            format!(
                "`dbwarden {command}` looks what became of statement {}, and goes on from there or asks",
                step.statement
            )
        }
        Cause::Cancelled => format!("`dbwarden {command}` goes on from here"),
        _ => format!("`dbwarden {command}` again"),
    }
}
