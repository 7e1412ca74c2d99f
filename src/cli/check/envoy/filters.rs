//! HTTP filters by their effect on a request, before and after the decision.

use serde_json::Value;

use self::FilterPosition::{After, Before};
use super::headers::DECISION;
use super::report::{Report, display_name, short};
use super::tree::{extension, field, has, is_among, list, text};
use super::{headers, known};

const PREFIX: &str = "envoy.extensions.filters.http.";

/// Filters that leave a request unchanged, or respond to it themselves, with all fields that known.txt lists for them.
const HARMLESS: &str = "\
    adaptive_concurrency admission_control alternate_protocols_cache bandwidth_limit buffer cdn_loop cors csrf fault \
    grpc_stats health_check ip_tagging local_ratelimit original_src rbac set_metadata";

/// Filters that change a request in known ways: of ratelimit, the service that it calls can have headers set. Before
/// ext_authz, the changed request is what Latchkey judges.
const CHANGING: &str = "\
    api_key_auth basic_auth connect_grpc_bridge decompressor geoip grpc_http1_bridge grpc_json_transcoder grpc_web \
    header_to_metadata json_to_metadata jwt_authn ratelimit";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilterPosition {
    /// Before ext_authz: its changes are judged.
    Before,
    /// After ext_authz: its changes are not judged.
    After,
}

/// Checks a filter other than ext_authz.
pub(super) fn check(filter: &Value, position: FilterPosition, report: Report<'_>) {
    let (name, report) = (text(filter, "name"), report.about("filters"));
    if has(filter, "config_discovery") {
        report.fail(format!("the filter {name} is loaded from another source and could not be checked"));
        return;
    }
    let (kind, config) = extension(filter);
    let short = short(kind, PREFIX);
    if !known::is_known(kind) && !matches!(short, "cache" | "cache_v2" | "tap" | "credential_injector") {
        report.unknown(format!("the filter {}", display_name(short, filter)));
        return;
    }
    if names_decision(config) {
        report
            .fail(format!("the filter {name} can forge the decision metadata of ext_authz; remove {DECISION} from it"));
    }
    match (short, position) {
        ("cache" | "cache_v2", Before) => report.fail(format!(
            "the filter {name} is before ext_authz: a response allowed to one key is served to everyone"
        )),
        ("cache" | "cache_v2", After) => report.fail(format!(
            "the filter {name} serves one key a response that was allowed to another, unless the response varies by key"
        )),
        ("router", _) => {
            for filter in list(config, "upstream_http_filters") {
                check(filter, After, report);
            }
        }
        // The last of the filters before a cluster, if a cluster has filters of its own.
        ("upstream_codec", _) => {}
        ("tap", _) => report.fail(format!("the filter {name} records requests, which contain keys; remove it")),
        ("credential_injector", _) => report
            .fail(format!("the filter {name} adds a credential to every request, so every client has it; remove it")),
        ("header_mutation", Before) => {
            for note in mutations(config).filter_map(|one| headers::set_before(one, report)) {
                report.fail(format!("the filter {name} {note}"));
            }
        }
        ("header_mutation", After) => {
            let wrong = wrong_after(config, report);
            if !wrong.is_empty() {
                report_change(name, After, report);
                report.fail(format!("the filter {name} {}", wrong.join(", and ")));
            }
        }
        ("compressor", _) if !has(config, "request_direction_config") => {}
        ("compressor", _) => report_change(name, position, report),
        _ if is_among(short, HARMLESS) => {}
        _ if is_among(short, CHANGING) => report_change(name, position, report),
        _ => report.unknown(format!("the filter {}", display_name(short, filter))),
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
pub(super) fn check_route(name: &str, kind: &str, config: &Value, report: Report<'_>) {
    let short = short(kind, PREFIX);
    let harmless = match short {
        "compressor" => !has(config, "overrides/request_direction_config"),
        "header_mutation" => wrong_after(config, report).is_empty(),
        _ => is_among(short, HARMLESS),
    };
    if !harmless || !known::is_known(kind) {
        report.about("routes").unknown(format!("what {name} sets for the filter {short}"));
    }
}

fn report_change(name: &str, position: FilterPosition, report: Report<'_>) {
    if position == After {
        report.fail(format!(
            "the filter {name} is after ext_authz and can change the request after the decision: move it before \
             ext_authz or remove it"
        ));
    }
}

/// Returns what a filter header_mutation does that is not allowed after the decision.
fn wrong_after(config: &Value, report: Report<'_>) -> Vec<String> {
    let wrong = mutations(config).filter_map(|mutation| match field(mutation, "append") {
        Some(option) => headers::set_after(option, report),
        None => headers::removed_after(text(mutation, "remove"), report),
    });
    wrong.collect()
}

fn mutations(config: &Value) -> impl Iterator<Item = &Value> {
    list(config, "mutations/request_mutations").iter()
}
