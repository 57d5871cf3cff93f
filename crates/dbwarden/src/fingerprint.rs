//! What is in a database, object by object, and how two of them differ. Knows no engine: who reads a database fills it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::value::Value;

/// What is in a database: objects by name (`table users`, `column users.email`, `index users.users_email_idx`), each with its
/// definition in the engine's own words; and of the rows of each table how many there are (`rows of users`), a digest of each column
/// (`values of users.email`) and one of the whole rows (`values of users`).
///
/// A name stands with its schema unless that is the engine's default one, and in quotes where it has other signs than letters, digits
/// and `_`. Digests do not depend on the order of the rows. Texts may come from another version of the engine in other words: two
/// fingerprints are to be compared where one server, or two of one version, wrote both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fingerprint(BTreeMap<String, String>);

/// An object that is in one of two databases alone, or not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The object: `column users.email`.
    pub object: String,
    /// Its definition or digest in the first; nothing where it is not there.
    pub left: Option<String>,
    /// The same of the second.
    pub right: Option<String>,
}

/// What stands before a table in the names of its digests.
const ROWS: &str = "rows of ";
const VALUES: &str = "values of ";

impl Fingerprint {
    /// Returns every object with its definition or digest, in the order of the names.
    pub fn objects(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(object, definition)| (object.as_str(), definition.as_str()))
    }

    /// Returns the definition or digest of one object, nothing where it is not there.
    pub fn get(&self, object: &str) -> Option<&str> {
        self.0.get(object).map(String::as_str)
    }

    /// Returns whether nothing is in the database.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what is not the same in `other`, in the order of the names; none where both are equal.
    ///
    /// What only follows from another difference is left out: the digests of a table whose number of rows differs, and the digest of
    /// whole rows where a column's own says it. Where that digest stands alone, each column has the same values, in other rows.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let differs = |name: &str| self.get(name) != other.get(name);
        let said = |name: &str| {
            let Some(of) = name.strip_prefix(VALUES) else { return false };
            let table = table_of(of, self, other);
            if differs(&format!("{ROWS}{table}")) {
                return true;
            }
            let columns = format!("{VALUES}{table}.");
            of == table && names.iter().any(|name| name.starts_with(&columns) && differs(name))
        };
        let found = names.iter().filter(|name| differs(name) && !said(name));
        found
            .map(|name| Difference {
                object: (*name).clone(),
                left: self.0.get(*name).cloned(),
                right: other.0.get(*name).cloned(),
            })
            .collect()
    }

    /// Adds an object; of two of one name both definitions are kept, in an order that does not depend on who came first.
    pub(crate) fn add(&mut self, object: String, definition: String) {
        let Some(there) = self.0.remove(&object) else {
            self.0.insert(object, definition);
            return;
        };
        let mut both = [there, definition];
        both.sort_unstable();
        self.0.insert(object, both.join("\n"));
    }

    /// Adds what the rows of a table say.
    pub(crate) fn add_rows(&mut self, table: &str, columns: &[String], rows: &RowsDigest) {
        self.add(format!("{ROWS}{table}"), rows.count.to_string());
        if rows.count == 0 || columns.is_empty() {
            return;
        }
        for ((column, sum), kept) in columns.iter().zip(&rows.columns).zip(&rows.kept) {
            if *kept {
                self.add(column_of(table, column), sum.to_string());
            }
        }
        self.add(format!("{VALUES}{table}"), rows.whole.to_string());
    }
}

/// Returns what the digest of a column is called.
pub(crate) fn column_of(table: &str, column: &str) -> String {
    format!("{VALUES}{table}.{}", part(column))
}

/// The table of what stands behind `values of`: the table itself, or one of its columns.
fn table_of<'a>(of: &'a str, left: &Fingerprint, right: &Fingerprint) -> &'a str {
    let counted = |table: &str| {
        let rows = format!("{ROWS}{table}");
        left.0.contains_key(&rows) || right.0.contains_key(&rows)
    };
    if counted(of) {
        return of;
    }
    let tables = of.rmatch_indices('.').map(|(at, _)| &of[..at]);
    tables.into_iter().find(|table| counted(table)).unwrap_or(of)
}

/// Returns a name of several parts as it stands in an object's name.
pub(crate) fn named<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    parts.into_iter().map(part).collect::<Vec<_>>().join(".")
}

fn part(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '-';
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// Digests of a table's rows, taken as they come.
///
/// The digest of many values is the sum of their SHA-256, modulo 2^256: the same whatever the order, so that the server need not sort
/// and no value need be kept; and unlike an exclusive or it counts how often each comes.
#[derive(Debug, Clone)]
pub(crate) struct RowsDigest {
    count: u64,
    columns: Vec<Sum>,
    whole: Sum,
    /// Which columns are looked at.
    kept: Vec<bool>,
}

impl RowsDigest {
    /// That of a table with so many columns, of which those are looked at that are `kept`, and no row yet.
    pub(crate) fn new(kept: Vec<bool>) -> Self {
        Self { count: 0, columns: vec![Sum::default(); kept.len()], whole: Sum::default(), kept }
    }

    /// Takes one row more.
    pub(crate) fn add(&mut self, values: &[Value]) {
        self.count += 1;
        let mut whole = Sha256::new();
        for ((sum, value), _) in
            self.columns.iter_mut().zip(values).zip(&self.kept).filter(|(_, kept)| **kept)
        {
            let hash = hash(value);
            sum.add(hash);
            whole.update(hash);
        }
        self.whole.add(whole.finalize().into());
    }
}

/// The SHA-256 of a value with its sort: 1 and '1' are two.
fn hash(value: &Value) -> [u8; 32] {
    let mut hash = Sha256::new();
    match value {
        Value::Null => hash.update([0]),
        Value::Integer(number) => {
            hash.update([1]);
            hash.update(number.to_be_bytes());
        }
        // By its bits: nothing is equal to NaN else.
        Value::Real(number) => {
            hash.update([2]);
            hash.update(number.to_bits().to_be_bytes());
        }
        Value::Text(text) => {
            hash.update([3]);
            hash.update(text.as_bytes());
        }
        Value::Blob(bytes) => {
            hash.update([4]);
            hash.update(bytes);
        }
    }
    hash.finalize().into()
}

/// A sum modulo 2^256, the lowest part first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum([u64; 4]);

impl Sum {
    fn add(&mut self, hash: [u8; 32]) {
        let mut carry = false;
        for (part, bytes) in self.0.iter_mut().zip(hash.rchunks_exact(8)) {
            let more = u64::from_be_bytes(bytes.try_into().unwrap_or_default());
            let (sum, first) = part.overflowing_add(more);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*part, carry) = (sum, first || second);
        }
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().rev().try_for_each(|part| write!(f, "{part:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[Value]]) -> Fingerprint {
        let mut digest = RowsDigest::new(vec![true; 2]);
        rows.iter().for_each(|row| digest.add(row));
        let mut fingerprint = Fingerprint::default();
        fingerprint.add_rows("a.b", &["x".to_owned(), "y.z".to_owned()], &digest);
        fingerprint
    }

    fn names(left: &Fingerprint, right: &Fingerprint) -> Vec<String> {
        left.differences(right).into_iter().map(|it| it.object).collect()
    }

    #[test]
    fn a_sum_carries_and_does_not_forget_what_comes_twice() {
        let mut sum = Sum::default();
        sum.add([0xff; 32]);
        assert_eq!(sum.to_string(), "f".repeat(64));
        let mut one = [0; 32];
        one[31] = 1;
        sum.add(one);
        assert_eq!(sum, Sum::default());
        sum.add(one);
        sum.add(one);
        assert_eq!(sum.to_string(), format!("{}2", "0".repeat(63)));
    }

    #[test]
    fn rows_are_the_same_in_any_order_and_differ_by_column() {
        let (a, b): (Value, Value) = ("a".into(), "b".into());
        let (one, two) = (Value::Integer(1), Value::Integer(2));
        let first = of(&[&[one.clone(), a.clone()], &[two.clone(), b.clone()]]);
        let again = of(&[&[two.clone(), b.clone()], &[one.clone(), a.clone()]]);
        assert_eq!(first, again);
        let other = of(&[&[one.clone(), a.clone()], &[two.clone(), a.clone()]]);
        assert_eq!(names(&first, &other), ["values of a.b.\"y.z\""]);
        let swapped = of(&[&[one.clone(), b.clone()], &[two.clone(), a.clone()]]);
        assert_eq!(names(&first, &swapped), ["values of a.b"], "each column has the same values");
        let fewer = of(&[&[one, a]]);
        assert_eq!(names(&first, &fewer), ["rows of a.b"]);
        assert_eq!(names(&first, &Fingerprint::default()), ["rows of a.b"]);
        assert_eq!(names(&of(&[]), &fewer), ["rows of a.b"]);
    }

    #[test]
    fn values_of_another_sort_are_other_values() {
        let all = [
            Value::Null,
            Value::Integer(0),
            Value::Real(0.0),
            Value::Real(-0.0),
            Value::Text(String::new()),
            Value::Text("0".to_owned()),
            Value::Blob(Vec::new()),
            Value::Blob(b"0".to_vec()),
        ];
        let hashes: BTreeSet<_> = all.iter().map(hash).collect();
        assert_eq!(hashes.len(), all.len());
        assert_eq!(hash(&Value::Real(f64::NAN)), hash(&Value::Real(f64::NAN)));
    }

    #[test]
    fn names_that_look_alike_are_two() {
        assert_eq!(named(["users", "email"]), "users.email");
        assert_eq!(named(["a.b", "c\"d", ""]), "\"a.b\".\"c\"\"d\".\"\"");
        let mut twice = Fingerprint::default();
        twice.add("cast".to_owned(), "b".to_owned());
        twice.add("cast".to_owned(), "a".to_owned());
        assert_eq!(twice.get("cast"), Some("a\nb"));
    }
}
