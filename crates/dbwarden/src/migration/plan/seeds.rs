//! Seeds by themselves: which of them are applied or undone, while all else stays where it is.

use std::collections::BTreeSet;

use super::{PlanError, Reach, half_undone};
use crate::migration::RevisionId;
use crate::migration::applied::History;
use crate::migration::graph::{GraphError, Target};
use crate::migration::set::MigrationSet;
use crate::migration::state::State;

fn is_seed(set: &MigrationSet, id: &RevisionId) -> bool {
    set.get(id).is_some_and(|migration| migration.headers.seed)
}

/// Returns the pending seeds up to `reach`, in order.
///
/// # Errors
/// A target that is not there, a count that is too large, a seed that stands on what is still pending.
pub(super) fn to_apply(
    set: &MigrationSet,
    state: &State,
    reach: &Reach,
) -> Result<Vec<RevisionId>, PlanError> {
    let mut seeds: Vec<_> = state.pending.iter().filter(|id| is_seed(set, id)).cloned().collect();
    match reach {
        Reach::Count(count) => {
            cut(&mut seeds, *count, |asked, available| GraphError::TooFewPending { asked, available })?
        }
        Reach::To(Target::Head | Target::Heads) => {}
        Reach::These(ids) => seeds.retain(|id| ids.contains(id)),
        Reach::To(target) => {
            let up_to: BTreeSet<_> = set.graph().upgrade(target, &state.versions)?.into_iter().collect();
            seeds.retain(|id| up_to.contains(id));
        }
    }
    for seed in &seeds {
        let below = set.graph().ancestors(seed);
        let mut waits = state.pending.iter().filter(|id| below.contains(id) && !is_seed(set, id));
        if let Some(first) = waits.next() {
            return Err(PlanError::SeedWaits { seed: seed.clone(), pending: first.clone() });
        }
    }
    Ok(seeds)
}

/// Returns the applied seeds down to `reach`, newest first. What is no seed stays, also where it was applied later.
///
/// # Errors
/// A target that is not applied, a count that is too large.
pub fn to_undo(set: &MigrationSet, history: &History, reach: &Reach) -> Result<Vec<RevisionId>, PlanError> {
    let rows = history.applied.iter().filter(|row| row.is_versioned());
    let order: Vec<_> = rows.map(|row| row.version.clone()).collect();
    let mut seeds: Vec<_> = order.iter().rev().filter(|id| is_seed(set, id)).cloned().collect();
    // What was half undone is finished first.
    seeds.sort_by_key(|id| !half_undone(history, id));
    match reach {
        Reach::Count(count) => {
            cut(&mut seeds, *count, |asked, available| GraphError::TooFewApplied { asked, available })?
        }
        Reach::To(target) => {
            let down_to: BTreeSet<_> = set.graph().downgrade(target, &order)?.into_iter().collect();
            seeds.retain(|id| down_to.contains(id));
        }
        Reach::These(ids) => seeds.retain(|id| ids.contains(id)),
    }
    Ok(seeds)
}

fn cut(
    seeds: &mut Vec<RevisionId>,
    count: u64,
    too_few: impl Fn(u64, u64) -> GraphError,
) -> Result<(), PlanError> {
    if count == 0 {
        return Err(GraphError::ZeroCount.into());
    }
    let available = seeds.len() as u64;
    if available < count {
        return Err(too_few(count, available).into());
    }
    seeds.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    Ok(())
}
