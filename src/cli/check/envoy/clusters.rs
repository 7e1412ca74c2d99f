//! The cluster of Latchkey: whether it can respond, and what happens while a replica shuts down.

use serde_json::Value;

use super::filters::{self, FilterPosition};
use super::known;
use super::report::{Report, display_name, is_of_this_machine, short};
use super::tree::{at, field, is_true, list, number, text, typed, walk};

const WHAT: &str = "cluster";

/// Checks the cluster of this name.
pub(super) fn check(name: &str, place: &str, config: &Value, report: &mut Report<'_>) {
    if name.is_empty() {
        return;
    }
    let Some(cluster) = list(config, "static_resources/clusters").iter().find(|cluster| text(cluster, "name") == name)
    else {
        if at(config, "dynamic_resources/cds_config").is_none() {
            report.fail(WHAT, place, &format!("there is no cluster {name}, so no decision is possible"));
        }
        return;
    };
    let place = &format!("cluster {name}");
    if !uses_http2(cluster) {
        report.fail(
            WHAT,
            place,
            "it uses HTTP/1.1, but gRPC requires HTTP/2, so no decision is possible; set http2_protocol_options",
        );
    }
    if list(cluster, "health_checks").is_empty() {
        report.warn(
            WHAT,
            place,
            "health_checks are missing: Envoy keeps sending requests to a replica of Latchkey that is shutting down or \
             out of date",
        );
    }
    if number(cluster, "circuit_breakers/thresholds/0/max_retries").is_none() {
        report.warn(
            WHAT,
            place,
            "circuit_breakers do not set max_retries: while a replica of Latchkey stops, Envoy retries only three \
             calls at a time and fails all others",
        );
    }
    let mut is_remote = false;
    walk(cluster, "", &mut |value, _| {
        let address = text(value, "socket_address/address");
        is_remote |= !address.is_empty() && !is_of_this_machine(address);
    });
    if is_remote && field(cluster, "transport_socket").is_none() {
        report.warn(
            WHAT,
            place,
            "it is on another machine and transport_socket is missing: keys and the operator token are sent \
             unencrypted, unless the mesh encrypts the connection",
        );
    }
}

/// Checks what happens to a request after the decision, on its way into a cluster.
pub(super) fn check_after_decision(cluster: &Value, config: &Value, report: &mut Report<'_>) {
    const DNS: [&str; 5] = ["aggregate", "dns", "logical_dns", "static", "strict_dns"];
    const SOCKETS: [&str; 3] = ["quic", "raw_buffer", "tls"];

    let place = &format!("cluster {}", text(cluster, "name"));
    let options = field(cluster, "typed_extension_protocol_options").and_then(Value::as_object).into_iter().flatten();
    for (_, options) in options {
        for filter in list(typed(options).1, "http_filters") {
            filters::check(filter, FilterPosition::After, place, report);
        }
    }
    if let Some(kind) = field(cluster, "cluster_type") {
        let (name, _) = field(kind, "typed_config").map_or(("", kind), typed);
        let short = name.strip_prefix("envoy.extensions.clusters.").and_then(|rest| rest.split('.').next());
        let short = short.unwrap_or_else(|| text(kind, "name"));
        if short == "dynamic_forward_proxy" {
            report.fail(
                WHAT,
                place,
                "the host named by the client determines where the request is sent, whatever the decision was about",
            );
        } else if !DNS.contains(&short) || field(kind, "typed_config").is_some() && !known::is_known(name) {
            report.unknown(WHAT, place, &format!("the type {short}"));
        }
    }
    if let Some(socket) = field(cluster, "transport_socket") {
        let (kind, _) = field(socket, "typed_config").map_or(("", socket), typed);
        let short = short(kind, "envoy.extensions.transport_sockets.");
        if !SOCKETS.contains(&short) || !known::is_known(kind) {
            report.unknown(WHAT, place, &format!("the transport socket {}", display_name(short, socket)));
        }
    }
    match text(cluster, "type") {
        "ORIGINAL_DST" => report.fail(
            WHAT,
            place,
            "type ORIGINAL_DST lets clients choose where their requests are sent, whatever the decision was about; \
             name the endpoints",
        ),
        "EDS" => {
            report.warn(WHAT, place, "type EDS loads its endpoints from another source: they could not be checked");
        }
        _ => {}
    }
    if is_true(cluster, "original_dst_lb_config/use_http_header") {
        report.fail(
            WHAT,
            place,
            "original_dst_lb_config.use_http_header lets a client's header determine where the request is sent",
        );
    } else if field(cluster, "original_dst_lb_config").is_some() {
        report.fail(
            WHAT,
            place,
            "original_dst_lb_config lets something other than endpoints determine where requests are sent",
        );
    }
    let admin = at(config, "admin/address/socket_address/port_value");
    let mut reaches_admin = false;
    walk(cluster, "", &mut |value, _| {
        let port = at(value, "socket_address/port_value");
        reaches_admin |= port.is_some() && port == admin && is_of_this_machine(text(value, "socket_address/address"));
    });
    if reaches_admin {
        report.fail(WHAT, place, "it leads to admin.address, through which any client could control Envoy; remove it");
    }
}

fn uses_http2(cluster: &Value) -> bool {
    let mut options =
        field(cluster, "typed_extension_protocol_options").and_then(Value::as_object).into_iter().flatten();
    let uses = |options: &Value| {
        ["explicit_http_config/http2_protocol_options", "auto_config", "use_downstream_protocol_config"]
            .iter()
            .any(|path| at(options, path).is_some())
    };
    field(cluster, "http2_protocol_options").is_some() || options.any(|(_, options)| uses(typed(options).1))
}
