//! What of storage may fail, one [`Outage`] each: however often it fails, the log has a line when that begins, one when it
//! ends, and a count every half minute.

use std::fmt;

use parking_lot::Mutex;

use super::Undecided;
use super::find::Found;
use crate::clock::SharedClock;
use crate::telemetry::outage::Outage;

/// What of storage may fail.
#[derive(Debug)]
pub(super) struct Outages {
    /// Loading everything.
    pub(super) loads: Outage,
    /// Polls.
    pub(super) polls: Outage,
    /// Reports of what was applied.
    pub(super) reports: Outage,
    /// Looks at what other replicas have applied.
    pub(super) others: Outage,
    /// Reads of keys that calls wait for.
    pub(super) reads: Outage,
    /// Handing over the counts of uses.
    pub(super) usage: Outage,
    /// Calls that wait for any of it.
    calls: Outage,
    /// Why the last report failed.
    unreported: Mutex<Option<&'static str>>,
}

impl Outages {
    pub(super) fn new(clock: &SharedClock) -> Self {
        let outage = |what: &'static str| Outage::new(what, clock);
        Self {
            loads: outage("loading all state from storage"),
            polls: outage("polling storage for changes"),
            reports: outage("sending heartbeats to storage"),
            others: outage("reading the state of other replicas from storage"),
            reads: outage("reading keys from storage"),
            usage: outage("writing usage counts to storage (kept in memory meanwhile)"),
            calls: outage("deciding requests that wait for storage"),
            unreported: Mutex::default(),
        }
    }

    /// A report failed, because of this if that is known.
    pub(super) fn report_failed(&self, because: Option<&'static str>, cause: impl fmt::Display) {
        *self.unreported.lock() = because;
        self.reports.failed(cause);
    }

    /// Why the last report failed, in a few words.
    pub(super) fn unreported(&self) -> &'static str {
        self.unreported.lock().unwrap_or("storage does not accept them in time (see the log of the replica)")
    }

    /// How a call ended that had to wait.
    pub(super) fn waited(&self, result: &Result<Found, Undecided>) {
        match result {
            Ok(Found::Grant(..)) => self.calls.worked(),
            // Known without storage, or the caller's own doing.
            Ok(Found::Nothing(..)) | Err(Undecided::ForeignRevision) => {}
            Err(undecided) => self.calls.failed(undecided),
        }
    }
}
