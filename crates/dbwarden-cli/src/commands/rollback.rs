//! `dbwarden rollback`.

use dbwarden::ops::Deployment;
use dbwarden::ops::rollback::{RollbackOptions, rollback};

use super::{Answer, agreeing, heading, migrate, progress, speaks};
use crate::args::{Global, Rollback};
use crate::error::Failure;

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &Rollback,
) -> Result<Answer, Failure> {
    if let Some(option) = args.later.given() {
        return Err(Failure::later(option));
    }
    let options = RollbackOptions {
        target: args.revision.clone().or_else(|| args.to_version.clone()),
        count: args.count,
        seeds_only: false,
        dry_run: args.dry_run,
        without_checks: args.no_safety_check,
        backup: args.before.directory(&deployment.settings),
        backups: args.before.backup_dir.clone(),
        agreed: false,
        resume: args.resume.map(Into::into),
    };
    undo(deployment, global, options)
}

/// Undoes, and shows what it came to.
pub(super) fn undo(
    deployment: &mut Deployment<'_>,
    global: &Global,
    mut options: RollbackOptions,
) -> Result<Answer, Failure> {
    let name = deployment.settings.name.clone();
    let mut observer = progress(deployment, global);
    let report = agreeing(global, &name, |agreed| {
        options.agreed = agreed;
        rollback(deployment, &options, &mut observer)
    })
    .map_err(Failure::applying)?;
    drop(observer);
    if speaks(global) {
        migrate::show(&heading(deployment), &report, "rolled back");
        if let Some(made) = &report.backup {
            super::backup::show(made, global, &name);
        }
    }
    Ok(Answer::done(migrate::json(&report)))
}
