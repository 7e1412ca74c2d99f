//! Waiting until storage is complete: during a restore that works table by table, or row by row, its contents are a
//! part of what they will be, and must not be used for decisions.

use std::time::Duration;

use super::inner::Inner;
use crate::model::change::Cursor;
use crate::storage::{self, IncompleteTable, StorageContents};

/// Time between two checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// How long storage must not change if nothing is known to be missing.
const COMPLETE: Duration = Duration::from_secs(2);
/// The same if rows are missing that the audit trail lists as created: somebody may have removed them by hand.
const ROWS_MISSING: Duration = Duration::from_secs(10);
/// The same if a table lacks all of its rows.
const TABLE_MISSING: Duration = Duration::from_mins(1);
/// Time between lines in the log.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Returns how long storage must not change to count as complete.
fn needed(missing: &[IncompleteTable]) -> Duration {
    if missing.iter().any(|missing| missing.empty) {
        TABLE_MISSING
    } else if missing.is_empty() {
        COMPLETE
    } else {
        ROWS_MISSING
    }
}

/// Waits until storage has been stable for long enough: checks a little apart agree on its contents, and no write is in
/// progress.
pub(super) async fn wait(inner: &Inner) -> storage::Result<()> {
    let began = tokio::time::Instant::now();
    let (mut since, mut logged) = (began, None);
    let mut last: StorageContents = inner.storage.contents(Cursor::default()).await?;
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        let now = tokio::time::Instant::now();
        let next = inner.storage.contents(last.head).await?;
        let differ = next.differences(&last);
        let writing = !next.open_writes.is_disjoint(&last.open_writes);
        if !differ.is_empty() || writing {
            since = now;
        }
        let needed = needed(&next.incomplete_tables);
        let missing: Vec<_> = next.incomplete_tables.iter().map(|missing| missing.table).collect();
        let missing = missing.join(", ");
        if now.duration_since(since) >= needed {
            if !missing.is_empty() {
                tracing::error!(
                    missing,
                    "tables lack rows that are in the audit trail, and nothing has changed for {needed:?}: continuing \
                     with the existing rows; if a restore is still running, stop it or this server"
                );
            }
            return Ok(());
        }
        if logged.is_none_or(|logged| now.duration_since(logged) >= LOG_INTERVAL) {
            logged = Some(now);
            let changed: Vec<_> = differ.iter().map(|(table, _)| *table).collect();
            tracing::warn!(
                missing, changed = changed.join(", "), writing, waited = ?now.duration_since(began), stable = ?needed,
                "waiting for the database to be complete before using it: it must not change for the time in `stable`"
            );
        }
        last = next;
    }
}
