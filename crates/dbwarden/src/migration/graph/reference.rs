//! From a text to a revision: exact ids, numbers, prefixes, and what lies near when there is none.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::key::VersionKey;
use super::{GraphError, Header, Node, RevisionFile};
use crate::migration::RevisionId;

/// All ids that can be referred to, with the node that each one leads to: those of files to their own, those that are
/// replaced and have no file to the one that replaces them.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    ids: BTreeMap<String, Entry>,
    /// Those of an earlier edition, which no text leads to.
    earlier: BTreeMap<RevisionId, Entry>,
    versions: BTreeMap<VersionKey, usize>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    node: usize,
    has_file: bool,
}

/// Why a text leads to no revision.
#[derive(Debug)]
pub(super) enum Miss {
    Unknown { near: Vec<RevisionId> },
    Ambiguous { candidates: Vec<usize> },
}

impl Index {
    /// The index of files, each id with its version. Where two have the same version, the index holds fewer than there
    /// are files.
    pub(super) fn of_files<'a>(files: impl Iterator<Item = (&'a RevisionId, VersionKey)>) -> Self {
        let (mut ids, mut earlier) = (Vec::with_capacity(files.size_hint().0), BTreeMap::new());
        let versions = files.enumerate().map(|(node, (id, key))| {
            let entry = Entry { node, has_file: true };
            match id.edition() {
                0 => ids.push((id.as_str().to_owned(), entry)),
                _ => drop(earlier.insert(id.clone(), entry)),
            }
            (key, node)
        });
        let versions = versions.collect();
        Self { ids: ids.into_iter().collect(), earlier, versions }
    }

    /// How many versions there are.
    pub(super) fn len(&self) -> usize {
        self.versions.len()
    }

    /// Adds the id of a replaced revision, unless a file has it.
    pub(super) fn add_replaced(&mut self, id: &RevisionId, key: VersionKey, node: usize) {
        self.versions.entry(key).or_insert(node);
        let entry = Entry { node, has_file: false };
        match id.edition() {
            0 => self.ids.entry(id.as_str().to_owned()).or_insert(entry),
            _ => self.earlier.entry(id.clone()).or_insert(entry),
        };
    }

    /// The node that has exactly this id or replaces it.
    pub(super) fn exact(&self, id: &RevisionId) -> Option<usize> {
        self.entry(id).map(|entry| entry.node)
    }

    fn entry(&self, id: &RevisionId) -> Option<&Entry> {
        if id.edition() == 0 { self.ids.get(id.as_str()) } else { self.earlier.get(id) }
    }

    /// The node of the file with exactly this id.
    pub(super) fn file(&self, id: &RevisionId) -> Option<usize> {
        self.entry(id).filter(|entry| entry.has_file).map(|entry| entry.node)
    }

    /// The node of this version.
    pub(super) fn version(&self, key: &VersionKey) -> Option<usize> {
        self.versions.get(key).copied()
    }

    /// The node that a person means by `text`: exact, else equal as a number, else the only one that starts with it.
    pub(super) fn find(&self, text: &str) -> Result<usize, Miss> {
        let text = text.trim();
        if let Some(n) = self.named(text) {
            return Ok(n);
        }
        let candidates: BTreeSet<usize> = if text.is_empty() {
            BTreeSet::new()
        } else {
            let from = self.ids.range::<str, _>((Bound::Included(text), Bound::Unbounded));
            from.take_while(|(id, _)| id.starts_with(text)).map(|(_, entry)| entry.node).collect()
        };
        match candidates.first() {
            Some(only) if candidates.len() == 1 => Ok(*only),
            Some(_) => Err(Miss::Ambiguous { candidates: candidates.into_iter().collect() }),
            None => Err(Miss::Unknown { near: self.near(text) }),
        }
    }

    /// Tells whether `text` names a replaced revision that has no file, exactly or as a number.
    pub(super) fn is_gone(&self, text: &str) -> bool {
        let text = text.trim();
        let gone = |id: &str| self.ids.get(id).is_some_and(|entry| !entry.has_file);
        let by_version = |number: RevisionId| {
            let key = VersionKey::of(&number);
            self.ids.iter().any(|(id, entry)| !entry.has_file && VersionKey::of(&RevisionId::new(id)) == key)
        };
        gone(text) || !self.ids.contains_key(text) && numbers(text).is_some_and(by_version)
    }

    /// As [`Index::find`], without prefixes.
    pub(super) fn named(&self, text: &str) -> Option<usize> {
        self.ids.get(text).map(|entry| entry.node).or_else(|| {
            let number = numbers(text)?;
            self.exact(&number).or_else(|| self.version(&VersionKey::of(&number)))
        })
    }

    /// Up to three ids that differ little as text, else the neighbours in version order.
    fn near(&self, text: &str) -> Vec<RevisionId> {
        let allowed = (text.chars().count() / 3).clamp(1, 3);
        let mut close: Vec<_> = self
            .ids
            .keys()
            .filter(|_| numbers(text).is_none_or(|n| n.as_str().len() > 8))
            .map(|id| (strsim::osa_distance(id, text), id))
            .filter(|(distance, _)| *distance <= allowed)
            .collect();
        close.sort();
        if !close.is_empty() {
            return close.into_iter().take(3).map(|(_, id)| RevisionId::new(id)).collect();
        }
        let key = VersionKey::of(&numbers(text).unwrap_or_else(|| RevisionId::new(text)));
        let below = self.versions.range(..&key).next_back();
        let above = self.versions.range(&key..).next();
        let nodes: Vec<_> = [below, above].into_iter().flatten().map(|(_, n)| *n).collect();
        let id_of = |n: &usize| {
            self.ids.iter().find(|(_, e)| e.node == *n && e.has_file).map(|(id, _)| RevisionId::new(id))
        };
        nodes.iter().filter_map(id_of).collect()
    }
}

/// The version in `text`, where it is one of numbers alone (`2`, `V1.2`, `20240215_143000`).
pub(super) fn numbers(text: &str) -> Option<RevisionId> {
    let version = text.strip_prefix(['V', 'v']).unwrap_or(text);
    let digit_first = version.starts_with(|c: char| c.is_ascii_digit());
    let all = version.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'_');
    (digit_first && all).then(|| RevisionId::new(version))
}

/// Tells whether `text` names a repeatable migration (`RA__views`, `primary__ROC__policies`).
pub(super) fn is_repeatable(text: &str) -> bool {
    repeatable_prefix(text).is_some()
}

/// The prefix (`RA__`, `ROC__`) and the name of a repeatable migration.
pub(super) fn repeatable_prefix(text: &str) -> Option<(&'static str, &str)> {
    ["RA__", "ROC__"].into_iter().find_map(|prefix| {
        let name = text.strip_prefix(prefix).or_else(|| {
            let (database, name) = text.split_once(prefix)?;
            database.ends_with("__").then_some(name)
        });
        name.map(|name| (prefix, name))
    })
}

impl Miss {
    pub(super) fn of_revision(self, text: &str, nodes: &[Node]) -> GraphError {
        let reference = text.to_owned();
        match self {
            Self::Unknown { near } => GraphError::UnknownRevision { reference, near },
            Self::Ambiguous { candidates } => {
                GraphError::AmbiguousRevision { reference, candidates: files(&candidates, nodes) }
            }
        }
    }

    pub(super) fn of_header(self, file: &str, header: Header, text: &str, nodes: &[Node]) -> GraphError {
        let (file, reference) = (file.to_owned(), text.to_owned());
        match self {
            Self::Unknown { near } => GraphError::UnknownReference { file, header, reference, near },
            Self::Ambiguous { candidates } => {
                let candidates = files(&candidates, nodes);
                GraphError::AmbiguousReference { file, header, reference, candidates }
            }
        }
    }
}

fn files(candidates: &[usize], nodes: &[Node]) -> Vec<RevisionFile> {
    candidates.iter().map(|n| RevisionFile::of(&nodes[*n])).collect()
}
