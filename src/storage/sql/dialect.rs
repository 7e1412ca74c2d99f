//! Fragments of statements that are built at run time, where the engines differ.

use super::value::SqlValue;

/// The SQL dialect of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum SqlDialect {
    /// SQLite's.
    Sqlite,
    /// PostgreSQL's.
    Postgres,
}

impl SqlDialect {
    /// Returns a condition that `column` contains a text exactly, without an index; its parameter is `parameter`.
    pub(super) fn contains(self, column: &str, parameter: &str) -> String {
        match self {
            Self::Sqlite => format!("instr({column}, {parameter}) > 0"),
            Self::Postgres => format!("strpos({column}, {parameter}) > 0"),
        }
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
        match self {
            Self::Sqlite => format!("+{condition}"),
            Self::Postgres => condition.to_owned(),
        }
    }

    /// Returns the suffix of a table that forces reading along `index`; PostgreSQL chooses better itself.
    pub(super) fn indexed_by(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!(" INDEXED BY {index}"),
            Self::Postgres => String::new(),
        }
    }

    /// Returns a statement of the ids that are in all `lists`, each a statement of ids; in descending order.
    pub(super) fn intersection(self, lists: &[&str]) -> String {
        match self {
            // SQLite merges them as it reads, and buffers none.
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
    pub(super) fn search(self, text: &str) -> SqlValue {
        match self {
            // Every three consecutive characters: the index knows which rows contain them, not where.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_several_lists_is_found_by_each_engine_in_its_way() {
        let lists = ["SELECT a AS id FROM x", "SELECT b AS id FROM y"];
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
        assert!(SqlDialect::Postgres.search("50%_\\") == "%50\\%\\_\\\\%".into());
        assert!(SqlDialect::Sqlite.search("a\"bc") == "\"a\"\"b\" AND \"\"\"bc\"".into());
    }
}
