//! `dbwarden status`.

use dbwarden::migration::groups::GroupKind;
use dbwarden::migration::plan::{Action, Step};
use dbwarden::migration::state::{Due, Standing};
use dbwarden::ops::Deployment;
use dbwarden::ops::status::{Status, StatusOptions, UnfinishedLine, at, status};

use super::{Answer, heading, speaks};
use crate::args::{self, Global};
use crate::error::{Failure, PENDING};
use crate::next::{LOOK, after_ahead, after_gone, after_stuck, as_typed, to_finish};
use crate::ui::{self, clean, columns, count, line, time};

/// How many applied ones are listed without `--verbose`.
const LISTED: usize = 10;

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &args::Status,
) -> Result<Answer, Failure> {
    let options = StatusOptions { tags: args.tag.iter().cloned().collect(), ..StatusOptions::default() };
    let status = status(deployment, &options)?;
    if speaks(global) {
        show(&heading(deployment), &status, global);
    }
    let mut json = serde_json::to_value(&status).unwrap_or_default();
    if let serde_json::Value::Object(fields) = &mut json {
        let name = fields.remove("database").unwrap_or_default();
        fields.insert("name".to_owned(), name);
    }
    Ok(Answer { exit: if args.check && status.pending_count > 0 { PENDING } else { 0 }, json })
}

fn show(heading: &str, status: &Status, global: &Global) {
    let names = at(&status.current, &status.without_file);
    // Where a head was not asked for there is nothing more to get to, and yet this is not it.
    let head = status.at_head && !status.heads.iter().any(|id| status.not_selected.contains(id));
    let place = match (names.is_empty(), head) {
        (true, _) => "at base".to_owned(),
        (false, true) => format!("at {names} (head)"),
        (false, false) => format!("at {names}"),
    };
    let pending =
        if status.pending_count > 0 { format!(", {} pending", status.pending_count) } else { String::new() };
    let lock = match (&status.lock, status.lock_gone) {
        (None, _) => "free".to_owned(),
        (Some(holder), None) => format!("held by {}", holder.owner.label()),
        (Some(holder), Some(_)) => format!("left behind by {}, which is gone", holder.owner.label()),
    };
    line(&clean(&format!("{heading}  {place}{pending}, lock {lock}")));

    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |cells: &[&str]| rows.push(cells.iter().map(|cell| clean(cell)).collect());
    let hidden = if global.verbose { 0 } else { status.applied.len().saturating_sub(LISTED) };
    for applied in &status.applied[hidden..] {
        let shown = &applied.row;
        let when = shown.applied_at.get(..16).unwrap_or(&shown.applied_at);
        let millis = time(u64::try_from(shown.duration_ms).unwrap_or(0));
        row(&["applied", shown.version.as_str(), &shown.description, when, &millis, &shown.applied_by]);
    }
    for pending in &status.pending {
        let kind = match pending.due {
            Some(Due::Always) => "always",
            Some(Due::Changed) => "changed, runs again",
            _ => "",
        };
        let mut notes: Vec<&str> = pending.notes.iter().map(String::as_str).collect();
        notes.retain(|note| !note.is_empty());
        let notes =
            [kind].into_iter().filter(|kind| !kind.is_empty()).chain(notes).collect::<Vec<_>>().join(", ");
        let word = if pending.due == Some(Due::Always) { "runs" } else { "pending" };
        row(&[word, pending.version.as_str(), &pending.description, &notes]);
    }
    for id in &status.not_selected {
        row(&["not selected", id.as_str(), "its tags or environments were not asked for"]);
    }
    for unfinished in &status.unfinished {
        let failed = unfinished.unfinished.units.iter().rev().find_map(|unit| {
            let error = short(unit.error.as_ref()?);
            Some(format!(", failed at {} UTC: {error}", unit.finished_at.as_ref()?))
        });
        let text = part_done(unfinished) + &failed.unwrap_or_default();
        row(&["part done", unfinished.unfinished.version.as_str(), &text]);
    }
    for applied in status.applied.iter() {
        let id = &applied.row.version;
        match &applied.standing {
            Standing::Changed { .. } if applied.row.is_versioned() => {
                let text = format!("the file's SQL differs from what was applied (dbwarden verify {id})");
                row(&["changed", id.as_str(), &text]);
            }
            Standing::Unverifiable => {
                row(&["unverifiable", id.as_str(), "its checksum is of an unknown kind"])
            }
            _ => {}
        }
    }
    for id in &status.gone {
        row(&["missing", id.as_str(), "applied, and no file has that id"]);
    }
    for (was, now) in &status.renamed {
        row(&["renamed", now.as_str(), &format!("the applied migration {was} under another id")]);
    }
    for id in &status.ahead {
        let text = "applied, and has no file here: a later release applied it, or its file was deleted";
        row(&["ahead", id.as_str(), text]);
    }
    for foreign in &status.foreign {
        let text = match foreign.from {
            Some(_) => format!("records of {}", foreign.tool),
            None => format!("records of {}, which adopt does not read", foreign.tool),
        };
        row(&["other tool", &foreign.table, &text]);
    }
    for oddity in &status.oddities {
        row(&["odd", "", oddity]);
    }
    if hidden > 0 {
        line(&format!("  {} before these; --verbose lists all", count(hidden as u64, "applied migration")));
    }
    for text in columns(&rows, "  ") {
        line(&text);
    }
    if status.heads.len() > 1 {
        let names = status.heads.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        line(&clean(&format!("  {} heads: {names}", status.heads.len())));
    }
    for next in next(status) {
        let next = as_typed(&next, global, Some(&status.database));
        line(&clean(&format!("  next: {next}")));
    }
}

/// How far a migration is that is not finished.
pub(super) fn part_done(unfinished: &UnfinishedLine) -> String {
    match unfinished.total {
        Some(total) => format!("{} of {}", unfinished.done, count(total, "statement")),
        None => format!("{} done, and no file has that id", count(unfinished.done, "statement")),
    }
}

/// The first words of what an engine said, in one line; `--json` has all of it.
fn short(error: &str) -> String {
    const LONGEST: usize = 72;
    let words = error.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    words.chars().take(LONGEST - 1).chain(['…']).collect()
}

/// What to type next, where something is not as it should be.
fn next(status: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    for unfinished in &status.unfinished {
        let (id, direction) = (&unfinished.unfinished.version, unfinished.unfinished.direction);
        lines.push(if unfinished.stuck {
            after_stuck(id, direction)
        } else {
            format!("{} goes on with {id}", to_finish(direction))
        });
    }
    lines.extend(status.gone.first().map(after_gone));
    lines.extend(status.ahead.first().map(after_ahead));
    if !status.foreign.is_empty() {
        let known = status.foreign.iter().any(|foreign| foreign.from.is_some());
        lines.push(if known {
            LOOK.to_owned()
        } else {
            "`dbwarden stamp REV` records what that tool has applied already".to_owned()
        });
    }
    let open: Vec<_> = status
        .heads
        .iter()
        .filter(|head| status.pending.iter().any(|pending| pending.version == **head))
        .map(|head| head.as_str())
        .collect();
    if let [first, _, ..] = open[..] {
        lines.push(format!(
            "`dbwarden migrate` asks which head is meant, {}: `dbwarden migrate -t {first}`, or all of them with \
             `dbwarden migrate heads`",
            open.join(" or ")
        ));
    }
    lines
}

/// Prints the steps of a plan.
pub(super) fn show_steps(steps: &[Step]) {
    let rows: Vec<_> = steps
        .iter()
        .map(|step| {
            let what = match step.action {
                Action::Record => "recorded without being run".to_owned(),
                Action::Forget => "its record is removed".to_owned(),
                Action::Apply | Action::Undo => count(step.statements, "statement"),
            };
            vec![clean(step.id.as_str()), clean(&step.description), what, notes(step)]
        })
        .collect();
    for text in columns(&rows, "  ") {
        ui::line(&text);
    }
}

fn notes(step: &Step) -> String {
    let mut notes = Vec::new();
    let durable = step.groups.iter().filter(|group| group.kind != GroupKind::Session).count();
    if step.groups.iter().any(|group| group.kind == GroupKind::Each) {
        notes.push("outside a transaction".to_owned());
    } else if durable > 1 {
        notes.push(format!("{durable} transactions"));
    }
    if step.groups.iter().any(|group| group.foreign_keys == Some(false)) {
        notes.push("foreign keys off, checked before commit".to_owned());
    }
    if step.recorded {
        notes.push("its stored down script".to_owned());
    }
    if let Some(text) = &step.breaking {
        notes.push(format!("breaking: {}", clean(text)));
    }
    notes.join(", ")
}
