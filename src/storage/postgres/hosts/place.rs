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
pub(in crate::storage::postgres) const SILENCE: Duration = Duration::from_secs(2);

/// One address of one host.
pub(in crate::storage::postgres) struct Place {
    pub(super) named: usize,
    /// `None` if it is a Unix socket.
    pub(super) ip: Option<IpAddr>,
    pub(super) text: String,
    pub(super) config: Config,
    pub(super) clock: SharedClock,
    /// When any response was received from it, in microseconds of the clock.
    pub(super) answered: AtomicU64,
    /// Whether it was unresponsive in the last attempt.
    pub(super) silent: AtomicBool,
    /// Connections made before this number of [`Known::changes`] must not be used again.
    pub(super) stale: AtomicU64,
    pub(super) outage: Outage,
}

/// The location and time at which a connection was made.
#[derive(Clone)]
pub(in crate::storage::postgres) struct Origin {
    pub(super) hosts: Hosts,
    pub(super) place: Arc<Place>,
    pub(super) number: u64,
}

/// An attempt in progress. If it is dropped after [`STAGGER`], another host was faster and is tried first next time.
pub(super) struct Tried<'a> {
    place: &'a Place,
    began: Instant,
    done: bool,
}

impl<'a> Tried<'a> {
    pub(super) fn of(place: &'a Place) -> Self {
        Self { place, began: Instant::now(), done: false }
    }

    pub(super) fn done(mut self) {
        self.done = true;
    }
}

impl Drop for Tried<'_> {
    fn drop(&mut self) {
        if !self.done && self.began.elapsed() >= STAGGER {
            self.place.silent.store(true, Ordering::Release);
            self.place.outage.failed(format_args!("no response for {:?}", self.began.elapsed()));
        }
    }
}

impl Place {
    pub(super) fn new(named: usize, ip: Option<IpAddr>, text: String, config: Config, clock: &SharedClock) -> Self {
        Self {
            named,
            ip,
            outage: Outage::new(format!("the database host {text}"), clock),
            text,
            config,
            clock: SharedClock::clone(clock),
            answered: AtomicU64::new(0),
            silent: AtomicBool::new(false),
            stale: AtomicU64::new(0),
        }
    }

    fn tick(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn heard(&self) {
        self.answered.fetch_max(self.tick(), Ordering::AcqRel);
    }
}

impl Origin {
    /// Records a response on this connection.
    pub(in crate::storage::postgres) fn heard(&self) {
        self.place.heard();
    }

    /// Reports that a statement on this connection had no response for [`SILENCE`]. If its host sent no other response
    /// either, it counts as unresponsive: no connection to it is used again, and the others are tried first.
    pub(in crate::storage::postgres) fn unanswered(&self) {
        let place = &self.place;
        let quiet = place.tick().saturating_sub(place.answered.load(Ordering::Acquire));
        if Duration::from_micros(quiet) < SILENCE || !self.is_usable() {
            return;
        }
        place.silent.store(true, Ordering::Release);
        place.outage.failed(format_args!("no response for {SILENCE:?} on any connection"));
        self.replace();
    }

    /// Reports that its host accepts no writes: another one may, so connections to it are not used again. Without
    /// another host that would gain nothing.
    pub(in crate::storage::postgres) fn refused_write(&self) {
        let several = self.hosts.0.places.lock().len() > 1 || self.hosts.0.named.len() > 1;
        if several && self.is_usable() {
            self.replace();
        }
    }

    /// Stops the further use of all existing connections to its host.
    fn replace(&self) {
        let changes = &self.hosts.0.changes;
        self.place.stale.fetch_max(*changes.borrow(), Ordering::AcqRel);
        changes.send_modify(|number| *number += 1);
    }

    /// Returns whether this connection may be used again.
    pub(in crate::storage::postgres) fn is_usable(&self) -> bool {
        let known = &self.hosts.0;
        let elsewhere = || known.good.lock().as_ref().is_some_and(|good| !Arc::ptr_eq(good, &self.place));
        self.number > self.place.stale.load(Ordering::Acquire) && (known.spread || !elsewhere())
    }

    /// Completes when this connection must not be used again.
    pub(in crate::storage::postgres) async fn replaced(&self) {
        let mut changes = self.hosts.0.changes.subscribe();
        while self.is_usable() {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}
