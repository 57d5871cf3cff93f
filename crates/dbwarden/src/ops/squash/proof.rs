//! The proof of a squash: what the old files make and what the new ones make, on scratch databases of the engine, is the same.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::migrate::{MigrateOptions, migrate};
use super::super::rollback::{RollbackOptions, rollback};
use super::super::scratch::Scratch;
use super::super::{Deployment, files};
use super::error::SquashError;
use crate::apply::lock::LockError;
use crate::apply::run::Silent;
use crate::error::{Error, ErrorKind};
use crate::fingerprint::{Difference, Fingerprint};
use crate::migration::RevisionId;
use crate::migration::graph::Target;
use crate::migration::source::Source;
use crate::url::DatabaseUrl;

/// What is tried on scratch databases.
pub(super) struct Proof<'a, 'host> {
    pub(super) deployment: &'a mut Deployment<'host>,
    /// A database on the server that was named for it.
    pub(super) url: Option<&'a DatabaseUrl>,
}

/// Whether two ways lead to the same.
pub(super) enum Verdict {
    /// They do: so many objects, and columns whose values differ from run to run.
    Equal { objects: usize, volatile: Vec<String> },
    /// They do not.
    Differs(Vec<Difference>),
}

/// A clock that counts whole seconds shows another time after that long.
const NEXT_SECOND: Duration = Duration::from_millis(1100);

impl Proof<'_, '_> {
    /// Applies everything in `directory` to an empty database, and returns what is there then, without some columns.
    pub(super) fn applied(
        &mut self,
        directory: &Path,
        what: &Tried,
        without: &BTreeSet<String>,
    ) -> Result<Fingerprint, Error> {
        let scratch = Scratch::new(self.deployment, self.url)?;
        let mut on = self.on(&scratch, directory);
        let tags = files(&on)?.iter().flat_map(|it| it.headers.tags.iter().cloned()).collect();
        let options =
            MigrateOptions { target: Some(Target::Heads), tags, agreed: true, ..MigrateOptions::default() };
        migrate(&mut on, &options, &mut Silent).map_err(|error| what.failed(&error, directory))?;
        let found = scratch.fingerprint_without(without)?;
        scratch.close()?;
        Ok(found)
    }

    /// Compares what two directories make of an empty database. What `old` makes is known already, and `new` too.
    pub(super) fn compare(
        &mut self,
        known: &(Fingerprint, Instant),
        old: &Path,
        new: (&Path, &Fingerprint),
    ) -> Result<Verdict, Error> {
        let (first, made) = known;
        let objects = first.objects().count();
        let differences = first.differences(new.1);
        if differences.is_empty() {
            return Ok(Verdict::Equal { objects, volatile: Vec::new() });
        }
        // What is not the same when it is made twice by the same files says nothing.
        std::thread::sleep((*made + NEXT_SECOND).saturating_duration_since(Instant::now()));
        let again = self.applied(old, &Tried::Old, &BTreeSet::new())?;
        let moving: BTreeSet<String> = first.differences(&again).into_iter().map(|it| it.object).collect();
        if moving.is_empty() {
            return Ok(Verdict::Differs(differences));
        }
        // Whole rows are compared without it.
        let first = self.applied(old, &Tried::Old, &moving)?;
        let second = self.applied(new.0, &Tried::New, &moving)?;
        let mut differences = first.differences(&second);
        differences.retain(|it| !moving.contains(&it.object));
        if differences.is_empty() {
            return Ok(Verdict::Equal { objects, volatile: moving.into_iter().collect() });
        }
        Ok(Verdict::Differs(differences))
    }

    /// Applies the squash `id` of `directory`, whose files are itself and what is below it, undoes it, and returns what is not as before.
    pub(super) fn undone(
        &mut self,
        directory: &Path,
        parents: &[RevisionId],
        id: &RevisionId,
    ) -> Result<Vec<Difference>, Error> {
        let scratch = Scratch::new(self.deployment, self.url)?;
        let mut on = self.on(&scratch, directory);
        let up = |on: &mut Deployment<'_>, id: &RevisionId| {
            let target = Some(Target::Revision { reference: id.as_str().to_owned(), offset: 0 });
            migrate(on, &MigrateOptions { target, agreed: true, ..MigrateOptions::default() }, &mut Silent)
        };
        for parent in parents {
            up(&mut on, parent)?;
        }
        let before = scratch.fingerprint()?;
        up(&mut on, id)?;
        let options = RollbackOptions { count: Some(1), agreed: true, ..RollbackOptions::default() };
        rollback(&mut on, &options, &mut Silent)?;
        let after = scratch.fingerprint()?;
        scratch.close()?;
        Ok(before.differences(&after))
    }

    /// A deployment of `directory` on a scratch database.
    fn on(&self, scratch: &Scratch, directory: &Path) -> Deployment<'static> {
        let mut on = Deployment::new(scratch.settings());
        on.source = Source::Directory(directory.to_owned());
        on.rust.clone_from(&self.deployment.rust);
        on.others.clone_from(&self.deployment.others);
        on.cancel = self.deployment.cancel.clone();
        on
    }
}

/// What is tried.
pub(super) enum Tried {
    /// The files as they are.
    Old,
    /// The squash.
    New,
}

impl Tried {
    /// What went wrong with files in `directory`, said as what it is; that somebody interrupted it is itself.
    pub(super) fn failed(&self, error: &Error, directory: &Path) -> Error {
        if is_cancelled(error) {
            // What became of the scratch database is nobody's business.
            return ErrorKind::Lock(LockError::Cancelled).into();
        }
        let (what, new) = match self {
            Tried::Old => ("what is there now", false),
            Tried::New => ("the squash", true),
        };
        let place = error.location().map(|place| {
            let file = Path::new(&place.file);
            let file = file.strip_prefix(directory).unwrap_or(file).display().to_string();
            place.at.map_or(file.clone(), |(line, column)| format!("{file}:{line}:{column}"))
        });
        let front = format!("{}{}", directory.display(), std::path::MAIN_SEPARATOR);
        let reason = error.to_string().replace(&front, "");
        ErrorKind::Squash(SquashError::Fails { what, place, reason, new }).into()
    }
}

/// Whether somebody interrupted it.
pub(super) fn is_cancelled(error: &Error) -> bool {
    error.code() == "interrupted"
}
