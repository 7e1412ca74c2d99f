//! Statements that the database receives, counted from its own log. And the memory of a process.

use std::collections::BTreeMap;

use helpers::support::daemon::read_lossy;
use helpers::support::postgres::{Cluster, Options};

/// Number of statements by their text without parameters.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Prefix of each log entry; a line without it belongs to the previous entry.
const MARK: &str = "#:";

/// Statements received by one database of a cluster, from its log.
#[derive(Debug)]
pub(crate) struct Statements<'a> {
    cluster: &'a Cluster,
    database: String,
    /// Length of the log that is already counted.
    seen: usize,
}

impl<'a> Statements<'a> {
    /// Returns options for a cluster that logs every statement without its parameters.
    #[must_use]
    pub(crate) fn options(options: Options) -> Options {
        options
            .set("log_statement", "all")
            .set("log_parameter_max_length", "0")
            .set("log_line_prefix", &format!("{MARK}%d:"))
            .set("autovacuum", "off")
    }

    /// Counts the statements of `database`.
    #[must_use]
    pub(crate) fn new(cluster: &'a Cluster, database: &str) -> Self {
        Self { cluster, database: database.to_owned(), seen: 0 }
    }

    /// Discards all statements so far.
    pub(crate) fn skip_seen(&mut self) {
        self.seen = self.cluster.log().len();
    }

    /// Returns the statements since the last call.
    pub(crate) fn take(&mut self) -> Counts {
        let log = self.cluster.log();
        let counts = count(&log[self.seen..], &self.database);
        self.seen = log.len();
        counts
    }
}

fn count(log: &str, database: &str) -> Counts {
    let mut counts = Counts::new();
    for entry in log.split(MARK).skip(1) {
        let Some(logged) = entry.strip_prefix(database).and_then(|rest| rest.strip_prefix(":LOG:  ")) else { continue };
        // `statement: …` in the simple protocol, `execute <unnamed>: …` in the extended one.
        let Some((kind, text)) = logged.split_once(": ") else { continue };
        if kind == "statement" || kind.starts_with("execute ") {
            let words: Vec<&str> = text.split_whitespace().collect();
            *counts.entry(words.join(" ")).or_default() += 1;
        }
    }
    counts
}

/// Returns whether it belongs to the hourly cleanup, which may run at any time.
#[must_use]
pub(crate) fn is_sweep(statement: &str) -> bool {
    ["usage_hourly", "usage_daily", "requests", "replicas", "sessions"]
        .iter()
        .any(|table| statement.starts_with(&format!("DELETE FROM {table} ")))
}

/// Returns the memory of a process in bytes.
///
/// # Panics
///
/// When there is no such process.
#[must_use]
pub(crate) fn memory(pid: u32) -> u64 {
    let status = read_lossy(std::path::Path::new(&format!("/proc/{pid}/status")));
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().expect("the kernel tells kB");
    kib * 1024
}

#[test]
fn statements_are_counted_by_text_and_database() {
    let log = "#:db:LOG:  execute <unnamed>: SELECT\n\t1\n#:other:LOG:  statement: SELECT 1\n#:db:LOG:  statement: BEGIN\n\
               #:db:LOG:  execute s1: SELECT 1\n#:db:ERROR:  no\n#:db:STATEMENT:  SELECT 2\n";
    let counts = count(log, "db");
    let counts: Vec<_> = counts.iter().map(|(text, count)| (text.as_str(), *count)).collect();
    assert_eq!(counts, [("BEGIN", 1), ("SELECT 1", 2)]);
}
