//! How values of the model are written in columns. The texts are permanent: add to them, never change one.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::value::{FromColumn, SqlValue};
use crate::model::book::MethodNumber;
use crate::model::change::Revision;
use crate::model::id::{KeyId, OperatorId, ReplicaId, SecretId};
use crate::model::key::TokenOrigin;
use crate::model::marks::Marks;
use crate::model::method::{StorePlace, StoreUse};
use crate::model::operator::Role;
use crate::model::pattern::MethodIdentity;
use crate::model::store::{StoreCode, StoreKind, StoreNumber};
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::storage::ChangeDetail;

/// Separates the fields of a `search` column: no field contains it, so that no text matches across two.
const SEPARATOR: &str = "\u{1f}";

/// Lists how types are written: the type of the column, and the conversion to it. `None` becomes null.
macro_rules! written {
    ($($($type:ty),+ => $column:ident, $write:expr;)+) => {$($(
        impl From<Option<$type>> for SqlValue {
            fn from(value: Option<$type>) -> Self {
                Self::$column(value.map($write))
            }
        }

        impl From<$type> for SqlValue {
            fn from(value: $type) -> Self {
                Some(value).into()
            }
        }
    )+)+};
}

written! {
    i64, i32, u32 => Int, Into::into;
    u64, usize => Int, |number| i64::try_from(number).unwrap_or(i64::MAX);
    Revision => Int, |revision| revision.0.cast_signed();
    StoreNumber => Int, |number| number.0.into();
    MethodNumber => Int, |number| number.0.into();
    Timestamp => Int, Timestamp::as_micros;
    Duration => Int, |duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    String, &String, &str => Text, Into::into;
    KeyId => Text, KeyId::to_text;
    SecretId => Text, SecretId::to_text;
    OperatorId => Text, OperatorId::to_text;
    ReplicaId => Text, ReplicaId::to_text;
    StoreKind, TokenOrigin, Role => Text, word;
    Vec<u8> => Bytes, Into::into;
    &Digest => Bytes, |digest| digest.as_bytes().to_vec();
    bool => Bool, Into::into;
}

/// Lists how types are read: the type that the column is read as first, and the conversion from it.
macro_rules! read {
    ($($($type:ty),+ => $column:ty, $read:expr;)+) => {$($(
        impl FromColumn for $type {
            fn from_column(value: SqlValue) -> Result<Self, String> {
                <$column>::from_column(value).and_then($read)
            }
        }
    )+)+};
}

read! {
    u64, u32, i32 => i64, |number| number.try_into().map_err(|_| format!("is {number}, out of its range"));
    Revision => u64, |number| Ok(Revision(number));
    StoreNumber => u32, |number| Ok(StoreNumber(number));
    MethodNumber => u32, |number| Ok(MethodNumber(number));
    Timestamp => i64, |micros| Ok(Timestamp::from_micros(micros));
    Duration => i64, |micros| Ok(Duration::from_micros(micros.try_into().unwrap_or(0)));
    KeyId, SecretId, OperatorId, ReplicaId, StoreCode, MethodIdentity, StoreUse => String, |text| parsed(&text);
    StoreKind, TokenOrigin, Role => String, known;
    serde_json::Value, Vec<String>, Vec<IpNet>, BTreeMap<String, String>, Marks, ChangeDetail
        => String, |text| from_json(&text);
    Vec<StorePlace> => Vec<String>, |places| {
        let places = places.iter().map(|place| place.parse()).collect::<Result<_, _>>();
        places.map_err(|error| format!("cannot be read: {error}"))
    };
}

/// Returns the text of a value that is one of several words.
fn word<T: Serialize>(value: T) -> String {
    serde_json::to_value(value).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn known<T: DeserializeOwned>(word: String) -> Result<T, String> {
    serde_json::from_value(word.into()).map_err(|_| "has a value that this version does not know".to_owned())
}

fn parsed<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "cannot be read".to_owned())
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|_| "has unexpected JSON".to_owned())
}

/// Returns the contents of a `search` column for these fields.
pub(super) fn search<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    // Each field separately: the lower case of a letter may depend on the letters around it.
    fields.into_iter().map(fold).collect::<Vec<_>>().join(SEPARATOR)
}

/// Converts to lower case in Rust rather than in each engine, so that both find the same.
fn fold(text: &str) -> String {
    if cfg!(without_guard = "agreement") { text.to_ascii_lowercase() } else { text.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        fn check<T: DeserializeOwned + Into<SqlValue> + PartialEq + Copy>(words: &[(T, &str)]) {
            for (value, word) in words {
                assert!((*value).into() == SqlValue::from(*word), "{word}");
                assert!(known((*word).to_owned()) == Ok(*value), "{word}");
            }
        }
        check(&[
            (StoreKind::Site, "site"),
            (StoreKind::LandingPage, "landing_page"),
            (StoreKind::OnlineStore, "online_store"),
        ]);
        check(&[(TokenOrigin::Issued, "issued"), (TokenOrigin::Supplied, "supplied")]);
        check(&[
            (Role::Admin, "admin"),
            (Role::Editor, "editor"),
            (Role::Viewer, "viewer"),
            (Role::Authorizer, "authorizer"),
        ]);
        assert!(known::<Role>("owner".to_owned()).is_err());
    }

    #[test]
    fn a_text_does_not_occur_across_two_fields() {
        let search = search(["Shop", "ÉTÉ"]);
        assert!(search.contains("été") && !search.contains("shopé"));
    }
}
