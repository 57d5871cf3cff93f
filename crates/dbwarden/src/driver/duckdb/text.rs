//! Values and names written into the text of our own statements: what is bound over ADBC goes row by row through Arrow, which is
//! much ado about one row.

use crate::dialect::duckdb::{HOME_NAME, HOME_TEXT};
use crate::driver::{DriverError, DriverErrorKind};
use crate::value::Value;

/// Puts `parameters` in the place of each `?` of `sql` that stands outside quotes, and the session's own database where it is meant.
///
/// # Errors
/// A text that DuckDB cannot be given.
pub(super) fn filled(sql: &str, parameters: &[Value], home: &str) -> Result<String, DriverError> {
    let sql = sql.replace(HOME_NAME, &quoted(home)).replace(HOME_TEXT, &literal(home));
    let mut text = String::with_capacity(sql.len() + parameters.len() * 24);
    let mut values = parameters.iter();
    let mut quote: Option<char> = None;
    for c in sql.chars() {
        match (quote, c) {
            (None, '?') => match values.next() {
                Some(value) => text.push_str(&written(value)?),
                None => text.push(c),
            },
            (None, '\'' | '"') => {
                quote = Some(c);
                text.push(c);
            }
            (Some(open), c) => {
                if open == c {
                    quote = None;
                }
                text.push(c);
            }
            (None, c) => text.push(c),
        }
    }
    Ok(text)
}

fn written(value: &Value) -> Result<String, DriverError> {
    Ok(match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(number) if *number < 0 => format!("({number})"),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("'{number}'::DOUBLE"),
        Value::Text(text) if text.contains('\0') => {
            let message = "a text with a zero byte in it, which ends a statement";
            return Err(DriverError::new(DriverErrorKind::Statement, message));
        }
        Value::Text(text) => literal(text),
        Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("from_hex('{digits}')")
        }
    })
}

/// A text as a literal: a backslash means nothing in one.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as an identifier.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_mark_outside_quotes_is_a_value() {
        let sql = format!("INSERT INTO {HOME_NAME}.\"a?b\" VALUES (?, '?', ?, ?, {HOME_TEXT})");
        let values = [Value::from("it's \\ here"), Value::Null, Value::Integer(-3)];
        assert_eq!(
            filled(&sql, &values, "o'b").unwrap(),
            "INSERT INTO \"o'b\".\"a?b\" VALUES ('it''s \\ here', '?', NULL, (-3), 'o''b')"
        );
    }

    #[test]
    fn a_zero_byte_is_refused() {
        assert!(filled("SELECT ?", &[Value::from("a\0b")], "a").is_err());
    }
}
