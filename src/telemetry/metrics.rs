//! Metrics in the OpenMetrics text format. Every series is registered at startup, so that it exists at zero.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::model::decision::Reason;

/// All metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    allowed: Counter,
    refused: Vec<Counter>,
    /// Calls without a decision.
    pub undecided: Counter,
    /// Decision time, in seconds, of the calls that had to wait.
    pub waited: Histogram,
    /// Usable grants found in the cache.
    pub cache_hits: Counter,
    /// Grants that had to be read from storage.
    pub cache_misses: Counter,
    /// Grants in the cache.
    pub cached_grants: Gauge,
    /// Known digests, as fingerprints.
    pub fingerprints: Gauge,
    /// The applied revision.
    pub applied_revision: Gauge,
    /// Milliseconds since freshness was last proven.
    pub staleness: Gauge,
    /// Polls of storage.
    pub polls: Counter,
    /// Polls that failed.
    pub polls_failed: Counter,
    /// Full reloads.
    pub reloads: Counter,
    /// Changes applied here that storage has lost.
    pub lost_changes: Counter,
    /// Differences between memory and storage that no write explains.
    pub drift: Counter,
    /// Uses lost because storage could not store their counts.
    pub usage_lost: Counter,
    /// Requests of proxies that got no response, due to their form or their source address.
    pub gateway_unanswered: Counter,
    gateway_refusals: Family<GatewayLabels, Counter>,
    shed: Family<ShedLabels, Counter>,
    clock_leaps: Family<LeapLabels, Counter>,
    storage: Family<StorageLabels, Histogram>,
    overload: Family<OverloadLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LeapLabels {
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GatewayLabels {
    reason: &'static str,
    fault: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OverloadLabels {
    port: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    port: &'static str,
    why: &'static str,
}

/// Counters of what a port refused or ended to enforce its limits. Default counters are not exported.
#[derive(Debug, Clone, Default)]
pub struct Shed {
    /// Connections of a peer with too many.
    pub connections: Counter,
    /// Calls from unknown callers for which there was no room.
    pub open_calls: Counter,
    /// Bodies for which there was no room.
    pub bodies: Counter,
    /// Bodies that took too long.
    pub slow_bodies: Counter,
    /// Idle connections that were asked to end.
    pub idle: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StorageLabels {
    call: &'static str,
    outcome: &'static str,
}

/// Bucket bounds of durations, in seconds: 100 µs to 10 s.
const BUCKETS: [f64; 11] = [0.0001, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers all series, at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("latchkey");
        let decisions = Family::<DecisionLabels, Counter>::default();
        registry.register(
            "decisions",
            "Decisions, by reason: ALLOWED or the first check that failed",
            decisions.clone(),
        );
        let of = |reason| decisions.get_or_create(&DecisionLabels { reason }).clone();
        let (allowed, refused) = (of("ALLOWED"), Reason::ALL.iter().map(|reason| of(reason.as_str())).collect());
        let storage = Family::new_with_constructor(histogram as fn() -> Histogram);
        registry.register_with_unit("storage_call", "Duration of storage calls", Unit::Seconds, storage.clone());
        let gateway_refusals = Family::<GatewayLabels, Counter>::default();
        let help = "Requests refused by gateways, by reason and, if the request was ambiguous, by kind of ambiguity";
        registry.register("gateway_refusals", help, gateway_refusals.clone());
        let clock_leaps = Family::<LeapLabels, Counter>::default();
        registry.register("storage_clock_leaps", "Jumps of the clock of storage, by direction", clock_leaps.clone());
        for direction in ["forward", "back"] {
            drop(clock_leaps.get_or_create(&LeapLabels { direction }));
        }
        let overload = Family::<OverloadLabels, Counter>::default();
        let help = "Long-running calls refused because of a limit, by port and limit";
        registry.register("overload", help, overload.clone());
        let shed = Family::<ShedLabels, Counter>::default();
        registry.register(
            "shed",
            "Connections and calls that a port refused or ended because of a limit",
            shed.clone(),
        );
        let waited = histogram();
        let help = "Duration of decisions that had to wait";
        registry.register_with_unit("decision_wait", help, Unit::Seconds, waited.clone());
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let undecided = counter("undecided", "Requests without a decision");
        let cache_hits = counter("cache_hits", "Decisions from a usable cached grant");
        let cache_misses = counter("cache_misses", "Grants read from storage");
        let polls = counter("polls", "Polls of storage");
        let polls_failed = counter("polls_failed", "Failed polls of storage");
        let reloads = counter("reloads", "Loads of all state, including the first");
        let drift = counter("drift", "Rows or tables that differ from memory although no write changed them");
        let lost_changes = counter("lost_changes", "Changes that were applied here and then lost by storage");
        let usage_lost = counter("usage_lost", "Uses not counted because storage could not accept them");
        let help = "Requests from proxies that were rejected because they were malformed or came from an untrusted \
             source";
        let gateway_unanswered = counter("gateway_unanswered", help);
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let cached_grants = gauge("cached_grants", "Grants in the cache");
        let fingerprints = gauge("fingerprints", "Known token digests, stored as fingerprints");
        let applied_revision = gauge("applied_revision", "Latest applied revision");
        let staleness = gauge("staleness_milliseconds", "Time since the state was last proven to be current");
        Self {
            registry,
            allowed,
            refused,
            undecided,
            waited,
            cache_hits,
            cache_misses,
            cached_grants,
            fingerprints,
            applied_revision,
            staleness,
            polls,
            polls_failed,
            reloads,
            lost_changes,
            drift,
            usage_lost,
            gateway_unanswered,
            gateway_refusals,
            shed,
            clock_leaps,
            storage,
            overload,
        }
    }

    /// Returns the counters of what the port named `port` sheds.
    pub fn shed(&self, port: &'static str) -> Shed {
        let of = |why| self.shed.get_or_create_owned(&ShedLabels { port, why });
        Shed {
            connections: of("peer_connections"),
            open_calls: of("open_calls"),
            bodies: of("bodies"),
            slow_bodies: of("slow_body"),
            idle: of("idle"),
        }
    }

    /// Counts a decision by its first failing check.
    pub fn count_decision(&self, reason: Option<Reason>) {
        match reason {
            None => &self.allowed,
            Some(reason) => self.refused.get(reason as usize).unwrap_or(&self.undecided),
        }
        .inc();
    }

    /// Returns the counter of leaps of storage's clock in this direction, `forward` or `back`.
    pub fn clock_leap(&self, direction: &'static str) -> Counter {
        self.clock_leaps.get_or_create_owned(&LeapLabels { direction })
    }

    /// Returns the counter of long calls refused at this port for this reason.
    pub fn overload(&self, port: &'static str, reason: &'static str) -> Counter {
        self.overload.get_or_create_owned(&OverloadLabels { port, reason })
    }

    /// Returns the counter of a gateway's refusals for this reason and this fault (empty for none).
    pub fn gateway_refusals(&self, reason: &'static str, fault: &'static str) -> Counter {
        self.gateway_refusals.get_or_create_owned(&GatewayLabels { reason, fault })
    }

    /// Records a call to storage.
    pub fn storage_call(&self, call: &'static str, took: Duration, outcome: &'static str) {
        self.storage.get_or_create(&StorageLabels { call, outcome }).observe(took.as_secs_f64());
    }

    /// Returns all series as text, in the OpenMetrics format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_series_from_the_start() {
        let metrics = Metrics::new();
        metrics.count_decision(Some(Reason::StoreDenied));
        let text = metrics.encode();
        assert!(text.contains("latchkey_decisions_total{reason=\"ALLOWED\"} 0"), "{text}");
        assert!(text.contains("latchkey_decisions_total{reason=\"STORE_DENIED\"} 1"), "{text}");
        for reason in Reason::ALL {
            assert!(text.contains(&format!("reason=\"{}\"", reason.as_str())), "{reason:?} has no series");
        }
    }
}
