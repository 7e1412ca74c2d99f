//! The per-thread part of an authority: a cache and counters of one data thread, so that threads do not contend.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::find::{Found, look_at};
use super::grants::{CachedGrant, Usability};
use super::state::State;
use super::table::{Table, WAYS};
use super::usage::Usage;
use super::{Authority, Undecided};
use crate::model::change::Cursor;
use crate::model::token::Digest;

/// Most sets of a per-thread cache: 256 KiB, which fits in a core's own cache.
const SETS: usize = 1 << 12;
/// Calls of one thread that may wait for a read of storage; further calls are refused at once.
const MAX_WAITING: usize = 1_024;

/// Cache, counters and read permits of one data thread.
pub(super) struct Desk {
    /// Recently used grants.
    table: Table,
    pub(super) waiting: Semaphore,
    pub(super) usage: Usage,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("waiting", &self.waiting).finish_non_exhaustive()
    }
}

impl Authority {
    /// Returns a handle of this authority for one data thread, which must be the only one that decides with it: it has
    /// its own small cache and counters, and a limit on its waiting calls.
    #[must_use]
    pub fn at_desk(&self) -> Self {
        let desk = Arc::new(Desk::new(self.inner.settings.cache_capacity, self.inner.grants.hash_key()));
        self.inner.desks.lock().push(Arc::clone(&desk));
        Self { inner: Arc::clone(&self.inner), desk: Some(desk) }
    }

    /// Returns the grant of a digest if it is cached and usable.
    pub(super) fn usable_now(&self, digest: &Digest, state: &State) -> Option<Arc<CachedGrant>> {
        let inner = &*self.inner;
        let usable = |grant: &CachedGrant| grant.usability(state) == Usability::Usable;
        let Some(desk) = &self.desk else {
            return inner.grants.get(digest).filter(|grant| usable(grant));
        };
        if let Some((grant, hits)) = desk.table.get(digest, usable) {
            inner.grants.used(&grant, hits);
            return Some(grant);
        }
        let grant = inner.grants.get(digest).filter(|grant| usable(grant))?;
        desk.table.offer(Arc::clone(&grant));
        Some(grant)
    }

    /// Finds the grant of a token, waiting if necessary. Limits how many calls of one data thread wait for reads. Calls
    /// with unknown tokens wait for polls instead and are limited by the poll coalescer, so they never use up the
    /// permits of valid keys.
    pub(super) async fn find(&self, token: &str, min_revision: Option<Cursor>) -> Result<Found, Undecided> {
        let listed =
            || look_at(token).is_none() && self.inner.fingerprints.load().contains(&Digest::of(token.as_bytes()));
        let _place = match &self.desk {
            Some(desk) if listed() => Some(desk.waiting.try_acquire().map_err(|_| Undecided::Crowded)?),
            _ => None,
        };
        self.inner.find(token, min_revision).await
    }

    /// Returns the counters that uses are added to.
    pub(super) fn counts(&self) -> &Usage {
        self.desk.as_ref().map_or(&self.inner.usage, |desk| &desk.usage)
    }
}

impl Desk {
    /// Creates a cache no larger than the shared cache behind it, which holds `capacity` grants.
    pub(super) fn new(capacity: u64, key: u64) -> Self {
        let sets = usize::try_from(capacity).unwrap_or(usize::MAX).div_ceil(WAYS).min(SETS).next_power_of_two();
        Self { table: Table::new(sets, key), waiting: Semaphore::new(MAX_WAITING), usage: Usage::new() }
    }
}
