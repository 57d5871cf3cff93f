//! What a set of applied ids means for each revision, replaced ones considered.

use std::collections::BTreeSet;

use super::key::VersionKey;
use super::{GraphError, RevisionGraph};
use crate::migration::RevisionId;

/// How far a revision is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    /// Some of the revisions that it replaces are applied.
    Half,
    Applied,
}

impl RevisionGraph {
    /// Tells whether a revision counts as applied: itself, or all that it replaces.
    pub fn is_applied(&self, id: &RevisionId, applied: &BTreeSet<RevisionId>) -> bool {
        self.index.exact(id).is_some_and(|n| self.states(applied)[n] == State::Applied)
    }

    /// The state of every node, hidden ones too.
    pub(super) fn states(&self, applied: &BTreeSet<RevisionId>) -> Vec<State> {
        let own = |n: usize| if applied.contains(self.id(n)) { State::Applied } else { State::Pending };
        let mut states: Vec<State> = (0..self.nodes.len()).map(own).collect();
        if self.replacing.is_empty() {
            return states;
        }
        let versions = versions(applied);
        for &n in &self.replacing {
            let (have, lack) = self.replaced(n, &versions, &states);
            states[n] = match states[n] {
                State::Applied => State::Applied,
                _ if have.is_empty() => State::Pending,
                _ if lack.is_empty() => State::Applied,
                _ => State::Half,
            };
        }
        states
    }

    /// What a node replaces: what of it is applied or begun, at least in part, and what is not, or only in part.
    fn replaced(
        &self,
        n: usize,
        applied: &BTreeSet<VersionKey>,
        states: &[State],
    ) -> (Vec<RevisionId>, Vec<RevisionId>) {
        let (mut have, mut lack) = (Vec::new(), Vec::new());
        for id in &self.nodes[n].replaces {
            let state = match self.index.file(id) {
                _ if applied.contains(&VersionKey::of(id)) => State::Applied,
                Some(m) => states[m],
                None => State::Pending,
            };
            if state != State::Pending || self.begun.contains(id) {
                have.push(id.clone());
            }
            if state != State::Applied {
                lack.push(id.clone());
            }
        }
        (have, lack)
    }

    /// What is left of a half applied revision: the files that it replaces and that are not applied, in order.
    pub(super) fn rest_of(
        &self,
        unit: usize,
        applied: &BTreeSet<RevisionId>,
        states: &[State],
    ) -> Result<Vec<usize>, GraphError> {
        let versions = versions(applied);
        let (mut rest, mut open) = (BTreeSet::new(), vec![unit]);
        while let Some(n) = open.pop() {
            let (have, mut lack) = self.replaced(n, &versions, states);
            let files = lack.iter().map(|id| self.index.file(id));
            let Some(files) = files.collect::<Option<Vec<_>>>() else {
                lack.retain(|id| self.index.file(id).is_none());
                let (revision, file) = (self.id(n).clone(), self.nodes[n].file.clone());
                return Err(GraphError::HalfReplaced { revision, file, applied: have, missing: lack });
            };
            for m in files {
                match states[m] {
                    State::Half => open.push(m),
                    _ => drop(rest.insert((self.position[m], m))),
                }
            }
        }
        Ok(rest.into_iter().map(|(_, n)| n).collect())
    }
}

/// The applied ids as versions: a header may write a replaced one in another way than the database.
fn versions(applied: &BTreeSet<RevisionId>) -> BTreeSet<VersionKey> {
    applied.iter().map(VersionKey::of).collect()
}
