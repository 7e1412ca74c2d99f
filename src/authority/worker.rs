//! The per-thread part of an authority: counters and read permits of one decision thread, so that threads do not contend.

use tokio::sync::Semaphore;

use super::usage::UsageCounts;

/// Calls of one thread that may wait for a read of storage; further calls are refused at once.
const MAX_WAITING: usize = 1_024;

#[derive(Debug)]
pub(super) struct WorkerState {
    pub(super) waiting: Semaphore,
    pub(super) usage: UsageCounts,
}

impl WorkerState {
    pub(super) fn new() -> Self {
        Self { waiting: Semaphore::new(MAX_WAITING), usage: UsageCounts::default() }
    }
}
