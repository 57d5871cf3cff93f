//! `dbwarden history`.

use dbwarden::migration::RevisionId;
use dbwarden::migration::applied::{Applied, Direction};
use dbwarden::migration::state::Selection;
use dbwarden::ops::status::{UnfinishedLine, unfinished};
use dbwarden::ops::{Deployment, Survey, survey};
use serde_json::{Value, json};

use super::status::part_done;
use super::{Answer, headed, speaks};
use crate::args::Global;
use crate::error::Failure;
use crate::ui::{clean, columns, line, time};

pub(super) fn run(deployment: &mut Deployment<'_>, global: &Global) -> Result<Answer, Failure> {
    let survey = survey(deployment, &Selection::default())?;
    let unfinished = unfinished(&survey.set, &survey.history);
    let entries = entries(&survey, &unfinished);
    if speaks(global) {
        headed(deployment, global, "");
        let rows: Vec<_> = entries.iter().map(Entry::cells).collect();
        if rows.is_empty() {
            line("no migrations");
        }
        for text in columns(&rows, "") {
            line(&text);
        }
    }
    let revisions: Vec<_> = entries.iter().map(Entry::json).collect();
    Ok(Answer::done(json!({ "revisions": revisions })))
}

/// One revision with its row.
struct Entry<'a> {
    id: &'a RevisionId,
    description: &'a str,
    parents: Vec<&'a str>,
    labels: Vec<&'a str>,
    head: bool,
    created: Option<&'a str>,
    kind: &'a str,
    row: Option<&'a Applied>,
    /// Without a row: what it is instead.
    state: &'static str,
    /// How far it is, where it was begun and is not finished.
    unfinished: Option<&'a UnfinishedLine>,
}

/// All revisions, newest first; before them what has no file.
fn entries<'a>(survey: &'a Survey, unfinished: &'a [UnfinishedLine]) -> Vec<Entry<'a>> {
    let graph = survey.set.graph();
    let heads = graph.heads();
    let part = |id: &RevisionId| unfinished.iter().find(|line| line.unfinished.version == *id);
    let of_row = |id: &'a RevisionId, description: &'a str, row, kind| Entry {
        id,
        description,
        parents: Vec::new(),
        labels: Vec::new(),
        head: false,
        created: None,
        kind,
        row,
        state: "not applied",
        unfinished: part(id),
    };
    // What is replaced stands below what replaces it.
    let has_no_file = |id: &RevisionId| survey.set.get(id).is_none() && graph.replaced_by(id).is_none();
    let begun = unfinished.iter().map(|line| &line.unfinished.version);
    let mut entries: Vec<_> = begun
        .filter(|id| has_no_file(id) && survey.history.get(id).is_none())
        .map(|id| of_row(id, "", None, "no file"))
        .collect();
    let rows = survey.history.applied.iter().rev().filter(|row| has_no_file(&row.version));
    entries.extend(rows.map(|row| of_row(&row.version, &row.description, Some(&**row), "no file")));
    let migrations: Vec<_> = survey.set.iter().collect();
    for migration in migrations.into_iter().rev() {
        let versioned = graph.contains(&migration.id);
        // Rows of what it replaces stand below it.
        let below = |row: &&std::sync::Arc<Applied>| graph.replaced_by(&row.version) == Some(&migration.id);
        let replaced = || survey.history.applied.iter().rev().filter(below);
        let state = match replaced().next() {
            None => "not applied",
            Some(_) if graph.is_applied(&migration.id, &survey.state.versions) => {
                "applied as what it replaces"
            }
            Some(_) => "applied in part, as what it replaces",
        };
        entries.push(Entry {
            id: &migration.id,
            description: &migration.description,
            parents: graph.parents(&migration.id).into_iter().map(RevisionId::as_str).collect(),
            labels: migration.headers.branch.iter().map(String::as_str).collect(),
            head: heads.contains(&&migration.id),
            created: migration.headers.created.as_deref(),
            kind: if versioned {
                if migration.headers.seed { "seed" } else { "" }
            } else {
                migration.kind.name()
            },
            row: survey.history.get(&migration.id),
            state,
            unfinished: part(&migration.id),
        });
        entries
            .extend(replaced().map(|row| of_row(&row.version, &row.description, Some(&**row), "replaced")));
        let begun = unfinished.iter().map(|line| &line.unfinished.version);
        entries.extend(
            begun
                .filter(|id| graph.replaced_by(id) == Some(&migration.id) && survey.history.get(id).is_none())
                .map(|id| of_row(id, "", None, "replaced")),
        );
    }
    entries
}

impl Entry<'_> {
    fn cells(&self) -> Vec<String> {
        let parents = if self.parents.is_empty() { "base".to_owned() } else { self.parents.join(", ") };
        let arrow = if self.kind.starts_with("runs") || matches!(self.kind, "no file" | "replaced") {
            self.id.to_string()
        } else {
            format!("{parents} -> {}", self.id)
        };
        let mut marks = Vec::new();
        if self.head {
            marks.push("head");
        }
        marks.extend(&self.labels);
        marks.extend(Some(self.kind).filter(|kind| !kind.is_empty()));
        let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
        let part = self.unfinished.map(|line| match line.unfinished.direction {
            Direction::Up => format!("part done, {}", part_done(line)),
            Direction::Down => format!("part undone, {}", part_done(line)),
        });
        let row = self.row.map(|row| {
            let when = row.applied_at.get(..16).unwrap_or(&row.applied_at);
            let millis = time(u64::try_from(row.duration_ms).unwrap_or(0));
            let note = if row.note.is_some() { "  *" } else { "" };
            format!("{when}  {millis}  {}{note}", row.applied_by)
        });
        let applied = match (part, row) {
            (Some(part), Some(row)) => format!("{part}  {row}"),
            (part, row) => part.or(row).unwrap_or_else(|| self.state.to_owned()),
        };
        let created = self.created.map_or_else(String::new, |created| format!(", written {created}"));
        vec![
            clean(&format!("{arrow}{marks}")),
            clean(&format!("{}{created}", self.description)),
            clean(&applied),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "version": self.id,
            "description": self.description,
            "parents": self.parents,
            "labels": self.labels,
            "head": self.head,
            "created": self.created,
            "applied": self.row,
            "state": (!self.state.is_empty() && self.row.is_none()).then_some(self.state),
            "unfinished": self.unfinished,
        })
    }
}
