//! Drift detection: compares memory with storage periodically, so that rows changed behind the server's back are
//! noticed, reported and followed.
//!
//! ```text
//! contents (measured in the database) ─┬─ stores, methods, operators: row by row with those that the World is made of
//!                                      ├─ keys, part by part: with the measure before, where no write changed the part
//!                                      └─ parts that cannot be compared so: cached grants and fingerprints one by one
//! ```
//!
//! Differences are loaded as a new epoch, once storage is complete ([`super::settle`]); until then memory decides.

pub(super) mod requests;

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::coherence::row_hashes::{self, RowHashes};
use super::coherence::{Fingerprints, State, Usability};
use super::inner::Inner;
use super::settle;
use crate::model::change::Revision;
use crate::model::token::Digest;
use crate::storage::{self, SnapshotSink, StorageContents, part_of_key};

/// Time between two comparisons, unless they take long.
const INTERVAL: Duration = Duration::from_secs(15);
/// Comparisons may take one part in this many of the time: a million keys take the database a few seconds.
const SHARE: u32 = 5;
/// Minimum time between two comparisons when one of them was requested.
const SPACING: Duration = Duration::from_secs(1);
const GRANTS_PER_READ: usize = 500;
/// Longest wait until the measured revision is applied here.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(5);

/// A difference between memory and storage.
#[derive(Debug)]
struct TableDifference {
    table: &'static str,
    /// Names of the rows, as far as they are known.
    names: Vec<String>,
}

/// Collects the digests that are not among the fingerprints.
struct Unlisted<'a> {
    fingerprints: &'a Fingerprints,
    found: Vec<Digest>,
}

impl SnapshotSink for Unlisted<'_> {
    fn digests(&mut self, digests: &[Digest]) {
        self.found.extend(digests.iter().filter(|digest| !self.fingerprints.contains(digest)));
    }
}

/// Compares for as long as the process lives.
pub(super) async fn compare(inner: Arc<Inner>) -> Result<(), String> {
    tokio::select! {
        biased;
        () = inner.tasks.stopping() => Ok(()),
        never = compare_repeatedly(&inner) => match never {},
    }
}

async fn compare_repeatedly(inner: &Arc<Inner>) -> Infallible {
    // The last measurement, and its epoch.
    let mut before: Option<(u64, StorageContents)> = None;
    let mut pause = INTERVAL;
    loop {
        tokio::select! {
            biased;
            // Soon, while few grants are cached: the measurement does not cover them.
            () = inner.drift.loaded.notified() => {}
            () = inner.drift.requested.notified() => tokio::time::sleep(SPACING).await,
            () = tokio::time::sleep(pause) => {}
        }
        if cfg!(without_guard = "drift") {
            continue;
        }
        let began = tokio::time::Instant::now();
        let number = inner.drift.begin();
        match compare_once(inner, &mut before).await {
            Ok(Some(differences)) if differences.is_empty() => inner.drift.clean(number),
            Ok(Some(differences)) => {
                for TableDifference { table, names } in &differences {
                    inner.metrics.drift.inc_by(u64::try_from(names.len().max(1)).unwrap_or(1));
                    tracing::error!(
                        table,
                        rows = row_hashes::join_names(names),
                        "storage differs from memory although no write changed it: reloading all state"
                    );
                }
                before = None;
                // Memory keeps deciding, and storage is still followed, until storage is complete.
                match settle::wait(inner).await {
                    Ok(()) => inner.drift.found.notify_one(),
                    Err(error) => {
                        tracing::warn!(error = %error, "storage differs from memory and could not be read again");
                    }
                }
            }
            // Something was loaded in the meantime, or too much was written: try again next time.
            Ok(None) => {}
            Err(error) => tracing::debug!(error = %error, "memory could not be compared with storage"),
        }
        // Replicas started together drift apart, because their comparisons take different times.
        pause = INTERVAL.max(began.elapsed() * SHARE);
    }
}

/// Compares once. Returns `None` if the result is inconclusive.
async fn compare_once(
    inner: &Arc<Inner>,
    before: &mut Option<(u64, StorageContents)>,
) -> storage::Result<Option<Vec<TableDifference>>> {
    let Some(first) = inner.state.load_full() else {
        return Ok(None);
    };
    let epoch = first.epoch.number;
    let earlier = before.take().filter(|(number, _)| *number == epoch).map(|(_, contents)| contents);
    let since = earlier.as_ref().map_or(first.world.cursor, |contents| contents.head);
    let contents = inner.storage.contents(since).await?;
    let Some(last) = state_at(inner, epoch, contents.head.revision).await else {
        return Ok(None);
    };
    if !last.epoch.has(contents.head) {
        // Diverged history; the next poll reports it.
        return Ok(None);
    }
    let mut differences = Vec::new();
    let stored = RowHashes::of(&contents.stores, &contents.methods, &contents.operators);
    for (((table, stored), (_, first)), (_, last)) in
        stored.tables().into_iter().zip(first.rows.tables()).zip(last.rows.tables())
    {
        // Rows that a write changed in the meantime are compared next time.
        if Arc::ptr_eq(first, last) && *first != *stored {
            differences.push(TableDifference { table, names: row_hashes::differing(first, stored) });
        }
    }
    let mut suspect: Option<BTreeSet<u16>> = None;
    if let (Some(earlier), Some(changed)) = (&earlier, &contents.changed) {
        let mut parts = changed.parts.clone();
        for (table, differ) in contents.differences(earlier) {
            if !differences.iter().any(|known| known.table == table) {
                differences.push(TableDifference { table, names: Vec::new() });
            }
            parts.extend(differ);
        }
        suspect = Some(parts);
    }
    let parts = suspect.as_ref();
    if parts.is_none_or(|parts| !parts.is_empty()) {
        differences.extend(compare_grants(inner, epoch, parts).await?);
        differences.extend(compare_fingerprints(inner, epoch, parts).await?);
    }
    *before = Some((epoch, contents));
    Ok(Some(differences))
}

/// Returns the state once it has applied `revision`; `None` if its epoch is another one, or on a timeout.
async fn state_at(inner: &Inner, epoch: u64, revision: Revision) -> Option<Arc<State>> {
    let mut applied = inner.applied.subscribe();
    let wait = applied.wait_for(|applied| *applied >= revision);
    if !matches!(tokio::time::timeout(FOLLOW_TIMEOUT, wait).await, Ok(Ok(_))) {
        return None;
    }
    inner.state.load_full().filter(|state| state.epoch.number == epoch)
}

/// The data read belongs to a history that is no longer, or not yet, followed.
fn history_changed() -> storage::Error {
    storage::Error::unavailable("the data read is not from the history followed here")
}

/// Compares the cached grants of keys in `parts` with storage.
async fn compare_grants(
    inner: &Arc<Inner>,
    epoch: u64,
    parts: Option<&BTreeSet<u16>>,
) -> storage::Result<Option<TableDifference>> {
    let cached = inner.grants.matching(|key| parts.is_none_or(|parts| parts.contains(&part_of_key(key))));
    let mut names = BTreeSet::new();
    for chunk in cached.chunks(GRANTS_PER_READ) {
        let digests: Vec<_> = chunk.iter().map(|cached| *cached.digest()).collect();
        let read = inner.storage.grants(&digests).await?;
        let state = state_at(inner, epoch, read.head.revision).await.filter(|state| state.epoch.has(read.head));
        let state = state.ok_or_else(history_changed)?;
        let stored: HashMap<_, _> = read.grants.into_iter().collect();
        for cached in chunk {
            // Skips grants that are unusable anyway, and those that a write changed after this read.
            let comparable =
                cached.usability(&state) == Usability::Usable && cached.grant.row_revision <= read.head.revision;
            if comparable && stored.get(cached.digest()) != Some(&cached.grant) {
                names.insert(cached.grant.key.to_string());
            }
        }
    }
    Ok((!names.is_empty()).then(|| TableDifference { table: "keys", names: names.into_iter().collect() }))
}

/// Finds secrets of keys in `parts` that are not among the fingerprints.
async fn compare_fingerprints(
    inner: &Inner,
    epoch: u64,
    parts: Option<&BTreeSet<u16>>,
) -> storage::Result<Option<TableDifference>> {
    let fingerprints = inner.fingerprints.load_full();
    let mut unlisted = Unlisted { fingerprints: &fingerprints, found: Vec::new() };
    let head = inner.storage.digests(parts, &mut unlisted).await?;
    let found = unlisted.found;
    // New secrets are listed before their revision counts as applied.
    if found.is_empty() {
        return Ok(None);
    }
    state_at(inner, epoch, head.revision).await.filter(|state| state.epoch.has(head)).ok_or_else(history_changed)?;
    let unknown = found.iter().filter(|digest| !fingerprints.contains(digest)).count();
    Ok((unknown > 0)
        .then(|| TableDifference { table: "secrets", names: vec![format!("{unknown} unknown to this replica")] }))
}
