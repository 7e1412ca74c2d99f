//! The cluster of Latchkey: whether it can respond, and what happens while a replica shuts down.

use serde_json::Value;

use super::filters::{self, FilterPosition};
use super::known;
use super::report::{Report, display_name, is_of_this_machine, rules, short};
use super::tree::{at, extension, field, has, is_true, list, members, number, text, walk};

const WHAT: &str = "cluster";

rules! { RULES(cluster):
    Fail if !uses_http2(cluster) =>
        "it uses HTTP/1.1, but gRPC requires HTTP/2, so no decision is possible; set http2_protocol_options";
    Warn if list(cluster, "health_checks").is_empty() =>
        "health_checks are missing: Envoy keeps sending requests to a replica of Latchkey that is shutting down or out \
         of date";
    Warn if number(cluster, "circuit_breakers/thresholds/0/max_retries").is_none() =>
        "circuit_breakers do not set max_retries: while a replica of Latchkey stops, Envoy retries only three calls at \
         a time and fails all others";
    Warn if !has(cluster, "transport_socket") && is_remote(cluster) =>
        "it is on another machine and transport_socket is missing: keys and the operator token are sent unencrypted, \
         unless the mesh encrypts the connection";
}

pub(super) fn check(name: &str, config: &Value, report: Report<'_>) {
    let named = |cluster: &&Value| text(cluster, "name") == name;
    if name.is_empty() {
        return;
    }
    if let Some(cluster) = list(config, "static_resources/clusters").iter().find(named) {
        report.about(WHAT).at(&format!("cluster {name}")).apply(RULES, cluster);
    } else if !has(config, "dynamic_resources/cds_config") {
        report.about(WHAT).fail(format!("there is no cluster {name}, so no decision is possible"));
    }
}

fn is_remote(cluster: &Value) -> bool {
    let mut is_remote = false;
    walk(cluster, "", &mut |value, _| {
        let address = text(value, "socket_address/address");
        is_remote |= !address.is_empty() && !is_of_this_machine(address);
    });
    is_remote
}

rules! { ENDPOINT_RULES(cluster):
    Fail if text(cluster, "type") == "ORIGINAL_DST" =>
        "type ORIGINAL_DST lets clients choose where their requests are sent, whatever the decision was about; name \
         the endpoints";
    Warn if text(cluster, "type") == "EDS" =>
        "type EDS loads its endpoints from another source: they could not be checked";
    Fail if is_true(cluster, "original_dst_lb_config/use_http_header") =>
        "original_dst_lb_config.use_http_header lets a client's header determine where the request is sent";
    Fail if has(cluster, "original_dst_lb_config") && !is_true(cluster, "original_dst_lb_config/use_http_header") =>
        "original_dst_lb_config lets something other than endpoints determine where requests are sent";
}

/// Checks what happens to a request after the decision, on its way into a cluster.
pub(super) fn check_after_decision(cluster: &Value, config: &Value, report: Report<'_>) {
    const DNS: [&str; 5] = ["aggregate", "dns", "logical_dns", "static", "strict_dns"];

    let place = format!("cluster {}", text(cluster, "name"));
    let report = report.about(WHAT).at(&place);
    for (_, options) in members(cluster, "typed_extension_protocol_options") {
        for filter in list(options, "http_filters") {
            filters::check(filter, FilterPosition::After, report);
        }
    }
    if let Some(kind) = field(cluster, "cluster_type") {
        let (name, _) = extension(kind);
        let short = name.strip_prefix("envoy.extensions.clusters.").and_then(|rest| rest.split('.').next());
        let short = short.unwrap_or_else(|| text(kind, "name"));
        if short == "dynamic_forward_proxy" {
            report.fail(
                "the host named by the client determines where the request is sent, whatever the decision was about",
            );
        } else if !DNS.contains(&short) || has(kind, "typed_config") && !known::is_known(name) {
            report.unknown(format!("the type {short}"));
        }
    }
    check_socket(cluster, report);
    report.apply(ENDPOINT_RULES, cluster);
    let admin = at(config, "admin/address/socket_address/port_value");
    let mut reaches_admin = false;
    walk(cluster, "", &mut |value, _| {
        let port = at(value, "socket_address/port_value");
        reaches_admin |= port.is_some() && port == admin && is_of_this_machine(text(value, "socket_address/address"));
    });
    if reaches_admin {
        report.fail("it leads to admin.address, through which any client could control Envoy; remove it");
    }
}

/// Checks how a cluster or a chain of filters encrypts.
pub(super) fn check_socket(value: &Value, report: Report<'_>) {
    const SOCKETS: [&str; 3] = ["quic", "raw_buffer", "tls"];

    let Some(socket) = field(value, "transport_socket") else { return };
    let (kind, _) = extension(socket);
    let short = short(kind, "envoy.extensions.transport_sockets.");
    if !SOCKETS.contains(&short) || !known::is_known(kind) {
        report.unknown(format!("the transport socket {}", display_name(short, socket)));
    }
}

fn uses_http2(cluster: &Value) -> bool {
    let paths = ["explicit_http_config/http2_protocol_options", "auto_config", "use_downstream_protocol_config"];
    let mut options = members(cluster, "typed_extension_protocol_options");
    has(cluster, "http2_protocol_options") || options.any(|(_, options)| paths.iter().any(|path| has(options, path)))
}
