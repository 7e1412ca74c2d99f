//! Tracks outages of storage, one [`Outage`] per operation: however often it fails, the log has one line when that
//! begins, one when it ends, and a count every half minute.

use std::fmt;

use parking_lot::Mutex;

use super::token_lookup::TokenLookup;
use super::undecided::Undecided;
use crate::clock::SharedClock;
use crate::telemetry::outage::Outage;

/// Operations on storage that may fail.
#[derive(Debug)]
pub(super) struct Outages {
    /// Loading everything.
    pub(super) loads: Outage,
    /// Polls.
    pub(super) polls: Outage,
    /// Heartbeats: reports of the applied revision.
    pub(super) heartbeats: Outage,
    /// Reads of the revisions that other replicas have applied.
    pub(super) replicas: Outage,
    /// Reads of keys that calls wait for.
    pub(super) reads: Outage,
    /// Writes of usage counts.
    pub(super) usage: Outage,
    /// Calls that wait for any of these.
    calls: Outage,
    /// Why the last heartbeat failed.
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

    /// Returns why the last heartbeat failed, in a few words.
    pub(super) fn heartbeat_error(&self) -> &'static str {
        self.heartbeat_error.lock().unwrap_or("storage does not accept them in time (see the log of the replica)")
    }

    /// Records how a call that had to wait ended.
    pub(super) fn record_wait(&self, result: &Result<TokenLookup, Undecided>) {
        match result {
            Ok(TokenLookup::Grant(..)) => self.calls.succeeded(),
            // Known without storage, or caused by the caller.
            Ok(TokenLookup::Nothing(..)) | Err(Undecided::ForeignRevision) => {}
            Err(undecided) => self.calls.failed(undecided),
        }
    }
}
