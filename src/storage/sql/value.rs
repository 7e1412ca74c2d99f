//! Values exchanged with an engine, and reading rows of them.

use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::model::change::{Cursor, Revision};
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::storage::{Error, Result};

/// A value of one of the types common to both engines; typed even if null, as Postgres requires.
#[derive(Clone, PartialEq)]
pub(in crate::storage) enum SqlValue {
    /// A whole number.
    Int(Option<i64>),
    /// A text.
    Text(Option<String>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
    /// A boolean.
    Bool(Option<bool>),
}

/// A returned row, in the order of the statement's columns.
#[derive(Debug)]
pub(in crate::storage) struct SqlRow(Vec<SqlValue>);

/// Reads a row's values one after the other, in the order of the statement's columns. An unexpected value is
/// [`Error::Corrupt`] and names table and column.
#[derive(Debug)]
pub(in crate::storage) struct RowReader {
    table: &'static str,
    values: std::vec::IntoIter<SqlValue>,
}

impl fmt::Debug for SqlValue {
    /// Formats the type alone: digests are among the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int(_) => "Int",
            Self::Text(_) => "Text",
            Self::Bytes(_) => "Bytes",
            Self::Bool(_) => "Bool",
        })
    }
}

// === impl SqlValue ===

impl From<i64> for SqlValue {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for SqlValue {
    fn from(value: u32) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<Revision> for SqlValue {
    fn from(value: Revision) -> Self {
        Self::Int(Some(value.0.cast_signed()))
    }
}

impl From<Timestamp> for SqlValue {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.as_micros()))
    }
}

impl From<Option<Timestamp>> for SqlValue {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Int(value.map(Timestamp::as_micros))
    }
}

impl From<&str> for SqlValue {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for SqlValue {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for SqlValue {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&Digest> for SqlValue {
    fn from(value: &Digest) -> Self {
        Self::Bytes(Some(value.as_bytes().to_vec()))
    }
}

impl From<bool> for SqlValue {
    fn from(value: bool) -> Self {
        Self::Bool(Some(value))
    }
}

/// Returns `count` as a parameter, at most the largest integer.
pub(super) fn count(count: usize) -> SqlValue {
    SqlValue::Int(Some(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// Returns the JSON text of `value`, which contains nothing that JSON cannot represent.
pub(super) fn json<T: serde::Serialize + ?Sized>(value: &T) -> SqlValue {
    SqlValue::Text(serde_json::to_string(value).ok())
}

/// Returns a list as a parameter for `(EACH n)`: `[[a],[b],…]`.
pub(super) fn each<T: serde::Serialize>(members: impl IntoIterator<Item = T>) -> SqlValue {
    json(&members.into_iter().map(|member| [member]).collect::<Vec<_>>())
}

/// Returns a list of digests as a parameter for `(EACH n)`, read by `EACH_DIGEST`.
pub(super) fn each_digest<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> SqlValue {
    each(digests.into_iter().map(|digest| {
        digest.as_bytes().iter().fold(String::with_capacity(64), |mut hex, byte| {
            hex.extend([byte >> 4, byte & 15].map(|half| char::from_digit(u32::from(half), 16).unwrap_or('0')));
            hex
        })
    }))
}

// === impl SqlRow, RowReader ===

impl SqlRow {
    /// Creates a row of these values.
    pub(in crate::storage) const fn new(values: Vec<SqlValue>) -> Self {
        Self(values)
    }

    /// Starts reading it, as one of `table`.
    pub(super) fn read(self, table: &'static str) -> RowReader {
        RowReader { table, values: self.0.into_iter() }
    }
}

impl RowReader {
    fn corrupt(&self, column: &str, what: &str) -> Error {
        Error::corrupt(format!("{}.{column} {what}", self.table))
    }

    fn next(&mut self, column: &str) -> Result<SqlValue> {
        self.values.next().ok_or_else(|| Error::bug(format!("{}.{column} was not read", self.table)))
    }

    /// Reads a whole number, or null.
    pub(super) fn opt_int(&mut self, column: &str) -> Result<Option<i64>> {
        match self.next(column)? {
            SqlValue::Int(value) => Ok(value),
            SqlValue::Text(None) | SqlValue::Bytes(None) | SqlValue::Bool(None) => Ok(None),
            SqlValue::Text(_) | SqlValue::Bytes(_) | SqlValue::Bool(_) => {
                Err(self.corrupt(column, "is not an integer"))
            }
        }
    }

    /// Reads a text, or null.
    pub(super) fn opt_text(&mut self, column: &str) -> Result<Option<String>> {
        match self.next(column)? {
            SqlValue::Text(value) => Ok(value),
            SqlValue::Int(None) | SqlValue::Bytes(None) | SqlValue::Bool(None) => Ok(None),
            SqlValue::Int(_) | SqlValue::Bytes(_) | SqlValue::Bool(_) => Err(self.corrupt(column, "is not text")),
        }
    }

    /// Reads a whole number.
    pub(super) fn int(&mut self, column: &str) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| self.corrupt(column, "is null"))
    }

    /// Reads a text.
    pub(super) fn text(&mut self, column: &str) -> Result<String> {
        self.opt_text(column)?.ok_or_else(|| self.corrupt(column, "is null"))
    }

    /// Reads a boolean.
    pub(super) fn bool(&mut self, column: &str) -> Result<bool> {
        match self.next(column)? {
            SqlValue::Bool(Some(value)) => Ok(value),
            // SQLite stores them as numbers.
            SqlValue::Int(Some(0)) => Ok(false),
            SqlValue::Int(Some(1)) => Ok(true),
            SqlValue::Int(_) | SqlValue::Text(_) | SqlValue::Bytes(_) | SqlValue::Bool(None) => {
                Err(self.corrupt(column, "is neither true nor false"))
            }
        }
    }

    /// Reads a digest.
    pub(super) fn digest(&mut self, column: &str) -> Result<Digest> {
        match self.next(column)? {
            SqlValue::Bytes(Some(bytes)) => {
                let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| self.corrupt(column, "does not have 32 bytes"))?;
                Ok(Digest::from_bytes(bytes))
            }
            SqlValue::Int(_) | SqlValue::Text(_) | SqlValue::Bytes(None) | SqlValue::Bool(_) => {
                Err(self.corrupt(column, "is not bytes"))
            }
        }
    }

    /// Reads a point in time.
    pub(super) fn time(&mut self, column: &str) -> Result<Timestamp> {
        self.int(column).map(Timestamp::from_micros)
    }

    /// Reads a point in time, or null.
    pub(super) fn opt_time(&mut self, column: &str) -> Result<Option<Timestamp>> {
        Ok(self.opt_int(column)?.map(Timestamp::from_micros))
    }

    /// Reads a number that fits into `T`.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, column: &str) -> Result<T> {
        let value = self.int(column)?;
        T::try_from(value).map_err(|_| self.corrupt(column, &format!("is {value}, out of its range")))
    }

    /// Reads a revision.
    pub(super) fn revision(&mut self, column: &str) -> Result<Revision> {
        self.number::<u64>(column).map(Revision)
    }

    /// Reads a revision and its nonce.
    pub(super) fn cursor(&mut self) -> Result<Cursor> {
        Ok(Cursor { revision: self.revision("revision")?, nonce: self.int("nonce")?.cast_unsigned() })
    }

    /// Reads a revision, or null.
    pub(super) fn opt_revision(&mut self, column: &str) -> Result<Option<Revision>> {
        let value = self.opt_int(column)?;
        value
            .map(|value| u64::try_from(value).map(Revision).map_err(|_| self.corrupt(column, "is below 0")))
            .transpose()
    }

    /// Reads a text and parses it as `T`.
    pub(super) fn parsed<T: FromStr>(&mut self, column: &str) -> Result<T> {
        let text = self.text(column)?;
        text.parse().map_err(|_| self.corrupt(column, "cannot be read"))
    }

    /// Reads a text and converts it with `read`.
    pub(super) fn read_as<T>(&mut self, column: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let text = self.text(column)?;
        read(&text).ok_or_else(|| self.corrupt(column, "has a value that this version does not know"))
    }

    /// Reads a text of JSON.
    pub(super) fn json<T: DeserializeOwned>(&mut self, column: &str) -> Result<T> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|_| self.corrupt(column, "has unexpected JSON"))
    }

    /// Reads a text of JSON, or null.
    pub(super) fn opt_json<T: DeserializeOwned>(&mut self, column: &str) -> Result<Option<T>> {
        let text = self.opt_text(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| self.corrupt(column, "has unexpected JSON")))
            .transpose()
    }

    /// Reads numbers that the statement joined by commas; empty for null.
    pub(super) fn numbers(&mut self, column: &str) -> Result<Vec<u32>> {
        let text = self.opt_text(column)?.unwrap_or_default();
        let numbers = text.split(',').filter(|number| !number.is_empty()).map(str::parse);
        numbers.collect::<std::result::Result<_, _>>().map_err(|_| self.corrupt(column, "is not a list of numbers"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_by_table_and_column() {
        let mut row = SqlRow::new(vec!["x".into(), SqlValue::Int(None), SqlValue::Int(Some(-1))]).read("keys");
        assert_eq!(row.int("one").unwrap_err().to_string(), "storage is corrupt: keys.one is not an integer");
        assert_eq!(row.text("two").unwrap_err().to_string(), "storage is corrupt: keys.two is null");
        assert!(row.revision("three").unwrap_err().to_string().contains("keys.three is -1"));
        assert!(row.bool("four").unwrap_err().to_string().contains("keys.four was not read"));
    }

    #[test]
    fn values_do_not_print_what_they_hold() {
        let digest = Digest::of(b"token");
        assert_eq!(format!("{:?}", [SqlValue::from(&digest), "text".into(), 7_i64.into()]), "[Bytes, Text, Int]");
    }

    #[test]
    fn lists_are_nested_so_that_both_engines_read_them_alike() {
        assert!(each(["a", "b\"c"]) == SqlValue::Text(Some(r#"[["a"],["b\"c"]]"#.to_owned())));
        assert!(
            each_digest(&[Digest::from_bytes([0xaf; 32])])
                == SqlValue::Text(Some(format!("[[\"{}\"]]", "af".repeat(32))))
        );
    }
}
