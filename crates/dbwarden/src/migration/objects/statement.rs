//! What one statement touches, by its first words.

use super::cursor::{Cursor, Tokens, is};
use super::name::ObjectName;
use super::scan::{bodies, is_event, mention, name_in, scan};
use super::{ObjectKind, Touched, define};
use crate::sql::{Syntax, Token, TokenKind};

/// What is said of a statement that is not understood.
pub(super) const STRANGE: &str = "it is not known what such a statement touches";
pub(super) const TABLELESS: &str = "it does not say of which table";
const CALLS: &str = "it runs code that is not in this file";
pub(super) const CASCADES: &str = "CASCADE reaches objects that it does not name";
const ELSEWHERE: &str = "it changes which objects the names behind it mean";

/// Words of a `BEGIN` that opens a transaction. `BEGIN NOT ATOMIC` is a block of statements.
/// <https://mariadb.com/kb/en/using-compound-statements-outside-of-stored-programs/>
const MODES: &[&str] = &[
    "WORK",
    "TRANSACTION",
    "DEFERRED",
    "IMMEDIATE",
    "EXCLUSIVE",
    "CONCURRENT",
    "ISOLATION",
    "LEVEL",
    "SERIALIZABLE",
    "REPEATABLE",
    "READ",
    "COMMITTED",
    "UNCOMMITTED",
    "ONLY",
    "WRITE",
    "NOT",
    "DEFERRABLE",
    "PRIORITY",
    "LOW",
    "NORMAL",
    "HIGH",
    ",",
];

/// Statements that touch no object: transactions, and the state of the session or of the files on disk.
const NOTHING: &[&str] = &[
    "ABORT",
    "CHECKPOINT",
    "COMMIT",
    "DEALLOCATE",
    "DISCARD",
    "END",
    "RELEASE",
    "RESET",
    "ROLLBACK",
    "SAVEPOINT",
    "START",
    "UNLOCK",
];

/// Settings of SQLite's that say how the session works.
const PRAGMAS: &[&str] = &[
    "analysis_limit",
    "auto_vacuum",
    "automatic_index",
    "busy_timeout",
    "cache_size",
    "case_sensitive_like",
    "defer_foreign_keys",
    "foreign_key_check",
    "foreign_keys",
    "integrity_check",
    "journal_mode",
    "journal_size_limit",
    "legacy_alter_table",
    "locking_mode",
    "mmap_size",
    "optimize",
    "page_size",
    "quick_check",
    "recursive_triggers",
    "secure_delete",
    "synchronous",
    "temp_store",
    "user_version",
    "wal_autocheckpoint",
    "wal_checkpoint",
];

/// Statements that change rows.
const CHANGES: &[&str] = &["INSERT", "REPLACE", "UPDATE", "DELETE"];

/// What stands before a parenthesis in a query and runs nothing of anybody's.
const HARMLESS: &[&str] = &[
    "ABS",
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "ARRAY_AGG",
    "AS",
    "AVG",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CHAR",
    "COALESCE",
    "CONCAT",
    "COUNT",
    "CURRVAL",
    "DATE",
    "DECIMAL",
    "DISTINCT",
    "ELSE",
    "EXCEPT",
    "EXISTS",
    "EXTRACT",
    "FILTER",
    "FROM",
    "GREATEST",
    "HAVING",
    "IF",
    "IFNULL",
    "IN",
    "INTERSECT",
    "IS",
    "JOIN",
    "LAST_INSERT_ROWID",
    "LEAST",
    "LEFT",
    "LENGTH",
    "LIKE",
    "LIMIT",
    "LOWER",
    "MATERIALIZED",
    "MAX",
    "MIN",
    "NEXTVAL",
    "NOT",
    "NOW",
    "NULLIF",
    "NUMERIC",
    "ON",
    "OR",
    "OVER",
    "PARTITION",
    "PG_GET_SERIAL_SEQUENCE",
    "REPLACE",
    "RIGHT",
    "ROUND",
    "ROW",
    "ROW_NUMBER",
    "SELECT",
    "SETVAL",
    "SOME",
    "SUBSTR",
    "SUBSTRING",
    "SUM",
    "THEN",
    "TRIM",
    "UNION",
    "UPPER",
    "USING",
    "VALUES",
    "VARCHAR",
    "VERSION",
    "WHEN",
    "WHERE",
    "WITH",
];

/// Adds what `text` touches.
///
/// # Errors
/// Why that cannot be told; what can be told is added all the same.
pub(super) fn statement(text: &str, syntax: Syntax, to: &mut Touched) -> Result<(), &'static str> {
    let tokens = Tokens::of(text, syntax);
    let mut cursor = Cursor::new(&tokens.all, syntax);
    let Some(first) = cursor.token() else { return Ok(()) };
    let word = first.text.to_ascii_uppercase();
    let defines = matches!(word.as_str(), "CREATE" | "ALTER" | "COMMENT");
    mention(&tokens.all, syntax, defines, to);
    cursor.at = 1;
    let told = match word.as_str() {
        _ if first.kind != TokenKind::Word && !is(first, "(") => Err(STRANGE),
        "CREATE" => define::create(cursor, to),
        "ALTER" => define::alter(cursor, to),
        "DROP" => define::drop(cursor, to),
        "COMMENT" => define::comment(cursor, to),
        "GRANT" | "REVOKE" => define::grant(cursor, to),
        "INSERT" | "REPLACE" | "UPSERT" | "UPDATE" | "DELETE" | "MERGE" => {
            rows(&word, cursor, to);
            Ok(())
        }
        "COPY" => copy(cursor, to),
        "TRUNCATE" => truncate(cursor, to),
        "LOAD" if cursor.is("DATA") || cursor.is("XML") => {
            scan(cursor, to);
            Ok(())
        }
        "SELECT" | "WITH" | "VALUES" | "TABLE" | "EXPLAIN" | "(" => query(Cursor { at: 0, ..cursor }, to),
        "REFRESH" if cursor.accept(&["MATERIALIZED", "VIEW"]) => {
            cursor.skip(&["CONCURRENTLY"]);
            written(&mut cursor, ObjectKind::View, to)
        }
        "RENAME" if cursor.accept(&["TABLE"]) || cursor.accept(&["TABLES"]) => renamed(cursor, to),
        "LOCK" => locked(cursor, to),
        "BEGIN" => {
            if cursor.tokens[cursor.at..].iter().all(|token| MODES.iter().any(|mode| is(token, mode))) {
                Ok(())
            } else {
                body(cursor, to);
                Err(STRANGE)
            }
        }
        "ANALYZE" | "ANALYSE" | "CLUSTER" | "OPTIMIZE" | "REINDEX" | "VACUUM" => kept(&word, cursor, to),
        "SET" => set(cursor, to),
        "PRAGMA" => pragma(cursor),
        "USE" | "ATTACH" | "DETACH" => Err(ELSEWHERE),
        "CALL" | "DO" | "EXECUTE" | "EXEC" | "PREPARE" => Err(CALLS),
        "SHOW" | "DESCRIBE" | "DESC" => Ok(()),
        other if NOTHING.contains(&other) => Ok(()),
        _ => Err(STRANGE),
    };
    // What was left out of a very long statement may name a table.
    if tokens.whole { told } else { told.and(Err(STRANGE)) }
}

/// Takes a name as that of an object that is written.
pub(super) fn written(
    cursor: &mut Cursor<'_, '_>,
    kind: ObjectKind,
    to: &mut Touched,
) -> Result<(), &'static str> {
    to.write(kind, cursor.name().ok_or(STRANGE)?);
    Ok(())
}

/// Takes names with commas between.
pub(super) fn list(cursor: &mut Cursor<'_, '_>) -> Vec<ObjectName> {
    let mut names = Vec::new();
    loop {
        cursor.skip(&["ONLY"]);
        let Some(name) = cursor.name() else { return names };
        names.push(name);
        // `TRUNCATE a *`, and the arguments of a function.
        cursor.skip(&["*"]);
        cursor.parentheses();
        if !cursor.accept(&[","]) {
            return names;
        }
    }
}

/// INSERT, UPDATE, DELETE and their kin. Where MySQL changes several tables at once, by their aliases too, each of them counts as
/// written.
fn rows(word: &str, mut cursor: Cursor<'_, '_>, to: &mut Touched) {
    let several = cursor.syntax == Syntax::Mysql && matches!(word, "UPDATE" | "DELETE");
    // `INSERT users …`, without INTO, is MySQL's; the scan finds the others.
    cursor.skip(&["LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE", "OVERWRITE"]);
    if cursor.accept(&["OR"]) {
        cursor.at += 1;
    }
    cursor.skip(&["ONLY"]);
    if !cursor.is_any(&["INTO", "FROM"]) {
        for name in list(&mut cursor) {
            to.write(ObjectKind::Table, name);
        }
        if word == "UPDATE" && !several {
            return scan(cursor, to);
        }
    }
    let mut found = Touched::default();
    let from = if cursor.is("FROM") { Cursor { at: 0, ..cursor } } else { cursor };
    scan(from, &mut found);
    if several {
        // `UPDATE a JOIN b SET …`.
        let names: Vec<ObjectName> = found.read().cloned().collect();
        for name in names {
            to.write(ObjectKind::Table, name);
        }
    }
    to.add(&found);
}

/// `COPY users FROM …`, `COPY (SELECT …) TO …`.
fn copy(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    if cursor.is("(") {
        scan(cursor, to);
        return Ok(());
    }
    if cursor.is("FROM") {
        return Err(STRANGE);
    }
    cursor.skip(&["BINARY"]);
    let name = cursor.name().ok_or(STRANGE)?;
    cursor.parentheses();
    if cursor.is("TO") {
        to.note_read(name)
    } else {
        to.write(ObjectKind::Table, name)
    }
    Ok(())
}

fn truncate(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    cursor.skip(&["TABLE"]);
    let names = list(&mut cursor);
    if names.is_empty() {
        return Err(STRANGE);
    }
    for name in names {
        to.write(ObjectKind::Table, name);
    }
    if cursor.find("CASCADE") { Err(CASCADES) } else { Ok(()) }
}

/// A query: what it reads, and where it calls something, what that does is not known.
fn query(cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    scan(cursor, to);
    let tokens = cursor.tokens;
    let mut told = Ok(());
    for (at, pair) in tokens.windows(2).enumerate() {
        if !is(&pair[1], "(") || !matches!(pair[0].kind, TokenKind::Word | TokenKind::Identifier) {
            continue;
        }
        // The columns of an INSERT, of an alias and of a named query stand in parentheses too.
        let behind = |words: &[&str]| {
            at.checked_sub(1).is_some_and(|at| words.iter().any(|word| is(&tokens[at], word)))
        };
        if is(&pair[0], "SETVAL") {
            if let Some(name) = tokens.get(at + 2).and_then(|text| name_in(text.text, cursor.syntax)) {
                to.write(ObjectKind::Sequence, name);
            }
        } else if !HARMLESS.iter().any(|word| is(&pair[0], word))
            && !behind(&["INTO", "WITH", "RECURSIVE", "AS", ","])
        {
            told = Err(CALLS);
        }
    }
    told
}

/// `RENAME TABLE a TO b, c TO d`.
fn renamed(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    loop {
        cursor.conditions();
        written(&mut cursor, ObjectKind::Table, to)?;
        cursor.find("TO");
        written(&mut cursor, ObjectKind::Table, to)?;
        if !cursor.accept(&[","]) {
            return Ok(());
        }
    }
}

/// `LOCK TABLE a, b IN …`, `LOCK TABLES a READ, b WRITE`.
fn locked(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    cursor.skip(&["TABLE", "TABLES"]);
    loop {
        cursor.skip(&["ONLY"]);
        written(&mut cursor, ObjectKind::Table, to)?;
        if !cursor.find(",") {
            return Ok(());
        }
    }
}

/// `CLUSTER users USING by_name`, `ANALYZE users (name)`, `VACUUM FULL users`, `REINDEX INDEX by_name`: what they name has to be there.
fn kept(word: &str, mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    cursor.parentheses();
    cursor.skip(&["VERBOSE", "FULL", "FREEZE", "ANALYZE", "LOCAL", "NO_WRITE_TO_BINLOG"]);
    // MariaDB's `ANALYZE UPDATE users …` and DuckDB's `VACUUM ANALYZE` differ by what follows.
    // https://mariadb.com/kb/en/analyze-statement/
    if word == "ANALYZE"
        && cursor.is_any(&["FORMAT", "SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "WITH"])
    {
        body(cursor, to);
        return Err(STRANGE);
    }
    if word == "REINDEX" {
        if cursor.accept(&["INDEX"]) {
            cursor.skip(&["CONCURRENTLY"]);
            written(&mut cursor, ObjectKind::Index, to)?;
            return Err(TABLELESS);
        }
        if cursor.is_any(&["SCHEMA", "DATABASE", "SYSTEM"]) {
            return Ok(());
        }
        cursor.skip(&["TABLE", "CONCURRENTLY"]);
        // SQLite's may be a table, an index or a collation.
        if cursor.syntax == Syntax::Sqlite
            && let Some(name) = cursor.name()
        {
            to.write(ObjectKind::Table, name.clone());
            to.write(ObjectKind::Index, name);
            return Err(TABLELESS);
        }
    }
    cursor.skip(&["TABLE"]);
    if word == "VACUUM" && cursor.is("INTO") {
        return Ok(());
    }
    for name in list(&mut cursor) {
        to.write(ObjectKind::Table, name);
    }
    // `CLUSTER by_name ON users`.
    if word == "CLUSTER" && cursor.accept(&["ON"]) {
        written(&mut cursor, ObjectKind::Table, to)?;
    }
    Ok(())
}

fn set(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    cursor.skip(&["SESSION", "LOCAL", "GLOBAL"]);
    if cursor.is_any(&["SEARCH_PATH", "SCHEMA", "DATABASE", "AUTHORIZATION", "SQL_MODE"]) {
        return Err(ELSEWHERE);
    }
    if cursor.is("STATEMENT") || cursor.is("PASSWORD") {
        return Err(STRANGE);
    }
    scan(cursor, to);
    Ok(())
}

fn pragma(mut cursor: Cursor<'_, '_>) -> Result<(), &'static str> {
    let name = cursor.name().ok_or(STRANGE)?;
    if PRAGMAS.contains(&name.last()) { Ok(()) } else { Err(STRANGE) }
}

/// Adds what the rest of a definition names, the texts of its bodies too.
pub(super) fn body(cursor: Cursor<'_, '_>, to: &mut Touched) {
    let rest = cursor.tokens.get(cursor.at..).unwrap_or_default();
    bodies(rest, cursor.syntax, to);
    scan(cursor, to);
    if cursor.syntax != Syntax::Mysql {
        return;
    }
    // `INSERT users …` without INTO, and several tables at once.
    for piece in rest.split(|token| is(token, ";")) {
        let changes = |token: &Token<'_>| CHANGES.iter().find(|word| is(token, word));
        for (at, token) in piece.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| piece.get(at));
            if let Some(word) = changes(token).filter(|_| !is_event(before)) {
                rows(word, Cursor { tokens: piece, at: at + 1, ..cursor }, to);
            }
        }
    }
}
