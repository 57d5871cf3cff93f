//! `dbwarden stamp`.

use dbwarden::migration::graph::Target;
use dbwarden::ops::Deployment;
use dbwarden::ops::stamp::{Stamp, StampOptions, stamp};

use super::{Answer, agreeing, heading, migrate, progress, speaks};
use crate::args::{self, Global};
use crate::error::Failure;

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &args::Stamp,
) -> Result<Answer, Failure> {
    let what = match (&args.revision, &args.only, &args.remove) {
        (_, Some(only), _) => Stamp::Add(only.clone()),
        (_, _, Some(remove)) => Stamp::Remove(remove.clone()),
        (revision, ..) => Stamp::Exactly(revision.clone().unwrap_or(Target::Head)),
    };
    let mut options = StampOptions { stamp: what, dry_run: args.dry_run, agreed: false };
    let name = deployment.settings.name.clone();
    let mut observer = progress(deployment, global);
    let report = agreeing(global, &name, |agreed| {
        options.agreed = agreed;
        stamp(deployment, &options, &mut observer)
    })
    .map_err(Failure::applying)?;
    drop(observer);
    if speaks(global) {
        migrate::show(&heading(deployment), &report, "stamped");
    }
    Ok(Answer::done(migrate::json(&report)))
}
