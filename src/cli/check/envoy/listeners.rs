//! Listeners: whether all traffic passes a connection manager, and which filters precede it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::report::{Report, display_name, short};
use super::tree::{at, extension, field, has, is_among, is_true, list, text};
use super::{clusters, known, logs, routes};

/// The network filter whose requests are checked by `connection_managers`.
pub(super) const MANAGER: &str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/// Network filters that pass a connection on or close it, and at most respond themselves.
const HARMLESS: &str = "connection_limit direct_response echo local_ratelimit ratelimit rbac";

/// Network filters that forward traffic to a cluster without a decision.
const PASSING: &str = "\
    dubbo_proxy generic_proxy kafka_broker mongo_proxy mysql_proxy postgres_proxy redis_proxy rocketmq_proxy tcp_proxy \
    thrift_proxy zookeeper_proxy";

/// Listener filters that read the beginning of a connection, or its destination.
const READING: &str = "http_inspector local_ratelimit original_dst tls_inspector";

pub(super) fn check(listener: &Value, report: Report<'_>) {
    let place = format!("listener {}", text(listener, "name"));
    let report = report.about("listener").at(&place);
    for name in ["filter_chain_matcher", "fcds_config"] {
        if has(listener, name) {
            report.fail(format!(
                "{name} is not supported by this check: it is unclear which connections pass which filters"
            ));
        }
    }
    if is_true(listener, "ignore_global_conn_limit") || is_true(listener, "bypass_overload_manager") {
        report.warn("the limits of overload_manager do not apply to it: its clients can exhaust all memory");
    }
    for log in list(listener, "access_log") {
        logs::check_log(log, report);
    }
    for filter in list(listener, "listener_filters") {
        check_listener_filter(filter, report);
    }
    let default = field(listener, "default_filter_chain");
    let chains: Vec<&Value> = list(listener, "filter_chains").iter().chain(default).collect();
    for chain in &chains {
        if is_true(chain, "use_proxy_proto") {
            warn_of_proxy_protocol(report);
        }
        clusters::check_socket(chain, report);
        for filter in list(chain, "filters") {
            check_network_filter(filter, report);
        }
    }
    let filters = chains.iter().flat_map(|chain| list(chain, "filters")).map(extension);
    let managers = filters.filter(|(kind, _)| *kind == MANAGER);
    let reached: BTreeSet<Vec<String>> = managers.flat_map(|(_, manager)| routes::destinations(manager)).collect();
    if chains.len() > 1 && reached.len() > 1 {
        report.fail(
            "its filter chains lead to different clusters, chosen by what the client sends when it connects, which \
             Latchkey cannot see; choose by path, or use a listener for each",
        );
    }
}

fn check_network_filter(filter: &Value, report: Report<'_>) {
    let (kind, config) = extension(filter);
    if kind == MANAGER {
        return;
    }
    let short = short(kind, "envoy.extensions.filters.network.");
    if has(filter, "config_discovery") {
        report.fail(format!(
            "the filter {} is loaded from another source and could not be checked",
            display_name("", filter)
        ));
    } else if is_among(short, PASSING) {
        let clusters = [at(config, "cluster"), at(config, "weighted_clusters")];
        let cluster = clusters.into_iter().flatten().next().and_then(Value::as_str).unwrap_or("others");
        report.fail(format!(
            "the filter {short} forwards everything to {cluster} without a decision: clients that reach the listener \
             need no key; remove it, or make the listener unreachable"
        ));
    } else if !is_among(short, HARMLESS) || !known::is_known(kind) {
        report.unknown(format!("the network filter {}", display_name(short, filter)));
    }
}

fn check_listener_filter(filter: &Value, report: Report<'_>) {
    let (kind, config) = extension(filter);
    let short = short(kind, "envoy.extensions.filters.listener.");
    if short == "proxy_protocol" {
        warn_of_proxy_protocol(report);
    } else if kind.contains(".filters.udp.udp_proxy.") {
        let cluster = text(config, "cluster");
        report.fail(format!("the filter udp_proxy forwards everything to {cluster} without a decision; remove it"));
    } else if has(filter, "config_discovery") || !is_among(short, READING) || !known::is_known(kind) {
        report.unknown(format!("the listener filter {}", display_name(short, filter)));
    }
}

fn warn_of_proxy_protocol(report: Report<'_>) {
    report.warn(
        "clients can forge their address with the PROXY protocol, and keys restricted to networks rely on it: make \
         sure that only the load balancer can reach the listener",
    );
}
