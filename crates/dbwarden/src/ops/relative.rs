//! A target that counts from where the database is (`+2`, `-1`, `-c 3`) means what was there when it was asked.
//!
//! It is turned into ids once, from the first look; what is left of these is what is planned under the lock. While a run of the same
//! command stands in the lock's row, which either is under way or was killed, it means what that one meant: see
//! `docs/design/0017-what-a-count-means.md`.

use std::time::Duration;

use super::Survey;
use crate::apply::lock::{self, LockRow};
use crate::apply::owner::{Holder, Meant};
use crate::apply::run::{Run, recorded_time};
use crate::dialect::Records;
use crate::driver::Session;
use crate::error::{Error, ErrorKind};
use crate::migration::RevisionId;
use crate::migration::applied::{Direction, History};
use crate::migration::graph::Target;
use crate::migration::plan::Reach;

/// For so long the same command counts as a killed one that is typed again, and not as another wish.
const AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// A longer list does not stand in the lock's row: on MySQL it holds 64 KiB.
const LONGEST: usize = 32 << 10;

/// A target that counts, in ids.
#[derive(Debug)]
pub(super) struct Relative {
    direction: Direction,
    /// The command, as it is the same when it is typed again.
    command: String,
    ids: Vec<RevisionId>,
    /// The run of the same command that had done some of it when it was asked.
    before: Option<Box<Holder>>,
}

/// Returns how `verb` is typed with a reach that counts, in one spelling for all of its spellings; nothing where it does not count.
pub(super) fn command(verb: &str, reach: &Reach, direction: Direction) -> Option<String> {
    let steps = match (reach, direction) {
        (Reach::Count(count), Direction::Up) => i128::from(*count),
        (Reach::Count(count), Direction::Down) => -i128::from(*count),
        (Reach::To(Target::Relative(steps)), _) => i128::from(*steps),
        (Reach::To(_) | Reach::These(_), _) => return None,
    };
    Some(format!("{verb} {steps:+}"))
}

impl Relative {
    /// Returns what `command` means: of the same command's run that stands in the lock's row and has done some of it, what that one
    /// meant; else what `count` counts.
    ///
    /// # Errors
    /// That of `count`.
    pub(super) fn new(
        direction: Direction,
        command: String,
        survey: &Survey,
        session: &mut dyn Session,
        records: &Records,
        run: &Run<'_>,
        count: impl FnOnce() -> Result<Vec<RevisionId>, Error>,
    ) -> Result<Self, Error> {
        let held = if survey.history.exists { lock::read(session, records).ok() } else { None };
        let before = match held {
            Some(LockRow::Held(holder)) => Some(holder),
            _ => None,
        };
        // Times of one form compare as text.
        let earliest = recorded_time(run.clock.now() - AGAIN);
        let mut relative = Self { direction, command, ids: Vec::new(), before: None };
        let before = before.filter(|holder| {
            holder.since >= earliest
                && holder.owner.meant.as_ref().is_some_and(|meant| {
                    meant.command == relative.command
                        && meant.ids.iter().any(|id| relative.is_done(&survey.history, id))
                })
        });
        relative.ids = match before.as_ref().and_then(|holder| holder.owner.meant.as_ref()) {
            Some(meant) => meant.ids.clone(),
            None => count()?,
        };
        relative.before = before.map(Box::new);
        Ok(relative)
    }

    /// Returns whether it applies or records; else it undoes or forgets.
    pub(super) fn is_up(&self) -> bool {
        self.direction == Direction::Up
    }

    /// Whether some of it was done before it was asked: who asks the same again is then asked to wait for the lock, also where nothing
    /// is left to do, so that the next one is another wish.
    pub(super) fn goes_on(&self) -> bool {
        self.before.is_some()
    }

    /// Returns what stands in the lock's row, for whoever types the same again when this one was killed.
    pub(super) fn meant(&self) -> Option<Meant> {
        let length: usize = self.ids.iter().map(|id| id.as_str().len() + 3).sum();
        (length <= LONGEST).then(|| Meant { command: self.command.clone(), ids: self.ids.clone() })
    }

    /// Returns what is left of it, as `survey` has it.
    pub(super) fn left(&self, survey: &Survey) -> Vec<RevisionId> {
        let named = |id: &RevisionId| {
            let same = |other: &&RevisionId| other.as_str() == id.as_str();
            match self.direction {
                Direction::Up => survey.state.pending.iter().find(same).cloned(),
                Direction::Down => survey.history.applied.iter().map(|row| &row.version).find(same).cloned(),
            }
        };
        let left = self.ids.iter().filter(|id| !self.is_done(&survey.history, id));
        left.filter_map(named).collect()
    }

    /// Says who did what is done of it; `undone` is what a run of this sort does on its way down.
    pub(super) fn notes(&self, survey: &Survey, undone: &str) -> Vec<String> {
        let (done, open): (Vec<_>, Vec<_>) =
            self.ids.iter().partition(|id| self.is_done(&survey.history, id));
        let left = self.left(survey);
        let gone = open.into_iter().filter(|id| !left.iter().any(|other| other.as_str() == id.as_str()));
        let mut notes = Vec::new();
        let names = |ids: &[&RevisionId]| ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        match (&self.before, self.direction) {
            _ if done.is_empty() => {}
            (Some(before), direction) => {
                let (label, since) =
                    (before.owner.label(), before.since.split('.').next().unwrap_or_default());
                let (what, way) = match direction {
                    Direction::Up => ("applied", "on"),
                    Direction::Down => (undone, "down"),
                };
                let more = if left.is_empty() {
                    format!("nothing more is {what} now: ask once more to go further {way}")
                } else {
                    "this one goes on with it".to_owned()
                };
                notes.push(format!(
                    "{}: {what} by the same command, which {label} began at {since} UTC; {more}",
                    names(&done)
                ));
            }
            (None, Direction::Down) => {
                notes.push(format!("{}: {undone} by another run meanwhile", names(&done)));
            }
            (None, Direction::Up) => {
                for id in done {
                    let who = survey.history.applied.iter().find(|row| row.version.as_str() == id.as_str());
                    let who = who.map_or("another run", |row| &row.applied_by);
                    notes.push(format!("{id}: applied meanwhile, by {who}"));
                }
            }
        }
        let gone: Vec<_> = gone.collect();
        if !gone.is_empty() {
            notes.push(format!("{}: not among what is to be applied any more", names(&gone)));
        }
        notes
    }

    /// Sees that nothing has come in the way of `left`: above it where it is undone, below it where it is applied.
    ///
    /// # Errors
    /// What has come.
    pub(super) fn stands(&self, survey: &Survey, left: &[RevisionId]) -> Result<(), Error> {
        let graph = survey.set.graph();
        let message = match self.direction {
            Direction::Down => {
                let versions = &survey.state.versions;
                // What was half undone is finished, whatever stands on it.
                let whole = |id: &&RevisionId| {
                    !survey.history.unfinished.iter().any(|unfinished| unfinished.version == **id)
                };
                left.iter().filter(whole).find_map(|id| {
                    let mut above = graph.descendants(id).into_iter();
                    let above = above.find(|above| versions.contains(above) && !left.contains(above))?;
                    Some(format!("another run applied {above} above {id} meanwhile: nothing was changed"))
                })
            }
            Direction::Up => left.iter().find_map(|id| {
                let below = graph.ancestors(id);
                let mut open = survey.state.pending.iter();
                let below = open.find(|open| below.contains(open) && !left.contains(open))?;
                Some(format!("{id} stands on {below}, which is pending since meanwhile: nothing was changed"))
            }),
        };
        message.map_or(Ok(()), |message| Err(ErrorKind::Usage { message }.into()))
    }

    fn is_done(&self, history: &History, id: &RevisionId) -> bool {
        let there = history.applied.iter().any(|row| row.version.as_str() == id.as_str());
        there == (self.direction == Direction::Up)
    }
}
