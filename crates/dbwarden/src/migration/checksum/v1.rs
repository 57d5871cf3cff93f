//! Checksum `v1`: SHA-256 over a script's tokens. **Frozen**: recorded sums depend on every line of this file, which is why
//! it has a scanner of its own, apart from the lexer that may improve.
//!
//! What is hashed, each token followed by a zero byte: words and numbers (runs of ASCII letters, digits, `_`, `$` and
//! anything beyond ASCII), quoted literals and identifiers whole, executable comments and hints whole, any other
//! character by itself, `;` behind each statement, and directives behind a byte 1. Comments and white space outside literals are left out; CRLF
//! counts as LF everywhere, since a checkout on Windows is no change of the SQL.

use sha2::{Digest, Sha256};

use super::{Checksum, hex};
use crate::sql::Syntax;

/// Sums up a script, statement by statement.
#[derive(Debug, Clone)]
pub struct Hasher {
    digest: Sha256,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { digest: Sha256::new() }
    }
}

impl Hasher {
    /// Takes in what [`encode`] or [`encode_directive`] made.
    pub fn update(&mut self, encoded: &[u8]) {
        self.digest.update(encoded);
    }

    /// Returns the checksum.
    pub fn finish(self) -> Checksum {
        Checksum(format!("v1:{}", hex(&self.digest.finalize())))
    }
}

/// Appends a directive of the next statement.
pub fn encode_directive(directive: &str, to: &mut Vec<u8>) {
    to.push(1);
    to.extend(directive.trim().bytes());
    to.push(0);
}

/// Appends rows of `COPY … FROM stdin`.
pub fn encode_rows(rows: &[u8], to: &mut Vec<u8>) {
    push(rows, to);
}

/// Appends the tokens of one statement and its end.
pub fn encode(statement: &str, syntax: Syntax, to: &mut Vec<u8>) {
    let text = statement.as_bytes();
    let postgres = matches!(syntax, Syntax::Postgres | Syntax::Duckdb);
    let mysql = syntax == Syntax::Mysql;
    let mut at = 0;
    // Whether the token before is a word that ends right here: E'…' and a$1.
    let mut word: &[u8] = b"";
    while let Some(&byte) = text.get(at) {
        let rest = &text[at..];
        let before = std::mem::take(&mut word);
        let length = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c => {
                at += 1;
                continue;
            }
            b'-' if rest.starts_with(b"--")
                && (!mysql
                    || rest
                        .get(2)
                        .is_none_or(|next| next.is_ascii_whitespace() || next.is_ascii_control())) =>
            {
                at += line(rest, postgres);
                continue;
            }
            b'#' if mysql => {
                at += line(rest, false);
                continue;
            }
            b'/' if rest.starts_with(b"/*") => {
                let kept = rest.starts_with(b"/*+")
                    || mysql && (rest.starts_with(b"/*!") || rest.starts_with(b"/*M!"));
                let length = comment(rest, postgres);
                if !kept {
                    at += length;
                    continue;
                }
                length
            }
            b'\'' => {
                let escapes = mysql || postgres && before.eq_ignore_ascii_case(b"e");
                quoted(rest, b'\'', escapes)
            }
            b'"' => quoted(rest, b'"', mysql),
            b'`' if !postgres => quoted(rest, b'`', false),
            b'[' if syntax == Syntax::Sqlite => {
                rest.iter().position(|&byte| byte == b']').map_or(rest.len(), |end| end + 1)
            }
            b'$' if postgres && before.is_empty() => dollar(rest).unwrap_or_else(|| run(rest)),
            _ if is_word(byte) => run(rest),
            _ => 1,
        };
        let token = &rest[..length];
        if is_word(byte) && byte != b'$' {
            word = token;
        }
        push(token, to);
        to.push(0);
        at += length;
    }
    to.extend(b";\0");
}

/// Copies `token` with each CRLF as LF.
fn push(token: &[u8], to: &mut Vec<u8>) {
    let mut rest = token;
    while let Some(end) = memchr::memmem::find(rest, b"\r\n") {
        to.extend(&rest[..end]);
        rest = &rest[end + 1..];
    }
    to.extend(rest);
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn run(text: &[u8]) -> usize {
    text.iter().position(|&byte| !is_word(byte)).unwrap_or(text.len())
}

/// PostgreSQL and DuckDB end a comment at a CR too.
fn line(text: &[u8], at_cr: bool) -> usize {
    text.iter().position(|&byte| byte == b'\n' || at_cr && byte == b'\r').unwrap_or(text.len())
}

fn comment(text: &[u8], nested: bool) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < text.len() {
        if text[at..].starts_with(b"*/") {
            at += 2;
            depth -= 1;
            if depth == 0 {
                return at;
            }
        } else if nested && text[at..].starts_with(b"/*") {
            at += 2;
            depth += 1;
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a quoted text whose quote may be doubled inside.
fn quoted(text: &[u8], quote: u8, escapes: bool) -> usize {
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        if byte == b'\\' && escapes {
            at += 2;
        } else if byte == quote {
            if text.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 2;
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a dollar-quoted text, where one starts here.
fn dollar(text: &[u8]) -> Option<usize> {
    let tag = text[1..].iter().position(|&byte| byte == b'$')? + 2;
    let name = &text[1..tag - 1];
    if name.first().is_some_and(u8::is_ascii_digit) || !name.iter().all(|&byte| is_word(byte)) {
        return None;
    }
    let end = memchr::memmem::find(&text[tag..], &text[..tag]);
    Some(end.map_or(text.len(), |end| tag + end + tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(statements: &[&str], syntax: Syntax) -> String {
        let mut hasher = Hasher::default();
        for statement in statements {
            let mut encoded = Vec::new();
            encode(statement, syntax, &mut encoded);
            hasher.update(&encoded);
        }
        hasher.finish().to_string()
    }

    #[track_caller]
    fn same(a: &str, b: &str, syntax: Syntax) {
        assert_eq!(sum(&[a], syntax), sum(&[b], syntax));
    }

    #[track_caller]
    fn differ(a: &str, b: &str, syntax: Syntax) {
        assert_ne!(sum(&[a], syntax), sum(&[b], syntax));
    }

    /// Recorded sums: a change here breaks every database that holds one.
    #[test]
    fn the_algorithm_is_frozen() {
        let script = [
            "CREATE TABLE users (id INTEGER PRIMARY KEY, \"full name\" TEXT DEFAULT 'a''b')",
            "DROP TABLE x",
        ];
        let recorded = [
            (
                sum(&script, Syntax::Sqlite),
                "v1:0ab3b7ef25cf62d6f6752d5ce6ce83736c0a7c309e3a80afc7b6a1e7f2e49dad",
            ),
            (
                sum(&["SELECT $x$ a -- b $x$, E'\\'', 'ä' /* c /* d */ */"], Syntax::Postgres),
                "v1:ff43df8fc5acf53c8dae6b3a1b9fb462e241c0a8145a166ef85e79f1647a24f7",
            ),
            (
                sum(&["SELECT /*! 1 */ `a`, 'b\\'c' # d"], Syntax::Mysql),
                "v1:dcb55e844c615551d9302a26379f85e3728e07ca5beef4ebc7c5dc7062419f41",
            ),
        ];
        for (sum, recorded) in recorded {
            assert_eq!(sum, recorded);
        }
    }

    #[test]
    fn layout_and_comments_make_no_difference() {
        same(
            "CREATE TABLE t(a int,b int)",
            "CREATE  TABLE t (\r\n a int, -- why\r\n b /* so */ int\n)",
            Syntax::Sqlite,
        );
        same("SELECT a<-b", "SELECT a < - b", Syntax::Mysql);
        same("SELECT 'a\r\nb'", "SELECT 'a\nb'", Syntax::Sqlite);
        same("SELECT 1 # c", "SELECT 1", Syntax::Mysql);
        same("SELECT /* a /* b */ c */ 1", "SELECT 1", Syntax::Postgres);
    }

    #[test]
    fn meaning_makes_a_difference() {
        differ("SELECT 'a  b'", "SELECT 'a b'", Syntax::Sqlite);
        differ("SELECT 'a' 'b'", "SELECT 'a''b'", Syntax::Sqlite);
        differ("SELECT /*! 1 + */ 2", "SELECT 2", Syntax::Mysql);
        differ("SELECT /*+ x */ 2", "SELECT 2", Syntax::Mysql);
        differ("SELECT ab", "SELECT a b", Syntax::Sqlite);
        differ("SELECT 5 --3\n", "SELECT 5", Syntax::Mysql);
        differ("SELECT [a b]", "SELECT [a  b]", Syntax::Sqlite);
        differ("SELECT $$a  b$$", "SELECT $$a b$$", Syntax::Postgres);
        assert_ne!(sum(&["a", "b"], Syntax::Sqlite), sum(&["a b"], Syntax::Sqlite));
        assert_eq!(sum(&["a", "b"], Syntax::Sqlite), sum(&["a;b"], Syntax::Sqlite));
    }

    /// What PostgreSQL and DuckDB run behind a CR is no comment; elsewhere it is one.
    #[test]
    fn a_comment_ends_where_the_engine_ends_it() {
        for syntax in [Syntax::Postgres, Syntax::Duckdb] {
            differ("SELECT 1 -- c\rFROM t", "SELECT 1", syntax);
            same("SELECT 1 -- c\rFROM t", "SELECT 1 FROM t", syntax);
        }
        same("SELECT 1 -- c\rFROM t", "SELECT 1", Syntax::Sqlite);
        same("SELECT 1 -- c\rFROM t", "SELECT 1", Syntax::Mysql);
    }

    #[test]
    fn directives_count_with_the_white_space_inside_them() {
        let encoded = |directive: &str| {
            let mut encoded = Vec::new();
            encode_directive(directive, &mut encoded);
            encoded
        };
        assert_ne!(encoded("query SELECT 'a  b'"), encoded("query SELECT 'a b'"));
        assert_eq!(encoded(" query SELECT 1 \r"), encoded("query SELECT 1"));
    }
}
