//! The library's face: one value that holds a database with its migrations, and a method for each verb.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::apply::hooks::Hook;
use crate::apply::run::{Cancel, Clock, Event, Observer, Points, Silent};
use crate::error::Error;
use crate::fingerprint::Fingerprint;
use crate::migration::RevisionId;
use crate::migration::applied::Applied;
use crate::migration::graph::Target;
use crate::migration::plan::Plan;
use crate::migration::rust::RustMigration;
use crate::migration::source::{EmbeddedFile, Source};
use crate::migration::state::Selection;
use crate::operation::Operation;
use crate::ops::adopt::{AdoptOptions, Adoption, adopt};
use crate::ops::against::{Comparison, against};
use crate::ops::backup::{BackupOptions, Made, backup};
use crate::ops::fingerprint::fingerprint;
use crate::ops::health::{Health, health, initialize};
use crate::ops::load::{Loaded, load};
use crate::ops::merge::{MergeOptions, Merged, merge};
use crate::ops::migrate::{MigrateOptions, migrate};
use crate::ops::new::{Created, NewOptions, Scripts, new};
use crate::ops::ready::{Readiness, ready};
use crate::ops::renumber::{Renumbered, renumber};
use crate::ops::restore::{RestoreOptions, Restored, restore};
use crate::ops::rollback::{RollbackOptions, rollback};
use crate::ops::squash::{SquashOptions, Squashed, squash};
use crate::ops::stamp::{Stamp, StampOptions, stamp};
use crate::ops::status::{Status, StatusOptions, status};
use crate::ops::template::{Template, template};
use crate::ops::verify::{Verification, verify};
use crate::ops::{Deployment, Report, Survey, files, survey};
use crate::project::{DatabaseSettings, Environment, Tables};
use crate::startup::{Probe, Watched};
use crate::url::DatabaseUrl;

/// A database with its migrations, and a method for each verb.
///
/// Every method opens a session of its own and closes it; nothing is held between two calls. They block: in an async program
/// use [`asynchronous`](crate::asynchronous) (feature `tokio`).
pub struct Migrator<'host> {
    deployment: Deployment<'host>,
    observer: Box<dyn Observer + Send>,
    tags: BTreeSet<String>,
    without_seeds: bool,
}

impl fmt::Debug for Migrator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrator").field("deployment", &self.deployment).finish_non_exhaustive()
    }
}

impl Migrator<'static> {
    /// Begins a migrator for the database at `url`, such as `sqlite:///app.db`.
    pub fn builder(url: &str) -> Builder<'static> {
        Builder::of(
            DatabaseUrl::parse(url)
                .map(|url| Deployment::new(DatabaseSettings::of(url)))
                .map_err(Error::from),
        )
    }

    /// Begins a migrator with settings that were read from files.
    pub fn with_settings(settings: DatabaseSettings) -> Builder<'static> {
        Builder::of(Ok(Deployment::new(settings)))
    }
}

#[cfg(feature = "sqlite")]
impl<'host> Migrator<'host> {
    /// Begins a migrator over a SQLite connection that the host owns: a file's or one in memory. It has no lock beside the
    /// lease, which the host's own other connections do not know.
    pub fn on(connection: &'host mut crate::driver::HostConnection) -> Builder<'host> {
        let url = match connection.path() {
            Some(path) if !path.is_empty() => DatabaseUrl::file(crate::database::Database::Sqlite, path),
            _ => DatabaseUrl::memory(crate::database::Database::Sqlite),
        };
        Builder::of(Ok(Deployment::on(DatabaseSettings::of(url), connection)))
    }
}

/// What a migrator is made of.
pub struct Builder<'host> {
    deployment: Result<Deployment<'host>, Error>,
    observer: Box<dyn Observer + Send>,
    tags: BTreeSet<String>,
    without_seeds: bool,
}

impl fmt::Debug for Builder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("deployment", &self.deployment).finish_non_exhaustive()
    }
}

impl<'host> Builder<'host> {
    fn of(deployment: Result<Deployment<'host>, Error>) -> Self {
        Self { deployment, observer: Box::new(Silent), tags: BTreeSet::new(), without_seeds: false }
    }

    fn set(mut self, change: impl FnOnce(&mut Deployment<'host>)) -> Self {
        if let Ok(deployment) = &mut self.deployment {
            change(deployment);
        }
        self
    }

    /// Takes the migrations from a directory; `migrations` unless it is said.
    #[must_use]
    pub fn directory(self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        self.set(|deployment| deployment.source = Source::Directory(directory))
    }

    /// Takes the migrations that were compiled in: see [`embedded!`](crate::embedded).
    #[must_use]
    pub fn embedded(self, files: &'static [EmbeddedFile]) -> Self {
        self.set(|deployment| deployment.source = Source::Embedded(files))
    }

    /// Takes texts with the names that they would have as files.
    #[must_use]
    pub fn texts(self, texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let texts = texts.into_iter().map(|(name, text)| (name, text.into())).collect();
        self.set(|deployment| deployment.source = Source::Texts(texts))
    }

    /// Adds a migration in Rust to those of the files. Where there are no files, say so by [`Builder::texts`] with none.
    #[must_use]
    pub fn rust(self, migration: RustMigration) -> Self {
        self.set(|deployment| deployment.rust.push(migration))
    }

    /// Calls `hook` around each migration.
    #[must_use]
    pub fn hook(self, hook: impl Hook + 'static) -> Self {
        self.set(|deployment| deployment.hooks.push(Arc::new(hook)))
    }

    /// Sets the environment, for migrations that name one. `prod` is protected, as it is where settings are read from files.
    #[must_use]
    pub fn environment(self, name: &str) -> Self {
        let environment = Environment::parse(name);
        self.set(|deployment| {
            deployment.settings.protected |= environment == Some(Environment::Prod);
            deployment.settings.environment = environment;
        })
    }

    /// Runs migrations with this tag too.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.insert(tag.into());
        self
    }

    /// Leaves seeds out.
    #[must_use]
    pub fn without_seeds(mut self) -> Self {
        self.without_seeds = true;
        self
    }

    /// Sets how long to wait for the lock of another run; a minute unless it is said.
    #[must_use]
    pub fn lock_wait(self, wait: Duration) -> Self {
        self.set(|deployment| deployment.lock.wait = wait)
    }

    /// Sets whether SQLite checks foreign keys while migrations run; it does not unless it is said.
    #[must_use]
    pub fn foreign_keys(self, on: bool) -> Self {
        self.set(|deployment| deployment.settings.foreign_keys = on)
    }

    /// Fails on a database to which a later release has been, rather than go on.
    #[must_use]
    pub fn strict_ahead(self) -> Self {
        self.set(|deployment| deployment.settings.strict_ahead = true)
    }

    /// Gives our tables other names.
    #[must_use]
    pub fn tables(self, tables: Tables) -> Self {
        self.set(|deployment| deployment.settings.tables = tables)
    }

    /// Records `who` as who ran it; user@host of the process unless it is said.
    #[must_use]
    pub fn applied_by(self, who: impl Into<String>) -> Self {
        let who = who.into();
        self.set(|deployment| deployment.who = who)
    }

    /// Tells `observer` what happens.
    #[must_use]
    pub fn on_event(mut self, observer: impl FnMut(&Event<'_>) + Send + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Takes the time from `clock`.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        self.set(|deployment| deployment.clock = clock)
    }

    /// Tells `points` each named point of a run that is passed: for tests that end the process there.
    #[must_use]
    pub fn points(self, points: Points) -> Self {
        self.set(|deployment| deployment.points = Some(points))
    }

    /// Returns the migrator. Nothing is opened or read yet.
    ///
    /// # Errors
    /// An address that is none.
    pub fn build(self) -> Result<Migrator<'host>, Error> {
        Ok(Migrator {
            deployment: self.deployment?,
            observer: self.observer,
            tags: self.tags,
            without_seeds: self.without_seeds,
        })
    }
}

impl<'host> Migrator<'host> {
    /// Returns the database with its settings.
    pub fn deployment(&mut self) -> &mut Deployment<'host> {
        &mut self.deployment
    }

    /// Returns what cancels a run of this migrator from another thread.
    pub fn cancel_handle(&self) -> Cancel {
        self.deployment.cancel.clone()
    }

    fn options(&self) -> MigrateOptions {
        MigrateOptions {
            tags: self.tags.clone(),
            without_seeds: self.without_seeds,
            ..MigrateOptions::default()
        }
    }

    fn selection(&self) -> Selection {
        Selection {
            tags: self.tags.clone(),
            environment: self.deployment.environment(),
            without_seeds: self.without_seeds,
        }
    }

    /// Applies all that is pending. Safe where many instances start at once, and quick where nothing is pending.
    ///
    /// # Errors
    /// What keeps it from being run, or the migration that failed; [`Error::report`] says what was applied before.
    pub fn migrate(&mut self) -> Result<Report, Error> {
        self.migrate_with(&self.options())
    }

    /// Applies all that is pending, as a service does at its start, and tells `probe` how far it is. Waits for another instance that
    /// migrates no longer than [`Builder::lock_wait`] says.
    ///
    /// # Errors
    /// As [`Migrator::migrate`]; the probe says so too.
    pub fn start(&mut self, probe: &Probe) -> Result<Report, Error> {
        let options = self.options();
        let start = probe.unwinding();
        let mut observer = Watched { probe, beside: &mut *self.observer };
        let outcome = migrate(&mut self.deployment, &options, &mut observer);
        start.ends(&outcome);
        outcome
    }

    /// Makes the tables of the records where they are not there, and applies nothing.
    ///
    /// # Errors
    /// The database cannot be reached, or the role may not make them; the lock.
    pub fn initialize(&mut self) -> Result<(), Error> {
        initialize(&mut self.deployment, &mut *self.observer)
    }

    /// Returns whether the database answers, and how it is with files, records and lock. What is wrong is in the value.
    pub fn health(&mut self) -> Health {
        let selection = self.selection();
        health(&mut self.deployment, &selection)
    }

    /// Returns every migration with the text of its scripts: the versioned ones in order, then the repeatables.
    ///
    /// # Errors
    /// A file that is no migration, or that cannot be read.
    pub fn migrations(&self) -> Result<Vec<Loaded>, Error> {
        load(&self.deployment)
    }

    /// Applies what is pending up to `target`: an id, a number, a prefix, `head`, `+2`.
    ///
    /// # Errors
    /// As [`Migrator::migrate`]; a target that is not there.
    pub fn migrate_to(&mut self, target: &str) -> Result<Report, Error> {
        let target = Some(target.parse::<Target>()?);
        self.migrate_with(&MigrateOptions { target, ..self.options() })
    }

    /// Applies the next `count` migrations.
    ///
    /// # Errors
    /// As [`Migrator::migrate`]; a count of 0, or more than are pending.
    pub fn migrate_count(&mut self, count: u64) -> Result<Report, Error> {
        self.migrate_with(&MigrateOptions { count: Some(count), ..self.options() })
    }

    /// Applies what `options` ask for.
    ///
    /// # Errors
    /// As [`Migrator::migrate`].
    pub fn migrate_with(&mut self, options: &MigrateOptions) -> Result<Report, Error> {
        migrate(&mut self.deployment, options, &mut *self.observer)
    }

    /// Returns what [`Migrator::migrate`] would run, without changing anything.
    ///
    /// # Errors
    /// As [`Migrator::migrate`].
    pub fn plan(&mut self) -> Result<Option<Plan>, Error> {
        let report = self.migrate_with(&MigrateOptions { dry_run: true, ..self.options() })?;
        Ok(report.plan)
    }

    /// Undoes the last migration.
    ///
    /// # Errors
    /// A migration without a down script, before anything is changed; the migration that failed.
    pub fn rollback(&mut self) -> Result<Report, Error> {
        self.rollback_with(&RollbackOptions::default())
    }

    /// Undoes all that came after `target`, which stays applied; `base` undoes everything.
    ///
    /// # Errors
    /// As [`Migrator::rollback`]; a target that is not applied.
    pub fn rollback_to(&mut self, target: &str) -> Result<Report, Error> {
        let target = Some(target.parse::<Target>()?);
        self.rollback_with(&RollbackOptions { target, ..RollbackOptions::default() })
    }

    /// Undoes the last `count` migrations.
    ///
    /// # Errors
    /// As [`Migrator::rollback`]; a count of 0, or more than are applied.
    pub fn rollback_count(&mut self, count: u64) -> Result<Report, Error> {
        self.rollback_with(&RollbackOptions { count: Some(count), ..RollbackOptions::default() })
    }

    /// Undoes what `options` ask for.
    ///
    /// # Errors
    /// As [`Migrator::rollback`].
    pub fn rollback_with(&mut self, options: &RollbackOptions) -> Result<Report, Error> {
        rollback(&mut self.deployment, options, &mut *self.observer)
    }

    /// Returns whether a program may start on the database as it is. Reads alone.
    ///
    /// # Errors
    /// A file that is no migration; a database that cannot be read.
    pub fn ready(&mut self) -> Result<Readiness, Error> {
        let selection = self.selection();
        ready(&mut self.deployment, &selection)
    }

    /// Returns where the database stands.
    ///
    /// # Errors
    /// A file that is no migration; a database that cannot be read.
    pub fn status(&mut self) -> Result<Status, Error> {
        let options = StatusOptions { tags: self.tags.clone(), without_seeds: self.without_seeds };
        status(&mut self.deployment, &options)
    }

    /// Returns files and records, and how they stand to each other.
    ///
    /// # Errors
    /// A file that is no migration; a database that cannot be read.
    pub fn survey(&mut self) -> Result<Survey, Error> {
        let selection = self.selection();
        survey(&mut self.deployment, &selection)
    }

    /// Returns the revisions that nothing applied stands on; none on an empty database.
    ///
    /// # Errors
    /// As [`Migrator::survey`].
    pub fn current(&mut self) -> Result<Vec<RevisionId>, Error> {
        Ok(self.survey()?.state.current)
    }

    /// Returns the heads of the files: one, unless the graph branches.
    ///
    /// # Errors
    /// A file that is no migration.
    pub fn heads(&self) -> Result<Vec<RevisionId>, Error> {
        Ok(files(&self.deployment)?.graph().heads().into_iter().cloned().collect())
    }

    /// Returns what is pending, in order.
    ///
    /// # Errors
    /// As [`Migrator::survey`].
    pub fn pending(&mut self) -> Result<Vec<RevisionId>, Error> {
        Ok(self.survey()?.state.pending)
    }

    /// Returns whether anything is pending.
    ///
    /// # Errors
    /// As [`Migrator::survey`].
    pub fn has_pending(&mut self) -> Result<bool, Error> {
        Ok(self.survey()?.state.pending_count() > 0)
    }

    /// Returns whether the migration that `reference` names is applied.
    ///
    /// # Errors
    /// As [`Migrator::survey`]; a reference that names none.
    pub fn is_applied(&mut self, reference: &str) -> Result<bool, Error> {
        let survey = self.survey()?;
        if survey.history.applied.iter().any(|row| row.version.as_str() == reference) {
            return Ok(true);
        }
        let (graph, versions) = (survey.set.graph(), &survey.state.versions);
        let id = graph.locate_from(reference, versions)?;
        Ok(survey.history.get(&id).is_some() || graph.is_applied(&id, versions))
    }

    /// Returns what is applied, oldest first.
    ///
    /// # Errors
    /// As [`Migrator::survey`].
    pub fn applied(&mut self) -> Result<Vec<Arc<Applied>>, Error> {
        Ok(self.survey()?.history.applied)
    }

    /// Makes the records say that `target` and its ancestors are applied, and nothing else, without running anything.
    ///
    /// # Errors
    /// A target that is not there; a protected database, to which [`Migrator::stamp_with`] says that somebody agreed; the lock; the
    /// engine's answer.
    pub fn stamp(&mut self, target: &str) -> Result<Report, Error> {
        self.stamp_with(&StampOptions {
            stamp: Stamp::Exactly(target.parse()?),
            dry_run: false,
            agreed: false,
        })
    }

    /// Makes the records say what `options` ask for, without running anything.
    ///
    /// # Errors
    /// As [`Migrator::stamp`].
    pub fn stamp_with(&mut self, options: &StampOptions) -> Result<Report, Error> {
        stamp(&mut self.deployment, options, &mut *self.observer)
    }

    /// Takes over what another tool recorded, without running anything; once that is done, finds it done.
    ///
    /// # Errors
    /// As [`adopt`](crate::ops::adopt::adopt).
    pub fn adopt(&mut self, options: &AdoptOptions) -> Result<Adoption, Error> {
        adopt(&mut self.deployment, options, &mut *self.observer)
    }

    /// Compares files, records and lock.
    ///
    /// # Errors
    /// As [`Migrator::survey`].
    pub fn verify(&mut self) -> Result<Verification, Error> {
        verify(&mut self.deployment, None)
    }

    /// Returns what is in the database, our own tables apart: every object with its definition in the engine's own words, and digests of
    /// the rows of each table, which are read once. [`Fingerprint::differences`] tells two of one engine's version apart.
    ///
    /// # Errors
    /// The database cannot be reached, or something in it may not be read.
    pub fn fingerprint(&mut self) -> Result<Fingerprint, Error> {
        fingerprint(&mut self.deployment)
    }

    /// Copies the database into `directory`, by the engine's own means.
    ///
    /// # Errors
    /// The database cannot be reached; the engine's tool is missing or failed; the directory cannot be written.
    pub fn backup(&mut self, directory: &Path) -> Result<Made, Error> {
        let options = BackupOptions { directory: Some(directory.to_owned()) };
        backup(&mut self.deployment, &options)
    }

    /// Replaces the database by a backup, which is verified first.
    ///
    /// # Errors
    /// As [`restore`](crate::ops::restore::restore).
    pub fn restore(&mut self, options: &RestoreOptions) -> Result<Restored, Error> {
        restore(&mut self.deployment, options, &mut *self.observer)
    }

    /// Returns the SQL of `operations` for the engine, both ways; [`Migrator::create_with`] makes a file of it. The database is asked
    /// only where what is there matters.
    ///
    /// # Errors
    /// As [`template`](crate::ops::template::template).
    pub fn template(&mut self, operations: &[Operation]) -> Result<Template, Error> {
        template(&mut self.deployment, operations)
    }

    /// Writes an empty migration into the directory, with the next free id.
    ///
    /// # Errors
    /// A text that gives no name; a source that is no directory.
    pub fn create(&self, description: &str) -> Result<Created, Error> {
        self.create_from(&NewOptions::of(description))
    }

    /// Writes a migration with its SQL into the directory, with the next free id.
    ///
    /// # Errors
    /// As [`Migrator::create`].
    pub fn create_with(&self, description: &str, up: &str, down: Option<&str>) -> Result<Created, Error> {
        let scripts = Scripts { up: up.to_owned(), down: down.map(str::to_owned) };
        self.create_from(&NewOptions { scripts: Some(scripts), ..NewOptions::of(description) })
    }

    /// Writes a migration as `options` ask for: with the time as its id, with a parent, as a repeatable.
    ///
    /// # Errors
    /// As [`Migrator::create`]; an id that is taken; a parent or dependency that is not there.
    pub fn create_from(&self, options: &NewOptions) -> Result<Created, Error> {
        new(&self.deployment, options)
    }

    /// Writes a migration that joins all heads, or those that `options` name. Writes none where there is one head.
    ///
    /// # Errors
    /// A revision that is not there or is no head; a source that is no directory.
    pub fn merge(&self, options: &MergeOptions) -> Result<Merged, Error> {
        merge(&self.deployment, options)
    }

    /// Writes one migration in the place of many, and moves those into a directory, once it is proved on scratch databases that both come
    /// to the same. Writes nothing where there are fewer than two.
    ///
    /// # Errors
    /// As [`squash`](crate::ops::squash::squash).
    pub fn squash(&mut self, options: &SquashOptions) -> Result<Squashed, Error> {
        squash(&mut self.deployment, options)
    }

    /// Compares the directory's files with those of `base`, a branch, tag or commit, by git. Asks no database.
    ///
    /// # Errors
    /// Git, or a base that it does not know; a file of either side that is no migration.
    pub fn compare(&self, base: &str) -> Result<Comparison, Error> {
        against(&self.deployment, base)
    }

    /// Gives `file` the next free number: another branch took its own.
    ///
    /// # Errors
    /// A file that is none of the directory's, or that the database has applied; headers of which it is not clear which file they mean.
    pub fn renumber(&mut self, file: &Path) -> Result<Renumbered, Error> {
        renumber(&mut self.deployment, file)
    }
}
