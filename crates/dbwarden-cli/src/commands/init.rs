//! `dbwarden init`.

use dbwarden::ops::init::{InitOptions, init};
use serde_json::json;

use super::{Answer, speaks};
use crate::args::Global;
use crate::error::Failure;
use crate::settings::{self, here};
use crate::ui::{aside, clean, line};

pub(super) fn run(global: &Global) -> Result<Answer, Failure> {
    let options = InitOptions {
        directory: here(),
        url: global.url.clone(),
        migrations: global.migrations.clone(),
        database: global.database.clone(),
    };
    let done = init(&options)?;
    if speaks(global) {
        if let Some(name) = &global.database
            && settings::project(global).is_ok_and(|project| !project.names().any(|known| known == name))
        {
            aside(&clean(&format!(
                "note: warden.toml is as it was, and has no database {name:?}: add it there"
            )));
        }
        let name = |path: &std::path::Path| {
            let short = path.strip_prefix(&options.directory).unwrap_or(path);
            clean(&short.display().to_string())
        };
        for path in &done.written {
            line(&format!("written  {}", name(path)));
        }
        for path in &done.kept {
            line(&format!("kept     {}", name(path)));
        }
        line("next: `dbwarden migrate`, or `dbwarden new \"create orders\"`");
    }
    Ok(Answer::done(json!({ "written": done.written, "kept": done.kept })))
}
