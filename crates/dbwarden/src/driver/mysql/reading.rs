//! How the server reads a statement, where that is not how the file was split: under another `sql_mode`
//! (<https://dev.mysql.com/doc/refman/8.4/en/sql-mode.html>), and in a comment that is meant for other versions.

use std::borrow::Cow;

use super::MysqlSession;
use crate::driver::{DriverError, DriverErrorKind};
use crate::sql::{Rules, Syntax, TokenKind, tokens};

/// The rules of a session whose `sql_mode` is `mode`; nothing where files are split by the same.
pub(super) fn rules(mode: &str) -> Option<Rules> {
    let has = |name: &str| mode.split(',').any(|word| word.eq_ignore_ascii_case(name));
    let (ansi_quotes, no_backslash_escapes) = (has("ANSI_QUOTES"), has("NO_BACKSLASH_ESCAPES"));
    let rules = Rules { ansi_quotes, no_backslash_escapes, ..Rules::new(Syntax::Mysql) };
    (ansi_quotes || no_backslash_escapes).then_some(rules)
}

impl MysqlSession {
    /// Returns what is sent for `sql`, a statement of a migration.
    ///
    /// # Errors
    /// The server would read it otherwise than it was split; nothing was sent then.
    pub(super) fn readable<'a>(&mut self, sql: &'a str) -> Result<Cow<'a, str>, DriverError> {
        if let Some(rules) = self.rules {
            alike(sql, rules)?;
            // From here on the file knows what it set.
            if sql.to_ascii_lowercase().contains("sql_mode") {
                self.rules = None;
            }
        }
        if !(sql.starts_with("/*!") || sql.starts_with("/*M!")) {
            return Ok(Cow::Borrowed(sql));
        }
        // What is a comment to this server is no statement, which it refuses (1064, 1065). mysqldump writes many of these.
        for token in tokens(sql, Rules::new(Syntax::Mysql)) {
            match token.kind {
                TokenKind::ExecutableComment if self.runs(token.text)? => return Ok(Cow::Borrowed(sql)),
                TokenKind::ExecutableComment
                | TokenKind::LineComment
                | TokenKind::BlockComment
                | TokenKind::Whitespace => {}
                _ => return Ok(Cow::Borrowed(sql)),
            }
        }
        Ok(Cow::Borrowed("DO 0"))
    }

    /// Whether the server runs what stands in `comment`: asked of itself, since the vendors' rules differ
    /// (<https://mariadb.com/kb/en/comment-syntax/>).
    fn runs(&mut self, comment: &str) -> Result<bool, DriverError> {
        let start = comment.find('!').map_or(0, |at| at + 1);
        let digits = comment[start..].bytes().take(6).take_while(u8::is_ascii_digit).count();
        let head = &comment[..start + digits];
        if let Some((_, runs)) = self.comments.iter().find(|(known, _)| known == head) {
            return Ok(*runs);
        }
        let rows = self.send(&format!("SELECT 0 {head} + 1 */"))?.rows;
        let runs = rows.first().and_then(|row| row.integer(0)) == Some(1);
        self.comments.push((head.to_owned(), runs));
        Ok(runs)
    }
}

/// Sees that the tokens of `sql` end where they ended when it was split.
fn alike(sql: &str, rules: Rules) -> Result<(), DriverError> {
    if !sql.contains('\\') {
        return Ok(());
    }
    let ends = |rules: Rules| {
        tokens(sql, rules).scan(0, |at, token| {
            *at += token.text.len();
            Some(*at)
        })
    };
    let mut last = 0;
    for (split, read) in ends(Rules::new(Syntax::Mysql)).zip(ends(rules)) {
        if split != read {
            let mode = if rules.no_backslash_escapes { "NO_BACKSLASH_ESCAPES" } else { "ANSI_QUOTES" };
            let message = format!(
                "the session's sql_mode has {mode}: a text with a backslash ends elsewhere than where the file was split"
            );
            let mut error = DriverError::new(DriverErrorKind::Statement, message);
            error.offset = Some(last);
            error.notes.push(format!(
                "`session = [\"SET SESSION sql_mode = REPLACE(@@sql_mode, '{mode}', '')\"]` in the settings takes it out for migrations"
            ));
            return Err(error);
        }
        last = split;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_elsewhere_is_refused() {
        let (plain, ansi) = (rules("STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES"), rules("ANSI_QUOTES"));
        assert_eq!(rules("STRICT_ALL_TABLES"), None);
        let table = [
            (plain, "SELECT 'a\\nb'", true),
            (plain, "SELECT 'C:\\', 'D:'", false),
            (plain, "SELECT 'it\\'s'", false),
            (ansi, "SELECT 'it\\'s'", true),
            (ansi, "SELECT \"a\\\", \"b\"", false),
            (ansi, "SELECT \"a\" FROM \"b\"", true),
        ];
        for (rules, sql, same) in table {
            assert_eq!(alike(sql, rules.unwrap()).is_ok(), same, "{sql}");
        }
    }
}
