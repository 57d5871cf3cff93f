//! `dbwarden show REV`.

use dbwarden::migration::Script;
use dbwarden::migration::source::SourceFile;
use dbwarden::migration::state::Selection;
use dbwarden::ops::status::{how_it_runs, unfinished};
use dbwarden::ops::{Deployment, survey};
use serde_json::json;

use super::status::part_done;
use super::{Answer, broken, headed, read_part, speaks};
use crate::args::Global;
use crate::error::Failure;
use crate::ui::{clean, columns, count, line};

/// How much of a script is shown.
const SHOWN: u64 = 64 * 1024;

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    revision: &str,
) -> Result<Answer, Failure> {
    let survey = survey(deployment, &Selection::default())?;
    let graph = survey.set.graph();
    let repeatable = survey.set.repeatables().find(|migration| migration.id.as_str() == revision);
    let id = match repeatable {
        Some(migration) => migration.id.clone(),
        None if graph.order().is_empty() => {
            return Err(Failure::usage("there is no migration yet", "`dbwarden new \"…\"` writes one"));
        }
        None => graph.locate_from(revision, &survey.state.versions).map_err(dbwarden::Error::from)?,
    };
    let Some(migration) = survey.set.get(&id) else {
        return Err(Failure::failed(
            format!("{id} has no file"),
            "`dbwarden history` lists what is recorded",
        ));
    };
    let row = survey.history.get(&id);
    let begun = unfinished(&survey.set, &survey.history);
    let begun = begun.iter().find(|line| line.unfinished.version == id);
    let up = text(&migration.file, &migration.up)?;
    let down = migration.down.as_ref().map(|down| text(migration.file_of_down(), down)).transpose()?;
    let down_file = migration.down_file().map(|down| down.file.name.clone());
    if speaks(global) {
        headed(deployment, global, "");
        let names = |ids: Vec<&dbwarden::migration::RevisionId>| {
            ids.into_iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
        };
        let headers = &migration.headers;
        let none = if migration.only_merges() { "nothing to undo" } else { "none" };
        let mut rows = vec![
            ("revision", format!("{id}  {}", migration.description)),
            ("file", migration.file.name.clone()),
            ("rollback file", down_file.clone().unwrap_or_default()),
            ("kind", migration.kind.name().to_owned()),
            ("checksum", migration.checksum().to_string()),
            ("parents", names(graph.parents(&id))),
            ("children", names(graph.children(&id))),
            ("depends on", names(graph.dependencies(&id))),
            ("labels", graph.labels(&id).into_iter().collect::<Vec<_>>().join(", ")),
            ("tags", headers.tags.join(", ")),
            ("environments", headers.environments.join(", ")),
            ("written", headers.created.clone().unwrap_or_default()),
            ("breaking", headers.breaking.clone().unwrap_or_default()),
            (
                "runs",
                format!(
                    "{} {}",
                    count(migration.up.statements, "statement"),
                    how_it_runs(migration).join(", ")
                ),
            ),
            (
                "rollback",
                migration
                    .down
                    .as_ref()
                    .map_or_else(|| none.to_owned(), |down| count(down.statements, "statement")),
            ),
        ];
        match row {
            Some(row) => rows.push((
                "applied",
                format!("{} UTC by {}, {} ms", row.applied_at, row.applied_by, row.duration_ms),
            )),
            None if graph.is_applied(&id, &survey.state.versions) => {
                rows.push(("applied", "as what it replaces".to_owned()));
            }
            None => rows.push(("applied", "no".to_owned())),
        }
        rows.push(("unfinished", begun.map(part_done).unwrap_or_default()));
        rows.push(("note", row.and_then(|row| row.note.clone()).unwrap_or_default()));
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .map(|(name, value)| vec![name.to_owned(), clean(value.trim())])
            .collect();
        for text in columns(&rows, "") {
            line(&text);
        }
        line("\n-- upgrade\n");
        line(&clean(&dbwarden::sql::mask_secrets(up.trim())));
        if let Some(down) = &down {
            line("\n-- rollback\n");
            line(&clean(&dbwarden::sql::mask_secrets(down.trim())));
        }
    }
    Ok(Answer::done(json!({
        "version": id,
        "description": migration.description,
        "file": migration.file.name,
        "down_file": down_file,
        "kind": migration.kind,
        "headers": migration.headers,
        "checksum": migration.checksum(),
        "parents": graph.parents(&id),
        "children": graph.children(&id),
        "statements": migration.up.statements,
        "up": up,
        "down": down,
        "applied": row,
        "unfinished": begun,
    })))
}

fn text(file: &SourceFile, script: &Script) -> Result<String, Failure> {
    let shown = script.length.min(SHOWN);
    let mut text = file
        .open_at(script.start.offset)
        .and_then(|text| read_part(text, shown))
        .map_err(|error| broken(&format!("{} cannot be read", file.name), error))?;
    if script.length > SHOWN {
        text.push_str(&format!("\n-- … {} bytes more in the file", script.length - SHOWN));
    }
    Ok(text)
}
