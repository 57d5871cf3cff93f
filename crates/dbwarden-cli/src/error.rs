//! What went wrong, as a person or a program reads it: what happened and where, what was kept, what to type next; and the
//! exit code. Hints and codes live here, since only this crate knows its commands.

use anstyle::AnsiColor;
use dbwarden::adopt::AdoptError;
use dbwarden::apply::failure::{Cause, Kept};
use dbwarden::backup::BackupError;
use dbwarden::error::{Location, Refusal};
use dbwarden::migration::RevisionId;
use dbwarden::migration::applied::Direction;
use dbwarden::migration::plan::PlanError;
use dbwarden::{Error, ErrorKind};
use serde_json::{Value, json};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::args::Global;
use crate::next;
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
    /// The steps that were done before, of a command that runs some.
    applied: Option<Value>,
    /// A migration stopped, and the same command goes on with it.
    of_a_step: bool,
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
            applied: None,
            of_a_step: false,
        }
    }

    /// The same, with what may help beside the next step.
    pub(crate) fn hinting(mut self, hints: Vec<String>) -> Self {
        self.kept.extend(hints);
        self
    }

    /// The same, with the options that were typed in the commands that are to be typed next.
    pub(crate) fn with_options(mut self, global: &Global) -> Self {
        let mut global = global.clone();
        // Repeatables are counted by nobody.
        let counted = |step: &&Value| step.get("kind").and_then(Value::as_str) == Some("versioned");
        let done = self.applied.as_ref().and_then(Value::as_array);
        global.repeated.done = done.map_or(0, |done| done.iter().filter(counted).count() as u64);
        if self.of_a_step {
            self.next = global.repeated.goes_on(&self.next);
        }
        self.next = next::as_typed(&self.next, &global, self.database.as_deref());
        self
    }

    /// The same, with another next step.
    pub(crate) fn advising(self, next: impl Into<String>) -> Self {
        Self { next: next.into(), ..self }
    }

    /// A failure of what this crate itself does.
    pub(crate) fn failed(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit: FAILED, code: "failed", ..Self::usage(message, next) }
    }

    /// What was said did not all reach standard output; the command itself is at its end.
    pub(crate) fn unsaid(error: &std::io::Error) -> Self {
        Self {
            code: "output",
            kept: vec!["what the command did is done".to_owned()],
            ..Self::failed(
                format!("standard output cannot be written: {error}"),
                "make room where it is written to, or write it elsewhere",
            )
        }
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

    /// The same, naming the database `target` where the failure is the database's own.
    pub(crate) fn about(mut self, target: &str) -> Self {
        let own = ["not-a-database", "read-only", "rights", "disk", "open"].contains(&self.code);
        let line = format!("the database: {target}");
        if own && !target.is_empty() && !self.kept.contains(&line) {
            self.kept.insert(0, line);
        }
        self
    }

    /// The same of a command that runs steps: none was done, where it does not say so itself.
    pub(crate) fn applying(mut self) -> Self {
        self.applied.get_or_insert_with(|| json!([]));
        self
    }

    /// The same, of one database among all: with `--quiet`, and where the streams part, nothing else names it.
    pub(crate) fn of_all(mut self, name: &str) -> Self {
        self.kept.insert(0, format!("in the database \"{name}\""));
        self.on(name)
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

    /// Returns what `--json` prints of it: the error, and what was done before it.
    pub(crate) fn document(&self) -> Value {
        let mut document = json!({ "error": self.json() });
        if let (Value::Object(fields), Some(applied)) = (&mut document, &self.applied) {
            fields.insert("applied".to_owned(), applied.clone());
        }
        document
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
    // With the marks of what was cut, no more than 72.
    const REACH: usize = 70;
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
    let (before, behind) = (if from > 0 { "…" } else { "" }, if to < characters.len() { "…" } else { "" });
    let shown: String = characters[from..to].iter().collect();
    let columns = |part: &[char]| part.iter().filter_map(|c| c.width()).sum::<usize>();
    let meant = &characters[at.min(to)..(at + width).min(to)];
    (
        format!("{before}{shown}{behind}"),
        format!(
            "{}{}",
            " ".repeat(before.width() + columns(&characters[from..at.min(to)])),
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
            message: placeless(said(&error), location.as_ref()) + &reason(&error),
            location,
            server: error.answer().map_or_else(Vec::new, |answer| {
                answer.notes.iter().map(|note| said_by_the_server(note)).collect()
            }),
            kept: kept(&error),
            next: next::after(&error),
            database: None,
            applied: error.report().map(|report| json!(report.steps)),
            of_a_step: matches!(error.kind(), ErrorKind::Step { .. }),
        }
    }
}

/// What it says, without what is said below it.
fn said(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Plan(PlanError::Heads(heads)) => heads.graph.to_string(),
        _ => error.to_string(),
    }
}

/// Why a file of the settings cannot be read, as the system says it.
fn reason(error: &Error) -> String {
    let ErrorKind::Settings(settings) = error.kind() else { return String::new() };
    let Some(source) = std::error::Error::source(settings) else { return String::new() };
    let (said, source) = (settings.to_string(), source.to_string());
    let source = source.split(" (os error").next().unwrap_or(&source);
    if said.contains(source) { String::new() } else { format!(": {source}") }
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
        "locked" | "busy" | "old-lock" => return LOCKED,
        "needs-database" | "table-rebuild" => return FAILED,
        "interrupted" => return INTERRUPTED,
        "changed" | "file-gone" | "renamed" | "edited" | "backup-changed" | "backup-damaged"
        | "backup-record" | "no-file" | "old-checksum" | "squash-differs" | "squash-fails" => {
            return UNVERIFIED;
        }
        "late" | "irreversible" | "foreign-records" | "not-our-table" | "planted-trigger"
        | "stranger-owned" | "half-restored" | "tables-elsewhere" | "ahead" | "no-record" | "recorded"
        | "aside-taken" => {
            return REFUSED;
        }
        "nothing-to-adopt" | "unknown-tool" | "several-tools" | "scratch-unfit" => return USAGE,
        "no-directory" | "no-git" | "no-repository" | "unknown-commit" | "no-fork" | "count" | "target"
        | "unknown-revision" | "ambiguous" | "unknown-label" | "replaced" => {
            return USAGE;
        }
        _ => {}
    }
    match error.kind() {
        ErrorKind::Settings(_)
        | ErrorKind::Url(_)
        | ErrorKind::Target(_)
        | ErrorKind::NothingToAccept { .. }
        | ErrorKind::Template { .. }
        | ErrorKind::Usage { .. }
        | ErrorKind::NotYet { .. } => USAGE,
        ErrorKind::Backup(
            BackupError::NotYet { .. } | BackupError::Missing { .. } | BackupError::OtherEngine { .. },
        ) => USAGE,
        ErrorKind::Refused { .. } => REFUSED,
        ErrorKind::SetAside { error, .. } => exit(error),
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
                (Kept::Nothing, _) if matches!(step.cause, Cause::Hook { .. }) => format!("{id} was not begun"),
                (Kept::Nothing, false) => format!("{id} is rolled back whole"),
                (Kept::Nothing, true) => format!("{id} is as it was: its rollback is rolled back whole"),
                (Kept::Statements(done), _) => {
                    format!("{}; what follows changed nothing", committed(id, done))
                }
                (Kept::Doubtful { committed: done, statement }, _) => {
                    let before = if done > 0 { format!("{}; ", committed(id, done)) } else { String::new() };
                    // What a run has looked for and not found, it leaves to whoever reads this.
                    let looks = if matches!(step.cause, Cause::Doubtful { .. }) {
                        ""
                    } else {
                        ": the next run looks"
                    };
                    format!("{before}whether statement {statement} of {id} was done is not known{looks}")
                }
                (Kept::Part { committed: done, statement, .. }, _) => {
                    let before = if done > 0 { format!("{}; ", committed(id, done)) } else { String::new() };
                    format!("{before}statement {statement} of {id} may have done a part of its work before it failed")
                }
                (Kept::Unknown, _) => {
                    format!("whether {id} was committed is not known: the server does not answer")
                }
                (Kept::All, _) => format!("{id} is committed and recorded"),
            });
            if let Some(made) = &report.backup {
                lines.push(format!("the backup from before: {}", made.backup.path.display()));
            }
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
        ErrorKind::SetAside { tables, .. } => {
            for moved in tables {
                let rows = crate::ui::count(u64::try_from(moved.rows).unwrap_or(0), "row");
                lines.push(format!("{} is {} now, with its {rows}", moved.table, moved.aside));
            }
            lines.push("nothing else was changed; `dbwarden adopt` goes on from there".to_owned());
        }
        ErrorKind::Adopt(AdoptError::Unknown { .. }) => {
            lines.push("the old tables have all of their rows".to_owned());
        }
        ErrorKind::Adopt(AdoptError::Differs { files, .. }) => {
            for file in files.iter().take(5) {
                lines.push(format!("{}: recorded as {}", file.id, file.recorded));
            }
            lines.push(if files.iter().all(|file| file.of_nothing) {
                "of a file without the line `-- upgrade` that tool runs nothing".to_owned()
            } else {
                "either the file was edited since, or that version splits it another way".to_owned()
            });
            lines.push("nothing was changed".to_owned());
        }
        ErrorKind::Backup(error) => {
            lines.extend(said_by_the_tool(error));
            lines.push("nothing was changed".to_owned());
        }
        ErrorKind::Restore { error, atomic, replaced } => {
            lines.extend(said_by_the_tool(error));
            let state = if *atomic { "as it was" } else { "half replaced" };
            lines.push(format!("the database is {state}"));
            if let Some(made) = replaced {
                lines.push(format!("what was there is in {}", made.backup.path.display()));
            }
        }
        ErrorKind::Driver { target, .. } if !target.is_empty() => {
            lines.push(format!("the database: {target}"));
            lines.push("nothing was changed".to_owned());
        }
        ErrorKind::Plan(PlanError::UnfinishedGone { version, done, .. }) => {
            lines.push(format!("{}; this command changed nothing", committed(version, *done)));
        }
        ErrorKind::Plan(PlanError::Heads(heads)) => {
            lines.push(heads.why.to_string());
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

/// What an engine's tool said behind its first line, which is in the message.
fn said_by_the_tool(error: &BackupError) -> Vec<String> {
    match error {
        BackupError::Tool { said, .. } => said.iter().skip(1).cloned().collect(),
        _ => Vec::new(),
    }
}

/// `statements 1 and 2 of 0004 are committed`.
fn committed(id: &RevisionId, done: u64) -> String {
    match done {
        0 => format!("no statement of {id} is committed"),
        1 => format!("statement 1 of {id} is committed"),
        2 => format!("statements 1 and 2 of {id} are committed"),
        _ => format!("statements 1 to {done} of {id} are committed"),
    }
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

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = format!("{}here{}", "a".repeat(200), "b".repeat(200));
        let (text, marks) = excerpt(&line, 201, 4);
        assert!(text.chars().count() <= 72 && text.contains("here"));
        assert_eq!(text.chars().position(|c| c == 'h'), marks.find('^'));
        assert!(text.starts_with('…') && text.ends_with('…'), "{text}");
        assert_eq!(marks.matches('^').count(), 4);
        assert_eq!(excerpt("ab", 9, 3), ("ab".to_owned(), "  ^".to_owned()));
        let wide = "本".repeat(100);
        let (text, marks) = excerpt(&wide, 51, 2);
        assert!(text.width() <= 72, "{text}");
        assert_eq!(marks, format!("{}^^^^", " ".repeat(35)));
        assert_eq!(excerpt("日本 x", 4, 1).1, "     ^");
    }
}
