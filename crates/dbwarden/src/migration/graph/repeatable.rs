//! The order of repeatable migrations, which run after all versioned ones.

use std::collections::{BTreeMap, BTreeSet};

use super::reference::repeatable_prefix;
use super::{CycleStep, GraphError, Header, Need, RevisionFile, RevisionGraph, walk};
use crate::migration::RevisionId;

/// What the order needs to know of one repeatable migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// The id with its prefix: `RA__views`, `ROC__policies`.
    pub id: RevisionId,
    /// References of its `depends_on` header.
    pub depends_on: Vec<String>,
    /// The file, for messages.
    pub file: String,
}

impl Repeatable {
    /// The name behind the prefix, and the id: what ties are ordered by.
    fn name(&self) -> (&str, &str) {
        let id = self.id.as_str();
        (repeatable_prefix(id).map_or(id, |(_, name)| name), id)
    }
}

/// Returns repeatable migrations in the order in which they run: after those they depend on, ties by name.
///
/// A reference is a repeatable's id, or its name without `RA__` or `ROC__`; else it is one to a versioned migration, which
/// is satisfied, as all of these have run.
pub fn order_repeatables(nodes: &[Repeatable], graph: &RevisionGraph) -> Result<Vec<RevisionId>, GraphError> {
    let mut nodes: Vec<&Repeatable> = nodes.iter().collect();
    nodes.sort_by(|a, b| a.name().cmp(&b.name()).then_with(|| a.file.cmp(&b.file)));
    let mut index: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (n, node) in nodes.iter().enumerate() {
        let (name, id) = node.name();
        if let Some(&other) = index.get(id).and_then(BTreeSet::first).filter(|m| nodes[**m].id == node.id) {
            let (first, second) = (nodes[other].file.clone(), node.file.clone());
            return Err(GraphError::DuplicateId { id: node.id.clone(), first, second });
        }
        index.entry(id).or_default().insert(n);
        index.entry(name).or_default().insert(n);
    }

    let mut needs: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (n, node) in nodes.iter().enumerate() {
        for text in &node.depends_on {
            needs[n].extend(needed(&nodes, n, text, &index, graph)?);
        }
    }
    let order = walk::topological(nodes.len(), |n| needs[n].iter().copied()).map_err(|cycle| {
        let step = |n: usize| CycleStep { file: nodes[n].file.clone(), need: Need::DependsOn };
        GraphError::Cycle { steps: cycle.into_iter().map(step).collect() }
    })?;
    Ok(order.into_iter().map(|n| nodes[n].id.clone()).collect())
}

/// The repeatable that `text` names, or none where it names a versioned migration.
fn needed(
    nodes: &[&Repeatable],
    n: usize,
    text: &str,
    index: &BTreeMap<&str, BTreeSet<usize>>,
    graph: &RevisionGraph,
) -> Result<Option<usize>, GraphError> {
    let (file, header) = (nodes[n].file.clone(), Header::DependsOn);
    let wanted = text.trim();
    let bare = repeatable_prefix(wanted).map(|(prefix, name)| format!("{prefix}{name}"));
    let found = index.get(bare.as_deref().unwrap_or(wanted));
    match found.map(|found| found.iter().copied().collect::<Vec<_>>()).as_deref() {
        Some([one]) if *one == n => {
            Err(GraphError::SelfReference { file, header, reference: text.to_owned() })
        }
        Some([one]) => Ok(Some(*one)),
        Some(several) => {
            let of = |m: &usize| RevisionFile {
                id: nodes[*m].id.clone(),
                file: nodes[*m].file.clone(),
                description: String::new(),
            };
            let candidates = several.iter().map(of).collect();
            Err(GraphError::AmbiguousReference { file, header, reference: text.to_owned(), candidates })
        }
        None if bare.is_some() => {
            let near = nearest(nodes, wanted);
            Err(GraphError::UnknownReference { file, header, reference: text.to_owned(), near })
        }
        None => match graph.index.find(wanted) {
            Ok(_) => Ok(None),
            Err(miss) => {
                Err(miss.of_header(&file, header, text, &graph.nodes)).map_err(|error| match error {
                    GraphError::UnknownReference { file, header, reference, near } => {
                        let close = nearest(nodes, wanted);
                        let near = if close.is_empty() { near } else { close };
                        GraphError::UnknownReference { file, header, reference, near }
                    }
                    other => other,
                })
            }
        },
    }
}

/// Up to three repeatables whose names differ little from `text`.
fn nearest(nodes: &[&Repeatable], text: &str) -> Vec<RevisionId> {
    let name = repeatable_prefix(text).map_or(text, |(_, name)| name);
    let mut close: Vec<_> = nodes
        .iter()
        .map(|node| (strsim::osa_distance(node.name().0, name), &node.id))
        .filter(|(distance, _)| *distance <= (name.chars().count() / 3).clamp(1, 3))
        .collect();
    close.sort();
    close.into_iter().take(3).map(|(_, id)| id.clone()).collect()
}
