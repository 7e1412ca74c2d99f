//! Tracks outages of storage, one [`Outage`] per operation: however often it fails, the log has one line when that
//! begins, one when it ends, and a count every half minute.

use std::fmt;

use parking_lot::Mutex;

use crate::clock::SharedClock;
use crate::telemetry::outage::Outage;

/// Operations on storage that may fail.
#[derive(Debug)]
pub(super) struct Outages {
    pub(super) loads: Outage,
    pub(super) polls: Outage,
    pub(super) heartbeats: Outage,
    /// Reads of the revisions that other replicas have applied.
    pub(super) replicas: Outage,
    /// Reads of keys that calls wait for.
    pub(super) reads: Outage,
    pub(super) usage: Outage,
    /// Calls that wait for any of these.
    pub(super) calls: Outage,
    heartbeat_error: Mutex<Option<&'static str>>,
}

impl Outages {
    pub(super) fn new(clock: &SharedClock) -> Self {
        let outage = |what: &'static str| Outage::new(what, clock);
        Self {
            loads: outage("loading all state from storage"),
            polls: outage("polling storage for changes"),
            heartbeats: outage("sending heartbeats to storage"),
            replicas: outage("reading the state of other replicas from storage"),
            reads: outage("reading keys from storage"),
            usage: outage("writing usage counts to storage (kept in memory meanwhile)"),
            calls: outage("deciding requests that wait for storage"),
            heartbeat_error: Mutex::default(),
        }
    }

    /// Records that a heartbeat failed, and the reason if it is known.
    pub(super) fn heartbeat_failed(&self, because: Option<&'static str>, cause: impl fmt::Display) {
        *self.heartbeat_error.lock() = because;
        self.heartbeats.failed(cause);
    }

    pub(super) fn heartbeat_error(&self) -> &'static str {
        self.heartbeat_error.lock().unwrap_or("storage does not accept them in time (see the log of the replica)")
    }
}
