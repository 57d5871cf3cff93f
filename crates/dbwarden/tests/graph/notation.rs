//! Graphs and sets of ids from short texts.

use std::collections::BTreeSet;

use dbwarden::migration::RevisionId;
use dbwarden::migration::graph::{GraphError, Node, Parents, RevisionGraph};

/// A node from `ID down=A,B needs=C branch=NAME replaces=D,E`; without `down` the parent is implicit.
pub(crate) fn node(line: &str) -> Node {
    let mut words = line.split(' ');
    let id = words.next().unwrap_or_default();
    let mut node = Node {
        id: self::id(id),
        parents: Parents::Implicit,
        depends_on: Vec::new(),
        label: None,
        replaces: Vec::new(),
        file: format!("{id}.sql"),
        description: String::new(),
    };
    for word in words {
        let (key, value) = word.split_once('=').expect("a header");
        let list = || value.split(',').map(str::to_owned).collect::<Vec<_>>();
        match key {
            "down" if value == "none" => node.parents = Parents::Base,
            "down" => node.parents = Parents::Explicit(list()),
            "needs" => node.depends_on = list(),
            "branch" => node.label = Some(value.to_owned()),
            "replaces" => node.replaces = list().into_iter().map(RevisionId::new).collect(),
            "file" => node.file = value.to_owned(),
            "text" => node.description = value.replace('_', " "),
            other => unreachable!("no header {other}"),
        }
    }
    node
}

pub(crate) fn build(lines: &[&str]) -> Result<RevisionGraph, GraphError> {
    RevisionGraph::new(lines.iter().map(|line| node(line)).collect())
}

pub(crate) fn graph(lines: &[&str]) -> RevisionGraph {
    build(lines).expect("a graph")
}

pub(crate) fn set(applied: &[&str]) -> BTreeSet<RevisionId> {
    applied.iter().map(|text| id(text)).collect()
}

/// An id; behind it a `'` for each edition.
pub(crate) fn id(text: &str) -> RevisionId {
    let plain = text.trim_end_matches('\'');
    RevisionId::from(plain).with_edition(u8::try_from(text.len() - plain.len()).expect("few"))
}

pub(crate) fn ids<T: Into<RevisionId>>(items: impl IntoIterator<Item = T>) -> Vec<RevisionId> {
    items.into_iter().map(Into::into).collect()
}

pub(crate) fn text(ids: &[RevisionId]) -> String {
    let shown = |id: &RevisionId| format!("{id}{}", "'".repeat(id.edition().into()));
    ids.iter().map(shown).collect::<Vec<_>>().join(" ")
}

pub(crate) fn up(graph: &RevisionGraph, target: &str, applied: &[&str]) -> String {
    let target = target.parse().expect("a target");
    text(&graph.upgrade(&target, &set(applied)).expect("a plan"))
}

pub(crate) fn down(graph: &RevisionGraph, target: &str, applied: &[&str]) -> String {
    let target = target.parse().expect("a target");
    text(&graph.downgrade(&target, &applied.iter().map(|text| id(text)).collect::<Vec<_>>()).expect("a plan"))
}
