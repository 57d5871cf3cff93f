//! `dbwarden verify`.

use dbwarden::ops::Deployment;
use dbwarden::ops::against::against;
use dbwarden::ops::verify::{Accepted, Finding, accept, verify};
use serde_json::json;

use super::{Answer, heading, progress, speaks};
use crate::args::{self, Global};
use crate::error::{Failure, UNVERIFIED};
use crate::next::{after_finding, after_stuck, as_typed, to_finish};
use crate::ui::{clean, columns, count, line};

pub(super) fn run(
    deployment: &mut Deployment<'_>,
    global: &Global,
    args: &args::Verify,
) -> Result<Answer, Failure> {
    if args.round_trip {
        return Err(Failure::later("--round-trip"));
    }
    if let Some(reference) = &args.accept {
        let reason = args.reason.as_deref().unwrap_or_default();
        let mut observer = progress(deployment, global);
        let accepted = accept(deployment, reference, reason, &mut observer)?;
        if speaks(global) {
            line(&clean(&match &accepted {
                Accepted::Changed { version } => format!("{version} is accepted as its file is now"),
                Accepted::Renamed { was, now } => format!("the record of {was} is {now} now"),
                Accepted::Gone { version } => format!("{version} is accepted without its file"),
            }));
        }
        return Ok(Answer::done(json!({ "accepted": accepted })));
    }
    if let Some(base) = &args.against {
        return compared(deployment, global, base);
    }
    let found = verify(deployment, args.revision.as_deref())?;
    if speaks(global) {
        let result = if found.holds() { "files and records agree" } else { "files and records do not agree" };
        let counts = format!("{}, {}", count(found.files as u64, "file"), count(found.rows as u64, "record"));
        line(&format!("{}  {counts}: {result}", heading(deployment)));
        show(&found.findings);
        for next in next(&found.findings) {
            let next = as_typed(&next, global, Some(&deployment.settings.name));
            line(&clean(&format!("  next: {next}")));
        }
    }
    let exit = if found.holds() { 0 } else { UNVERIFIED };
    Ok(Answer {
        exit,
        json: json!({ "target": found.target, "holds": found.holds(), "findings": found.findings }),
    })
}

/// Prints what was found, one line each.
fn show(findings: &[Finding]) {
    let rows: Vec<_> = findings
        .iter()
        .map(|finding| {
            let level =
                if finding.problem { finding.code.to_owned() } else { format!("note: {}", finding.code) };
            let id = finding.version.as_ref().map_or("", |id| id.as_str());
            vec![level, clean(id), clean(&finding.message)]
        })
        .collect();
    for text in columns(&rows, "  ") {
        line(&text);
    }
}

/// `dbwarden verify --against REF`.
fn compared(deployment: &Deployment<'_>, global: &Global, base: &str) -> Result<Answer, Failure> {
    let found = against(deployment, base)?;
    if speaks(global) {
        let result = if found.holds() { "in order" } else { "not in order" };
        let (there, here) = (count(found.files as u64, "file"), found.added.len());
        line(&clean(&format!("against {base}: {there} there, {here} new here: {result}")));
        show(&found.findings);
        let mut said = Vec::new();
        for finding in found.findings.iter().filter(|finding| finding.problem) {
            let next = after_finding(finding);
            if !said.contains(&next) {
                line(&clean(&format!(
                    "  next: {}",
                    as_typed(&next, global, Some(&deployment.settings.name))
                )));
                said.push(next);
            }
        }
    }
    let exit = if found.holds() { 0 } else { UNVERIFIED };
    Ok(Answer {
        exit,
        json: json!({
            "base": found.base,
            "commit": found.commit,
            "fork": found.fork,
            "added": found.added,
            "holds": found.holds(),
            "findings": found.findings,
        }),
    })
}

/// What to type next: what is half done is finished or forgotten, the rest corrected or accepted.
fn next(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in findings.iter().filter(|finding| finding.problem) {
        let line = match (&finding.version, finding.direction) {
            (Some(id), Some(direction)) if finding.stuck => after_stuck(id, direction),
            (Some(id), Some(direction)) => format!("`dbwarden {}` goes on with {id}", to_finish(id, direction)),
            _ => "correct the files, or `dbwarden verify --accept REV --reason \"…\"` for what is as it should be"
                .to_owned(),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}
