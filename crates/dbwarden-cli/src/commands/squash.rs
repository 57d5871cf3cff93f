//! `dbwarden squash`.

use dbwarden::migration::RevisionId;
use dbwarden::ops::Deployment;
use dbwarden::ops::squash::{SquashOptions, Squashed, squash};
use dbwarden::url::DatabaseUrl;
use serde_json::json;

use super::{Answer, speaks};
use crate::args::{self, Global};
use crate::error::Failure;
use crate::ui::{aside, clean, line};

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &args::Squash,
) -> Result<Answer, Failure> {
    let options = SquashOptions {
        from: args.from.clone(),
        to: args.to.clone(),
        message: args.message.clone(),
        scratch: args.scratch.as_deref().map(address).transpose()?,
        dry_run: args.dry_run,
    };
    let squashed = squash(deployment, &options)?;
    if speaks(global) {
        tell(&squashed, args.dry_run);
    }
    Ok(Answer::done(json!({
        "path": squashed.path,
        "down_path": squashed.down_path,
        "version": squashed.version,
        "replaced": squashed.replaced,
        "folder": squashed.folder,
        "moved": squashed.moved.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect::<Vec<_>>(),
        "kept": squashed.kept,
        "statements": squashed.statements,
        "compared": squashed.compared,
        "volatile": squashed.volatile,
        "irreversible": squashed.irreversible,
        "undone": squashed.undone,
        "dry_run": args.dry_run,
    })))
}

/// The address of a scratch database, which may stand in a variable.
fn address(text: &str) -> Result<DatabaseUrl, Failure> {
    let wrong =
        |message: String| Failure::usage(message, "an address looks like postgresql://user@host/name");
    let text = match text.strip_prefix("env:") {
        None => text.to_owned(),
        Some(name) => crate::settings::environment()
            .remove(name)
            .ok_or_else(|| wrong(format!("--scratch: the variable {name} is not set")))?,
    };
    text.parse().map_err(|error| wrong(format!("--scratch: {error}")))
}

fn ids(ids: &[RevisionId]) -> String {
    ids.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ")
}

fn tell(squashed: &Squashed, dry_run: bool) {
    let Some(path) = &squashed.path else {
        let what = match squashed.replaced.as_slice() {
            [] => "no migration".to_owned(),
            [one] => format!("{one} alone"),
            several => ids(several),
        };
        line(&clean(&format!("nothing to squash: {what}")));
        return;
    };
    let (first, last) = (squashed.replaced.first(), squashed.replaced.last());
    let name = |id: Option<&RevisionId>| id.map_or_else(String::new, ToString::to_string);
    line(&clean(&path.display().to_string()));
    if let Some(down) = &squashed.down_path {
        line(&clean(&down.display().to_string()));
    }
    line(&clean(&format!(
        "{} {} migrations, {} to {}: on scratch databases {} objects come out the same",
        if dry_run { "would replace" } else { "replaces" },
        squashed.replaced.len(),
        name(first),
        name(last),
        squashed.compared
    )));
    for column in &squashed.volatile {
        aside(&clean(&format!("note: {column} are other ones each time, and were not compared")));
    }
    if let Some(why) = &squashed.irreversible {
        aside(&clean(&format!("note: it has no rollback, since {why}")));
    }
    if !squashed.undone.is_empty() {
        aside(&clean(&format!(
            "note: undone, it does not come back to what was before: {}",
            squashed.undone.join(", ")
        )));
    }
    if !squashed.kept.is_empty() {
        let how =
            if squashed.kept.len() == 1 { "stays as it is, and runs" } else { "stay as they are, and run" };
        aside(&clean(&format!("note: {} {how} behind it", ids(&squashed.kept))));
    }
    if let Some(folder) = squashed.folder.as_ref().filter(|_| !dry_run) {
        aside(&clean(&format!(
            "the old files are in {}: keep them as long as a database may have a part of them",
            folder.display()
        )));
        aside("next: `dbwarden status`, then commit both");
    }
}
