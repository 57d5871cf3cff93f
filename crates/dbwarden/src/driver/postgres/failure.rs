//! The server's answers in our words (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, ErrorPosition};

use crate::driver::{DriverError, DriverErrorKind};
use crate::sql::Syntax;

/// Why there is no session.
pub(super) fn open_error(message: impl Into<String>) -> DriverError {
    DriverError::new(DriverErrorKind::Open, message)
}

/// What the server, or the connection, answered to `sql`.
pub(super) fn answer(error: &Error, sql: &str) -> DriverError {
    match error.as_db_error() {
        Some(error) => refused(error, sql).without_secrets(sql, Syntax::Postgres),
        None if error.is_closed() => {
            DriverError::new(DriverErrorKind::Cut, "the server closed the connection")
        }
        None => {
            // The crate's own words say only which sort it is; the reason is behind.
            let mut message = error.to_string();
            let mut source = std::error::Error::source(error);
            while let Some(reason) = source {
                let reason_text = reason.to_string();
                if !message.contains(&reason_text) {
                    message = format!("{message}: {reason_text}");
                }
                source = reason.source();
            }
            DriverError::new(DriverErrorKind::Cut, message)
        }
    }
}

fn refused(error: &DbError, sql: &str) -> DriverError {
    let code = error.code().code();
    let mut refused = DriverError::new(kind(code), error.message());
    refused.code = Some(code.to_owned());
    refused.offset = match error.position() {
        // In characters, from 1.
        Some(ErrorPosition::Original(position)) => offset(sql, *position),
        _ => None,
    };
    let mut note = |name: &str, text: Option<&str>| {
        refused.notes.extend(text.map(|text| format!("{name}: {text}")));
    };
    note("detail", error.detail());
    note("hint", error.hint());
    if let Some(ErrorPosition::Internal { query, .. }) = error.position() {
        note("in", Some(query));
    }
    note("where", error.where_());
    refused
}

fn kind(code: &str) -> DriverErrorKind {
    match code {
        // lock_not_available, deadlock_detected, serialization_failure
        "55P03" | "40P01" | "40001" => DriverErrorKind::Busy,
        // query_canceled
        "57014" => DriverErrorKind::Interrupted,
        // read_only_sql_transaction
        "25006" => DriverErrorKind::ReadOnly,
        // insufficient_privilege
        "42501" => DriverErrorKind::Rights,
        // disk_full, out_of_memory's class holds too_many_connections too
        "53100" => DriverErrorKind::Disk,
        // too_many_connections, and all of: no such database, password, cannot connect now
        "53300" | "3D000" | "57P03" => DriverErrorKind::Open,
        // data_corrupted, index_corrupted
        "XX001" | "XX002" => DriverErrorKind::Damaged,
        // statement_completion_unknown: CockroachDB does not know itself whether it committed
        // (https://www.cockroachlabs.com/docs/stable/common-errors#result-is-ambiguous).
        "40003" => DriverErrorKind::Cut,
        _ if code.starts_with("28") => DriverErrorKind::Open,
        // connection exceptions; admin_shutdown, crash_shutdown, database_dropped, idle_session_timeout
        _ if code.starts_with("08") || code.starts_with("57P") => DriverErrorKind::Cut,
        _ => DriverErrorKind::Statement,
    }
}

fn offset(sql: &str, position: u32) -> Option<usize> {
    let index = usize::try_from(position).ok()?.checked_sub(1)?;
    sql.char_indices().nth(index).map(|(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_characters() {
        assert_eq!(offset("SELECT 'é' x", 12), Some(12));
        assert_eq!(offset("abc", 1), Some(0));
        assert_eq!(offset("abc", 0), None);
        assert_eq!(offset("abc", 9), None);
    }

    #[test]
    fn codes_have_their_sort() {
        let table = [
            ("55P03", DriverErrorKind::Busy),
            ("57014", DriverErrorKind::Interrupted),
            ("57P01", DriverErrorKind::Cut),
            ("40003", DriverErrorKind::Cut),
            ("08006", DriverErrorKind::Cut),
            ("28P01", DriverErrorKind::Open),
            ("3D000", DriverErrorKind::Open),
            ("42501", DriverErrorKind::Rights),
            ("42601", DriverErrorKind::Statement),
        ];
        for (code, sort) in table {
            assert_eq!(kind(code), sort, "{code}");
        }
    }
}
