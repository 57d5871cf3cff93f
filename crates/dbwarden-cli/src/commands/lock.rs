//! `dbwarden lock-status` and `dbwarden unlock`.

use dbwarden::ops::Deployment;
use dbwarden::ops::lock::{Unlocked, lock_status, unlock as release};
use serde_json::json;

use super::{Answer, agreeing, heading, progress, speaks};
use crate::args::Global;
use crate::error::Failure;
use crate::ui::{clean, line};

pub(super) fn status(deployment: &mut Deployment<'_>, global: &Global) -> Result<Answer, Failure> {
    let status = lock_status(deployment)?;
    if speaks(global) {
        let heading = heading(deployment);
        match (&status.holder, status.gone) {
            (None, _) => line(&format!("{heading}  lock free")),
            (Some(holder), gone) => {
                let doing =
                    holder.doing.as_ref().map_or_else(String::new, |doing| format!(", running {doing}"));
                line(&clean(&format!(
                    "{heading}  held by {} since {} UTC{doing}",
                    holder.owner.label(),
                    holder.since
                )));
                if let Some(why) = gone {
                    line(&format!(
                        "  that run is gone: {why}; the next `dbwarden migrate` takes the lock over"
                    ));
                }
            }
        }
    }
    Ok(Answer::done(json!({ "target": status.target, "holder": status.holder, "gone": status.gone })))
}

pub(super) fn unlock(
    deployment: &mut Deployment<'_>,
    global: &Global,
    force: bool,
) -> Result<Answer, Failure> {
    let name = deployment.settings.name.clone();
    let mut observer = progress(deployment, global);
    let outcome = agreeing(global, &name, |agreed| release(deployment, force || agreed, &mut observer))?;
    if speaks(global) {
        let heading = heading(deployment);
        line(&clean(&match &outcome {
            Unlocked::Free => format!("{heading}  nothing held the lock"),
            Unlocked::Cleared => format!("{heading}  the lock's row is as new"),
            Unlocked::Released { holder } => {
                format!("{heading}  the lock of {} is released", holder.owner.label())
            }
        }));
    }
    Ok(Answer::done(json!({ "unlock": outcome })))
}
