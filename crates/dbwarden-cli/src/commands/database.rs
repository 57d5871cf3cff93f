//! `dbwarden database list`.

use serde_json::json;

use super::{Answer, speaks};
use crate::args::Global;
use crate::error::Failure;
use crate::settings;
use crate::ui::{clean, columns, line};

pub(super) fn list(global: &Global) -> Result<Answer, Failure> {
    let project = settings::project(global)?;
    let (mut rows, mut documents) = (Vec::new(), Vec::new());
    for (name, settings) in project.all() {
        let default = project.default.as_deref() == Some(name.as_str());
        let mark = if default { "(default)" } else { "" };
        match settings {
            Ok(settings) => {
                let (engine, target) = (settings.url.database().name(), settings.url.target());
                let directory = settings.migrations.display().to_string();
                rows.push([&name, engine, &target, &directory, mark].map(clean).to_vec());
                documents.push(json!({
                    "name": name, "engine": engine, "target": target, "migrations": directory,
                    "default": default, "protected": settings.protected, "error": null,
                }));
            }
            Err(error) => {
                rows.push([name.as_str(), "", &error.to_string(), "", mark].map(clean).to_vec());
                documents
                    .push(json!({ "name": name, "default": default, "error": Failure::from(error).json() }));
            }
        }
    }
    if speaks(global) {
        for text in columns(&rows, "") {
            line(&text);
        }
    }
    Ok(Answer::done(json!({ "databases": documents })))
}
