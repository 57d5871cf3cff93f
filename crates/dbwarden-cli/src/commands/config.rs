//! `dbwarden config`.

use serde_json::json;

use super::{Answer, speaks};
use crate::args::Global;
use crate::error::Failure;
use crate::settings;
use crate::ui::{aside, clean, columns, line};

pub(super) fn run(global: &Global) -> Result<Answer, Failure> {
    let project = settings::project(global)?;
    if project.file.is_none() && speaks(global) {
        aside("note: there is no warden.toml here or in a folder above; what is set comes from elsewhere");
    }
    let names: Vec<Option<String>> = match (&global.database, global.all) {
        (_, true) => project.names().map(|name| Some(name.to_owned())).collect(),
        (name, false) => vec![name.clone()],
    };
    let mut documents = Vec::new();
    for name in names {
        let entries = project.describe(name.as_deref())?;
        if speaks(global) {
            if let Some(name) = &name {
                line(&clean(&format!("[{name}]")));
            }
            let rows: Vec<_> = entries
                .iter()
                .map(|entry| {
                    let problem =
                        entry.problem.as_ref().map_or_else(String::new, |problem| format!("  {problem}"));
                    vec![clean(&entry.key), clean(&entry.value), clean(&format!("{}{problem}", entry.origin))]
                })
                .collect();
            for text in columns(&rows, "") {
                line(&text);
            }
        }
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| json!({ "key": entry.key, "value": entry.value, "origin": entry.origin.to_string(), "problem": entry.problem }))
            .collect();
        documents.push(json!({ "name": name, "settings": entries }));
    }
    Ok(Answer::done(json!({ "file": project.file, "databases": documents })))
}
