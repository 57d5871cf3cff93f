//! What DuckDB answers when it refuses: `Class Error: words`, perhaps hints, perhaps the line with a mark below it.

use adbc_core::error::Error;

use crate::driver::{DriverError, DriverErrorKind};

/// The code of a change that met another transaction's.
const CONFLICT: &str = "conflict";

/// The answer to `sql`.
pub(super) fn answer(error: &Error, sql: &str) -> DriverError {
    failed(&error.message, sql, DriverErrorKind::Statement)
}

/// What came in place of rows.
pub(super) fn of_rows(error: &impl std::fmt::Display, sql: &str) -> DriverError {
    let text = error.to_string();
    let text = text.strip_prefix("C Data interface error: ").unwrap_or(&text);
    failed(text, sql, DriverErrorKind::Statement)
}

/// Why the database cannot be opened.
pub(super) fn opening(error: &Error) -> DriverError {
    failed(&error.message, "", DriverErrorKind::Open)
}

fn failed(text: &str, sql: &str, otherwise: DriverErrorKind) -> DriverError {
    let (class, words) = match text.split_once(" Error: ") {
        Some((class, words)) if class.len() < 40 && !class.contains('\n') => (class.trim(), words),
        _ => ("", text),
    };
    let (words, marked) = match words.split_once("\nLINE ") {
        Some((words, marked)) => (words, Some(marked)),
        None => (words, None),
    };
    let mut lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut message = lines.next().unwrap_or(text).to_owned();
    let mut notes: Vec<String> = lines.map(str::to_owned).collect();
    let said = message.clone();
    let has = |part: &str| said.contains(part);
    let has_anywhere = |part: &str| text.contains(part);
    let mut code = Some(class.to_owned()).filter(|class| !class.is_empty());
    let kind = match class {
        "INTERRUPT" => DriverErrorKind::Interrupted,
        // Also as what invalidated the database, or what a checkpoint could not do.
        _ if has_anywhere("No space left") || has_anywhere("Disk quota") => DriverErrorKind::Disk,
        // Said around it by what fetches rows.
        _ if has("INTERRUPT Error: ") => DriverErrorKind::Interrupted,
        "TransactionContext" if has("onflict") || has("Failed to commit") || has("has been altered") => {
            code = Some(CONFLICT.to_owned());
            DriverErrorKind::Busy
        }
        "IO" if has("Could not set lock on file") => {
            code = None;
            message = held_by(&said);
            DriverErrorKind::Busy
        }
        "IO" if has("not a valid DuckDB database file") => {
            code = Some("NOTADB".to_owned());
            DriverErrorKind::Damaged
        }
        "IO" if has("ermission denied") && otherwise == DriverErrorKind::Open => DriverErrorKind::ReadOnly,
        "Serialization" | "FATAL" => DriverErrorKind::Damaged,
        _ if has("read-only mode") => DriverErrorKind::ReadOnly,
        _ => otherwise,
    };
    if has("outstanding updates") {
        let hint = "what was updated is committed first where the file has no BEGIN of its own";
        notes.push(hint.to_owned());
    }
    let offset = marked.and_then(|marked| place(marked, sql));
    DriverError { kind, message, code, offset, notes }
}

/// Who has the file, where the system tells: DuckDB lets one process at a time in, be it only to read.
fn held_by(said: &str) -> String {
    let who = said.split_once("Conflicting lock is held in ").and_then(|(_, who)| who.split_once(". See"));
    let who = who.map(|(who, _)| format!(": {who}")).unwrap_or_default();
    format!("another process has the database open, and DuckDB lets no second one in{who}")
}

/// Where in `sql` the mark stands: below the line's text, which is cut on both sides where it is long.
fn place(marked: &str, sql: &str) -> Option<usize> {
    let (number, rest) = marked.split_once(": ")?;
    let mut lines = rest.lines();
    let shown = lines.next()?;
    let mark = lines.find(|line| line.trim_start().starts_with('^'))?;
    let before = mark.chars().take_while(|c| *c == ' ').count();
    let column = before.checked_sub("LINE : ".len() + number.len())?;
    let line = sql.split('\n').nth(number.parse::<usize>().ok()?.checked_sub(1)?)?;
    let start = line.as_ptr() as usize - sql.as_ptr() as usize;
    let cut = shown.strip_prefix("...").filter(|_| !line.starts_with(shown.trim_end_matches("...")));
    let (text, skipped) = cut.map_or((shown, 0), |text| (text, 3));
    let text = text.strip_suffix("...").filter(|_| !line.ends_with(text)).unwrap_or(text);
    let at = line.find(text)?;
    let within = text.char_indices().nth(column.checked_sub(skipped)?).map_or(text.len(), |(at, _)| at);
    Some(start + at + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_below_the_mark() {
        let sql = "SELECT 1,\n  'äöü', zz FROM o";
        let said = "Binder Error: Referenced column \"zz\" not found in FROM clause!\nCandidate bindings: \"id\"\n\n\
                    LINE 2:   'äöü', zz FROM o\n                 ^";
        let error = failed(said, sql, DriverErrorKind::Statement);
        assert_eq!(error.message, "Referenced column \"zz\" not found in FROM clause!");
        assert_eq!(error.code.as_deref(), Some("Binder"));
        assert_eq!(error.notes, ["Candidate bindings: \"id\""]);
        assert_eq!(&sql[error.offset.unwrap()..], "zz FROM o");
    }

    #[test]
    fn the_sort_of_a_failure_is_read_from_its_words() {
        let kind = |text: &str| failed(text, "", DriverErrorKind::Statement).kind;
        let conflict = "TransactionContext Error: Conflict on update!";
        assert_eq!(kind(conflict), DriverErrorKind::Busy);
        assert_eq!(failed(conflict, "", DriverErrorKind::Statement).code.as_deref(), Some(CONFLICT));
        assert_eq!(kind("INTERRUPT Error: Interrupted!"), DriverErrorKind::Interrupted);
        let around = "Cannot get next batch from input stream. Error code: 1. Producer error: INTERRUPT Error: Interrupted!";
        assert_eq!(kind(around), DriverErrorKind::Interrupted);
        assert_eq!(
            kind("IO Error: Could not set lock on file \"a.db\": Conflicting lock is held in b (PID 3)."),
            DriverErrorKind::Busy
        );
        assert_eq!(
            kind("TransactionContext Error: Current transaction is aborted (please ROLLBACK)"),
            DriverErrorKind::Statement
        );
        assert_eq!(kind("no class at all"), DriverErrorKind::Statement);
        for full in [
            "IO Error: Could not write file \"a.db\": No space left on device",
            "FATAL Error: Failed: database has been invalidated because of a previous fatal error. The database must be restarted \
             prior to being used again.\nOriginal error: \"Could not write file \"a.db\": No space left on device\"",
            "TransactionContext Error: Failed to commit: Could not write file \"a.db.wal\": No space left on device",
        ] {
            assert_eq!(kind(full), DriverErrorKind::Disk, "{full}");
        }
    }
}
