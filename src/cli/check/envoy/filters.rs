//! HTTP filters by their effect on a request, before and after the decision.

use serde_json::Value;

use super::headers::DECISION;
use super::report::{Report, display_name, short};
use super::tree::{field, list, text, typed};
use super::{headers, known};

const WHAT: &str = "filters";
const PREFIX: &str = "envoy.extensions.filters.http.";

/// Filters that leave a request unchanged, or respond to it themselves, with all fields that known.txt lists for them.
const HARMLESS: [&str; 16] = [
    "adaptive_concurrency",
    "admission_control",
    "alternate_protocols_cache",
    "bandwidth_limit",
    "buffer",
    "cdn_loop",
    "cors",
    "csrf",
    "fault",
    "grpc_stats",
    "health_check",
    "ip_tagging",
    "local_ratelimit",
    "original_src",
    "rbac",
    "set_metadata",
];

/// Filters that change a request in known ways. Before ext_authz, the changed request is what Latchkey judges.
const CHANGING: [&str; 12] = [
    "api_key_auth",
    "basic_auth",
    "connect_grpc_bridge",
    "decompressor",
    "geoip",
    "grpc_http1_bridge",
    "grpc_json_transcoder",
    "grpc_web",
    "header_to_metadata",
    "json_to_metadata",
    "jwt_authn",
    // The service that it calls can have headers set.
    "ratelimit",
];

/// The position of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilterPosition {
    /// Before ext_authz: its changes are judged.
    Before,
    /// After ext_authz: its changes are not judged.
    After,
}

/// Checks a filter other than ext_authz.
pub(super) fn check(filter: &Value, position: FilterPosition, place: &str, report: &mut Report<'_>) {
    let name = text(filter, "name");
    if field(filter, "config_discovery").is_some() {
        report.fail(WHAT, place, &format!("the filter {name} is loaded from another source and could not be checked"));
        return;
    }
    let (kind, config) = field(filter, "typed_config").map_or(("", &Value::Null), typed);
    let short = short(kind, PREFIX);
    if !known::is_known(kind) && !matches!(short, "cache" | "cache_v2" | "tap" | "credential_injector") {
        report.unknown(WHAT, place, &format!("the filter {}", display_name(short, filter)));
        return;
    }
    if names_decision(config) {
        let note = format!("the filter {name} can forge the decision metadata of ext_authz; remove {DECISION} from it");
        report.fail(WHAT, place, &note);
    }
    match short {
        "cache" | "cache_v2" => report_cache(name, position, place, report),
        "router" => {
            for filter in list(config, "upstream_http_filters") {
                check(filter, FilterPosition::After, place, report);
            }
        }
        // The last of the filters before a cluster, if a cluster has filters of its own.
        "upstream_codec" => {}
        "tap" => {
            report.fail(WHAT, place, &format!("the filter {name} records requests, which contain keys; remove it"));
        }
        "credential_injector" => report.fail(
            WHAT,
            place,
            &format!("the filter {name} adds a credential to every request, so every client has it; remove it"),
        ),
        "compressor" if field(config, "request_direction_config").is_none() => {}
        "header_mutation" => check_header_mutation(name, config, position, place, report),
        "compressor" => report_change(name, position, place, report),
        _ if HARMLESS.contains(&short) => {}
        _ if CHANGING.contains(&short) => report_change(name, position, place, report),
        _ => report.unknown(WHAT, place, &format!("the filter {}", display_name(short, filter))),
    }
}

/// Returns whether the configuration contains the name under which Envoy stores the decision.
fn names_decision(config: &Value) -> bool {
    match config {
        Value::String(text) => text == DECISION,
        Value::Array(list) => list.iter().any(names_decision),
        Value::Object(members) => members.values().any(names_decision),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Checks how a route configures a filter other than ext_authz.
pub(super) fn check_route(name: &str, kind: &str, config: &Value, place: &str, report: &mut Report<'_>) {
    let short = short(kind, PREFIX);
    let harmless = match short {
        "compressor" => field(config, "overrides/request_direction_config").is_none(),
        "header_mutation" => wrong_after(config, report).is_empty(),
        _ => HARMLESS.contains(&short),
    };
    if !harmless || !known::is_known(kind) {
        report.unknown("routes", place, &format!("what {name} sets for the filter {short}"));
    }
}

fn report_cache(name: &str, position: FilterPosition, place: &str, report: &mut Report<'_>) {
    let note = match position {
        FilterPosition::Before => {
            format!("the filter {name} is before ext_authz: a response allowed to one key is served to everyone")
        }
        FilterPosition::After => format!(
            "the filter {name} serves one key a response that was allowed to another, unless the response varies by key"
        ),
    };
    report.fail(WHAT, place, &note);
}

fn report_change(name: &str, position: FilterPosition, place: &str, report: &mut Report<'_>) {
    if position == FilterPosition::After {
        let note = format!(
            "the filter {name} is after ext_authz and can change the request after the decision: move it before \
             ext_authz or remove it"
        );
        report.fail(WHAT, place, &note);
    }
}

/// Checks the headers that a filter header_mutation sets and removes.
fn check_header_mutation(name: &str, config: &Value, position: FilterPosition, place: &str, report: &mut Report<'_>) {
    if position == FilterPosition::After {
        let wrong = wrong_after(config, report);
        if !wrong.is_empty() {
            report_change(name, position, place, report);
            report.fail(WHAT, place, &format!("the filter {name} {}", wrong.join(", and ")));
        }
        return;
    }
    let wrong: Vec<String> = mutations(config).filter_map(|one| headers::set_before(one, report)).collect();
    for note in wrong {
        report.fail(WHAT, place, &format!("the filter {name} {note}"));
    }
}

/// Returns what a filter header_mutation does that is not allowed after the decision.
fn wrong_after(config: &Value, report: &Report<'_>) -> Vec<String> {
    let wrong = mutations(config).filter_map(|mutation| match field(mutation, "append") {
        Some(option) => headers::set_after(option, report),
        None => headers::removed_after(text(mutation, "remove"), report),
    });
    wrong.collect()
}

fn mutations(config: &Value) -> impl Iterator<Item = &Value> {
    list(config, "mutations/request_mutations").iter()
}
