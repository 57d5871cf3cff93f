//! What goes into a query and comes out of it.

use std::fmt;

/// One value of a parameter or a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// A whole number; booleans come as 0 and 1.
    Integer(i64),
    /// A floating point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// Returns the number, where it is one or text that spells one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Returns the text, where it is text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns whether SQL would take it as true: a number other than 0, or text that says so (`t`, `true`, `1`, `yes`, `on`).
    pub fn is_true(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Integer(number) => *number != 0,
            Value::Real(number) => *number != 0.0,
            Value::Text(text) => {
                matches!(text.to_ascii_lowercase().as_str(), "t" | "true" | "1" | "yes" | "y" | "on")
            }
            Value::Blob(bytes) => bytes.iter().any(|&byte| byte != 0),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Real(number) => write!(f, "{number}"),
            Value::Text(text) => f.write_str(text),
            Value::Blob(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// One row of an answer, in the order of its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Returns the value of the column at `index` (from 0); NULL where there is no such column.
    pub fn get(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Null)
    }

    /// Takes the value of the column at `index` out of the row; NULL where there is no such column.
    pub fn take(&mut self, index: usize) -> Value {
        self.0.get_mut(index).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }

    /// Takes the text of the column at `index` out of the row, where it is text.
    pub fn take_text(&mut self, index: usize) -> Option<String> {
        match self.take(index) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the text of the column at `index`, empty where it is not text.
    pub fn text(&self, index: usize) -> &str {
        self.get(index).as_text().unwrap_or_default()
    }

    /// Returns the text of the column at `index`, where it is text.
    pub fn optional_text(&self, index: usize) -> Option<String> {
        self.get(index).as_text().map(str::to_owned)
    }

    /// Returns the number of the column at `index`, where it is one.
    pub fn integer(&self, index: usize) -> Option<i64> {
        self.get(index).as_integer()
    }
}
