//! `dbwarden branches`.

use dbwarden::ops::{Deployment, files};
use serde_json::json;

use super::{Answer, headed, speaks};
use crate::args::Global;
use crate::error::Failure;
use crate::ui::{clean, line};

pub(super) fn run(deployment: &mut Deployment<'_>, global: &Global) -> Result<Answer, Failure> {
    let set = files(deployment)?;
    let graph = set.graph();
    let branches = graph.branches();
    let labels = graph.label_names();
    let words = |id| set.get(id).map_or("", |migration| migration.description.as_str());
    if speaks(global) {
        headed(deployment, global, "");
        for branch in &branches {
            line(&clean(&format!("{} {}  (branch point)", branch.point, words(branch.point))));
            for (child, labels) in &branch.children {
                let labels = labels.iter().copied().collect::<Vec<_>>().join(", ");
                let labels = if labels.is_empty() { String::new() } else { format!("  ({labels})") };
                line(&clean(&format!("  -> {child} {}{labels}", words(child))));
            }
        }
        for (label, revisions) in &labels {
            let names = revisions.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
            line(&clean(&format!("label {label}: {names}")));
        }
        if branches.is_empty() && labels.is_empty() {
            line("no branches");
        }
    }
    let points: Vec<_> = branches
        .iter()
        .map(|branch| {
            let children: Vec<_> = branch
                .children
                .iter()
                .map(|(child, labels)| json!({ "version": child, "labels": labels }))
                .collect();
            json!({ "version": branch.point, "children": children })
        })
        .collect();
    Ok(Answer::done(json!({ "branches": points, "labels": labels })))
}
