//! `dbwarden backup` and `dbwarden backups`.

use dbwarden::backup::{Listed, Reason};
use dbwarden::ops::Deployment;
use dbwarden::ops::backup::{BackupOptions, Made, backup, backups};
use serde_json::{Value, json};

use super::{Answer, heading, speaks};
use crate::args::{BackupDirectory, Global};
use crate::error::Failure;
use crate::ui::{self, aside, columns, count, line, size, time};

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &BackupDirectory,
) -> Result<Answer, Failure> {
    let options = BackupOptions { directory: args.backup_dir.clone() };
    let made = backup(deployment, &options)?;
    if speaks(global) {
        let it = &made.backup;
        let holds = holds(it.applied, it.last.as_deref());
        let took = time(it.duration_ms);
        line(&ui::clean(&format!(
            "{}  backed up: {}, {holds}, in {took}",
            heading(deployment),
            size(it.bytes)
        )));
        show(&made, global, &deployment.settings.name);
    }
    Ok(Answer::of(global, || json!({ "backup": made })))
}

/// Names a backup that was made, and how it is brought back.
pub(super) fn show(made: &Made, global: &Global, database: &str) {
    let path = made.backup.path.display();
    line(&ui::clean(&format!("backup {path}")));
    let restore = crate::next::as_typed(&restore(made), global, Some(database));
    line(&ui::clean(&format!("to go back: {restore}")));
}

/// The command that brings a backup back, between backticks.
pub(crate) fn restore(made: &Made) -> String {
    format!("`dbwarden restore {}`", crate::next::quoted(&made.backup.path.display().to_string()))
}

pub(super) fn list(
    deployment: &Deployment<'_>,
    global: &Global,
    args: &BackupDirectory,
) -> Result<Answer, Failure> {
    let found = backups(deployment, &BackupOptions { directory: args.backup_dir.clone() })?;
    let directory = found.directory.display();
    if speaks(global) {
        let rows: Vec<Vec<String>> = found.all.iter().filter_map(row).collect();
        let backups = count(rows.len() as u64, "backup");
        line(&ui::clean(&format!("{}  {backups} in {directory}", heading(deployment))));
        for row in columns(&rows, "  ") {
            line(&ui::clean(&row));
        }
        for error in found.all.iter().filter_map(|listed| listed.backup.as_ref().err()) {
            aside(&ui::clean(&format!("note: {error}")));
        }
    }
    Ok(Answer::of(global, || {
        let all: Vec<Value> = found.all.iter().map(document).collect();
        json!({ "directory": found.directory, "backups": all })
    }))
}

fn row(listed: &Listed) -> Option<Vec<String>> {
    let it = listed.backup.as_ref().ok()?;
    let why = match it.reason {
        Reason::Asked => "asked for",
        Reason::Migrate => "before migrate",
        Reason::Rollback => "before rollback",
        Reason::Restore => "before restore",
    };
    let gone = if listed.is_there { "" } else { "  (the file is gone)" };
    let taken = it.taken_at.split('.').next().unwrap_or_default();
    Some(vec![
        format!("{taken} UTC"),
        size(it.bytes),
        holds(it.applied, it.last.as_deref()),
        why.to_owned(),
        format!("{}{gone}", it.file),
    ])
}

fn document(listed: &Listed) -> Value {
    match &listed.backup {
        Ok(backup) => {
            let mut value = json!(backup);
            if let Value::Object(fields) = &mut value {
                fields.insert("is_there".to_owned(), json!(listed.is_there));
            }
            value
        }
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// `at 0003`, `at base`.
pub(super) fn holds(applied: u64, last: Option<&str>) -> String {
    match last {
        Some(last) => format!("at {last}"),
        None if applied > 0 => count(applied, "record"),
        None => "at base".to_owned(),
    }
}
