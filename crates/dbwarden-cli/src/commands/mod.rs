//! One file a command: fills the options of the library's verb and shows its report.

mod adopt;
pub(crate) mod backup;
mod branches;
mod config;
mod database;
mod doctor;
mod heads;
mod history;
mod init;
mod lock;
mod merge;
mod migrate;
mod new;
mod restore;
mod rollback;
mod seed;
mod shell;
mod show;
mod squash;
mod stamp;
mod status;
mod template;
mod verify;

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use dbwarden::Error;
use dbwarden::apply::run::Cancel;
use dbwarden::ops::Deployment;
use dbwarden::project::Project;
use serde_json::{Value, json};

use crate::args::{Cli, Command, Database, Global};
use crate::error::{Failure, INTERRUPTED, PENDING};
use crate::repeated::Repeated;
use crate::ui::progress::Progress;
use crate::{kill, settings, ui};

/// What a command says of one database.
pub(crate) struct Answer {
    /// The exit code.
    pub(crate) exit: u8,
    /// What it says as JSON: an object.
    pub(crate) json: Value,
}

impl Answer {
    /// Success, and what `--json` prints of it; nobody else pays for that.
    fn of(global: &Global, json: impl FnOnce() -> Value) -> Self {
        Self::done(if global.json { json() } else { Value::Null })
    }

    fn done(json: Value) -> Self {
        Self { exit: 0, json }
    }
}

/// Runs the command, prints what it says, and returns the exit code.
pub(crate) fn run(cli: Cli) -> u8 {
    let mut global = cli.global;
    global.repeated = Repeated::of(&cli.command, &global);
    if let Command::Other(words) | Command::Database { command: Database::Other(words) } = &cli.command {
        // Behind a word that is no command the parser knows no options.
        global.json |= words.iter().any(|word| word == "--json");
    }
    ui::set_colours(global.no_color);
    let name = name(&cli.command);
    let outcome = match cli.command {
        Command::Init => init::run(&global),
        Command::Version => Ok(shell::version(&global)),
        Command::Completions { shell } => Ok(shell::completions(shell)),
        Command::Man => shell::man(),
        Command::Other(words) if words.first().is_some_and(|word| word == "help") => {
            shell::help(&words[1..], &global)
        }
        Command::Other(words) => Err(shell::unknown(&words)),
        Command::Config => config::run(&global),
        Command::Database { command: Database::List } => database::list(&global),
        Command::Database { command: Database::Other(words) } => Err(shell::unknown_of_database(&words)),
        Command::New(args) => on_each(&global, |deployment| new::run(deployment, &global, &args)),
        Command::Create(args) => on_each(&global, |deployment| new::create(deployment, &global, &args)),
        Command::Merge(args) => on_each(&global, |deployment| merge::run(deployment, &global, &args)),
        Command::Squash(args) => on_each(&global, |deployment| squash::run(deployment, &global, &args)),
        Command::Template { kind } => {
            on_each(&global, |deployment| template::run(deployment, &global, &kind))
        }
        Command::Migrate(args) => on_each(&global, |deployment| migrate::run(deployment, &global, &args)),
        Command::Rollback(args) => on_each(&global, |deployment| rollback::run(deployment, &global, &args)),
        Command::Seed { command } => on_each(&global, |deployment| seed::run(deployment, &global, &command)),
        Command::Status(args) => on_each(&global, |deployment| status::run(deployment, &global, &args)),
        Command::History => on_each(&global, |deployment| history::run(deployment, &global)),
        Command::Heads => on_each(&global, |deployment| heads::run(deployment, &global)),
        Command::Branches => on_each(&global, |deployment| branches::run(deployment, &global)),
        Command::Show { revision } => {
            on_each(&global, |deployment| show::run(deployment, &global, &revision))
        }
        Command::Stamp(args) => on_each(&global, |deployment| stamp::run(deployment, &global, &args)),
        Command::Adopt(args) => on_each(&global, |deployment| adopt::run(deployment, &global, &args)),
        Command::Verify(args) => on_each(&global, |deployment| verify::run(deployment, &global, &args)),
        Command::Backup(args) => on_each(&global, |deployment| backup::run(deployment, &global, &args)),
        Command::Backups(args) => on_each(&global, |deployment| backup::list(deployment, &global, &args)),
        Command::Restore(args) => on_each(&global, |deployment| restore::run(deployment, &global, &args)),
        Command::LockStatus => on_each(&global, |deployment| lock::status(deployment, &global)),
        Command::Unlock { force } => on_each(&global, |deployment| lock::unlock(deployment, &global, force)),
        Command::Doctor => on_each(&global, |deployment| doctor::run(deployment, &global)),
    };
    let (exit, mut document) = match outcome {
        Ok(answer) => (answer.exit, answer.json),
        Err(failure) => {
            let failure = failure.with_options(&global);
            if !global.json {
                failure.print();
            }
            (failure.exit, failure.document())
        }
    };
    if global.json
        && let Value::Object(fields) = &mut document
    {
        fields.insert("schema".to_owned(), json!(1));
        fields.insert("command".to_owned(), json!(name));
        ui::line(&document.to_string());
    }
    crate::typed::ended(exit)
}

/// The command's own name, whatever alias was typed.
fn name(command: &Command) -> &'static str {
    match command {
        Command::Init => "init",
        Command::New(_) | Command::Create(_) => "new",
        Command::Merge(_) => "merge",
        Command::Squash(_) => "squash",
        Command::Template { .. } => "template",
        Command::Migrate(_) => "migrate",
        Command::Rollback(_) => "rollback",
        Command::Seed { command } => command.name(),
        Command::Status(_) => "status",
        Command::History => "history",
        Command::Heads => "heads",
        Command::Branches => "branches",
        Command::Show { .. } => "show",
        Command::Stamp(_) => "stamp",
        Command::Adopt(_) => "adopt",
        Command::Verify(_) => "verify",
        Command::Backup(_) => "backup",
        Command::Backups(_) => "backups",
        Command::Restore(_) => "restore",
        Command::LockStatus => "lock-status",
        Command::Unlock { .. } => "unlock",
        Command::Config => "config",
        Command::Database { .. } => "database list",
        Command::Doctor => "doctor",
        Command::Version => "version",
        Command::Completions { .. } => "completions",
        Command::Man => "man",
        Command::Other(words) if words.first().is_some_and(|word| word == "help") => "help",
        Command::Other(_) => "",
    }
}

/// Runs a command on the database that is asked for, or on each.
fn on_each(
    global: &Global,
    run: impl Fn(&mut Deployment<'static>) -> Result<Answer, Failure> + Sync,
) -> Result<Answer, Failure> {
    let project = settings::project(global)?;
    notes(global, &project.notes);
    let chosen: Vec<(String, Result<_, _>)> = if global.all {
        project.all()
    } else {
        let settings = project.select(global.database.as_deref())?;
        vec![(settings.name.clone(), Ok(settings))]
    };
    let one = |(name, settings): (String, Result<_, _>)| {
        let outcome =
            settings.map_err(Failure::from).and_then(|settings: dbwarden::project::DatabaseSettings| {
                let target = settings.url.target();
                run(&mut deployment(global, &project, settings)).map_err(|failure| failure.about(&target))
            });
        let (exit, mut document) = match outcome {
            Ok(answer) => (answer.exit, answer.json),
            Err(failure) if !global.all => return Err(failure.on(&name)),
            Err(failure) => {
                let failure = failure.of_all(&name).with_options(global);
                if !global.json {
                    failure.print();
                }
                (failure.exit, failure.document())
            }
        };
        if let Value::Object(fields) = &mut document {
            fields.entry("name").or_insert(json!(name));
        }
        Ok((exit, document))
    };
    let done = match global.jobs {
        Some(jobs) if jobs > 1 => at_once(jobs, chosen, one),
        _ => chosen.into_iter().map(one).collect(),
    };
    let (exits, documents): (Vec<u8>, Vec<Value>) =
        done.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let exit = match exits.as_slice() {
        [only] => *only,
        all if all.contains(&INTERRUPTED) => INTERRUPTED,
        all if all.iter().all(|exit| *exit == all[0]) => all.first().copied().unwrap_or(0),
        _ => PENDING,
    };
    Ok(Answer { exit, json: json!({ "databases": documents }) })
}

/// Does `one` with each, so many at once, and returns what came of them in their order. What each says is printed in one piece.
fn at_once<T: Send, D: Send>(jobs: usize, all: Vec<T>, one: impl Fn(T) -> D + Sync) -> Vec<D> {
    let slots: Vec<_> = all.into_iter().map(|it| (Mutex::new(Some(it)), Mutex::new(None))).collect();
    let (next, printing) = (AtomicUsize::new(0), Mutex::new(()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(slots.len()) {
            scope.spawn(|| {
                while let Some((it, done)) = slots.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let it = it.lock().unwrap_or_else(PoisonError::into_inner).take();
                    let (came, held) = ui::holding(|| it.map(&one));
                    let _alone = printing.lock().unwrap_or_else(PoisonError::into_inner);
                    ui::release(held);
                    *done.lock().unwrap_or_else(PoisonError::into_inner) = came;
                }
            });
        }
    });
    slots
        .into_iter()
        .filter_map(|(_, done)| done.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

/// What Ctrl-C cancels: whether it came, and every run of this process.
static RUNS: Mutex<(bool, Vec<Cancel>)> = Mutex::new((false, Vec::new()));

/// Has Ctrl-C and SIGTERM cancel this run too; one that begins behind them is cancelled at once.
fn cancelled_by_signals(cancel: &Cancel) {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    runs.1.push(cancel.clone());
    if runs.0 {
        cancel.cancel();
    } else if runs.1.len() == 1 {
        ctrlc::set_handler(|| {
            let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
            runs.0 = true;
            for cancel in &runs.1 {
                cancel.cancel();
            }
        })
        .ok();
    }
}

/// `1 seed`, `2 seeds`.
fn count_of(number: usize, one: &str) -> String {
    ui::count(number as u64, one)
}

fn notes(global: &Global, notes: &[String]) {
    if !global.quiet {
        for note in notes {
            ui::aside(&ui::clean(&format!("note: {note}")));
        }
    }
}

/// The deployment of one database, which Ctrl-C cancels.
fn deployment(
    global: &Global,
    project: &Project,
    settings: dbwarden::project::DatabaseSettings,
) -> Deployment<'static> {
    notes(global, &settings.notes);
    let mut deployment = Deployment::new(settings);
    // Files are shown as they are typed: from here.
    if let Ok(short) = deployment.settings.migrations.strip_prefix(settings::here())
        && !short.as_os_str().is_empty()
    {
        deployment.source = dbwarden::migration::source::Source::Directory(short.to_owned());
    }
    if let Ok(short) = deployment.settings.backups.strip_prefix(settings::here())
        && !short.as_os_str().is_empty()
    {
        deployment.settings.backups = short.to_owned();
    }
    deployment.others = project.names().map(str::to_owned).collect();
    if let Some(wait) = global.lock_wait {
        deployment.lock.wait = wait;
    }
    let environment = settings::environment();
    kill::lease(&environment, &mut deployment.lock);
    deployment.points = kill::points(&environment);
    cancelled_by_signals(&deployment.cancel);
    deployment
}

/// What shows the run.
fn progress(deployment: &Deployment<'_>, global: &Global) -> Progress {
    let settings = &deployment.settings;
    let echo = global.verbose || settings.echo;
    Progress::new(global.quiet || global.json, echo, heading(deployment), deployment.lock.wait)
}

/// `primary  sqlite shop.db`.
fn heading(deployment: &Deployment<'_>) -> String {
    let settings = &deployment.settings;
    let text = format!("{}  {} {}", settings.name, settings.url.database().name(), settings.url.target());
    ui::clean(&text)
}

/// With `--all`: which database it is that the following text is about, behind `mark`.
fn headed(deployment: &Deployment<'_>, global: &Global, mark: &str) {
    if global.all && speaks(global) {
        ui::line(&format!("{mark}{}", heading(deployment)));
    }
}

/// Whether text is to be printed.
fn speaks(global: &Global) -> bool {
    !global.json && !global.quiet
}

/// Runs a verb; where it is refused and somebody is there to agree, asks, and runs it again.
fn agreeing<T>(
    global: &Global,
    name: &str,
    mut verb: impl FnMut(bool) -> Result<T, Error>,
) -> Result<T, Failure> {
    let refused = match verb(global.yes) {
        Err(error) if matches!(error.kind(), dbwarden::ErrorKind::Refused { .. }) => error,
        other => return other.map_err(Failure::from),
    };
    if global.yes || global.json || !ui::may_ask() {
        return Err(refused.into());
    }
    let asked = format!("{}. Type the database's name ({name}) to go on", ui::clean(&refused.to_string()));
    let typed: Result<String, _> =
        dialoguer::Input::new().with_prompt(asked).allow_empty(true).interact_text();
    if typed.is_ok_and(|typed| typed.trim() == name) {
        verb(true).map_err(Failure::from)
    } else {
        Err(refused.into())
    }
}

/// Reads a file to its end, for showing.
fn read_part(mut from: impl Read, limit: u64) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    from.by_ref().take(limit).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A failure of what this program itself does.
fn broken(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::failed(format!("{what}: {error}"), "")
}
