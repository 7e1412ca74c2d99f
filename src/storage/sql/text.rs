//! The texts of statements. Most are the same for both engines; where the engines differ, [`sql!`] assembles both texts
//! at compile time:
//!
//! | part | meaning |
//! |---|---|
//! | `"text"` | this text, with `$1` for a parameter |
//! | `{columns!()}` | the expansion of a macro |
//! | `NOW` | the engine's clock in microseconds; null if it has none of its own |
//! | `STANDBY` | whether the server only follows a primary |
//! | `(EACH 1)` | a table `member` of parameter 1, an [`each`](super::value::each); a member is `member.value ->> 0` |
//! | `EACH_DIGEST` | the bytes of a member made by [`each_digest`](super::value::each_digest) |
//! | `(MEMBERS 1)` | is one of those members, which are few: always found by an index, even without statistics |
//! | `(NUMBERS 1)` | is one of those members, which are numbers |
//! | `(HASH "text" …)` | 40 bits of a hash of a text, as a number; millions of them can be summed |
//! | `DIGEST_TEXT` | the column `digest` as a text |

use super::dialect::SqlDialect;

/// The text of a statement for each engine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sql<'a> {
    pub(super) sqlite: &'a str,
    pub(super) postgres: &'a str,
}

impl<'a> Sql<'a> {
    /// Returns the text for one engine.
    pub(super) const fn for_dialect(self, dialect: SqlDialect) -> &'a str {
        match dialect {
            SqlDialect::Sqlite => self.sqlite,
            SqlDialect::Postgres => self.postgres,
        }
    }
}

impl<'a> From<&'a str> for Sql<'a> {
    fn from(text: &'a str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

impl<'a> From<&'a String> for Sql<'a> {
    fn from(text: &'a String) -> Self {
        Self::from(text.as_str())
    }
}

/// Builds an [`Sql`] of the parts listed above.
macro_rules! sql {
    ($($part:tt)+) => {
        $crate::storage::sql::text::Sql {
            sqlite: concat!($(sql_part!(sqlite $part)),+),
            postgres: concat!($(sql_part!(postgres $part)),+),
        }
    };
}

/// Expands to a part of a statement for one engine.
macro_rules! sql_part {
    (sqlite NOW) => { "NULL" };
    (postgres NOW) => { "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)" };
    (sqlite STANDBY) => { "FALSE" };
    (postgres STANDBY) => { "pg_is_in_recovery()" };
    (sqlite EACH_DIGEST) => { "unhex(member.value ->> 0)" };
    (postgres EACH_DIGEST) => { "decode(member.value ->> 0, 'hex')" };
    (sqlite DIGEST_TEXT) => { "hex(digest)" };
    (postgres DIGEST_TEXT) => { "encode(digest, 'hex')" };
    (sqlite (EACH $n:literal)) => { concat!("json_each($", $n, ") AS member") };
    (postgres (EACH $n:literal)) => { concat!("jsonb_array_elements($", $n, "::jsonb) AS member(value)") };
    (sqlite (MEMBERS $n:literal)) => {
        concat!("IN (SELECT member.value ->> 0 FROM json_each($", $n, ") AS member)")
    };
    // An array is looked up member by member; a sub-select would be joined, and without statistics that reads the whole
    // table.
    (postgres (MEMBERS $n:literal)) => {
        concat!("= ANY (ARRAY(SELECT member.value ->> 0 FROM jsonb_array_elements($", $n, "::jsonb) AS member(value)))")
    };
    ($engine:ident (NUMBERS $n:literal)) => {
        concat!("IN (SELECT CAST(member.value ->> 0 AS bigint) FROM ", sql_part!($engine (EACH $n)), ")")
    };
    (sqlite (HASH $($part:tt)+)) => { concat!("row_hash(", $(sql_part!(sqlite $part)),+, ")") };
    (postgres (HASH $($part:tt)+)) => {
        concat!("(hashtextextended(", $(sql_part!(postgres $part)),+, ", 0) >> 24)")
    };
    ($engine:ident { $($text:tt)+ }) => { $($text)+ };
    ($engine:ident $text:literal) => { $text };
}

#[cfg(test)]
mod tests {
    #[test]
    fn members_are_looked_up_one_by_one() {
        let sql = sql!("SELECT a FROM b WHERE c " (MEMBERS 1) " AND d " (NUMBERS 2));
        assert_eq!(
            sql.sqlite,
            "SELECT a FROM b WHERE c IN (SELECT member.value ->> 0 FROM json_each($1) AS member) AND d IN (SELECT \
             CAST(member.value ->> 0 AS bigint) FROM json_each($2) AS member)"
        );
        assert_eq!(
            sql.postgres,
            "SELECT a FROM b WHERE c = ANY (ARRAY(SELECT member.value ->> 0 FROM jsonb_array_elements($1::jsonb) AS \
             member(value))) AND d IN (SELECT CAST(member.value ->> 0 AS bigint) FROM jsonb_array_elements($2::jsonb) \
             AS member(value))"
        );
    }

    #[test]
    fn a_statement_is_written_for_each_engine() {
        let sql = sql!("SELECT " NOW " FROM a WHERE b IN (SELECT " EACH_DIGEST " FROM " (EACH 2) ") AND c = $1");
        assert_eq!(
            sql.sqlite,
            "SELECT NULL FROM a WHERE b IN (SELECT unhex(member.value ->> 0) FROM json_each($2) AS member) AND c = $1"
        );
        assert_eq!(
            sql.postgres,
            "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) FROM a WHERE b IN (SELECT \
             decode(member.value ->> 0, 'hex') FROM jsonb_array_elements($2::jsonb) AS member(value)) AND c = $1"
        );
    }
}
