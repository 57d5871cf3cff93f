//! `dbwarden seed apply`, `seed list`, `seed rollback`.

use dbwarden::ops::Deployment;
use dbwarden::ops::migrate::MigrateOptions;
use dbwarden::ops::rollback::RollbackOptions;
use dbwarden::ops::seed::seeds;
use serde_json::json;

use super::{Answer, heading, speaks};
use crate::args::{Global, Seed, SeedApply, SeedRollback};
use crate::error::Failure;
use crate::ui::{clean, columns, line};

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    command: &Seed,
) -> Result<Answer, Failure> {
    match command {
        Seed::Apply(args) => apply(deployment, global, args),
        Seed::List { tag } => list(deployment, global, tag),
        Seed::Rollback(args) => undo(deployment, global, args),
    }
}

fn apply(deployment: &mut Deployment<'_>, global: &Global, args: &SeedApply) -> Result<Answer, Failure> {
    let options = MigrateOptions {
        target: args.to_version.clone(),
        count: args.count,
        tags: args.tag.iter().cloned().collect(),
        seeds_only: true,
        dry_run: args.dry_run,
        backup: args.before.directory(&deployment.settings),
        resume: args.resume.map(Into::into),
        ..MigrateOptions::default()
    };
    super::migrate::apply(deployment, global, options)
}

fn undo(deployment: &mut Deployment<'_>, global: &Global, args: &SeedRollback) -> Result<Answer, Failure> {
    let options = RollbackOptions {
        target: args.to_version.clone(),
        count: args.count,
        seeds_only: true,
        dry_run: args.dry_run,
        backup: args.before.directory(&deployment.settings),
        resume: args.resume.map(Into::into),
        backups: args.before.backup_dir.clone(),
        ..RollbackOptions::default()
    };
    super::rollback::undo(deployment, global, options)
}

fn list(deployment: &mut Deployment<'_>, global: &Global, tags: &[String]) -> Result<Answer, Failure> {
    let seeds = seeds(deployment, &tags.iter().cloned().collect())?;
    if speaks(global) {
        let applied = seeds.iter().filter(|seed| seed.applied_at.is_some()).count();
        line(&format!(
            "{}  {applied} of {} applied",
            heading(deployment),
            super::count_of(seeds.len(), "seed")
        ));
        let rows: Vec<_> = seeds
            .iter()
            .map(|seed| {
                let state = match (&seed.applied_at, seed.selected) {
                    (Some(at), _) => format!("applied {at}"),
                    (None, true) => "pending".to_owned(),
                    (None, false) => {
                        let wants = [("tags", &seed.tags), ("environments", &seed.environments)];
                        let wants = wants.into_iter().filter(|(_, names)| !names.is_empty());
                        let wants: Vec<_> =
                            wants.map(|(what, names)| format!("{what} {}", names.join(", "))).collect();
                        format!("not selected ({})", wants.join("; "))
                    }
                };
                vec![clean(seed.version.as_str()), clean(&seed.description), clean(&state)]
            })
            .collect();
        for row in columns(&rows, "  ") {
            line(&row);
        }
    }
    Ok(Answer::done(json!({ "seeds": seeds })))
}
