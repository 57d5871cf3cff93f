//! Branch points and branch labels.

use std::collections::{BTreeMap, BTreeSet};

use super::{GraphError, RevisionGraph, walk};
use crate::migration::RevisionId;

/// A place where the graph parts: a revision with several children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch<'a> {
    /// The revision.
    pub point: &'a RevisionId,
    /// Its children in order, each with its labels.
    pub children: Vec<(&'a RevisionId, BTreeSet<&'a str>)>,
}

impl RevisionGraph {
    /// Returns the revisions with several children, in order.
    pub fn branches(&self) -> Vec<Branch<'_>> {
        let labels = self.all_labels();
        let points = self.sequence.iter().copied().filter(|n| self.children.at(*n).len() > 1);
        let branch = |n: usize| Branch {
            point: self.id(n),
            children: self.children.at(n).iter().map(|m| (self.id(*m), labels[*m].clone())).collect(),
        };
        points.map(branch).collect()
    }

    /// Returns the labels of a revision: its own and those of the revisions below it, down to the next merge.
    pub fn labels(&self, id: &RevisionId) -> BTreeSet<&str> {
        self.unit_of(id).map_or_else(BTreeSet::new, |n| std::mem::take(&mut self.all_labels()[n]))
    }

    /// Returns every label with the revisions whose files declare it, in order.
    pub fn label_names(&self) -> BTreeMap<&str, Vec<&RevisionId>> {
        let mut names: BTreeMap<&str, Vec<&RevisionId>> = BTreeMap::new();
        for &n in &self.sequence {
            self.declared(n).for_each(|label| names.entry(label).or_default().push(self.id(n)));
        }
        names
    }

    /// The head above a label, past merges too. Heads here are those without children: what depends on one from another
    /// branch does not belong to this one.
    pub(super) fn label_head(&self, label: &str) -> Result<usize, GraphError> {
        let labelled = self.sequence.iter().copied().filter(|n| self.declared(*n).any(|own| own == label));
        let above = walk::reach(self.nodes.len(), labelled, |n| self.children.at(n).iter().copied());
        let heads: Vec<usize> =
            self.sequence.iter().copied().filter(|n| above[*n] && self.children.at(*n).is_empty()).collect();
        match heads.as_slice() {
            [one] => Ok(*one),
            [] => Err(GraphError::UnknownLabel {
                label: label.to_owned(),
                known: self.label_names().into_keys().map(str::to_owned).collect(),
            }),
            several => Err(self.several_heads(Some(label), several)),
        }
    }

    fn all_labels(&self) -> Vec<BTreeSet<&str>> {
        let mut labels: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); self.nodes.len()];
        for &n in &self.sequence {
            if let [parent] = self.parents[n].as_slice() {
                labels[n] = labels[*parent].clone();
            }
            labels[n].extend(self.declared(n));
        }
        labels
    }

    /// The label that a file declares, and those of the replaced files that still lie there.
    fn declared(&self, n: usize) -> impl Iterator<Item = &str> + '_ {
        let own = self.nodes[n].label.as_deref();
        let replaced = self.nodes[n].replaces.iter().filter_map(|id| self.node(id)?.label.as_deref());
        let mut labels: Vec<&str> = own.into_iter().chain(replaced).collect();
        labels.sort_unstable();
        labels.dedup();
        labels.into_iter()
    }
}
