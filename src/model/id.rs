//! IDs that Latchkey generates: a prefix for the kind, and a UUIDv7 (RFC 9562), so that ids sort by age.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::text::serde_as_text;
use super::time::Timestamp;

/// A text that is not a valid id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {kind} ID; valid IDs look like `{prefix}0198d4c7-3b5a-7c31-9a44-5e0f6a1b2c3d`")]
pub struct IdError {
    text: String,
    kind: &'static str,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Creates the id for the time `at` from ten bytes of randomness.
            pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(at.as_micros() / 1_000).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// Returns the 128 bits, for hashing and for compact storage.
            pub const fn as_u128(self) -> u128 {
                self.0.as_u128()
            }

            /// Returns the text that `Display` writes, faster.
            pub fn to_text(self) -> String {
                self.with_text(|parts| parts.concat())
            }

            /// Passes that text in two parts to `take`, for callers that only copy it: every response contains two ids.
            pub fn with_text<R>(self, take: impl FnOnce([&str; 2]) -> R) -> R {
                take([$prefix, self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer())])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.as_hyphenated())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            /// Parses exactly the form that `Display` writes.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let uuid = text.strip_prefix($prefix);
                let id = uuid.and_then(|uuid| Uuid::try_parse(uuid).ok()).map(Self);
                // UUIDs have other spellings too.
                id.filter(|id| id.with_text(|[_, written]| uuid == Some(written))).ok_or_else(|| IdError {
                    text: text.chars().take(64).collect(),
                    kind: $kind,
                    prefix: $prefix,
                })
            }
        }

        serde_as_text!($name);
    };
}

id!(
    /// The ID of a key.
    KeyId, "key_", "key"
);
id!(
    /// The ID of a secret: one token of a key.
    SecretId, "sec_", "secret"
);
id!(
    /// The ID of an operator.
    OperatorId, "op_", "operator"
);
id!(
    /// The ID of one run of a Latchkey process.
    ReplicaId, "rep_", "replica"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_sorts_by_age() {
        let older = KeyId::new(Timestamp::from_micros(1_000_000), [9; 10]);
        let newer = KeyId::new(Timestamp::from_micros(2_000_000), [0; 10]);
        assert!(older < newer);
        assert!(older.to_string() < newer.to_string());
        assert_eq!(older.to_string().parse::<KeyId>().unwrap(), older);
        assert_eq!(older.to_text(), older.to_string());
    }

    #[test]
    fn another_kind_or_another_spelling_is_refused() {
        let id = KeyId::new(Timestamp::from_micros(1), [7; 10]).to_string();
        assert!(id.parse::<SecretId>().is_err());
        assert!(id.to_uppercase().parse::<KeyId>().is_err());
        assert!(id.replace('-', "").parse::<KeyId>().is_err());
        assert!("key_".parse::<KeyId>().unwrap_err().to_string().contains("not a valid key ID"));
    }
}
