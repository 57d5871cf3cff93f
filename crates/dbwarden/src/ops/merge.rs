//! Writes a migration that joins heads.

use std::collections::BTreeSet;

use serde::Serialize;

use super::new::{Created, NewOptions, create};
use super::{Deployment, files};
use crate::error::{Error, ErrorKind};
use crate::migration::RevisionId;
use crate::migration::graph::Target;
use crate::migration::plan::{Clash, clashes};
use crate::migration::set::MigrationSet;

/// What is asked of `merge`.
#[derive(Debug, Clone, Default)]
pub struct MergeOptions {
    /// What it does, in a few words; `merge A B` without them.
    pub message: Option<String>,
    /// The heads that are joined; without one, all of them.
    pub revisions: Vec<String>,
}

/// What a merge came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The file that joins them; nothing where there is one head, or none.
    pub created: Option<Created>,
    /// The heads that it joins, or the one there is.
    pub heads: Vec<RevisionId>,
    /// What two of their branches touch both: in which order that is done is to be looked at.
    pub clashes: Vec<Clash>,
}

/// Writes a migration that joins heads, and runs nothing itself.
///
/// # Errors
/// A revision that is not there or is no head; fewer than two that are named; a directory that cannot be written.
pub fn merge(deployment: &Deployment<'_>, options: &MergeOptions) -> Result<Merged, Error> {
    let set = files(deployment)?;
    let heads = named(&set, &options.revisions)?;
    if heads.len() < 2 {
        return Ok(Merged { created: None, heads, clashes: Vec::new() });
    }
    let clashes = clashes(&set, deployment.dialect()?, &heads);
    let names = heads.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(" ");
    let new = NewOptions::of(options.message.clone().unwrap_or_else(|| format!("merge {names}")));
    let created = create(deployment, &new, &heads)?;
    Ok(Merged { created: Some(created), heads, clashes })
}

/// The heads that are to be joined, in the order of the graph.
fn named(set: &MigrationSet, revisions: &[String]) -> Result<Vec<RevisionId>, Error> {
    let graph = set.graph();
    let heads: Vec<RevisionId> = graph.heads().into_iter().cloned().collect();
    let every = |text: &String| {
        matches!(text.parse::<Target>(), Ok(Target::Heads)) && set.graph().resolve_id(text).is_err()
    };
    if revisions.is_empty() || revisions.iter().any(every) {
        return Ok(heads);
    }
    let usage = |message: String| Error::from(ErrorKind::Usage { message });
    let mut asked = BTreeSet::new();
    for text in revisions {
        let id = graph.locate(text)?;
        if !heads.contains(&id) {
            let above = graph.children(&id).into_iter().chain(graph.dependants(&id));
            let above = above.map(RevisionId::as_str).collect::<Vec<_>>().join(", ");
            return Err(usage(format!("{id} is no head; behind it: {above}")));
        }
        asked.insert(id);
    }
    if asked.len() < 2 {
        let one = asked.first().map_or("", RevisionId::as_str);
        return Err(usage(format!("a merge joins two heads or more, and {one} alone is named")));
    }
    Ok(heads.into_iter().filter(|id| asked.contains(id)).collect())
}
