//! Listeners: whether all traffic passes a connection manager, and which filters precede it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::report::{Report, display_name, short};
use super::tree::{at, field, is_true, list, text, typed};
use super::{known, logs, routes};

const WHAT: &str = "listener";

/// The network filter whose requests are checked by `connection_managers`.
pub(super) const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// Network filters that pass a connection on or close it, and at most respond themselves.
const HARMLESS: [&str; 6] = ["connection_limit", "direct_response", "echo", "local_ratelimit", "ratelimit", "rbac"];

/// Network filters that forward traffic to a cluster without a decision.
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

/// Listener filters that read the beginning of a connection, or its destination.
const READING: [&str; 4] = ["http_inspector", "local_ratelimit", "original_dst", "tls_inspector"];

/// Transport sockets, encrypted or not.
const SOCKETS: [&str; 3] = ["quic", "raw_buffer", "tls"];

/// Checks a listener.
pub(super) fn check(listener: &Value, report: &mut Report<'_>) {
    let place = &format!("listener {}", text(listener, "name"));
    for name in ["filter_chain_matcher", "fcds_config"] {
        if field(listener, name).is_some() {
            let note =
                format!("{name} is not supported by this check: it is unclear which connections pass which filters");
            report.fail(WHAT, place, &note);
        }
    }
    if is_true(listener, "ignore_global_conn_limit") || is_true(listener, "bypass_overload_manager") {
        report.warn(
            WHAT,
            place,
            "the limits of overload_manager do not apply to it: its clients can exhaust all memory",
        );
    }
    for log in list(listener, "access_log") {
        logs::check_log(log, place, report);
    }
    for filter in list(listener, "listener_filters") {
        check_listener_filter(filter, place, report);
    }
    let default = field(listener, "default_filter_chain");
    for chain in list(listener, "filter_chains").iter().chain(default) {
        check_chain(chain, place, report);
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
            "its filter chains lead to different clusters, chosen by what the client sends when it connects, which \
             Latchkey cannot see; choose by path, or use a listener for each",
        );
    }
}

fn check_chain(chain: &Value, place: &str, report: &mut Report<'_>) {
    if is_true(chain, "use_proxy_proto") {
        warn_of_proxy_protocol(place, report);
    }
    if let Some(socket) = field(chain, "transport_socket") {
        let (kind, _) = field(socket, "typed_config").map_or(("", socket), typed);
        let short = short(kind, "envoy.extensions.transport_sockets.");
        if !SOCKETS.contains(&short) || !known::is_known(kind) {
            report.unknown(WHAT, place, &format!("the transport socket {}", display_name(short, socket)));
        }
    }
    for filter in list(chain, "filters") {
        check_network_filter(filter, place, report);
    }
}

/// Checks a network filter.
fn check_network_filter(filter: &Value, place: &str, report: &mut Report<'_>) {
    let (kind, config) = field(filter, "typed_config").map_or(("", &Value::Null), typed);
    if kind == MANAGER {
        return;
    }
    let short = short(kind, "envoy.extensions.filters.network.");
    if field(filter, "config_discovery").is_some() {
        let note =
            format!("the filter {} is loaded from another source and could not be checked", display_name("", filter));
        report.fail(WHAT, place, &note);
    } else if PASSING.contains(&short) {
        let clusters = [at(config, "cluster"), at(config, "weighted_clusters")];
        let cluster = clusters.into_iter().flatten().next().and_then(Value::as_str).unwrap_or("others");
        let note = format!(
            "the filter {short} forwards everything to {cluster} without a decision: clients that reach the listener \
             need no key; remove it, or make the listener unreachable"
        );
        report.fail(WHAT, place, &note);
    } else if !HARMLESS.contains(&short) || !known::is_known(kind) {
        report.unknown(WHAT, place, &format!("the network filter {}", display_name(short, filter)));
    }
}

/// Checks a filter of the listener itself.
fn check_listener_filter(filter: &Value, place: &str, report: &mut Report<'_>) {
    let (kind, config) = field(filter, "typed_config").map_or(("", &Value::Null), typed);
    let short = short(kind, "envoy.extensions.filters.listener.");
    if short == "proxy_protocol" {
        warn_of_proxy_protocol(place, report);
    } else if kind.contains(".filters.udp.udp_proxy.") {
        let cluster = text(config, "cluster");
        let note = format!("the filter udp_proxy forwards everything to {cluster} without a decision; remove it");
        report.fail(WHAT, place, &note);
    } else if field(filter, "config_discovery").is_some() || !READING.contains(&short) || !known::is_known(kind) {
        report.unknown(WHAT, place, &format!("the listener filter {}", display_name(short, filter)));
    }
}

fn warn_of_proxy_protocol(place: &str, report: &mut Report<'_>) {
    report.warn(
        WHAT,
        place,
        "clients can forge their address with the PROXY protocol, and keys restricted to networks rely on it: make \
         sure that only the load balancer can reach the listener",
    );
}
