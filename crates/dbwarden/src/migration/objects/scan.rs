//! What any part of a statement reads and writes, found by the words before the names of tables.

use super::cursor::{Cursor, Tokens, is};
use super::name::{ObjectName, part, plain};
use super::statement::list;
use super::{ObjectKind, Touched};
use crate::sql::{Syntax, Token, TokenKind};

/// Words that end a list of tables.
const ENDS: &[&str] = &[
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "FOR",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "SET",
    "RETURNING",
    "WINDOW",
    "QUALIFY",
    "SELECT",
    "VALUES",
    "WHEN",
];

/// Words that may stand between `FROM` and a table.
const BETWEEN: &[&str] = &["ONLY", "LATERAL", "TABLE"];

/// Words before `UPDATE` where no table follows: `ON UPDATE CASCADE`, `FOR UPDATE`, `ON DUPLICATE KEY UPDATE`, `BEFORE UPDATE ON`,
/// `INSERT OR UPDATE`. Behind `THEN` and `DO` a statement may begin; `DO UPDATE SET` names nothing.
const NO_UPDATE: &[&str] = &["ON", "FOR", "KEY", "NO", "OR", "BEFORE", "AFTER", "OF", ","];

/// Words before `TABLE` where one is made, changed or dropped.
const DEFINES: &[&str] = &["CREATE", "ALTER", "DROP", "TEMP", "TEMPORARY", "UNLOGGED", "REPLACE"];

/// Functions whose texts are names.
const BY_TEXT: &[&str] = &["regclass", "nextval", "currval", "setval", "pg_get_serial_sequence"];

/// What a place among the tables of a statement means.
#[derive(Clone, Copy, Default)]
struct Level {
    /// A comma brings the next table.
    list: bool,
    /// A table may come now.
    due: bool,
}

/// Adds what stands in `cursor`, to its end.
pub(super) fn scan(mut cursor: Cursor<'_, '_>, to: &mut Touched) {
    let mut levels = vec![Level::default()];
    while let Some(token) = cursor.token() {
        let before = cursor.at.checked_sub(1).and_then(|at| cursor.tokens.get(at));
        let level = levels.len() - 1;
        let due = std::mem::take(&mut levels[level].due);
        cursor.at += 1;
        if is(token, "(") {
            // `FROM (a JOIN b …)`, and `FROM (SELECT …)`, whose first word ends it at once.
            levels.push(Level { list: due, due });
        } else if is(token, ")") {
            if levels.len() > 1 {
                levels.pop();
            }
        } else if is(token, ",") {
            levels[level].due = levels[level].list;
        } else if is(token, "FROM") || is(token, "JOIN") || is(token, "STRAIGHT_JOIN") {
            levels[level] = Level { list: true, due: true };
        } else if is(token, "USING") {
            // `DELETE FROM a USING b`; `JOIN b USING (id)` has columns.
            let due = !cursor.is("(");
            levels[level].list |= due;
            levels[level].due = due;
        } else if is(token, "REFERENCES") || is(token, "LIKE") {
            if let Some(name) = named(&mut cursor) {
                to.note_read(name);
            }
        } else if is(token, "INTO") {
            cursor.skip(&["TABLE", "TEMP", "TEMPORARY", "UNLOGGED", "STRICT"]);
            levels[level].list = false;
            if let Some(name) = named(&mut cursor) {
                to.write(ObjectKind::Table, name);
            }
        } else if is(token, "UPDATE") && !is_event(before) {
            cursor.skip(&["LOW_PRIORITY", "IGNORE", "ONLY"]);
            if !cursor.is("SET")
                && !cursor.is("OF")
                && let Some(name) = named(&mut cursor)
            {
                to.write(ObjectKind::Table, name);
            }
        } else if is(token, "DELETE") && cursor.accept(&["FROM"]) {
            cursor.skip(&["ONLY"]);
            levels[level].list = true;
            if let Some(name) = named(&mut cursor) {
                to.write(ObjectKind::Table, name);
            }
        } else if is(token, "TRUNCATE") && !is_event(before) {
            cursor.skip(&["TABLE"]);
            list(&mut cursor).into_iter().for_each(|name| to.write(ObjectKind::Table, name));
        } else if is(token, "TABLE") && !due {
            // `TABLE users` is short for `SELECT * FROM users`. In a body it may be one that is made or dropped.
            let defines = before.is_some_and(|before| DEFINES.iter().any(|it| is(before, it)));
            cursor.conditions();
            match named(&mut cursor) {
                Some(name) if defines => to.write(ObjectKind::Table, name),
                Some(name) => to.note_read(name),
                None => {}
            }
        } else if token.kind == TokenKind::Word && ENDS.iter().any(|end| is(token, end)) {
            levels[level].list = false;
        } else if due {
            if BETWEEN.iter().any(|word| is(token, word)) {
                levels[level].due = true;
            } else {
                cursor.at -= 1;
                match cursor.name() {
                    Some(name) => to.note_read(name),
                    None => cursor.at += 1,
                }
            }
        }
    }
}

/// The name here, where it is none of a variable or a file.
fn named(cursor: &mut Cursor<'_, '_>) -> Option<ObjectName> {
    if cursor.is_any(&["OUTFILE", "DUMPFILE"]) { None } else { cursor.name() }
}

/// Whether what stands behind `before` is the name of an event or of a lock, and no statement.
pub(super) fn is_event(before: Option<&Token<'_>>) -> bool {
    before.is_some_and(|before| NO_UPDATE.iter().any(|it| is(before, it)))
}

/// Adds each word of `tokens` as a mention, and each text that may be a name where `texts` may be names.
pub(super) fn mention(tokens: &[Token<'_>], syntax: Syntax, texts: bool, to: &mut Touched) {
    let by_text = tokens.iter().any(|token| BY_TEXT.iter().any(|word| is(token, word)));
    for token in tokens {
        match token.kind {
            TokenKind::Word | TokenKind::Identifier => {
                if let Some(name) = part(token, syntax) {
                    to.mention(name);
                }
            }
            TokenKind::String if texts || by_text => {
                if let Some(name) = name_in(token.text, syntax) {
                    to.mention(name.last().to_owned());
                    if by_text {
                        to.note_read(name);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The name that the text `'public.users'` may be.
pub(super) fn name_in(text: &str, syntax: Syntax) -> Option<ObjectName> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let plainly = |c: char| c.is_alphanumeric() || "_$.\"".contains(c);
    if inner.is_empty() || inner.len() > 200 || !inner.chars().all(plainly) {
        return None;
    }
    let parts =
        inner.split('.').map(|part| match part.strip_prefix('"').and_then(|part| part.strip_suffix('"')) {
            Some(quoted) => quoted.to_owned(),
            None => plain(part, syntax),
        });
    ObjectName::of(parts.filter(|part| !part.is_empty()).collect())
}

/// Adds what the bodies in `tokens` name, which are texts here.
pub(super) fn bodies(tokens: &[Token<'_>], syntax: Syntax, to: &mut Touched) {
    for token in tokens {
        let inner = match token.kind {
            TokenKind::DollarString => {
                let tag = token.text[1..].find('$').map_or(0, |end| end + 2);
                token.text.get(tag..token.text.len().saturating_sub(tag)).unwrap_or_default().to_owned()
            }
            TokenKind::String => {
                let start = token.text.find('\'').map_or(0, |quote| quote + 1);
                let end = token.text.len().saturating_sub(1);
                token.text.get(start..end).unwrap_or_default().replace("''", "'")
            }
            _ => continue,
        };
        if inner.contains(char::is_whitespace) {
            let found = Tokens::of(&inner, syntax);
            mention(&found.all, syntax, true, to);
            scan(Cursor::new(&found.all, syntax), to);
        }
    }
}
