//! Walks over numbered nodes, without recursion: chains are long.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Marks all that `starts` lead to by `next`, with the starts themselves.
pub(super) fn reach<I: Iterator<Item = usize>>(
    count: usize,
    starts: impl IntoIterator<Item = usize>,
    next: impl Fn(usize) -> I,
) -> Vec<bool> {
    let mut seen = vec![false; count];
    let mut open = Vec::new();
    for start in starts {
        if !std::mem::replace(&mut seen[start], true) {
            open.push(start);
        }
    }
    while let Some(n) = open.pop() {
        for m in next(n) {
            if !std::mem::replace(&mut seen[m], true) {
                open.push(m);
            }
        }
    }
    seen
}

/// Orders the nodes so that each comes after those it needs, else by number; or returns a cycle, each node of it needing
/// the next, from its least one.
pub(super) fn topological<I: Iterator<Item = usize>>(
    count: usize,
    needs: impl Fn(usize) -> I,
) -> Result<Vec<usize>, Vec<usize>> {
    let mut waiting: Vec<usize> = (0..count).map(|n| needs(n).count()).collect();
    let needed_by = Lists::reversed(count, 0..count, &needs);
    let mut ready: BinaryHeap<_> = (0..count).filter(|n| waiting[*n] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(Reverse(n)) = ready.pop() {
        order.push(n);
        for &m in needed_by.at(n) {
            waiting[m] -= 1;
            if waiting[m] == 0 {
                ready.push(Reverse(m));
            }
        }
    }
    if order.len() == count { Ok(order) } else { Err(cycle(&waiting, needs)) }
}

/// A list of nodes for each node, all in one: a list of its own for each costs an allocation.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    starts: Vec<usize>,
    nodes: Vec<usize>,
}

impl Lists {
    /// For each node those of `order` that need it, in that order.
    pub(super) fn reversed<I: Iterator<Item = usize>>(
        count: usize,
        order: impl Iterator<Item = usize> + Clone,
        needs: impl Fn(usize) -> I,
    ) -> Self {
        let mut starts = vec![0; count + 1];
        order.clone().flat_map(&needs).for_each(|m| starts[m + 1] += 1);
        for n in 0..count {
            starts[n + 1] += starts[n];
        }
        let mut ends = starts.clone();
        let mut nodes = vec![0; starts[count]];
        for n in order {
            for m in needs(n) {
                nodes[ends[m]] = n;
                ends[m] += 1;
            }
        }
        Self { starts, nodes }
    }

    /// The list of `n`.
    pub(super) fn at(&self, n: usize) -> &[usize] {
        &self.nodes[self.starts[n]..self.starts[n + 1]]
    }
}

/// Each node that still waits needs another one that does: following these must come round.
fn cycle<I: Iterator<Item = usize>>(waiting: &[usize], needs: impl Fn(usize) -> I) -> Vec<usize> {
    let mut seen_at = vec![None; waiting.len()];
    let mut path = Vec::new();
    let mut at = waiting.iter().position(|w| *w > 0);
    while let Some(n) = at {
        if let Some(start) = seen_at[n] {
            path.drain(..start);
            break;
        }
        seen_at[n] = Some(path.len());
        path.push(n);
        at = needs(n).find(|m| waiting[*m] > 0);
    }
    let least = path.iter().enumerate().min_by_key(|(_, n)| **n).map_or(0, |(place, _)| place);
    path.rotate_left(least);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_by_number_and_a_cycle_is_named_from_its_least() {
        let needs = [vec![2], vec![], vec![], vec![0, 1]];
        assert_eq!(topological(4, |n| needs[n].iter().copied()), Ok(vec![1, 2, 0, 3]));
        let needs = [vec![3], vec![], vec![1, 3], vec![2], vec![0]];
        assert_eq!(topological(5, |n| needs[n].iter().copied()), Err(vec![2, 3]));
    }
}
