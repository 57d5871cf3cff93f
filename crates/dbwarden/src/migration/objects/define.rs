//! CREATE, ALTER, DROP, COMMENT, GRANT: what they define, and the table that it belongs to.

use super::cursor::{Cursor, is};
use super::name::ObjectName;
use super::scan::{name_in, scan};
use super::statement::{CASCADES, STRANGE, TABLELESS, body, list, written};
use super::{ObjectKind, Touched};
use crate::sql::{Syntax, TokenKind};

const UNNAMED: &str = "tables that do not name it may use it";

/// Words between CREATE, ALTER or DROP and the sort.
const BETWEEN: &[&str] = &[
    "OR",
    "REPLACE",
    "TEMP",
    "TEMPORARY",
    "UNLOGGED",
    "GLOBAL",
    "LOCAL",
    "UNIQUE",
    "FULLTEXT",
    "SPATIAL",
    "RECURSIVE",
    "MATERIALIZED",
    "CONSTRAINT",
    "VIRTUAL",
    "FOREIGN",
    "ONLINE",
    "OFFLINE",
    "IGNORE",
    "INVERTED",
    "VECTOR",
    "PERSISTENT",
    "TRUSTED",
    "EXTERNAL",
];

/// What stands here, behind what may stand before it.
fn sort(cursor: &mut Cursor<'_, '_>) -> Result<ObjectKind, &'static str> {
    loop {
        cursor.skip(BETWEEN);
        // https://dev.mysql.com/doc/refman/8.4/en/create-view.html
        if cursor.accept(&["ALGORITHM", "="]) || cursor.accept(&["SQL", "SECURITY"]) {
            cursor.at += 1;
        } else if cursor.accept(&["DEFINER", "="]) {
            let kinds = ["SQL", "VIEW", "TRIGGER", "FUNCTION", "PROCEDURE", "AGGREGATE", "EVENT"];
            while !cursor.is_done() && !cursor.is_any(&kinds) {
                cursor.at += 1;
            }
        } else {
            break;
        }
    }
    if cursor.is("AGGREGATE") && cursor.is_at(cursor.at + 1, "FUNCTION") {
        cursor.at += 1;
    }
    let word = cursor.token().filter(|token| token.kind == TokenKind::Word).ok_or(STRANGE)?;
    cursor.at += 1;
    Ok(match word.text.to_ascii_uppercase().as_str() {
        "TABLE" => ObjectKind::Table,
        "VIEW" => ObjectKind::View,
        "INDEX" => ObjectKind::Index,
        "SEQUENCE" => ObjectKind::Sequence,
        "TYPE" | "DOMAIN" => ObjectKind::Type,
        "FUNCTION" | "PROCEDURE" | "AGGREGATE" | "ROUTINE" | "MACRO" => ObjectKind::Function,
        "TRIGGER" => ObjectKind::Trigger,
        "POLICY" | "RULE" => ObjectKind::Policy,
        "SCHEMA" => ObjectKind::Schema,
        "EXTENSION" => ObjectKind::Extension,
        "ROLE" | "USER" | "GROUP" if !cursor.is("MAPPING") => ObjectKind::Role,
        "STATISTICS" => ObjectKind::Statistics,
        _ => return Err(STRANGE),
    })
}

/// The name of what belongs to `table`, where its engine keeps such names apart by their tables.
fn of_table(kind: ObjectKind, name: &ObjectName, table: &ObjectName, syntax: Syntax) -> ObjectName {
    let apart = match kind {
        ObjectKind::Policy => true,
        ObjectKind::Trigger => syntax == Syntax::Postgres,
        ObjectKind::Index => syntax == Syntax::Mysql,
        _ => false,
    };
    if apart { table.within(name.last()) } else { name.clone() }
}

pub(super) fn create(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    let is_virtual = cursor.is("VIRTUAL");
    let kind = sort(&mut cursor)?;
    cursor.skip(&["CONCURRENTLY"]);
    cursor.conditions();
    match kind {
        ObjectKind::Table => {
            written(&mut cursor, kind, to)?;
            // `CREATE TABLE part PARTITION OF whole` changes both.
            if cursor.accept(&["PARTITION", "OF"]) {
                written(&mut cursor, kind, to)?;
            }
            if is_virtual {
                // `USING fts5(title, content='posts')`.
                for token in &cursor.tokens[cursor.at..] {
                    if let Some(name) = name_in(token.text, cursor.syntax) {
                        to.note_read(name);
                    }
                }
            }
            let mut inherits = cursor;
            if inherits.find("INHERITS") && inherits.accept(&["("]) {
                list(&mut inherits).into_iter().for_each(|name| to.note_read(name));
            }
            scan(cursor, to);
        }
        ObjectKind::Index => {
            let name = if cursor.is("ON") { None } else { cursor.name() };
            if !cursor.find("ON") {
                return Err(STRANGE);
            }
            cursor.skip(&["ONLY"]);
            let table = cursor.name().ok_or(STRANGE)?;
            if let Some(name) = name {
                to.write(kind, of_table(kind, &name, &table, cursor.syntax));
            }
            to.write(ObjectKind::Table, table);
            scan(cursor, to);
        }
        ObjectKind::Trigger | ObjectKind::Policy => {
            let name = cursor.name().ok_or(STRANGE)?;
            // A rule is `ON event TO table`.
            let mut table = cursor;
            if cursor.is("AS") && table.find("ON") {
                table.find("TO");
            } else {
                table = cursor;
                table.find("ON");
            }
            let on = table.name().ok_or(STRANGE)?;
            to.write(kind, of_table(kind, &name, &on, cursor.syntax));
            to.write(ObjectKind::Table, on);
            body(table, to);
        }
        ObjectKind::Function => {
            written(&mut cursor, kind, to)?;
            // A table may be the type of what it returns.
            let mut returns = cursor;
            if returns.find("RETURNS") {
                returns.skip(&["SETOF"]);
                if let Some(name) = returns.name() {
                    to.note_read(name);
                }
            }
            body(cursor, to);
        }
        ObjectKind::Schema => {
            if cursor.accept(&["AUTHORIZATION"])
                || cursor.tokens[cursor.at..].iter().any(|it| is(it, "CREATE"))
            {
                return Err(STRANGE);
            }
            written(&mut cursor, kind, to)?;
        }
        ObjectKind::View
        | ObjectKind::Sequence
        | ObjectKind::Type
        | ObjectKind::Extension
        | ObjectKind::Role
        | ObjectKind::Statistics => {
            written(&mut cursor, kind, to)?;
            owned_by(cursor, to);
            scan(cursor, to);
        }
    }
    Ok(())
}

/// `OWNED BY users.id`.
fn owned_by(mut cursor: Cursor<'_, '_>, to: &mut Touched) {
    while cursor.find("OWNED") {
        if cursor.accept(&["BY"])
            && let Some(table) = cursor.name().and_then(|column| column.parent())
        {
            to.note_read(table);
        }
    }
}

pub(super) fn alter(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    let kind = sort(&mut cursor)?;
    cursor.conditions();
    cursor.skip(&["ONLY"]);
    if cursor.is("ALL") && cursor.is_at(cursor.at + 1, "IN") {
        return Err(STRANGE);
    }
    let name = cursor.name().ok_or(STRANGE)?;
    let mut told = Ok(());
    match kind {
        ObjectKind::Schema => return Err(STRANGE),
        ObjectKind::Trigger | ObjectKind::Policy => {
            cursor.conditions();
            if !cursor.find("ON") {
                return Err(TABLELESS);
            }
            let table = cursor.name().ok_or(STRANGE)?;
            to.write(kind, of_table(kind, &name, &table, cursor.syntax));
            to.write(ObjectKind::Table, table);
        }
        // CockroachDB: `ALTER INDEX users@by_name …`.
        ObjectKind::Index if cursor.accept(&["@"]) => {
            to.write(ObjectKind::Table, name.clone());
            written(&mut cursor, kind, to)?;
        }
        _ => {
            told = unnamed(kind, &name, to);
            to.write(kind, name.clone());
        }
    }
    others(kind, &name, cursor, to)?;
    owned_by(cursor, to);
    scan(cursor, to);
    cascade(cursor).and(told)
}

/// Refuses what changes an index without its table, and a sequence or type that a table may have without a word of it in a statement
/// that uses the table. What the script made itself, nobody else's table has.
fn unnamed(kind: ObjectKind, name: &ObjectName, to: &Touched) -> Result<(), &'static str> {
    match kind {
        ObjectKind::Index => Err(TABLELESS),
        ObjectKind::Sequence | ObjectKind::Type if !to.has_written(kind, name) => Err(UNNAMED),
        _ => Ok(()),
    }
}

/// The objects beside `name` that the actions of an ALTER change.
fn others(
    kind: ObjectKind,
    name: &ObjectName,
    mut cursor: Cursor<'_, '_>,
    to: &mut Touched,
) -> Result<(), &'static str> {
    while !cursor.is_done() {
        if cursor.is("(") {
            cursor.parentheses();
        } else if cursor.accept(&["RENAME"]) {
            if cursor.accept(&["TO"]) || cursor.accept(&["AS"]) {
                written(&mut cursor, kind, to)?;
            } else if !cursor.is_any(&["COLUMN", "CONSTRAINT", "INDEX", "KEY", "ATTRIBUTE", "VALUE"]) {
                // `RENAME a TO b` is a column's; MySQL's `RENAME b` the table's.
                let mut new = cursor;
                if let Some(name) = new.name().filter(|_| !new.is("TO")) {
                    to.write(kind, name);
                }
            }
        } else if cursor.accept(&["SET", "SCHEMA"]) {
            let schema = cursor.name().ok_or(STRANGE)?;
            to.write(kind, name.moved(&schema));
        } else if cursor.accept(&["ATTACH", "PARTITION"])
            || cursor.accept(&["DETACH", "PARTITION"])
            || cursor.accept(&["WITH", "TABLE"])
            || cursor.accept(&["TO", "TABLE"])
            || cursor.accept(&["INHERIT"])
        {
            written(&mut cursor, kind, to)?;
        } else {
            cursor.at += 1;
        }
    }
    Ok(())
}

/// Refuses a CASCADE that is none of a foreign key's.
fn cascade(cursor: Cursor<'_, '_>) -> Result<(), &'static str> {
    let cascades = cursor
        .tokens
        .windows(2)
        .any(|pair| is(&pair[1], "CASCADE") && !["DELETE", "UPDATE"].iter().any(|word| is(&pair[0], word)));
    if cascades { Err(CASCADES) } else { Ok(()) }
}

pub(super) fn drop(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    if cursor.is("PREPARE") {
        return Ok(());
    }
    let kind = sort(&mut cursor)?;
    if kind == ObjectKind::Schema {
        return Err(CASCADES);
    }
    // DuckDB: `DROP MACRO TABLE name`.
    if kind == ObjectKind::Function {
        cursor.skip(&["TABLE"]);
    }
    cursor.skip(&["CONCURRENTLY"]);
    cursor.conditions();
    let belongs = matches!(kind, ObjectKind::Index | ObjectKind::Trigger | ObjectKind::Policy);
    if !belongs {
        let names = list(&mut cursor);
        if names.is_empty() {
            return Err(STRANGE);
        }
        let told = names.iter().map(|name| unnamed(kind, name, to)).find(Result::is_err).unwrap_or(Ok(()));
        names.into_iter().for_each(|name| to.write(kind, name));
        return cascade(cursor).and(told);
    }
    let mut told = Ok(());
    loop {
        let name = cursor.name().ok_or(STRANGE)?;
        if cursor.accept(&["@"]) {
            to.write(ObjectKind::Table, name);
            written(&mut cursor, kind, to)?;
        } else if cursor.accept(&["ON"]) {
            let table = cursor.name().ok_or(STRANGE)?;
            to.write(kind, of_table(kind, &name, &table, cursor.syntax));
            to.write(ObjectKind::Table, table);
        } else {
            to.write(kind, name);
            told = Err(TABLELESS);
        }
        if !cursor.accept(&[","]) {
            return told.and(cascade(cursor));
        }
    }
}

pub(super) fn comment(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    if !cursor.accept(&["ON"]) {
        return Err(STRANGE);
    }
    if cursor.accept(&["COLUMN"]) {
        let table = cursor.name().and_then(|column| column.parent()).ok_or(STRANGE)?;
        to.write(ObjectKind::Table, table);
        return Ok(());
    }
    if cursor.is_any(&["CONSTRAINT", "TRIGGER", "POLICY", "RULE"]) {
        if !cursor.find("ON") {
            return Err(STRANGE);
        }
        cursor.skip(&["DOMAIN"]);
        return written(&mut cursor, ObjectKind::Table, to);
    }
    if cursor.is_any(&["DATABASE", "SCHEMA", "EXTENSION", "ROLE"]) {
        return Ok(());
    }
    let kind = sort(&mut cursor)?;
    written(&mut cursor, kind, to)
}

/// `GRANT SELECT ON users TO app`. Who has which role is nobody's object.
pub(super) fn grant(mut cursor: Cursor<'_, '_>, to: &mut Touched) -> Result<(), &'static str> {
    if !cursor.find("ON") || cursor.is_any(&["ALL", "*"]) {
        return Err(STRANGE);
    }
    let kind = match cursor.token() {
        Some(token) if is(token, "SCHEMA") || is(token, "DATABASE") => return Ok(()),
        Some(token) if is(token, "SEQUENCE") => ObjectKind::Sequence,
        Some(token) if ["FUNCTION", "PROCEDURE", "ROUTINE"].iter().any(|word| is(token, word)) => {
            ObjectKind::Function
        }
        Some(token) if is(token, "TYPE") || is(token, "DOMAIN") => ObjectKind::Type,
        _ => ObjectKind::Table,
    };
    cursor.skip(&["TABLE", "SEQUENCE", "FUNCTION", "PROCEDURE", "ROUTINE", "TYPE", "DOMAIN"]);
    let names = list(&mut cursor);
    if names.is_empty() || cursor.is(".") {
        return Err(STRANGE);
    }
    names.into_iter().for_each(|name| to.write(kind, name));
    Ok(())
}
