//! Whether several heads may be gone on to without a merge: where the files of their branches, each since they parted, touch
//! different objects.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::{Action, Limits, PlanError, Reach, Step, UpgradeRequest};
use crate::dialect::Dialect;
use crate::migration::applied::History;
use crate::migration::graph::{GraphError, RevisionGraph, Target};
use crate::migration::objects::{Object, Opaque, Overlap, Touched};
use crate::migration::set::MigrationSet;
use crate::migration::{Kind, RevisionId};

/// Several heads, where one is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeveralHeads {
    /// The heads, and where they part, as the graph says it.
    pub graph: GraphError,
    /// Why no merge is not enough.
    pub why: Apart,
}

impl fmt::Display for SeveralHeads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.graph, self.why)
    }
}

impl std::error::Error for SeveralHeads {}

/// Why several heads are not gone on to without a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Apart {
    /// It was asked to be strict.
    Strict,
    /// They stand in each other's way.
    Clash(Box<Clash>),
}

impl fmt::Display for Apart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strict => f.write_str("with --strict they want a merge"),
            Self::Clash(clash) => write!(f, "{clash}"),
        }
    }
}

/// Two migrations, on branches that are not merged, of which one touches what the other touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clash {
    /// The heads of the two branches.
    pub heads: [RevisionId; 2],
    /// The migration that writes the object, or of which it is not known what it touches.
    pub one: RevisionId,
    /// Its file.
    pub file: String,
    /// The other migration; nothing where what the first one touches is not known.
    pub other: Option<RevisionId>,
    /// Its file.
    pub other_file: Option<String>,
    /// Whether the other one writes the object too, and does not only read it.
    pub both_write: bool,
    /// The object.
    pub object: Option<Object>,
    /// The statement of which it is not known what it touches.
    pub unknown: Option<Opaque>,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.object, &self.unknown) {
            (Some(object), _) => {
                let (other, other_file) = (self.other.as_ref(), self.other_file.as_deref());
                let other = other.map_or("", RevisionId::as_str);
                let other_file = other_file.unwrap_or_default();
                if self.both_write {
                    write!(f, "both change {object}: {} ({}) and {other} ({other_file})", self.one, self.file)
                } else {
                    let (one, file) = (&self.one, &self.file);
                    write!(f, "{one} ({file}) changes {object}, which {other} ({other_file}) reads")
                }
            }
            (None, Some(opaque)) => {
                let place = if opaque.line > 0 { format!(":{}", opaque.line) } else { String::new() };
                write!(
                    f,
                    "what {} touches is not known ({}{place}: {} …): {}",
                    self.one, self.file, opaque.statement, opaque.reason
                )
            }
            (None, None) => Ok(()),
        }
    }
}

/// Returns the heads that stand for `graph`'s error of several, as it says it.
fn several(graph: &RevisionGraph) -> Option<GraphError> {
    graph.closure(&Target::Head).err().filter(|error| matches!(error, GraphError::MultipleHeads { .. }))
}

/// Returns `ids`, what the graph says of what was asked, and a note; where that is that there are several heads, and their branches
/// touch different objects, what leads to all of them. A revision or a label that was named is nobody's to question.
pub(super) fn beside(
    set: &MigrationSet,
    request: &UpgradeRequest,
    ids: Result<Vec<RevisionId>, GraphError>,
    passed: &BTreeSet<RevisionId>,
) -> Result<(Vec<RevisionId>, Option<String>), PlanError> {
    let count = match &request.reach {
        // A seed brings rows, and only seeds are asked for.
        _ if request.seeds_only => return Ok((ids?, None)),
        Reach::To(Target::Head) | Reach::These(_) => None,
        Reach::To(Target::Relative(steps)) => Some(steps.unsigned_abs()),
        Reach::Count(count) => Some(*count),
        Reach::To(_) => return Ok((ids?, None)),
    };
    let may = |ids: &[RevisionId]| {
        let heads = may(set, request.dialect, request.strict, ids, passed);
        heads.map_err(PlanError::Heads)
    };
    if let Reach::These(these) = &request.reach
        && let Err(GraphError::MultipleHeads { .. }) = set.graph().upgrade_count(these.len().max(1), passed)
        && !these.is_empty()
    {
        let note = may(&set.graph().upgrade(&Target::Heads, passed)?)?;
        return Ok((ids?, note));
    }
    match ids {
        Err(GraphError::MultipleHeads { .. }) => {
            let mut all = set.graph().upgrade(&Target::Heads, passed)?;
            // Whichever come first, the others come behind them.
            let note = may(&all)?;
            if let Some(asked) = count {
                let available = all.len() as u64;
                if asked > available {
                    return Err(GraphError::TooFewPending { asked, available }.into());
                }
                all.truncate(usize::try_from(asked).unwrap_or(usize::MAX));
            }
            Ok((all, note))
        }
        ids => {
            let ids = ids?;
            let note = may(&ids)?;
            Ok((ids, note))
        }
    }
}

/// Returns what is to be said of a rollback by count from several heads: which of them goes.
pub fn first_to_go(current: &[RevisionId], ids: &[RevisionId]) -> Option<String> {
    let first = ids.first().filter(|_| current.len() > 1)?;
    let names = current.iter().map(RevisionId::as_str).collect::<Vec<_>>();
    let (last, others) = names.split_last()?;
    Some(format!(
        "{} and {last} are both current: {first}, which was applied last, goes first",
        others.join(", ")
    ))
}

/// A step that takes back the row of a merge whose file is not here: there was nothing to run.
pub(super) fn undone_merge(id: &RevisionId, history: &History) -> Step {
    let row = history.get(id);
    Step {
        id: id.clone(),
        description: row.map(|row| row.description.clone()).unwrap_or_default(),
        kind: Kind::Versioned,
        action: Action::Undo,
        file: String::new(),
        checksum: row.map(|row| row.checksum.clone()),
        statements: 0,
        groups: Vec::new(),
        changes_session: false,
        recorded: false,
        limits: Limits::default(),
        breaking: None,
    }
}

/// Finds out whether `ids`, which are to be run on top of `applied`, may be: where they are on several branches that are not
/// merged, those must touch different objects. Returns what a person should know of it; nothing where there is one head.
pub(super) fn may(
    set: &MigrationSet,
    dialect: &'static dyn Dialect,
    strict: bool,
    ids: &[RevisionId],
    applied: &BTreeSet<RevisionId>,
) -> Result<Option<String>, Box<SeveralHeads>> {
    if ids.is_empty() {
        return Ok(None);
    }
    let heads = set.graph().heads();
    if heads.len() < 2 {
        return Ok(None);
    }
    let Some(graph) = several(set.graph()) else { return Ok(None) };
    let runs: BTreeSet<&RevisionId> = ids.iter().collect();
    let open: Vec<&RevisionId> = heads.iter().copied().filter(|head| !applied.contains(*head)).collect();
    if strict && open.len() > 1 {
        return Err(Box::new(SeveralHeads { graph, why: Apart::Strict }));
    }
    let counts = |id: &RevisionId| runs.contains(id) || applied.contains(id);
    let mut branches = Branches::new(set, dialect);
    let mut beside = BTreeSet::new();
    for (index, one) in heads.iter().enumerate() {
        for other in &heads[index + 1..] {
            let (first, second) = branches.sides(one, other);
            let kept = |ids: Vec<RevisionId>| ids.into_iter().filter(|id| counts(id)).collect::<Vec<_>>();
            let (first, second) = (kept(first), kept(second));
            let moves = |ids: &[RevisionId]| ids.iter().any(|id| runs.contains(id));
            // What is applied on both sides is past.
            if first.is_empty() || second.is_empty() || !(moves(&first) || moves(&second)) {
                continue;
            }
            if let Some(clash) = branches.clash([one, other], &first, &second) {
                return Err(Box::new(SeveralHeads { graph, why: Apart::Clash(Box::new(clash)) }));
            }
            beside.extend([(*one).clone(), (*other).clone()]);
        }
    }
    let names: Vec<&str> =
        heads.iter().filter(|head| beside.contains(**head)).map(|head| head.as_str()).collect();
    Ok(names.split_last().map(|(last, others)| {
        format!("{} and {last} touch different objects, so no merge is needed", others.join(", "))
    }))
}

/// Returns how each two of `heads` stand in each other's way, those that do not left out.
pub fn clashes(set: &MigrationSet, dialect: &'static dyn Dialect, heads: &[RevisionId]) -> Vec<Clash> {
    let mut branches = Branches::new(set, dialect);
    let mut found = Vec::new();
    for (index, one) in heads.iter().enumerate() {
        for other in &heads[index + 1..] {
            let (first, second) = branches.sides(one, other);
            found.extend(branches.clash([one, other], &first, &second));
        }
    }
    found
}

/// The branches of a graph, and what their files touch, each read once.
struct Branches<'a> {
    set: &'a MigrationSet,
    dialect: &'static dyn Dialect,
    below: BTreeMap<RevisionId, BTreeSet<RevisionId>>,
    touched: BTreeMap<RevisionId, Touched>,
}

impl<'a> Branches<'a> {
    fn new(set: &'a MigrationSet, dialect: &'static dyn Dialect) -> Self {
        Self { set, dialect, below: BTreeMap::new(), touched: BTreeMap::new() }
    }

    fn below(&mut self, head: &RevisionId) -> &BTreeSet<RevisionId> {
        let graph = self.set.graph();
        self.below.entry(head.clone()).or_insert_with(|| {
            let mut below = graph.ancestors(head);
            below.insert(head.clone());
            below
        })
    }

    /// What leads to the one head and not to the other, each in the order of the graph.
    fn sides(&mut self, one: &RevisionId, other: &RevisionId) -> (Vec<RevisionId>, Vec<RevisionId>) {
        let (first, second) = (self.below(one).clone(), self.below(other).clone());
        let order = self.set.graph().order();
        let only = |of: &BTreeSet<RevisionId>, but: &BTreeSet<RevisionId>| {
            order.iter().filter(|id| of.contains(*id) && !but.contains(*id)).cloned().collect()
        };
        (only(&first, &second), only(&second, &first))
    }

    fn touched(&mut self, id: &RevisionId) -> &Touched {
        let (set, dialect) = (self.set, self.dialect);
        self.touched.entry(id.clone()).or_insert_with(|| set.touched(id, dialect))
    }

    /// The first two migrations of two sides of which one touches what the other touches; else one of which that is not known.
    fn clash(
        &mut self,
        heads: [&RevisionId; 2],
        first: &[RevisionId],
        second: &[RevisionId],
    ) -> Option<Clash> {
        if first.is_empty() || second.is_empty() {
            return None;
        }
        let mut all = Touched::default();
        for id in second {
            let touched = self.touched(id).clone();
            all.add(&touched);
        }
        let mut unknown = None;
        for id in first {
            let Some(overlap) = self.touched(id).clone().overlap(&all) else { continue };
            if !matches!(overlap, Overlap::FirstUnknown(_) | Overlap::SecondUnknown(_)) {
                // Which of the other side it is.
                let touched = self.touched(id).clone();
                let found = second.iter().find_map(|other| {
                    let overlap = touched.overlap(self.touched(other))?;
                    let named = !matches!(overlap, Overlap::FirstUnknown(_) | Overlap::SecondUnknown(_));
                    named.then(|| (other.clone(), overlap))
                });
                if let Some((other, overlap)) = found {
                    return Some(self.named(heads, id, Some(&other), overlap));
                }
            }
            unknown = unknown.or_else(|| Some((id.clone(), overlap)));
        }
        let (id, overlap) = unknown?;
        let id = match &overlap {
            Overlap::SecondUnknown(opaque) => {
                let of = second.iter().find(|id| self.touched(id).unknown() == Some(opaque));
                of.cloned().unwrap_or(id)
            }
            _ => id,
        };
        Some(self.named(heads, &id, None, overlap))
    }

    fn named(
        &self,
        heads: [&RevisionId; 2],
        id: &RevisionId,
        other: Option<&RevisionId>,
        overlap: Overlap,
    ) -> Clash {
        let both_write = matches!(overlap, Overlap::BothWrite(_));
        // Who writes is named first.
        let (one, other) = match (&overlap, other) {
            (Overlap::SecondWrites(_), Some(other)) => (other, Some(id)),
            (_, other) => (id, other),
        };
        let (object, unknown) = match overlap {
            Overlap::BothWrite(object) | Overlap::FirstWrites(object) | Overlap::SecondWrites(object) => {
                (Some(object), None)
            }
            Overlap::FirstUnknown(opaque) | Overlap::SecondUnknown(opaque) => (None, Some(opaque)),
        };
        let file = |id: &RevisionId| self.set.get(id).map_or_else(String::new, |it| it.file.name.clone());
        Clash {
            heads: heads.map(Clone::clone),
            one: one.clone(),
            file: file(one),
            other: other.cloned(),
            other_file: other.map(file),
            both_write,
            object,
            unknown,
        }
    }
}
