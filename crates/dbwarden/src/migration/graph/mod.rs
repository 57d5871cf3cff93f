//! The revision graph: which migration comes after which, what a target asks for, what a rollback undoes.
//!
//! Pure: it knows ids and files' headers, no SQL, no database, no clock. What is applied is given to it as a set of ids,
//! never as a high-water mark.
//!
//! # Rules
//!
//! * **Parents.** A file without `down_revision` comes after the file before it in version order, whatever that file is:
//!   one with headers, a seed, or one of a labelled branch. Files with a `down_revision` have those parents alone, and
//!   `none` has none. So a late `0002` between `0001` and `0003` becomes a part of the chain, and a second file with the
//!   same `down_revision` begins a branch.
//! * **Order.** Topological over parents and `depends_on`, ties by version.
//! * **Heads** are the revisions that no other one has as a parent or depends on; bases those without parents.
//! * **Labels** belong to a revision and to those above it up to a merge. `NAME@head` is the head that one gets to from
//!   the label, past a merge too.
//! * **Replaced revisions.** A file with `replaces` stands for the revisions it names, at the place of the first of them:
//!   references to one of these lead to it, and files that still lie there are hidden ([`RevisionGraph::replaced_by`]).
//!   It counts as applied where its own id is, or all that it replaces; where some are, it is *half applied*, and the
//!   rest of them is what `upgrade` asks for. Its edges are those of its own headers, with what hidden files name
//!   elsewhere.
//! * **A file that replaces its own id** (`0001` for `0001` to `0005`) replaces the edition of it before
//!   ([`RevisionId`]). Which of the two a row is, its checksum tells: the set of all migrations finds that out before it asks
//!   here.
//! * **Begun** replaced revisions count as applied in part: what goes on with them is their own file, not the one that
//!   replaces them.
//! * **Unknown applied ids** (the database is ahead, or files were deleted) are never an error.

mod build;
mod error;
mod key;
mod labels;
mod reference;
mod repeatable;
mod select;
mod state;
mod target;
mod undo;
mod walk;

use std::collections::BTreeSet;

pub use error::{CycleStep, GraphError, Header, Need, RevisionFile};
pub use labels::Branch;
pub use repeatable::{Repeatable, order_repeatables};
pub use target::{Target, TargetError};

use crate::migration::RevisionId;
use key::VersionKey;
use reference::Index;
use walk::Lists;

/// What the graph needs to know of one versioned migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The id.
    pub id: RevisionId,
    /// What it comes after.
    pub parents: Parents,
    /// References of its `depends_on` header.
    pub depends_on: Vec<String>,
    /// The label of its `branch` header.
    pub label: Option<String>,
    /// The revisions of its `replaces` header.
    pub replaces: Vec<RevisionId>,
    /// The file, for messages.
    pub file: String,
    /// The description, for messages.
    pub description: String,
}

/// The parents of a revision, as its file gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parents {
    /// No `down_revision`: the file before it in version order.
    Implicit,
    /// `down_revision: none`.
    Base,
    /// References of `down_revision`. An empty list is the same as [`Parents::Base`].
    Explicit(Vec<String>),
}

/// Why one revision comes after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// The other is its parent.
    Parent,
    /// It depends on the other.
    DependsOn,
}

/// One edge of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge<'a> {
    /// The revision that comes first.
    pub from: &'a RevisionId,
    /// The one that needs it.
    pub to: &'a RevisionId,
    /// Why.
    pub kind: EdgeKind,
}

/// All versioned migrations and how they follow each other. See the [module](self) for the rules.
///
/// Revisions are numbers inside: places in `nodes`, which is in version order.
#[derive(Debug, Clone)]
pub struct RevisionGraph {
    nodes: Vec<Node>,
    index: Index,
    /// The visible node that stands for each one: itself, or the file that replaces it.
    unit: Vec<usize>,
    /// Edges of visible nodes to visible ones; hidden ones have parents among those of their unit, and no more.
    parents: Vec<Vec<usize>>,
    depends_on: Vec<Vec<usize>>,
    children: Lists,
    dependants: Lists,
    /// Each node's place in the topological order of all of them, hidden ones among themselves.
    position: Vec<usize>,
    /// Visible nodes in order.
    sequence: Vec<usize>,
    order: Vec<RevisionId>,
    /// Nodes that replace something, the replaced before the replacing.
    replacing: Vec<usize>,
    /// What of the replaced is begun in the database, and not finished.
    begun: BTreeSet<RevisionId>,
}

impl RevisionGraph {
    /// Returns the revisions in the order in which they are applied: after their parents and dependencies, ties by
    /// version. Hidden files are not in it.
    pub fn order(&self) -> &[RevisionId] {
        &self.order
    }

    /// Tells whether a file has exactly this id, hidden or not.
    pub fn contains(&self, id: &RevisionId) -> bool {
        self.node(id).is_some()
    }

    /// Returns the migration with exactly this id, hidden or not.
    pub fn node(&self, id: &RevisionId) -> Option<&Node> {
        self.index.file(id).map(|n| &self.nodes[n])
    }

    /// Returns the parents, in order.
    pub fn parents(&self, id: &RevisionId) -> Vec<&RevisionId> {
        self.neighbours(id, |n| &self.parents[n])
    }

    /// Returns the revisions that have this one as a parent, in order.
    pub fn children(&self, id: &RevisionId) -> Vec<&RevisionId> {
        self.neighbours(id, |n| self.children.at(n))
    }

    /// Returns the revisions that this one depends on by its `depends_on` header, in order.
    pub fn dependencies(&self, id: &RevisionId) -> Vec<&RevisionId> {
        self.neighbours(id, |n| &self.depends_on[n])
    }

    /// Returns the revisions that depend on this one by their `depends_on` header, in order.
    pub fn dependants(&self, id: &RevisionId) -> Vec<&RevisionId> {
        self.neighbours(id, |n| self.dependants.at(n))
    }

    /// Tells whether no file replaces any revision.
    pub(super) fn replaces_nothing(&self) -> bool {
        self.replacing.is_empty()
    }

    /// Takes these as begun and not finished.
    pub(super) fn set_begun(&mut self, begun: BTreeSet<RevisionId>) {
        self.begun = begun;
    }

    /// Returns the revision that stands for this one, where a file replaces it; the replaced file need not exist.
    pub fn replaced_by(&self, id: &RevisionId) -> Option<&RevisionId> {
        let unit = self.unit_of(id)?;
        (self.nodes[unit].id != *id).then(|| &self.nodes[unit].id)
    }

    /// Returns the revisions that nothing comes after, in order.
    pub fn heads(&self) -> Vec<&RevisionId> {
        self.ids(self.head_units())
    }

    /// Returns the revisions without parents, in order.
    pub fn bases(&self) -> Vec<&RevisionId> {
        self.ids(self.sequence.iter().copied().filter(|n| self.parents[*n].is_empty()))
    }

    /// Returns every edge, by the order of the later revision, then of the earlier.
    pub fn edges(&self) -> Vec<Edge<'_>> {
        let mut edges = Vec::new();
        for &to in &self.sequence {
            for (kind, from) in
                [(EdgeKind::Parent, &self.parents[to]), (EdgeKind::DependsOn, &self.depends_on[to])]
            {
                edges.extend(from.iter().map(|from| Edge { from: self.id(*from), to: self.id(to), kind }));
            }
        }
        edges
    }

    /// Returns all that this revision needs, through parents and `depends_on`, without itself.
    pub fn ancestors(&self, id: &RevisionId) -> BTreeSet<RevisionId> {
        let mut ancestors = self.around(id, |n| self.needs(n));
        if let Some(hidden) = self.hidden(id) {
            ancestors.extend(self.mates_up_to(hidden).into_iter().map(|n| self.id(n).clone()));
            ancestors.remove(id);
        }
        ancestors
    }

    /// Returns those of `ids` that have a file, hidden or not, in order.
    pub fn in_order(&self, ids: &BTreeSet<RevisionId>) -> Vec<RevisionId> {
        let mut nodes: Vec<usize> = ids.iter().filter_map(|id| self.index.file(id)).collect();
        nodes.sort_by_key(|n| self.position[*n]);
        self.ids(nodes).into_iter().cloned().collect()
    }

    /// Returns all that needs this revision, through parents and `depends_on`, without itself.
    pub fn descendants(&self, id: &RevisionId) -> BTreeSet<RevisionId> {
        self.around(id, |n| self.needed_by(n))
    }

    /// Returns the revision that `text` names: an exact id, a number equal to one (`2` is `0002`; a leading `V` is
    /// passed over), or a unique prefix. A replaced revision without a file is the one that replaces it.
    pub fn resolve_id(&self, text: &str) -> Result<RevisionId, GraphError> {
        self.resolve(text).map(|n| self.id(n).clone())
    }

    fn resolve(&self, text: &str) -> Result<usize, GraphError> {
        self.index.find(text).map_err(|miss| miss.of_revision(text, &self.nodes))
    }

    fn id(&self, n: usize) -> &RevisionId {
        &self.nodes[n].id
    }

    fn ids(&self, nodes: impl IntoIterator<Item = usize>) -> Vec<&RevisionId> {
        nodes.into_iter().map(|n| self.id(n)).collect()
    }

    fn files(&self, nodes: &[usize]) -> Vec<RevisionFile> {
        nodes.iter().map(|n| RevisionFile::of(&self.nodes[*n])).collect()
    }

    /// The visible node for an id, which may be that of a replaced revision. One that has no file may be written in
    /// another way in the database (`0002` for `2`).
    fn unit_of(&self, id: &RevisionId) -> Option<usize> {
        let replaced = || {
            let key = VersionKey::of(id);
            self.index.version(&key).filter(|n| VersionKey::of(self.id(*n)) != key)
        };
        self.index.exact(id).or_else(replaced).map(|n| self.unit[n])
    }

    fn head_units(&self) -> impl Iterator<Item = usize> + '_ {
        self.sequence
            .iter()
            .copied()
            .filter(|n| self.children.at(*n).is_empty() && self.dependants.at(*n).is_empty())
    }

    fn needs(&self, n: usize) -> impl Iterator<Item = usize> + '_ {
        self.parents[n].iter().chain(&self.depends_on[n]).copied()
    }

    fn needed_by(&self, n: usize) -> impl Iterator<Item = usize> + '_ {
        self.children.at(n).iter().chain(self.dependants.at(n)).copied()
    }

    fn neighbours<'a>(
        &'a self,
        id: &RevisionId,
        edges: impl Fn(usize) -> &'a [usize],
    ) -> Vec<&'a RevisionId> {
        self.unit_of(id).map_or_else(Vec::new, |n| self.ids(edges(n).iter().copied()))
    }

    fn around<I: Iterator<Item = usize>>(
        &self,
        id: &RevisionId,
        next: impl Fn(usize) -> I,
    ) -> BTreeSet<RevisionId> {
        let Some(start) = self.unit_of(id) else { return BTreeSet::new() };
        let mut found = walk::reach(self.nodes.len(), [start], next);
        found[start] = false;
        self.sequence.iter().filter(|n| found[**n]).map(|n| self.id(*n).clone()).collect()
    }

    /// The node of a hidden file with this id.
    fn hidden(&self, id: &RevisionId) -> Option<usize> {
        self.index.file(id).filter(|n| self.unit[*n] != *n)
    }

    /// A hidden node and those of its unit that come before it, in order.
    fn mates_up_to(&self, n: usize) -> Vec<usize> {
        let reached = walk::reach(self.nodes.len(), [n], |n| self.parents[n].iter().copied());
        let mut mates: Vec<usize> = (0..self.nodes.len()).filter(|n| reached[*n]).collect();
        mates.sort_by_key(|n| self.position[*n]);
        mates
    }
}

impl RevisionFile {
    fn of(node: &Node) -> Self {
        Self { id: node.id.clone(), file: node.file.clone(), description: node.description.clone() }
    }
}
