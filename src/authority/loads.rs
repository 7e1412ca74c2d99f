//! The reads of grants in progress, and their results.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use super::coherence::CachedGrant;
use crate::model::change::Cursor;
use crate::model::token::Digest;

/// Most reads running at once.
const CONCURRENT: usize = 32;

/// The reads in progress.
#[derive(Debug)]
pub(super) struct Loads {
    pub(super) running: Mutex<HashMap<Digest, watch::Receiver<Option<LoadResult>>>>,
    pub(super) slots: Arc<Semaphore>,
}

/// The result of a read.
#[derive(Debug, Clone)]
pub(super) enum LoadResult {
    /// A grant, now also cached.
    Grant(Arc<CachedGrant>),
    /// No current or former secret has the digest, by a read that began in this epoch at this latest revision.
    Nothing { head: Cursor, epoch: u64 },
    /// Storage did not respond.
    Failed,
}

/// Why a read was not awaited to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoadError {
    /// Too many reads are waiting.
    Overloaded,
    /// The read failed, or took too long.
    Failed,
}

impl Loads {
    pub(super) fn new() -> Self {
        Self { running: Mutex::default(), slots: Arc::new(Semaphore::new(CONCURRENT)) }
    }
}
