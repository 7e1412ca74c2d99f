//! Requests for comparisons of memory with storage, and what they found.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::model::token::Digest;

/// Most digests remembered as absent.
const MAX_ABSENT: usize = 4_096;

#[derive(Debug, Default)]
pub(in crate::authority) struct Drift {
    pub(super) requested: Notify,
    /// Notified when everything must be loaded again.
    pub(in crate::authority) found: Notify,
    pub(super) loaded: Notify,
    absent: Mutex<Absent>,
}

/// Digests that are listed as fingerprints but were missing in storage.
#[derive(Debug, Default)]
struct Absent {
    /// Number of comparisons begun, and of the newest one that found no drift.
    begun: u64,
    clean: u64,
    /// Number of comparisons begun when each digest was found to be absent.
    digests: HashMap<Digest, u64>,
}

impl Drift {
    /// Records that everything was loaded.
    pub(in crate::authority) fn loaded(&self) {
        *self.absent.lock() = Absent::default();
        self.loaded.notify_one();
    }

    /// Returns whether storage is known to lack this digest although its fingerprint is listed: a comparison that began
    /// after it was missed found no drift. Otherwise requests a comparison.
    pub(in crate::authority) fn is_absent(&self, digest: &Digest) -> bool {
        if cfg!(without_guard = "whole") {
            return true;
        }
        let mut absent = self.absent.lock();
        let begun = absent.begun;
        if absent.digests.len() >= MAX_ABSENT && !absent.digests.contains_key(digest) {
            absent.digests.clear();
        }
        let missed = *absent.digests.entry(*digest).or_insert(begun);
        if missed < absent.clean {
            return true;
        }
        self.requested.notify_one();
        false
    }

    pub(super) fn begin(&self) -> u64 {
        let mut absent = self.absent.lock();
        absent.begun += 1;
        absent.begun
    }

    pub(super) fn clean(&self, number: u64) {
        let mut absent = self.absent.lock();
        // Not if everything was loaded in the meantime.
        if number <= absent.begun {
            absent.clean = absent.clean.max(number);
        }
    }
}
