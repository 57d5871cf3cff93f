//! What `migrate`, `rollback` and `stamp` share: the steps of a plan, one by one, under the lock.

use std::sync::Arc;
use std::time::Instant;

use super::{Deployment, Report};
use crate::apply::execute::{Executor, Task};
use crate::apply::failure::{Cause, Kept, StepError};
use crate::apply::history::DOWN_SCRIPT_LIMIT;
use crate::apply::hooks::{Hook, HookList, HookOutcome, Moment};
use crate::apply::lock::LockGuard;
use crate::apply::run::{Event, Resume, Run, StepReport};
use crate::driver::{DriverError, Notice};
use crate::error::{Error, ErrorKind};
use crate::migration::applied::{Applied, Direction, History, Unfinished};
use crate::migration::plan::{Action, Plan, Recorded, Step};
use crate::migration::set::MigrationSet;
use crate::migration::source::{SourceError, SourceFile, SourceProblem, script_of};
use crate::migration::{Kind, Migration, RevisionId};

/// What a plan is run with.
pub(super) struct Ground<'a> {
    pub(super) set: &'a MigrationSet,
    pub(super) history: &'a History,
    pub(super) recorded: &'a Recorded,
    pub(super) environment: std::collections::BTreeSet<String>,
    /// What is noted in the row of a step that only records.
    pub(super) note: Option<String>,
    /// What a person decided of a statement that may have been done.
    pub(super) resume: Option<Resume>,
}

/// Runs the steps of `plan`; what was done is in `report`, also when it fails.
pub(super) fn steps(
    deployment: &DeploymentLimits,
    guard: &mut LockGuard<'_>,
    plan: &Plan,
    ground: &Ground<'_>,
    run: &mut Run<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let started = Instant::now();
    report.run_id.clone_from(&run.id);
    let first = plan.steps.first().map(|step| &step.id);
    if first != run.next.as_ref() {
        // Another run was quicker, and those who wait were told of what it did. That the lease is lost is found at the commit.
        guard.renew(first.map(RevisionId::as_str)).ok();
    }
    run.observer.event(&Event::Planned { steps: &plan.steps });
    run.cancel.watch(guard.session().interrupter());
    let outcome = all(deployment, guard, plan, ground, run, report);
    run.cancel.forget();
    report.duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Err((step, index)) = outcome {
        let not_tried = plan.steps.iter().skip(index + 1).map(|step| step.id.clone()).collect();
        return Err(ErrorKind::Step { step, report: Box::new(report.clone()), not_tried }.into());
    }
    note_foreign(guard, ground, run);
    Ok(())
}

/// Beside another tool's records, says that these are the ones that count, so that they still do when everything is undone. Where it
/// cannot be written nothing is lost: the next run writes it, and empty records are asked about.
fn note_foreign(guard: &mut LockGuard<'_>, ground: &Ground<'_>, run: &Run<'_>) {
    let tables: Vec<_> = ground.history.foreign.iter().map(|records| records.table.as_str()).collect();
    if !tables.is_empty() {
        let records = guard.records();
        let parameters = [run.now().into(), tables.join(", ").into()];
        guard.session().execute(&records.take_over, &parameters).ok();
    }
}

/// What of the settings bounds a run.
#[derive(Debug, Clone)]
pub(super) struct DeploymentLimits {
    foreign_keys: bool,
    lock_timeout: std::time::Duration,
    patience: std::time::Duration,
    dialect: &'static dyn crate::dialect::Dialect,
    database: String,
    hooks: HookList,
}

impl DeploymentLimits {
    pub(super) fn new(deployment: &Deployment<'_>) -> Result<Self, Error> {
        Ok(Self {
            foreign_keys: deployment.settings.foreign_keys,
            lock_timeout: deployment.settings.safety.lock_timeout,
            patience: deployment.lock.wait,
            dialect: deployment.dialect()?,
            database: deployment.settings.name.clone(),
            hooks: deployment.hooks(),
        })
    }
}

/// Around each migration that is run.
impl DeploymentLimits {
    /// Calls each hook; `on` also behind one that fails.
    fn call(
        &self,
        step: &Step,
        run: &mut Run<'_>,
        on: bool,
        call: impl Fn(&dyn Hook, &mut Moment<'_>) -> HookOutcome,
    ) -> Result<(), String> {
        if !matches!(step.action, Action::Apply | Action::Undo) {
            return Ok(());
        }
        let mut failed = Vec::new();
        for hook in self.hooks.iter() {
            let mut moment = Moment::new(&self.database, &run.id, step, &run.cancel);
            let called = call(hook, &mut moment);
            for text in moment.said() {
                let notice = Notice { level: "HOOK".to_owned(), text };
                run.observer.event(&Event::Notice { notice: &notice });
            }
            if let Err(error) = called {
                failed.push(error.to_string());
                if !on {
                    break;
                }
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }

    fn before(&self, step: &Step, run: &mut Run<'_>) -> Result<(), Box<StepError>> {
        self.call(step, run, false, |hook, moment| hook.before(moment)).map_err(|message| {
            let cause = if run.cancel.take_note() { Cause::Cancelled } else { Cause::Hook { message } };
            Box::new(stopped(step, cause))
        })
    }

    fn after(&self, step: &Step, done: &StepReport, run: &mut Run<'_>, report: &mut Report) {
        if let Err(why) = self.call(step, run, true, |hook, moment| hook.after(moment, done)) {
            report.notes.push(format!("the hook after {} failed: {why}", step.id));
        }
    }

    fn failed(&self, step: &Step, error: &StepError, run: &mut Run<'_>, report: &mut Report) {
        if let Err(why) = self.call(step, run, true, |hook, moment| hook.failed(moment, error)) {
            report.notes.push(format!("the hook for the failure of {} failed: {why}", step.id));
        }
    }
}

fn all(
    limits: &DeploymentLimits,
    guard: &mut LockGuard<'_>,
    plan: &Plan,
    ground: &Ground<'_>,
    run: &mut Run<'_>,
    report: &mut Report,
) -> Result<(), (Box<StepError>, usize)> {
    let shared = plan.single_transaction && !plan.steps.is_empty();
    if shared {
        guard.session().begin().map_err(|error| (around(plan, "opening the transaction", error), 0))?;
        run.point("begun");
    }
    let mut executor = Executor {
        guard,
        dialect: limits.dialect,
        environment: &ground.environment,
        foreign_keys: limits.foreign_keys,
        lock_timeout: limits.lock_timeout,
        patience: limits.patience,
        resume: ground.resume,
        shared,
        run,
    };
    for (index, step) in plan.steps.iter().enumerate() {
        executor.run.next = plan.steps.get(index + 1).map(|step| step.id.clone());
        let outcome = limits.before(step, executor.run).and_then(|()| {
            let task = task(step, ground, limits.dialect, executor.run)?;
            executor.step(&task)
        });
        match outcome {
            Ok(done) => {
                if !shared {
                    limits.after(step, &done, executor.run, report);
                }
                report.steps.push(done);
            }
            Err(error) => {
                if shared {
                    // What went before is rolled back with it.
                    executor.guard.session().rollback().ok();
                    report.rolled_back = report.steps.drain(..).map(|step| step.version).collect();
                }
                limits.failed(step, &error, executor.run, report);
                return Err((error, index));
            }
        }
    }
    if shared {
        let last = plan.steps.len() - 1;
        let committed = executor.guard.renew(None).map_err(Cause::Lock).and_then(|()| {
            executor.guard.session().commit().map_err(|error| Cause::Around { doing: "committing", error })
        });
        let committed = match committed {
            // The server may have committed and not been able to say so.
            Err(cause) if cause.is_cut() => executor.after_a_shared_cut(&plan.steps[last], cause),
            other => other.map_err(|cause| (cause, Kept::Nothing)),
        };
        if let Err((cause, kept)) = committed {
            executor.guard.session().rollback().ok();
            report.rolled_back = report.steps.drain(..).map(|step| step.version).collect();
            let error = Box::new(StepError { kept, ..*whole(plan, &cause) });
            limits.failed(&plan.steps[last], &error, executor.run, report);
            return Err((error, last));
        }
        executor.run.point("committed");
        for (step, done) in plan.steps.iter().zip(report.steps.clone()) {
            limits.after(step, &done, executor.run, report);
        }
    }
    Ok(())
}

fn task<'a>(
    step: &'a Step,
    ground: &Ground<'a>,
    dialect: &'static dyn crate::dialect::Dialect,
    run: &Run<'_>,
) -> Result<Task<'a>, Box<StepError>> {
    let migration = ground.set.get(&step.id);
    let script = match step.action {
        Action::Apply => migration.map(|migration| (&migration.file, &migration.up)),
        Action::Undo => migration
            .and_then(|migration| Some((migration.file_of_down(), migration.down.as_ref()?)))
            .or_else(|| ground.recorded.get(&step.id).map(|recorded| (&recorded.file, &recorded.script))),
        Action::Record | Action::Forget => None,
    };
    let (row, down) = match (step.action, migration) {
        (Action::Apply | Action::Record, Some(migration)) => {
            let down = down_script(migration, dialect).map_err(|error| {
                let error = SourceError::new(migration.file_of_down().name.clone(), error);
                Box::new(stopped(step, Cause::Source(Arc::new(error))))
            })?;
            let mut note = ground.note.clone();
            let in_sql = migration.code.is_none();
            if down.is_none() && migration.kind == Kind::Versioned && migration.down.is_some() && in_sql {
                let words = "its down script is longer than 1 MiB: a rollback needs the file";
                note = Some(note.map_or_else(|| words.to_owned(), |note| format!("{note}\n{words}")));
            }
            (Some(row(migration, down.is_some(), note, run)), down)
        }
        _ => (None, None),
    };
    let unfinished = ground.history.unfinished.iter().find(|unfinished: &&Unfinished| {
        unfinished.version == step.id
            && matches!(
                (unfinished.direction, step.action),
                (Direction::Up, Action::Apply) | (Direction::Down, Action::Undo)
            )
    });
    let journalled = ground.history.journalled.contains(&step.id);
    Ok(Task { step, script, row, down, unfinished, journalled, migration })
}

/// The text that undoes `migration`, to be stored with its row, so that a release without the file can still go back. Our own
/// lines stand before the marker, and nothing behind it is taken for a header.
pub(super) fn down_script(
    migration: &Migration,
    dialect: &'static dyn crate::dialect::Dialect,
) -> Result<Option<String>, SourceProblem> {
    use std::io::Read;
    let Some(down) = &migration.down else { return Ok(None) };
    let long = down.length > DOWN_SCRIPT_LIMIT as u64;
    if migration.kind != Kind::Versioned || long || migration.code.is_some() {
        return Ok(None);
    }
    let mut text = String::new();
    let (file, headers) = (migration.file_of_down(), migration.headers_of_down());
    if headers.no_transaction {
        text.push_str("-- no-transaction\n");
    }
    for (name, limit) in
        [("lock_timeout", headers.lock_timeout), ("statement_timeout", headers.statement_timeout)]
    {
        if let Some(limit) = limit {
            text.push_str(&format!("-- {name}: {}ms\n", limit.as_millis()));
        }
    }
    if let Some(retries) = headers.retries {
        text.push_str(&format!("-- retries: {retries}\n"));
    }
    if !text.is_empty() {
        text.push_str("-- rollback\n");
    }
    let read = file.open_at(down.start.offset);
    read.and_then(|file| file.take(down.length).read_to_string(&mut text))
        .map_err(|error| SourceProblem::Unreadable { error })?;
    if file.is_fixed() {
        return Ok(Some(text));
    }
    // The file may have changed since it was read, and what is cut from it by its old places would be another script.
    let file = SourceFile::text(file.name.clone(), &text);
    match script_of(&file, &text, dialect) {
        Ok((script, _)) if script.checksum == down.checksum => Ok(Some(text)),
        _ => Err(SourceProblem::Changed),
    }
}

fn row(migration: &Migration, has_down: bool, note: Option<String>, run: &Run<'_>) -> Applied {
    Applied {
        version: migration.id.clone(),
        description: migration.description.clone(),
        kind: migration.kind.name().to_owned(),
        checksum: migration.checksum().clone(),
        file_hash: Some(migration.file_hash.clone()),
        applied_at: String::new(),
        duration_ms: 0,
        applied_by: run.who.clone(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        run_id: run.id.clone(),
        statements: i64::try_from(migration.up.statements).unwrap_or(i64::MAX),
        has_down,
        odd: false,
        note,
    }
}

fn stopped(step: &Step, cause: Cause) -> StepError {
    StepError {
        id: step.id.clone(),
        direction: if step.action == Action::Undo { Direction::Down } else { Direction::Up },
        file: step.file.clone(),
        position: None,
        line: None,
        width: 1,
        statement: 0,
        total: step.statements,
        kept: Kept::Nothing,
        cause,
    }
}

fn around(plan: &Plan, doing: &'static str, error: DriverError) -> Box<StepError> {
    whole(plan, &Cause::Around { doing, error })
}

/// An error of the transaction that all steps share.
fn whole(plan: &Plan, cause: &Cause) -> Box<StepError> {
    let mut error =
        plan.steps.last().map_or_else(|| unreachable_step(cause), |step| stopped(step, cause.clone()));
    error.direction = plan.direction;
    Box::new(error)
}

fn unreachable_step(cause: &Cause) -> StepError {
    StepError {
        id: "".into(),
        direction: Direction::Up,
        file: String::new(),
        position: None,
        line: None,
        width: 1,
        statement: 0,
        total: 0,
        kept: Kept::Nothing,
        cause: cause.clone(),
    }
}
