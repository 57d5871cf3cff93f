//! What a target asks for, given what is applied.

use std::collections::BTreeSet;

use super::reference::is_repeatable;
use super::state::State;
use super::{GraphError, Parents, RevisionFile, RevisionGraph, Target, walk};
use crate::migration::RevisionId;

impl RevisionGraph {
    /// Returns what must be applied to get to `target` and is not yet, in order.
    ///
    /// * A revision asks for itself and all its ancestors, also for those below applied ones: nothing is skipped.
    /// * `head` asks for everything, as long as no more than one head is not applied; else it is
    ///   [`GraphError::MultipleHeads`]. `heads` asks for everything.
    /// * `+N` asks for the next N of what `head` asks for. With several heads these are taken where each head would begin
    ///   with the same N, so up to the fork; past it, it is [`GraphError::MultipleHeads`].
    /// * `base` and `-N` lead down: [`GraphError::NotUpward`].
    ///
    /// Of a revision that replaces others, the rest of these is returned where some are applied. Migrations that are not
    /// selected (tags, environments) hold back nothing: put their ids into `applied`.
    pub fn upgrade(
        &self,
        target: &Target,
        applied: &BTreeSet<RevisionId>,
    ) -> Result<Vec<RevisionId>, GraphError> {
        let states = self.states(applied);
        let units = match target {
            Target::Head => {
                let (done, open) = self.heads_by_state(&states);
                match open.as_slice() {
                    [_, _, ..] => return Err(self.several_heads(None, &open)),
                    _ => self.plan(done.into_iter().chain(open), &states),
                }
            }
            Target::Heads => self.plan(self.head_units(), &states),
            Target::LabelHead(label) => self.plan([self.label_head(label)?], &states),
            Target::Revision { reference, offset: 0 } if self.replaced_reference(reference).is_some() => {
                return self.part(reference, applied, &states);
            }
            Target::Revision { reference, offset } => self.plan([self.stepped(reference, *offset)?], &states),
            Target::Relative(0) => return Err(GraphError::ZeroCount),
            Target::Relative(steps) if *steps > 0 => {
                return self.upgrade_count(usize::try_from(*steps).unwrap_or(usize::MAX), applied);
            }
            Target::Base | Target::Relative(_) => {
                return Err(GraphError::NotUpward { target: target.clone() });
            }
        };
        self.expand(&units, applied, &states)
    }

    /// Returns what is not applied, as `heads` asks for it. Of a revision of which a part is applied and the rest has no file, it is that
    /// revision itself: it is pending, and cannot be run.
    pub fn open(&self, applied: &BTreeSet<RevisionId>) -> Vec<RevisionId> {
        let states = self.states(applied);
        let units = self.plan(self.head_units(), &states);
        let ids = units
            .iter()
            .map(|n| self.expand(&[*n], applied, &states).unwrap_or_else(|_| vec![self.id(*n).clone()]));
        ids.flatten().collect()
    }

    /// Returns the next `count` of what is pending, as `+N` does. Fewer pending ones, and a count of 0, are errors.
    pub fn upgrade_count(
        &self,
        count: usize,
        applied: &BTreeSet<RevisionId>,
    ) -> Result<Vec<RevisionId>, GraphError> {
        if count == 0 {
            return Err(GraphError::ZeroCount);
        }
        let states = self.states(applied);
        let (done, open) = self.heads_by_state(&states);
        let ends = if open.is_empty() { vec![None] } else { open.iter().copied().map(Some).collect() };
        let mut next: Option<Vec<RevisionId>> = None;
        for end in ends {
            let units = self.plan(done.iter().copied().chain(end), &states);
            // A unit is one migration or more, so no more than `count` units are looked at.
            let mut ids = self.expand(&units[..count.min(units.len())], applied, &states)?;
            if open.len() < 2 && ids.len() < count {
                return Err(GraphError::TooFewPending { asked: count as u64, available: ids.len() as u64 });
            }
            ids.truncate(count);
            if ids.len() < count || next.as_ref().is_some_and(|next| *next != ids) {
                return Err(self.several_heads(None, &open));
            }
            next = Some(ids);
        }
        Ok(next.unwrap_or_default())
    }

    /// Returns a target with its ancestors, in order, whatever is applied: what `stamp` records. `base` has none.
    pub fn closure(&self, target: &Target) -> Result<Vec<RevisionId>, GraphError> {
        match target {
            Target::Base => Ok(Vec::new()),
            Target::Head => {
                let heads: Vec<usize> = self.head_units().collect();
                match heads.as_slice() {
                    [_, _, ..] => Err(self.several_heads(None, &heads)),
                    _ => Ok(self.order.clone()),
                }
            }
            Target::Relative(_) => Err(GraphError::NotAPlace { target: target.clone() }),
            _ => self.upgrade(target, &BTreeSet::new()),
        }
    }

    /// Returns the applied revisions that no applied one comes after, in order.
    ///
    /// Where all that a file replaces is applied, it is that file's revision. Of the ids without a file, the newest by
    /// version is added where it is newer than every other applied one: the database is ahead.
    pub fn current(&self, applied: &BTreeSet<RevisionId>) -> Vec<RevisionId> {
        let states = self.states(applied);
        let topped = self.topped(&states);
        let mut current = Vec::new();
        for &n in self.sequence.iter().filter(|n| !topped[**n]) {
            match states[n] {
                State::Applied => current.push(self.id(n).clone()),
                State::Half => {
                    current.extend(self.nodes[n].replaces.iter().rfind(|id| applied.contains(*id)).cloned())
                }
                State::Pending => {}
            }
        }
        // Nearly always each applied id is that of a file, which is cheap to see.
        let own = states.iter().filter(|state| **state == State::Applied).count();
        if self.replacing.is_empty() && own == applied.len() {
            return current;
        }
        let versioned = || applied.iter().filter(|id| !is_repeatable(id.as_str()));
        let without_file = versioned().filter(|id| self.unit_of(id).is_none());
        if let Some(newest) = without_file.max_by(|a, b| a.version_cmp(b))
            && versioned().all(|id| id.version_cmp(newest).is_le())
        {
            current.push(newest.clone());
        }
        current
    }

    /// Returns those of `pending` that come late: an applied revision comes after them.
    ///
    /// In a chain by version these are the ones older than the newest applied. A file beside it with a `down_revision` of
    /// its own is a branch, and not late. An applied id without a file counts as one of the chain.
    pub fn late(&self, pending: &[RevisionId], applied: &BTreeSet<RevisionId>) -> Vec<RevisionId> {
        let topped = self.topped(&self.states(applied));
        let ahead = applied
            .iter()
            .filter(|id| self.unit_of(id).is_none() && !is_repeatable(id.as_str()))
            .max_by(|a, b| a.version_cmp(b));
        let late = |id: &&RevisionId| {
            let Some(n) = self.unit_of(id) else { return false };
            let chained = matches!(self.nodes[n].parents, Parents::Implicit);
            topped[n] || (chained && ahead.is_some_and(|ahead| id.version_cmp(ahead).is_lt()))
        };
        pending.iter().filter(late).cloned().collect()
    }

    /// Returns the one revision that `text` means, wherever one is asked for: an id, a number, a prefix, `head`, `NAME@head`,
    /// `ID+1`, `ID-1`. What counts from what is applied is [`GraphError::NotAPlace`]; see [`Self::locate_from`].
    pub fn locate(&self, text: &str) -> Result<RevisionId, GraphError> {
        // Ids come first, whatever they look like.
        if self.index.named(text.trim()).is_some() {
            return self.resolve_id(text);
        }
        // What is no target is no revision either.
        let Ok(target) = text.parse::<Target>() else { return self.resolve_id(text) };
        let n = match &target {
            Target::Head => {
                let heads: Vec<usize> = self.head_units().collect();
                match heads.as_slice() {
                    [one] => *one,
                    [] => return self.resolve_id(text),
                    several => return Err(self.several_heads(None, several)),
                }
            }
            Target::LabelHead(label) => self.label_head(label)?,
            Target::Revision { reference, offset } => self.stepped(reference, *offset)?,
            Target::Heads | Target::Base | Target::Relative(_) => {
                return Err(GraphError::NotAPlace { target });
            }
        };
        Ok(self.id(n).clone())
    }

    /// The same, and `+N`, the Nth of what is pending, and `-N`, N parents below the current revision, where `applied` is.
    pub fn locate_from(&self, text: &str, applied: &BTreeSet<RevisionId>) -> Result<RevisionId, GraphError> {
        match text.parse::<Target>() {
            Ok(target @ Target::Relative(steps)) if steps > 0 => {
                let ids = self.upgrade(&target, applied)?;
                ids.last().cloned().ok_or(GraphError::NotAPlace { target })
            }
            Ok(target @ Target::Relative(steps)) => {
                let current: Vec<usize> =
                    self.current(applied).iter().filter_map(|id| self.unit_of(id)).collect();
                match current.as_slice() {
                    [one] => Ok(self.id(self.stepped(self.id(*one).as_str(), steps)?).clone()),
                    [] => Err(GraphError::NotAPlace { target }),
                    several => {
                        let from = RevisionId::new(text.trim());
                        let candidates = self.files(several);
                        Err(GraphError::AmbiguousStep { from, up: false, candidates })
                    }
                }
            }
            _ => self.locate(text),
        }
    }

    /// Marks the nodes that an applied one comes after, at whatever distance.
    fn topped(&self, states: &[State]) -> Vec<bool> {
        let mut topped = vec![false; self.nodes.len()];
        for &n in self.sequence.iter().rev() {
            topped[n] = self.needed_by(n).any(|m| topped[m] || states[m] != State::Pending);
        }
        topped
    }

    /// The heads that are applied, and those that are not.
    fn heads_by_state(&self, states: &[State]) -> (Vec<usize>, Vec<usize>) {
        self.head_units().partition(|n| states[*n] == State::Applied)
    }

    /// The units that are not applied among `ends` and their ancestors, in order.
    fn plan(&self, ends: impl IntoIterator<Item = usize>, states: &[State]) -> Vec<usize> {
        let wanted = walk::reach(self.nodes.len(), ends, |n| self.needs(n));
        self.sequence.iter().copied().filter(|n| wanted[*n] && states[*n] != State::Applied).collect()
    }

    fn expand(
        &self,
        units: &[usize],
        applied: &BTreeSet<RevisionId>,
        states: &[State],
    ) -> Result<Vec<RevisionId>, GraphError> {
        let mut ids = Vec::with_capacity(units.len());
        for &n in units {
            match states[n] {
                State::Half => {
                    ids.extend(self.rest_of(n, applied, states)?.into_iter().map(|n| self.id(n).clone()))
                }
                _ => ids.push(self.id(n).clone()),
            }
        }
        Ok(ids)
    }

    /// The node that a reference leads to, where that is of a revision which another file replaces: a hidden file, or the file that
    /// stands in the place of one which is gone.
    fn replaced_reference(&self, reference: &str) -> Option<usize> {
        if self.replacing.is_empty() {
            return None;
        }
        let n = self.resolve(reference).ok()?;
        (self.unit[n] != n || self.index.is_gone(reference)).then_some(n)
    }

    /// What is to be applied to get to a replaced revision: its unit's ancestors, and of the unit what comes before it.
    fn part(
        &self,
        reference: &str,
        applied: &BTreeSet<RevisionId>,
        states: &[State],
    ) -> Result<Vec<RevisionId>, GraphError> {
        let Some(n) = self.replaced_reference(reference) else { return Ok(Vec::new()) };
        let unit = self.unit[n];
        let mut ids = self.expand(&self.plan(self.needs(unit), states), applied, states)?;
        if states[unit] == State::Applied {
            return Ok(ids);
        }
        if n == unit {
            let (revision, file) = (self.id(unit).clone(), self.nodes[unit].file.clone());
            return Err(GraphError::Within { reference: reference.to_owned(), revision, file });
        }
        for mate in self.mates_up_to(n) {
            match states[mate] {
                State::Applied => {}
                State::Half => {
                    ids.extend(self.rest_of(mate, applied, states)?.into_iter().map(|n| self.id(n).clone()));
                }
                State::Pending => ids.push(self.id(mate).clone()),
            }
        }
        Ok(ids)
    }

    /// The unit that a reference with an offset leads to.
    fn stepped(&self, reference: &str, offset: i64) -> Result<usize, GraphError> {
        match self.step(reference, offset)? {
            Landing::At(n) => Ok(n),
            Landing::Below { bottom, .. } => {
                let target = Target::Revision { reference: reference.to_owned(), offset };
                Err(GraphError::StepsTooFar { target, up: false, end: self.id(bottom).clone() })
            }
        }
    }

    /// Walks `offset` children up or parents down from `reference`. With an offset, `head` and `base` are places to
    /// start from, unless an id is called that.
    pub(super) fn step(&self, reference: &str, offset: i64) -> Result<Landing, GraphError> {
        let target = || Target::Revision { reference: reference.to_owned(), offset };
        if let Some(n) = self.index.exact(&RevisionId::new(target().to_string())) {
            return Ok(Landing::At(self.unit[n]));
        }
        let up = offset > 0;
        let steps = offset.unsigned_abs();
        let (mut at, mut left) = match reference.to_ascii_lowercase().as_str() {
            "head" if self.index.named(reference).is_none() => {
                let heads: Vec<usize> = self.head_units().collect();
                (self.only(&heads).ok_or_else(|| self.several_heads(None, &heads))?, steps)
            }
            "base" if up && self.index.named(reference).is_none() => {
                let bases: Vec<usize> =
                    self.sequence.iter().copied().filter(|n| self.parents[*n].is_empty()).collect();
                let from = RevisionId::new(reference);
                let candidates = self.files(&bases);
                (self.only(&bases).ok_or(GraphError::AmbiguousStep { from, up, candidates })?, steps - 1)
            }
            _ => (self.unit[self.resolve(reference)?], steps),
        };
        while left > 0 {
            let next = if up { self.children.at(at) } else { self.parents[at].as_slice() };
            match next {
                [one] => at = *one,
                [] if up => {
                    let end = self.id(at).clone();
                    return Err(GraphError::StepsTooFar { target: target(), up, end });
                }
                [] => return Ok(Landing::Below { bottom: at, past: left }),
                several => {
                    let (from, candidates) = (self.id(at).clone(), self.files(several));
                    return Err(GraphError::AmbiguousStep { from, up, candidates });
                }
            }
            left -= 1;
        }
        Ok(Landing::At(at))
    }

    fn only(&self, nodes: &[usize]) -> Option<usize> {
        if let [one] = nodes { Some(*one) } else { None }
    }

    /// The error for several heads, with the newest revision that all of them come after.
    pub(super) fn several_heads(&self, label: Option<&str>, heads: &[usize]) -> GraphError {
        let mut above = vec![0; self.nodes.len()];
        for &head in heads {
            let below = walk::reach(self.nodes.len(), [head], |n| self.needs(n));
            above.iter_mut().zip(below).for_each(|(count, below)| *count += usize::from(below));
        }
        let fork = self.sequence.iter().rfind(|n| above[**n] == heads.len());
        GraphError::MultipleHeads {
            label: label.map(str::to_owned),
            heads: self.files(heads),
            fork: fork.map(|n| Box::new(RevisionFile::of(&self.nodes[*n]))),
        }
    }
}

/// Where a walk from a reference ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landing {
    /// At a revision.
    At(usize),
    /// So many steps below a revision without parents; 1 is where a rollback can end.
    Below { bottom: usize, past: u64 },
}
