//! Types of columns: names that mean the same on every engine, SQLAlchemy's spellings of them, and an engine's own.

use super::expression::one_piece;
use super::{OperationError, TableName};
use crate::nearest::nearest;
use crate::sql::{Syntax, Token, TokenKind};

/// What a column holds. Each engine has its own word for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// 16 bits.
    SmallInt,
    /// 32 bits.
    Integer,
    /// 64 bits.
    BigInt,
    /// True or false.
    Boolean,
    /// A floating point number of 32 bits.
    Real,
    /// A floating point number of 64 bits.
    Double,
    /// An exact number, with its digits and how many of them stand behind the point.
    Numeric(Option<(u32, u32)>),
    /// Text of at most so many characters.
    String(Option<u32>),
    /// Text of exactly so many characters.
    Char(u32),
    /// Text of any length.
    Text,
    /// Bytes, at most so many.
    Binary(Option<u32>),
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A day and a time; `zone` where it is one moment all over the world.
    DateTime {
        /// Digits of the fraction of a second.
        precision: Option<u32>,
        /// With a time zone.
        zone: bool,
    },
    /// The same by the name `timestamp`, which is a type of its own on MySQL.
    Timestamp {
        /// Digits of the fraction of a second.
        precision: Option<u32>,
        /// With a time zone.
        zone: bool,
    },
    /// A span of time.
    Interval,
    /// A UUID.
    Uuid,
    /// A JSON document.
    Json,
    /// One of some texts.
    Enum {
        /// The name of the type, where types have one.
        name: Option<TableName>,
        /// The texts, in their order.
        values: Vec<String>,
    },
    /// A type in the engine's own words.
    Own(OwnType),
}

/// A type in an engine's own words. That it is one type is seen when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnType(String);

impl OwnType {
    /// Returns a type that an engine wrote itself.
    pub(crate) fn written(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Words that begin something behind a type, and what to say in their place.
const BEHIND: &[&str] = &[
    "AS",
    "AUTOINCREMENT",
    "AUTO_INCREMENT",
    "CHECK",
    "COMMENT",
    "CONSTRAINT",
    "DEFAULT",
    "GENERATED",
    "KEY",
    "NOT",
    "NULL",
    "ON",
    "PRIMARY",
    "REFERENCES",
    "UNIQUE",
];

/// SQLAlchemy's names, for a hint where one is mistyped.
const SQLALCHEMY: &[&str] = &[
    "BigInteger",
    "Boolean",
    "Date",
    "DateTime",
    "Double",
    "Enum",
    "Float",
    "Integer",
    "Interval",
    "JSON",
    "LargeBinary",
    "Numeric",
    "SmallInteger",
    "String",
    "Text",
    "Time",
    "TIMESTAMP",
    "Unicode",
    "UnicodeText",
    "Uuid",
];

/// What stands before a name of SQLAlchemy's.
const PREFIXES: &[&str] = &["sa", "sqlalchemy", "types", "sqltypes", "db"];
/// The same, where the name is one engine's.
const DIALECTS: &[&str] = &["postgresql", "mysql", "mariadb", "sqlite"];

impl DataType {
    /// Reads a type:
    ///
    /// * a name that means the same on every engine: `smallint`, `integer`, `bigint`, `boolean`, `real`, `double`, `numeric(10,2)`,
    ///   `string(20)` or `varchar(20)`, `char(2)`, `text`, `binary`, `date`, `time`, `datetime`, `timestamp`, `timestamptz`,
    ///   `interval`, `uuid`, `json`, `enum('a','b')`;
    /// * SQLAlchemy's spelling of one: `sa.String(20)`, `sa.DateTime(timezone=True)`, `sa.Enum('a', 'b', name='status')`;
    /// * anything else as it is written: an engine's own type (`jsonb`, `int unsigned`, `geometry(Point, 4326)`).
    ///
    /// # Errors
    /// What is not one type: a clause behind it, a comma, a semicolon, a comment, something that is not closed; a type or an
    /// argument of SQLAlchemy's that has no counterpart.
    pub fn parse(text: &str, syntax: Syntax) -> Result<Self, OperationError> {
        let text = text.trim();
        let wrong =
            |reason: &str| OperationError::DataType { text: text.to_owned(), reason: reason.to_owned() };
        let pieces = one_piece(text, syntax).map_err(wrong)?;
        let text_at = |at: usize| pieces.get(at).map_or("", |token| token.text);
        if pieces.len() > 2 && text_at(1) == "." {
            let prefix = text_at(0);
            if PREFIXES.contains(&prefix) {
                return sqlalchemy(text, &pieces[2..]).map_err(|reason| wrong(&reason));
            }
            if DIALECTS.contains(&prefix) {
                return of_dialect(text, &pieces[2..], syntax).map_err(|reason| wrong(&reason));
            }
        }
        let Some(call) = Call::read(&pieces) else { return own(text, &pieces).map_err(wrong) };
        match portable(&call) {
            Some(data_type) => Ok(data_type),
            None => own(text, &pieces).map_err(wrong),
        }
    }

    /// Returns whether it is text that engines of MySQL's family keep apart from the row, for which they take no plain literal as
    /// a default (<https://dev.mysql.com/doc/refman/8.4/en/data-type-defaults.html>).
    pub fn is_large(&self) -> bool {
        match self {
            DataType::Text | DataType::Json | DataType::Binary(None) => true,
            DataType::Own(own) => {
                let name = own.0.to_ascii_lowercase();
                ["text", "blob", "json", "geometry"].iter().any(|large| name.contains(large))
            }
            _ => false,
        }
    }
}

/// `words(arguments)`: words that a parenthesis may stand behind or within.
struct Call<'a> {
    words: Vec<&'a str>,
    arguments: Vec<Vec<Token<'a>>>,
    /// Words behind the parenthesis: `timestamp(3) with time zone`.
    behind: Vec<&'a str>,
}

impl<'a> Call<'a> {
    fn read(pieces: &[Token<'a>]) -> Option<Self> {
        let is_word = |token: &&Token<'a>| token.kind == TokenKind::Word;
        let words: Vec<_> = pieces.iter().take_while(is_word).map(|token| token.text).collect();
        let (mut arguments, mut at) = (Vec::new(), words.len());
        if words.is_empty() {
            return None;
        }
        if pieces.get(at).is_some_and(|token| token.text == "(") {
            let (mut depth, mut argument) = (0, Vec::new());
            loop {
                let token = pieces.get(at)?;
                at += 1;
                match token.text {
                    "(" if token.kind == TokenKind::Symbol => {
                        depth += 1;
                        if depth == 1 {
                            continue;
                        }
                    }
                    ")" if token.kind == TokenKind::Symbol => {
                        depth -= 1;
                        if depth == 0 {
                            break;
                        }
                    }
                    "," if depth == 1 && token.kind == TokenKind::Symbol => {
                        arguments.push(std::mem::take(&mut argument));
                        continue;
                    }
                    _ => {}
                }
                argument.push(*token);
            }
            if !argument.is_empty() || !arguments.is_empty() {
                arguments.push(argument);
            }
        }
        let rest = pieces.get(at..).unwrap_or_default();
        rest.iter().all(|token| token.kind == TokenKind::Word).then(|| Self {
            words,
            arguments,
            behind: rest.iter().map(|token| token.text).collect(),
        })
    }

    /// The arguments as whole numbers.
    fn numbers(&self) -> Option<Vec<u32>> {
        self.arguments.iter().map(|argument| number(argument)).collect()
    }

    /// The name in lower case: its words before and behind the parenthesis.
    fn name(&self) -> String {
        self.words.iter().chain(&self.behind).copied().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
    }
}

fn number(argument: &[Token<'_>]) -> Option<u32> {
    match argument {
        [token] if token.kind == TokenKind::Number => token.text.parse().ok(),
        _ => None,
    }
}

/// A text between quotes of either sort.
fn literal(argument: &[Token<'_>]) -> Option<String> {
    let [token] = argument else { return None };
    let quote = token.text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let inside = token.text.strip_prefix(quote)?.strip_suffix(quote)?;
    Some(inside.replace(&format!("{quote}{quote}"), &quote.to_string()))
}

/// The type that a name means on every engine; nothing where it is an engine's own.
fn portable(call: &Call<'_>) -> Option<DataType> {
    let name = call.name();
    if name == "enum" {
        let values: Option<Vec<_>> = call.arguments.iter().map(|argument| literal(argument)).collect();
        return values
            .filter(|values| !values.is_empty())
            .map(|values| DataType::Enum { name: None, values });
    }
    let numbers = call.numbers()?;
    let none = numbers.is_empty();
    let at_most_one = numbers.len() < 2;
    let first = numbers.first().copied();
    Some(match name.as_str() {
        "smallint" if none => DataType::SmallInt,
        "int" | "integer" if none => DataType::Integer,
        "bigint" if none => DataType::BigInt,
        "bool" | "boolean" if none => DataType::Boolean,
        "real" if none => DataType::Real,
        "float" | "double" | "double precision" if none => DataType::Double,
        "numeric" | "decimal" if numbers.len() < 3 => {
            DataType::Numeric(first.map(|digits| (digits, numbers.get(1).copied().unwrap_or(0))))
        }
        "string" | "varchar" | "character varying" if at_most_one => DataType::String(first),
        "char" | "character" if at_most_one => DataType::Char(first.unwrap_or(1)),
        "text" if none => DataType::Text,
        "binary" | "varbinary" if at_most_one => DataType::Binary(first),
        "blob" | "bytea" if none => DataType::Binary(None),
        "date" if none => DataType::Date,
        "time" if none => DataType::Time,
        "datetime" if at_most_one => DataType::DateTime { precision: first, zone: false },
        "timestamp" | "timestamp without time zone" if at_most_one => {
            DataType::Timestamp { precision: first, zone: false }
        }
        "timestamptz" | "timestamp with time zone" if at_most_one => {
            DataType::Timestamp { precision: first, zone: true }
        }
        "interval" if none => DataType::Interval,
        "uuid" if none => DataType::Uuid,
        "json" if none => DataType::Json,
        _ => return None,
    })
}

/// An engine's own type: words, perhaps with something in parentheses or brackets, and nothing that stands behind a type.
fn own(text: &str, pieces: &[Token<'_>]) -> Result<DataType, &'static str> {
    let mut depth = 0_i32;
    for token in pieces {
        match token.kind {
            TokenKind::Symbol => match token.text {
                "(" => depth += 1,
                ")" => depth -= 1,
                "," | "." | "[" | "]" | "<" | ">" | "-" => {}
                _ => return Err("it has more than a type"),
            },
            TokenKind::Word if depth == 0 => {
                if BEHIND.iter().any(|word| word.eq_ignore_ascii_case(token.text)) {
                    return Err("what stands behind a type has a flag of its own");
                }
            }
            TokenKind::Word | TokenKind::Number | TokenKind::Identifier => {}
            TokenKind::String if depth > 0 => {}
            _ => return Err("it has more than a type"),
        }
    }
    if !matches!(pieces[0].kind, TokenKind::Word | TokenKind::Identifier) {
        return Err("a type begins with a word");
    }
    Ok(DataType::Own(OwnType(text.to_owned())))
}

/// The arguments of a type of SQLAlchemy's: those by place, and those by name.
struct Arguments<'a> {
    placed: Vec<Vec<Token<'a>>>,
    named: Vec<(&'a str, Vec<Token<'a>>)>,
}

impl<'a> Arguments<'a> {
    fn of(call: &Call<'a>) -> Self {
        let (mut placed, mut named) = (Vec::new(), Vec::new());
        for argument in &call.arguments {
            match &argument[..] {
                [name, equals, value @ ..] if equals.text == "=" => named.push((name.text, value.to_vec())),
                all => placed.push(all.to_vec()),
            }
        }
        Self { placed, named }
    }

    /// Takes the argument called `name`, or the next one without a name.
    fn take(&mut self, name: &str) -> Option<Vec<Token<'a>>> {
        match self.named.iter().position(|(it, _)| *it == name) {
            Some(at) => Some(self.named.remove(at).1),
            None => (!self.placed.is_empty()).then(|| self.placed.remove(0)),
        }
    }

    fn take_number(&mut self, name: &str) -> Result<Option<u32>, String> {
        let Some(value) = self.take(name).filter(|value| !is_word(value, "None")) else { return Ok(None) };
        number(&value).map(Some).ok_or_else(|| format!("its argument {name} is a whole number"))
    }

    fn take_flag(&mut self, name: &str) -> Result<bool, String> {
        match self.take(name) {
            None => Ok(false),
            Some(value) if is_word(&value, "True") => Ok(true),
            Some(value) if is_word(&value, "False") => Ok(false),
            Some(_) => Err(format!("its argument {name} is True or False")),
        }
    }

    /// Sees that every argument was understood; `ignored` change what Python sees, and nothing in the database.
    fn finish(mut self, ignored: &[&str]) -> Result<(), String> {
        self.named.retain(|(name, _)| !ignored.contains(name));
        match (self.named.first(), self.placed.first().and_then(|value| value.first())) {
            (Some((name, _)), _) => Err(format!("its argument {name} is not known here")),
            (None, Some(value)) => Err(format!("its argument {} is not known here", value.text)),
            (None, None) => Ok(()),
        }
    }
}

fn is_word(value: &[Token<'_>], word: &str) -> bool {
    matches!(value, [token] if token.text == word)
}

/// A type as SQLAlchemy spells it (<https://docs.sqlalchemy.org/en/20/core/type_basics.html>).
fn sqlalchemy(text: &str, pieces: &[Token<'_>]) -> Result<DataType, String> {
    let call = Call::read(pieces).filter(|call| call.words.len() == 1 && call.behind.is_empty());
    let Some(call) = call else { return Err("it has more than a type".to_owned()) };
    let (name, mut arguments) = (call.words[0], Arguments::of(&call));
    let mut ignored: &[&str] = &[];
    let data_type = match name {
        "SmallInteger" | "SMALLINT" => DataType::SmallInt,
        "Integer" | "INTEGER" | "INT" => DataType::Integer,
        "BigInteger" | "BIGINT" => DataType::BigInt,
        "Boolean" | "BOOLEAN" => DataType::Boolean,
        "REAL" => DataType::Real,
        "Float" | "FLOAT" | "Double" | "DOUBLE" | "DOUBLE_PRECISION" => {
            ignored = &["precision", "asdecimal", "decimal_return_scale"];
            arguments.placed.clear();
            DataType::Double
        }
        "Numeric" | "NUMERIC" | "DECIMAL" => {
            ignored = &["asdecimal", "decimal_return_scale"];
            let digits = arguments.take_number("precision")?;
            let behind = arguments.take_number("scale")?;
            DataType::Numeric(digits.map(|digits| (digits, behind.unwrap_or(0))))
        }
        "String" | "Unicode" | "VARCHAR" | "NVARCHAR" => DataType::String(arguments.take_number("length")?),
        "CHAR" | "NCHAR" => DataType::Char(arguments.take_number("length")?.unwrap_or(1)),
        "Text" | "UnicodeText" | "TEXT" | "CLOB" => DataType::Text,
        "LargeBinary" | "BINARY" | "VARBINARY" | "BLOB" => DataType::Binary(arguments.take_number("length")?),
        "Date" | "DATE" => DataType::Date,
        "Time" | "TIME" => DataType::Time,
        "DateTime" | "DATETIME" => {
            DataType::DateTime { precision: None, zone: arguments.take_flag("timezone")? }
        }
        "TIMESTAMP" => DataType::Timestamp { precision: None, zone: arguments.take_flag("timezone")? },
        "Interval" => {
            ignored = &["native"];
            DataType::Interval
        }
        "Uuid" | "UUID" => {
            ignored = &["as_uuid"];
            DataType::Uuid
        }
        "JSON" => {
            ignored = &["none_as_null"];
            DataType::Json
        }
        "Enum" => {
            ignored = &["create_constraint", "create_type", "validate_strings", "metadata"];
            return enumeration(arguments, ignored);
        }
        _ => {
            let known = nearest(name, SQLALCHEMY.iter().copied());
            return Err(match known {
                Some(known) => {
                    format!("SQLAlchemy has no type {name} that is known here; did you mean sa.{known}?")
                }
                None => format!("SQLAlchemy has no type {name} that is known here"),
            });
        }
    };
    arguments.finish(ignored)?;
    let _ = text;
    Ok(data_type)
}

fn enumeration(mut arguments: Arguments<'_>, ignored: &[&str]) -> Result<DataType, String> {
    let named = arguments.named.iter().position(|(name, _)| *name == "name");
    let name = match named.map(|at| arguments.named.remove(at).1) {
        Some(value) => {
            let name = literal(&value).ok_or("its argument name is a text")?;
            Some(TableName::parse("a type", &name).map_err(|error| error.to_string())?)
        }
        None => None,
    };
    let values: Option<Vec<_>> = arguments.placed.drain(..).map(|value| literal(&value)).collect();
    arguments.finish(ignored)?;
    match values {
        Some(values) if !values.is_empty() => Ok(DataType::Enum { name, values }),
        _ => Err("its values must be written out: sa.Enum('a', 'b', name='status')".to_owned()),
    }
}

/// A type of one engine's, as SQLAlchemy spells it: `postgresql.JSONB()`.
fn of_dialect(text: &str, pieces: &[Token<'_>], syntax: Syntax) -> Result<DataType, String> {
    if let Ok(data_type) = sqlalchemy(text, pieces) {
        return Ok(data_type);
    }
    let call = Call::read(pieces).filter(|call| call.words.len() == 1 && call.behind.is_empty());
    let Some(call) = call else { return Err("it has more than a type".to_owned()) };
    let numbers = call.numbers().ok_or("write it as the engine does, such as text[]")?;
    let numbers: Vec<_> = numbers.iter().map(u32::to_string).collect();
    let written = match numbers.is_empty() {
        true => call.words[0].to_owned(),
        false => format!("{}({})", call.words[0], numbers.join(", ")),
    };
    DataType::parse(&written, syntax).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> DataType {
        DataType::parse(text, Syntax::Postgres).unwrap_or_else(|error| panic!("{error}"))
    }

    fn refused(text: &str) -> String {
        DataType::parse(text, Syntax::Mysql).unwrap_err().to_string()
    }

    #[test]
    fn names_that_mean_the_same_everywhere() {
        let table = [
            ("integer", "sa.Integer()", DataType::Integer),
            ("BIGINT", "sa.BigInteger", DataType::BigInt),
            ("string(20)", "sa.String(20)", DataType::String(Some(20))),
            ("varchar( 20 )", "sa.String(length=20)", DataType::String(Some(20))),
            ("character varying", "sa.String()", DataType::String(None)),
            ("numeric(10, 2)", "sa.Numeric(10, 2)", DataType::Numeric(Some((10, 2)))),
            ("decimal(10)", "sa.Numeric(precision=10, asdecimal=True)", DataType::Numeric(Some((10, 0)))),
            ("double precision", "sa.Float(53)", DataType::Double),
            (
                "timestamp with time zone",
                "sa.TIMESTAMP(timezone=True)",
                DataType::Timestamp { precision: None, zone: true },
            ),
            ("datetime", "sa.DateTime(timezone=False)", DataType::DateTime { precision: None, zone: false }),
            ("bytea", "sa.LargeBinary()", DataType::Binary(None)),
            ("json", "postgresql.JSON(none_as_null=True)", DataType::Json),
            ("uuid", "postgresql.UUID(as_uuid=True)", DataType::Uuid),
            ("text", "sqlalchemy.Text", DataType::Text),
        ];
        for (plain, python, data_type) in table {
            assert_eq!(parse(plain), data_type, "{plain}");
            assert_eq!(parse(python), data_type, "{python}");
        }
        assert_eq!(
            parse("timestamp(3) with time zone"),
            DataType::Timestamp { precision: Some(3), zone: true }
        );
        let values = || vec!["a".to_owned(), "it's, b".to_owned()];
        assert_eq!(parse("enum('a', 'it''s, b')"), DataType::Enum { name: None, values: values() });
        assert_eq!(
            parse("sa.Enum('a', \"it's, b\", name='app.status')"),
            DataType::Enum {
                name: Some(TableName::parse("a type", "app.status").unwrap()),
                values: values()
            }
        );
    }

    #[test]
    fn anything_else_is_the_engines_own() {
        for own in [
            "jsonb",
            "int unsigned",
            "text[]",
            "geometry(Point, 4326)",
            "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            "app.status",
            "\"Status\"",
            "set('a','b')",
            "numeric(3, -2)",
        ] {
            assert_eq!(parse(own), DataType::Own(OwnType(own.to_owned())), "{own}");
        }
        assert_eq!(parse("postgresql.JSONB()"), DataType::Own(OwnType("JSONB".to_owned())));
        assert_eq!(parse("postgresql.TSVECTOR"), DataType::Own(OwnType("TSVECTOR".to_owned())));
    }

    #[test]
    fn what_is_no_type_is_refused() {
        let said: Vec<_> = [
            "",
            "integer; DROP TABLE y",
            "integer NOT NULL",
            "integer DEFAULT 5",
            "integer, DROP COLUMN x",
            "text) ; --",
            "text -- more",
            "'text'",
            "numeric(10,2",
            "a + b",
            "sa.Strin(20)",
            "sa.Zorble()",
            "sa.String(20, collation='x')",
            "sa.String('x')",
            "sa.DateTime(timezone=1)",
            "sa.Enum(KeyStatus, name='keystatus')",
            "sa.Enum('a', name='x; y')",
            "sa.Integer(); DROP TABLE y",
            "postgresql.ARRAY(sa.Text())",
        ]
        .into_iter()
        .map(refused)
        .collect();
        insta::assert_snapshot!(said.join("\n"));
    }
}
