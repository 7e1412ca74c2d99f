//! Routes: whether one of them switches the question off, or sends on something else than was decided about.

use serde_json::Value;

use super::tree::{field, is_true, list, placed, text, typed};
use super::{Report, asking, filters, known};

const WHAT: &str = "routes";

/// Fields that change the path behind the decision.
const REWRITES: [&str; 4] = ["prefix_rewrite", "regex_rewrite", "path_rewrite_policy", "path_rewrite"];
/// Fields that change the host behind the decision.
const HOST_REWRITES: [&str; 5] =
    ["host_rewrite_literal", "host_rewrite_header", "host_rewrite_path_regex", "auto_host_rewrite", "host_rewrite"];

/// Whether some request could go on to a cluster.
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

/// Looks at the routes of a connection manager whose filters of these names ask.
pub(super) fn look(manager: &Value, filters: &[&str], place: &str, report: &mut Report<'_>) {
    let Some(routes) = field(manager, "route_config") else { return };
    known::fields(routes, known::ROUTES, WHAT, place, report);
    common(routes, filters, place, report);
    for host in list(routes, "virtual_hosts") {
        let place = &placed(host, place);
        known::fields(host, known::VIRTUAL_HOST, WHAT, place, report);
        common(host, filters, place, report);
        for route in list(host, "routes") {
            let place = &placed(route, place);
            look_at_route(route, filters, place, report);
        }
    }
}

fn look_at_route(route: &Value, filters: &[&str], place: &str, report: &mut Report<'_>) {
    known::fields(route, known::ROUTE, WHAT, place, report);
    if let Some(matched) = field(route, "match") {
        known::fields(matched, known::MATCH, WHAT, place, report);
        if field(matched, "connect_matcher").is_some() {
            report.fail(
                WHAT,
                place,
                "connect_matcher takes CONNECT: what goes through such a tunnel is judged by nobody",
            );
        }
    }
    let answers = ["redirect", "direct_response"].iter().any(|action| field(route, action).is_some());
    let Some(action) = field(route, "route") else {
        // Where Envoy answers itself nothing is reached that would have to be judged.
        if !answers {
            if field(route, "non_forwarding_action").is_none() {
                report.unknown(WHAT, place, "a route without route, redirect or direct_response");
            }
            common(route, filters, place, report);
        }
        return;
    };
    common(route, filters, place, report);
    known::fields(action, known::ROUTE_ACTION, WHAT, place, report);
    rewrites(action, place, report);
    for name in ["internal_redirect_policy", "internal_redirect_action"] {
        if field(action, name).is_some() {
            let said = format!(
                "{name} has Envoy follow the service's redirects: the request is asked about again, without the key that was \
                 taken out of it"
            );
            report.warn(WHAT, place, &said);
        }
    }
    for upgrade in list(action, "upgrade_configs") {
        let kind = text(upgrade, "upgrade_type");
        let said = format!("the upgrade {kind} lets connections change over to what is judged by nobody");
        if kind.to_ascii_lowercase().starts_with("connect") {
            report.fail(WHAT, place, &said);
        } else {
            report.warn(WHAT, place, &said);
        }
    }
    if !list(action, "request_mirror_policies").is_empty() {
        let said = "request_mirror_policies send requests to another service as well: look that it may have them";
        report.warn(WHAT, place, said);
    }
    let clusters = field(action, "weighted_clusters");
    if let Some(clusters) = clusters {
        known::fields(clusters, known::WEIGHTED_CLUSTERS, WHAT, place, report);
    }
    for cluster in clusters.map_or(&[][..], |clusters| list(clusters, "clusters")) {
        let place = &format!("{place}, cluster {}", text(cluster, "name"));
        known::fields(cluster, known::WEIGHTED_CLUSTER, WHAT, place, report);
        common(cluster, filters, place, report);
        rewrites(cluster, place, report);
    }
}

/// Looks at what changes a request's path, host or destination behind the decision.
fn rewrites(action: &Value, place: &str, report: &mut Report<'_>) {
    for name in REWRITES.iter().filter(|name| field(action, name).is_some_and(|value| value.as_str() != Some(""))) {
        let said = format!(
            "{name} gives the service another path than was decided about: what the key opens is then another method; let the \
             service take the paths that clients send"
        );
        report.fail(WHAT, place, &said);
    }
    let by_host = report.profiles.values().any(|profile| profile.host);
    let changes = |name: &&&str| {
        field(action, name)
            .is_some_and(|value| !matches!(value.as_str(), Some("" | "false")) && *value != Value::Bool(false))
    };
    for name in HOST_REWRITES.iter().filter(changes) {
        let said = format!("{name} gives the service another host than was decided about");
        if by_host {
            report.fail(WHAT, place, &format!("{said}, and a profile takes the store from it; leave it out"));
        } else {
            report.warn(WHAT, place, &format!("{said}: no profile that takes the store from it may be used there"));
        }
    }
    if field(action, "cluster_header").is_some() {
        report.fail(WHAT, place, "cluster_header lets a header of the request choose where it goes; name the cluster");
    }
}

/// Looks at what routes, virtual hosts, and clusters among others can each have.
fn common(value: &Value, filters: &[&str], place: &str, report: &mut Report<'_>) {
    for (name, settings) in field(value, "typed_per_filter_config").and_then(Value::as_object).into_iter().flatten() {
        per_filter(name, settings, filters, place, report);
    }
    for header in list(value, "request_headers_to_add") {
        let name = text(header, "header/key").to_ascii_lowercase();
        if report.decides(&name) || name.is_empty() {
            report.fail(WHAT, place, &format!("request_headers_to_add sets {name} behind the decision; leave it out"));
        }
    }
    for name in list(value, "request_headers_to_remove").iter().filter_map(Value::as_str) {
        if name.to_ascii_lowercase().starts_with("x-latchkey-") {
            let said = format!(
                "request_headers_to_remove takes {name} from the service: where it applies the scope, it receives none"
            );
            report.warn(WHAT, place, &said);
        }
    }
    if !list(value, "request_mirror_policies").is_empty() {
        let said = "request_mirror_policies send requests to another service as well: look that it may have them";
        report.warn(WHAT, place, said);
    }
}

fn per_filter(name: &str, settings: &Value, filters: &[&str], place: &str, report: &mut Report<'_>) {
    let (kind, settings) = typed(settings);
    let wrapped = kind == "envoy.config.route.v3.FilterConfig" || kind.ends_with(".FilterConfig");
    let inner = if wrapped { field(settings, "config").map(typed) } else { Some((kind, settings)) };
    let asks = filters.contains(&name)
        || kind.ends_with(".ExtAuthzPerRoute")
        || inner.is_some_and(|(kind, _)| kind.ends_with(".ExtAuthzPerRoute"));
    if asks {
        if wrapped && is_true(settings, "disabled") {
            report.fail(WHAT, place, DISABLED);
        }
        if let Some((_, inner)) = inner {
            per_route(inner, place, report);
        }
    } else if let Some((kind, inner)) = inner {
        filters::look_at_route(name, kind, inner, place, report);
    }
}

const DISABLED: &str = "ext_authz is disabled there: whatever comes that way is judged by nobody";

/// What a route, or a virtual host, has ext_authz do otherwise.
fn per_route(settings: &Value, place: &str, report: &mut Report<'_>) {
    known::fields(settings, &["disabled", "check_settings"], WHAT, place, report);
    if is_true(settings, "disabled") {
        report.fail(WHAT, place, DISABLED);
    }
    let Some(check) = field(settings, "check_settings") else { return };
    let fields =
        ["context_extensions", "disable_request_body_buffering", "with_request_body", "grpc_service", "http_service"];
    known::fields(check, &fields, WHAT, place, report);
    if is_true(check, "disable_request_body_buffering") {
        report.fail(
            WHAT,
            place,
            "disable_request_body_buffering keeps bodies from Latchkey there: keys, stores and other methods in them are \
             not seen",
        );
    }
    if let Some(body) = field(check, "with_request_body") {
        asking::look_at_body(body, None, place, report);
    }
    if field(check, "grpc_service").is_some() || field(check, "http_service").is_some() {
        report.fail(
            WHAT,
            place,
            "another service is asked there than elsewhere: whether it is Latchkey cannot be said",
        );
    }
}
