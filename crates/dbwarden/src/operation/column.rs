//! Columns of tables and of indexes, and how they are written on one line.

use super::name::{check, parse_name};
use super::{DataType, DefaultValue, Expression, OperationError};
use crate::sql::{Rules, Syntax, tokens};

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub data_type: DataType,
    /// Whether it may hold nothing.
    pub nullable: bool,
    /// What it holds where nothing is said.
    pub default: Option<DefaultValue>,
    /// What it is for.
    pub comment: Option<String>,
    /// The engine numbers the rows by it, and it is the primary key.
    pub identity: bool,
    /// Each UPDATE sets it to the time, where the engine can do that by itself.
    pub touched: bool,
    /// What else the engine writes of it, in the engine's own words: a collation, what it is generated from.
    pub rest: Option<Expression>,
}

impl Column {
    /// Returns a column that may hold nothing, and has nothing else.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Self {
            name: name.into(),
            data_type,
            nullable: true,
            default: None,
            comment: None,
            identity: false,
            touched: false,
            rest: None,
        }
    }

    /// Returns the key that a table gets where it has none: `id`, numbered by the engine.
    pub fn id() -> Self {
        Self { nullable: false, identity: true, ..Self::new("id", DataType::BigInt) }
    }

    /// Returns `created_at` and `updated_at`, which say when a row was written first and last.
    pub fn timestamps() -> [Self; 2] {
        let moment = DataType::DateTime { precision: None, zone: true };
        let column = |name: &str| Self {
            nullable: false,
            default: Some(DefaultValue::Now),
            ..Self::new(name, moment.clone())
        };
        [column("created_at"), Self { touched: true, ..column("updated_at") }]
    }

    /// Returns `deleted_at`, which says when a row was given up that is still there.
    pub fn soft_delete() -> Self {
        Self::new("deleted_at", DataType::DateTime { precision: None, zone: true })
    }
}

/// A column as it was written on one line: `NAME[:TYPE[:null][:DEFAULT]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnText {
    /// Its name.
    pub name: String,
    /// What it holds, where that is said.
    pub data_type: Option<DataType>,
    /// Whether it may hold nothing, where that is said: `null` or `not null`.
    pub nullable: Option<bool>,
    /// What it holds where nothing is said.
    pub default: Option<DefaultValue>,
}

impl ColumnText {
    /// Reads `NAME[:TYPE[:null][:DEFAULT]]`. The third part is `null`, `not null` or `not-null`, or else the default begins
    /// there; a default goes on to the end, colons and all. Colons in quotes or parentheses divide nothing.
    ///
    /// # Errors
    /// A name, a type or a default that is none.
    pub fn parse(text: &str, syntax: Syntax) -> Result<Self, OperationError> {
        let (name, rest) = cut(text, syntax);
        let mut column =
            Self { name: parse_name("a column", name)?, data_type: None, nullable: None, default: None };
        let Some(rest) = rest else { return Ok(column) };
        let (data_type, rest) = cut(rest, syntax);
        if data_type.trim().is_empty() {
            let reason = "no type stands behind its name";
            return Err(OperationError::Column { text: text.to_owned(), reason });
        }
        column.data_type = Some(DataType::parse(data_type, syntax)?);
        let Some(rest) = rest else { return Ok(column) };
        let (third, behind) =
            rest.split_once(':').map_or((rest, None), |(third, behind)| (third, Some(behind)));
        column.nullable = match third.trim().to_ascii_lowercase().as_str() {
            "null" => Some(true),
            "not null" | "not-null" | "not_null" => Some(false),
            _ => None,
        };
        let default = if column.nullable.is_some() { behind } else { Some(rest) };
        column.default = default.map(|text| DefaultValue::parse(text, syntax)).transpose()?;
        Ok(column)
    }
}

/// What stands before the first colon outside quotes and parentheses, and what behind it. Two colons are a cast.
fn cut(text: &str, syntax: Syntax) -> (&str, Option<&str>) {
    // A name in double quotes may hold anything; one that has a quote in it may not be closed.
    if let Some(inside) = text.strip_prefix('"')
        && let Some(end) = inside.find("\":").map(|end| end + 2)
    {
        return (&text[..end], Some(&text[end + 1..]));
    }
    let mut depth = 0_i32;
    for token in tokens(text, Rules::new(syntax)) {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            // SQLite takes `:name` for a parameter, and a quote that is not closed runs to the end.
            _ if depth == 0 && (token.text.starts_with(':') || !token.closed) => {
                return match text[token.start..].find(':') {
                    Some(at) => (&text[..token.start + at], Some(&text[token.start + at + 1..])),
                    None => (text, None),
                };
            }
            _ => {}
        }
    }
    (text, None)
}

/// One column of an index, or an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexPart {
    /// A column.
    Column {
        /// Its name.
        name: String,
        /// From the greatest to the least.
        descending: bool,
    },
    /// An expression.
    Expression(Expression),
}

impl IndexPart {
    /// Reads `NAME`, `NAME:desc`, `NAME:asc`, or an expression in parentheses.
    ///
    /// # Errors
    /// What is none of these.
    pub fn parse(text: &str, syntax: Syntax) -> Result<Self, OperationError> {
        let text = text.trim();
        if text.starts_with('(') {
            return Expression::parse("expression", text, syntax).map(IndexPart::Expression);
        }
        let (name, order) = match cut(text, syntax) {
            (name, Some(order)) => (name, order.trim().to_ascii_lowercase()),
            (name, None) => (name, "asc".to_owned()),
        };
        let descending = match order.as_str() {
            "asc" => false,
            "desc" => true,
            _ => {
                let reason = "behind a column of an index stands asc or desc";
                return Err(OperationError::Column { text: text.to_owned(), reason });
            }
        };
        Ok(IndexPart::Column { name: parse_name("a column", name)?, descending })
    }

    /// Sees that a name in it is one.
    pub(super) fn check(&self) -> Result<(), OperationError> {
        match self {
            IndexPart::Column { name, .. } => check("a column", name),
            IndexPart::Expression(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> ColumnText {
        ColumnText::parse(text, Syntax::Sqlite).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_column_on_one_line() {
        let text = |text: &str| Some(DefaultValue::Text(text.to_owned()));
        assert_eq!(
            parse("age"),
            ColumnText { name: "age".to_owned(), data_type: None, nullable: None, default: None }
        );
        let age = parse("age:integer:null:0");
        assert_eq!((age.data_type, age.nullable), (Some(DataType::Integer), Some(true)));
        assert_eq!(age.default, Some(DefaultValue::Number("0".to_owned())));
        let price = parse("price:numeric(10, 2):not null");
        assert_eq!((price.data_type, price.nullable), (Some(DataType::Numeric(Some((10, 2)))), Some(false)));
        let at = parse("at:timestamp:2026-01-01 00:00:00");
        assert_eq!((at.nullable, at.default), (None, text("2026-01-01 00:00:00")));
        assert_eq!(parse("at:text:null:a:b").default, text("a:b"));
        assert_eq!(parse("at:text:null:null").default, Some(DefaultValue::Keyword("NULL")));
        assert_eq!(parse("at:text:").default, text(""));
        assert_eq!(parse("s:enum('a:b','c'):a:b").default, text("a:b"));
        assert_eq!(parse("\"a:b\":text").name, "a:b");
        assert_eq!(parse("weird \"name\":text").name, "weird \"name\"");
        assert_eq!(parse("it's:text").name, "it's");
        let json = ColumnText::parse("j:jsonb:'{}'::jsonb", Syntax::Postgres).unwrap();
        assert!(matches!(json.default, Some(DefaultValue::Expression(_))), "{json:?}");
        for wrong in
            ["", ":text", "a:", "a: :x", "a;b:text", "a:text; DROP TABLE y", "a:text:(1); DROP TABLE y"]
        {
            assert!(ColumnText::parse(wrong, Syntax::Sqlite).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_part_of_an_index_on_one_line() {
        let part = |text: &str| IndexPart::parse(text, Syntax::Postgres);
        let column = |name: &str, descending| Ok(IndexPart::Column { name: name.to_owned(), descending });
        assert_eq!(part("email"), column("email", false));
        assert_eq!(part("at:DESC"), column("at", true));
        assert!(matches!(part("(lower(email))"), Ok(IndexPart::Expression(_))));
        for wrong in ["", "a:down", "x; DROP TABLE y", "(lower(email); DROP TABLE y)"] {
            assert!(part(wrong).is_err(), "{wrong:?}");
        }
    }
}
