//! `dbwarden new` and `dbwarden create`.

use std::path::Path;

use dbwarden::ErrorKind;
use dbwarden::migration::Kind;
use dbwarden::migration::graph::GraphError;
use dbwarden::ops::Deployment;
use dbwarden::ops::new::{NewOptions, new};
use dbwarden::ops::renumber::renumber;
use serde_json::json;

use super::{Answer, speaks};
use crate::args::{Global, New, NewKind};
use crate::error::Failure;
use crate::ui::{aside, clean, line};

/// `dbwarden create`: would compare models, and says that it does not.
pub(super) fn create(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &New,
) -> Result<Answer, Failure> {
    let says = !args.no_autogenerate && !args.autogenerate && args.renumber.is_none();
    if says && speaks(global) {
        aside(match deployment.settings.models.is_empty() {
            true => "note: no models are set, so this migration is empty",
            false => {
                "note: models are set; comparing them comes with a later version, so this migration is empty"
            }
        });
    }
    run(deployment, global, args)
}

pub(super) fn run(deployment: &mut Deployment<'_>, global: &Global, args: &New) -> Result<Answer, Failure> {
    if let Some(file) = &args.renumber {
        return renumbered(deployment, global, file);
    }
    if args.autogenerate {
        return Err(Failure::later("a migration made from models"));
    }
    let options = NewOptions {
        description: args.text.clone().or_else(|| args.message.clone()).unwrap_or_default(),
        version: args.version.clone(),
        kind: match args.kind {
            NewKind::Versioned | NewKind::Seed => Kind::Versioned,
            NewKind::Ra => Kind::RunsAlways,
            NewKind::Roc => Kind::RunsOnChange,
        },
        seed: args.kind == NewKind::Seed,
        head: args.head.clone(),
        depends_on: args.depends_on.clone(),
        timestamp: args.timestamp,
        scripts: None,
    };
    let created = new(deployment, &options).map_err(|error| match error.kind() {
        ErrorKind::Graph(GraphError::MultipleHeads { heads, .. }) => {
            let head = heads.first().map_or("REV", |head| head.id.as_str());
            let next = format!("name the one that it comes after: `dbwarden new \"…\" --head {head}`");
            Failure::from(error).advising(next)
        }
        _ => error.into(),
    })?;
    if speaks(global) {
        for path in std::iter::once(&created.path).chain(&created.down_path) {
            line(&clean(&path.display().to_string()));
        }
        aside("next: write its SQL, then `dbwarden migrate`");
    }
    Ok(Answer::done(
        json!({ "path": created.path, "down_path": created.down_path, "version": created.version }),
    ))
}

/// `dbwarden new --renumber FILE`.
fn renumbered(deployment: &mut Deployment<'_>, global: &Global, file: &Path) -> Result<Answer, Failure> {
    let done = renumber(deployment, file)?;
    if speaks(global) {
        let (from, to) = (&done.from, &done.to);
        for (old, new) in &done.renamed {
            line(&clean(&format!("{} is {} now", old.display(), new.display())));
        }
        for path in &done.changed {
            line(&clean(&format!("{} names {to} in place of {from}", path.display())));
        }
        if from == to {
            line(&clean(&format!("{from} is free, and the last: nothing to do")));
        }
        if let Some(why) = &done.not_asked {
            aside(&clean(&format!("note: the database was not asked whether it has {from} applied: {why}")));
        }
    }
    let renamed: Vec<_> = done.renamed.iter().map(|(old, new)| json!({ "from": old, "to": new })).collect();
    Ok(Answer::done(json!({
        "from": done.from,
        "to": done.to,
        "renamed": renamed,
        "changed": done.changed,
        "not_asked": done.not_asked,
    })))
}
