//! Transaction groups: which statements commit together. They are planned from what the statements are, not annotated.

use serde::Serialize;

use super::source::SourceProblem;
use crate::dialect::{Manner, TableState};
use crate::sql::Position;

/// Statements that stand or fall together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// How they are committed.
    pub kind: GroupKind,
    /// The number of the first, from 1.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Where the first stands.
    pub start: Position,
    /// What the file sets foreign keys to for this group, where it does.
    pub foreign_keys: Option<bool>,
    /// The modes that the file's own BEGIN asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modes: Option<String>,
    /// The checksum of the statements, to see that the file is still what was planned.
    pub hash: String,
}

/// How a group is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupKind {
    /// In one transaction.
    Transaction,
    /// One by one, outside a transaction of the file's.
    Each,
    /// Outside a transaction, and without effect on the database.
    Session,
}

/// Sorts a script's statements into groups, one by one.
#[derive(Debug, Default)]
pub(crate) struct Grouper {
    groups: Vec<Group>,
    /// Every statement by itself, as `-- no-transaction` asks.
    each: bool,
    /// Statements so far.
    count: u64,
    /// Whether the last group still takes statements.
    open: bool,
    /// Whether the last statement must be committed before another sort comes.
    ends: bool,
    /// Whether the last group did what some statements refuse until it is committed.
    unsettled: bool,
    /// Where the file's own BEGIN stands.
    explicit: Option<Position>,
    foreign_keys: Option<bool>,
    modes: Option<String>,
    /// A PRAGMA that has no effect unless its transaction ends before the next statement.
    late_pragma: Option<(Position, bool)>,
}

/// What is to be done with a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is run; it belongs to the last group.
    Run,
    /// It is not run: what it asks is done by the plan.
    Control,
}

impl Grouper {
    pub(crate) fn new(each: bool) -> Self {
        Self { each, ..Self::default() }
    }

    /// Returns how many groups there are so far, the last one still growing.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Takes every statement by itself from here on.
    pub(crate) fn set_each(&mut self) {
        self.each = true;
    }

    /// Is told before [`Grouper::take`] what the next statement means to its transaction. A transaction of the file's own stays as it
    /// is: its author asked for it.
    pub(crate) fn settle(&mut self, state: TableState) {
        if state == TableState::WantsSettled && self.unsettled && self.explicit.is_none() {
            self.close();
        }
        self.unsettled |= state == TableState::Unsettled;
    }

    /// Opens the file's own transaction with `modes`.
    pub(crate) fn set_modes(&mut self, modes: Option<String>) {
        self.modes = modes;
    }

    /// Takes the next statement; what is wrong comes with its place.
    pub(crate) fn take(
        &mut self,
        manner: Manner,
        statement: &str,
        start: Position,
    ) -> Result<Taken, (SourceProblem, Position)> {
        match (manner, self.explicit) {
            (Manner::Begin, Some(opened)) => {
                return Err((SourceProblem::NestedBegin { opened: opened.line }, start));
            }
            (Manner::Begin, None) => {
                self.close();
                self.explicit = Some(start);
            }
            (Manner::Commit, Some(_)) => {
                self.close();
                self.explicit = None;
            }
            (Manner::Commit, None) => return Err((SourceProblem::CommitWithoutBegin, start)),
            (Manner::Rollback, _) => return Err((SourceProblem::Rollback, start)),
            (Manner::Refused(reason), _) => {
                let statement = first_words(statement);
                return Err((SourceProblem::Unmanageable { statement, reason }, start));
            }
            (Manner::ForeignKeys(on), _) => self.pragma(on, start),
            (Manner::Alone | Manner::Session, Some(opened)) => {
                let statement = first_words(statement);
                return Err((SourceProblem::RefusesTransaction { statement, opened: opened.line }, start));
            }
            (Manner::Alone | Manner::Apart, None) => return self.run(GroupKind::Each, false, start),
            (Manner::MayCommit, None) if self.each => return self.run(GroupKind::Each, false, start),
            (Manner::Session, None) => return self.run(GroupKind::Session, false, start),
            (Manner::Either, explicit) => {
                let inside = explicit.is_some() || (self.open && !self.each && self.in_transaction());
                let kind = if inside { GroupKind::Transaction } else { GroupKind::Session };
                return self.run(kind, inside, start);
            }
            (Manner::Plain | Manner::Ends, None) if self.each => {
                return self.run(GroupKind::Each, true, start);
            }
            (Manner::Plain | Manner::Ends | Manner::MayCommit, None) => {
                let ends = manner == Manner::Ends;
                if self.ends && !ends {
                    self.close();
                }
                self.ends = ends;
                return self.run(GroupKind::Transaction, true, start);
            }
            (Manner::Plain | Manner::Ends | Manner::Apart | Manner::MayCommit, Some(_)) => {
                return self.run(GroupKind::Transaction, true, start);
            }
        }
        Ok(Taken::Control)
    }

    fn run(
        &mut self,
        kind: GroupKind,
        open: bool,
        start: Position,
    ) -> Result<Taken, (SourceProblem, Position)> {
        if kind != GroupKind::Transaction || !self.open {
            self.close_for(kind);
        }
        if let Some((place, _)) = self.late_pragma {
            return Err((SourceProblem::ForeignKeysInside, place));
        }
        self.count += 1;
        let foreign_keys = self.foreign_keys;
        match self
            .groups
            .last_mut()
            .filter(|last| self.open && last.kind == kind && last.foreign_keys == foreign_keys)
        {
            Some(last) => last.count += 1,
            None => self.groups.push(Group {
                kind,
                first: self.count,
                count: 1,
                start,
                foreign_keys,
                modes: self.explicit.and(self.modes.clone()),
                hash: String::new(),
            }),
        }
        self.open = open;
        Ok(Taken::Run)
    }

    /// Ends the open group unless the next statement goes on with it.
    fn close_for(&mut self, kind: GroupKind) {
        if self.groups.last().is_some_and(|last| last.kind != kind) {
            self.close();
        }
    }

    fn close(&mut self) {
        self.open = false;
        self.unsettled = false;
        // The transaction ended behind the PRAGMA: it takes effect from here on.
        if let Some((_, on)) = self.late_pragma.take() {
            self.foreign_keys = Some(on);
        }
    }

    fn pragma(&mut self, on: bool, start: Position) {
        if self.open && self.in_transaction() {
            self.late_pragma = Some((start, on));
        } else {
            self.foreign_keys = Some(on);
            self.open = false;
        }
    }

    fn in_transaction(&self) -> bool {
        self.groups.last().is_some_and(|last| last.kind == GroupKind::Transaction)
    }

    /// Returns the groups and the number of statements.
    pub(crate) fn finish(mut self) -> Result<(Vec<Group>, u64), (SourceProblem, Position)> {
        if let Some(opened) = self.explicit {
            return Err((SourceProblem::UnclosedBegin, opened));
        }
        self.close();
        Ok((self.groups, self.count))
    }
}

/// The first two words of a statement, for messages.
pub(crate) fn first_words(statement: &str) -> String {
    statement.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(each: bool, manners: &[Manner]) -> Result<String, String> {
        let mut grouper = Grouper::new(each);
        for manner in manners {
            grouper
                .take(*manner, "STATEMENT x", Position::START)
                .map_err(|(problem, _)| problem.to_string())?;
        }
        let (groups, _) = grouper.finish().map_err(|(problem, _)| problem.to_string())?;
        let text = groups.iter().map(|group| {
            let keys = group.foreign_keys.map_or("", |on| if on { " keys on" } else { " keys off" });
            format!("{:?} {}+{}{keys}", group.kind, group.first, group.count)
        });
        Ok(text.collect::<Vec<_>>().join(", "))
    }

    use Manner::{Alone, Apart, Begin, Commit, Ends, ForeignKeys, MayCommit, Plain, Session};

    #[test]
    fn statements_that_refuse_a_transaction_split_it() {
        assert_eq!(groups(false, &[Plain, Plain]).unwrap(), "Transaction 1+2");
        assert_eq!(
            groups(false, &[Plain, Alone, Plain]).unwrap(),
            "Transaction 1+1, Each 2+1, Transaction 3+1"
        );
        assert_eq!(groups(true, &[Plain, Plain, Alone]).unwrap(), "Each 1+3");
        assert_eq!(groups(false, &[Session, Plain]).unwrap(), "Session 1+1, Transaction 2+1");
    }

    #[test]
    fn what_commits_by_itself_is_alone_unless_the_file_opens_a_transaction() {
        assert_eq!(
            groups(false, &[Apart, Apart, Plain, Plain, Apart]).unwrap(),
            "Each 1+1, Each 2+1, Transaction 3+2, Each 5+1"
        );
        assert_eq!(
            groups(false, &[Begin, Apart, Plain, Commit, Apart]).unwrap(),
            "Transaction 1+2, Each 3+1"
        );
        assert_eq!(groups(false, &[Plain, MayCommit, Plain]).unwrap(), "Transaction 1+3");
        assert_eq!(groups(true, &[Plain, MayCommit]).unwrap(), "Each 1+2");
        assert_eq!(groups(true, &[Begin, MayCommit, Commit]).unwrap(), "Transaction 1+1");
    }

    #[test]
    fn what_must_be_committed_before_use_ends_its_group() {
        assert_eq!(groups(false, &[Plain, Ends, Plain, Plain]).unwrap(), "Transaction 1+2, Transaction 3+2");
        assert_eq!(groups(false, &[Ends, Ends, Plain]).unwrap(), "Transaction 1+2, Transaction 3+1");
        assert_eq!(groups(false, &[Plain, Ends]).unwrap(), "Transaction 1+2");
        assert_eq!(
            groups(false, &[Ends, Alone, Plain, Plain]).unwrap(),
            "Transaction 1+1, Each 2+1, Transaction 3+2"
        );
        assert_eq!(groups(false, &[Begin, Ends, Plain, Commit]).unwrap(), "Transaction 1+2");
        assert_eq!(
            groups(false, &[Ends, Begin, Plain, Plain, Commit, Plain, Plain]).unwrap(),
            "Transaction 1+1, Transaction 2+2, Transaction 4+2"
        );
        assert_eq!(groups(true, &[Plain, Ends, Plain]).unwrap(), "Each 1+3");
    }

    #[test]
    fn what_an_index_cannot_follow_is_committed_before_it() {
        use TableState::{Same, Unsettled, WantsSettled};
        let groups = |explicit: bool, states: &[TableState]| {
            let mut grouper = Grouper::new(false);
            if explicit {
                grouper.take(Begin, "BEGIN", Position::START).unwrap();
            }
            for state in states {
                grouper.settle(*state);
                grouper.take(Plain, "STATEMENT x", Position::START).unwrap();
            }
            if explicit {
                grouper.take(Commit, "COMMIT", Position::START).unwrap();
            }
            grouper.finish().unwrap().0.iter().map(|group| group.count).collect::<Vec<_>>()
        };
        assert_eq!(groups(false, &[Same, Unsettled, WantsSettled, WantsSettled, Same]), [2, 3]);
        assert_eq!(groups(false, &[WantsSettled, Unsettled, Same]), [3]);
        assert_eq!(groups(false, &[Unsettled, WantsSettled, Unsettled, WantsSettled]), [1, 2, 1]);
        assert_eq!(groups(true, &[Unsettled, WantsSettled]), [2], "as its author asked");
    }

    #[test]
    fn explicit_transactions_are_groups() {
        assert_eq!(groups(false, &[Begin, Plain, Plain, Commit]).unwrap(), "Transaction 1+2");
        assert_eq!(
            groups(false, &[Begin, Plain, Commit, Begin, Plain, Commit, Plain]).unwrap(),
            "Transaction 1+1, Transaction 2+1, Transaction 3+1"
        );
        assert_eq!(groups(true, &[Plain, Begin, Plain, Commit]).unwrap(), "Each 1+1, Transaction 2+1");
        for wrong in [
            &[Begin, Plain][..],
            &[Commit],
            &[Begin, Begin],
            &[Begin, Alone],
            &[Manner::Rollback],
            &[Manner::Refused("")],
        ] {
            assert!(groups(false, wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn foreign_keys_are_hoisted_or_refused() {
        let (off, on) = (ForeignKeys(false), ForeignKeys(true));
        assert_eq!(groups(false, &[off, Plain, Plain, on]).unwrap(), "Transaction 1+2 keys off");
        assert_eq!(groups(false, &[off, Begin, Plain, Commit, on]).unwrap(), "Transaction 1+1 keys off");
        assert_eq!(groups(false, &[Begin, off, Plain, on, Commit]).unwrap(), "Transaction 1+1 keys off");
        assert_eq!(
            groups(false, &[Begin, off, Plain, on, Commit, Begin, Plain, Commit]).unwrap(),
            "Transaction 1+1 keys off, Transaction 2+1 keys on"
        );
        assert!(groups(false, &[Plain, off, Plain]).is_err());
        assert!(groups(false, &[Begin, Plain, off, Plain, Commit]).is_err());
        assert_eq!(groups(true, &[Plain, off, Plain]).unwrap(), "Each 1+1, Each 2+1 keys off");
    }
}
