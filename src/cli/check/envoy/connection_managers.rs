//! HTTP connection managers: whether each requests decisions, how it changes requests, and which addresses it trusts.

use serde_json::Value;

use super::filters::{self, FilterPosition};
use super::report::{Report, rules};
use super::tree::{extension, field, has, is_true, list, number, text, typed};
use super::{ext_authz, headers, logs, routes};

rules! { RULES(manager):
    Fail if !is_true(manager, "use_remote_address") && !has(manager, "original_ip_detection_extensions") =>
        "use_remote_address is not true: a client can forge its address in x-forwarded-for, and keys restricted to \
         networks rely on it; set it to true, and set xff_num_trusted_hops behind a load balancer";
    Warn if is_true(manager, "normalize_path") =>
        "normalize_path is true: ambiguous paths are normalized before the decision, although Latchkey would refuse \
         them; a service that reads the original path elsewhere sees a different one";
    Warn if is_true(manager, "merge_slashes") =>
        "merge_slashes is true: paths with empty segments are normalized before the decision, although Latchkey would \
         refuse them";
    Warn if unescapes_slashes(manager) =>
        "path_with_escaped_slashes_action unescapes slashes: a store or an identifier with a slash becomes a different \
         path before the decision; set it to KEEP_UNCHANGED or REJECT_REQUEST";
    Fail if is_true(manager, "http_protocol_options/allow_chunked_length") =>
        "http_protocol_options.allow_chunked_length is true: some services treat a request with two lengths as two \
         requests, and there is no decision about the second; remove it";
    Fail if has(manager, "rds") || has(manager, "scoped_routes") =>
        "routes are loaded from another source and could not be checked: they might disable ext_authz or rewrite paths";
}

pub(super) fn check(manager: &Value, config: &Value, report: Report<'_>) {
    let report = report.about("listener");
    let filters = list(manager, "http_filters");
    // A listener that only redirects to https, or responds by itself, needs no decision.
    if !filters.iter().any(is_ext_authz) && filters.iter().all(is_router) && !routes::forward(manager) {
        logs::check(manager, false, report);
        return;
    }
    check_filters(filters, config, report);
    for upgrade in list(manager, "upgrade_configs") {
        let own = list(upgrade, "filters");
        let kind = text(upgrade, "upgrade_type");
        if !own.is_empty() && !own.iter().any(is_ext_authz) {
            report.fail(format!("filters of the upgrade {kind} lack ext_authz: such requests bypass Latchkey"));
        } else if !own.is_empty() {
            check_filters(own, config, report);
        }
        routes::check_upgrade(kind, report);
    }
    report.apply(RULES, manager);
    check_client_address(manager, filters, report);
    check_early_mutations(manager, report);
    check_ip_detection(manager, report);
    let names: Vec<&str> =
        filters.iter().filter(|filter| is_ext_authz(filter)).map(|filter| text(filter, "name")).collect();
    routes::check(manager, &names, report);
    logs::check(manager, !names.is_empty(), report);
}

fn is_ext_authz(filter: &Value) -> bool {
    extension(filter).0 == "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"
}

fn unescapes_slashes(manager: &Value) -> bool {
    let kept = ["", "IMPLEMENTATION_SPECIFIC_DEFAULT", "KEEP_UNCHANGED", "REJECT_REQUEST"];
    !kept.contains(&text(manager, "path_with_escaped_slashes_action"))
}

fn is_router(filter: &Value) -> bool {
    extension(filter).0 == "envoy.extensions.filters.http.router.v3.Router"
}

/// Checks how Latchkey receives the client's address.
fn check_client_address(manager: &Value, filters: &[Value], report: Report<'_>) {
    let mut ext_authz = filters.iter().filter(|filter| is_ext_authz(filter)).map(extension);
    let is_sent = ext_authz.all(|(_, config)| ext_authz::metadata(config, "x-latchkey-client").is_some());
    let balanced =
        number(manager, "xff_num_trusted_hops").unwrap_or(0) > 0 || has(manager, "original_ip_detection_extensions");
    if balanced && !is_sent {
        report.warn(
            "Envoy determines the client address behind load balancers but does not pass it to Latchkey: keys \
             restricted to networks are refused; add x-latchkey-client to grpc_service.initial_metadata",
        );
    }
}

/// Checks what changes a request before any filter.
fn check_early_mutations(manager: &Value, report: Report<'_>) {
    let settings = list(manager, "early_header_mutation_extensions").iter();
    for config in settings.filter_map(|extension| field(extension, "typed_config")) {
        let (kind, config) = typed(config);
        if kind != "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation" {
            report.unknown("one of early_header_mutation_extensions");
        }
        for note in list(config, "mutations").iter().filter_map(|one| headers::changed_early(one, report)) {
            report.fail(format!("early_header_mutation_extensions {note}; remove it"));
        }
    }
    if has(manager, "early_header_mutation_extensions") {
        report.warn(
            "early_header_mutation_extensions change requests before the decision: check that they do not change what \
             the service reads in another form",
        );
    }
}

rules! { XFF_RULES(xff):
    Fail if trusts_everybody(xff) =>
        "original_ip_detection_extensions takes the client address from x-forwarded-for even if a client wrote it: \
         clients can forge it, and keys restricted to networks rely on it; set xff_trusted_cidrs to the networks of the \
         load balancers, or set use_remote_address to true together with xff_num_trusted_hops";
    Warn if !has_networks(xff) && !trusts_everybody(xff) =>
        "original_ip_detection_extensions takes the client address from x-forwarded-for: make sure that only the load \
         balancers can reach the listener";
}

fn has_networks(xff: &Value) -> bool {
    !list(xff, "xff_trusted_cidrs/cidrs").is_empty()
}

fn trusts_everybody(xff: &Value) -> bool {
    let is_everybody = |network: &Value| number(network, "prefix_len").unwrap_or(0) == 0;
    list(xff, "xff_trusted_cidrs/cidrs").iter().any(is_everybody)
        || !has_networks(xff) && number(xff, "xff_num_trusted_hops").unwrap_or(0) == 0
}

/// Checks where the client's address is taken from.
fn check_ip_detection(manager: &Value, report: Report<'_>) {
    for (kind, config) in list(manager, "original_ip_detection_extensions").iter().map(extension) {
        match kind.strip_prefix("envoy.extensions.http.original_ip_detection.").unwrap_or_default() {
            "xff.v3.XffConfig" => report.apply(XFF_RULES, config),
            "custom_header.v3.CustomHeaderConfig" => report.fail(
                "original_ip_detection_extensions takes the client address from a header that any client can forge, \
                 and keys restricted to networks rely on it; use x-forwarded-for with xff_trusted_cidrs",
            ),
            _ => report.fail(
                "original_ip_detection_extensions has an unknown extension: keys restricted to networks may rely on a \
                 forged address",
            ),
        }
    }
}

fn check_filters(filters: &[Value], config: &Value, report: Report<'_>) {
    let report = report.about("filters");
    let ext_authz = filters.iter().position(is_ext_authz);
    if ext_authz.is_none() {
        report.fail("it has no ext_authz filter: all its requests bypass Latchkey");
    }
    for (at, filter) in filters.iter().enumerate() {
        if !is_ext_authz(filter) {
            let is_after = ext_authz.is_some_and(|ext_authz| at > ext_authz);
            filters::check(filter, if is_after { FilterPosition::After } else { FilterPosition::Before }, report);
            continue;
        }
        if is_true(filter, "disabled") {
            report.fail("the ext_authz filter is disabled: only routes that enable it request decisions");
        }
        ext_authz::check(extension(filter).1, config, report);
    }
}
