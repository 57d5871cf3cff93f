//! All migrations of one source, and their graph.

use std::collections::BTreeMap;

use super::applied::History;
use super::graph::{GraphError, Node, Parents, Repeatable, RevisionGraph, order_repeatables};
use super::source::{Outline, ReadOptions, Source, SourceError, in_order};
use super::{Kind, Migration, RevisionId};

/// All migrations of one source.
#[derive(Debug, Clone)]
pub struct MigrationSet {
    migrations: BTreeMap<RevisionId, Migration>,
    graph: RevisionGraph,
    /// Ids of the repeatables, in the order in which they run.
    repeatables: Vec<RevisionId>,
}

/// Why a source is no set of migrations.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// A file, or the directory.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// How the files hang together.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl MigrationSet {
    /// Reads every migration of `source`.
    ///
    /// # Errors
    /// A file that is no migration, or a graph that does not hang together.
    pub fn load(source: &Source, options: &ReadOptions) -> Result<Self, SetError> {
        Ok(Self::new(source.read(options)?)?)
    }

    /// Makes the set of `outlines`, without splitting the files that `history` knows byte by byte: enough to find out that nothing
    /// is to be done, and for nothing else.
    ///
    /// # Errors
    /// As [`MigrationSet::load`].
    pub(crate) fn trusting(
        outlines: Vec<Outline>,
        options: &ReadOptions,
        history: &History,
    ) -> Result<Self, SetError> {
        let rows: BTreeMap<_, _> = history.applied.iter().map(|row| (&row.version, &**row)).collect();
        let read = |outline: Outline| {
            let known = outline.id().and_then(|id| rows.get(&id).copied());
            outline.migration(options, known)
        };
        let unknown = outlines.len().saturating_sub(rows.len());
        Ok(Self::new(in_order(outlines, unknown, &read)?)?)
    }

    /// Reads every migration of `source` anew, and splits those alone that are not in this set as they are now.
    ///
    /// # Errors
    /// As [`MigrationSet::load`].
    pub(crate) fn again(&self, source: &Source, options: &ReadOptions) -> Result<Self, SetError> {
        let read = |outline: Outline| {
            let same = outline.id().and_then(|id| self.get(&id)).filter(|migration| outline.is(migration));
            same.cloned().map_or_else(|| outline.migration(options, None), Ok)
        };
        Ok(Self::new(source.outlines(options)?.into_iter().map(read).collect::<Result<_, _>>()?)?)
    }

    /// Takes `all` as the migrations.
    ///
    /// # Errors
    /// A graph that does not hang together.
    pub fn new(all: Vec<Migration>) -> Result<Self, GraphError> {
        let (versioned, repeatable): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|migration| migration.kind == Kind::Versioned);
        let graph = RevisionGraph::new(versioned.iter().map(node).collect())?;
        let nodes: Vec<_> = repeatable
            .iter()
            .map(|migration| Repeatable {
                id: migration.id.clone(),
                depends_on: migration.headers.depends_on.clone(),
                file: migration.file.name.clone(),
            })
            .collect();
        let repeatables = order_repeatables(&nodes, &graph)?;
        let migrations = versioned
            .into_iter()
            .chain(repeatable)
            .map(|migration| (migration.id.clone(), migration))
            .collect();
        Ok(Self { migrations, graph, repeatables })
    }

    /// Returns the graph of the versioned ones.
    pub fn graph(&self) -> &RevisionGraph {
        &self.graph
    }

    /// Returns the migration of `id`.
    pub fn get(&self, id: &RevisionId) -> Option<&Migration> {
        self.migrations.get(id)
    }

    /// Returns whether the file of `id` was read as far as its running needs, and is as it was then.
    pub(crate) fn is_fresh(&self, id: &RevisionId) -> bool {
        self.get(id).is_none_or(|migration| !migration.glanced && !migration.file.was_written())
    }

    /// Returns the versioned ones in the order in which they run.
    pub fn versioned(&self) -> impl Iterator<Item = &Migration> {
        self.graph.order().iter().filter_map(|id| self.migrations.get(id))
    }

    /// Returns the repeatables in the order in which they run.
    pub fn repeatables(&self) -> impl Iterator<Item = &Migration> {
        self.repeatables.iter().filter_map(|id| self.migrations.get(id))
    }

    /// Returns all of them: the versioned ones, then the repeatables.
    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.versioned().chain(self.repeatables())
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.migrations.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.migrations.is_empty()
    }
}

fn node(migration: &Migration) -> Node {
    let headers = &migration.headers;
    Node {
        id: migration.id.clone(),
        parents: match &headers.down_revision {
            None => Parents::Implicit,
            Some(parents) if parents.is_empty() => Parents::Base,
            Some(parents) => Parents::Explicit(parents.clone()),
        },
        depends_on: headers.depends_on.clone(),
        label: headers.branch.clone(),
        replaces: headers.replaces.iter().map(|id| RevisionId::from(id.as_str())).collect(),
        file: migration.file.name.clone(),
        description: migration.description.clone(),
    }
}
