//! `dbwarden adopt`.

use dbwarden::adopt::{Proof, Taken};
use dbwarden::ops::Deployment;
use dbwarden::ops::adopt::{AdoptOptions, Adoption, Outcome, adopt};
use serde_json::Value;

use super::{Answer, agreeing, heading, progress, speaks};
use crate::args::{self, Global};
use crate::error::Failure;
use crate::ui::{aside, clean, columns, count, line};

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &args::Adopt,
) -> Result<Answer, Failure> {
    let mut options = AdoptOptions {
        from: args.from.clone(),
        dry_run: args.dry_run,
        without_proof: args.no_proof,
        agreed: false,
    };
    let name = deployment.settings.name.clone();
    let mut observer = progress(deployment, global);
    let report = agreeing(global, &name, |agreed| {
        options.agreed = agreed;
        adopt(deployment, &options, &mut observer)
    })?;
    drop(observer);
    if speaks(global) {
        show(&heading(deployment), &report);
    }
    Ok(Answer::of(global, || json(&report)))
}

fn show(heading: &str, report: &Adoption) {
    let tables = if report.tables.is_empty() { "no table yet".to_owned() } else { report.tables.join(", ") };
    line(&clean(&format!("{heading}  records of {}, in {tables}", report.title)));
    let mut rows = Vec::new();
    for row in &report.rows {
        let when = row.applied_at.as_deref().map_or("", |time| &time[..time.len().min(16)]);
        let (id, description) = (clean(row.version.as_str()), clean(&row.description));
        rows.push(vec![id, description, clean(when), clean(&proof(row, report))]);
    }
    for text in columns(&rows, "  ") {
        line(&text);
    }
    for left in &report.left {
        line(&clean(&format!("  not recorded: {}, since {}", left.version, left.reason)));
    }
    for moved in &report.set_aside {
        let is = if report.outcome == Outcome::Planned { "would be set aside as" } else { "is set aside as" };
        let rows = count(u64::try_from(moved.rows).unwrap_or(0), "row");
        line(&clean(&format!("  {} {is} {}, with its {rows}", moved.table, moved.aside)));
    }
    let names = report.current.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
    let place = if names.is_empty() { "at base".to_owned() } else { format!("at {names}") };
    let pending = match report.pending.len() {
        0 if report.at_head && !names.is_empty() => " (head)".to_owned(),
        0 => String::new(),
        pending => format!(", {pending} pending"),
    };
    let recorded = count(report.rows.len() as u64, "migration");
    line(&clean(&match report.outcome {
        Outcome::Planned => format!("would record {recorded}, then {place}{pending}; nothing is changed"),
        Outcome::Recorded => format!("recorded {recorded}, now {place}{pending}; nothing was run"),
        Outcome::Already if !report.undone.is_empty() => {
            format!("nothing to do: all of it was recorded, {place}{pending}")
        }
        Outcome::Already => format!("nothing to do: all of it is recorded, {place}{pending}"),
    }));
    if !report.undone.is_empty() {
        let names = report.undone.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        let were = if report.undone.len() == 1 { "was" } else { "were" };
        aside(&clean(&format!("note: {names} {were} undone since")));
    }
    if !report.not_selected.is_empty() {
        let names = report.not_selected.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        aside(&clean(&format!("note: not selected (tags or environment): {names}")));
    }
}

/// What the old records prove of a file.
fn proof(row: &Taken, report: &Adoption) -> String {
    match (row.proof, &row.old) {
        (Proof::Proved, _) => "its old checksum is that of the file".to_owned(),
        (Proof::Differs, _) => "its old checksum is not that of the file".to_owned(),
        (Proof::TooLong, _) => "too long a file for its old checksum".to_owned(),
        (Proof::RunsAlways, _) => "runs always".to_owned(),
        (Proof::NoSum, None) => "another stands on it".to_owned(),
        (Proof::NoSum, Some(_)) => format!("{} has no checksum of it", report.title),
    }
}

fn json(report: &Adoption) -> Value {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        let name = fields.remove("database").unwrap_or_default();
        fields.insert("name".to_owned(), name);
        fields.insert("error".to_owned(), Value::Null);
    }
    value
}
