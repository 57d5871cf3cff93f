//! `dbwarden merge`.

use dbwarden::ErrorKind;
use dbwarden::ops::Deployment;
use dbwarden::ops::merge::{MergeOptions, merge};
use serde_json::json;

use super::{Answer, headed, speaks};
use crate::args::{self, Global};
use crate::error::Failure;
use crate::ui::{aside, clean, line};

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &args::Merge,
) -> Result<Answer, Failure> {
    let options = MergeOptions { message: args.message.clone(), revisions: args.revisions.clone() };
    let merged = merge(deployment, &options).map_err(|error| match error.kind() {
        ErrorKind::Usage { .. } => Failure::from(error).advising("`dbwarden heads` lists the heads"),
        _ => error.into(),
    })?;
    if speaks(global) {
        headed(deployment, global, "");
        match (&merged.created, merged.heads.first()) {
            (Some(created), _) => {
                for path in std::iter::once(&created.path).chain(&created.down_path) {
                    line(&clean(&path.display().to_string()));
                }
                for clash in &merged.clashes {
                    aside(&clean(&format!("note: {clash}")));
                }
                aside(if merged.clashes.is_empty() {
                    "next: `dbwarden migrate`"
                } else {
                    "next: see that both orders come to the same, or write what is left to do into the merge; then `dbwarden migrate`"
                });
            }
            (None, Some(head)) => line(&clean(&format!("nothing to merge: {head} is the one head"))),
            (None, None) => line("nothing to merge: no migrations"),
        }
    }
    let created = merged.created.as_ref();
    Ok(Answer::done(json!({
        "path": created.map(|created| &created.path),
        "down_path": created.and_then(|created| created.down_path.as_ref()),
        "version": created.map(|created| &created.version),
        "heads": merged.heads,
        "clashes": merged.clashes,
    })))
}
