//! Hides what stands behind PASSWORD, IDENTIFIED BY and the like, before a statement or what a server says of it is shown.

use std::ops::Range;

use super::{Rules, Syntax, Token, TokenKind, tokens};

/// What announces a secret: in a role's definition, and in one of DuckDB's secrets
/// (<https://duckdb.org/docs/stable/sql/statements/create_secret>).
const TELLING: &[&str] =
    &["password", "identified", "secret", "session_token", "bearer_token", "client_secret"];

/// What CREATE and ALTER make of it: their statements give accounts, here or on another server, and have passwords in many spellings.
const ACCOUNTS: &[&str] = &["user", "role", "group", "server", "subscription"];

/// What stands between CREATE or ALTER and the sort.
const BETWEEN: &[&str] = &["or", "replace", "if", "not", "exists"];

/// Words that stand where a password may, and are none.
const NO_PASSWORD: &[&str] =
    &["expire", "for", "history", "null", "password", "random", "require", "reuse", "using"];

const MASK: &str = "'***'";

/// Returns `text` with each literal behind `PASSWORD`, `IDENTIFIED BY`, `IDENTIFIED … AS`, `SECRET`, a token or `…_PASSWORD =` as
/// `'***'`, each literal of a statement that gives accounts (CREATE USER, GRANT, CHANGE MASTER, CREATE SERVER, …), and the password of
/// an address in any literal.
pub fn mask_secrets(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if !has(TELLING) && !has(ACCOUNTS) && !has(&["grant", "change", "://"]) {
        return text.to_owned();
    }
    let mut masked = String::with_capacity(text.len());
    // The words since the last one that announces a secret; a few may stand between it and the literal.
    let mut behind: Option<u32> = None;
    let mut account = Account::default();
    // The last two that mean something.
    let mut last = ["", ""];
    for token in tokens(text, Rules::new(Syntax::Mysql)) {
        let within_account = account.pass(&token);
        let unquoted = within_account && is_unquoted(last[1], &token);
        let assigned = last[1] == "=" && ends_with(last[0], "_password");
        if !matches!(
            token.kind,
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment | TokenKind::Hint
        ) {
            last = [last[1], token.text];
        }
        match token.kind {
            TokenKind::Word if TELLING.iter().any(|word| token.text.eq_ignore_ascii_case(word)) => {
                behind = Some(0)
            }
            TokenKind::String if behind.is_some() || assigned || (within_account && is_long(&token)) => {
                masked.push_str(MASK);
                behind = None;
                continue;
            }
            // What PostgreSQL quotes by dollars is a word in MySQL; an executable comment may hold the password.
            TokenKind::Word | TokenKind::DollarString if within_account && token.text.starts_with('$') => {
                masked.push_str(MASK);
                continue;
            }
            _ if unquoted => {
                masked.push_str("***");
                continue;
            }
            TokenKind::ExecutableComment if within_account => {
                masked.push_str("/*! *** */");
                continue;
            }
            TokenKind::String => {
                masked.push_str(&within(token.text));
                continue;
            }
            TokenKind::Word => behind = behind.map(|words| words + 1).filter(|words| *words < 5),
            TokenKind::Symbol if token.text == ";" => behind = None,
            _ => {}
        }
        masked.push_str(token.text);
    }
    masked
}

/// Returns `said`, which a server says of `sql`, without the literals of those statements in `sql` that give accounts: it quotes what
/// it does not understand, also where the word before the password is misspelt.
pub(crate) fn mask_answer(said: &str, sql: &str, syntax: Syntax) -> String {
    let mut literals = Vec::new();
    collect(sql, syntax, 0, &mut literals);
    // The longer ones first: another may be a part of them.
    literals.sort_by_key(|literal| std::cmp::Reverse(literal.len()));
    literals.dedup();
    let mut said = said.to_owned();
    for literal in &literals {
        said = said.replace(literal.as_str(), "***");
    }
    // MariaDB and MySQL cut what they quote.
    if let Some(end) = said.rfind("' at line ") {
        let (quoted, rest) = said.split_at(end);
        let cut = literals.iter().find_map(|literal| {
            let ends = (1..literal.len()).rev().filter(|&end| literal.is_char_boundary(end));
            ends.map(|end| &literal[..end]).find(|start| {
                let before = quoted.strip_suffix(start);
                before.is_some_and(|before| before.ends_with(['\'', '"']) && !before.ends_with(" near '"))
            })
        });
        if let Some(cut) = cut {
            said = format!("{}***{rest}", &quoted[..quoted.len() - cut.len()]);
        }
    }
    said
}

/// Returns where to show `offset` of `sql`: at the beginning of its statement where that gives accounts and has begun on an earlier
/// line. Of a line alone nobody knows what is a password.
pub(crate) fn mask_place(sql: &str, offset: usize, syntax: Syntax) -> usize {
    let on_another_line = |span: &Range<usize>| {
        (span.start..=span.end).contains(&offset) && sql.as_bytes()[span.start..offset].contains(&b'\n')
    };
    accounts(sql, syntax).into_iter().find(on_another_line).map_or(offset, |span| span.start)
}

/// What the statements that give accounts have in quotes, as it is written and as it is meant; also those within a literal, which
/// another statement runs.
fn collect(sql: &str, syntax: Syntax, depth: u32, literals: &mut Vec<String>) {
    let mut account = Account::default();
    let mut last = "";
    for token in tokens(sql, Rules::new(syntax)) {
        let within_account = account.pass(&token);
        let hidden = within_account
            && is_long(&token)
            && (matches!(token.kind, TokenKind::String | TokenKind::DollarString)
                || is_unquoted(last, &token));
        if token.kind != TokenKind::Whitespace {
            last = token.text;
        }
        let meant = inner(&token).replace("''", "'");
        if hidden {
            literals.push(inner(&token).to_owned());
            literals.push(meant.replace("\\'", "'"));
        }
        match token.kind {
            TokenKind::String | TokenKind::DollarString if depth < 4 => {
                collect(&meant, syntax, depth + 1, literals)
            }
            TokenKind::ExecutableComment if within_account => {
                let strings = tokens(executed(token.text), Rules::new(syntax))
                    .filter(|token| token.kind == TokenKind::String && is_long(token));
                literals.extend(strings.map(|token| inner(&token).to_owned()));
            }
            _ => {}
        }
    }
}

/// What MySQL and MariaDB run of an executable comment.
fn executed(comment: &str) -> &str {
    let text = comment.split_once('!').map_or(comment, |(_, text)| text);
    text.strip_suffix("*/").unwrap_or(text)
}

/// Where the statements are that give accounts.
fn accounts(sql: &str, syntax: Syntax) -> Vec<Range<usize>> {
    let mut account = Account::default();
    let mut spans: Vec<Range<usize>> = Vec::new();
    let (mut within_account, mut word) = (false, 0);
    for token in tokens(sql, Rules::new(syntax)) {
        let was = std::mem::replace(&mut within_account, account.pass(&token));
        if matches!(token.kind, TokenKind::Word) && !was && Account::begins(&token) {
            word = token.start;
        }
        match (was, within_account) {
            (false, true) => spans.push(word..sql.len()),
            (true, false) => {
                if let Some(span) = spans.last_mut() {
                    span.end = token.start;
                }
            }
            _ => {}
        }
    }
    spans
}

/// Follows the tokens of a text, and knows whether they are within a statement that gives accounts.
#[derive(Debug, Default)]
struct Account {
    within: bool,
    /// The word that may begin one.
    begun: &'static str,
}

impl Account {
    /// Returns whether the statement of `token` gives accounts, as far as it is known.
    fn pass(&mut self, token: &Token<'_>) -> bool {
        let is = |word: &&str| token.text.eq_ignore_ascii_case(word);
        match token.kind {
            TokenKind::Symbol if token.text == ";" => *self = Self::default(),
            TokenKind::Word if !self.within => {
                self.within = match self.begun {
                    "create" => ACCOUNTS.iter().any(is),
                    "set" => is(&"password"),
                    "change" => is(&"master") || is(&"replication"),
                    _ => false,
                } || is(&"grant");
                let between = self.begun == "create" && BETWEEN.iter().any(is);
                if !self.within && !between {
                    self.begun = match () {
                        () if is(&"create") || is(&"alter") => "create",
                        () if is(&"set") => "set",
                        () if is(&"change") => "change",
                        () => "",
                    };
                }
            }
            _ => {}
        }
        self.within
    }

    /// Whether `token`, which was just passed, may be the first word of such a statement.
    fn begins(token: &Token<'_>) -> bool {
        ["create", "alter", "set", "change", "grant"].iter().any(|word| token.text.eq_ignore_ascii_case(word))
    }
}

/// Whether `token`, behind the word `last`, is a password without its quotes, or with the wrong ones.
fn is_unquoted(last: &str, token: &Token<'_>) -> bool {
    let is = |text: &str, words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    matches!(token.kind, TokenKind::Word | TokenKind::Number | TokenKind::Identifier)
        && is(last, &["password", "by"])
        && !is(token.text, NO_PASSWORD)
        && is_long(token)
}

/// Whether a literal is long enough to be worth hiding: what is shorter stands in the words of any message.
fn is_long(token: &Token<'_>) -> bool {
    inner(token).chars().nth(2).is_some()
}

/// What stands between the quotes.
fn inner<'a>(token: &Token<'a>) -> &'a str {
    let text = token.text;
    match token.kind {
        TokenKind::DollarString => {
            let tag = text[1..].find('$').map_or(text.len(), |end| end + 2);
            let body = &text[tag..];
            if token.closed { &body[..body.len() - tag] } else { body }
        }
        TokenKind::String | TokenKind::Identifier => {
            let start = text.find(['\'', '"', '`', '[']).map_or(0, |at| at + 1);
            let end = if token.closed { text.len() - 1 } else { text.len() };
            &text[start..end.max(start)]
        }
        _ => text,
    }
}

/// Masks what stands in a literal as a statement, and as an address.
fn within(literal: &str) -> String {
    let inner = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let masked = inner.map_or_else(
        || literal.to_owned(),
        |inner| format!("'{}'", mask_secrets(&inner.replace("''", "'")).replace('\'', "''")),
    );
    // As it was written, where there is nothing to hide.
    let masked = if masked.contains("***") { masked } else { literal.to_owned() };
    address(&masked)
}

/// Masks the password in `scheme://user:password@host`, each time.
fn address(literal: &str) -> String {
    let mut masked = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some(at) = rest.find("://") {
        let (before, behind) = rest.split_at(at + "://".len());
        masked.push_str(before);
        rest = behind;
        // A password may have an `@` or a `/` that nobody encoded: the last `@` before white space counts.
        let end = behind.find(|c: char| c.is_whitespace() || c == '\'' || c == '"').unwrap_or(behind.len());
        if let (Some(colon), Some(host)) = (behind[..end].find(':'), behind[..end].rfind('@'))
            && colon < host
        {
            masked.push_str(&behind[..=colon]);
            masked.push_str("***");
            rest = &behind[host..];
        }
    }
    masked.push_str(rest);
    masked
}

fn ends_with(text: &str, word: &str) -> bool {
    let start = text.len().checked_sub(word.len());
    start.is_some_and(|start| text.as_bytes()[start..].eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_nothing_else() {
        let cases = [
            (
                "CREATE SECRET s (TYPE s3, KEY_ID 'id', SECRET 'hunter2', REGION 'eu')",
                "CREATE SECRET s (TYPE s3, KEY_ID '***', SECRET '***', REGION 'eu')",
            ),
            (
                "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''hunter2'' NO'; END $$",
                "DO $$ BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''***'' NO'; END $$",
            ),
            (
                "ALTER ROLE a WITH LOGIN PASSWORD 'hunter2' VALID UNTIL '2030'; SELECT '2030'",
                "ALTER ROLE a WITH LOGIN PASSWORD '***' VALID UNTIL '***'; SELECT '2030'",
            ),
            ("ALTER ROLE a PASSWORD $$hunter2$$", "ALTER ROLE a PASSWORD '***'"),
            (
                "CREATE USER a IDENTIFIED WITH mysql_native_password BY 'x'",
                "CREATE USER a IDENTIFIED WITH mysql_native_password BY '***'",
            ),
            (
                "CREATE USER a IDENTIFIED WITH 'plugin' BY 'hunter2'",
                "CREATE USER a IDENTIFIED WITH '***' BY '***'",
            ),
            (
                "CREATE OR REPLACE USER a IDENTIFIED VIA one AS 'hash' OR two USING PASSWORD('hunter2')",
                "CREATE OR REPLACE USER a IDENTIFIED VIA one AS '***' OR two USING PASSWORD('***')",
            ),
            ("GRANT ALL ON a.* TO b IDENTFIED BY \"hunter2\"", "GRANT ALL ON a.* TO b IDENTFIED BY '***'"),
            (
                "CREATE USER a /*!50706 IDENTIFIED BY 'hunter2' */ COMMENT 'on leave'",
                "CREATE USER a /*! *** */ COMMENT '***'",
            ),
            (
                "CHANGE MASTER TO MASTER_USER='ana', MASTER_PASSWORD='hunter2', MASTER_PORT=1",
                "CHANGE MASTER TO MASTER_USER='***', MASTER_PASSWORD='***', MASTER_PORT=1",
            ),
            (
                "CREATE USER a IDENTIFIED BY hunter2; ALTER USER a PASSWORD EXPIRE",
                "CREATE USER a IDENTIFIED BY ***; ALTER USER a PASSWORD EXPIRE",
            ),
            ("SET @source_password = 'hunter2', @b = 'x'", "SET @source_password = '***', @b = 'x'"),
            (
                "CREATE TABLE t (a int) ENGINE=FEDERATED CONNECTION='mysql://u:hunter2@h:1/d/t'",
                "CREATE TABLE t (a int) ENGINE=FEDERATED CONNECTION='mysql://u:***@h:1/d/t'",
            ),
            ("SELECT 'http://a@b', 'http://c:80/x'", "SELECT 'http://a@b', 'http://c:80/x'"),
            ("create user a identified by 'it''s'", "create user a identified by '***'"),
            ("SELECT 'plain'", "SELECT 'plain'"),
            (
                "ALTER TABLE t CHANGE a b VARCHAR(9) DEFAULT 'plain', ADD role TEXT",
                "ALTER TABLE t CHANGE a b VARCHAR(9) DEFAULT 'plain', ADD role TEXT",
            ),
            (
                "CREATE TABLE users (role TEXT DEFAULT 'plain', \"user\" TEXT DEFAULT 'it''s\\'plain')",
                "CREATE TABLE users (role TEXT DEFAULT 'plain', \"user\" TEXT DEFAULT 'it''s\\'plain')",
            ),
            (
                "CREATE TABLE u (password TEXT, a TEXT, b TEXT, c TEXT, d TEXT DEFAULT 'x')",
                "CREATE TABLE u (password TEXT, a TEXT, b TEXT, c TEXT, d TEXT DEFAULT 'x')",
            ),
        ];
        for (text, masked) in cases {
            assert_eq!(mask_secrets(text), masked);
        }
    }

    #[test]
    fn what_a_server_quotes_of_it_is_hidden_and_nothing_else() {
        use Syntax::{Mysql, Postgres};
        let cases = [
            (
                Mysql,
                "CREATE USER x IDENTFIED BY 'topsecret'",
                "near 'IDENTFIED BY 'topsecret'' at line 1",
                "near 'IDENTFIED BY '***'' at line 1",
            ),
            (
                Mysql,
                "CREATE USER x IDENTFIED BY 'topsecret'",
                "near 'IDENTFIED BY 'topse' at line 1",
                "near 'IDENTFIED BY '***' at line 1",
            ),
            (
                Mysql,
                "EXECUTE IMMEDIATE 'ALTER USER x IDENTFIED BY ''topsecret'' NO'",
                "near 'IDENTFIED BY 'topsecret' NO' at line 1",
                "near 'IDENTFIED BY '***' NO' at line 1",
            ),
            (
                Mysql,
                "ALTER USER x /*!50706 IDENTFIED BY 'topsecret' */",
                "near 'IDENTFIED BY 'topsecret' */' at line 1",
                "near 'IDENTFIED BY '***' */' at line 1",
            ),
            (
                Mysql,
                "CREATE USER x IDENTIFIED BY topsecret",
                "near 'topsecret' at line 1",
                "near '***' at line 1",
            ),
            (
                Postgres,
                "BEGIN; ALTER ROLE a PASWORD 'it''s top'; COMMIT",
                "syntax error at or near \"'it''s top'\"",
                "syntax error at or near \"'***'\"",
            ),
            (
                Postgres,
                "ALTER ROLE a PASWORD $x$topsecret$x$",
                "at or near \"$x$topsecret$x$\"",
                "at or near \"$x$***$x$\"",
            ),
            (
                Postgres,
                "ALTER ROLE a PASSWORD 'topsecret",
                "at or near \"'topsecret\"",
                "at or near \"'***\"",
            ),
            (Postgres, "ALTER ROLE a PASSWORD \"topsecret\"", "near \"\"topsecret\"\"", "near \"\"***\"\""),
            (Postgres, "GRANT a TO \"Ana\"", "role \"Ana\" does not exist", "role \"Ana\" does not exist"),
            (Mysql, "SELECT 'topmost' FROM", "near 'topmost' at line 1", "near 'topmost' at line 1"),
            (Mysql, "SELECT 1; SELECT 'plain'", "no plain", "no plain"),
            (Postgres, "GRANT a TO b; SELECT 'plain'", "no plain", "no plain"),
        ];
        for (syntax, sql, said, masked) in cases {
            assert_eq!(mask_answer(said, sql, syntax), masked, "{sql}");
        }
    }

    #[test]
    fn the_place_is_where_its_statement_begins() {
        let sql = "SELECT 1;\nCREATE OR REPLACE USER a\n  IDENTFIED\nBY 'topsecret';\nSELECT\n 2";
        let at = |part: &str| sql.find(part).unwrap();
        assert_eq!(mask_place(sql, at("BY"), Syntax::Mysql), at("CREATE"));
        assert_eq!(mask_place(sql, at("USER"), Syntax::Mysql), at("USER"));
        assert_eq!(mask_place(sql, at(" 2"), Syntax::Mysql), at(" 2"));
        assert_eq!(mask_place("GRANT a\nTO b", 8, Syntax::Postgres), 0);
    }
}
