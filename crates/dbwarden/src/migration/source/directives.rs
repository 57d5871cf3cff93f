//! Directives: comment lines before one statement.

use super::error::SourceProblem;
use super::headers::nearest;
use crate::database::Database;
use crate::dialect::Object;
use crate::sql::{Rules, Syntax, TokenKind, tokens};

/// What stands before a statement and changes how it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// `-- unless: …`: runs only where the condition does not hold.
    Unless(Condition),
    /// `-- only-if: …`: runs only where the condition holds.
    OnlyIf(Condition),
    /// `-- dbwarden: allow RULE reason`.
    Allow {
        /// The rule.
        rule: String,
        /// Why.
        reason: String,
    },
}

/// What a directive asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Whether something exists.
    Exists(Object),
    /// Whether the engine is this one.
    Engine(Database),
    /// Whether the environment is this one.
    Environment(String),
    /// Whether the first value of a query is true.
    Query(String),
}

const KNOWN: &[&str] = &["unless", "only-if", "batch", "dbwarden"];
const CONDITIONS: &str =
    "table T, view V, index I, column T.C, constraint C, type T, engine E, env E or query SELECT …";

/// Returns the directives in `leading`, the white space and comments before a statement, with the text of each for the
/// checksum. What is wrong comes with its offset in `leading`.
pub(crate) fn directives(
    leading: &str,
    syntax: Syntax,
) -> Result<Vec<(Directive, String)>, (SourceProblem, usize)> {
    // Nearly every statement has nothing but a line end before it.
    if !leading.contains("--") {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for token in tokens(leading, Rules::new(syntax).before_a_statement())
        .filter(|token| token.kind == TokenKind::LineComment)
    {
        let Some(text) = token.text.strip_prefix("--") else { continue };
        let Some((name, value)) = text.split_once(':') else { continue };
        let (name, value) = (name.trim().to_ascii_lowercase().replace('_', "-"), value.trim());
        let Some(known) = KNOWN.iter().find(|known| **known == name) else {
            if let Some(known) = nearest(&name.replace('-', "_"), KNOWN[..2].iter()) {
                let problem = SourceProblem::DirectiveNearMiss { found: name, known };
                return Err((problem, token.start));
            }
            continue;
        };
        let directive = match *known {
            "unless" => condition("unless", value).map(Directive::Unless),
            "only-if" => condition("only-if", value).map(Directive::OnlyIf),
            "batch" => Err(SourceProblem::BatchNotYet),
            _ => allow(value),
        };
        let directive = directive.map_err(|problem| (problem, token.start))?;
        found.push((directive, format!("{name}: {value}")));
    }
    Ok(found)
}

/// The first condition in `leading`, behind which no statement stands, and its offset.
pub(crate) fn dangling(leading: &str, syntax: Syntax) -> Option<(&'static str, usize)> {
    if !leading.contains("--") {
        return None;
    }
    let mut comments = tokens(leading, Rules::new(syntax).before_a_statement())
        .filter(|token| token.kind == TokenKind::LineComment);
    comments.find_map(|token| {
        let (name, _) = token.text.strip_prefix("--")?.split_once(':')?;
        let name = name.trim().to_ascii_lowercase().replace('_', "-");
        Some((*KNOWN[..2].iter().find(|known| **known == name)?, token.start))
    })
}

fn allow(value: &str) -> Result<Directive, SourceProblem> {
    let mut words = value.splitn(3, char::is_whitespace);
    match (words.next(), words.next()) {
        (Some("allow"), Some(rule)) if !rule.is_empty() => Ok(Directive::Allow {
            rule: rule.to_owned(),
            reason: words.next().unwrap_or_default().trim().to_owned(),
        }),
        _ => Err(SourceProblem::DirectiveValue {
            directive: "dbwarden",
            value: value.to_owned(),
            expected: "allow RULE and the reason",
        }),
    }
}

fn condition(directive: &'static str, value: &str) -> Result<Condition, SourceProblem> {
    let wrong = || SourceProblem::DirectiveValue { directive, value: value.to_owned(), expected: CONDITIONS };
    let (kind, rest) = value.split_once(char::is_whitespace).ok_or_else(wrong)?;
    let rest = rest.trim();
    let name = || {
        let name = rest.to_owned();
        if bare(rest).is_empty() { Err(wrong()) } else { Ok(name) }
    };
    Ok(match kind.to_ascii_lowercase().as_str() {
        "table" => Condition::Exists(Object::Table(name()?)),
        "view" => Condition::Exists(Object::View(name()?)),
        "index" => Condition::Exists(Object::Index(name()?)),
        "constraint" => Condition::Exists(Object::Constraint(name()?)),
        "type" => Condition::Exists(Object::Type(name()?)),
        "column" => {
            let (table, column) = last_dot(rest).ok_or_else(wrong)?;
            if bare(table).is_empty() || bare(column).is_empty() {
                return Err(wrong());
            }
            let (table, column) = (table.to_owned(), column.to_owned());
            Condition::Exists(Object::Column { table, column })
        }
        "engine" => Condition::Engine(Database::from_spelling(bare(&name()?)).ok_or_else(wrong)?),
        "env" | "environment" => Condition::Environment(bare(&name()?).to_owned()),
        "query" => Condition::Query(rest.trim_end_matches(';').to_owned()),
        _ => return Err(wrong()),
    })
}

/// What stands before and behind the last dot that is not quoted.
fn last_dot(text: &str) -> Option<(&str, &str)> {
    let (mut closing, mut dot) = (None, None);
    for (at, letter) in text.char_indices() {
        match closing {
            Some(close) if letter == close => closing = None,
            Some(_) => {}
            None => match letter {
                '"' | '`' | '\'' => closing = Some(letter),
                '[' => closing = Some(']'),
                '.' => dot = Some(at),
                _ => {}
            },
        }
    }
    let dot = dot?;
    Some((text[..dot].trim(), text[dot + 1..].trim()))
}

/// A name without its quotes.
fn bare(text: &str) -> &str {
    let pairs = [('"', '"'), ('`', '`'), ('[', ']'), ('\'', '\'')];
    pairs.iter().find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_stands_behind_the_last_dot_that_is_not_quoted() {
        assert_eq!(last_dot("users.email"), Some(("users", "email")));
        assert_eq!(last_dot("app.\"a.b\" . \"c.d\""), Some(("app.\"a.b\"", "\"c.d\"")));
        assert_eq!(last_dot("\"a.b\""), None);
        let condition = condition("unless", "column \"App\".\"Users\".Email").unwrap();
        let object = Object::Column { table: "\"App\".\"Users\"".to_owned(), column: "Email".to_owned() };
        assert_eq!(condition, Condition::Exists(object));
    }
}
