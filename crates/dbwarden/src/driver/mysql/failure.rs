//! The server's answers in our words (<https://mariadb.com/kb/en/mariadb-error-code-reference/>,
//! <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>).

use mysql::Error;

use crate::driver::{DriverError, DriverErrorKind};
use crate::sql::Syntax;

/// Why there is no session.
pub(super) fn open_error(message: impl Into<String>) -> DriverError {
    DriverError::new(DriverErrorKind::Open, message)
}

/// What the server, or the connection, answered to `sql`.
pub(super) fn answer(error: &Error, sql: &str) -> DriverError {
    match error {
        Error::MySqlError(error) => {
            let sort = if is_full(&error.message) { DriverErrorKind::Disk } else { kind(error.code) };
            let mut refused = DriverError::new(sort, &error.message);
            refused.code = Some(error.code.to_string());
            refused.offset = offset(sql, &error.message).or_else(|| named(error.code, sql, &error.message));
            refused.without_secrets(sql, Syntax::Mysql)
        }
        // The parts of the crate that know no server: TLS, codec, the stream.
        Error::IoError(error) => {
            DriverError::new(DriverErrorKind::Cut, format!("the connection was cut: {error}"))
        }
        Error::TlsError(error) => open_error(format!("TLS: {error}")),
        Error::DriverError(mysql::DriverError::TlsNotSupported) => {
            open_error("the server has no TLS, which the address asks for")
        }
        Error::DriverError(mysql::DriverError::PacketTooLarge) => {
            DriverError::new(DriverErrorKind::Statement, "a packet that is longer than the protocol allows")
        }
        Error::DriverError(error) => DriverError::new(DriverErrorKind::Cut, error.to_string()),
        error => DriverError::new(DriverErrorKind::Cut, error.to_string()),
    }
}

/// Whether a file system has no room, whichever of the server's parts met it: ENOSPC and EDQUOT in its words
/// (<https://mariadb.com/kb/en/operating-system-error-codes/>).
fn is_full(message: &str) -> bool {
    [
        "rrcode: 28 ",
        "rrcode: 28)",
        "errno: 28 ",
        "error 28 ",
        "No space left on device",
        "Disk quota exceeded",
    ]
    .iter()
    .any(|sign| message.contains(sign))
}

/// The codes of both vendors, which share those below 1900.
fn kind(code: u16) -> DriverErrorKind {
    match code {
        // What the server's own files answered (https://dev.mysql.com/doc/mysql-errors/8.4/en/global-error-reference.html).
        1..=999 => DriverErrorKind::Disk,
        // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, ER_CHECKREAD, ER_LOCK_NOWAIT; WSREP: not prepared yet
        1205 | 1213 | 1020 | 3572 => DriverErrorKind::Busy,
        // ER_QUERY_INTERRUPTED, ER_STATEMENT_TIMEOUT of both
        1317 | 1969 | 3024 => DriverErrorKind::Interrupted,
        // ER_OPTION_PREVENTS_STATEMENT (read_only), ER_READ_ONLY_MODE, a transaction that is read only
        1290 | 1836 | 1792 => DriverErrorKind::ReadOnly,
        // access to a database, a table, a column, a routine, the proxy; a special right
        1044 | 1142 | 1143 | 1227 | 1370 | 1410 | 1419 => DriverErrorKind::Rights,
        // ER_DISK_FULL, ER_RECORD_FILE_FULL, errors of reading and writing files
        1021 | 1114 | 1026 | 1024 => DriverErrorKind::Disk,
        // crashed tables, a damaged index
        1034 | 1035 | 1194 | 1195 | 1712 => DriverErrorKind::Damaged,
        // password, no database, too many connections, a host that may not, an account that is locked or must change its password
        1045 | 1049 | 1040 | 1203 | 1226 | 1129 | 1130 | 1698 | 1820 | 1862 | 3118 | 4151 => {
            DriverErrorKind::Open
        }
        // server shutdown, connection killed, aborted, and the client's own
        1053 | 1077 | 1079 | 1152 | 1184 | 1158..=1161 | 1927 | 2006 | 2013 | 3169 => DriverErrorKind::Cut,
        _ => DriverErrorKind::Statement,
    }
}

/// Where a syntax error is: the server quotes the text from there on, and counts the lines.
fn offset(sql: &str, message: &str) -> Option<usize> {
    let (_, rest) = message.rsplit_once(" near '")?;
    let (near, line) = rest.rsplit_once("' at line ")?;
    let line: usize = line.trim().parse().ok()?;
    let start = match line.checked_sub(2) {
        None => 0,
        Some(before) => sql.match_indices('\n').nth(before).map(|(at, _)| at + 1)?,
    };
    // The end of the text is quoted as nothing.
    if near.is_empty() {
        return Some(sql.trim_end().len());
    }
    // At the end of a long text the server cuts it, maybe within a character.
    let near = near.trim_end_matches('\u{fffd}');
    sql[start..].find(near).map(|at| start + at)
}

/// Puts the place into `error`, an answer to `sql`, which is one of the statements of a packet: the server counts lines from the
/// packet's start, and quotes what stands behind the statement too.
pub(super) fn settle_place(sql: &str, error: &mut DriverError) {
    settle(sql, error);
    *error = error.clone().without_secrets(sql, Syntax::Mysql);
}

fn settle(sql: &str, error: &mut DriverError) {
    if let Some((before, rest)) = error.message.rsplit_once(" near '")
        && let Some((near, _)) = rest.rsplit_once("' at line ")
    {
        let near = near.trim_end_matches('\u{fffd}');
        let starts = |at: usize| near.starts_with(&sql[at..]) || sql[at..].starts_with(near);
        let at = sql.char_indices().map(|(at, _)| at).find(|&at| starts(at)).unwrap_or(sql.len());
        let quoted: String = sql[at..].chars().take(80).collect();
        let line = sql[..at].matches('\n').count() + 1;
        error.message = format!("{before} near '{quoted}' at line {line}");
        error.offset = Some(at);
        return;
    }
    let code = error.code.as_ref().and_then(|code| code.parse().ok());
    error.offset = code.and_then(|code| named(code, sql, &error.message));
}

/// Where the name stands that the server complains of: it says none but its own place in a syntax error.
fn named(code: u16, sql: &str, message: &str) -> Option<usize> {
    // There already, or not there: databases, tables, columns, indexes, routines
    // (https://mariadb.com/kb/en/mariadb-error-code-reference/).
    const OF_NAMES: [u16; 16] =
        [1007, 1008, 1049, 1050, 1051, 1054, 1060, 1061, 1072, 1091, 1109, 1146, 1176, 1304, 1305, 1360];
    if !OF_NAMES.contains(&code) {
        return None;
    }
    let quoted = message.split(['\'', '`']).skip(1).step_by(2);
    let plain = message.split_whitespace().skip(1).take(1);
    for name in quoted.chain(plain) {
        let name = name.rsplit('.').next().unwrap_or(name);
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let found = sql.match_indices(name).map(|(at, _)| at).find(|&at| {
            !name.is_empty() && !sql[..at].ends_with(word) && !sql[at + name.len()..].starts_with(word)
        });
        if found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_found_by_the_text_that_the_server_quotes() {
        let message = |near: &str, line: u32| {
            format!(
                "You have an error in your SQL syntax; check the manual for the right syntax to use near '{near}' at line {line}"
            )
        };
        assert_eq!(offset("SELEC 1", &message("SELEC 1", 1)), Some(0));
        assert_eq!(offset("CREATE TABLE t (\n  a INT,\n  b IN)", &message("IN)", 3)), Some(30));
        assert_eq!(offset("SELECT (1", &message("", 1)), Some(9));
        assert_eq!(offset("SELECT 'it''s' x y", &message("y", 1)), Some(17));
        assert_eq!(offset("SELECT 1", "Table 'a.b' doesn't exist"), None);
    }

    #[test]
    fn a_full_disk_in_the_server_s_words() {
        for (full, message) in [
            (true, "Error writing file '/var/lib/mysql/a.MYD' (Errcode: 28 \"No space left on device\")"),
            (true, "Got error 28 \"No space left on device\" from storage engine InnoDB"),
            (true, "Can't create table `a`.`b` (errno: 28 \"No space left on device\")"),
            (
                false,
                "Can't create table `a`.`b` (errno: 150 \"Foreign key constraint is incorrectly formed\")",
            ),
            (false, "Incorrect integer value: '28' for column `a`.`b`.`c` at row 28"),
        ] {
            assert_eq!(is_full(message), full, "{message}");
        }
        assert_eq!(
            (kind(6), kind(1021), kind(1114)),
            (DriverErrorKind::Disk, DriverErrorKind::Disk, DriverErrorKind::Disk)
        );
    }

    #[test]
    fn the_place_is_found_by_the_name_that_the_server_complains_of() {
        let sql = "INSERT INTO app.nowhere_else SELECT nothing FROM app.nowhere";
        let table = [
            (1054, "Unknown column 'nothing' in 'SELECT'", Some(36)),
            (1146, "Table 'app.nowhere' doesn't exist", Some(53)),
            (1146, "Table 'app.elsewhere' doesn't exist", None),
            (1305, "FUNCTION app.nowhere does not exist", Some(53)),
            (1062, "Duplicate entry 'nothing' for key 'x'", None),
        ];
        for (code, message, at) in table {
            assert_eq!(named(code, sql, message), at, "{message}");
        }
    }

    #[test]
    fn a_statement_of_a_packet_is_quoted_without_what_follows_it() {
        let sql = "CREATE TABLE c (\n  x int";
        let mut error = DriverError::new(
            DriverErrorKind::Statement,
            "check the manual for the right syntax to use near ';\nSHOW WARNINGS' at line 9",
        );
        settle_place(sql, &mut error);
        assert_eq!(
            (error.offset, error.message.as_str()),
            (Some(sql.len()), "check the manual for the right syntax to use near '' at line 2",)
        );
        error.message = "the right syntax to use near 'int\n;\nSHOW' at line 9".to_owned();
        settle_place(sql, &mut error);
        assert_eq!(
            (error.offset, error.message.as_str()),
            (Some(21), "the right syntax to use near 'int' at line 2")
        );
    }

    #[test]
    fn codes_have_their_sort() {
        let table = [
            (1205, DriverErrorKind::Busy),
            (1213, DriverErrorKind::Busy),
            (1317, DriverErrorKind::Interrupted),
            (1045, DriverErrorKind::Open),
            (1142, DriverErrorKind::Rights),
            (1290, DriverErrorKind::ReadOnly),
            (1927, DriverErrorKind::Cut),
            (1064, DriverErrorKind::Statement),
            (1690, DriverErrorKind::Statement),
        ];
        for (code, sort) in table {
            assert_eq!(kind(code), sort, "{code}");
        }
    }
}
