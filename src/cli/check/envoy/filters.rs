//! HTTP filters by what they can do to a request, before the decision and behind it.

use serde_json::Value;

use super::listeners::{short, shown};
use super::tree::{field, list, text, typed};
use super::{Report, known};

const WHAT: &str = "filters";
const PREFIX: &str = "envoy.extensions.filters.http.";

/// Filters that leave a request as it is, or answer it themselves.
const HARMLESS: [&str; 20] = [
    "adaptive_concurrency",
    "admission_control",
    "alternate_protocols_cache",
    "bandwidth_limit",
    "buffer",
    "cdn_loop",
    "cors",
    "csrf",
    "fault",
    "file_system_buffer",
    "grpc_stats",
    "health_check",
    "ip_tagging",
    "kill_request",
    "local_ratelimit",
    "original_src",
    "rate_limit_quota",
    "ratelimit",
    "rbac",
    "set_metadata",
];

/// Filters that change a request in ways that are known. What they make of it is judged where they stand before ext_authz.
const CHANGING: [&str; 15] = [
    "api_key_auth",
    "aws_request_signing",
    "basic_auth",
    "connect_grpc_bridge",
    "credential_injector",
    "decompressor",
    "gcp_authn",
    "geoip",
    "grpc_http1_bridge",
    "grpc_json_transcoder",
    "grpc_web",
    "header_to_metadata",
    "json_to_metadata",
    "jwt_authn",
    "stateful_session",
];

/// Where a filter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// What it makes of a request is judged.
    Before,
    /// What it makes of a request is judged by nobody.
    Behind,
}

/// Looks at a filter other than ext_authz.
pub(super) fn look(filter: &Value, stands: Stands, place: &str, report: &mut Report<'_>) {
    known::fields(filter, known::HTTP_FILTER, WHAT, place, report);
    let name = text(filter, "name");
    if field(filter, "config_discovery").is_some() {
        report.fail(WHAT, place, &format!("the filter {name} comes from elsewhere and is not seen here"));
        return;
    }
    let (kind, config) = field(filter, "typed_config").map_or(("", &Value::Null), typed);
    let short = short(kind, PREFIX);
    match short {
        "cache" | "cache_v2" => cached(name, stands, place, report),
        "router" => {
            known::fields(config, known::ROUTER, WHAT, place, report);
            for filter in list(config, "upstream_http_filters") {
                look(filter, Stands::Behind, place, report);
            }
        }
        // The last of the filters before a cluster, where a cluster has filters of its own.
        "upstream_codec" => {}
        "tap" => report.warn(WHAT, place, &format!("the filter {name} writes requests down, and keys travel in them")),
        "compressor" if field(config, "request_direction_config").is_none() => {}
        "header_mutation" if stands == Stands::Before || mutates_harmlessly(config, report) => {}
        "compressor" | "header_mutation" => changes(name, stands, place, report),
        _ if HARMLESS.contains(&short) => {}
        _ if CHANGING.contains(&short) => changes(name, stands, place, report),
        _ => report.unknown(WHAT, place, &format!("the filter {}", shown(short, filter))),
    }
}

/// Looks at what a route has a filter other than ext_authz do.
pub(super) fn look_at_route(name: &str, kind: &str, config: &Value, place: &str, report: &mut Report<'_>) {
    let short = short(kind, PREFIX);
    let harmless = match short {
        "compressor" => field(config, "overrides/request_direction_config").is_none(),
        "header_mutation" => mutates_harmlessly(config, report),
        _ => HARMLESS.contains(&short),
    };
    if !harmless {
        report.unknown("routes", place, &format!("what {name} has the filter {short} do there"));
    }
}

fn cached(name: &str, stands: Stands, place: &str, report: &mut Report<'_>) {
    let said = match stands {
        Stands::Before => {
            format!("the filter {name} stands before ext_authz: what was allowed to one key is answered to everybody")
        }
        Stands::Behind => format!(
            "the filter {name} answers one key with what another was allowed, unless the answer says for whom it is"
        ),
    };
    report.fail(WHAT, place, &said);
}

fn changes(name: &str, stands: Stands, place: &str, report: &mut Report<'_>) {
    if stands == Stands::Behind {
        let said = format!(
            "the filter {name} stands behind ext_authz and can change what was decided about: put it before, or leave it out"
        );
        report.fail(WHAT, place, &said);
    }
}

/// Whether a filter header_mutation sets and removes only headers that nobody decides by.
fn mutates_harmlessly(config: &Value, report: &Report<'_>) -> bool {
    let mutations = super::tree::at(config, "mutations").unwrap_or(&Value::Null);
    let plain = mutations.as_object().is_none_or(|members| {
        members
            .keys()
            .all(|name| matches!(super::tree::snake(name).as_str(), "request_mutations" | "response_mutations"))
    });
    plain
        && list(mutations, "request_mutations").iter().all(|mutation| {
            let names = [text(mutation, "append/header/key"), text(mutation, "remove")];
            let name = names.into_iter().find(|name| !name.is_empty());
            name.is_some_and(|name| !report.decides(name))
        })
}
