//! Takes over what another tool recorded, without running anything.
//!
//! Its tables are read and never written. One that has the name of ours is given another name first, always the same; from then on it
//! is looked for there. Wherever a run is killed, what it left is seen for what it is: records of another tool that nobody has taken
//! over, which `migrate` refuses and the next `adopt` goes on with.

mod old;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use self::old::{Old, held, look, rows, set_aside, sum};
use super::Deployment;
use super::deployment::{Patience, make};
use super::run::down_script;
use super::survey::read_history;
use crate::adopt::{AdoptError, LeftOut, OldRow, Proof, TOOLS, Taken, Taking, Tool};
use crate::apply::history;
use crate::apply::lock::{LockError, LockGuard, LockOptions};
use crate::apply::run::{Observer, Run};
use crate::dialect::{Dialect, Records};
use crate::driver::{DriverError, DriverErrorKind, OpenOptions, Session};
use crate::error::{Error, ErrorKind, Refusal};
use crate::migration::RevisionId;
use crate::migration::applied::{Applied, History};
use crate::migration::set::MigrationSet;
use crate::migration::source::{ReadOptions, Source, SourceError};
use crate::migration::state::{Due, Selection, State};
use crate::project::DatabaseSettings;

/// What is asked of `adopt`.
#[derive(Debug, Clone, Default)]
pub struct AdoptOptions {
    /// The tool, by the name that [`TOOLS`] has for it; needed where several have records.
    pub from: Option<String>,
    /// Plans, and changes nothing.
    pub dry_run: bool,
    /// A file whose old sum is another is taken over as it stands.
    pub without_proof: bool,
    /// A person agreed to what would be refused.
    pub agreed: bool,
}

/// What became of the old records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It would be recorded.
    Planned,
    /// It is recorded now.
    Recorded,
    /// It was recorded before.
    Already,
}

/// An old table that got another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// Its name before.
    pub table: String,
    /// Its name now.
    pub aside: String,
    /// How many rows it has.
    pub rows: i64,
}

/// What taking over came to.
#[derive(Debug, Clone, Serialize)]
pub struct Adoption {
    /// The database's name in the settings.
    pub database: String,
    /// The database, as it is shown: never with a password.
    pub target: String,
    /// The engine.
    pub engine: String,
    /// The tool, as `--from` calls it.
    pub tool: &'static str,
    /// The tool, as messages call it.
    pub title: &'static str,
    /// The tables that its records are in.
    pub tables: Vec<String>,
    /// What became of them.
    pub outcome: Outcome,
    /// What its records say is applied, in the order in which it is recorded.
    pub rows: Vec<Taken>,
    /// Rows that are not taken over, on purpose.
    pub left: Vec<LeftOut>,
    /// What was taken over and was undone since, so that it is pending, or has no file any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undone: Vec<RevisionId>,
    /// Tables that have, or would get, another name, since ours need theirs.
    pub set_aside: Vec<SetAside>,
    /// The current revisions afterwards.
    pub current: Vec<RevisionId>,
    /// Whether nothing versioned is pending that was asked for.
    pub at_head: bool,
    /// What is pending afterwards, in order.
    pub pending: Vec<RevisionId>,
    /// What was not asked for.
    pub not_selected: Vec<RevisionId>,
    /// The run; empty where nothing was recorded.
    pub run_id: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Takes over what another tool recorded.
///
/// # Errors
/// No records, or those of several tools; a row without a file; a sum that is not its file's; the old tool's lock; records of our own that
/// say something else; a protected database, where nobody agreed; the engine's answer. Nothing is changed then.
pub fn adopt(
    deployment: &mut Deployment<'_>,
    options: &AdoptOptions,
    observer: &mut dyn Observer,
) -> Result<Adoption, Error> {
    let mut attempt = 1;
    loop {
        match deployment.meeting(|deployment| adopt_here(deployment, options, observer)) {
            Err(error) if attempt < ATTEMPTS && moved_meanwhile(&error) => attempt += 1,
            outcome => return outcome,
        }
        std::thread::sleep(PAUSE);
    }
}

/// Whether an old table may have been given its other name by another run, between one look and the next.
fn moved_meanwhile(error: &Error) -> bool {
    // Where definitions commit by themselves another one may be in the middle of it.
    if matches!(error.kind(), ErrorKind::Adopt(AdoptError::Recorded { .. })) {
        return true;
    }
    let ErrorKind::History(history::HistoryError::Driver(answer)) = error.kind() else { return false };
    matches!(answer.kind, DriverErrorKind::Statement | DriverErrorKind::Busy)
}

/// What stays the same while records are taken over.
struct Work<'a> {
    options: &'a AdoptOptions,
    dialect: &'static dyn Dialect,
    records: Arc<Records>,
    settings: DatabaseSettings,
    source: Source,
    read: ReadOptions,
    selection: Selection,
    lock: LockOptions,
    /// How the heartbeat opens a session, where it can.
    company: Option<OpenOptions>,
    started: Instant,
}

fn adopt_here(
    deployment: &mut Deployment<'_>,
    options: &AdoptOptions,
    observer: &mut dyn Observer,
) -> Result<Adoption, Error> {
    let started = Instant::now();
    let wanted = options.from.as_deref().map(tool_named).transpose()?;
    let dialect = deployment.dialect()?;
    let by_address = matches!(deployment.connection, super::Connection::Address);
    let work = Work {
        options,
        dialect,
        records: Arc::new(dialect.records(&deployment.settings.tables)),
        settings: deployment.settings.clone(),
        source: deployment.source.clone(),
        read: deployment.read_options()?,
        selection: Selection { environment: deployment.environment(), ..Selection::default() },
        lock: deployment.lock.clone(),
        company: by_address.then(|| deployment.open_options(true)),
        started,
    };
    let (clock, open) = (Arc::clone(&deployment.clock), deployment.open_options(false));
    let mut run = deployment.run(&*clock, observer);
    let patience = Patience::of(&mut run, work.lock.wait);
    let opened = deployment.connection.open_within(&work.settings, &open, patience);
    let (set, mut session) = match opened {
        // The files would be read for another engine.
        Err(error) if matches!(error.kind(), ErrorKind::AnotherEngine { .. }) => return Err(error),
        // A wrong file is told first: it is what its author can mend.
        opened => (MigrationSet::load(&work.source, &work.read)?, opened?),
    };
    let old = look(&mut *session, &work.records, &work.settings.tables, wanted)?;
    run.point("history-read");
    // Under the names of ours there is nothing of ours yet.
    let ours = if old.in_our_place() { History::default() } else { work.ours(&mut *session, &run)? };
    let found = work.found(&mut *session, &old, &set, &ours)?;
    let mut report = work.report(&*session, &old);
    if ours.foreign_taken {
        report.undone = undone(&ours, &found)?;
        return work.finished(report, found.taking, Outcome::Already, &set, &ours);
    }
    if let Some(error) = held(&mut *session, dialect, &old)? {
        return Err(error.into());
    }
    let intended = old.to_set_aside(&work.settings.tables)?;
    report.set_aside = old::counted(&mut *session, dialect, &work.records, intended)?;
    if options.dry_run {
        let then = History { applied: applied(&found.taking, &set, &old, dialect, &run)?.0, ..ours };
        return work.finished(report, found.taking, Outcome::Planned, &set, &then);
    }
    if work.settings.protected && !options.agreed {
        let what = "adopt writes the records of".to_owned();
        let refusal = Refusal::Protected { what, database: work.settings.name.clone() };
        return Err(ErrorKind::Refused { refusal }.into());
    }
    history::writable(&ours)?;
    make(&mut *session, &work.settings.url, Patience::of(&mut run, work.lock.wait))?;
    if old.in_our_place() {
        let tables = &work.settings.tables;
        report.set_aside = set_aside(&mut *session, dialect, &work.records, tables, old.tool, &run)?;
        run.point("set-aside");
    }
    run.next = found.taking.rows.first().map(|row| row.version.clone());
    let moved = report.set_aside.clone();
    work.take_over(session, old.tool, &set, report, &mut run).map_err(|error| {
        if moved.is_empty() { error } else { ErrorKind::SetAside { error, tables: moved }.into() }
    })
}

impl Work<'_> {
    /// Takes the lock, looks again, and records.
    fn take_over(
        &self,
        session: Box<dyn Session + '_>,
        tool: &'static Tool,
        set: &MigrationSet,
        mut report: Adoption,
        run: &mut Run<'_>,
    ) -> Result<Adoption, Error> {
        let company = self.company.as_ref().map(|open| (&self.settings.url, open));
        let mut guard = LockGuard::acquire(session, Arc::clone(&self.records), &self.lock, company, run)?;
        // What is recorded is what is there now: somebody may have been quicker, and the old tool too.
        let set = set.again(&self.source, &self.read)?;
        let old = look(guard.session(), &self.records, &self.settings.tables, Some(tool))?;
        let ours = self.ours(guard.session(), run)?;
        let found = self.found(guard.session(), &old, &set, &ours)?;
        report.tables = old.histories().map(|table| table.name.clone()).collect();
        run.point("planned");
        if ours.foreign_taken {
            report.undone = undone(&ours, &found)?;
            guard.release()?;
            return self.finished(report, found.taking, Outcome::Already, &set, &ours);
        }
        let (rows, scripts) = applied(&found.taking, &set, &old, self.dialect, run)?;
        self.record(&mut guard, &rows, &scripts, &old, &found.sum, run)?;
        report.run_id.clone_from(&run.id);
        // What follows changes nothing any more, and is no failure of what was done.
        let now = self.ours(guard.session(), run).unwrap_or(History { applied: rows, ..ours });
        let report = self.finished(report, found.taking, Outcome::Recorded, &set, &now)?;
        // What was recorded is committed: a lock that cannot be released runs out by itself.
        guard.release().ok();
        run.point("released");
        Ok(report)
    }

    /// Writes all rows, and that the old ones are dealt with, in one transaction.
    fn record(
        &self,
        guard: &mut LockGuard<'_>,
        rows: &[Arc<Applied>],
        scripts: &[Option<String>],
        old: &Old,
        sum: &str,
        run: &Run<'_>,
    ) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            if run.cancel.take_note() {
                return Err(ErrorKind::Lock(LockError::Cancelled).into());
            }
            match record_once(guard, rows, scripts, old, sum, self.dialect, run) {
                Err(Stopped::Driver(error)) if error.kind == DriverErrorKind::Cut => {
                    return self.after_a_cut(guard, run, &error);
                }
                Err(Stopped::Driver(error)) if error.is_conflict() && attempt < ATTEMPTS => attempt += 1,
                Err(stopped) => {
                    guard.session().rollback().ok();
                    return Err(stopped.into());
                }
                Ok(()) => return Ok(()),
            }
            guard.session().rollback().ok();
        }
    }

    /// Looks, over a new connection, whether the rows were committed before the old one was cut.
    fn after_a_cut(
        &self,
        guard: &mut LockGuard<'_>,
        run: &Run<'_>,
        error: &DriverError,
    ) -> Result<(), Error> {
        let unknown = || AdoptError::Unknown { reason: error.to_string() };
        guard.reconnect().map_err(|_| unknown())?;
        if self.ours(guard.session(), run).map_err(|_| unknown())?.foreign_taken {
            return Ok(());
        }
        Err(ErrorKind::History(history::HistoryError::Driver(error.clone())).into())
    }

    /// Reads our own records.
    fn ours(&self, session: &mut dyn Session, run: &Run<'_>) -> Result<History, Error> {
        read_history(session, self.dialect, &self.settings.tables, self.lock.wait, &run.cancel)
    }

    /// What the old rows say of the files. Once they were taken over, what became of a file since is no matter.
    fn found(
        &self,
        session: &mut dyn Session,
        old: &Old,
        set: &MigrationSet,
        ours: &History,
    ) -> Result<Found, Error> {
        let mut rows = rows(session, self.dialect, old)?;
        let sum = sum(&rows);
        // These very rows are taken over: what they say beyond ours was undone since.
        let adopted = ours.foreign_taken && taken_by(session, &self.records)?.is_some_and(|by| by == sum);
        let taken = adopted || !ours.applied.is_empty();
        let planned = crate::adopt::plan(old.tool, &rows, set, taken || self.options.without_proof);
        let taking = match planned {
            Err(AdoptError::NoFile { rows: homeless }) if taken => {
                let known = |row: &OldRow| {
                    let applied = |version: &String| ours.get(&RevisionId::from(version.trim())).is_some();
                    row.version.as_ref().is_some_and(applied)
                        || adopted && homeless.iter().any(|one| one.label == row.label())
                };
                rows.retain(|row| !known(row));
                crate::adopt::plan(old.tool, &rows, set, true)?
            }
            planned => planned?,
        };
        Ok(Found { taking, sum, adopted })
    }

    fn report(&self, session: &dyn Session, old: &Old) -> Adoption {
        Adoption {
            database: self.settings.name.clone(),
            target: self.settings.url.target(),
            engine: session.server().database.name().to_owned(),
            tool: old.tool.name,
            title: old.tool.title,
            tables: old.histories().map(|table| table.name.clone()).collect(),
            outcome: Outcome::Planned,
            rows: Vec::new(),
            left: Vec::new(),
            undone: Vec::new(),
            set_aside: Vec::new(),
            current: Vec::new(),
            at_head: false,
            pending: Vec::new(),
            not_selected: Vec::new(),
            run_id: String::new(),
            duration_ms: 0,
        }
    }
    fn finished(
        &self,
        mut report: Adoption,
        taking: Taking,
        outcome: Outcome,
        set: &MigrationSet,
        history: &History,
    ) -> Result<Adoption, Error> {
        let state = State::new(&mut set.clone(), &mut history.clone(), &self.selection);
        report.outcome = outcome;
        report.rows = taking.rows;
        report.left = taking.left;
        report.at_head = state.pending.is_empty() && state.ahead.is_empty();
        let due = state.repeatables.iter().filter(|(_, due)| matches!(due, Due::New | Due::Changed));
        report.pending = state.pending.iter().chain(due.map(|(id, _)| id)).cloned().collect();
        report.not_selected = state.not_selected;
        report.current = state.current;
        report.duration_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(report)
    }
}

fn tool_named(name: &str) -> Result<&'static Tool, Error> {
    Ok(Tool::named(name).ok_or_else(|| AdoptError::UnknownTool {
        given: name.to_owned(),
        known: TOOLS.iter().map(|tool| tool.name).collect(),
    })?)
}

/// What was found in the old tables.
struct Found {
    taking: Taking,
    /// The sum of their rows.
    sum: String,
    /// Whether these rows were taken over before, and by nothing else than that.
    adopted: bool,
}

/// What says that other tools' records are dealt with, where it says by what.
fn taken_by(session: &mut dyn Session, records: &Records) -> Result<Option<String>, Error> {
    match session.query(&records.taken, &[]) {
        Ok(rows) => Ok(rows.first().and_then(|row| row.optional_text(1))),
        // There are rows of ours, and the lock's table is gone.
        Err(error) if error.kind == DriverErrorKind::Statement => Ok(None),
        Err(error) => Err(ErrorKind::History(history::HistoryError::Driver(error)).into()),
    }
}

/// Sees that our own records say what taking over again would write; what was applied since is no matter. Returns what was undone since
/// it was taken over.
fn undone(ours: &History, found: &Found) -> Result<Vec<RevisionId>, AdoptError> {
    if found.adopted {
        let gone = found.taking.rows.iter().map(|row| &row.version).filter(|id| ours.get(id).is_none());
        return Ok(gone.cloned().collect());
    }
    let taking = &found.taking;
    if let Some(unfinished) = ours.unfinished.first() {
        let reason = format!("{} was begun and is not finished", unfinished.version);
        return Err(AdoptError::Recorded { reason });
    }
    let lacking: Vec<&str> = taking
        .rows
        .iter()
        .filter(|row| ours.get(&row.version).is_none())
        .map(|row| row.version.as_str())
        .collect();
    let reason = match lacking.as_slice() {
        [] => return Ok(Vec::new()),
        _ if ours.applied.is_empty() => {
            "ours were begun beside the old ones, not from them, and are empty by now".to_owned()
        }
        [one] => format!("{one} is applied by the old ones, and not by ours"),
        [first, second] => format!("{first} and {second} are applied by the old ones, and not by ours"),
        [first, ..] => {
            format!("{first} and {} more are applied by the old ones, and not by ours", lacking.len() - 1)
        }
    };
    Err(AdoptError::Recorded { reason })
}

/// Our rows, and the down script of each.
type Ours = (Vec<Arc<Applied>>, Vec<Option<String>>);

fn applied(
    taking: &Taking,
    set: &MigrationSet,
    old: &Old,
    dialect: &'static dyn Dialect,
    run: &Run<'_>,
) -> Result<Ours, Error> {
    let tables = old.histories().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ");
    let (mut rows, mut scripts) = (Vec::new(), Vec::new());
    for taken in &taking.rows {
        let Some(migration) = set.get(&taken.version) else { continue };
        let down = down_script(migration, dialect).map_err(|problem| {
            let file = migration.file_of_down().name.clone();
            ErrorKind::Source(SourceError::new(file, problem))
        })?;
        let sum = match (taken.proof, &taken.old_checksum) {
            (Proof::Proved, _) => "; its checksum there is that of the file".to_owned(),
            (Proof::TooLong, Some(sum)) => {
                format!("; its checksum there, {sum}, was not compared with the file, which is over 16 MiB")
            }
            (_, Some(sum)) => format!("; its checksum there, {sum}, is not that of the file"),
            _ => String::new(),
        };
        let when = if taken.applied_at.is_none() { "; when it was applied is not known" } else { "" };
        let note = format!("adopted from {tables} of {}, by {}{sum}{when}", old.tool.title, run.who);
        rows.push(Arc::new(Applied {
            version: migration.id.clone(),
            description: migration.description.clone(),
            kind: migration.kind.name().to_owned(),
            checksum: migration.checksum().clone(),
            file_hash: Some(migration.file_hash.clone()),
            applied_at: taken.applied_at.clone().unwrap_or_else(|| run.now()),
            duration_ms: 0,
            applied_by: run.who.clone(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            run_id: run.id.clone(),
            statements: i64::try_from(migration.up.statements).unwrap_or(i64::MAX),
            has_down: down.is_some(),
            odd: false,
            note: Some(note),
        }));
        scripts.push(down);
    }
    Ok((rows, scripts))
}

/// How often it is tried anew where another run or the server came in between.
const ATTEMPTS: u32 = 5;

/// How long another run has meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// Why the rows were not written.
enum Stopped {
    Driver(DriverError),
    Other(Error),
}

impl From<DriverError> for Stopped {
    fn from(error: DriverError) -> Self {
        Stopped::Driver(error)
    }
}

impl From<LockError> for Stopped {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Driver(error) => Stopped::Driver(error),
            error => Stopped::Other(ErrorKind::Lock(error).into()),
        }
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Driver(error) if error.kind == DriverErrorKind::Interrupted => {
                ErrorKind::Lock(LockError::Cancelled).into()
            }
            Stopped::Driver(error) => ErrorKind::History(history::HistoryError::Driver(error)).into(),
            Stopped::Other(error) => error,
        }
    }
}

fn record_once(
    guard: &mut LockGuard<'_>,
    rows: &[Arc<Applied>],
    scripts: &[Option<String>],
    old: &Old,
    sum: &str,
    dialect: &dyn Dialect,
    run: &Run<'_>,
) -> Result<(), Stopped> {
    let records = guard.records();
    guard.session().begin()?;
    run.point("begun");
    // The old tool may have begun something since it was asked first.
    if let Some(error) = held(guard.session(), dialect, old).map_err(Stopped::Other)? {
        return Err(Stopped::Other(error.into()));
    }
    for (row, script) in rows.iter().zip(scripts) {
        history::insert(guard.session(), &records, row, script.as_deref())?;
    }
    let tables = old.histories().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ");
    guard.session().execute(&records.take_over, &[run.now().into(), tables.into(), sum.into()])?;
    run.point("recorded");
    guard.renew(None)?;
    run.point("renewed");
    guard.session().commit()?;
    run.point("committed");
    Ok(())
}
