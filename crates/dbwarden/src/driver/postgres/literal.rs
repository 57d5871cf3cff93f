//! Values written into the text of our own statements: these go over the simple protocol, which has no parameters, so that they
//! can be sent in one packet with a migration and through any pooler.

use crate::driver::{DriverError, DriverErrorKind};
use crate::value::Value;

/// Puts `parameters` in the place of each `?` of `sql` that stands outside quotes.
///
/// # Errors
/// A text that PostgreSQL cannot hold.
pub(super) fn filled(sql: &str, parameters: &[Value]) -> Result<String, DriverError> {
    let mut text = String::with_capacity(sql.len() + parameters.len() * 24);
    let mut values = parameters.iter();
    let mut quote: Option<char> = None;
    for c in sql.chars() {
        match (quote, c) {
            (None, '?') => match values.next() {
                Some(value) => literal(value, &mut text)?,
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

fn literal(value: &Value, to: &mut String) -> Result<(), DriverError> {
    match value {
        Value::Null => to.push_str("NULL"),
        Value::Integer(number) if *number < 0 => to.push_str(&format!("({number})")),
        Value::Integer(number) => to.push_str(&number.to_string()),
        Value::Real(number) => to.push_str(&format!("'{number}'::float8")),
        Value::Text(text) => {
            if text.contains('\0') {
                let message = "a text with a zero byte in it, which PostgreSQL cannot hold";
                return Err(DriverError::new(DriverErrorKind::Statement, message));
            }
            // Whatever standard_conforming_strings is by now, this means the same
            // (https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS-ESCAPE).
            to.push_str(if text.contains('\\') { "E'" } else { "'" });
            for c in text.chars() {
                match c {
                    '\'' => to.push_str("''"),
                    '\\' => to.push_str("\\\\"),
                    c => to.push(c),
                }
            }
            to.push('\'');
        }
        Value::Blob(bytes) => {
            to.push_str("'\\x");
            for byte in bytes {
                to.push_str(&format!("{byte:02x}"));
            }
            to.push_str("'::bytea");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_mark_outside_quotes_is_a_value() {
        let sql = "INSERT INTO \"a?b\" VALUES (?, '?', ?, ?)";
        let values = [Value::from("it's \\ here"), Value::Null, Value::Integer(-3)];
        assert_eq!(
            filled(sql, &values).unwrap(),
            "INSERT INTO \"a?b\" VALUES (E'it''s \\\\ here', '?', NULL, (-3))"
        );
    }

    #[test]
    fn a_zero_byte_is_refused() {
        assert!(filled("SELECT ?", &[Value::from("a\0b")]).is_err());
    }
}
