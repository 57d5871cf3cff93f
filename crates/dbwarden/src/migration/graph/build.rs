//! From files to a graph: duplicates, replaced revisions, references, order.

use std::collections::{BTreeMap, BTreeSet};

use super::key::VersionKey;
use super::reference::{Index, is_repeatable};
use super::walk::Lists;
use super::{CycleStep, GraphError, Header, Need, Node, Parents, RevisionGraph, walk};
use crate::migration::RevisionId;

impl RevisionGraph {
    /// Builds the graph. `nodes` may come in any order; the result is the same.
    ///
    /// References resolve as in [`RevisionGraph::resolve_id`]. Errors: two files with one id or version, a reference that
    /// leads nowhere, to several files, to itself or to a repeatable migration, a revision replaced by two files, a
    /// cycle. They name the files, and the first in version order is reported.
    pub fn new(nodes: Vec<Node>) -> Result<Self, GraphError> {
        let (mut nodes, mut index) = sort(nodes)?;
        spell(&mut nodes, &index);
        let (unit, replacing) = units(&nodes, &mut index)?;
        let edges = Edges::resolve(&nodes, &index, &unit, &replacing)?;
        let all = walk::topological(nodes.len(), |n| edges.needs(n))
            .map_err(|cycle| edges.cycle(&nodes, &cycle))?;

        let mut position = vec![0; nodes.len()];
        for (place, n) in all.iter().enumerate() {
            position[*n] = place;
        }
        let sequence: Vec<usize> = all.into_iter().filter(|n| unit[*n] == *n).collect();
        let order = sequence.iter().map(|n| nodes[*n].id.clone()).collect();
        let Edges { mut parents, mut depends_on, .. } = edges;
        for &n in &sequence {
            parents[n].sort_by_key(|m| position[*m]);
            depends_on[n].sort_by_key(|m| position[*m]);
        }
        let reversed = |edges: &[Vec<usize>]| {
            Lists::reversed(nodes.len(), sequence.iter().copied(), |n| edges[n].iter().copied())
        };
        let (children, dependants) = (reversed(&parents), reversed(&depends_on));
        for (n, unit) in unit.iter().enumerate() {
            if n != *unit {
                depends_on[n].clear();
            }
        }
        Ok(Self {
            nodes,
            index,
            unit,
            parents,
            depends_on,
            children,
            dependants,
            position,
            sequence,
            order,
            replacing,
            begun: BTreeSet::new(),
        })
    }
}

/// Puts the nodes in version order, a replacing one where the first it replaces would be, and finds duplicates.
fn sort(nodes: Vec<Node>) -> Result<(Vec<Node>, Index), GraphError> {
    let keys: Vec<VersionKey> = nodes.iter().map(|node| VersionKey::of(&node.id)).collect();
    let firsts: BTreeMap<usize, VersionKey> = nodes
        .iter()
        .enumerate()
        .filter_map(|(n, node)| Some((n, node.replaces.iter().map(VersionKey::of).min()?)))
        .filter(|(n, first)| *first < keys[*n])
        .collect();
    // Numbers are sorted, as nodes are large to move.
    let mut places: Vec<usize> = (0..nodes.len()).collect();
    let place = |n: usize| firsts.get(&n).unwrap_or(&keys[n]);
    let (file, id) = (|n: usize| &nodes[n].file, |n: usize| &nodes[n].id);
    places.sort_by(|&a, &b| {
        let order = place(a).cmp(place(b)).then_with(|| keys[a].cmp(&keys[b]));
        order.then_with(|| file(a).cmp(file(b))).then_with(|| id(a).cmp(id(b)))
    });

    let mut unsorted: Vec<_> = nodes.into_iter().zip(keys).map(Some).collect();
    let (nodes, keys): (Vec<Node>, Vec<VersionKey>) =
        places.into_iter().filter_map(|n| unsorted[n].take()).unzip();
    let index = Index::of_files(nodes.iter().map(|node| &node.id).zip(keys));
    if index.len() < nodes.len() { Err(duplicate(&nodes)) } else { Ok((nodes, index)) }
}

/// Writes replaced ids as their files do, where the header says `2` for `0002`. Of its own id a file replaces the edition before it.
fn spell(nodes: &mut [Node], index: &Index) {
    for n in 0..nodes.len() {
        let mut replaces = std::mem::take(&mut nodes[n].replaces);
        let own = &nodes[n].id;
        for id in &mut replaces {
            if id.version_cmp(&own.with_edition(0)).is_eq() {
                *id = own.with_edition(own.edition().saturating_add(1));
            } else if let Some(file) = index.version(&VersionKey::of(id)) {
                id.clone_from(&nodes[file].id);
            }
        }
        nodes[n].replaces = replaces;
    }
}

/// The first two nodes with one version.
fn duplicate(nodes: &[Node]) -> GraphError {
    let mut keyed: Vec<_> = nodes.iter().map(|node| (VersionKey::of(&node.id), node)).collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let pair = keyed.windows(2).find(|pair| pair[0].0 == pair[1].0);
    let (first, second) = pair.map_or((&nodes[0], &nodes[0]), |pair| (pair[0].1, pair[1].1));
    if first.id == second.id {
        return GraphError::DuplicateId {
            id: second.id.clone(),
            first: first.file.clone(),
            second: second.file.clone(),
        };
    }
    GraphError::DuplicateVersion {
        first_id: first.id.clone(),
        first: first.file.clone(),
        second_id: second.id.clone(),
        second: second.file.clone(),
    }
}

/// Finds the visible node for each one, and those that replace something, inner ones first. Ids that are replaced and
/// have no file go into the index.
fn units(nodes: &[Node], index: &mut Index) -> Result<(Vec<usize>, Vec<usize>), GraphError> {
    let mut unit: Vec<usize> = (0..nodes.len()).collect();
    if nodes.iter().all(|node| node.replaces.is_empty()) {
        return Ok((unit, Vec::new()));
    }

    let mut replacers: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut gone: BTreeMap<VersionKey, Vec<(usize, &RevisionId)>> = BTreeMap::new();
    for (n, node) in nodes.iter().enumerate() {
        for id in &node.replaces {
            let key = VersionKey::of(id);
            match index.version(&key) {
                Some(replaced) => replacers[replaced].push(n),
                None => gone.entry(key).or_default().push((n, id)),
            }
        }
    }

    let outer_first =
        walk::topological(nodes.len(), |n| replacers[n].iter().copied()).map_err(|mut cycle| {
            cycle.reverse();
            let step = |n: usize| CycleStep { file: nodes[n].file.clone(), need: Need::Replaces };
            GraphError::Cycle { steps: cycle.into_iter().map(step).collect() }
        })?;
    for &n in &outer_first {
        if let Some(root) = common_unit(&nodes[n].id, &replacers[n], &unit, nodes)? {
            unit[n] = root;
        }
    }
    for (key, claims) in gone {
        let by: Vec<usize> = claims.iter().map(|(n, _)| *n).collect();
        for (_, id) in &claims {
            if let Some(root) = common_unit(id, &by, &unit, nodes)? {
                index.add_replaced(id, key.clone(), root);
            }
        }
    }
    let replacing = outer_first.into_iter().rev().filter(|n| !nodes[*n].replaces.is_empty()).collect();
    Ok((unit, replacing))
}

/// The one visible node of those that replace `id`.
fn common_unit(
    id: &RevisionId,
    replacers: &[usize],
    unit: &[usize],
    nodes: &[Node],
) -> Result<Option<usize>, GraphError> {
    let Some((&first, rest)) = replacers.split_first() else { return Ok(None) };
    match rest.iter().find(|n| unit[**n] != unit[first]) {
        None => Ok(Some(unit[first])),
        Some(&second) => Err(GraphError::ReplacedTwice {
            id: id.clone(),
            first: nodes[first].file.clone(),
            second: nodes[second].file.clone(),
        }),
    }
}

/// What references are resolved in.
struct Surroundings<'a> {
    nodes: &'a [Node],
    index: &'a Index,
    unit: &'a [usize],
    replacing: &'a [usize],
}

impl Surroundings<'_> {
    /// Where `n` is hidden and names the id of the file that hides it: the earlier edition of that which is replaced together with
    /// `n`, and which was meant when `n` was written.
    fn mate(&self, n: usize, found: usize) -> Option<usize> {
        if self.unit[n] == n || self.unit[n] != found {
            return None;
        }
        let earlier = (1..).map_while(|edition| self.index.file(&self.nodes[found].id.with_edition(edition)));
        let together = |m: usize| {
            self.replacing
                .iter()
                .map(|r| &self.nodes[*r].replaces)
                .any(|replaces| replaces.contains(&self.nodes[m].id) && replaces.contains(&self.nodes[n].id))
        };
        earlier.filter(|m| *m != n).find(|m| together(*m))
    }
}

/// What each node needs, as numbers.
///
/// Visible nodes need visible ones. A hidden one needs hidden ones of the same unit, in `parents`; what its headers need
/// elsewhere is needed by its unit, so that a half applied one can go on.
struct Edges {
    parents: Vec<Vec<usize>>,
    depends_on: Vec<Vec<usize>>,
    implicit: Vec<bool>,
}

impl Edges {
    fn resolve(
        nodes: &[Node],
        index: &Index,
        unit: &[usize],
        replacing: &[usize],
    ) -> Result<Self, GraphError> {
        let of = Surroundings { nodes, index, unit, replacing };
        let count = nodes.len();
        let mut edges = Self {
            parents: vec![Vec::new(); count],
            depends_on: vec![Vec::new(); count],
            implicit: vec![false; count],
        };
        let mut last_visible = None;
        let mut last_hidden: BTreeMap<usize, usize> = BTreeMap::new();
        for (n, node) in nodes.iter().enumerate() {
            let before = if unit[n] == n { last_visible.replace(n) } else { last_hidden.insert(unit[n], n) };
            match &node.parents {
                Parents::Base => {}
                Parents::Implicit => {
                    edges.implicit[n] = true;
                    edges.parents[n].extend(before);
                }
                Parents::Explicit(references) => {
                    for text in references {
                        edges.add(n, Header::DownRevision, text, &of)?;
                    }
                }
            }
            for text in &node.depends_on {
                edges.add(n, Header::DependsOn, text, &of)?;
            }
        }
        Ok(edges)
    }

    fn add(&mut self, n: usize, header: Header, text: &str, of: &Surroundings<'_>) -> Result<(), GraphError> {
        let Surroundings { nodes, index, unit, .. } = *of;
        let file = &nodes[n].file;
        if is_repeatable(text.trim()) {
            return Err(GraphError::NeedsRepeatable {
                file: file.clone(),
                header,
                reference: text.to_owned(),
            });
        }
        let found = index.find(text).map_err(|miss| miss.of_header(file, header, text, nodes))?;
        let found = of.mate(n, found).unwrap_or(found);
        let (hidden, same_unit) = (unit[n] != n, unit[found] == unit[n]);
        if found == n || (same_unit && !hidden) {
            return Err(GraphError::SelfReference { file: file.clone(), header, reference: text.to_owned() });
        }
        let (holder, needed, list) = match (hidden, same_unit, header) {
            (true, true, _) if unit[found] == found => return Ok(()),
            (true, true, _) => (n, found, &mut self.parents),
            (false, _, Header::DownRevision) => (n, unit[found], &mut self.parents),
            (_, _, _) => (unit[n], unit[found], &mut self.depends_on),
        };
        if !list[holder].contains(&needed) {
            list[holder].push(needed);
        }
        Ok(())
    }

    fn needs(&self, n: usize) -> impl Iterator<Item = usize> + '_ {
        self.parents[n].iter().chain(&self.depends_on[n]).copied()
    }

    fn cycle(&self, nodes: &[Node], cycle: &[usize]) -> GraphError {
        let next = cycle.iter().cycle().skip(1);
        let steps = cycle.iter().zip(next).map(|(&n, m)| {
            let need = match (self.parents[n].contains(m), self.implicit[n]) {
                (true, true) => Need::VersionOrder,
                (true, false) => Need::Parent,
                (false, _) => Need::DependsOn,
            };
            CycleStep { file: nodes[n].file.clone(), need }
        });
        GraphError::Cycle { steps: steps.collect() }
    }
}
