//! A desk: what one data thread has of an authority for itself, so that threads do not wait for each other.

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

/// Sets of a desk's table, at most: 256 KiB, which stays within a core's own cache.
const SETS: usize = 1 << 12;
/// Calls of one thread that may wait for a read of storage; what comes beyond is refused at once.
const MAX_WAITING: usize = 1_024;

/// What one data thread has for itself.
pub(super) struct Desk {
    /// Grants that were used lately.
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
    /// The same authority for one data thread, which is to be the only one that decides by it: it has a small cache and
    /// counts of its own, and only so many of its calls may wait.
    #[must_use]
    pub fn at_desk(&self) -> Self {
        let desk = Arc::new(Desk::new(self.inner.settings.cache_capacity, self.inner.grants.hash_key()));
        self.inner.desks.lock().push(Arc::clone(&desk));
        Self { inner: Arc::clone(&self.inner), desk: Some(desk) }
    }

    /// The grant of a digest, if one is at hand that may be used.
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

    /// Finds what a token leads to, and may wait for it. Of one data thread only so many calls may that need a read.
    /// Calls with unknown tokens wait for polls, and are counted by the gate: however many there are, they take no place
    /// of a good key.
    pub(super) async fn find(&self, token: &str, min_revision: Option<Cursor>) -> Result<Found, Undecided> {
        let listed =
            || look_at(token).is_none() && self.inner.fingerprints.load().contains(&Digest::of(token.as_bytes()));
        let _place = match &self.desk {
            Some(desk) if listed() => Some(desk.waiting.try_acquire().map_err(|_| Undecided::Crowded)?),
            _ => None,
        };
        self.inner.find(token, min_revision).await
    }

    /// Where uses are counted.
    pub(super) fn counts(&self) -> &Usage {
        self.desk.as_ref().map_or(&self.inner.usage, |desk| &desk.usage)
    }
}

impl Desk {
    /// With a table that is no larger than the cache behind it, of `capacity` grants.
    pub(super) fn new(capacity: u64, key: u64) -> Self {
        let sets = usize::try_from(capacity).unwrap_or(usize::MAX).div_ceil(WAYS).min(SETS).next_power_of_two();
        Self { table: Table::new(sets, key), waiting: Semaphore::new(MAX_WAITING), usage: Usage::new() }
    }
}
