//! Routes: whether one of them disables the decision, or forwards something other than was decided about.

use std::collections::BTreeSet;

use serde_json::Value;

use super::report::Report;
use super::tree::{field, has, is_true, list, members, placed, text, typed};
use super::{ext_authz, filters, headers, known};

/// Fields that change the path after the decision.
const REWRITES: [&str; 4] = ["prefix_rewrite", "regex_rewrite", "path_rewrite_policy", "path_rewrite"];
/// Fields that change the host after the decision.
const HOST_REWRITES: [&str; 5] =
    ["host_rewrite_literal", "host_rewrite_header", "host_rewrite_path_regex", "auto_host_rewrite", "host_rewrite"];

/// Returns whether some request could be forwarded to a cluster.
pub(super) fn forward(manager: &Value) -> bool {
    let Some(routes) = field(manager, "route_config") else { return true };
    let own = ["redirect", "direct_response", "non_forwarding_action"];
    let answers = |route: &Value| !has(route, "route") && own.iter().any(|action| has(route, action));
    let forwards = |host: &Value| has(host, "matcher") || !list(host, "routes").iter().all(answers);
    let others = ["vhds", "cluster_specifier_plugins"];
    others.iter().any(|name| has(routes, name)) || list(routes, "virtual_hosts").iter().any(forwards)
}

/// Checks the routes of a connection manager whose filters of these names request decisions.
pub(super) fn check(manager: &Value, filters: &[&str], report: Report<'_>) {
    let Some(routes) = field(manager, "route_config") else { return };
    let report = report.about("routes");
    check_common(routes, filters, report);
    check_mirrors(routes, report);
    check_routing(manager, report);
    for host in list(routes, "virtual_hosts") {
        let place = placed(host, report.place);
        let report = report.at(&place);
        check_common(host, filters, report);
        check_mirrors(host, report);
        for route in list(host, "routes") {
            check_route(route, filters, report.at(&placed(route, report.place)));
        }
    }
}

fn check_route(route: &Value, filters: &[&str], report: Report<'_>) {
    if has(route, "match/connect_matcher") {
        report.fail("connect_matcher accepts CONNECT: requests through the tunnel bypass Latchkey");
    }
    let Some(action) = field(route, "route") else {
        // If Envoy responds itself, no service is reached, so no decision is needed.
        if !has(route, "redirect") && !has(route, "direct_response") {
            if !has(route, "non_forwarding_action") {
                report.unknown("a route without route, redirect or direct_response");
            }
            check_common(route, filters, report);
        }
        return;
    };
    check_common(route, filters, report);
    check_rewrites(action, report);
    for name in ["internal_redirect_policy", "internal_redirect_action"] {
        if has(action, name) {
            report.warn(format!(
                "{name} makes Envoy follow redirects of the service: the second decision is made without the key, \
                 which was removed from the request"
            ));
        }
    }
    for one in list(action, "upgrade_configs") {
        check_upgrade(text(one, "upgrade_type"), report);
    }
    check_mirrors(action, report);
    for cluster in list(action, "weighted_clusters/clusters") {
        let place = format!("{}, cluster {}", report.place, text(cluster, "name"));
        let report = report.at(&place);
        check_common(cluster, filters, report);
        check_rewrites(cluster, report);
    }
}

/// Checks what changes a request's path, host or destination after the decision.
fn check_rewrites(action: &Value, report: Report<'_>) {
    for name in REWRITES.iter().filter(|name| field(action, name).is_some_and(|value| value.as_str() != Some(""))) {
        report.fail(format!(
            "{name} changes the path after the decision, so the service runs a different method; let the service \
             accept the paths that clients send"
        ));
    }
    let by_host = report.profiles.values().any(|profile| profile.host);
    let changes = |name: &&&str| {
        field(action, name)
            .is_some_and(|value| !matches!(value.as_str(), Some("" | "false")) && *value != Value::Bool(false))
    };
    for name in HOST_REWRITES.iter().filter(changes) {
        let note = format!("{name} changes the host after the decision");
        if by_host {
            report.fail(format!("{note}, although a profile takes the store from it; remove it"));
        } else {
            report.warn(format!("{note}: do not use it with a profile that takes the store from the host"));
        }
    }
    if has(action, "cluster_header") {
        report.fail("cluster_header lets a header determine where the request is sent; name the cluster");
    }
}

/// Checks settings that routes, virtual hosts and weighted clusters have in common.
fn check_common(value: &Value, filters: &[&str], report: Report<'_>) {
    for (name, settings) in members(value, "typed_per_filter_config") {
        per_filter(name, settings, filters, report);
    }
    for option in list(value, "request_headers_to_add") {
        if let Some(note) = headers::set_after(option, report) {
            report.fail(format!("request_headers_to_add {note}"));
        }
    }
    for name in list(value, "request_headers_to_remove").iter().filter_map(Value::as_str) {
        if name.to_ascii_lowercase().starts_with("x-latchkey-") {
            report.warn(format!(
                "request_headers_to_remove removes {name}, which a service that applies the scope needs"
            ));
        } else if let Some(note) = headers::removed_after(name, report) {
            report.fail(format!("request_headers_to_remove {note}"));
        }
    }
}

fn check_mirrors(value: &Value, report: Report<'_>) {
    if !list(value, "request_mirror_policies").is_empty() {
        report
            .fail("request_mirror_policies also send each request to another service without a decision; remove them");
    }
}

/// Checks the protocols to which connections may upgrade.
pub(super) fn check_upgrade(kind: &str, report: Report<'_>) {
    if kind.eq_ignore_ascii_case("websocket") {
        report.warn("upgrade_configs allow WebSocket connections: messages sent over them bypass Latchkey");
    } else {
        report.fail(format!("the upgrade {kind} creates a tunnel: requests through it bypass Latchkey; remove it"));
    }
}

/// Returns the destinations of the routes of a connection manager: the clusters of each that forwards.
pub(super) fn destinations(manager: &Value) -> BTreeSet<Vec<String>> {
    hosts_that_forward(manager).into_iter().flat_map(|(_, routes)| routes).map(clusters_of).collect()
}

fn hosts_that_forward(manager: &Value) -> Vec<(&Value, Vec<&Value>)> {
    let hosts = list(manager, "route_config/virtual_hosts").iter();
    let routes = |host| list(host, "routes").iter().filter(|route| has(route, "route")).collect::<Vec<_>>();
    hosts.map(|host| (host, routes(host))).filter(|(_, routes)| !routes.is_empty()).collect()
}

fn clusters_of(route: &Value) -> Vec<String> {
    let mut names: Vec<String> =
        list(route, "route/weighted_clusters/clusters").iter().map(|one| text(one, "name").to_owned()).collect();
    names.extend(Some(text(route, "route/cluster").to_owned()).filter(|name| !name.is_empty()));
    names.sort();
    names
}

/// Checks whether clusters are chosen by something that Latchkey does not judge.
fn check_routing(manager: &Value, report: Report<'_>) {
    const UNSEEN: [&str; 6] =
        ["query_parameters", "cookies", "dynamic_metadata", "filter_state", "tls_context", "runtime_fraction"];

    let hosts = hosts_that_forward(manager);
    let several = destinations(manager).len() > 1;
    let by_host = report.profiles.values().any(|profile| profile.host);
    let each: BTreeSet<BTreeSet<Vec<String>>> =
        hosts.iter().map(|(_, routes)| routes.iter().copied().map(clusters_of).collect()).collect();
    if each.len() > 1 && !by_host {
        report.fail(
            "virtual hosts lead to different clusters, but no profile takes the store from the host: a key for the \
             store of one gives access to the others; take the store from the host in a profile, or use one cluster",
        );
    }
    for (host, routes) in hosts {
        for route in routes {
            let headers = list(route, "match/headers").iter().map(|header| text(header, "name"));
            let headers = headers.filter(|name| *name != ":method" && !report.stores(name));
            let unseen = UNSEEN.iter().copied().filter(|name| has(route, &format!("match/{name}")));
            let chosen: Vec<&str> = headers.chain(unseen).collect();
            let differs = several || !list(route, "request_headers_to_add").is_empty();
            if differs && !chosen.is_empty() {
                report.at(&placed(route, &placed(host, report.place))).fail(format!(
                    "{} determines where a request is sent, but Latchkey ignores it: a key for one store would give \
                     access to another; choose by path",
                    chosen.join(", ")
                ));
            }
        }
    }
}

fn per_filter(name: &str, settings: &Value, filters: &[&str], report: Report<'_>) {
    let (kind, settings) = typed(settings);
    let wrapped = kind == "envoy.config.route.v3.FilterConfig";
    let inner = if wrapped { field(settings, "config").map(typed) } else { Some((kind, settings)) };
    let of_ext_authz = inner.is_some_and(|(kind, _)| kind == PER_ROUTE);
    if let Some((kind, _)) = inner.filter(|(kind, _)| !known::is_known(kind)) {
        report.unknown(format!("the configuration of {name} ({kind})"));
        return;
    }
    if !of_ext_authz && !filters.contains(&name) {
        if let Some((kind, inner)) = inner {
            filters::check_route(name, kind, inner, report);
        }
        return;
    }
    if wrapped && is_true(settings, "disabled") {
        report.fail(DISABLED);
    }
    match inner {
        Some((_, inner)) if of_ext_authz => per_route(inner, report),
        Some((kind, _)) => report.unknown(format!("the configuration of {name} ({kind})")),
        None => {}
    }
}

const PER_ROUTE: &str = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";

const DISABLED: &str = "ext_authz is disabled: its requests bypass Latchkey";

/// Checks how a route, or a virtual host, overrides ext_authz.
fn per_route(settings: &Value, report: Report<'_>) {
    if is_true(settings, "disabled") {
        report.fail(DISABLED);
    }
    let Some(check) = field(settings, "check_settings") else { return };
    if is_true(check, "disable_request_body_buffering") {
        report.fail(
            "disable_request_body_buffering hides bodies from Latchkey: it cannot see keys, stores and other methods \
             in them",
        );
    }
    if let Some(body) = field(check, "with_request_body") {
        ext_authz::check_body(body, None, report);
    }
    if has(check, "grpc_service") || has(check, "http_service") {
        report.fail("decisions come from a different service than elsewhere, which might not be Latchkey");
    }
}
