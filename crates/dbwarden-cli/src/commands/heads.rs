//! `dbwarden heads`.

use dbwarden::migration::plan::clashes;
use dbwarden::ops::{Deployment, files};
use serde_json::json;

use super::{Answer, headed, speaks};
use crate::args::Global;
use crate::error::Failure;
use crate::ui::{aside, clean, columns, line};

pub(super) fn run(deployment: &mut Deployment<'_>, global: &Global) -> Result<Answer, Failure> {
    let set = files(deployment)?;
    let heads: Vec<_> = set.graph().heads().into_iter().filter_map(|id| set.get(id)).collect();
    let ids: Vec<_> = heads.iter().map(|head| head.id.clone()).collect();
    let clashes = clashes(&set, deployment.dialect()?, &ids);
    if speaks(global) {
        headed(deployment, global, "");
        let rows: Vec<_> = heads
            .iter()
            .map(|head| vec![format!("{} (head)", head.id), head.description.clone(), head.file.name.clone()])
            .collect();
        for text in columns(&rows, "") {
            line(&clean(&text));
        }
        if heads.is_empty() {
            line("no migrations");
        }
        for clash in &clashes {
            aside(&clean(&format!("note: {clash}")));
        }
        if heads.len() > 1 {
            aside(if clashes.is_empty() {
                "note: they touch different objects, so `dbwarden migrate` needs no merge"
            } else {
                "next: `dbwarden merge` joins them"
            });
        }
    }
    let heads: Vec<_> = heads
        .iter()
        .map(|head| json!({ "version": head.id, "description": head.description, "file": head.file.name }))
        .collect();
    Ok(Answer::done(json!({ "heads": heads, "clashes": clashes })))
}
