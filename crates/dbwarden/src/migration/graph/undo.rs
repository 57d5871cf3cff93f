//! What a rollback undoes, given the applied revisions in the order in which the database recorded them.

use std::collections::{BTreeSet, BinaryHeap};

use super::key::VersionKey;
use super::reference::{is_repeatable, numbers};
use super::select::Landing;
use super::{GraphError, RevisionFile, RevisionGraph, Target, walk};
use crate::migration::RevisionId;

impl RevisionGraph {
    /// Returns what must be undone to get down to `target`, newest first: children and dependants before what they need,
    /// else the one applied last first.
    ///
    /// `applied_order` is oldest first; repeatable migrations in it are passed over. Ids without a file may be in it:
    /// such a one counts as coming after all that was applied before it.
    ///
    /// * A revision stays, and all applied descendants of it go, through parents and `depends_on`; other branches and
    ///   parts of a merge stay. It must be applied. Of a file's replaced revisions that are applied one by one, those
    ///   after the target go.
    /// * A revision without a file stays, and all that was applied after it goes, with what depends on that.
    /// * `ID-1` is the parent; below a base it is what takes that base away with all its descendants.
    /// * `-N` are the first N of the order above; `base` is all of it.
    /// * `head`, `heads`, `NAME@head` and `+N` lead up: [`GraphError::NotDownward`].
    pub fn downgrade(
        &self,
        target: &Target,
        applied_order: &[RevisionId],
    ) -> Result<Vec<RevisionId>, GraphError> {
        let history = History::new(self, applied_order);
        match target {
            Target::Base => Ok(history.ids(|_| true)),
            Target::Revision { reference, offset } => history.down_to(reference, *offset),
            Target::Relative(0) => Err(GraphError::ZeroCount),
            Target::Relative(steps) if *steps < 0 => self
                .downgrade_count(usize::try_from(steps.unsigned_abs()).unwrap_or(usize::MAX), applied_order),
            Target::Head | Target::Heads | Target::LabelHead(_) | Target::Relative(_) => {
                Err(GraphError::NotDownward { target: target.clone() })
            }
        }
    }

    /// Returns the `count` that are undone first, newest first, as `-N` does. Fewer applied ones, and a count of 0, are
    /// errors.
    pub fn downgrade_count(
        &self,
        count: usize,
        applied_order: &[RevisionId],
    ) -> Result<Vec<RevisionId>, GraphError> {
        if count == 0 {
            return Err(GraphError::ZeroCount);
        }
        let mut ids = History::new(self, applied_order).ids(|_| true);
        if ids.len() < count {
            return Err(GraphError::TooFewApplied { asked: count as u64, available: ids.len() as u64 });
        }
        ids.truncate(count);
        Ok(ids)
    }
}

/// The applied rows, oldest first, with the unit of each.
struct History<'a> {
    graph: &'a RevisionGraph,
    rows: Vec<(&'a RevisionId, Option<usize>)>,
}

impl<'a> History<'a> {
    fn new(graph: &'a RevisionGraph, applied_order: &'a [RevisionId]) -> Self {
        let mut seen = BTreeSet::new();
        let rows = applied_order
            .iter()
            .filter(|id| !is_repeatable(id.as_str()) && seen.insert(*id))
            .map(|id| (id, graph.unit_of(id)))
            .collect();
        Self { graph, rows }
    }

    /// The ids of the rows that `undo` picks, in the order in which they are undone.
    fn ids(&self, undo: impl Fn(usize) -> bool) -> Vec<RevisionId> {
        self.newest_first().into_iter().filter(|row| undo(*row)).map(|row| self.rows[row].0.clone()).collect()
    }

    /// All rows in the order in which they are undone. A unit opens when all that needs it is undone; of the open rows
    /// the last applied goes first.
    fn newest_first(&self) -> Vec<usize> {
        let graph = self.graph;
        let mut rows_of = vec![Vec::new(); graph.nodes.len()];
        let mut ready = BinaryHeap::new();
        for (row, (_, unit)) in self.rows.iter().enumerate() {
            match unit {
                Some(n) => rows_of[*n].push(row),
                None => ready.push(row),
            }
        }
        let mut blocked: Vec<usize> = (0..graph.nodes.len()).map(|n| graph.needed_by(n).count()).collect();
        let mut left: Vec<usize> = rows_of.iter().map(Vec::len).collect();
        let mut open: Vec<usize> = graph.head_units().collect();
        let mut undone = Vec::with_capacity(self.rows.len());
        loop {
            while let Some(n) = open.pop() {
                ready.extend(rows_of[n].iter().copied());
                if rows_of[n].is_empty() {
                    release(graph, n, &mut blocked, &mut open);
                }
            }
            let Some(row) = ready.pop() else { return undone };
            undone.push(row);
            if let Some(n) = self.rows[row].1 {
                left[n] -= 1;
                if left[n] == 0 {
                    release(graph, n, &mut blocked, &mut open);
                }
            }
        }
    }

    fn down_to(&self, reference: &str, offset: i64) -> Result<Vec<RevisionId>, GraphError> {
        let (start, keep, past) = match self.find(reference, offset)? {
            Stay::Row(row) => (self.rows[row].1, true, row),
            Stay::At(n) => (Some(n), true, self.last_row(n)?),
            Stay::Above(n) => (Some(n), false, self.last_row(n)?),
        };
        let mut undo = vec![false; self.rows.len()];
        match start {
            Some(n) => {
                let above = walk::reach(self.graph.nodes.len(), [n], |n| self.graph.needed_by(n));
                for (row, (_, unit)) in self.rows.iter().enumerate() {
                    let mate = *unit == Some(n);
                    undo[row] = unit.is_some_and(|m| above[m]) && (!mate || !keep || row > past);
                }
            }
            None => {
                let later = self.rows.iter().skip(past + 1).filter_map(|(_, unit)| *unit);
                let above = walk::reach(self.graph.nodes.len(), later, |n| self.graph.needed_by(n));
                for (row, (_, unit)) in self.rows.iter().enumerate() {
                    undo[row] = row > past || unit.is_some_and(|m| above[m]);
                }
                undo[past] = false;
            }
        }
        let first = undo.iter().position(|undo| *undo).map_or(past, |first| first.min(past));
        for (row, (_, unit)) in self.rows.iter().enumerate().skip(first + 1) {
            undo[row] |= unit.is_none() && row != past;
        }
        Ok(self.ids(|row| undo[row]))
    }

    /// The place of the last row of a unit, which must be applied at least in part.
    fn last_row(&self, n: usize) -> Result<usize, GraphError> {
        let revision = || RevisionFile::of(&self.graph.nodes[n]);
        let last = self.rows.iter().rposition(|(_, unit)| *unit == Some(n));
        last.ok_or_else(|| GraphError::NotApplied { revision: revision() })
    }

    /// What `reference` and `offset` say is to stay. Rows come before files: an id that is applied may have no file, or
    /// be replaced by now.
    fn find(&self, reference: &str, offset: i64) -> Result<Stay, GraphError> {
        let reference = reference.trim();
        let whole = Target::Revision { reference: reference.to_owned(), offset }.to_string();
        let row_called = |text: &str| self.rows.iter().position(|(id, _)| id.as_str() == text);
        if let Some(row) = row_called(&whole) {
            // The squash has the id by now: it stays with all that it replaces.
            let squash = self.rows[row]
                .1
                .filter(|unit| self.rows[row].0.edition() > 0 && self.graph.id(*unit).as_str() == whole);
            return Ok(squash.map_or(Stay::Row(row), Stay::At));
        }
        if offset == 0 {
            if let Some(number) = numbers(reference) {
                let key = VersionKey::of(&number);
                if let Some(row) = self.rows.iter().position(|(id, _)| VersionKey::of(id) == key) {
                    return Ok(Stay::Row(row));
                }
            }
            if self.graph.index.named(reference).is_none()
                && let Some(row) = self.by_prefix(reference)?
            {
                return Ok(Stay::Row(row));
            }
        }
        Ok(match self.graph.step(reference, offset)? {
            Landing::At(n) => Stay::At(n),
            Landing::Below { bottom, past: 1, .. } => Stay::Above(bottom),
            Landing::Below { bottom, .. } => {
                let target = Target::Revision { reference: reference.to_owned(), offset };
                return Err(GraphError::StepsTooFar {
                    target,
                    up: false,
                    end: self.graph.id(bottom).clone(),
                });
            }
        })
    }

    /// The one row without a file whose id starts with `reference`, unless a file's does too.
    fn by_prefix(&self, reference: &str) -> Result<Option<usize>, GraphError> {
        let starts =
            |(id, unit): &(&RevisionId, Option<usize>)| unit.is_none() && id.as_str().starts_with(reference);
        let rows: Vec<usize> = (0..self.rows.len()).filter(|row| starts(&self.rows[*row])).collect();
        let mut candidates: Vec<RevisionFile> = match self.graph.resolve(reference) {
            Ok(n) => self.graph.files(&[n]),
            Err(GraphError::AmbiguousRevision { candidates, .. }) => candidates,
            Err(_) => Vec::new(),
        };
        match rows.as_slice() {
            [] => Ok(None),
            [row] if candidates.is_empty() => Ok(Some(*row)),
            _ => {
                candidates.extend(rows.iter().map(|row| RevisionFile {
                    id: self.rows[*row].0.clone(),
                    file: String::new(),
                    description: String::new(),
                }));
                Err(GraphError::AmbiguousRevision { reference: reference.to_owned(), candidates })
            }
        }
    }
}

/// What a rollback leaves.
enum Stay {
    /// This row, and of its unit those before it.
    Row(usize),
    /// This unit.
    At(usize),
    /// What is below this unit; the unit goes.
    Above(usize),
}

/// Lets go of what `n` needs.
fn release(graph: &RevisionGraph, n: usize, blocked: &mut [usize], open: &mut Vec<usize>) {
    for m in graph.needs(n) {
        blocked[m] -= 1;
        if blocked[m] == 0 {
            open.push(m);
        }
    }
}
