//! Old rows against files: which migration each row is, whether the old sum proves its file, and what is left out.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use serde::Serialize;

use super::sums::OF_NOTHING;
use super::{AdoptError, Differing, Homeless, OldRow, Rows, Tool, recorded_time};
use crate::migration::set::MigrationSet;
use crate::migration::source::formats::recognise;
use crate::migration::{Kind, Migration, RevisionId};

/// A longer file is not summed up in the old ways, which want it whole.
const LONGEST: u64 = 16 << 20;

/// What an old sum says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The old tool's sum is that of the file.
    Proved,
    /// The old tool recorded none.
    NoSum,
    /// It is not, and a person said that this is no matter.
    Differs,
    /// The file is too long to find out, and a person said that this is no matter.
    TooLong,
    /// It runs always, so that what it was does not matter.
    RunsAlways,
}

/// A migration that the old records say is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Its id here.
    pub version: RevisionId,
    /// What it does.
    pub description: String,
    /// The kind.
    pub kind: Kind,
    /// Its file.
    pub file: String,
    /// What the old row calls it; nothing where it is applied since another stands on it.
    pub old: Option<String>,
    /// When it was applied, in UTC, as far as the old row says it.
    pub applied_at: Option<String>,
    /// What the old sum says of its file.
    pub proof: Proof,
    /// The old sum, where it proved nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_checksum: Option<String>,
}

/// A row that is not taken over, on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its id here.
    pub version: RevisionId,
    /// Why.
    pub reason: String,
}

/// What is taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taking {
    /// In the order in which they were applied.
    pub rows: Vec<Taken>,
    /// Rows that are not taken over, on purpose.
    pub left: Vec<LeftOut>,
}

/// Returns what `rows` of `tool` say of the migrations of `set`. `without_proof`: a sum that differs, or cannot be made, is no matter.
///
/// # Errors
/// A row without a file; a sum that is not the file's.
pub fn plan(
    tool: &Tool,
    rows: &[OldRow],
    set: &MigrationSet,
    without_proof: bool,
) -> Result<Taking, AdoptError> {
    let (mut found, mut homeless) = (BTreeMap::new(), Vec::new());
    for row in rows {
        match find(row, set) {
            // Of two rows of one migration the later is the one that holds.
            Ok(migration) => {
                found.insert(migration.id.clone(), (migration, Some(row)));
            }
            Err(reason) => {
                homeless.push(Homeless { table: row.table.clone(), label: row.label().to_owned(), reason })
            }
        }
    }
    if !homeless.is_empty() {
        return Err(AdoptError::NoFile { rows: homeless });
    }
    if tool.rows == Rows::Heads {
        let heads: Vec<RevisionId> = found.keys().cloned().collect();
        let below: BTreeSet<_> = heads.iter().flat_map(|head| set.graph().ancestors(head)).collect();
        for migration in below.iter().filter_map(|id| set.get(id)) {
            found.entry(migration.id.clone()).or_insert((migration, None));
        }
    }
    let (mut taking, mut differing) = (Taking::default(), Vec::new());
    for (migration, row) in found.into_values() {
        let proof = row.map_or(Proof::NoSum, |row| prove(tool, row, migration));
        let unproved = matches!(proof, Proof::Differs | Proof::TooLong);
        let recorded = row.and_then(|row| row.checksum.clone()).filter(|_| unproved);
        if proof == Proof::Differs && migration.kind == Kind::RunsOnChange {
            // As it stands it was never run: it is due.
            let reason = "it changed since it was run: it runs with the next migrate".to_owned();
            taking.left.push(LeftOut { version: migration.id.clone(), reason });
            continue;
        }
        if let Some(recorded) = recorded.clone().filter(|_| !without_proof) {
            differing.push(Differing {
                id: migration.id.clone(),
                file: migration.file.name.clone(),
                too_long: proof == Proof::TooLong,
                of_nothing: recorded.eq_ignore_ascii_case(OF_NOTHING),
                recorded,
            });
        }
        taking.rows.push(Taken {
            version: migration.id.clone(),
            description: migration.description.clone(),
            kind: migration.kind,
            file: migration.file.name.clone(),
            old: row.map(|row| row.label().to_owned()),
            applied_at: row.and_then(|row| recorded_time(row.applied_at.as_deref()?)),
            proof,
            old_checksum: recorded,
        });
    }
    if !differing.is_empty() {
        return Err(AdoptError::Differs { tool: tool.title, files: differing });
    }
    in_order(&mut taking.rows, set);
    Ok(taking)
}

/// By the time of each, where all have one, since that is the order in which the old tool would undo them; times are often equal, and
/// then it is that of the files.
fn in_order(rows: &mut [Taken], set: &MigrationSet) {
    let place: BTreeMap<&RevisionId, usize> =
        set.iter().enumerate().map(|(place, migration)| (&migration.id, place)).collect();
    let timed = rows.iter().all(|row| row.applied_at.is_some());
    rows.sort_by(|a, b| {
        let by_time = if timed { a.applied_at.cmp(&b.applied_at) } else { Ordering::Equal };
        by_time.then_with(|| place.get(&a.version).cmp(&place.get(&b.version)))
    });
}

/// The migration that `row` is of, or what is wrong with it beyond that there is none.
fn find<'a>(row: &OldRow, set: &'a MigrationSet) -> Result<&'a Migration, Option<String>> {
    let by_file = row.filename.as_deref().and_then(|filename| {
        let name = base(filename);
        set.all()
            .find(|migration| base(&migration.file.name) == name)
            .or_else(|| oldest(set, &recognise(name)?.0.id))
    });
    let kind = row.kind.as_deref().unwrap_or_default().to_ascii_lowercase();
    let repeatable = ["always", "change"].iter().any(|word| kind.contains(word));
    let by_version = row.version.as_deref().map(str::trim).filter(|_| !repeatable).and_then(|version| {
        oldest(set, &RevisionId::from(version)).or_else(|| written_otherwise(version, set))
    });
    match (by_version, by_file) {
        (Some(version), Some(file)) if version.id != file.id => Err(Some(format!(
            "its file {} is {} here, and {} is {}",
            row.filename.as_deref().unwrap_or_default(),
            file.id,
            version.id,
            version.file.name
        ))),
        (Some(migration), _) => Ok(migration),
        // A header may give a file another id than its name does.
        (None, Some(file)) => Ok(file),
        (None, None) => Err(None),
    }
}

/// The one migration whose id is `version` in another spelling: `V20240215_143000`, `0002` for `2`, `V20240215_143000__create_users`.
/// The migration of an id that another tool can have run: not a squash that has it by now, but what had it at first.
fn oldest<'a>(set: &'a MigrationSet, id: &RevisionId) -> Option<&'a Migration> {
    set.editions(id).pop()
}

fn written_otherwise<'a>(version: &str, set: &'a MigrationSet) -> Option<&'a Migration> {
    let name = if version.to_ascii_lowercase().ends_with(".sql") {
        version.to_owned()
    } else {
        format!("{version}.sql")
    };
    if let Some(migration) = recognise(&name).and_then(|(name, _)| oldest(set, &name.id)) {
        return Some(migration);
    }
    let plain = version.strip_prefix(['V', 'v']).unwrap_or(version);
    let wanted = RevisionId::from(plain);
    let mut same = set.versioned().filter(|migration| migration.id.version_cmp(&wanted) == Ordering::Equal);
    same.next().filter(|_| same.next().is_none())
}

fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

fn prove(tool: &Tool, row: &OldRow, migration: &Migration) -> Proof {
    let Some((sums, recorded)) = tool.sums.zip(row.checksum.as_deref()) else { return Proof::NoSum };
    if migration.kind == Kind::RunsAlways {
        return Proof::RunsAlways;
    }
    let mut bytes = Vec::new();
    let read = migration.file.open_at(0).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    match (read, String::from_utf8(bytes)) {
        (Ok(length), Ok(text)) if length as u64 <= LONGEST => {
            let proved = sums(&text).iter().any(|sum| sum.eq_ignore_ascii_case(recorded.trim()));
            if proved { Proof::Proved } else { Proof::Differs }
        }
        (Ok(length), _) if length as u64 > LONGEST => Proof::TooLong,
        // It was read a moment ago; it is not what was applied now.
        _ => Proof::Differs,
    }
}
