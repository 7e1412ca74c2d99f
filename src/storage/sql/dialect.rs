//! Where the statements of the engines differ: fragments of those that are built at run time ([`SqlDialect`]); and the
//! others, of which [`sql!`] assembles both texts at compile time:
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum SqlDialect {
    Sqlite,
    Postgres,
}

impl SqlDialect {
    /// Returns a condition that `column` contains a text exactly, without an index; its parameter is `parameter`.
    pub(super) fn contains(self, column: &str, parameter: &str) -> String {
        format!("{}({column}, {parameter}) > 0", Sql { sqlite: "instr", postgres: "strpos" }.for_dialect(self))
    }

    /// Returns a statement of other sessions' open transactions that have written to data that decisions depend on, if
    /// the engine supports it.
    pub(super) const fn open_writes(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "SELECT DISTINCT l.virtualtransaction FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                 WHERE d.datname = current_database() AND l.granted AND l.pid <> pg_backend_pid() \
                 AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') \
                 AND l.relation IN ('stores'::regclass, 'store_hosts'::regclass, 'methods'::regclass, 'keys'::regclass, \
                 'secrets'::regclass, 'key_stores'::regclass, 'key_methods'::regclass, 'operators'::regclass, \
                 'changes'::regclass)",
            ),
        }
    }

    /// Returns the condition in a form that uses no index. SQLite, which has no statistics, would choose any.
    pub(super) fn unindexed(self, condition: &str) -> String {
        format!("{}{condition}", Sql { sqlite: "+", postgres: "" }.for_dialect(self))
    }

    /// Returns the suffix of a table that forces reading along `index`; PostgreSQL chooses better itself.
    pub(super) fn indexed_by(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!(" INDEXED BY {index}"),
            Self::Postgres => String::new(),
        }
    }

    /// Returns a statement of the ids that are in all `lists`, each a statement of ids; in descending order.
    pub(super) fn intersection(self, lists: &[String]) -> String {
        match self {
            // SQLite merges them as it reads, and buffers none.
            Self::Sqlite => format!("{} ORDER BY id DESC", lists.join(" INTERSECT ")),
            Self::Postgres => {
                let joined = lists.iter().enumerate().skip(1);
                let joined = joined.map(|(n, list)| format!(" JOIN ({list}) AS l{n} USING (id)"));
                format!("SELECT id FROM ({}) AS l0{} ORDER BY id DESC", lists[0], joined.collect::<Vec<_>>().concat())
            }
        }
    }

    /// Returns a statement that finds, by an index, the ids of keys that contain a text of at least three characters,
    /// with `parameter` for [`SqlDialect::search`]; the result may include keys that do not contain it.
    pub(super) fn keys_matching(self, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "SELECT k.id FROM keys_search CROSS JOIN keys k WHERE keys_search MATCH {parameter} \
                 AND k.number = keys_search.rowid"
            ),
            Self::Postgres => {
                format!("SELECT k.id FROM keys k WHERE k.deleted_revision IS NULL AND k.search LIKE {parameter}")
            }
        }
    }

    /// Returns the parameter of [`SqlDialect::keys_matching`] for `text`.
    pub(super) fn search(self, text: &str) -> String {
        match self {
            // Every three consecutive characters: the index knows which rows contain them, not where.
            Self::Sqlite => {
                let chars: Vec<char> = text.chars().collect();
                let phrases: Vec<_> = chars
                    .windows(3)
                    .map(|three| format!("\"{}\"", three.iter().collect::<String>().replace('"', "\"\"")))
                    .collect();
                phrases.join(" AND ")
            }
            Self::Postgres => {
                let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                format!("%{text}%")
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Sql<'a> {
    pub(super) sqlite: &'a str,
    pub(super) postgres: &'a str,
}

impl<'a> Sql<'a> {
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

/// Builds an [`Sql`] of the parts listed above.
macro_rules! sql {
    ($($part:tt)+) => {
        $crate::storage::sql::dialect::Sql {
            sqlite: concat!($(sql_part!(sqlite $part)),+),
            postgres: concat!($(sql_part!(postgres $part)),+),
        }
    };
}

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
    use super::*;

    #[test]
    fn what_is_in_several_lists_is_found_by_each_engine_in_its_way() {
        let lists = ["SELECT a AS id FROM x", "SELECT b AS id FROM y"].map(str::to_owned);
        assert_eq!(
            SqlDialect::Sqlite.intersection(&lists),
            "SELECT a AS id FROM x INTERSECT SELECT b AS id FROM y ORDER BY id DESC"
        );
        assert_eq!(
            SqlDialect::Postgres.intersection(&lists),
            "SELECT id FROM (SELECT a AS id FROM x) AS l0 JOIN (SELECT b AS id FROM y) AS l1 USING (id) ORDER BY id DESC"
        );
    }

    #[test]
    fn marks_in_a_searched_text_are_text() {
        assert_eq!(SqlDialect::Postgres.search("50%_\\"), "%50\\%\\_\\\\%");
        assert_eq!(SqlDialect::Sqlite.search("a\"bc"), "\"a\"\"b\" AND \"\"\"bc\"");
    }

    #[test]
    fn a_statement_is_written_for_each_engine() {
        for (sql, sqlite, postgres) in [
            (
                sql!("SELECT a FROM b WHERE c " (MEMBERS 1) " AND d " (NUMBERS 2)),
                "SELECT a FROM b WHERE c IN (SELECT member.value ->> 0 FROM json_each($1) AS member) AND d IN (SELECT \
                 CAST(member.value ->> 0 AS bigint) FROM json_each($2) AS member)",
                // Members are looked up one by one.
                "SELECT a FROM b WHERE c = ANY (ARRAY(SELECT member.value ->> 0 FROM jsonb_array_elements($1::jsonb) \
                 AS member(value))) AND d IN (SELECT CAST(member.value ->> 0 AS bigint) FROM \
                 jsonb_array_elements($2::jsonb) AS member(value))",
            ),
            (
                sql!("SELECT " NOW " FROM a WHERE b IN (SELECT " EACH_DIGEST " FROM " (EACH 2) ") AND c = $1"),
                "SELECT NULL FROM a WHERE b IN (SELECT unhex(member.value ->> 0) FROM json_each($2) AS member) AND c = \
                 $1",
                "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) FROM a WHERE b IN (SELECT \
                 decode(member.value ->> 0, 'hex') FROM jsonb_array_elements($2::jsonb) AS member(value)) AND c = $1",
            ),
        ] {
            assert_eq!((sql.sqlite, sql.postgres), (sqlite, postgres));
        }
    }
}
