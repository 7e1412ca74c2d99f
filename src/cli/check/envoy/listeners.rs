//! Listeners: whether everything that comes in passes a connection manager, and what stands before that.

use std::collections::BTreeSet;

use serde_json::Value;

use super::report::{Report, short, shown};
use super::tree::{at, field, is_true, list, text, typed};
use super::{known, logs, routes};

const WHAT: &str = "listener";

/// The network filter whose requests are looked at by `doors`.
pub(super) const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// Network filters that let a connection pass or end it, and answer at most themselves.
const HARMLESS: [&str; 6] = ["connection_limit", "direct_response", "echo", "local_ratelimit", "ratelimit", "rbac"];

/// Network filters that pass what comes to a cluster, and ask nobody.
const PASSING: [&str; 11] = [
    "dubbo_proxy",
    "generic_proxy",
    "kafka_broker",
    "mongo_proxy",
    "mysql_proxy",
    "postgres_proxy",
    "redis_proxy",
    "rocketmq_proxy",
    "tcp_proxy",
    "thrift_proxy",
    "zookeeper_proxy",
];

/// Filters of listeners that read a connection's beginning, or its destination.
const READING: [&str; 4] = ["http_inspector", "local_ratelimit", "original_dst", "tls_inspector"];

/// What encrypts connections, or does not.
const SOCKETS: [&str; 3] = ["quic", "raw_buffer", "tls"];

/// Looks at a listener.
pub(super) fn look(listener: &Value, report: &mut Report<'_>) {
    let place = &format!("listener {}", text(listener, "name"));
    for name in ["filter_chain_matcher", "fcds_config"] {
        if field(listener, name).is_some() {
            let said = format!("{name} is not followed here: which connections pass which filters cannot be said");
            report.fail(WHAT, place, &said);
        }
    }
    if is_true(listener, "ignore_global_conn_limit") || is_true(listener, "bypass_overload_manager") {
        report.warn(WHAT, place, "the limits of overload_manager do not hold there: its clients can take all memory");
    }
    for log in list(listener, "access_log") {
        logs::one(log, place, report);
    }
    for filter in list(listener, "listener_filters") {
        before(filter, place, report);
    }
    let default = field(listener, "default_filter_chain");
    for chain in list(listener, "filter_chains").iter().chain(default) {
        look_at_chain(chain, place, report);
    }
    let filters = list(listener, "filter_chains").iter().chain(default).flat_map(|chain| list(chain, "filters"));
    let managers =
        filters.filter_map(|filter| field(filter, "typed_config")).filter(|config| typed(config).0 == MANAGER);
    let reached: BTreeSet<Vec<String>> = managers.flat_map(routes::destinations).collect();
    let chains = list(listener, "filter_chains").len() + usize::from(default.is_some());
    if chains > 1 && reached.len() > 1 {
        report.fail(
            WHAT,
            place,
            "its filter chains lead to different clusters, and what a client says when it connects chooses among them, which \
             Latchkey does not see; let the path choose, or give each a listener",
        );
    }
}

fn look_at_chain(chain: &Value, place: &str, report: &mut Report<'_>) {
    if is_true(chain, "use_proxy_proto") {
        believes_connections(place, report);
    }
    if let Some(socket) = field(chain, "transport_socket") {
        let (kind, _) = field(socket, "typed_config").map_or(("", socket), typed);
        let short = short(kind, "envoy.extensions.transport_sockets.");
        if !SOCKETS.contains(&short) || !known::is_known(kind) {
            report.unknown(WHAT, place, &format!("the transport socket {}", shown(short, socket)));
        }
    }
    for filter in list(chain, "filters") {
        network(filter, place, report);
    }
}

/// Looks at a filter that a connection passes.
fn network(filter: &Value, place: &str, report: &mut Report<'_>) {
    let (kind, config) = field(filter, "typed_config").map_or(("", &Value::Null), typed);
    if kind == MANAGER {
        return;
    }
    let short = short(kind, "envoy.extensions.filters.network.");
    if field(filter, "config_discovery").is_some() {
        let said = format!("the filter {} comes from elsewhere and is not seen here", shown("", filter));
        report.fail(WHAT, place, &said);
    } else if PASSING.contains(&short) {
        let clusters = [at(config, "cluster"), at(config, "weighted_clusters")];
        let cluster = clusters.into_iter().flatten().next().and_then(Value::as_str).unwrap_or("others");
        let said = format!(
            "the filter {short} passes everything to {cluster} and asks nobody: any client that reaches the listener needs no key; \
             leave it out, or let nobody reach it"
        );
        report.fail(WHAT, place, &said);
    } else if !HARMLESS.contains(&short) || !known::is_known(kind) {
        report.unknown(WHAT, place, &format!("the network filter {}", shown(short, filter)));
    }
}

/// Looks at a filter of the listener itself.
fn before(filter: &Value, place: &str, report: &mut Report<'_>) {
    let (kind, config) = field(filter, "typed_config").map_or(("", &Value::Null), typed);
    let short = short(kind, "envoy.extensions.filters.listener.");
    if short == "proxy_protocol" {
        believes_connections(place, report);
    } else if kind.contains(".filters.udp.udp_proxy.") {
        let cluster = text(config, "cluster");
        let said = format!("the filter udp_proxy passes everything to {cluster} and asks nobody; leave it out");
        report.fail(WHAT, place, &said);
    } else if field(filter, "config_discovery").is_some() || !READING.contains(&short) || !known::is_known(kind) {
        report.unknown(WHAT, place, &format!("the listener filter {}", shown(short, filter)));
    }
}

fn believes_connections(place: &str, report: &mut Report<'_>) {
    report.warn(
        WHAT,
        place,
        "any client that connects there says by the PROXY protocol which address it has, and keys that are limited to networks \
         believe it: let only the load balancer reach it",
    );
}
