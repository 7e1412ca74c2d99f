//! One address of one host, its state, and whether connections to it may be used again.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_postgres::Config;

use super::{Hosts, STAGGER};
use crate::clock::SharedClock;
use crate::telemetry::outage::Outage;

/// How long a host may leave an open request without any response before it counts as unresponsive.
pub(in crate::storage::postgres) const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(2);

pub(in crate::storage::postgres) struct Endpoint {
    pub(super) host_index: usize,
    /// `None` if it is a Unix socket.
    pub(super) ip: Option<IpAddr>,
    pub(super) text: String,
    pub(super) config: Config,
    pub(super) clock: SharedClock,
    /// When any response was received from it, in microseconds of the clock.
    pub(super) last_response: AtomicU64,
    /// Whether it was unresponsive in the last attempt.
    pub(super) unresponsive: AtomicBool,
    /// Connections made before this number of [`Hosts::changes`] must not be used again.
    pub(super) stale: AtomicU64,
    pub(super) outage: Outage,
}

/// The location and time at which a connection was made.
#[derive(Clone)]
pub(in crate::storage::postgres) struct ConnectionOrigin {
    pub(super) hosts: Arc<Hosts>,
    pub(in crate::storage::postgres) endpoint: Arc<Endpoint>,
    pub(super) number: u64,
}

/// An attempt in progress. If it is dropped after [`STAGGER`], another host was faster and is tried first next time.
pub(super) struct Attempt<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) began: Instant,
    pub(super) finished: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.finished && self.began.elapsed() >= STAGGER {
            self.endpoint.unresponsive.store(true, Ordering::Release);
            self.endpoint.outage.failed(format_args!("no response for {:?}", self.began.elapsed()));
        }
    }
}

impl Endpoint {
    fn tick(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX)
    }

    pub(in crate::storage::postgres) fn record_response(&self) {
        self.last_response.fetch_max(self.tick(), Ordering::AcqRel);
    }
}

impl ConnectionOrigin {
    /// Reports that a statement on this connection had no response for [`UNRESPONSIVE_AFTER`]. If its host sent no
    /// other response either, it counts as unresponsive: no connection to it is used again, and the others are
    /// tried first.
    pub(in crate::storage::postgres) fn record_timeout(&self) {
        let endpoint = &self.endpoint;
        let quiet = endpoint.tick().saturating_sub(endpoint.last_response.load(Ordering::Acquire));
        if Duration::from_micros(quiet) < UNRESPONSIVE_AFTER || !self.is_usable() {
            return;
        }
        endpoint.unresponsive.store(true, Ordering::Release);
        endpoint.outage.failed(format_args!("no response for {UNRESPONSIVE_AFTER:?} on any connection"));
        self.invalidate();
    }

    /// Reports that its host accepts no writes: another one may, so connections to it are not used again. Without
    /// another host that would gain nothing.
    pub(in crate::storage::postgres) fn record_refused_write(&self) {
        let several = self.hosts.endpoints.lock().len() > 1 || self.hosts.configured.len() > 1;
        if several && self.is_usable() {
            self.invalidate();
        }
    }

    /// Stops the further use of all existing connections to its host.
    fn invalidate(&self) {
        let changes = &self.hosts.changes;
        self.endpoint.stale.fetch_max(*changes.borrow(), Ordering::AcqRel);
        changes.send_modify(|number| *number += 1);
    }

    pub(in crate::storage::postgres) fn is_usable(&self) -> bool {
        let hosts = &self.hosts;
        let elsewhere = || hosts.current.lock().as_ref().is_some_and(|current| !Arc::ptr_eq(current, &self.endpoint));
        self.number > self.endpoint.stale.load(Ordering::Acquire) && (hosts.load_balance || !elsewhere())
    }

    /// Completes when this connection must not be used again.
    pub(in crate::storage::postgres) async fn invalidated(&self) {
        let mut changes = self.hosts.changes.subscribe();
        while self.is_usable() {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}
