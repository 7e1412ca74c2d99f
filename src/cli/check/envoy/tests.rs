use std::collections::BTreeMap;

use super::super::CheckVerdict;
use super::check_text;
use crate::config::profiles::{Profile, built_in};

const DEPLOYED: &str = include_str!("../../../../deploy/envoy/envoy.yaml");

fn results(yaml: &str, profiles: &BTreeMap<String, Profile>) -> Vec<(CheckVerdict, String)> {
    let findings = check_text(yaml, profiles).unwrap_or_else(|error| panic!("{error}:\n{yaml}"));
    findings.into_iter().map(|finding| (finding.verdict, format!("{}: {}", finding.what, finding.note))).collect()
}

fn only_failure(yaml: &str, profiles: &BTreeMap<String, Profile>) -> String {
    match &*results(yaml, profiles) {
        [(CheckVerdict::Fail, note)] => note.clone(),
        others => panic!("{others:?}"),
    }
}

/// Returns the example with a change.
fn changed(from: &str, to: &str) -> String {
    assert!(DEPLOYED.contains(from), "deploy/envoy/envoy.yaml has {from}");
    DEPLOYED.replacen(from, to, 1)
}

#[test]
fn nothing_is_found_in_the_example() {
    let [(CheckVerdict::Ok, note)] = &*results(DEPLOYED, &built_in()) else {
        panic!("{:?}", results(DEPLOYED, &built_in()))
    };
    assert!(note.contains("no way around them was found"), "{note}");
}

/// Parts of the example that can be changed in several ways.
const ALLOW: &str = "failure_mode_allow: false";
const SLASHES: &str = "merge_slashes: false";
const PATH: &str = "%PATH(NQ)%";
const TOKEN: &str = "Bearer %ENVIRONMENT(LATCHKEY_TOKEN)%";
const CLIENT: &str = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\" }";
const PROFILE: &str = "# - { key: x-latchkey-profile, value: retailcrm }";

/// Changes to the example, and the expected finding: F or W, and words of it.
const HOLES: [(&str, &str, &str); 68] = [
    // Words that Envoy's YAML reader treats as true, and fields in both spellings.
    (ALLOW, "failure_mode_allow: yes", "F failure_mode_allow is true"),
    (ALLOW, "failure_mode_allow: On", "F failure_mode_allow is true"),
    (ALLOW, "failure_mode_allow: TRUE", "F failure_mode_allow is true"),
    (ALLOW, "failure_mode_allow: y", "F failure_mode_allow is true"),
    (
        ALLOW,
        "failure_mode_allow: false\n                      failureModeAllow: false",
        "F failureModeAllow occurs in two spellings",
    ),
    (ALLOW, "filter_enabled: { default_value: { numerator: 100, denominator: 2 } }", "F filter_enabled"),
    ("KEEP_UNCHANGED", "4", "W path_with_escaped_slashes_action"),
    (ALLOW, "new_in_1_50: true", "F new_in_1_50 is unknown"),
    (SLASHES, "new_in_1_50: true", "F new_in_1_50 is unknown"),
    ("connect_timeout: 1s", "new_in_1_50: true", "F new_in_1_50 is unknown"),
    (
        "- { key: x-latchkey-client, value",
        "- { key: x-left-out, value",
        "W x-latchkey-client is missing in grpc_service",
    ),
    (CLIENT, "%REQ(X-Real-IP)%\" }", "F x-latchkey-client is not the client address"),
    (CLIENT, "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%\" }", "F x-latchkey-client is not the client address"),
    (SLASHES, "early_header_mutation_extensions: [{ name: a }]", "W early_header_mutation_extensions change"),
    ("address: 127.0.0.1, port_value: 9901", "address: 0.0.0.0, port_value: 9901", "F admin.address can be reached"),
    (ALLOW, "failure_mode_allow: true", "F failure_mode_allow is true"),
    (ALLOW, "failureModeAllow: true", "F failure_mode_allow is true"),
    (ALLOW, "shadow_mode: true", "F shadow_mode"),
    (ALLOW, "filter_enabled: { default_value: { numerator: 99 } }", "F filter_enabled"),
    (ALLOW, "filter_enabled: { default_value: { numerator: 100 }, runtime_key: a }", "F filter_enabled"),
    (ALLOW, "filter_enabled: { default_value: { numerator: 100, denominator: MILLION } }", "F filter_enabled"),
    (ALLOW, "filter_enabled_metadata: { filter: a }", "F filter_enabled_metadata"),
    (ALLOW, "http_service: { server_uri: { uri: a } }", "F http_service"),
    (ALLOW, "allowed_headers: { patterns: [{ exact: a }] }", "F allowed_headers or"),
    (ALLOW, "disallowed_headers: { patterns: [{ exact: a }] }", "F allowed_headers or"),
    (ALLOW, "decoder_header_mutation_rules: { disallow_all: true }", "F decoder_header_mutation_rules"),
    (ALLOW, "decoder_header_mutation_rules: { disallow_system: true }", "F decoder_header_mutation_rules"),
    (ALLOW, "clear_route_cache: true", "W clear_route_cache"),
    ("with_request_body:", "x_left_out:", "F with_request_body is missing"),
    ("pack_as_bytes: true", "pack_as_bytes: false", "F with_request_body.pack_as_bytes"),
    ("allow_partial_message: false", "allow_partial_message: true", "W with_request_body.allow_partial_message"),
    ("max_request_bytes: 1048576", "max_request_bytes: 2000000", "W with_request_body.max_request_bytes"),
    ("max_request_bytes: 1048576", "max_request_bytes: 65536", "W with_request_body.max_request_bytes is 65536"),
    ("encode_raw_headers: true", "encode_raw_headers: false", "F encode_raw_headers"),
    ("validate_mutations: true", "validate_mutations: false", "W validate_mutations"),
    ("status_on_error:", "x_left_out:", "W status_on_error"),
    ("retry_policy:", "x_left_out:", "W grpc_service.retry_policy is missing"),
    ("key: authorization,", "key: x-left-out,", "W grpc_service.initial_metadata has no authorization"),
    (TOKEN, "Bearer lko_secret", "W the file contains an operator token"),
    (TOKEN, "%ENVIRONMENT(LATCHKEY_TOKEN)%", "W authorization in grpc_service"),
    (TOKEN, "%REQ(X-Token)%", "F authorization in grpc_service.initial_metadata"),
    (PROFILE, "- { key: x-latchkey-profile, value: '%REQ(p)%' }", "F x-latchkey-profile is taken"),
    (PROFILE, "- { key: x-latchkey-profile, value: nobody }", "W x-latchkey-profile names nobody"),
    ("envoy_grpc: { cluster_name: latchkey }", "envoy_grpc: { cluster_name: other }", "F there is no cluster other"),
    (
        "explicit_http_config:\n            http2_protocol_options:",
        "explicit_http_config:\n            http_protocol_options:",
        "F it uses HTTP/1.1",
    ),
    ("circuit_breakers:", "x_left_out:", "W circuit_breakers do not set max_retries"),
    ("health_checks:", "x_left_out:", "W health_checks are missing"),
    ("address: 127.0.0.1, port_value: 50051", "address: 10.0.0.1, port_value: 50051", "W it is on another machine"),
    ("use_remote_address: true", "use_remote_address: false", "F use_remote_address"),
    ("normalize_path: false", "normalize_path: true", "W normalize_path"),
    (SLASHES, "merge_slashes: true", "W merge_slashes"),
    ("KEEP_UNCHANGED", "UNESCAPE_AND_FORWARD", "W path_with_escaped_slashes_action"),
    (SLASHES, "http_protocol_options: { allow_chunked_length: true }", "F http_protocol_options"),
    (SLASHES, "upgrade_configs: [{ upgrade_type: websocket }]", "W upgrade_configs"),
    (
        SLASHES,
        "upgrade_configs: [{ upgrade_type: websocket, filters: [{ name: r }] }]",
        "F filters of the upgrade websocket",
    ),
    (SLASHES, "rds: { route_config_name: a }", "F routes are loaded from another source"),
    (SLASHES, "tracing: { provider: { name: a } }", "W spans contain"),
    ("filters.http.ext_authz.v3.ExtAuthz", "filters.http.buffer.v3.Buffer", "F it has no ext_authz filter"),
    (
        "- name: envoy.filters.http.ext_authz",
        "- disabled: true\n                    name: a",
        "F the ext_authz filter is disabled",
    ),
    (PATH, "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", "F %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% logs the path with the query"),
    (PATH, "%PATH(WQ)%", "F %PATH(WQ)% logs"),
    (PATH, "a %PATH% b", "F %PATH% logs"),
    (PATH, "%QUERY_PARAM(apiKey)%", "F %QUERY_PARAM(apiKey)% logs a part of the query"),
    (PATH, "%REQ(X-Api-Key):8%", "F %REQ(X-Api-Key):8% logs the header x-api-key"),
    (PATH, "%CEL(request.path)%", "F %CEL(request.path)% logs"),
    ("access_log:", "x_left_out:", "W access_log is missing"),
    ("log_format:", "x_left_out:", "F Envoy's default format"),
    ("access_loggers.stream.v3.StdoutAccessLog", "access_loggers.grpc.v3.HttpGrpcAccessLogConfig", "F the gRPC log"),
];

#[test]
fn each_hole_is_found_and_said_why() {
    for (from, to, expected) in HOLES {
        let results = results(&changed(from, to), &built_in());
        let verdict = if expected.starts_with('F') { CheckVerdict::Fail } else { CheckVerdict::Warn };
        let found = results.iter().filter(|(found, note)| *found == verdict && note.contains(&expected[2..])).count();
        assert_eq!(found, 1, "{from} → {to}: {results:?}");
        let others =
            results.iter().filter(|(found, note)| *found == CheckVerdict::Fail && !note.contains(&expected[2..]));
        // A renamed part, and parts that refer to it, are unknown, which is reported too.
        let others = others.filter(|(_, note)| !note.contains(" is unknown")).count();
        assert_eq!(others, 0, "{from} → {to} breaks nothing else: {results:?}");
    }
}

const PER_ROUTE: &str = "extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";

#[test]
fn routes_that_undo_a_decision_are_found_where_they_are() {
    let route = "route: { cluster: shop, timeout: 30s }";
    let per_filter = |name: &str, kind: &str, settings: &str| {
        format!("typed_per_filter_config: {{ {name}: {{ '@type': x/envoy.{kind}, {settings} }} }}")
    };
    let check = |settings: &str| per_filter("a", PER_ROUTE, &format!("check_settings: {{ {settings} }}"));
    for (added, expected) in [
        (per_filter("envoy.filters.http.ext_authz", PER_ROUTE, "disabled: true"), "F ext_authz is disabled:"),
        (
            per_filter("envoy.filters.http.ext_authz", "config.route.v3.FilterConfig", "disabled: true"),
            "F ext_authz is disabled:",
        ),
        (check("disable_request_body_buffering: true"), "F disable_request_body_buffering"),
        (check("with_request_body: { max_request_bytes: 1048576 }"), "F with_request_body.pack_as_bytes"),
        (per_filter("a", PER_ROUTE, "checkSettings: { grpcService: {} }"), "F decisions come from a different service"),
        (
            "request_headers_to_add: [{ header: { key: X-Latchkey-Store, value: a } }]".to_owned(),
            "F request_headers_to_add sets x-latchkey-store",
        ),
        (
            "request_headers_to_remove: [x-latchkey-scope]".to_owned(),
            "W request_headers_to_remove removes x-latchkey-scope",
        ),
    ] {
        let yaml = changed(route, &format!("{route}\n                          {added}"));
        let results = results(&yaml, &built_in());
        let verdict = if expected.starts_with('F') { CheckVerdict::Fail } else { CheckVerdict::Warn };
        let [(found, note)] = &*results else { panic!("{added}: {results:?}") };
        assert!(*found == verdict && note.contains(&expected[2..]), "{added}: {results:?}");
        assert!(note.contains("listener clients, virtual host shop, route /: "), "{note}");
    }
    for (rewrite, expected) in [
        ("prefix_rewrite: /x", "prefix_rewrite changes"),
        ("regex_rewrite: { substitution: a }", "regex_rewrite changes"),
        ("host_rewrite_literal: x", "host_rewrite_literal changes"),
    ] {
        let yaml = changed("{ cluster: shop, timeout: 30s }", &format!("{{ cluster: shop, {rewrite} }}"));
        let mut profiles = built_in();
        profiles.get_mut("plain").unwrap().host = true;
        let failure = only_failure(&yaml, &profiles);
        assert!(failure.contains(expected), "{failure}");
    }
}

#[test]
fn filters_behind_the_decision_and_before_it_are_looked_at() {
    let router = "- name: envoy.filters.http.router";
    let filter = |kind: &str| {
        format!(
            "- name: f\n                    typed_config: {{ '@type': type.googleapis.com/envoy.extensions.{kind} }}\n                  "
        )
    };
    let lua = changed(router, &format!("{}{router}", filter("filters.http.lua.v3.Lua")));
    assert!(only_failure(&lua, &built_in()).contains("the filter lua is unknown"));
    let harmless = changed(router, &format!("{}{router}", filter("filters.http.fault.v3.HTTPFault")));
    assert!(matches!(&*results(&harmless, &built_in()), [(CheckVerdict::Ok, _)]));
    let ext_authz = "- name: envoy.filters.http.ext_authz";
    let cache = changed(ext_authz, &format!("{}{ext_authz}", filter("filters.http.cache.v3.CacheConfig")));
    assert!(only_failure(&cache, &built_in()).contains("f is before ext_authz"));
}

#[test]
fn a_second_door_without_a_lock_is_found() {
    let door = "  clusters:\n    - name: latchkey";
    let second = "    - name: back\n      filter_chains:\n        - filters:\n            - name: h\n              typed_config:\n                \
                  '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n                \
                  use_remote_address: true\n";
    let failure = only_failure(&changed(door, &format!("{second}\n{door}")), &built_in());
    assert!(failure.contains("listener back: it has no ext_authz filter"), "{failure}");
}

#[test]
fn what_is_closed_all_the_same_is_no_hole() {
    let closed = "filter_enabled: { default_value: { numerator: 5 } }\n                      deny_at_disable: { default_value: true }";
    for to in [closed, "filter_enabled: { default_value: { numerator: 100 } }"] {
        let results = results(&changed("failure_mode_allow: false", to), &built_in());
        assert!(matches!(&*results, [(CheckVerdict::Ok, _)]), "{results:?}");
    }
}

#[test]
fn what_is_no_configuration_of_envoy_is_said_to_be_none_without_quoting_it() {
    let results = |text: &str| check_text(text, &built_in()).unwrap_err();
    assert!(results("a: [lko_secret").contains("not YAML"), "{}", results("a: [lko_secret"));
    assert!(!results("a: [lko_secret").contains("lko_secret"));
    assert!(results("a: b").contains("neither static_resources nor dynamic_resources"));
    assert!(results("").contains("no"));
    assert!(check_text("static_resources: {}", &built_in()).unwrap()[0].note.contains("no listener accepts HTTP"));
    let json = serde_json::json!({ "dynamic_resources": { "lds_config": {} } }).to_string();
    assert!(check_text(&json, &built_in()).unwrap()[0].note.contains("listeners from another source"));
}
