//! Metrics in the OpenMetrics text format. Every series is registered at startup, so that it exists at zero.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

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
    gateway_refusals: Counters<2>,
    shed: Counters<2>,
    clock_leaps: Counters<1>,
    storage: Family<Labels<2>, Histogram>,
    overload: Counters<2>,
}

/// Names and values of labels.
type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;

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
        let all = &mut registry;
        let help = "Decisions, by reason: ALLOWED or the first check that failed";
        let decisions: Counters<1> = register(all, "decisions", help);
        let of = |reason| decisions.get_or_create_owned(&[("reason", reason)]);
        let storage = Family::new_with_constructor(histogram as fn() -> Histogram);
        all.register_with_unit("storage_call", "Duration of storage calls", Unit::Seconds, storage.clone());
        let help = "Requests refused by gateways, by reason and, if the request was ambiguous, by kind of ambiguity";
        let gateway_refusals = register(all, "gateway_refusals", help);
        let help = "Jumps of the clock of storage, by direction";
        let clock_leaps: Counters<1> = register(all, "storage_clock_leaps", help);
        for direction in ["forward", "back"] {
            drop(clock_leaps.get_or_create(&[("direction", direction)]));
        }
        let help = "Long-running calls refused because of a limit, by port and limit";
        let overload = register(all, "overload", help);
        let help = "Connections and calls that a port refused or ended because of a limit";
        let shed = register(all, "shed", help);
        let waited = histogram();
        let help = "Duration of decisions that had to wait";
        all.register_with_unit("decision_wait", help, Unit::Seconds, waited.clone());
        // In this order in the output.
        Self {
            allowed: of("ALLOWED"),
            refused: Reason::ALL.iter().map(|reason| of(reason.as_str())).collect(),
            storage,
            gateway_refusals,
            clock_leaps,
            overload,
            shed,
            waited,
            undecided: register(all, "undecided", "Requests without a decision"),
            cache_hits: register(all, "cache_hits", "Decisions from a usable cached grant"),
            cache_misses: register(all, "cache_misses", "Grants read from storage"),
            polls: register(all, "polls", "Polls of storage"),
            polls_failed: register(all, "polls_failed", "Failed polls of storage"),
            reloads: register(all, "reloads", "Loads of all state, including the first"),
            drift: register(all, "drift", "Rows or tables that differ from memory although no write changed them"),
            lost_changes: register(all, "lost_changes", "Changes that were applied here and then lost by storage"),
            usage_lost: register(all, "usage_lost", "Uses not counted because storage could not accept them"),
            gateway_unanswered: register(
                all,
                "gateway_unanswered",
                "Requests from proxies that were rejected because they were malformed or came from an untrusted source",
            ),
            cached_grants: register(all, "cached_grants", "Grants in the cache"),
            fingerprints: register(all, "fingerprints", "Known token digests, stored as fingerprints"),
            applied_revision: register(all, "applied_revision", "Latest applied revision"),
            staleness: register(all, "staleness_milliseconds", "Time since the state was last proven to be current"),
            registry,
        }
    }

    /// Returns the counters of what the port named `port` sheds.
    pub fn shed(&self, port: &'static str) -> Shed {
        let of = |why| self.shed.get_or_create_owned(&[("port", port), ("why", why)]);
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
        self.clock_leaps.get_or_create_owned(&[("direction", direction)])
    }

    /// Returns the counter of long calls refused at this port for this reason.
    pub fn overload(&self, port: &'static str, reason: &'static str) -> Counter {
        self.overload.get_or_create_owned(&[("port", port), ("reason", reason)])
    }

    /// Returns the counter of a gateway's refusals for this reason and this fault (empty for none).
    pub fn gateway_refusals(&self, reason: &'static str, fault: &'static str) -> Counter {
        self.gateway_refusals.get_or_create_owned(&[("reason", reason), ("fault", fault)])
    }

    /// Records a call to storage.
    pub fn storage_call(&self, call: &'static str, took: Duration, outcome: &'static str) {
        self.storage.get_or_create(&[("call", call), ("outcome", outcome)]).observe(took.as_secs_f64());
    }

    /// Returns all series as text, in the OpenMetrics format.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// Adds a metric to the output, at zero.
fn register<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
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
