//! The filter ext_authz: whether it checks every request, forwards all of it, and follows the decision.

use serde_json::Value;

use super::report::{Report, rules};
use super::tree::{field, has, is_true, list, number, text};
use super::{clusters, headers};

const WHAT: &str = "ext_authz";

/// The largest body that Latchkey accepts in a check request, in bytes.
const MAX_BODY: u64 = 1 << 20;

rules! { RULES(filter):
    Fail if is_true(filter, "failure_mode_allow") =>
        "failure_mode_allow is true: requests without a decision are allowed, and clients can provoke that; set it to \
         false";
    Fail if is_true(filter, "shadow_mode") =>
        "shadow_mode is true: refused requests are forwarded anyway; remove it";
    Fail if has(filter, "filter_enabled") && !checks_always(filter) =>
        "filter_enabled lets requests bypass Latchkey; remove it";
    Fail if has(filter, "filter_enabled_metadata") && !is_closed_when_off(filter) =>
        "filter_enabled_metadata lets requests without the metadata bypass Latchkey; remove it";
    Fail if has(filter, "http_service") =>
        "http_service is set, but Latchkey supports Envoy only over gRPC, and over HTTP it receives neither bodies nor \
         all headers; use grpc_service";
    Fail if !has(filter, "grpc_service") && !has(filter, "http_service") =>
        "grpc_service is missing, so no decision is requested";
    Fail if !has(filter, "with_request_body") =>
        "with_request_body is missing, so Latchkey cannot see keys, stores and other methods (_method) in bodies: a \
         body that names one reaches the service without a decision, or is refused to all keys except those for all \
         stores";
    Fail if has(filter, "allowed_headers") || has(filter, "disallowed_headers") =>
        "allowed_headers or disallowed_headers hide headers from Latchkey, so headers that override the method or \
         path, and a second key, reach the service unchecked; remove both";
    Fail if !is_true(filter, "encode_raw_headers") =>
        "encode_raw_headers is not true: repeated headers are checked as one, and bytes that are not UTF-8 differ from \
         those the service receives; set it to true";
    Fail if has(filter, "decoder_header_mutation_rules") =>
        "decoder_header_mutation_rules prevent Latchkey from changing headers: the key and a client's own x-latchkey-… \
         headers reach the service, and required stores are not added to the path; remove them";
    Warn if !is_true(filter, "validate_mutations") =>
        "validate_mutations is not true: a response that was tampered with could add invalid bytes to headers; set it \
         to true";
    Warn if !has(filter, "status_on_error") =>
        "status_on_error is missing: clients receive 403 while there is no decision, and assume that their keys are \
         wrong; set it to { code: ServiceUnavailable }";
    Warn if has(filter, "grpc_service/envoy_grpc") && !has(filter, "grpc_service/retry_policy") =>
        "grpc_service.retry_policy is missing: requests fail while a replica of Latchkey stops or starts (Envoy \
         ignores a retry policy within envoy_grpc here)";
    Warn if has(filter, "grpc_service") && metadata(filter, "authorization").is_none() =>
        "grpc_service.initial_metadata has no authorization: Latchkey makes no decisions unless its decision_auth is \
         off";
    Warn if metadata(filter, "authorization").is_some_and(|value| !has_scheme(value)) =>
        "authorization in grpc_service.initial_metadata does not start with Bearer: Latchkey makes no decisions unless \
         the substituted value does; write Bearer %ENVIRONMENT(LATCHKEY_TOKEN)%";
    Warn if metadata(filter, "authorization").is_some_and(|value| !value.contains('%')) =>
        "the file contains an operator token: write Bearer %ENVIRONMENT(LATCHKEY_TOKEN)%";
    Fail if metadata(filter, "x-latchkey-client").is_some_and(|value| value != CLIENT) =>
        "x-latchkey-client is not the client address determined by Envoy, although keys restricted to networks rely on \
         it; write %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%";
    Warn if has(filter, "grpc_service") && metadata(filter, "x-latchkey-client").is_none() =>
        "x-latchkey-client is missing in grpc_service.initial_metadata: keys restricted to networks are refused to \
         clients behind other proxies; set it to %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%";
    Warn if has(filter, "grpc_service/google_grpc") =>
        "google_grpc supports no health checks and no retries here: requests fail while a replica of Latchkey stops or \
         starts; use envoy_grpc";
    Warn if is_true(filter, "clear_route_cache") =>
        "clear_route_cache is true: headers and query parameters that Latchkey sets can change the route; check that \
         all routes still lead to the right service";
}

const CLIENT: &str = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%";

rules! { BODY_RULES(body):
    Fail if !is_true(body, "pack_as_bytes") =>
        "with_request_body.pack_as_bytes is not true: body bytes that are not UTF-8 differ from those the service \
         receives; set it to true";
    Warn if is_true(body, "allow_partial_message") =>
        "with_request_body.allow_partial_message is true: only the beginning of a longer body is checked. Latchkey \
         refuses the request if a key or store could be in the rest, and otherwise cannot see another method (_method) \
         in it; with false, Envoy refuses it with 413";
    Warn if number(body, "max_request_bytes").unwrap_or(0) > MAX_BODY =>
        "with_request_body.max_request_bytes exceeds 1048576, the maximum of Latchkey: there is no decision for longer \
         bodies, and clients are asked to try again; set it to 1048576 or less";
}

pub(super) fn check(filter: &Value, config: &Value, report: Report<'_>) {
    let report = report.about(WHAT);
    report.apply(RULES, filter);
    let named = metadata(filter, "x-latchkey-profile");
    if let Some(body) = field(filter, "with_request_body") {
        check_body(body, named, report);
    }
    if let Some(profile) = named.filter(|name| !name.contains('%'))
        && !report.profiles.contains_key(profile)
    {
        report.warn(format!(
            "x-latchkey-profile names {profile}, which is not in this configuration: if the server has no such profile \
             either, it refuses every request"
        ));
    }
    check_metadata(filter, report);
    let cluster = text(filter, "grpc_service/envoy_grpc/cluster_name");
    let service = if has(filter, "grpc_service/google_grpc") {
        text(filter, "grpc_service/google_grpc/target_uri").to_owned()
    } else {
        format!("the cluster {cluster}")
    };
    report.decision_services.borrow_mut().entry(service).or_insert_with(|| report.place.to_owned());
    clusters::check(cluster, config, report);
}

/// Checks the metadata of the check request.
fn check_metadata(filter: &Value, report: Report<'_>) {
    let mut seen: Vec<String> = Vec::new();
    for one in list(filter, "grpc_service/initial_metadata") {
        let (name, value) = (text(one, "key").to_ascii_lowercase(), text(one, "value"));
        match &*name {
            "authorization" if !headers::is_of_operator(value) => report.fail(
                "authorization in grpc_service.initial_metadata is neither a fixed value nor from the environment: \
                 clients must not be able to influence it",
            ),
            "x-latchkey-profile" if value.contains('%') => report.fail(
                "x-latchkey-profile is taken from something that clients could set, so they could choose the profile; \
                 write the name of the profile",
            ),
            "authorization" | "x-latchkey-client" | "x-latchkey-profile" => {}
            // Latchkey reads no other metadata, and gRPC's own can't be set like this.
            _ if name.starts_with("x-latchkey") || name.starts_with("grpc-") || name.starts_with(':') => {
                report.fail(format!("{name} in grpc_service.initial_metadata is unknown; remove it"));
            }
            _ => {}
        }
        if seen.contains(&name) {
            report.fail(format!("{name} occurs twice in grpc_service.initial_metadata; remove one"));
        }
        seen.push(name);
    }
}

/// Checks how bodies are forwarded for a profile, or for those that the path selects.
pub(super) fn check_body(body: &Value, profile: Option<&str>, report: Report<'_>) {
    let report = report.about(WHAT);
    report.apply(BODY_RULES, body);
    let profiles = report.profiles.iter().filter(|(name, found)| match profile {
        Some(profile) => *name == profile,
        None => found.by_prefix,
    });
    let read = profiles.map(|(_, profile)| profile.body_limit).max().map_or(0, |limit| MAX_BODY.min(limit as u64));
    let shown = number(body, "max_request_bytes").unwrap_or(0);
    if shown < read {
        report.warn(format!(
            "with_request_body.max_request_bytes is {shown}, although Latchkey reads bodies of up to {read} bytes: \
             Envoy refuses longer bodies with 413, whatever the key; check that no client sends them"
        ));
    }
}

/// Returns whether the token has the scheme that Latchkey expects.
fn has_scheme(value: &str) -> bool {
    value.get(.."Bearer ".len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("Bearer "))
}

/// Returns whether every request is checked, or refused.
fn checks_always(filter: &Value) -> bool {
    let whole = match text(filter, "filter_enabled/default_value/denominator") {
        "" | "HUNDRED" => 100,
        "TEN_THOUSAND" => 10_000,
        "MILLION" => 1_000_000,
        _ => u64::MAX,
    };
    let numerator = number(filter, "filter_enabled/default_value/numerator").unwrap_or(0);
    let fixed = text(filter, "filter_enabled/runtime_key").is_empty();
    numerator >= whole && fixed || is_closed_when_off(filter)
}

fn is_closed_when_off(filter: &Value) -> bool {
    is_true(filter, "deny_at_disable/default_value") && text(filter, "deny_at_disable/runtime_key").is_empty()
}

/// Returns the value of the check request's metadata `name`.
pub(super) fn metadata<'a>(filter: &'a Value, name: &str) -> Option<&'a str> {
    let mut all = list(filter, "grpc_service/initial_metadata").iter();
    all.find(|one| text(one, "key").eq_ignore_ascii_case(name)).map(|one| text(one, "value"))
}
