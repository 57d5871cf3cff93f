//! `dbwarden doctor`.

use dbwarden::ops::Deployment;
use dbwarden::ops::doctor::{Outcome, doctor, has_problem};
use serde_json::json;

use super::{Answer, heading, speaks};
use crate::args::Global;
use crate::error::{FAILED, Failure};
use crate::ui::{clean, columns, line};

pub(super) fn run(deployment: &mut Deployment<'_>, global: &Global) -> Result<Answer, Failure> {
    let checks = doctor(deployment)?;
    if speaks(global) {
        line(&heading(deployment));
        let rows: Vec<_> = checks
            .iter()
            .map(|check| {
                let outcome = match check.outcome {
                    Outcome::Ok => "ok",
                    Outcome::Note => "note",
                    Outcome::Problem => "problem",
                };
                vec![outcome.to_owned(), check.name.to_owned(), clean(&check.message)]
            })
            .collect();
        for text in columns(&rows, "  ") {
            line(&text);
        }
    }
    Ok(Answer { exit: if has_problem(&checks) { FAILED } else { 0 }, json: json!({ "checks": checks }) })
}
