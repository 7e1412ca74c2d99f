//! Routes: whether one of them disables the decision, or forwards something other than was decided about.

use std::collections::BTreeSet;

use serde_json::Value;

use super::report::Report;
use super::tree::{at, field, is_true, list, placed, text, typed};
use super::{ext_authz, filters, headers, known};

const WHAT: &str = "routes";

/// Fields that change the path after the decision.
const REWRITES: [&str; 4] = ["prefix_rewrite", "regex_rewrite", "path_rewrite_policy", "path_rewrite"];
/// Fields that change the host after the decision.
const HOST_REWRITES: [&str; 5] =
    ["host_rewrite_literal", "host_rewrite_header", "host_rewrite_path_regex", "auto_host_rewrite", "host_rewrite"];

/// Returns whether some request could be forwarded to a cluster.
pub(super) fn forward(manager: &Value) -> bool {
    let Some(routes) = field(manager, "route_config") else { return true };
    let own = ["redirect", "direct_response", "non_forwarding_action"];
    let answers =
        |route: &Value| own.iter().any(|action| field(route, action).is_some()) && field(route, "route").is_none();
    let mut hosts = list(routes, "virtual_hosts").iter();
    let answers = |host: &Value| field(host, "matcher").is_none() && list(host, "routes").iter().all(answers);
    let own = hosts.all(answers);
    let plugins = ["vhds", "cluster_specifier_plugins"];
    !own || plugins.iter().any(|name| field(routes, name).is_some())
}

/// Checks the routes of a connection manager whose filters of these names request decisions.
pub(super) fn check(manager: &Value, filters: &[&str], place: &str, report: &mut Report<'_>) {
    let Some(routes) = field(manager, "route_config") else { return };
    check_common(routes, filters, place, report);
    check_mirrors(routes, place, report);
    check_routing(manager, place, report);
    for host in list(routes, "virtual_hosts") {
        let place = &placed(host, place);
        check_common(host, filters, place, report);
        check_mirrors(host, place, report);
        for route in list(host, "routes") {
            let place = &placed(route, place);
            check_route(route, filters, place, report);
        }
    }
}

fn check_route(route: &Value, filters: &[&str], place: &str, report: &mut Report<'_>) {
    if at(route, "match/connect_matcher").is_some() {
        report.fail(WHAT, place, "connect_matcher accepts CONNECT: requests through the tunnel bypass Latchkey");
    }
    let answers = ["redirect", "direct_response"].iter().any(|action| field(route, action).is_some());
    let Some(action) = field(route, "route") else {
        // If Envoy responds itself, no service is reached, so no decision is needed.
        if !answers {
            if field(route, "non_forwarding_action").is_none() {
                report.unknown(WHAT, place, "a route without route, redirect or direct_response");
            }
            check_common(route, filters, place, report);
        }
        return;
    };
    check_common(route, filters, place, report);
    check_rewrites(action, place, report);
    for name in ["internal_redirect_policy", "internal_redirect_action"] {
        if field(action, name).is_some() {
            let note = format!(
                "{name} makes Envoy follow redirects of the service: the second decision is made without the key, \
                 which was removed from the request"
            );
            report.warn(WHAT, place, &note);
        }
    }
    for one in list(action, "upgrade_configs") {
        check_upgrade(text(one, "upgrade_type"), WHAT, place, report);
    }
    check_mirrors(action, place, report);
    let clusters = field(action, "weighted_clusters");
    for cluster in clusters.map_or(&[][..], |clusters| list(clusters, "clusters")) {
        let place = &format!("{place}, cluster {}", text(cluster, "name"));
        check_common(cluster, filters, place, report);
        check_rewrites(cluster, place, report);
    }
}

/// Checks what changes a request's path, host or destination after the decision.
fn check_rewrites(action: &Value, place: &str, report: &mut Report<'_>) {
    for name in REWRITES.iter().filter(|name| field(action, name).is_some_and(|value| value.as_str() != Some(""))) {
        let note = format!(
            "{name} changes the path after the decision, so the service runs a different method; let the service \
             accept the paths that clients send"
        );
        report.fail(WHAT, place, &note);
    }
    let by_host = report.profiles.values().any(|profile| profile.host);
    let changes = |name: &&&str| {
        field(action, name)
            .is_some_and(|value| !matches!(value.as_str(), Some("" | "false")) && *value != Value::Bool(false))
    };
    for name in HOST_REWRITES.iter().filter(changes) {
        let note = format!("{name} changes the host after the decision");
        if by_host {
            report.fail(WHAT, place, &format!("{note}, although a profile takes the store from it; remove it"));
        } else {
            report.warn(
                WHAT,
                place,
                &format!("{note}: do not use it with a profile that takes the store from the host"),
            );
        }
    }
    if field(action, "cluster_header").is_some() {
        report.fail(WHAT, place, "cluster_header lets a header determine where the request is sent; name the cluster");
    }
}

/// Checks settings that routes, virtual hosts and weighted clusters have in common.
fn check_common(value: &Value, filters: &[&str], place: &str, report: &mut Report<'_>) {
    for (name, settings) in field(value, "typed_per_filter_config").and_then(Value::as_object).into_iter().flatten() {
        per_filter(name, settings, filters, place, report);
    }
    for option in list(value, "request_headers_to_add") {
        if let Some(note) = headers::set_after(option, report) {
            report.fail(WHAT, place, &format!("request_headers_to_add {note}"));
        }
    }
    for name in list(value, "request_headers_to_remove").iter().filter_map(Value::as_str) {
        if name.to_ascii_lowercase().starts_with("x-latchkey-") {
            let note =
                format!("request_headers_to_remove removes {name}, which a service that applies the scope needs");
            report.warn(WHAT, place, &note);
        } else if let Some(note) = headers::removed_after(name, report) {
            report.fail(WHAT, place, &format!("request_headers_to_remove {note}"));
        }
    }
}

fn check_mirrors(value: &Value, place: &str, report: &mut Report<'_>) {
    if !list(value, "request_mirror_policies").is_empty() {
        let note = "request_mirror_policies also send each request to another service without a decision; remove them";
        report.fail(WHAT, place, note);
    }
}

/// Checks the protocols to which connections may upgrade.
pub(super) fn check_upgrade(kind: &str, what: &'static str, place: &str, report: &mut Report<'_>) {
    if kind.eq_ignore_ascii_case("websocket") {
        let note = "upgrade_configs allow WebSocket connections: messages sent over them bypass Latchkey";
        report.warn(what, place, note);
    } else {
        let note = format!("the upgrade {kind} creates a tunnel: requests through it bypass Latchkey; remove it");
        report.fail(what, place, &note);
    }
}

/// Returns the destinations of the routes of a connection manager: the clusters of each that forwards.
pub(super) fn destinations(manager: &Value) -> BTreeSet<Vec<String>> {
    hosts_that_forward(manager).into_iter().flat_map(|(_, routes)| routes).map(clusters_of).collect()
}

fn hosts_that_forward(manager: &Value) -> Vec<(&Value, Vec<&Value>)> {
    let hosts = list(manager, "route_config/virtual_hosts").iter();
    let routes = |host| list(host, "routes").iter().filter(|route| field(route, "route").is_some()).collect::<Vec<_>>();
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
fn check_routing(manager: &Value, place: &str, report: &mut Report<'_>) {
    const UNSEEN: [&str; 6] =
        ["query_parameters", "cookies", "dynamic_metadata", "filter_state", "tls_context", "runtime_fraction"];

    let hosts = hosts_that_forward(manager);
    let several = destinations(manager).len() > 1;
    let by_host = report.profiles.values().any(|profile| profile.host);
    let each: BTreeSet<BTreeSet<Vec<String>>> =
        hosts.iter().map(|(_, routes)| routes.iter().copied().map(clusters_of).collect()).collect();
    if each.len() > 1 && !by_host {
        report.fail(
            WHAT,
            place,
            "virtual hosts lead to different clusters, but no profile takes the store from the host: a key for the \
             store of one gives access to the others; take the store from the host in a profile, or use one cluster",
        );
    }
    for (host, routes) in hosts {
        for route in routes {
            let headers = list(route, "match/headers").iter().map(|header| text(header, "name"));
            let headers = headers.filter(|name| *name != ":method" && !report.stores(name));
            let unseen = UNSEEN.iter().copied().filter(|name| at(route, &format!("match/{name}")).is_some());
            let chosen: Vec<&str> = headers.chain(unseen).collect();
            let differs = several || !list(route, "request_headers_to_add").is_empty();
            if differs && !chosen.is_empty() {
                let note = format!(
                    "{} determines where a request is sent, but Latchkey ignores it: a key for one store would give \
                     access to another; choose by path",
                    chosen.join(", ")
                );
                report.fail(WHAT, &placed(route, &placed(host, place)), &note);
            }
        }
    }
}

fn per_filter(name: &str, settings: &Value, filters: &[&str], place: &str, report: &mut Report<'_>) {
    let (kind, settings) = typed(settings);
    let wrapped = kind == "envoy.config.route.v3.FilterConfig";
    let inner = if wrapped { field(settings, "config").map(typed) } else { Some((kind, settings)) };
    let of_ext_authz = inner.is_some_and(|(kind, _)| kind == PER_ROUTE);
    if let Some((kind, _)) = inner.filter(|(kind, _)| !known::is_known(kind)) {
        report.unknown(WHAT, place, &format!("the configuration of {name} ({kind})"));
        return;
    }
    let is_ext_authz = filters.contains(&name) || of_ext_authz;
    if is_ext_authz {
        if wrapped && is_true(settings, "disabled") {
            report.fail(WHAT, place, DISABLED);
        }
        match inner {
            Some((_, inner)) if of_ext_authz => per_route(inner, place, report),
            Some((kind, _)) => report.unknown(WHAT, place, &format!("the configuration of {name} ({kind})")),
            None => {}
        }
    } else if let Some((kind, inner)) = inner {
        filters::check_route(name, kind, inner, place, report);
    }
}

/// How a route configures ext_authz.
const PER_ROUTE: &str = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";

const DISABLED: &str = "ext_authz is disabled: its requests bypass Latchkey";

/// Checks how a route, or a virtual host, overrides ext_authz.
fn per_route(settings: &Value, place: &str, report: &mut Report<'_>) {
    if is_true(settings, "disabled") {
        report.fail(WHAT, place, DISABLED);
    }
    let Some(check) = field(settings, "check_settings") else { return };
    if is_true(check, "disable_request_body_buffering") {
        report.fail(
            WHAT,
            place,
            "disable_request_body_buffering hides bodies from Latchkey: it cannot see keys, stores and other methods \
             in them",
        );
    }
    if let Some(body) = field(check, "with_request_body") {
        ext_authz::check_body(body, None, place, report);
    }
    if field(check, "grpc_service").is_some() || field(check, "http_service").is_some() {
        report.fail(WHAT, place, "decisions come from a different service than elsewhere, which might not be Latchkey");
    }
}
