//! Values written into the text of our own statements, so that they can be sent in one packet with others.
//!
//! A literal means the same whatever `sql_mode` and the character set of the session are by now: what is not plain is written as
//! bytes (<https://dev.mysql.com/doc/refman/8.4/en/charset-introducer.html>).

use crate::value::Value;

/// Puts `parameters` in the place of each `?` of `sql` that stands outside quotes.
pub(super) fn filled(sql: &str, parameters: &[Value]) -> String {
    let mut text = String::with_capacity(sql.len() + parameters.len() * 24);
    let mut values = parameters.iter();
    let mut quote: Option<char> = None;
    for c in sql.chars() {
        match (quote, c) {
            (None, '?') => match values.next() {
                Some(value) => literal(value, &mut text),
                None => text.push(c),
            },
            (None, '\'' | '"' | '`') => {
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
    text
}

fn literal(value: &Value, to: &mut String) {
    match value {
        Value::Null => to.push_str("NULL"),
        Value::Integer(number) => to.push_str(&number.to_string()),
        Value::Real(number) => to.push_str(&format!("{number:e}")),
        Value::Text(text) if text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\') => {
            to.push('\'');
            to.push_str(&text.replace('\'', "''"));
            to.push('\'');
        }
        Value::Text(text) => {
            to.push_str("_utf8mb4 ");
            bytes(text.as_bytes(), to);
        }
        Value::Blob(blob) => bytes(blob, to),
    }
}

fn bytes(bytes: &[u8], to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    to.push_str("X'");
    for byte in bytes {
        to.push(char::from(DIGITS[usize::from(byte >> 4)]));
        to.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    to.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_question_mark_outside_quotes_is_a_value() {
        let sql = "INSERT INTO `a?b` VALUES (?, '?', ?, ?, ?, ?)";
        let values = [
            Value::from("it's here"),
            Value::Null,
            Value::Integer(-3),
            Value::from("a\\b"),
            Value::Blob(vec![0, 255]),
        ];
        assert_eq!(
            filled(sql, &values),
            "INSERT INTO `a?b` VALUES ('it''s here', '?', NULL, -3, _utf8mb4 X'615C62', X'00FF')"
        );
    }
}
