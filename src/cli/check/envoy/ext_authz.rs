//! The filter ext_authz: whether it checks every request, forwards all of it, and follows the decision.

use serde_json::Value;

use super::report::{Report, Rule};
use super::tree::{at, field, is_true, list, number, text};
use super::{clusters, headers};
use crate::cli::check::finding::CheckVerdict::{Fail, Warn};

const WHAT: &str = "ext_authz";

/// The largest body that Latchkey accepts in a check request, in bytes.
const MAX_BODY: u64 = 1 << 20;

const RULES: [Rule; 20] = [
    Rule {
        verdict: Fail,
        matches: |filter| is_true(filter, "failure_mode_allow"),
        note: "failure_mode_allow is true: requests without a decision are allowed, and clients can provoke that; set \
             it to false",
    },
    Rule {
        verdict: Fail,
        matches: |filter| is_true(filter, "shadow_mode"),
        note: "shadow_mode is true: refused requests are forwarded anyway; remove it",
    },
    Rule {
        verdict: Fail,
        matches: |filter| field(filter, "filter_enabled").is_some() && !checks_always(filter),
        note: "filter_enabled lets requests bypass Latchkey; remove it",
    },
    Rule {
        verdict: Fail,
        matches: |filter| field(filter, "filter_enabled_metadata").is_some() && !is_closed_when_off(filter),
        note: "filter_enabled_metadata lets requests without the metadata bypass Latchkey; remove it",
    },
    Rule {
        verdict: Fail,
        matches: |filter| field(filter, "http_service").is_some(),
        note: "http_service is set, but Latchkey supports Envoy only over gRPC, and over HTTP it receives neither \
             bodies nor all headers; use grpc_service",
    },
    Rule {
        verdict: Fail,
        matches: |filter| field(filter, "grpc_service").is_none() && field(filter, "http_service").is_none(),
        note: "grpc_service is missing, so no decision is requested",
    },
    Rule {
        verdict: Fail,
        matches: |filter| field(filter, "with_request_body").is_none(),
        note: "with_request_body is missing, so Latchkey cannot see keys, stores and other methods (_method) in \
             bodies: a body that names one reaches the service without a decision, or is refused to all keys except \
             those for all stores",
    },
    Rule {
        verdict: Fail,
        matches: |filter| hides_headers(filter),
        note: "allowed_headers or disallowed_headers hide headers from Latchkey, so headers that override the method \
             or path, and a second key, reach the service unchecked; remove both",
    },
    Rule {
        verdict: Fail,
        matches: |filter| !is_true(filter, "encode_raw_headers"),
        note: "encode_raw_headers is not true: repeated headers are checked as one, and bytes that are not UTF-8 \
             differ from those the service receives; set it to true",
    },
    Rule {
        verdict: Fail,
        matches: |filter| field(filter, "decoder_header_mutation_rules").is_some(),
        note: "decoder_header_mutation_rules prevent Latchkey from changing headers: the key and a client's own \
             x-latchkey-… headers reach the service, and required stores are not added to the path; remove them",
    },
    Rule {
        verdict: Warn,
        matches: |filter| !is_true(filter, "validate_mutations"),
        note: "validate_mutations is not true: a response that was tampered with could add invalid bytes to headers; \
             set it to true",
    },
    Rule {
        verdict: Warn,
        matches: |filter| field(filter, "status_on_error").is_none(),
        note: "status_on_error is missing: clients receive 403 while there is no decision, and assume that their keys \
             are wrong; set it to { code: ServiceUnavailable }",
    },
    Rule {
        verdict: Warn,
        matches: |filter| {
            at(filter, "grpc_service/envoy_grpc").is_some() && at(filter, "grpc_service/retry_policy").is_none()
        },
        note: "grpc_service.retry_policy is missing: requests fail while a replica of Latchkey stops or starts (Envoy \
             ignores a retry policy within envoy_grpc here)",
    },
    Rule {
        verdict: Warn,
        matches: |filter| field(filter, "grpc_service").is_some() && metadata(filter, "authorization").is_none(),
        note: "grpc_service.initial_metadata has no authorization: Latchkey makes no decisions unless its \
             decision_auth is off",
    },
    Rule {
        verdict: Warn,
        matches: |filter| metadata(filter, "authorization").is_some_and(|value| !has_scheme(value)),
        note: "authorization in grpc_service.initial_metadata does not start with Bearer: Latchkey makes no decisions \
             unless the substituted value does; write Bearer %ENVIRONMENT(LATCHKEY_TOKEN)%",
    },
    Rule {
        verdict: Warn,
        matches: |filter| metadata(filter, "authorization").is_some_and(|value| !value.contains('%')),
        note: "the file contains an operator token: write Bearer %ENVIRONMENT(LATCHKEY_TOKEN)%",
    },
    Rule {
        verdict: Fail,
        matches: |filter| metadata(filter, "x-latchkey-client").is_some_and(|value| value != CLIENT),
        note: "x-latchkey-client is not the client address determined by Envoy, although keys restricted to networks \
             rely on it; write %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    },
    Rule {
        verdict: Warn,
        matches: |filter| field(filter, "grpc_service").is_some() && metadata(filter, "x-latchkey-client").is_none(),
        note: "x-latchkey-client is missing in grpc_service.initial_metadata: keys restricted to networks are refused \
             to clients behind other proxies; set it to %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    },
    Rule {
        verdict: Warn,
        matches: |filter| at(filter, "grpc_service/google_grpc").is_some(),
        note: "google_grpc supports no health checks and no retries here: requests fail while a replica of Latchkey \
             stops or starts; use envoy_grpc",
    },
    Rule {
        verdict: Warn,
        matches: |filter| is_true(filter, "clear_route_cache"),
        note: "clear_route_cache is true: headers and query parameters that Latchkey sets can change the route; check \
             that all routes still lead to the right service",
    },
];

/// The client's address as determined by Envoy.
const CLIENT: &str = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%";

/// Rules about how bodies are forwarded.
const BODY_RULES: [Rule; 3] = [
    Rule {
        verdict: Fail,
        matches: |body| !is_true(body, "pack_as_bytes"),
        note: "with_request_body.pack_as_bytes is not true: body bytes that are not UTF-8 differ from those the \
             service receives; set it to true",
    },
    Rule {
        verdict: Warn,
        matches: |body| is_true(body, "allow_partial_message"),
        note: "with_request_body.allow_partial_message is true: only the beginning of a longer body is checked. \
             Latchkey refuses the request if a key or store could be in the rest, and otherwise cannot see another \
             method (_method) in it; with false, Envoy refuses it with 413",
    },
    Rule {
        verdict: Warn,
        matches: |body| number(body, "max_request_bytes").unwrap_or(0) > MAX_BODY,
        note: "with_request_body.max_request_bytes exceeds 1048576, the maximum of Latchkey: there is no decision for \
             longer bodies, and clients are asked to try again; set it to 1048576 or less",
    },
];

/// Checks the configuration of the filter.
pub(super) fn check(filter: &Value, place: &str, config: &Value, report: &mut Report<'_>) {
    report.apply(&RULES, filter, WHAT, place);
    let named = metadata(filter, "x-latchkey-profile");
    if let Some(body) = field(filter, "with_request_body") {
        check_body(body, named, place, report);
    }
    if let Some(profile) = named.filter(|name| !name.contains('%'))
        && !report.profiles.contains_key(profile)
    {
        let note = format!(
            "x-latchkey-profile names {profile}, which is not in this configuration: if the server has no such profile \
             either, it refuses every request"
        );
        report.warn(WHAT, place, &note);
    }
    for note in wrong_metadata(filter) {
        report.fail(WHAT, place, &note);
    }
    let cluster = text(filter, "grpc_service/envoy_grpc/cluster_name");
    let service = if at(filter, "grpc_service/google_grpc").is_some() {
        text(filter, "grpc_service/google_grpc/target_uri").to_owned()
    } else {
        format!("the cluster {cluster}")
    };
    report.decision_services.entry(service).or_insert_with(|| place.to_owned());
    clusters::check(cluster, place, config, report);
}

/// Returns what is wrong with the metadata of the check request.
fn wrong_metadata(filter: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for one in list(filter, "grpc_service/initial_metadata") {
        let (name, value) = (text(one, "key").to_ascii_lowercase(), text(one, "value"));
        match &*name {
            "authorization" if !headers::is_of_operator(value) => wrong.push(
                "authorization in grpc_service.initial_metadata is neither a fixed value nor from the environment: \
                 clients must not be able to influence it"
                    .to_owned(),
            ),
            "x-latchkey-profile" if value.contains('%') => wrong.push(
                "x-latchkey-profile is taken from something that clients could set, so they could choose the profile; \
                 write the name of the profile"
                    .to_owned(),
            ),
            "authorization" | "x-latchkey-client" | "x-latchkey-profile" => {}
            // Latchkey reads no other metadata, and gRPC's own can't be set like this.
            _ if name.starts_with("x-latchkey") || name.starts_with("grpc-") || name.starts_with(':') => {
                wrong.push(format!("{name} in grpc_service.initial_metadata is unknown; remove it"));
            }
            _ => {}
        }
        if seen.contains(&name) {
            wrong.push(format!("{name} occurs twice in grpc_service.initial_metadata; remove one"));
        }
        seen.push(name);
    }
    wrong
}

/// Checks how bodies are forwarded for a profile, or for those that the path selects.
pub(super) fn check_body(body: &Value, profile: Option<&str>, place: &str, report: &mut Report<'_>) {
    report.apply(&BODY_RULES, body, WHAT, place);
    let profiles = report.profiles.iter().filter(|(name, found)| match profile {
        Some(profile) => *name == profile,
        None => found.by_prefix,
    });
    let read = profiles.map(|(_, profile)| profile.body_limit).max().map_or(0, |limit| MAX_BODY.min(limit as u64));
    let shown = number(body, "max_request_bytes").unwrap_or(0);
    if shown < read {
        let note = format!(
            "with_request_body.max_request_bytes is {shown}, although Latchkey reads bodies of up to {read} bytes: \
             Envoy refuses longer bodies with 413, whatever the key; check that no client sends them"
        );
        report.warn(WHAT, place, &note);
    }
}

/// Returns whether the token has the scheme that Latchkey expects.
fn has_scheme(value: &str) -> bool {
    value.get(.."Bearer ".len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("Bearer "))
}

/// Returns whether some header is withheld from Latchkey.
fn hides_headers(filter: &Value) -> bool {
    ["allowed_headers", "disallowed_headers"].iter().any(|name| field(filter, name).is_some())
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
    let all = list(filter, "grpc_service/initial_metadata").iter();
    all.filter(|one| text(one, "key").eq_ignore_ascii_case(name)).map(|one| text(one, "value")).next()
}
