//! What wants a person's word before a run. It is asked before the lock is waited for, and once more under it: what is to be run may be
//! something else by then, and the hour too.

use super::backup;
use super::rollback::RollbackOptions;
use crate::error::{Error, ErrorKind, Refusal};
use crate::migration::plan::{Plan, Recorded};
use crate::project::DatabaseSettings;

fn refused(refusal: Refusal) -> Result<(), Error> {
    Err(ErrorKind::Refused { refusal }.into())
}

fn window(settings: &DatabaseSettings, now: jiff::Timestamp) -> Result<(), Error> {
    match settings.safety.window.as_ref().filter(|window| !window.contains(now)) {
        Some(window) => {
            refused(Refusal::Window { window: window.to_string(), database: settings.name.clone() })
        }
        None => Ok(()),
    }
}

/// Before migrations are applied.
pub(super) fn upgrade(settings: &DatabaseSettings, plan: &Plan, now: jiff::Timestamp) -> Result<(), Error> {
    if plan.is_empty() {
        return Ok(());
    }
    window(settings, now)?;
    let breaking = plan.steps.iter().find_map(|step| Some((&step.id, step.breaking.as_ref()?)));
    match breaking.filter(|_| settings.protected) {
        Some((id, text)) => refused(Refusal::Breaking { id: id.clone(), text: text.clone() }),
        None => Ok(()),
    }
}

/// Before migrations are undone.
pub(super) fn downgrade(
    settings: &DatabaseSettings,
    (plan, recorded): (&Plan, &Recorded),
    options: &RollbackOptions,
    now: jiff::Timestamp,
) -> Result<(), Error> {
    if plan.is_empty() {
        return Ok(());
    }
    window(settings, now)?;
    if settings.protected
        && let Some((id, recorded)) = recorded.iter().next()
    {
        let script = recorded.file.whole_text().unwrap_or_default();
        return refused(Refusal::RecordedScript { id: id.clone(), script });
    }
    if options.without_checks {
        return Ok(());
    }
    // One that is made now is recent enough.
    if let Some(within) = settings.safety.require_backup_within
        && options.backup.is_none()
    {
        let mut directories = vec![settings.backups.clone()];
        directories.extend(options.backups.clone().filter(|other| *other != settings.backups));
        if !directories.iter().any(|directory| backup::is_recent(directory, settings, within, now)) {
            let names: Vec<_> = directories.iter().map(|directory| directory.display().to_string()).collect();
            let within = crate::project::duration_text(within);
            return refused(Refusal::NoBackup { within, directories: names.join(" or ") });
        }
    }
    if !settings.protected {
        return Ok(());
    }
    let ids = plan.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>().join(", ");
    refused(Refusal::Protected {
        what: format!("rollback of {ids} changes"),
        database: settings.name.clone(),
    })
}
