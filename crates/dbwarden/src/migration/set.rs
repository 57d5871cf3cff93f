//! All migrations of one source, and their graph.

pub(crate) mod editions;

use std::collections::BTreeMap;

use super::applied::History;
use super::graph::{GraphError, Node, Parents, Repeatable, RevisionGraph, order_repeatables};
use super::objects::Touched;
use super::source::{Outline, ReadOptions, Source, SourceError, in_order, section_reader, split};
use super::{Kind, Migration, RevisionId};
use crate::dialect::Dialect;
use crate::sql::{Event, Rules};

/// All migrations of one source.
#[derive(Debug, Clone)]
pub struct MigrationSet {
    /// In boxes, as they are large to move.
    migrations: BTreeMap<RevisionId, Box<Migration>>,
    graph: RevisionGraph,
    /// Ids of the repeatables, in the order in which they run.
    repeatables: Vec<RevisionId>,
    /// For whom the files were read.
    dialect: Option<&'static dyn Dialect>,
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
        let mut all = source.read(options)?;
        all.extend(options.carried.iter().cloned());
        Ok(Self::new(all)?.read_for(options))
    }

    fn read_for(self, options: &ReadOptions) -> Self {
        Self { dialect: Some(options.dialect), ..self }
    }

    /// Reads the bytes and headers of every migration of `source`: what of it is to be done, [`MigrationSet::trusting`] finds
    /// out.
    ///
    /// # Errors
    /// As [`MigrationSet::load`], as far as it is seen by now.
    pub(crate) fn glance(source: &Source, options: &ReadOptions) -> Result<Self, SetError> {
        let mut glanced = source.outlines(options, &|outline| Ok(Box::new(outline.glanced(options)?)))?;
        glanced.extend(options.carried.iter().cloned().map(Box::new));
        Ok(Self::of(glanced)?.read_for(options))
    }

    /// Splits the files that `history` does not know byte by byte. The others stay as they are: enough to find out that nothing
    /// is to be done, and for nothing else.
    ///
    /// # Errors
    /// As [`MigrationSet::load`].
    pub(crate) fn trusting(mut self, options: &ReadOptions, history: &History) -> Result<Self, SetError> {
        // Of whatever edition: the hash tells.
        let rows: BTreeMap<_, _> = history.applied.iter().map(|row| (row.version.as_str(), &**row)).collect();
        let mut unknown = Vec::new();
        for migration in self.migrations.values_mut().filter(|migration| migration.glanced) {
            let row = rows.get(migration.id.as_str()).filter(|row| {
                row.file_hash.as_ref() == Some(&migration.file_hash)
                    && row.checksum.as_str().starts_with("v1:")
            });
            match row {
                Some(row) => migration.up.checksum.clone_from(&row.checksum),
                None => unknown.push(Migration::clone(migration)),
            }
        }
        if unknown.is_empty() {
            return Ok(self);
        }
        let glanced: Vec<RevisionId> = unknown.iter().map(|migration| migration.id.clone()).collect();
        let many = unknown.len();
        let whole = in_order(unknown, many, &|migration| split(migration, options))?;
        let same = |(id, whole): (&RevisionId, &Migration)| {
            *id == whole.id && self.get(id).is_some_and(|glanced| glanced.headers == whole.headers)
        };
        if glanced.iter().zip(&whole).all(same) {
            let named = |migration: Migration| (migration.id.clone(), Box::new(migration));
            self.migrations.extend(whole.into_iter().map(named));
            return Ok(self);
        }
        for id in &glanced {
            self.migrations.remove(id);
        }
        Ok(Self::of(self.migrations.into_values().chain(whole.into_iter().map(Box::new)).collect())?
            .read_for(options))
    }

    /// Reads every migration of `source` anew, and splits those alone that are not in this set as they are now.
    ///
    /// # Errors
    /// As [`MigrationSet::load`].
    pub(crate) fn again(&self, source: &Source, options: &ReadOptions) -> Result<Self, SetError> {
        let read = |outline: Outline| {
            let same = outline.id().and_then(|id| self.get(&id)).filter(|migration| outline.is(migration));
            same.cloned().map_or_else(|| outline.migration(options), Ok)
        };
        let outlines = source.outlines(options, &Ok)?;
        let mut all: Vec<Migration> = outlines.into_iter().map(read).collect::<Result<_, _>>()?;
        all.extend(options.carried.iter().cloned());
        Ok(Self::new(all)?.read_for(options))
    }

    /// Takes `all` as the migrations.
    ///
    /// # Errors
    /// A graph that does not hang together.
    pub fn new(all: Vec<Migration>) -> Result<Self, GraphError> {
        Self::of(all.into_iter().map(Box::new).collect())
    }

    #[expect(clippy::vec_box, reason = "they are sorted and moved several times, and large")]
    fn of(all: Vec<Box<Migration>>) -> Result<Self, GraphError> {
        let (mut versioned, repeatable): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|migration| migration.kind == Kind::Versioned);
        editions::number(&mut versioned);
        let graph = RevisionGraph::new(versioned.iter().map(|migration| node(migration)).collect())?;
        let nodes: Vec<_> = repeatable
            .iter()
            .map(|migration| Repeatable {
                id: migration.id.clone(),
                depends_on: migration.headers.depends_on.clone(),
                file: migration.file.name.clone(),
            })
            .collect();
        let repeatables = order_repeatables(&nodes, &graph)?;
        let mut migrations = BTreeMap::new();
        for migration in versioned.into_iter().chain(repeatable) {
            let file = migration.file.name.clone();
            // Two of one kind were seen before; a versioned one and a repeatable may share an id by a header.
            if let Some(first) = migrations.insert(migration.id.clone(), migration) {
                return Err(GraphError::DuplicateId { id: first.id, first: first.file.name, second: file });
            }
        }
        Ok(Self { migrations, graph, repeatables, dialect: None })
    }

    /// Returns the graph of the versioned ones.
    pub fn graph(&self) -> &RevisionGraph {
        &self.graph
    }

    /// Returns the migration of `id`.
    pub fn get(&self, id: &RevisionId) -> Option<&Migration> {
        self.migrations.get(id).map(AsRef::as_ref)
    }

    /// Returns whether the file of `id` was read as far as its running needs, and is as it was then.
    pub(crate) fn is_fresh(&self, id: &RevisionId) -> bool {
        self.get(id).is_none_or(|migration| !migration.glanced && !migration.was_written())
    }

    /// Returns which objects the up script of `id` touches. Its file is read again; what cannot be read touches something unknown.
    pub fn touched(&self, id: &RevisionId, dialect: &'static dyn Dialect) -> Touched {
        let Some(migration) = self.get(id) else { return Touched::default() };
        if migration.code.is_some() {
            let mut touched = Touched::default();
            touched.opaque(0, "", "it is code in Rust");
            return touched;
        }
        let whole = migration.glanced.then(|| {
            let others = std::collections::BTreeSet::new();
            split(migration.clone(), &ReadOptions { dialect, others, carried: Vec::new() })
        });
        match whole {
            None => touched(migration, dialect),
            Some(Ok(whole)) => touched(&whole, dialect),
            Some(Err(_)) => unreadable(Touched::default()),
        }
    }

    /// Returns the versioned ones in the order in which they run.
    pub fn versioned(&self) -> impl Iterator<Item = &Migration> {
        self.graph.order().iter().filter_map(|id| self.get(id))
    }

    /// Returns the repeatables in the order in which they run.
    pub fn repeatables(&self) -> impl Iterator<Item = &Migration> {
        self.repeatables.iter().filter_map(|id| self.get(id))
    }

    /// Returns all of them: the versioned ones, then the repeatables.
    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.versioned().chain(self.repeatables())
    }

    /// Returns every one of them, those that are replaced too, by id.
    pub fn all(&self) -> impl Iterator<Item = &Migration> {
        self.migrations.values().map(AsRef::as_ref)
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

fn touched(migration: &Migration, dialect: &'static dyn Dialect) -> Touched {
    let syntax = dialect.syntax();
    let mut touched = Touched::default();
    let Ok(mut reader) = section_reader(&migration.file, &migration.up, Rules::new(syntax)) else {
        return unreadable(touched);
    };
    loop {
        match reader.next() {
            Ok(Some(Event::Statement(statement))) => {
                touched.statement(statement.text, statement.start.line, syntax);
            }
            Ok(Some(_)) => {}
            Ok(None) => return touched,
            Err(_) => return unreadable(touched),
        }
    }
}

fn unreadable(mut touched: Touched) -> Touched {
    touched.opaque(0, "", "its file cannot be read");
    touched
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
