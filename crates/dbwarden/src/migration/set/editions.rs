//! Several migrations of one id: a file that replaces its own, and what had that id before. Which of them a row is, its checksum
//! tells.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::MigrationSet;
use crate::dialect::{Dialect, Manner};
use crate::migration::applied::{Applied, Direction, History, Unfinished};
use crate::migration::source::{GroupHash, directives, section_reader};
use crate::migration::{Migration, RevisionId};
use crate::sql::{Event, Rules};

/// Numbers the editions of each id, that which stands first: each but the last replaces its own id. What does not hang together so is
/// left as it is: two files of one id.
pub(super) fn number(all: &mut [Box<Migration>]) {
    let mut files: BTreeMap<RevisionId, Vec<usize>> = BTreeMap::new();
    for migration in all.iter_mut() {
        if migration.id.edition() > 0 {
            migration.id = migration.id.with_edition(0);
        }
        // Only then can there be two.
        if !migration.headers.replaces.is_empty() && migration.replaces_itself() {
            files.insert(migration.id.clone(), Vec::new());
        }
    }
    if files.is_empty() {
        return;
    }
    for (index, migration) in all.iter().enumerate() {
        if let Some(files) = files.get_mut(&migration.id) {
            files.push(index);
        }
    }
    for (id, mut editions) in files {
        // What stands lies nowhere aside; what was replaced twice lies aside in what lies aside.
        let place =
            |index: &usize| (aside(&all[*index]), std::cmp::Reverse(all[*index].headers.replaces.len()));
        editions.sort_by_key(place);
        let hang_together = editions.iter().rev().skip(1).all(|index| all[*index].replaces_itself())
            && editions.windows(2).all(|pair| place(&pair[0]) < place(&pair[1]));
        if !hang_together {
            continue;
        }
        for (edition, index) in editions.into_iter().enumerate().skip(1) {
            all[index].id = id.with_edition(u8::try_from(edition).unwrap_or(u8::MAX));
        }
    }
}

/// The directory, in that of the migrations, that takes what was replaced.
pub(crate) const REPLACED: &str = "replaced";

/// In how many directories for what was replaced it lies, one in the other.
fn aside(migration: &Migration) -> usize {
    migration.file.name.split(['/', '\\']).filter(|part| *part == REPLACED).count()
}

impl Migration {
    /// Returns whether it replaces what had its id before, as a squash does.
    pub fn replaces_itself(&self) -> bool {
        let own = self.id.with_edition(0);
        self.headers.replaces.iter().any(|id| RevisionId::from(id.as_str()).version_cmp(&own).is_eq())
    }
}

impl MigrationSet {
    /// Finds out which edition each row is, and what of the replaced is begun. It may be asked again with the same history.
    pub(crate) fn identify(&mut self, history: &mut History) {
        if self.graph.replaces_nothing() {
            return;
        }
        for unfinished in &mut history.unfinished {
            unfinished.version = unfinished.version.with_edition(0);
        }
        let ids: BTreeSet<String> =
            history.applied.iter().map(|row| row.version.as_str().to_owned()).collect();
        for row in &mut history.applied {
            let id = self.edition_of(row, &ids);
            if row.version != id {
                Arc::make_mut(row).version = id;
            }
        }
        for unfinished in &mut history.unfinished {
            unfinished.version = match history
                .applied
                .iter()
                .find(|row| row.version.as_str() == unfinished.version.as_str())
            {
                // It is this row that is being undone.
                Some(row) => row.version.clone(),
                None => self.edition_of_begun(unfinished),
            };
        }
        let begun = history.unfinished.iter().filter(|it| it.direction == Direction::Up);
        let begun = begun.map(|it| it.version.clone()).filter(|id| self.graph.replaced_by(id).is_some());
        let begun = begun.collect();
        self.graph.set_begun(begun);
    }

    /// The migrations of one id, that which stands first.
    pub(crate) fn editions(&self, id: &RevisionId) -> Vec<&Migration> {
        (0..=u8::MAX).map_while(|edition| self.get(&id.with_edition(edition))).collect()
    }

    /// The id of a row with its edition. Of what had the id before, the file may be gone.
    fn edition_of(&self, row: &Applied, ids: &BTreeSet<String>) -> RevisionId {
        let id = row.version.with_edition(0);
        let files = self.editions(&id);
        let Some(stands) = files.first().filter(|stands| stands.replaces_itself()) else { return id };
        let same_file = |it: &&Migration| row.file_hash.as_ref() == Some(&it.file_hash);
        let same_sum = |it: &&Migration| row.checksum == *it.checksum();
        if let Some(file) =
            files.iter().copied().find(same_file).or_else(|| files.iter().copied().find(same_sum))
        {
            return file.id.clone();
        }
        // Nobody's sum: of a database that has others of the replaced, it is the one that had the id before.
        let others = stands.headers.replaces.iter().any(|it| it != id.as_str() && ids.contains(it));
        let same_size =
            u64::try_from(row.statements).is_ok_and(|statements| statements == stands.up.statements);
        if !others && same_size && row.description == stands.description {
            return id;
        }
        let last = files.last().map_or(id.clone(), |last| last.id.clone());
        match files.last() {
            Some(last) if last.replaces_itself() => last.id.with_edition(last.id.edition().saturating_add(1)),
            _ => last,
        }
    }

    /// The id of what was begun with its edition: that which stands, where it begins with the same statements, since it goes on with the
    /// same ones then.
    fn edition_of_begun(&self, unfinished: &Unfinished) -> RevisionId {
        let id = unfinished.version.clone();
        let files = self.editions(&id);
        let (Some(dialect), true) = (self.dialect, files.len() > 1) else { return id };
        let fits = files.into_iter().find(|file| has(file, unfinished, dialect));
        fits.map_or(id, |file| file.id.clone())
    }
}

/// Whether `migration` has the statements of which the journal says that they were begun.
fn has(migration: &Migration, unfinished: &Unfinished, dialect: &'static dyn Dialect) -> bool {
    let syntax = dialect.syntax();
    let Ok(mut reader) = section_reader(&migration.file, &migration.up, Rules::new(syntax)) else {
        return false;
    };
    let (mut ordinal, mut fitting, mut hash) = (0, 0, GroupHash::default());
    loop {
        match reader.next() {
            Ok(Some(Event::Statement(statement))) => {
                let manner = dialect.manner(statement.text);
                if matches!(
                    manner,
                    Manner::Begin | Manner::Commit | Manner::Rollback | Manner::ForeignKeys(_)
                ) {
                    continue;
                }
                ordinal += 1;
                let of = |unit: &&crate::migration::applied::Unit| {
                    unit.first <= ordinal && ordinal < unit.first + unit.count
                };
                let Some(unit) = unfinished.units.iter().find(of) else { continue };
                let Ok(found) = directives(statement.leading, syntax) else { return false };
                hash.statement(&found, statement.text, dialect);
                if ordinal + 1 == unit.first + unit.count {
                    if hash.finish() != unit.hash && !unit.hash.is_empty() {
                        return false;
                    }
                    fitting += 1;
                }
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return fitting == unfinished.units.len(),
        }
    }
}
