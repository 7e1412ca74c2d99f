//! The few things that the engines write differently. Statements are written once, with these words in them:
//!
//! | word | means |
//! |---|---|
//! | `$1` | a parameter |
//! | `NOW()` | the engine's clock in microseconds; null if it has none of its own |
//! | `STANDBY()` | whether the server only follows a primary |
//! | `EACH($1)` | a table `member` with a row per member of a parameter made by [`each`](super::value::each); the member is `member.value ->> 0` |
//! | `IN MEMBERS($1)` | is one of those members, which are few: found by an index, whatever an engine without statistics expects |
//! | `HASH[text]HASH` | 40 bits of a hash of a text, as a number that millions of can be added up |
//! | `DIGEST_TEXT` | the column `digest` as a text |
//! | `EACH_DIGEST` | the bytes of a member made by [`each_digest`](super::value::each_digest) |

use super::value::Value;

/// How statements are written for an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Dialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

impl Dialect {
    /// The statement as the engine reads it.
    pub(super) fn render(self, sql: &str) -> String {
        let words: &[(&str, &str)] = match self {
            Self::Sqlite => &[
                ("NOW()", "NULL"),
                ("STANDBY()", "FALSE"),
                ("EACH_DIGEST", "unhex(member.value ->> 0)"),
                ("HASH[", "row_hash("),
                ("]HASH", ")"),
                ("DIGEST_TEXT", "hex(digest)"),
                // A `?` alone would count by its place.
                ("$", "?"),
            ],
            Self::Postgres => &[
                ("NOW()", "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"),
                ("STANDBY()", "pg_is_in_recovery()"),
                ("EACH_DIGEST", "decode(member.value ->> 0, 'hex')"),
                ("HASH[", "(hashtextextended("),
                ("]HASH", ", 0) >> 24)"),
                ("DIGEST_TEXT", "encode(digest, 'hex')"),
            ],
        };
        let text = words.iter().fold(sql.to_owned(), |text, (word, meaning)| text.replace(word, meaning));
        match self {
            Self::Sqlite => {
                let text =
                    bracketed(&text, "IN MEMBERS(", ["IN (SELECT member.value ->> 0 FROM json_each(", ") AS member)"]);
                bracketed(&text, "EACH(", ["json_each(", ") AS member"])
            }
            Self::Postgres => {
                // An array is looked up member by member; a sub-select would be joined, and without statistics that
                // reads the whole table.
                let members = [
                    "= ANY (ARRAY(SELECT member.value ->> 0 FROM jsonb_array_elements(",
                    "::jsonb) AS member(value)))",
                ];
                let text = bracketed(&text, "IN MEMBERS(", members);
                bracketed(&text, "EACH(", ["jsonb_array_elements(", "::jsonb) AS member(value)"])
            }
        }
    }

    /// A condition that `text` occurs in `column`, exactly, found by looking; its parameter is `parameter`.
    pub(super) fn occurs(self, column: &str, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("instr({column}, {parameter}) > 0"),
            Self::Postgres => format!("strpos({column}, {parameter}) > 0"),
        }
    }

    /// A statement of the transactions of others that have written to what decisions depend on and are not over, where
    /// the engine tells.
    pub(super) const fn writing(self) -> Option<&'static str> {
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

    /// The condition, as one that no index is chosen by. SQLite, which has no statistics, would choose any.
    pub(super) fn unindexed(self, condition: &str) -> String {
        match self {
            Self::Sqlite => format!("+{condition}"),
            Self::Postgres => condition.to_owned(),
        }
    }

    /// What is put behind a table to have it read along the index `index`; PostgreSQL knows better.
    pub(super) fn along(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!(" INDEXED BY {index}"),
            Self::Postgres => String::new(),
        }
    }

    /// A statement of the ids that are in all `lists`, each a statement of ids; in descending order.
    pub(super) fn common(self, lists: &[&str]) -> String {
        match self {
            // It walks them side by side, and keeps none.
            Self::Sqlite => format!("{} ORDER BY id DESC", lists.join(" INTERSECT ")),
            Self::Postgres => {
                let joined = lists.iter().enumerate().map(|(n, list)| match n {
                    0 => format!("({list}) AS l0"),
                    _ => format!("JOIN ({list}) AS l{n} USING (id)"),
                });
                format!("SELECT id FROM {} ORDER BY id DESC", joined.collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// A statement that finds the ids of keys in which a text of at least three characters occurs, by an index, with
    /// `parameter` for [`Dialect::search`] and `exact` for the text; some that are not there may be among them.
    pub(super) fn keys_with(self, parameter: &str) -> String {
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

    /// The parameter of [`Dialect::keys_with`] for `text`.
    pub(super) fn search(self, text: &str) -> Value {
        match self {
            // Every three characters in a row: the index knows which rows hold them, not where.
            Self::Sqlite => {
                let chars: Vec<char> = text.chars().collect();
                let phrases: Vec<_> = chars
                    .windows(3)
                    .map(|three| format!("\"{}\"", three.iter().collect::<String>().replace('"', "\"\"")))
                    .collect();
                phrases.join(" AND ").into()
            }
            Self::Postgres => {
                let mut pattern = String::from("%");
                for char in text.chars() {
                    if matches!(char, '%' | '_' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(char);
                }
                pattern.push('%');
                pattern.into()
            }
        }
    }
}

/// Replaces every `open` and the closing bracket after it.
fn bracketed(text: &str, open: &str, meaning: [&str; 2]) -> String {
    let mut parts = text.split(open);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (parameter, rest) = part.split_once(')').unwrap_or((part, ""));
        out.extend([meaning[0], parameter, meaning[1], rest]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_looked_up_one_by_one() {
        let sql = "SELECT a FROM b WHERE c IN MEMBERS($1) AND d IN MEMBERS($2)";
        let sqlite = |n| format!("IN (SELECT member.value ->> 0 FROM json_each(?{n}) AS member)");
        assert_eq!(Dialect::Sqlite.render(sql), format!("SELECT a FROM b WHERE c {} AND d {}", sqlite(1), sqlite(2)));
        assert_eq!(
            Dialect::Postgres.render("SELECT a FROM b WHERE c IN MEMBERS($1)"),
            "SELECT a FROM b WHERE c = ANY (ARRAY(SELECT member.value ->> 0 FROM jsonb_array_elements($1::jsonb) AS \
             member(value)))"
        );
    }

    #[test]
    fn a_statement_is_written_for_each_engine() {
        let sql = "SELECT NOW() FROM a WHERE b IN (SELECT EACH_DIGEST FROM EACH($2)) AND c = $1";
        assert_eq!(
            Dialect::Sqlite.render(sql),
            "SELECT NULL FROM a WHERE b IN (SELECT unhex(member.value ->> 0) FROM json_each(?2) AS member) AND c = ?1"
        );
        assert_eq!(
            Dialect::Postgres.render(sql),
            "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint) FROM a WHERE b IN (SELECT \
             decode(member.value ->> 0, 'hex') FROM jsonb_array_elements($2::jsonb) AS member(value)) AND c = $1"
        );
    }

    #[test]
    fn what_is_in_several_lists_is_found_by_each_engine_in_its_way() {
        let lists = ["SELECT a AS id FROM x", "SELECT b AS id FROM y"];
        assert_eq!(
            Dialect::Sqlite.common(&lists),
            "SELECT a AS id FROM x INTERSECT SELECT b AS id FROM y ORDER BY id DESC"
        );
        assert_eq!(
            Dialect::Postgres.common(&lists),
            "SELECT id FROM (SELECT a AS id FROM x) AS l0 JOIN (SELECT b AS id FROM y) AS l1 USING (id) ORDER BY id DESC"
        );
    }

    #[test]
    fn marks_in_a_searched_text_are_text() {
        assert!(Dialect::Postgres.search("50%_\\") == "%50\\%\\_\\\\%".into());
        assert!(Dialect::Sqlite.search("a\"bc") == "\"a\"\"b\" AND \"\"\"bc\"".into());
    }
}
