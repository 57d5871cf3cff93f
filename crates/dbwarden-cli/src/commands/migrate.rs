//! `dbwarden migrate`.

use std::io::Write;

use dbwarden::migration::applied::Direction;
use dbwarden::ops::migrate::{MigrateOptions, migrate};
use dbwarden::ops::status::at;
use dbwarden::ops::{Deployment, Report, script};
use dbwarden::{Error, ErrorKind};
use serde_json::{Value, json};

use super::{Answer, agreeing, heading, progress, speaks};
use crate::args::{Global, Migrate};
use crate::error::Failure;
use crate::ui::{self, count, line, time};

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &Migrate,
) -> Result<Answer, Failure> {
    if let Some(option) = args.later.given() {
        return Err(Failure::later(option));
    }
    let options = MigrateOptions {
        target: args.revision.clone().or_else(|| args.to_version.clone()),
        count: args.count,
        tags: args.tag.iter().cloned().collect(),
        without_seeds: args.no_seeds,
        seeds_only: false,
        strict: args.strict,
        single_transaction: args.single_transaction,
        record_only: args.baseline,
        dry_run: args.dry_run,
        backup: args.before.directory(&deployment.settings),
        agreed: false,
        resume: args.resume.map(Into::into),
    };
    if args.sql {
        return print_script(deployment, global, args, &options);
    }
    apply(deployment, global, options)
}

/// Applies, and shows what it came to.
pub(super) fn apply(
    deployment: &mut Deployment<'_>,
    global: &Global,
    mut options: MigrateOptions,
) -> Result<Answer, Failure> {
    let name = deployment.settings.name.clone();
    let mut observer = progress(deployment, global);
    let report = agreeing(global, &name, |agreed| {
        options.agreed = agreed;
        migrate(deployment, &options, &mut observer)
    })
    .map_err(Failure::applying)?;
    drop(observer);
    if speaks(global) {
        show(&heading(deployment), &report, "applied");
        if let Some(made) = &report.backup {
            super::backup::show(made, global, &name);
        }
    }
    Ok(Answer::of(global, || json(&report)))
}

fn print_script(
    deployment: &Deployment<'_>,
    global: &Global,
    args: &Migrate,
    options: &MigrateOptions,
) -> Result<Answer, Failure> {
    let mut text = Vec::new();
    if global.json {
        let plan = script::script(deployment, options, args.from.as_ref(), &mut text)?;
        let sql = String::from_utf8_lossy(&text).into_owned();
        return Ok(Answer::done(json!({ "sql": sql, "plan": plan })));
    }
    // Scripts of several databases, one behind the other: each says whose it is.
    let of = if global.all { format!("-- {}\n", heading(deployment)) } else { String::new() };
    if ui::is_held() {
        text.extend(of.as_bytes());
        script::script(deployment, options, args.from.as_ref(), &mut text)?;
        ui::print(&text);
        return Ok(Answer::done(json!({})));
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let begun = out.write_all(of.as_bytes()).map_err(|error| ErrorKind::Output { error }.into());
    let written =
        begun.and_then(|()| script::script(deployment, options, args.from.as_ref(), &mut out).map(drop));
    let written = written.and_then(|()| out.flush().map_err(|error| ErrorKind::Output { error }.into()));
    // What is left in the buffer was refused already.
    drop(out.into_parts());
    match written {
        // A reader that went away (`| head`) has what it wanted.
        Err(error) if is_reader_gone(&error) => Ok(Answer::done(json!({}))),
        written => Ok(written.map(|()| Answer::done(json!({})))?),
    }
}

fn is_reader_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Output { error } if error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Prints what a run came to.
pub(super) fn show(heading: &str, report: &Report, done: &str) {
    for note in &report.notes {
        ui::aside(&ui::clean(&format!("note: {note}")));
    }
    let place = place(report);
    if let Some(plan) = &report.plan {
        let would = match plan.direction {
            Direction::Up => "would run",
            Direction::Down => "would be undone",
        };
        let steps = count(plan.steps.len() as u64, "migration");
        line(&format!("{heading}  {steps} {would}, nothing is changed"));
        super::status::show_steps(&plan.steps);
        if let Ok(hash) = plan.hash() {
            line(&format!("plan {}", &hash[..12]));
        }
    } else if report.steps.is_empty() {
        line(&format!("{heading}  nothing to do, {place}"));
    } else {
        line(&format!("{done} {} in {}, now {place}", report.count(), time(report.duration_ms)));
    }
    if !report.ahead.is_empty() {
        let names = report.ahead.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        ui::aside(&ui::clean(&format!(
            "note: the database is ahead of these files ({names}): a later release was here, or a file was deleted"
        )));
    }
    if !report.not_selected.is_empty() {
        let names = report.not_selected.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        ui::aside(&ui::clean(&format!("note: not selected (tags or environment): {names}")));
    }
}

/// `at 0003 (head)`.
pub(super) fn place(report: &Report) -> String {
    let names = at(&report.current, &report.without_file);
    let pending = match report.pending.len() {
        0 => String::new(),
        pending => format!(", {pending} pending"),
    };
    let head = report.at_head && !report.heads.iter().any(|id| report.not_selected.contains(id));
    ui::clean(&match (names.is_empty(), head) {
        (true, true) => "no migrations".to_owned(),
        (true, false) => format!("at base{pending}"),
        (false, true) => format!("at {names} (head)"),
        (false, false) => format!("at {names}{pending}"),
    })
}

/// The report as JSON, with the field names that every command that applies has.
pub(super) fn json(report: &Report) -> Value {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        let steps = fields.remove("steps").unwrap_or_default();
        fields.insert("applied".to_owned(), steps);
        let name = fields.remove("database").unwrap_or_default();
        fields.insert("name".to_owned(), name);
        fields.insert("error".to_owned(), Value::Null);
    }
    value
}
