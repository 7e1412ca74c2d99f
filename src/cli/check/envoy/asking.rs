//! The filter ext_authz: whether it asks about every request, shows all of it, and heeds the answer.

use serde_json::Value;

use super::report::{Report, Rule};
use super::tree::{at, field, is_true, list, number, text};
use super::{clusters, headers};
use crate::cli::check::finding::Verdict::{Fail, Warn};

const WHAT: &str = "ext_authz";

/// The largest body that Latchkey takes in one question, in bytes.
const MAX_BODY: u64 = 1 << 20;

const RULES: [Rule; 20] = [
    Rule {
        verdict: Fail,
        is_there: |filter| is_true(filter, "failure_mode_allow"),
        said: "failure_mode_allow is true: whenever nothing can be decided everything goes through, and a client can bring \
               that about; set it to false",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| is_true(filter, "shadow_mode"),
        said: "shadow_mode is true: what is refused goes through all the same; leave it out",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| field(filter, "filter_enabled").is_some() && !asks_always(filter),
        said: "filter_enabled lets requests through unasked; leave it out",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| field(filter, "filter_enabled_metadata").is_some() && !is_closed_when_off(filter),
        said: "filter_enabled_metadata lets requests through unasked that lack the metadata; leave it out",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| field(filter, "http_service").is_some(),
        said: "http_service is asked: Latchkey answers Envoy by gRPC, and sees neither bodies nor all headers by HTTP; use \
               grpc_service",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| field(filter, "grpc_service").is_none() && field(filter, "http_service").is_none(),
        said: "nobody is asked: grpc_service is missing",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| field(filter, "with_request_body").is_none(),
        said: "with_request_body is missing: keys, stores and other methods (_method) in bodies are not seen; a body that \
               names one reaches the service unjudged, or is refused to all keys but those for all stores",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| hides_headers(filter),
        said: "allowed_headers or disallowed_headers keep headers from Latchkey: those that ask for another method or path, \
               and a second key, go on unjudged; leave both out",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| !is_true(filter, "encode_raw_headers"),
        said: "encode_raw_headers is not true: headers that came twice are judged as one, and bytes that are no UTF-8 as \
               others than the service gets; set it to true",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| field(filter, "decoder_header_mutation_rules").is_some(),
        said: "decoder_header_mutation_rules keep Latchkey from changing headers: the key, and what a client says in the \
               name of x-latchkey-…, go on to the service, and stores that a call must be kept to are not added to its \
               path; leave them out",
    },
    Rule {
        verdict: Warn,
        is_there: |filter| !is_true(filter, "validate_mutations"),
        said: "validate_mutations is not true: an answer that was tampered with on the way could put bytes into requests \
               that no header may hold; set it to true",
    },
    Rule {
        verdict: Warn,
        is_there: |filter| field(filter, "status_on_error").is_none(),
        said: "status_on_error is missing: while nothing can be decided clients are told 403, and take their keys for \
               wrong; set it to { code: ServiceUnavailable }",
    },
    Rule {
        verdict: Warn,
        is_there: |filter| {
            at(filter, "grpc_service/envoy_grpc").is_some() && at(filter, "grpc_service/retry_policy").is_none()
        },
        said: "grpc_service.retry_policy is missing: requests fail while a replica of Latchkey ends or starts (Envoy heeds \
               one within envoy_grpc for its own configuration alone)",
    },
    Rule {
        verdict: Warn,
        is_there: |filter| field(filter, "grpc_service").is_some() && metadata(filter, "authorization").is_none(),
        said: "grpc_service.initial_metadata has no authorization: nothing is decided, unless Latchkey's decision_auth is off",
    },
    Rule {
        verdict: Warn,
        is_there: |filter| metadata(filter, "authorization").is_some_and(|value| !has_scheme(value)),
        said: "authorization in grpc_service.initial_metadata does not begin with Bearer: nothing is decided, unless what \
               stands for it does; write Bearer %ENVIRONMENT(LATCHKEY_TOKEN)%",
    },
    Rule {
        verdict: Warn,
        is_there: |filter| metadata(filter, "authorization").is_some_and(|value| !value.contains('%')),
        said: "an operator's token stands in the file: write Bearer %ENVIRONMENT(LATCHKEY_TOKEN)%",
    },
    Rule {
        verdict: Fail,
        is_there: |filter| metadata(filter, "x-latchkey-client").is_some_and(|value| value != CLIENT),
        said: "x-latchkey-client is something else than Envoy's own finding, and keys that are limited to networks believe it; \
               write %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    },
    Rule {
        verdict: Warn,
        is_there: |filter| field(filter, "grpc_service").is_some() && metadata(filter, "x-latchkey-client").is_none(),
        said: "x-latchkey-client is missing in grpc_service.initial_metadata: keys that are limited to networks are refused to \
               clients whose requests other proxies forwarded; set it to %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    },
    Rule {
        verdict: Warn,
        is_there: |filter| at(filter, "grpc_service/google_grpc").is_some(),
        said: "google_grpc has no health checks and no retries here: requests fail while a replica of Latchkey ends or \
               starts; use envoy_grpc",
    },
    Rule {
        verdict: Warn,
        is_there: |filter| is_true(filter, "clear_route_cache"),
        said: "clear_route_cache is true: a header that Latchkey sets, and a query that it changes, choose the route anew; \
               look whether all routes then lead where they should",
    },
];

/// The client's address as Envoy knows it.
const CLIENT: &str = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%";

/// What is wrong with how bodies are shown.
const BODY_RULES: [Rule; 3] = [
    Rule {
        verdict: Fail,
        is_there: |body| !is_true(body, "pack_as_bytes"),
        said: "with_request_body.pack_as_bytes is not true: bytes of a body that are no UTF-8 are judged as others than the \
               service gets; set it to true",
    },
    Rule {
        verdict: Warn,
        is_there: |body| is_true(body, "allow_partial_message"),
        said: "with_request_body.allow_partial_message is true: of a longer body only the beginning is judged. Latchkey \
               refuses it where a key or store could be in the rest, and cannot see another method (_method) in it \
               elsewhere; with false, Envoy refuses it with 413",
    },
    Rule {
        verdict: Warn,
        is_there: |body| number(body, "max_request_bytes").unwrap_or(0) > MAX_BODY,
        said: "with_request_body.max_request_bytes is over 1048576, the most that Latchkey takes: nothing is decided about \
               longer bodies, and clients are told to try again; set it to 1048576 or less",
    },
];

/// Looks at the configuration of the filter.
pub(super) fn look(filter: &Value, place: &str, config: &Value, report: &mut Report<'_>) {
    report.hold(&RULES, filter, WHAT, place);
    let named = metadata(filter, "x-latchkey-profile");
    if let Some(body) = field(filter, "with_request_body") {
        look_at_body(body, named, place, report);
    }
    if let Some(profile) = named.filter(|name| !name.contains('%'))
        && !report.profiles.contains_key(profile)
    {
        let said = format!(
            "x-latchkey-profile names {profile}, and the configuration here has no such profile: where Latchkey has none \
             either, every request is refused"
        );
        report.warn(WHAT, place, &said);
    }
    for said in carried(filter) {
        report.fail(WHAT, place, &said);
    }
    let cluster = text(filter, "grpc_service/envoy_grpc/cluster_name");
    let asked = if at(filter, "grpc_service/google_grpc").is_some() {
        text(filter, "grpc_service/google_grpc/target_uri").to_owned()
    } else {
        format!("the cluster {cluster}")
    };
    report.asked.entry(asked).or_insert_with(|| place.to_owned());
    clusters::look(cluster, place, config, report);
}

/// What is wrong with what the question carries besides the request.
fn carried(filter: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for one in list(filter, "grpc_service/initial_metadata") {
        let (name, value) = (text(one, "key").to_ascii_lowercase(), text(one, "value"));
        match &*name {
            "authorization" if !headers::is_of_operator(value) => wrong.push(
                "authorization in grpc_service.initial_metadata is neither written out nor taken from the environment: who asks \
                 must not be up to clients"
                    .to_owned(),
            ),
            "x-latchkey-profile" if value.contains('%') => wrong.push(
                "x-latchkey-profile is taken from something that a client could set: it would choose how it is judged; write the \
                 profile's name"
                    .to_owned(),
            ),
            "authorization" | "x-latchkey-client" | "x-latchkey-profile" => {}
            // Latchkey reads nothing else, and gRPC's own cannot be set so.
            _ if name.starts_with("x-latchkey") || name.starts_with("grpc-") || name.starts_with(':') => {
                wrong.push(format!("{name} in grpc_service.initial_metadata is not known here; leave it out"));
            }
            _ => {}
        }
        if seen.contains(&name) {
            wrong.push(format!("{name} is there twice in grpc_service.initial_metadata; leave one out"));
        }
        seen.push(name);
    }
    wrong
}

/// Looks at how bodies are shown to a profile, or to those that the path chooses.
pub(super) fn look_at_body(body: &Value, profile: Option<&str>, place: &str, report: &mut Report<'_>) {
    report.hold(&BODY_RULES, body, WHAT, place);
    let asked = report.profiles.iter().filter(|(name, found)| match profile {
        Some(profile) => *name == profile,
        None => found.by_prefix,
    });
    let read = asked.map(|(_, profile)| profile.body_limit).max().map_or(0, |limit| MAX_BODY.min(limit as u64));
    let shown = number(body, "max_request_bytes").unwrap_or(0);
    if shown < read {
        let said = format!(
            "with_request_body.max_request_bytes is {shown}, and Latchkey reads bodies of up to {read} bytes: Envoy refuses \
             longer ones with 413, whatever the key opens; look that no client sends them"
        );
        report.warn(WHAT, place, &said);
    }
}

/// Whether the token has the scheme that Latchkey looks for.
fn has_scheme(value: &str) -> bool {
    value.get(.."Bearer ".len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("Bearer "))
}

/// Whether some header is kept from Latchkey.
fn hides_headers(filter: &Value) -> bool {
    ["allowed_headers", "disallowed_headers"].iter().any(|name| field(filter, name).is_some())
}

/// Whether every request is asked about, or refused.
fn asks_always(filter: &Value) -> bool {
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

/// What the question carries under a name.
pub(super) fn metadata<'a>(filter: &'a Value, name: &str) -> Option<&'a str> {
    let all = list(filter, "grpc_service/initial_metadata").iter();
    all.filter(|one| text(one, "key").eq_ignore_ascii_case(name)).map(|one| text(one, "value")).next()
}
