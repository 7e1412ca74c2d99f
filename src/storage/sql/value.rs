//! Values exchanged with an engine, and reading rows of them.

use std::fmt;

use crate::model::change::Cursor;
use crate::model::hex;
use crate::model::token::Digest;
use crate::storage::{Error, Result};

/// A value of one of the types common to both engines; typed even if null, as Postgres requires.
#[derive(Clone, PartialEq)]
pub(in crate::storage) enum SqlValue {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Bool(Option<bool>),
}

/// A returned row of `table`. Its values are read one after the other, in the order of the statement's columns. An
/// unexpected value is [`Error::Corrupt`] and names table and column.
#[derive(Debug)]
pub(super) struct SqlRow {
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

macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::storage::sql::value::SqlValue::from($value)),*] };
}

/// Reads the fields of a record, in this order, from columns that are called the same, or as given. Fields after a
/// semicolon are variables instead.
macro_rules! record {
    ($row:ident => $record:ident { $($field:ident $(: $column:literal)?),* $(; $($variable:ident),*)? }) => {
        $record { $($($variable,)*)? $($field: $row.get(column_name!($field $($column)?))?),* }
    };
}

/// Defines `COLUMNS`, which lists the columns of a record's fields, and `read`, which reads a record from them.
macro_rules! table {
    ($record:ident { $first:ident, $($field:ident $(: $column:literal)?),* }) => {
        const COLUMNS: &str = concat!(stringify!($first) $(, ", ", column_name!($field $($column)?))*);

        fn read(row: &mut $crate::storage::sql::value::SqlRow) -> $crate::storage::Result<$record> {
            Ok(record!(row => $record { $first, $($field $(: $column)?),* }))
        }
    };
}

/// The name of a field's column.
macro_rules! column_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $column:literal) => {
        $column
    };
}

/// A type that columns are read as; [`super::codec`] lists the types of the model.
pub(super) trait FromColumn: Sized {
    /// Converts the value of a column. The error states what is wrong with it, after the column's name.
    fn from_column(value: SqlValue) -> std::result::Result<Self, String>;
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
    each(digests.into_iter().map(|digest| hex::encode(digest.as_bytes())))
}

impl SqlValue {
    const fn is_null(&self) -> bool {
        matches!(self, Self::Int(None) | Self::Text(None) | Self::Bytes(None) | Self::Bool(None))
    }
}

impl FromColumn for i64 {
    fn from_column(value: SqlValue) -> std::result::Result<Self, String> {
        match value {
            SqlValue::Int(Some(value)) => Ok(value),
            other => Err(if other.is_null() { "is null" } else { "is not an integer" }.to_owned()),
        }
    }
}

impl FromColumn for String {
    fn from_column(value: SqlValue) -> std::result::Result<Self, String> {
        match value {
            SqlValue::Text(Some(value)) => Ok(value),
            other => Err(if other.is_null() { "is null" } else { "is not text" }.to_owned()),
        }
    }
}

impl FromColumn for bool {
    fn from_column(value: SqlValue) -> std::result::Result<Self, String> {
        match value {
            SqlValue::Bool(Some(value)) => Ok(value),
            // SQLite stores them as numbers.
            SqlValue::Int(Some(value @ (0 | 1))) => Ok(value == 1),
            _ => Err("is neither true nor false".to_owned()),
        }
    }
}

impl FromColumn for Digest {
    fn from_column(value: SqlValue) -> std::result::Result<Self, String> {
        let SqlValue::Bytes(Some(bytes)) = value else { return Err("is not bytes".to_owned()) };
        bytes.try_into().map(Self::from_bytes).map_err(|_| "does not have 32 bytes".to_owned())
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(value: SqlValue) -> std::result::Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::from_column(value).map(Some) }
    }
}

/// Numbers that the statement joined by commas; empty for null.
impl FromColumn for Vec<u32> {
    fn from_column(value: SqlValue) -> std::result::Result<Self, String> {
        let text = Option::<String>::from_column(value)?.unwrap_or_default();
        let numbers = text.split(',').filter(|number| !number.is_empty()).map(str::parse);
        numbers.collect::<std::result::Result<_, _>>().map_err(|_| "is not a list of numbers".to_owned())
    }
}

impl SqlRow {
    pub(super) fn new(table: &'static str, values: Vec<SqlValue>) -> Self {
        Self { table, values: values.into_iter() }
    }

    /// Reads the next column, which is called `column`.
    pub(super) fn get<T: FromColumn>(&mut self, column: &str) -> Result<T> {
        let value = self.values.next().ok_or_else(|| Error::bug(format!("{}.{column} was not read", self.table)))?;
        T::from_column(value).map_err(|what| Error::corrupt(format!("{}.{column} {what}", self.table)))
    }

    pub(super) fn cursor(&mut self) -> Result<Cursor> {
        Ok(Cursor { revision: self.get("revision")?, nonce: self.get::<i64>("nonce")?.cast_unsigned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Revision;

    #[test]
    fn what_is_wrong_is_named_by_table_and_column() {
        let mut row = SqlRow::new("keys", vec!["x".into(), SqlValue::Int(None), SqlValue::Int(Some(-1))]);
        assert_eq!(row.get::<i64>("one").unwrap_err().to_string(), "storage is corrupt: keys.one is not an integer");
        assert_eq!(row.get::<String>("two").unwrap_err().to_string(), "storage is corrupt: keys.two is null");
        assert!(row.get::<Revision>("three").unwrap_err().to_string().contains("keys.three is -1"));
        assert!(row.get::<bool>("four").unwrap_err().to_string().contains("keys.four was not read"));
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
