//! A column as `SHOW CREATE TABLE` shows it (<https://dev.mysql.com/doc/refman/8.4/en/show-create-table.html>).

use crate::operation::{Column, DataType, DefaultValue, Expression, OwnType};
use crate::sql::{Rules, Syntax, Token, TokenKind, tokens};

/// Reads the column called `name` in a table's definition; nothing where there is none.
pub(super) fn column(definition: &str, name: &str) -> Option<Column> {
    let pieces = pieces(definition);
    parts(&pieces).into_iter().find_map(|part| of(definition, part, name))
}

/// Returns what an ALTER TABLE must do beside adding the column called `name` again, so that the table has the keys and checks that
/// went with it. A key of several columns loses this one.
pub(super) fn taken_along(definition: &str, name: &str) -> Vec<String> {
    let pieces = pieces(definition);
    let mut changes = Vec::new();
    for part in parts(&pieces) {
        let (Some(first), Some(last)) = (part.first(), part.last()) else { continue };
        let text = &definition[first.start..last.start + last.text.len()];
        let has = |word: &str| part.iter().take(3).any(|token| token.text.eq_ignore_ascii_case(word));
        let Some(open) = part.iter().position(|token| token.text == "(") else { continue };
        let is_it =
            |token: &Token<'_>| bare(token).is_some_and(|it| it.to_lowercase() == name.to_lowercase());
        let columns: Vec<_> = part[open..].iter().filter(|token| bare(token).is_some()).collect();
        if bare(first).is_some() || !columns.iter().any(|token| is_it(token)) {
            continue;
        }
        let alone = columns.iter().all(|token| is_it(token));
        match (has("CHECK"), has("PRIMARY"), part[..open].iter().find_map(bare)) {
            // Of several columns they keep the column from being dropped, and so do foreign keys.
            _ if has("FOREIGN") => {}
            (true, ..) if !alone => {}
            (false, true, _) if !alone => changes.push("DROP PRIMARY KEY".to_owned()),
            (false, false, Some(key)) if !alone => changes.push(format!("DROP INDEX {}", super::quote(&key))),
            _ => {}
        }
        if !has("FOREIGN") && (alone || !has("CHECK")) {
            changes.push(format!("ADD {text}"));
        }
    }
    changes
}

fn pieces(definition: &str) -> Vec<Token<'_>> {
    tokens(definition, Rules::new(Syntax::Mysql))
        .filter(|token| !matches!(token.kind, TokenKind::Whitespace | TokenKind::LineComment))
        .collect()
}

/// What stands between the commas of a table's definition.
fn parts<'a, 'b>(pieces: &'b [Token<'a>]) -> Vec<&'b [Token<'a>]> {
    let (mut depth, mut begun, mut parts) = (0_i32, None, Vec::new());
    for (at, token) in pieces.iter().enumerate() {
        if token.kind != TokenKind::Symbol {
            continue;
        }
        depth += i32::from(token.text == "(") - i32::from(token.text == ")");
        let divides = match token.text {
            "(" | "," => depth == 1,
            ")" => depth == 0,
            _ => false,
        };
        if divides && let Some(from) = begun.replace(at + 1) {
            parts.push(&pieces[from..at]);
        }
        if token.text == ")" && depth == 0 {
            break;
        }
    }
    parts
}

/// A name without its quotes.
fn bare(token: &Token<'_>) -> Option<String> {
    let quote = token.text.chars().next().filter(|quote| matches!(quote, '`' | '"'))?;
    let inside = token.text.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inside.replace(&format!("{quote}{quote}"), &quote.to_string()))
}

fn of(definition: &str, pieces: &[Token<'_>], name: &str) -> Option<Column> {
    let (first, mut rest) = pieces.split_first()?;
    // Names of columns are the same in any case there.
    if bare(first)?.to_lowercase() != name.to_lowercase() {
        return None;
    }
    let is = |token: &Token<'_>, word: &str| {
        token.kind == TokenKind::Word && token.text.eq_ignore_ascii_case(word)
    };
    let text = |pieces: &[Token<'_>]| -> String {
        match (pieces.first(), pieces.last()) {
            (Some(first), Some(last)) => definition[first.start..last.start + last.text.len()].to_owned(),
            _ => String::new(),
        }
    };
    // The type goes on to the first word that says something else of the column.
    const BEHIND: &[&str] = &[
        "NOT",
        "NULL",
        "DEFAULT",
        "AUTO_INCREMENT",
        "ON",
        "COMMENT",
        "GENERATED",
        "CHECK",
        "INVISIBLE",
        "WITH",
        "WITHOUT",
        "REF_SYSTEM_ID",
        "STORAGE",
        "COLUMN_FORMAT",
    ];
    let end = {
        let mut depth = 0_i32;
        let ends = |token: &Token<'_>| {
            depth += i32::from(token.text == "(") - i32::from(token.text == ")");
            // MySQL writes some clauses in comments for its own eyes: /*!80023 INVISIBLE */.
            depth == 0
                && (BEHIND.iter().any(|word| is(token, word)) || token.kind == TokenKind::ExecutableComment)
        };
        rest.iter().position(ends).unwrap_or(rest.len())
    };
    let mut column = Column::new(name, DataType::Own(OwnType::written(text(&rest[..end]))));
    rest = &rest[end..];
    let mut others = Vec::new();
    while let Some((token, behind)) = rest.split_first() {
        if is(token, "NOT") && behind.first().is_some_and(|next| is(next, "NULL")) {
            column.nullable = false;
            rest = &behind[1..];
        } else if is(token, "NULL") {
            rest = behind;
        } else if is(token, "DEFAULT") {
            let length = value(behind);
            let default = DefaultValue::Expression(Expression::written(text(&behind[..length])));
            // What may hold nothing and says nothing else has DEFAULT NULL written behind it.
            column.default = Some(default).filter(|_| !text(&behind[..length]).eq_ignore_ascii_case("NULL"));
            rest = &behind[length..];
        } else if is(token, "COMMENT") && !behind.is_empty() {
            column.comment = Some(unquoted(behind[0].text));
            rest = &behind[1..];
        } else {
            // The word and what is in parentheses behind it.
            let length = 1 + group(behind);
            others.push(text(&rest[..length]));
            rest = &rest[length..];
        }
    }
    column.rest = (!others.is_empty()).then(|| Expression::written(others.join(" ")));
    Some(column)
}

/// How many tokens a default has: a sign and a number, a literal with its prefix, a word with its parentheses, an expression in them.
fn value(pieces: &[Token<'_>]) -> usize {
    let signs = pieces.iter().take_while(|token| matches!(token.text, "-" | "+")).count();
    let introducer = pieces.get(signs).is_some_and(|token| token.text.starts_with('_'))
        && pieces.get(signs + 1).is_some_and(|token| token.kind == TokenKind::String);
    let group = group(&pieces[signs.min(pieces.len())..]);
    if group > 0 {
        return signs + group;
    }
    let first = signs + 1 + usize::from(introducer);
    (first + self::group(pieces.get(first..).unwrap_or_default())).min(pieces.len())
}

/// How many tokens the parentheses have that open here; 0 where none do.
fn group(pieces: &[Token<'_>]) -> usize {
    if pieces.first().is_none_or(|token| token.text != "(") {
        return 0;
    }
    let mut depth = 0_i32;
    let end = pieces.iter().position(|token| {
        if token.kind == TokenKind::Symbol {
            depth += i32::from(token.text == "(") - i32::from(token.text == ")");
        }
        depth == 0
    });
    end.map_or(pieces.len(), |end| end + 1)
}

/// A literal without its quotes, as the server writes it: quotes doubled, backslashes and line ends escaped.
fn unquoted(literal: &str) -> String {
    let inside = literal.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(literal);
    let (mut text, mut characters) = (String::new(), inside.chars().peekable());
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('\'', Some('\'')) => {
                characters.next();
                text.push('\'');
            }
            ('\\', Some(_)) => text.push(match characters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('0') => '\0',
                Some(other) => other,
                None => '\\',
            }),
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE `users` (\n  `id` bigint(20) NOT NULL AUTO_INCREMENT,\n  \
        `name` varchar(20) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL DEFAULT 'it''s, (so' COMMENT 'a \\\\ b, ''c''',\n  \
        `at` timestamp NULL DEFAULT current_timestamp() ON UPDATE current_timestamp(),\n  \
        `price` decimal(10,2) unsigned DEFAULT -1.50,\n  `twice` int(11) GENERATED ALWAYS AS (`price` * 2) STORED,\n  \
        `kind` enum('a','b,c') DEFAULT NULL,\n  `odd ``name``` text DEFAULT (concat('a', 'b')),\n  \
        `flag` bit(1) NOT NULL DEFAULT b'0' /*!80023 INVISIBLE */,\n  \
        `data` longtext CHARACTER SET utf8mb4 DEFAULT NULL CHECK (json_valid(`data`)),\n  \
        PRIMARY KEY (`id`),\n  KEY `ix` (`name`)\n) ENGINE=InnoDB COMMENT='x, `id` y'";

    #[test]
    fn a_column_is_written_again_as_it_was() {
        use crate::dialect::mysql::Mysql;
        use crate::dialect::render::Render;
        use crate::operation::TableName;
        let names = ["id", "NAME", "at", "price", "twice", "kind", "odd `name`", "flag", "data"];
        let again: Vec<_> = names
            .iter()
            .map(|name| Mysql.column(&TableName::new("users"), &column(TABLE, name).unwrap()))
            .collect();
        insta::assert_snapshot!(again.join("\n"));
        assert_eq!(column(TABLE, "none"), None);
        assert_eq!(column(TABLE, "ix"), None);
    }
}
