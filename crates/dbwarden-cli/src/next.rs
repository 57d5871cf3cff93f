//! What to type next, after each error and beside what `status` and `verify` found.

mod adopt;
mod backup;
mod scratch;
mod squash;
mod step;
mod template;

pub(crate) use adopt::LOOK;

use dbwarden::apply::failure::Cause;
use dbwarden::apply::history::HistoryError;
use dbwarden::apply::lock::LockError;
use dbwarden::driver::{DriverError, DriverErrorKind};
use dbwarden::error::Refusal;
use dbwarden::migration::RevisionId;
use dbwarden::migration::applied::Direction;
use dbwarden::migration::graph::{GraphError, Need};
use dbwarden::migration::plan::PlanError;
use dbwarden::migration::source::SourceProblem;
use dbwarden::ops::verify::Finding;
use dbwarden::sql::TextError;
use dbwarden::url::DatabaseUrl;
use dbwarden::{Error, ErrorKind};

use crate::args::Global;

/// Puts the global options that were typed into the commands of `next`, so that they can be typed as they stand. A password is
/// never among them.
pub(crate) fn as_typed(next: &str, global: &Global, database: Option<&str>) -> String {
    let mut parts: Vec<String> = next.split('`').map(str::to_owned).collect();
    let mut hidden = false;
    // Every second part stands between backticks; the last one is never closed.
    let last = parts.len() - 1;
    for command in parts.iter_mut().take(last).skip(1).step_by(2) {
        let Some(words) = command.strip_prefix("dbwarden ") else { continue };
        if words.starts_with('-') || words.contains("--help") {
            continue;
        }
        let of_all = ["database ", "init", "version"].iter().any(|all| words.starts_with(all));
        let repeated = global.repeated.options(words);
        let (options, secret) = options(global, database.filter(|_| !of_all), of_all);
        hidden |= secret;
        command.push_str(&repeated);
        command.push_str(&options);
    }
    let said = if hidden { ", with the same --url" } else { "" };
    parts.join("`") + said
}

/// The options that were typed, with a space before each; and whether an address was left out.
fn options(global: &Global, database: Option<&str>, of_all: bool) -> (String, bool) {
    let mut options = String::new();
    let mut add = |name: &str, value: &str| {
        options.push_str(&format!(" {name} {}", quoted(value)));
    };
    let name = if global.all { database } else { global.database.as_deref().filter(|_| !of_all) };
    if let Some(name) = name {
        add("-d", name);
    }
    if let Some(config) = &global.config {
        add("--config", &config.display().to_string());
    }
    if let Some(env) = &global.env {
        add("--env", env);
    }
    if let Some(migrations) = &global.migrations {
        add("--migrations", &migrations.display().to_string());
    }
    let open = |url: &&String| {
        url.starts_with("env:")
            || DatabaseUrl::parse(url).is_ok_and(|parsed| parsed.secret_url() == parsed.masked())
    };
    let url = global.url.as_ref();
    if let Some(url) = url.filter(open) {
        add("--url", url);
    }
    if global.dev {
        options.push_str(" --dev");
    }
    (options, url.is_some_and(|url| !open(&url)))
}

/// `value` as a shell takes it for one word.
pub(crate) fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@+,%".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

/// What to type next.
pub(crate) fn after(error: &Error) -> String {
    if let Some(driver) = damaged(error) {
        if !driver.code.as_ref().is_some_and(|code| code.starts_with("SQLITE")) {
            return "run the same command again; where it says the same, `dbwarden restore` brings a backup back (`dbwarden backups` lists \
                    them), or the engine's own tools mend it"
                .to_owned();
        }
        return "copy the file aside; `PRAGMA integrity_check` says what is damaged, and a backup or sqlite3's `.recover` brings it \
                back"
            .to_owned();
    }
    if let ErrorKind::Step { step, .. } = error.kind() {
        return step::after(step);
    }
    match error.kind() {
        ErrorKind::Adopt(error) => return adopt::after(error),
        ErrorKind::SetAside { error, .. } => return after(error),
        ErrorKind::ForeignRecords { records } if records.from.is_some() => return LOOK.to_owned(),
        ErrorKind::History(history) if history.of_known_tool().is_some() => return LOOK.to_owned(),
        ErrorKind::Refused { refusal } => return after_refusal(refusal),
        ErrorKind::Template { error, .. } => return template::after(error),
        ErrorKind::Squash(error) => return squash::after(error),
        ErrorKind::Backup(error) => return backup::after(error),
        ErrorKind::Scratch(error) => return scratch::after(error),
        ErrorKind::Restore { error, atomic, replaced } => {
            return backup::after_restore(error, *atomic, replaced.as_deref());
        }
        ErrorKind::Plan(PlanError::Renamed { now, .. }) => {
            return format!(
                "`dbwarden verify --accept {now} --reason \"…\"` moves the record, or give the file its old name"
            );
        }
        ErrorKind::Plan(PlanError::Changed { revisions }) => {
            let id = revisions.first().map_or("REV", |file| file.id.as_str());
            return format!(
                "put the file back as it was and write a new migration; or, where both do the same, `dbwarden verify --accept {id} --reason \"…\"`"
            );
        }
        ErrorKind::Plan(PlanError::Gone { revisions }) => {
            return revisions.first().map_or_else(String::new, after_gone);
        }
        ErrorKind::Plan(PlanError::Ahead { ahead, .. }) => {
            return ahead.first().map_or_else(String::new, after_ahead);
        }
        ErrorKind::StrictAhead { revisions } => {
            return revisions.first().map_or_else(String::new, after_ahead);
        }
        ErrorKind::Plan(PlanError::Irreversible { without_file, .. }) if !without_file.is_empty() => {
            return "put the file back, from version control or the release that has it; or write a new migration that undoes it"
                .to_owned();
        }
        ErrorKind::NothingToAccept { .. } => return "`dbwarden verify` lists what does not agree".to_owned(),
        ErrorKind::Source(source)
            if matches!(source.problem, SourceProblem::UnknownName { directory: false }) =>
        {
            if let Some(next) = after_flyway_name(&source.file) {
                return next;
            }
        }
        ErrorKind::Source(source) => match &source.problem {
            SourceProblem::OtherTool { .. } => {
                return "write `-- upgrade` and `-- rollback` in place of these lines, and take that tool's other lines out".to_owned();
            }
            SourceProblem::UnknownName { directory: true } => {
                return "name the directory as others are, such as 20240101120000_add_coupons, or give up.sql a `-- revision: ID` header".to_owned();
            }
            SourceProblem::EmptyDirectory => {
                return "write its up.sql, or take the directory away".to_owned();
            }
            SourceProblem::PartTwice { .. } => return "keep one of the two".to_owned(),
            SourceProblem::OfOtherFile { file, .. } => {
                return format!("move what stands behind it to {file}");
            }
            _ => {}
        },
        _ => {}
    }
    match error.kind() {
        ErrorKind::Source(source)
            if matches!(source.problem, SourceProblem::NoDirectory { is_file: true, .. }) =>
        {
            return "name the directory that the file is in, with --migrations or in the settings".to_owned();
        }
        ErrorKind::Plan(PlanError::Empty { .. }) => {
            return "write its statements, then run the same command again; `SELECT 1;` says that there is nothing to do"
                .to_owned();
        }
        ErrorKind::Plan(PlanError::Unfinished { version, direction, .. }) => {
            return format!("`dbwarden {}` goes on with it", to_finish(version, *direction));
        }
        ErrorKind::Plan(PlanError::UnfinishedGone { version, direction, .. }) => {
            return after_stuck(version, *direction);
        }
        ErrorKind::Graph(graph) | ErrorKind::Plan(PlanError::Graph(graph)) => match graph {
            GraphError::NotUpward { target } => return format!("`dbwarden rollback -t {target}`"),
            GraphError::NotDownward { target } => return format!("`dbwarden migrate -t {target}`"),
            GraphError::MultipleHeads { .. } => return after_heads(graph),
            GraphError::DuplicateId { id, second, .. } if !id.as_str().contains("__") => {
                return after_taken(second);
            }
            GraphError::DuplicateVersion { second, .. } => return after_taken(second),
            // Among files that name their parents, one that names none is meant as the first.
            GraphError::Cycle { steps } if steps.iter().any(|step| step.need == Need::Parent) => {
                if let Some(step) = steps.iter().find(|step| step.need == Need::VersionOrder) {
                    return format!(
                        "correct the headers of these files; where {} is the first, it says so by `-- down_revision: none`",
                        step.file
                    );
                }
            }
            GraphError::HalfReplaced { .. } => {
                return "put the files that it replaces back where they were, from version control"
                    .to_owned();
            }
            _ => {}
        },
        ErrorKind::Plan(PlanError::Heads(heads)) => return after_heads(&heads.graph),
        ErrorKind::Source(source)
            if matches!(
                source.problem,
                SourceProblem::Text(TextError::NotUtf8 { .. } | TextError::NulByte { .. })
            ) =>
        {
            return "save the file as UTF-8, then run the same command again".to_owned();
        }
        ErrorKind::Lock(LockError::Rights { grant, .. }) => {
            return format!("have the owner run `{grant}`, then run the same command again");
        }
        ErrorKind::History(HistoryError::Stranger { owner, .. }) => {
            return format!(
                "run it as {owner}, the role that made the tables; or find out who made them, and drop them"
            );
        }
        ErrorKind::History(HistoryError::Restoring { file, table, .. }) => {
            return format!(
                "`dbwarden restore {file}` brings it back whole; or, where you made the database whole yourself, drop the table {table}"
            );
        }
        ErrorKind::History(HistoryError::Elsewhere { found, schema, table }) => {
            return format!(
                "`tables.schema = \"{found}\"` in the settings goes on with them; `ALTER TABLE {found}.{table} SET SCHEMA {schema}`, and so \
                 with our other two, moves them; where they are another project's, `tables.schema = \"{schema}\"` begins without them"
            );
        }
        ErrorKind::Lock(LockError::Held { holder: None, .. }) => {
            return "find what else has the database open, or wait longer with `--lock-wait 10m`".to_owned();
        }
        ErrorKind::Lock(LockError::Elsewhere { .. }) => {
            return "end that process, or wait longer with `--lock-wait 10m`".to_owned();
        }
        ErrorKind::Driver { error, .. } if error.kind == DriverErrorKind::Statement => {
            return "correct `session` in the settings: `dbwarden config`".to_owned();
        }
        _ => {}
    }
    let text = match error.code() {
        "no-settings" => "`dbwarden init` writes a first warden.toml; or give --url or DATABASE_URL",
        "settings-missing" => {
            "name the file with --config, or leave --config out for the nearest warden.toml"
        }
        "settings-syntax" | "unknown-key" | "wrong-type" | "conflicting-settings" | "env-file-syntax" => {
            "correct the file, then run the same command again"
        }
        "unset-variable" => "set the variable, or put it into .env, then run the same command again",
        "seed-waits" => "`dbwarden migrate` applies that first",
        "unknown-database" => "`dbwarden database list` shows their names",
        "no-default-database" => "name one with -d, take all with --all, or set `default`",
        "no-url" => "set `url`, or `engine` and `database`, or DATABASE_URL",
        "no-dev-url" => "set `dev_url`, or run without --dev",
        "conflicting-flags" => "leave one of the two out",
        "invalid-environment" => "`--env dev`",
        "no-environment" => "`--env dev`, or set DBWARDEN_ENV",
        "invalid-url" => "an address looks like sqlite:///shop.db or postgresql://user@host/name",
        "locked" | "busy" => "wait longer with `--lock-wait 10m`, or look with `dbwarden lock-status`",
        "open" if matches!(error.answer(), Some(answer) if answer.message.contains("TLS")) => {
            "look at `sslmode` and `sslrootcert` in the address (`dbwarden config`); a server without TLS wants `sslmode=disable`"
        }
        "open" => "look at the address in the settings: `dbwarden config`",
        "not-a-database" => {
            "look at the address in the settings: `dbwarden config`; where the file was a database, put a backup in its place"
        }
        "rights" if error.answer().is_some_and(is_of_a_server) => {
            return error.answer().map_or_else(String::new, crate::rights::wanted)
                + ", then run the same command again";
        }
        "read-only" | "rights" => "give this user the right to write the file and its folder",
        "disk" => {
            return error.answer().map_or("make room on the disk", after_disk).to_owned()
                + ", then run the same command again";
        }
        "no-directory" => "`dbwarden init` makes one, or name it with --migrations",
        "unreadable" | "unwritable" => "look at the file and its rights",
        "up-file" => "give it its up file, or take it away",
        "metadata" => {
            "correct the file, then run the same command again; what else is said of a migration stands in its headers"
        }
        "file-name" => {
            "name it as the others are, such as 0007_add_coupons.sql, or give it a `-- revision: ID` header"
        }
        "sql-text" | "sections" | "header" | "directive" | "transaction" => {
            "correct the file, then run the same command again"
        }
        "replaced" => "name the squash, or what comes before it",
        "duplicate-id" => "rename one of the two files",
        "cycle" | "unknown-dependency" | "replaces" => "correct the headers of these files",
        "unknown-revision" | "ambiguous" | "unknown-label" | "target" => {
            "`dbwarden history` lists the revisions"
        }
        "count" => "`dbwarden status` lists what is applied and pending",
        "late" => "run without --strict, or give the file a number behind those that are applied",
        "irreversible" => "write its rollback, or a new migration that undoes it",
        "single-transaction" => "run without --single-transaction",
        "foreign-records" => "`dbwarden stamp REV` records what that tool has applied already",
        "not-our-table" => {
            "give our tables other names in the settings: `tables.migrations`, `tables.lock`, `tables.journal`"
        }
        "no-git" => "install git, or put it on PATH",
        "no-repository" => "run it in a checkout, with the migrations in it",
        "unknown-commit" => "`git fetch origin` brings the branches of origin; name one, such as origin/main",
        "no-fork" => {
            "fetch the whole history: `git fetch --unshallow`, or `fetch-depth: 0` in GitHub's checkout"
        }
        "output" => "make room where it is written to, or write it elsewhere",
        "planted-trigger" => "find out who made the trigger, and drop it",
        "lock-table" => "`dbwarden unlock --force` makes it as new",
        "stranger-owned" => {
            "find out who made the table; drop it, or make it the property of the role that migrates"
        }
        "holder-unseen" => {
            "end that session on the server, then the same again; where nobody can, look what it did, then `dbwarden unlock --force`"
        }
        "no-driver" => {
            "install a dbwarden that was built with it: `cargo install dbwarden-cli --features duckdb` brings DuckDB"
        }
        "no-library" => {
            "install DuckDB's C library (https://duckdb.org/install), and name its file with DBWARDEN_DUCKDB_LIBRARY or \
             `duckdb_library` in the settings where it is not found by itself"
        }
        "not-yet" => "use another engine, or a later version",
        "url" => "an address looks like sqlite:///shop.db or postgresql://user@host/name",
        _ => "",
    };
    if text.is_empty() && matches!(error.kind(), ErrorKind::Settings(_)) {
        return "correct the setting; `dbwarden config` shows where each comes from".to_owned();
    }
    text.to_owned()
}

/// After two files with one number.
fn after_taken(file: &str) -> String {
    format!(
        "`dbwarden new --renumber {}` gives it the next free number; or the other one, where this one is applied",
        quoted(file)
    )
}

/// After something that stands in the way of a merge into a base branch.
pub(crate) fn after_finding(finding: &Finding) -> String {
    let file = finding.file.as_deref().unwrap_or("FILE");
    match finding.code {
        "duplicate-id" | "late" => {
            format!("merge the base branch into this one, then `dbwarden new --renumber {}`", quoted(file))
        }
        "heads" => "merge the base branch into this one, then `dbwarden merge`".to_owned(),
        "graph" => "merge the base branch into this one, and correct the headers".to_owned(),
        _ => "put the file back as the base branch has it, and write a new migration".to_owned(),
    }
}

/// After several heads.
fn after_heads(error: &GraphError) -> String {
    let GraphError::MultipleHeads { heads, .. } = error else { return String::new() };
    let names = heads.iter().map(|head| quoted(head.id.as_str())).collect::<Vec<_>>().join(" ");
    let first = heads.first().map_or("REV", |head| head.id.as_str());
    format!(
        "`dbwarden merge {names}` joins them; or name one in place of head, such as {first}; or all of them: heads"
    )
}

/// Returns the answer where it says that the database is damaged, whoever met it; a file that never was a database is another thing.
fn damaged(error: &Error) -> Option<&DriverError> {
    let driver = match error.kind() {
        ErrorKind::Driver { error, .. }
        | ErrorKind::History(HistoryError::Driver(error))
        | ErrorKind::Lock(LockError::Driver(error)) => error,
        ErrorKind::Step { step, .. } => match &step.cause {
            Cause::Statement(error) | Cause::Condition(error) | Cause::Around { error, .. } => error,
            _ => return None,
        },
        _ => return None,
    };
    let never_was = driver.code.as_ref().is_some_and(|code| code.contains("NOTADB"));
    Some(driver).filter(|driver| driver.kind == DriverErrorKind::Damaged && !never_was)
}

/// After a file named as Flyway names its other kinds.
fn after_flyway_name(file: &str) -> Option<String> {
    let name = file.rsplit(['/', '\\']).next()?;
    let (prefix, words) = name.split_once("__")?;
    match prefix.split_at_checked(1)? {
        ("R" | "r", "") => Some(format!("name it ROC__{words}: such a file runs again when it changed")),
        ("U" | "u", version) if version.starts_with(|c: char| c.is_ascii_digit()) => Some(format!(
            "put its statements into the file of V{version}, behind `-- rollback`; or name the two V{version}__….up.sql and V{version}__….down.sql"
        )),
        _ => None,
    }
}

/// Whether a server answered, whose codes are numbers: a file's rights are the system's.
fn is_of_a_server(error: &DriverError) -> bool {
    error.code.as_ref().is_some_and(|code| code.bytes().all(|c| c.is_ascii_digit()))
}

/// What a disk wants that is full, or that answers something else.
fn after_disk(error: &DriverError) -> &'static str {
    let by_the_system = is_of_a_server(error) && error.code.as_ref().is_some_and(|code| code.len() < 4);
    if by_the_system && !error.message.contains("28") {
        "see in the server's log what became of its files"
    } else {
        "make room on the disk"
    }
}

/// The command that goes on with what is half done, whatever was typed before: a repeatable is undone alone, and what is half undone
/// comes first of what a count undoes.
pub(crate) fn to_finish(id: &RevisionId, direction: Direction) -> String {
    let repeatable = ["RA__", "ROC__"].iter().any(|prefix| id.as_str().starts_with(prefix));
    match direction {
        Direction::Up => "migrate".to_owned(),
        Direction::Down if repeatable => format!("rollback -t {}", quoted(id.as_str())),
        Direction::Down => "rollback -c 1".to_owned(),
    }
}

/// After a half-done migration whose file is gone.
pub(crate) fn after_stuck(id: &RevisionId, direction: Direction) -> String {
    format!(
        "put the file back, then `dbwarden {}`; or undo by hand what is committed, and `dbwarden stamp --remove {id}` forgets it",
        to_finish(id, direction)
    )
}

/// After an applied migration whose file is missing among others.
pub(crate) fn after_gone(id: &RevisionId) -> String {
    format!("put the file back; or `dbwarden verify --accept {id} --reason \"…\"` where it is gone for good")
}

/// After an applied migration without a file, behind all others: it is not known which of the two it is.
pub(crate) fn after_ahead(id: &RevisionId) -> String {
    format!(
        "deploy the release that has the file, or put it back from version control; where it is gone for good, \
         `dbwarden verify --accept {id} --reason \"…\"`"
    )
}

fn after_refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoBackup { .. } => {
            "`dbwarden backup`, then run this again; or run it with --with-backup".to_owned()
        }
        Refusal::OtherTarget { .. } => {
            "look whether it is the one you mean, then run this again with --yes".to_owned()
        }
        Refusal::OtherSchemas { .. } => {
            "where those may go back to what they were too, run this again with --yes".to_owned()
        }
        Refusal::Window { .. } => "wait for the window, or run this again with --yes".to_owned(),
        Refusal::OpenTransaction { .. } => {
            "wait for it, or end that process: what it has not committed is rolled back".to_owned()
        }
        Refusal::LiveLock { .. } => {
            "wait for it, or `dbwarden unlock --force`: that run can commit nothing any more".to_owned()
        }
        Refusal::Applied { .. } => {
            "renumber the other file, or write a new migration: what is applied keeps its number".to_owned()
        }
        Refusal::RecordedScript { .. } => "read the script, then run this again with --yes".to_owned(),
        _ => "run this again with --yes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    fn typed(options: &[&str], next: &str) -> String {
        let words = ["dbwarden", "status"].iter().chain(options);
        as_typed(next, &Cli::parse_from(words).global, Some("shop"))
    }

    #[test]
    fn a_password_is_never_typed_again() {
        let next = "`dbwarden migrate` goes on with it";
        for url in [
            "postgresql://ana:hunter2@host/shop",
            "postgresql://host/shop?password=hunter2",
            "nonsense:hunter2",
        ] {
            let said = typed(&["--url", url, "--migrations", "m"], next);
            assert_eq!(said, "`dbwarden migrate --migrations m` goes on with it, with the same --url");
        }
        assert_eq!(typed(&["--url", "env:SHOP"], next), "`dbwarden migrate --url env:SHOP` goes on with it");
        assert_eq!(
            typed(&["--url", "postgresql://ana@host/shop"], next),
            "`dbwarden migrate --url postgresql://ana@host/shop` goes on with it"
        );
    }

    #[test]
    fn options_go_into_commands_alone() {
        let options = ["-d", "it's", "--env", "dev", "--dev"];
        assert_eq!(
            typed(&options, "`--env dev`, or `dbwarden config`; `dbwarden --help` and `dbwarden new --help`"),
            "`--env dev`, or `dbwarden config -d 'it'\\''s' --env dev --dev`; `dbwarden --help` and `dbwarden new --help`"
        );
        assert_eq!(typed(&["-d", "x"], "`dbwarden database list` shows"), "`dbwarden database list` shows");
        assert_eq!(typed(&["--all"], "`dbwarden migrate`"), "`dbwarden migrate -d shop`");
        assert_eq!(typed(&[], "`dbwarden migrate`"), "`dbwarden migrate`");
    }
}
