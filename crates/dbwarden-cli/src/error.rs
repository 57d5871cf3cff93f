//! What went wrong, as a person or a program reads it: what happened and where, what was kept, what to type next; and the
//! exit code. Hints and codes live here, since only this crate knows its commands.

use anstyle::AnsiColor;
use dbwarden::apply::failure::{Cause, Kept};
use dbwarden::apply::history::HistoryError;
use dbwarden::apply::lock::LockError;
use dbwarden::driver::DriverErrorKind;
use dbwarden::error::{Location, Refusal};
use dbwarden::migration::RevisionId;
use dbwarden::migration::applied::Direction;
use dbwarden::migration::graph::GraphError;
use dbwarden::migration::plan::PlanError;
use dbwarden::migration::source::SourceProblem;
use dbwarden::sql::TextError;
use dbwarden::{Error, ErrorKind};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthChar;

use crate::ui::{aside, bold, clean, colour};

/// Failed.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage, or settings.
pub(crate) const USAGE: u8 = 2;
/// Something is pending, or a part of `--all` failed.
pub(crate) const PENDING: u8 = 3;
/// The lock is held.
pub(crate) const LOCKED: u8 = 4;
/// Files and records do not agree.
pub(crate) const UNVERIFIED: u8 = 5;
/// Refused until a person agrees.
pub(crate) const REFUSED: u8 = 6;
/// Interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// A failure, ready to be shown.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: u8,
    code: &'static str,
    message: String,
    location: Option<Location>,
    /// What else the server said of it.
    server: Vec<String>,
    kept: Vec<String>,
    next: String,
    database: Option<String>,
}

impl Failure {
    /// A failure of this crate's own: what was typed makes no sense.
    pub(crate) fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            exit: USAGE,
            code: "usage",
            message: message.into(),
            location: None,
            server: Vec::new(),
            kept: vec!["nothing was changed".to_owned()],
            next: next.into(),
            database: None,
        }
    }

    /// The same, with what may help beside the next step.
    pub(crate) fn hinting(mut self, hints: Vec<String>) -> Self {
        self.kept.extend(hints);
        self
    }

    /// A failure of what this crate itself does.
    pub(crate) fn failed(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit: FAILED, code: "failed", ..Self::usage(message, next) }
    }

    /// A command or option of a later version.
    pub(crate) fn later(what: &str) -> Self {
        Self {
            code: "not-yet",
            ..Self::usage(
                format!("{what} comes with a later version"),
                "`dbwarden --help` lists what this one does",
            )
        }
    }

    /// The same, of the database called `name`.
    pub(crate) fn on(self, name: &str) -> Self {
        Self { database: Some(name.to_owned()), ..self }
    }

    /// Prints it to standard error.
    pub(crate) fn print(&self) {
        let heading = colour(AnsiColor::Red, &format!("error[{}]", self.code));
        aside(&format!("{heading}: {}", bold(&clean(&self.message))));
        let mut margin = 1;
        if let Some(location) = &self.location {
            let place = location.at.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
            margin = location.at.map_or(1, |(line, _)| line.to_string().len());
            let pad = " ".repeat(margin);
            aside(&clean(&format!("{pad} --> {}{place}", location.file)));
            if let (Some((line, column)), Some(text)) = (location.at, &location.text) {
                let (text, marks) = excerpt(text, column, location.width);
                aside(&format!(" {pad} |"));
                aside(&format!(" {line} | {}", clean(&text)));
                aside(&format!(" {pad} | {marks}"));
            }
        }
        let pad = " ".repeat(margin);
        for said in &self.server {
            aside(&clean(&format!(" {pad} = {said}")));
        }
        for kept in &self.kept {
            aside(&clean(&format!(" {pad} = {kept}")));
        }
        if !self.next.is_empty() {
            aside(&clean(&format!(" {pad} = next: {}", self.next)));
        }
    }

    /// Returns it as it stands in JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "database": self.database,
            "code": self.code,
            "message": self.message,
            "file": self.location.as_ref().map(|location| &location.file),
            "line": self.location.as_ref().and_then(|location| location.at).map(|(line, _)| line),
            "column": self.location.as_ref().and_then(|location| location.at).map(|(_, column)| column),
            "server": self.server,
            "kept": self.kept,
            "next": self.next,
        })
    }
}

/// The part of a line around `column` that fits a terminal, and the marks below it.
fn excerpt(line: &str, column: u32, width: usize) -> (String, String) {
    const REACH: usize = 72;
    let line = dbwarden::sql::mask_secrets(&line.replace('\t', " "));
    let characters: Vec<char> = line.chars().collect();
    let at = (column as usize).saturating_sub(1).min(characters.len());
    // The furthest from `at` that `room` columns of a terminal hold, in steps to one side.
    let fits = |side: &mut dyn Iterator<Item = &char>, room: usize| {
        let widths = side.scan(0, |sum, c| {
            *sum += c.width().unwrap_or(0);
            Some(*sum)
        });
        widths.take_while(|sum| *sum <= room).count()
    };
    let whole = characters.iter().filter_map(|c| c.width()).sum::<usize>() <= REACH;
    let from = if whole { 0 } else { at - fits(&mut characters[..at].iter().rev(), REACH / 2) };
    let to = from + fits(&mut characters[from..].iter(), REACH);
    let shown: String = characters[from..to].iter().collect();
    let columns = |part: &[char]| part.iter().filter_map(|c| c.width()).sum::<usize>();
    let meant = &characters[at.min(to)..(at + width).min(to)];
    (
        shown,
        format!(
            "{}{}",
            " ".repeat(columns(&characters[from..at.min(to)])),
            "^".repeat(columns(meant).max(1))
        ),
    )
}

impl From<dbwarden::project::SettingsError> for Failure {
    fn from(error: dbwarden::project::SettingsError) -> Self {
        Error::from(error).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let location = error.location();
        Self {
            exit: exit(&error),
            code: error.code(),
            message: placeless(error.to_string(), location.as_ref()),
            location,
            server: error.answer().map_or_else(Vec::new, |answer| {
                answer.notes.iter().map(|note| said_by_the_server(note)).collect()
            }),
            kept: kept(&error),
            next: next(&error),
            database: None,
        }
    }
}

/// `message` without the place that stands below it.
fn placeless(message: String, location: Option<&Location>) -> String {
    let Some(Location { file, at: Some((line, column)), .. }) = location else { return message };
    let place = format!("{file}:{line}:{column}");
    message.replacen(&format!("{place}: "), "", 1).replacen(&format!(" ({place})"), "", 1)
}

/// `hint: perhaps …` as `hint from the server: perhaps …`, on one line and without secrets.
fn said_by_the_server(note: &str) -> String {
    let line = dbwarden::sql::mask_secrets(&note.split_whitespace().collect::<Vec<_>>().join(" "));
    match line.split_once(": ") {
        Some((what @ ("detail" | "hint"), text)) => format!("{what} from the server: {text}"),
        Some(("where", text)) => format!("the server was in: {text}"),
        Some(("in", text)) => format!("the server ran: {text}"),
        _ => line,
    }
}

fn exit(error: &Error) -> u8 {
    match error.code() {
        "locked" | "busy" => return LOCKED,
        "interrupted" => return INTERRUPTED,
        "changed" | "file-gone" | "renamed" | "edited" => return UNVERIFIED,
        "late" | "irreversible" | "foreign-records" | "not-our-table" | "planted-trigger" | "ahead" => {
            return REFUSED;
        }
        "no-directory" | "count" | "target" | "unknown-revision" | "ambiguous" | "unknown-label" => {
            return USAGE;
        }
        _ => {}
    }
    match error.kind() {
        ErrorKind::Settings(_)
        | ErrorKind::Url(_)
        | ErrorKind::Target(_)
        | ErrorKind::NothingToAccept { .. }
        | ErrorKind::Usage { .. }
        | ErrorKind::NotYet { .. } => USAGE,
        ErrorKind::Refused { .. } => REFUSED,
        _ => FAILED,
    }
}

/// What was undone and what was kept.
fn kept(error: &Error) -> Vec<String> {
    let mut lines = Vec::new();
    match error.kind() {
        ErrorKind::Step { step, report, not_tried } => {
            let (id, undone) = (&step.id, step.direction == Direction::Down);
            if matches!(step.cause, Cause::Statement(_)) && step.statement > 0 {
                lines.push(format!("statement {} of {} in {}", step.statement, step.total, step.id));
            }
            lines.push(match (step.kept, undone) {
                (Kept::Nothing, false) => format!("{id} is rolled back whole"),
                (Kept::Nothing, true) => format!("{id} is as it was: its rollback is rolled back whole"),
                (Kept::Statements(done), _) => {
                    let what = match done {
                        1 => "statement 1".to_owned(),
                        2 => "statements 1 and 2".to_owned(),
                        _ => format!("statements 1 to {done}"),
                    };
                    let are = if done == 1 { "is" } else { "are" };
                    format!("{what} of {id} {are} committed; what follows changed nothing")
                }
                (Kept::Unknown, _) => {
                    format!("whether {id} was committed is not known: the server does not answer")
                }
                (Kept::All, _) => format!("{id} is committed and recorded"),
            });
            let done: Vec<_> = report.steps.iter().map(|step| &step.version).collect();
            if !done.is_empty() {
                let stay = if done.len() == 1 { "stays" } else { "stay" };
                let how = if undone { "rolled back" } else { "applied" };
                lines.push(format!("{} {stay} {how}", range(&done)));
            }
            if !report.rolled_back.is_empty() {
                let with: Vec<_> = report.rolled_back.iter().collect();
                let are = if with.len() == 1 { "is" } else { "are" };
                lines.push(match step.kept {
                    Kept::Unknown => format!("so of {}: they share one transaction", range(&with)),
                    _ => format!("{} {are} rolled back with it: they share one transaction", range(&with)),
                });
            }
            if !not_tried.is_empty() {
                let names: Vec<_> = not_tried.iter().collect();
                let were = if names.len() == 1 { "was" } else { "were" };
                lines.push(format!("{} {were} not tried", range(&names)));
            }
        }
        ErrorKind::Driver { target, .. } if !target.is_empty() => {
            lines.push(format!("the database: {target}"));
            lines.push("nothing was changed".to_owned());
        }
        ErrorKind::Refused { refusal: Refusal::RecordedScript { script, .. } } => {
            lines.extend(
                script.lines().filter(|line| !line.trim().is_empty()).map(|line| format!("| {line}")),
            );
            lines.push("nothing was changed".to_owned());
        }
        _ => lines.push("nothing was changed".to_owned()),
    }
    lines
}

/// `0001`, `0001 and 0002`, `0001 to 0007`: revisions of one run, in its order.
fn range(ids: &[&RevisionId]) -> String {
    match ids {
        [] => String::new(),
        [one] => one.to_string(),
        [one, two] => format!("{one} and {two}"),
        [first, .., last] => format!("{first} to {last}"),
    }
}

/// What to type next.
fn next(error: &Error) -> String {
    if let ErrorKind::Step { step, .. } = error.kind() {
        return after_step(step);
    }
    match error.kind() {
        ErrorKind::Refused { refusal } => return after_refusal(refusal),
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
            let id = revisions.first().map_or("REV", |id| id.as_str());
            return format!(
                "put the file back; or `dbwarden verify --accept {id} --reason \"…\"` where it is gone for good"
            );
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
            if matches!(source.problem, SourceProblem::NoDirectory { is_file: true, .. }) =>
        {
            return "name the directory that the file is in, with --migrations or in the settings".to_owned();
        }
        ErrorKind::Plan(PlanError::Unfinished { direction, .. }) => {
            let command = if *direction == Direction::Up { "migrate" } else { "rollback" };
            return format!("`dbwarden {command}` goes on with it");
        }
        ErrorKind::Graph(graph) | ErrorKind::Plan(PlanError::Graph(graph)) => match graph {
            GraphError::NotUpward { target } => return format!("`dbwarden rollback -t {target}`"),
            GraphError::NotDownward { target } => return format!("`dbwarden migrate -t {target}`"),
            GraphError::MultipleHeads { heads, .. } => {
                let first = heads.first().map_or("REV", |head| head.id.as_str());
                return format!("name one in place of head, such as {first}; or all of them: heads");
            }
            _ => {}
        },
        ErrorKind::Source(source)
            if matches!(
                source.problem,
                SourceProblem::Text(TextError::NotUtf8 { .. } | TextError::NulByte { .. })
            ) =>
        {
            return "save the file as UTF-8, then run the same command again".to_owned();
        }
        ErrorKind::Lock(LockError::Rights { grant, .. }) => {
            return format!("have the schema's owner run `{grant}`, then run the same command again");
        }
        ErrorKind::History(HistoryError::Stranger { owner, .. }) => {
            return format!("run it as {owner}, the role that made the tables");
        }
        ErrorKind::Lock(LockError::Held { holder: None, .. }) => {
            return "find what else has the database open, or wait longer with `--lock-wait 10m`".to_owned();
        }
        ErrorKind::History(HistoryError::NotOurs { tool, .. }) if tool.contains("DBWarden") => {
            return "give our tables other names in the settings (`tables.migrations`, `tables.lock`, `tables.journal`), then \
                    `dbwarden stamp REV`; taking these records over comes with a later version"
                .to_owned();
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
        "unknown-database" => "`dbwarden database list` shows their names",
        "no-default-database" => "name one with -d, take all with --all, or set `default`",
        "no-url" => "set `url`, or `engine` and `database`, or DATABASE_URL",
        "no-dev-url" => "set `dev_url`, or run without --dev",
        "conflicting-flags" => "leave one of the two out",
        "invalid-environment" => "`--env dev`",
        "no-environment" => "`--env dev`, or set DBWARDEN_ENV",
        "invalid-url" => "an address looks like sqlite:///shop.db or postgresql://user@host/name",
        "locked" | "busy" => "wait longer with `--lock-wait 10m`, or look with `dbwarden lock-status`",
        "open" => "look at the address in the settings: `dbwarden config`",
        "not-a-database" => {
            "look at the address in the settings: `dbwarden config`; the file was not touched"
        }
        "read-only" => "give this user the right to write the file and its folder",
        "rights" => {
            "have the tables' owner grant SELECT on them to this role, then run the same command again"
        }
        "disk" => "make room on the disk, then run the same command again",
        "no-directory" => "`dbwarden init` makes one, or name it with --migrations",
        "unreadable" | "unwritable" => "look at the file and its rights",
        "file-name" => {
            "name it as the others are, such as 0007_add_coupons.sql, or give it a `-- revision: ID` header"
        }
        "sql-text" | "sections" | "header" | "directive" | "transaction" => {
            "correct the file, then run the same command again"
        }
        "duplicate-id" => "give one of the two files the next free number",
        "cycle" | "unknown-dependency" | "replaces" => "correct the headers of these files",
        "unknown-revision" | "ambiguous" | "unknown-label" | "target" => {
            "`dbwarden history` lists the revisions"
        }
        "count" => "`dbwarden status` lists what is applied and pending",
        "late" => "run without --strict, or give the file a number behind those that are applied",
        "irreversible" => "write a rollback section, or a new migration that undoes it",
        "single-transaction" => "run without --single-transaction",
        "foreign-records" => {
            "`dbwarden stamp REV` records what that tool has applied already; taking its records over comes with a later version"
        }
        "not-our-table" => {
            "give our tables other names in the settings: `tables.migrations`, `tables.lock`, `tables.journal`"
        }
        "planted-trigger" => "find out who made the trigger, and drop it",
        "lock-table" => "`dbwarden unlock --force` makes it as new",
        "not-yet" => "use a SQLite database, or a later version",
        "url" => "an address looks like sqlite:///shop.db or postgresql://user@host/name",
        _ => "",
    };
    if text.is_empty() && matches!(error.kind(), ErrorKind::Settings(_)) {
        return "correct the setting; `dbwarden config` shows where each comes from".to_owned();
    }
    text.to_owned()
}

fn after_step(step: &dbwarden::apply::failure::StepError) -> String {
    let command = if step.direction == Direction::Up { "migrate" } else { "rollback" };
    match &step.cause {
        _ if step.kept == Kept::Unknown => {
            format!(
                "once the server answers, `dbwarden status`, then `dbwarden {command}` goes on from there"
            )
        }
        Cause::Statement(error) | Cause::Condition(error) | Cause::Around { error, .. }
            if error.kind == DriverErrorKind::Cut =>
        {
            format!("`dbwarden {command}` goes on from there")
        }
        Cause::Statement(error) | Cause::Around { error, .. } if error.kind == DriverErrorKind::Disk => {
            format!("make room on the disk, then `dbwarden {command}`")
        }
        Cause::Statement(error) | Cause::Around { error, .. } if error.kind == DriverErrorKind::Busy => {
            format!("find what else writes to the database, then `dbwarden {command}`")
        }
        Cause::Statement(_) | Cause::Condition(_) if matches!(step.kept, Kept::Statements(_)) => {
            format!("correct statement {}, then `dbwarden {command}` goes on from it", step.statement)
        }
        Cause::Statement(_) | Cause::Condition(_) | Cause::TransactionEnded => {
            format!("correct the file, then `dbwarden {command}`")
        }
        Cause::Around { error, .. } if error.kind == DriverErrorKind::Statement => {
            format!("correct the file, then `dbwarden {command}`")
        }
        Cause::ForeignKeys { .. } => {
            format!("correct the file, so that no row is left without its parent, then `dbwarden {command}`")
        }
        Cause::TimedOut { .. } => {
            format!("raise `-- statement_timeout:` in the file, then `dbwarden {command}`")
        }
        Cause::Edited { .. } => "put that statement back as it was; what follows it may change".to_owned(),
        Cause::TemporaryGone { .. } => {
            "make it an ordinary table and drop it at the end, or undo by hand what is committed and stamp"
                .to_owned()
        }
        Cause::Cancelled => format!("`dbwarden {command}` goes on from here"),
        _ => format!("`dbwarden {command}` again"),
    }
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
        Refusal::NoBackup { .. } => "make a backup, then run this again with --yes".to_owned(),
        Refusal::Window { .. } => "wait for the window, or run this again with --yes".to_owned(),
        Refusal::LiveLock { .. } => {
            "wait for it, or `dbwarden unlock --force`: that run can commit nothing any more".to_owned()
        }
        Refusal::RecordedScript { .. } => "read the script, then run this again with --yes".to_owned(),
        _ => "run this again with --yes".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}here{}", "a".repeat(200), "b".repeat(200));
        let (text, marks) = excerpt(&line, 201, 4);
        assert!(text.chars().count() <= 72 && text.contains("here"));
        assert_eq!(text.find("here"), marks.find('^'));
        assert_eq!(marks.matches('^').count(), 4);
        assert_eq!(excerpt("ab", 9, 3), ("ab".to_owned(), "  ^".to_owned()));
        let wide = "本".repeat(100);
        let (text, marks) = excerpt(&wide, 51, 2);
        assert!(text.width() <= 72, "{text}");
        assert_eq!(marks, format!("{}^^^^", " ".repeat(36)));
        assert_eq!(excerpt("日本 x", 4, 1).1, "     ^");
    }
}
