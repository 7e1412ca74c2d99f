//! The per-thread part of an authority: a cache and counters of one data thread, so that threads do not contend.

use std::fmt;

use tokio::sync::Semaphore;

use super::table::{GrantTable, WAYS};
use super::usage::UsageCounts;

/// Most sets of a per-thread cache: 256 KiB, which fits in a core's own cache.
const SETS: usize = 1 << 12;
/// Calls of one thread that may wait for a read of storage; further calls are refused at once.
const MAX_WAITING: usize = 1_024;

/// Cache, counters and read permits of one data thread.
pub(super) struct WorkerState {
    /// Recently used grants.
    pub(super) table: GrantTable,
    pub(super) waiting: Semaphore,
    pub(super) usage: UsageCounts,
}

impl fmt::Debug for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerState").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl WorkerState {
    /// Creates a cache no larger than the shared cache behind it, which holds `capacity` grants.
    pub(super) fn new(capacity: u64, key: u64) -> Self {
        let sets = usize::try_from(capacity).unwrap_or(usize::MAX).div_ceil(WAYS).min(SETS).next_power_of_two();
        Self { table: GrantTable::new(sets, key), waiting: Semaphore::new(MAX_WAITING), usage: UsageCounts::new() }
    }
}
