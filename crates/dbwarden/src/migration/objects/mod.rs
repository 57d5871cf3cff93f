//! Which objects a migration touches, found from its text alone: what it writes, what it reads, and whether it holds something of
//! which that cannot be told.
//!
//! Pure: text in, names out. It says more rather than less: a name that may be read counts as read, and a statement that is not
//! understood touches something unknown. What a statement sets off elsewhere (triggers that are there already, actions of foreign
//! keys, functions it calls) does not stand in its text, and is not seen.
//!
//! * A table that is only referenced (`REFERENCES`, `FROM`, `JOIN`, `LIKE`) is read. An index, a trigger, a policy and a grant
//!   write their table too.
//! * Types, functions, sequences, schemas and roles may be used anywhere in a statement: each word of it counts as a mention.
//! * The body of a function or trigger counts as if it were run: the statements behind it may set it off.

mod cursor;
mod define;
mod name;
mod scan;
mod statement;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

pub use name::ObjectName;

use crate::sql::{OwnedStatement, Rules, Syntax, TextError, split};

/// What sort of object it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// A table, or what is used as one.
    Table,
    /// A view, also a materialized one.
    View,
    /// An index.
    Index,
    /// A sequence.
    Sequence,
    /// A type or domain.
    Type,
    /// A function, procedure, aggregate or macro.
    Function,
    /// A trigger.
    Trigger,
    /// A policy or rule of a table.
    Policy,
    /// A schema.
    Schema,
    /// An extension.
    Extension,
    /// A role or user.
    Role,
    /// Statistics that the planner keeps.
    Statistics,
}

impl ObjectKind {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::View => "view",
            Self::Index => "index",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::Function => "function",
            Self::Trigger => "trigger",
            Self::Policy => "policy",
            Self::Schema => "schema",
            Self::Extension => "extension",
            Self::Role => "role",
            Self::Statistics => "statistics",
        }
    }

    /// Whether it is used by its bare name, anywhere in a statement. Tables and views are used where the grammar says so.
    fn is_used_anywhere(self) -> bool {
        !matches!(self, Self::Table | Self::View | Self::Trigger | Self::Policy)
    }
}

/// An object, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Object {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: ObjectName,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} {}", self.kind.word(), self.name)
    }
}

/// A statement of which it cannot be told what it touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opaque {
    /// The line it begins in, from 1; 0 where it is not known.
    pub line: u32,
    /// Its first words.
    pub statement: String,
    /// What about it cannot be told.
    pub reason: &'static str,
}

/// What a script touches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// By the last part of the name.
    written: BTreeMap<String, BTreeSet<Object>>,
    read: BTreeMap<String, BTreeSet<ObjectName>>,
    mentioned: BTreeSet<String>,
    unknown: Option<Opaque>,
}

/// How one script stands in the way of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlap {
    /// Both write it.
    BothWrite(Object),
    /// The first writes what the second reads.
    FirstWrites(Object),
    /// The second writes what the first reads.
    SecondWrites(Object),
    /// The first holds something unknown.
    FirstUnknown(Opaque),
    /// The second holds something unknown.
    SecondUnknown(Opaque),
}

impl Touched {
    /// Returns what the statements of `text` touch.
    ///
    /// # Errors
    /// A text that cannot be split.
    pub fn by(text: &str, syntax: Syntax) -> Result<Self, TextError> {
        let mut touched = Self::default();
        for OwnedStatement { text, start, .. } in split(text, Rules::new(syntax))? {
            touched.statement(&text, start.line, syntax);
        }
        Ok(touched)
    }

    /// Adds what `text`, one statement that begins in `line`, touches.
    pub fn statement(&mut self, text: &str, line: u32, syntax: Syntax) {
        if let Err(reason) = statement::statement(text, syntax, self) {
            self.opaque(line, text, reason);
        }
    }

    /// Adds something of which nothing is known.
    pub fn opaque(&mut self, line: u32, text: &str, reason: &'static str) {
        // What stands in quotes or parentheses may be a secret.
        let plain = text.split(['\'', '"', '(', '$']).next().unwrap_or_default();
        let statement = crate::migration::groups::first_words(plain);
        self.unknown.get_or_insert(Opaque { line, statement, reason });
    }

    /// Adds all that `other` touches.
    pub fn add(&mut self, other: &Self) {
        for (last, objects) in &other.written {
            self.written.entry(last.clone()).or_default().extend(objects.iter().cloned());
        }
        for (last, names) in &other.read {
            self.read.entry(last.clone()).or_default().extend(names.iter().cloned());
        }
        self.mentioned.extend(other.mentioned.iter().cloned());
        if self.unknown.is_none() {
            self.unknown.clone_from(&other.unknown);
        }
    }

    /// Returns what is written.
    pub fn written(&self) -> impl Iterator<Item = &Object> {
        self.written.values().flatten()
    }

    /// Returns the tables and views that are read.
    pub fn read(&self) -> impl Iterator<Item = &ObjectName> {
        self.read.values().flatten()
    }

    /// Returns the first statement of which it cannot be told what it touches.
    pub fn unknown(&self) -> Option<&Opaque> {
        self.unknown.as_ref()
    }

    /// Returns how this script and `other` stand in each other's way; nothing where they touch different objects.
    pub fn overlap(&self, other: &Self) -> Option<Overlap> {
        let both = self.written().find(|object| other.writes(&object.name));
        let first = || self.written().find(|object| other.reads(object)).map(object_of(Overlap::FirstWrites));
        let second =
            || other.written().find(|object| self.reads(object)).map(object_of(Overlap::SecondWrites));
        both.map(object_of(Overlap::BothWrite))
            .or_else(first)
            .or_else(second)
            .or_else(|| self.unknown.clone().map(Overlap::FirstUnknown))
            .or_else(|| other.unknown.clone().map(Overlap::SecondUnknown))
    }

    fn writes(&self, name: &ObjectName) -> bool {
        self.written.get(name.last()).is_some_and(|objects| objects.iter().any(|it| it.name.may_be(name)))
    }

    /// Whether the object of exactly this name is written already.
    fn has_written(&self, kind: ObjectKind, name: &ObjectName) -> bool {
        let written = self.written.get(name.last());
        written.is_some_and(|objects| objects.iter().any(|it| it.kind == kind && it.name == *name))
    }

    fn reads(&self, object: &Object) -> bool {
        let last = object.name.last();
        let read =
            self.read.get(last).is_some_and(|names| names.iter().any(|name| name.may_be(&object.name)));
        read || object.kind.is_used_anywhere() && self.mentioned.contains(last)
    }

    fn write(&mut self, kind: ObjectKind, name: ObjectName) {
        self.written.entry(name.last().to_owned()).or_default().insert(Object { kind, name });
    }

    fn note_read(&mut self, name: ObjectName) {
        self.read.entry(name.last().to_owned()).or_default().insert(name);
    }

    fn mention(&mut self, name: String) {
        self.mentioned.insert(name);
    }
}

fn object_of(overlap: fn(Object) -> Overlap) -> impl FnOnce(&Object) -> Overlap {
    move |object| overlap(object.clone())
}
