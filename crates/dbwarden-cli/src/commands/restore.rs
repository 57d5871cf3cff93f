//! `dbwarden restore`.

use dbwarden::ops::Deployment;
use dbwarden::ops::restore::{RestoreOptions, restore};
use serde_json::json;

use super::backup::{holds, show};
use super::{Answer, agreeing, heading, progress, speaks};
use crate::args::{Global, Restore};
use crate::error::Failure;
use crate::ui::{self, line, time};

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &Restore,
) -> Result<Answer, Failure> {
    let mut options = RestoreOptions {
        file: args.file.clone(),
        directory: args.directory.backup_dir.clone(),
        without_backup: args.no_backup,
        unrecorded: args.unrecorded,
        agreed: false,
    };
    let name = deployment.settings.name.clone();
    let mut observer = progress(deployment, global);
    let restored = agreeing(global, &name, |agreed| {
        options.agreed = agreed;
        restore(deployment, &options, &mut observer)
    })?;
    drop(observer);
    if speaks(global) {
        let holds = holds(restored.applied, restored.last.as_deref());
        let took = time(restored.duration_ms);
        let heading = heading(deployment);
        line(&ui::clean(&format!(
            "{heading}  restored from {} in {took}, now {holds}",
            restored.file.display()
        )));
        if let Some(made) = &restored.replaced {
            show(made, global, &name);
        }
    }
    Ok(Answer::of(global, || json!({ "restored": restored })))
}
