//! What can be typed. The doc comments are the help.
#![expect(clippy::doc_markdown, reason = "the help has no backticks")]

mod backup;
mod merge;
mod records;
mod seed;
mod squash;
pub(crate) mod template;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};
use dbwarden::migration::graph::Target;

pub(crate) use self::backup::{BackupDirectory, Before, BeforeUndoing, Restore};
pub(crate) use self::merge::Merge;
pub(crate) use self::records::{Adopt, Stamp};
pub(crate) use self::seed::{SeedApply, SeedRollback};
pub(crate) use self::squash::Squash;

const GROUPS: &str = "\
Start    init  doctor  config  database list
Write    new  template
Apply    migrate  rollback  stamp  seed apply  seed list  seed rollback
See      status  history  show  heads  branches  verify
Team     merge  squash  adopt
Recover  lock-status  unlock  backup  backups  restore
Other    version  completions  man

Every command: dbwarden <command> --help";

const STYLES: Styles =
    Styles::styled().header(AnsiColor::Green.on_default()).literal(AnsiColor::Cyan.on_default());

/// Database migrations that are proved by killing them.
#[derive(Debug, Parser)]
#[command(name = "dbwarden", version, styles = STYLES, max_term_width = 100, after_help = GROUPS)]
#[command(disable_help_subcommand = true, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes, before or after its name.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Global {
    /// The database, by its name in warden.toml
    #[arg(short, long, global = true, value_name = "NAME", help_heading = "Which database")]
    pub(crate) database: Option<String>,
    /// Every database in warden.toml, one after the other
    #[arg(long, global = true, conflicts_with = "database", help_heading = "Which database")]
    pub(crate) all: bool,
    /// With --all: so many databases at once; what each says comes in one piece when it is done
    #[arg(long, global = true, value_name = "N", requires = "all", value_parser = jobs, help_heading = "Which database")]
    pub(crate) jobs: Option<usize>,
    /// The database's address, or env:NAME for the variable that holds it
    #[arg(long, global = true, value_name = "URL", help_heading = "Which database")]
    pub(crate) url: Option<String>,
    /// The directory of migrations
    #[arg(long, global = true, value_name = "DIR", help_heading = "Which database")]
    pub(crate) migrations: Option<PathBuf>,
    /// The settings file, in place of the nearest warden.toml
    #[arg(long, global = true, value_name = "FILE", help_heading = "Which database")]
    pub(crate) config: Option<PathBuf>,
    /// The environment: dev, staging, prod, or a name of your own
    #[arg(long, global = true, value_name = "NAME", help_heading = "Which database")]
    pub(crate) env: Option<String>,
    /// Use the database's dev_url
    #[arg(long, global = true, help_heading = "Which database")]
    pub(crate) dev: bool,
    /// With --dev: fail where a translation loses something
    #[arg(long, global = true, help_heading = "Which database")]
    pub(crate) strict_translation: bool,
    /// Print one JSON document in place of text
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// Print errors alone
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Print each statement as it runs
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) verbose: bool,
    /// No colours; the variable NO_COLOR does the same
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) no_color: bool,
    /// Agree to what a protected database asks
    #[arg(short, long, global = true, help_heading = "Safety")]
    pub(crate) yes: bool,
    /// How long to wait for another run's lock
    #[arg(long, global = true, value_name = "TIME", value_parser = duration, help_heading = "Safety")]
    pub(crate) lock_wait: Option<Duration>,
    #[arg(skip)] // What was typed behind the command, for the next steps.
    pub(crate) repeated: crate::repeated::Repeated,
}

fn duration(text: &str) -> Result<Duration, String> {
    dbwarden::project::parse_duration(text).map_err(|error| error.to_string())
}

fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=64) => Ok(jobs),
        _ => Err("so many at once: a whole number from 1 to 64".to_owned()),
    }
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "a count is a whole number, from 1".to_owned())
}

fn target(text: &str) -> Result<Target, String> {
    text.parse().map_err(|error: dbwarden::migration::graph::TargetError| error.to_string())
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lay out a new project: warden.toml, migrations/ and an example
    #[command(after_help = "\
Examples:
  dbwarden init
  dbwarden init -d shop --url '${DATABASE_URL}'")]
    Init,
    /// Write an empty migration, in the style of those that are there [also: create, revision]
    #[command(
        alias = "revision",
        after_help = "\
Examples:
  dbwarden new \"add coupons\"
  dbwarden new --renumber migrations/0007_add_coupons.sql"
    )]
    New(New),
    /// Write a migration: an empty one, until models can be compared
    #[command(
        hide = true,
        after_help = "\
Examples:
  dbwarden create \"add coupons\"
  dbwarden create \"fill emails\" --no-autogenerate"
    )]
    Create(New),
    /// Write the SQL of a usual change, both ways
    #[command(after_help = "\
Examples:
  dbwarden template add-column --table users --column phone --type 'string(20)'
  dbwarden template create-table --table posts --column title:text --write \"create posts\"")]
    Template {
        /// What is to be changed
        #[command(subcommand)]
        kind: template::Template,
    },
    /// Apply what is pending [also: upgrade]
    #[command(
        alias = "upgrade",
        after_help = "\
Examples:
  dbwarden migrate
  dbwarden migrate -t 0007 --dry-run"
    )]
    Migrate(Migrate),
    /// Undo what is applied, one migration unless told otherwise [also: downgrade]
    #[command(
        alias = "downgrade",
        after_help = "\
Examples:
  dbwarden rollback
  dbwarden rollback -t 0003"
    )]
    Rollback(Rollback),
    /// Work with seeds alone
    Seed {
        /// What to do
        #[command(subcommand)]
        command: Seed,
    },
    /// Show where the database stands [also: current]
    #[command(
        alias = "current",
        after_help = "\
Examples:
  dbwarden status
  dbwarden status --check"
    )]
    Status(Status),
    /// Show all revisions, newest first, and when each was applied
    #[command(after_help = "\
Examples:
  dbwarden history
  dbwarden history --json")]
    History,
    /// Show the revisions that nothing stands on
    #[command(after_help = "\
Examples:
  dbwarden heads
  dbwarden heads --json")]
    Heads,
    /// Show where the graph branches, and the labels
    #[command(after_help = "\
Examples:
  dbwarden branches
  dbwarden branches --json")]
    Branches,
    /// Join heads by a migration that has them as parents
    #[command(after_help = "\
Examples:
  dbwarden merge
  dbwarden merge -m \"sms and push\" 0007 0008")]
    Merge(Merge),
    /// Write one migration in the place of many, proved equal on scratch databases
    #[command(after_help = "\
Examples:
  dbwarden squash
  dbwarden squash --to 0020 -m \"schema of 2025\"
  dbwarden squash --from 0021 --to 0030 --dry-run")]
    Squash(Squash),
    /// Show one revision: its file, its place, its scripts
    #[command(after_help = "\
Examples:
  dbwarden show 0004
  dbwarden show head")]
    Show {
        /// The revision: an id, a number, a prefix, head, NAME@head, ID-1, +1
        #[arg(value_name = "REV", allow_hyphen_values = true)]
        revision: String,
    },
    /// Make the records say that REV and its ancestors are applied, without running anything
    #[command(after_help = "\
Examples:
  dbwarden stamp head
  dbwarden stamp --remove 0004")]
    Stamp(Stamp),
    /// Take over what another tool recorded, without running anything
    #[command(after_help = "\
Examples:
  dbwarden adopt --dry-run
  dbwarden adopt --from alembic")]
    Adopt(Adopt),
    /// Compare files, records and lock
    #[command(after_help = "\
Examples:
  dbwarden verify --against origin/main
  dbwarden verify --accept 0002 --reason \"only the order of columns in the seed\"")]
    Verify(Verify),
    /// Show who holds the lock
    #[command(after_help = "\
Examples:
  dbwarden lock-status
  dbwarden lock-status -d primary")]
    LockStatus,
    /// Release the lock of a run that is gone
    #[command(after_help = "\
Examples:
  dbwarden unlock
  dbwarden unlock --force")]
    Unlock {
        /// Take it from a run that lives: that run can commit nothing any more
        #[arg(long)]
        force: bool,
    },
    /// Copy the database, by the engine's own means
    #[command(after_help = "\
Examples:
  dbwarden backup
  dbwarden backup -d primary --backup-dir /var/backups/shop")]
    Backup(BackupDirectory),
    /// List the backups
    #[command(after_help = "\
Examples:
  dbwarden backups
  dbwarden backups --all --json")]
    Backups(BackupDirectory),
    /// Replace the database by a backup, which is verified first; what is replaced is backed up too
    #[command(after_help = "\
Examples:
  dbwarden restore backups/primary_20261120_140211.db
  dbwarden restore primary_20261120_140211.dump --backup-dir /var/backups/shop")]
    Restore(Restore),
    /// Show the settings, where each comes from, and no secret
    #[command(after_help = "\
Examples:
  dbwarden config
  dbwarden config -d primary")]
    Config,
    /// Work with the databases in warden.toml
    Database {
        /// What to do
        #[command(subcommand)]
        command: Database,
    },
    /// Look at everything a run will need
    #[command(after_help = "\
Examples:
  dbwarden doctor
  dbwarden doctor --all")]
    Doctor,
    /// Print the version
    #[command(after_help = "\
Examples:
  dbwarden version
  dbwarden version --json")]
    Version,
    /// Print a shell's completions
    #[command(after_help = "\
Examples:
  dbwarden completions bash > /etc/bash_completion.d/dbwarden
  dbwarden completions fish > ~/.config/fish/completions/dbwarden.fish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    #[command(after_help = "\
Examples:
  dbwarden man | man -l -
  dbwarden man > /usr/local/share/man/man1/dbwarden.1")]
    Man,
    /// Commands of a later version.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// Work with the databases in warden.toml.
#[derive(Debug, Subcommand)]
pub(crate) enum Database {
    /// List the databases in warden.toml
    #[command(after_help = "\
Examples:
  dbwarden database list
  dbwarden database list --json")]
    List,
    /// Commands of a later version.
    #[command(external_subcommand)]
    Other(Vec<String>),
}

/// Options of `new`.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// What it does, in a few words
    #[arg(value_name = "TEXT", required_unless_present_any = ["message", "renumber"])]
    pub(crate) text: Option<String>,
    /// What it does, in a few words
    #[arg(short, long, value_name = "TEXT", conflicts_with = "text")]
    pub(crate) message: Option<String>,
    /// The id, in place of the next free one
    #[arg(long, value_name = "ID")]
    pub(crate) version: Option<String>,
    /// The kind
    #[arg(long = "type", value_name = "KIND", default_value = "versioned")]
    pub(crate) kind: NewKind,
    /// The parent, in place of the file before it
    #[arg(long, value_name = "REV")]
    pub(crate) head: Option<String>,
    /// What must be applied before
    #[arg(long, value_name = "REV", value_delimiter = ',')]
    pub(crate) depends_on: Vec<String>,
    /// The time as id
    #[arg(long)]
    pub(crate) timestamp: bool,
    /// Give this file the next free number, since another branch took its own
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text", "message", "version", "kind", "head", "depends_on", "timestamp"])]
    pub(crate) renumber: Option<PathBuf>,
    /// Write an empty migration; accepted for `create`
    #[arg(long, hide = true)]
    pub(crate) no_autogenerate: bool,
    /// Compare models: comes with a later version
    #[arg(long, hide = true)]
    pub(crate) autogenerate: bool,
}

/// Work with seeds alone.
#[derive(Debug, Subcommand)]
pub(crate) enum Seed {
    /// Apply the seeds that are pending, and nothing else
    #[command(after_help = "\
Examples:
  dbwarden seed apply
  dbwarden seed apply --tag demo --dry-run")]
    Apply(SeedApply),
    /// List the seeds, and when each was applied
    #[command(after_help = "\
Examples:
  dbwarden seed list
  dbwarden seed list --env staging")]
    List {
        /// With the seeds of this tag too; may stand several times
        #[arg(long, value_name = "TAG", value_delimiter = ',')]
        tag: Vec<String>,
    },
    /// Undo seeds, the newest one unless told otherwise; what is no seed stays
    #[command(after_help = "\
Examples:
  dbwarden seed rollback
  dbwarden seed rollback -c 3")]
    Rollback(SeedRollback),
}

impl Seed {
    /// The command as it is typed.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Seed::Apply(_) => "seed apply",
            Seed::List { .. } => "seed list",
            Seed::Rollback(_) => "seed rollback",
        }
    }
}

/// The kind of a new migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKind {
    /// Runs once
    Versioned,
    /// Runs with each migrate
    Ra,
    /// Runs when it changed
    Roc,
    /// Runs once, and holds data
    Seed,
}

/// Options of `migrate`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Migrate {
    /// Up to this revision: an id, a number, a prefix, head, heads, NAME@head, +N
    #[arg(value_name = "REV", value_parser = target, conflicts_with = "to_version", allow_negative_numbers = true)]
    pub(crate) revision: Option<Target>,
    /// Up to this revision
    #[arg(short, long, value_name = "REV", visible_alias = "revision", value_parser = target, allow_negative_numbers = true)]
    pub(crate) to_version: Option<Target>,
    /// So many migrations
    #[arg(short, long, value_name = "N", value_parser = whole, allow_negative_numbers = true, conflicts_with_all = ["revision", "to_version"])]
    pub(crate) count: Option<u64>,
    /// Show what would run, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the script, without a connection
    #[arg(long)]
    pub(crate) sql: bool,
    /// With --sql: the script for a database that is at REV
    #[arg(long, value_name = "REV", value_parser = target, requires = "sql")]
    pub(crate) from: Option<Target>,
    /// Record as applied, without running
    #[arg(long)]
    pub(crate) baseline: bool,
    /// Run migrations with this tag too; may stand several times
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(crate) tag: Vec<String>,
    /// Refuse a pending migration that is older than an applied one, and several heads
    #[arg(long)]
    pub(crate) strict: bool,
    /// All pending ones in one transaction
    #[arg(long)]
    pub(crate) single_transaction: bool,
    /// Leave seeds out
    #[arg(long)]
    pub(crate) no_seeds: bool,
    /// What to do with a statement that was running when its run ended, where the database does not tell whether it was done
    #[arg(long, value_name = "HOW")]
    pub(crate) resume: Option<Resume>,
    #[command(flatten)]
    pub(crate) before: Before,
    #[command(flatten)]
    pub(crate) later: Later,
}

/// What `--resume` takes.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Resume {
    /// Run it again
    Retry,
    /// Count it as done
    Skip,
}

impl From<Resume> for dbwarden::apply::run::Resume {
    fn from(resume: Resume) -> Self {
        match resume {
            Resume::Retry => Self::Retry,
            Resume::Skip => Self::Skip,
        }
    }
}

/// Options of `migrate` and `rollback` that come with a later version: accepted, so that the answer can say so.
#[derive(Debug, Args)]
pub(crate) struct Later {
    #[arg(long, hide = true)]
    sandbox: bool,
    #[arg(long, hide = true)]
    phase: Option<String>,
}

impl Later {
    /// The first of them that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        [(self.sandbox, "--sandbox"), (self.phase.is_some(), "--phase")]
            .into_iter()
            .find_map(|(given, name)| given.then_some(name))
    }
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct Rollback {
    /// Down to this revision, which stays applied: an id, a number, a prefix, base, -N; a repeatable (RA__views) is undone itself, alone
    #[arg(value_name = "REV", value_parser = target, conflicts_with = "to_version", allow_hyphen_values = true)]
    pub(crate) revision: Option<Target>,
    /// Down to this revision, which stays applied
    #[arg(short, long, value_name = "REV", visible_alias = "revision", value_parser = target, allow_hyphen_values = true)]
    pub(crate) to_version: Option<Target>,
    /// So many migrations
    #[arg(short, long, value_name = "N", value_parser = whole, allow_negative_numbers = true, conflicts_with_all = ["revision", "to_version"])]
    pub(crate) count: Option<u64>,
    /// Show what would run, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave out the checks before a rollback
    #[arg(long)]
    pub(crate) no_safety_check: bool,
    /// What to do with a statement that was running when its run ended, where the database does not tell whether it was done
    #[arg(long, value_name = "HOW")]
    pub(crate) resume: Option<Resume>,
    #[command(flatten)]
    pub(crate) before: BeforeUndoing,
    #[command(flatten)]
    pub(crate) later: Later,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Exit with 3 when something is pending
    #[arg(long)]
    pub(crate) check: bool,
    /// Count migrations with this tag too; may stand several times
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    pub(crate) tag: Vec<String>,
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// This revision alone
    #[arg(value_name = "REV", allow_hyphen_values = true)]
    pub(crate) revision: Option<String>,
    /// Compare the files with those of a base branch, without a database: what changed, what comes late, what is there twice
    #[arg(long, value_name = "REF", conflicts_with_all = ["revision", "accept"])]
    pub(crate) against: Option<String>,
    /// Accept what was found of this revision
    #[arg(long, value_name = "REV", requires = "reason", conflicts_with = "revision")]
    pub(crate) accept: Option<String>,
    /// Why it is accepted
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Up, down and up again on a scratch database: comes with a later version
    #[arg(long, hide = true)]
    pub(crate) round_trip: bool,
}
