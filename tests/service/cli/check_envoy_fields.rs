//! Kind 13, field by field: text that Envoy parses differently than it looks, and fields that let a client influence
//! its decision, or where its request goes. `latchkey check --envoy` reports none of it as safe.

use crate::cli::check_envoy::{
    DEPLOYED, EnvoyCheck, action, changed, filter, listener, route, validate, with_lines_after,
};

const MODE: &str = "failure_mode_allow: false";
const REMOTE: &str = "use_remote_address: true";
const CLIENT: &str = "- { key: x-latchkey-client";
const SHOP: &str = "    - name: shop\n      type: STRICT_DNS\n";
const MANAGER: &str = "http_connection_manager.v3.HttpConnectionManager";

/// Adds a further cluster that points to another shop.
fn with_madrid(yaml: &str) -> String {
    let madrid = "    - { name: madrid, type: STRICT_DNS, load_assignment: { cluster_name: madrid, endpoints: [{ lb_endpoints: [{ \
                  endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: 8002 } } } }] }] } }\n";
    yaml.replacen(SHOP, &format!("{madrid}{SHOP}"), 1)
}

fn shop(more: &str) -> String {
    changed(SHOP, &format!("{SHOP}      {more}\n"))
}

fn extension(kind: &str, settings: &str) -> String {
    format!("{{ name: e, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.{kind}{settings} }} }}")
}

/// Adds a second listener whose filter uses another authorization cluster.
fn another_asked() -> String {
    let opa = DEPLOYED
        [DEPLOYED.find("    - name: latchkey\n").unwrap()..DEPLOYED.find("    - name: shop\n      type").unwrap()]
        .replace("latchkey", "opa");
    let begin = DEPLOYED.find("    - name: clients").unwrap();
    let end = DEPLOYED.find("  clusters:\n    - name: latchkey").unwrap();
    let second = DEPLOYED[begin..end]
        .replace("name: clients", "name: others")
        .replace("port_value: 8000", "port_value: 8003")
        .replace("cluster_name: latchkey", "cluster_name: opa");
    format!("{}{}  clusters:\n{opa}{}", &DEPLOYED[..end], second, &DEPLOYED[end + "  clusters:\n".len()..])
}

/// Returns files that Envoy parses differently than they look.
fn written() -> Vec<(String, &'static str)> {
    let mode = |written: &str| changed(MODE, &format!("failure_mode_allow: {written}"));
    vec![
        (changed("with_request_body:", "with_request_body: !ignore"), "tags (!…) are not supported"),
        (changed(REMOTE, "use_remote_address: !ignore true"), "tags (!…) are not supported"),
        (changed("encode_raw_headers: true", "encode_raw_headers: !ignore true"), "tags (!…) are not supported"),
        (changed("pack_as_bytes: true", "pack_as_bytes: !ignore true"), "tags (!…) are not supported"),
        (mode("!!bool \"true\""), "tags (!…) are not supported"),
        (mode("&mode true"), "anchors (&…) and aliases (*…) are not supported"),
        (
            changed(MODE, "failure_mode_allow: &no false\n                      charge_cluster_response_stats: *no"),
            "anchors (&…) and aliases (*…) are not supported",
        ),
        (
            changed(MODE, "failure_mode_allow: false\n                      failure_mode_allow: true"),
            "failure_mode_allow occurs twice",
        ),
        (
            changed(MODE, "failure_mode_allow: false\n                      failureModeAllow: true"),
            "failureModeAllow occurs in two spellings",
        ),
        (format!("{DEPLOYED}\n---\nadmin: {{}}\n"), "there is a second document"),
        (changed("# Without a decision", "# \u{2028}Without a decision"), "it contains a control character"),
        (mode("\"t\""), "failure_mode_allow is true"),
        (mode("\"1\""), "failure_mode_allow is true"),
        (mode("\"true\""), "failure_mode_allow is true"),
        (mode("T"), "failure_mode_allow is true"),
        (changed(MODE, "failureModeAllow: \"Yes\""), "failure_mode_allow is true"),
        (with_lines_after("encode_raw_headers: true", "shadow_mode: \"1\""), "shadow_mode is true"),
        (
            with_lines_after("- name: envoy.filters.http.ext_authz", "  disabled: \"t\""),
            "the ext_authz filter is disabled",
        ),
        (
            route(
                "typed_per_filter_config: { envoy.filters.http.ext_authz: { \"@type\": \
                   type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: \"t\" } }",
            ),
            "ext_authz is disabled:",
        ),
        (
            changed("max_request_bytes: 1048576", "max_request_bytes: 04000000"),
            "max_request_bytes has a value that could not be checked",
        ),
        (
            changed("max_request_bytes: 1048576", "max_request_bytes: 0x100000"),
            "max_request_bytes has a value that could not be checked",
        ),
        (
            changed(MODE, "filter_enabled: { default_value: { numerator: \"1e2\" } }"),
            "numerator has a value that could not be checked",
        ),
        (
            changed(MODE, "filter_enabled: { default_value: { numerator: 100, denominator: \"1\" } }"),
            "filter_enabled lets requests bypass",
        ),
    ]
}

/// Returns changes of the authorization service and of the check requests.
fn questions() -> Vec<(String, &'static str)> {
    let carried = |name: &str, value: &str| {
        changed(CLIENT, &format!("- {{ key: {name}, value: \"{value}\" }}\n                          {CLIENT}"))
    };
    let token = |value: &str| changed("Bearer %ENVIRONMENT(LATCHKEY_TOKEN)%", value);
    vec![
        (carried("x-latchkey-profile", "%DYNAMIC_METADATA(envoy.lb:p)%"), "x-latchkey-profile is taken from something"),
        (carried("X-Latchkey-Profile", "%REQUESTED_SERVER_NAME%"), "x-latchkey-profile is taken from something"),
        (carried("x-latchkey-profile", "%DOWNSTREAM_PEER_SUBJECT%"), "x-latchkey-profile is taken from something"),
        (carried("x-latchkey-client", "10.0.0.1"), "x-latchkey-client occurs twice"),
        (
            carried("x-latchkey-caller", "%REQ(x-caller)%"),
            "x-latchkey-caller in grpc_service.initial_metadata is unknown",
        ),
        (token("Bearer %DYNAMIC_METADATA(envoy.lb:t)%"), "authorization in grpc_service.initial_metadata is neither"),
        (token("Bearer %REQUESTED_SERVER_NAME%"), "authorization in grpc_service.initial_metadata is neither"),
        (another_asked(), "listener others uses the cluster opa: only one of them can be Latchkey"),
        (
            changed(
                "validate_mutations: true",
                "validate_mutations: true\n                      decoder_header_mutation_rules: { allow_expression: { regex: \"^$\" } }",
            ),
            "decoder_header_mutation_rules prevent Latchkey from",
        ),
        (
            changed("cluster: shop, timeout", "cluster: latchkey, timeout"),
            "a route sends clients' requests to latchkey",
        ),
    ]
}

/// Returns changes of how the client address is determined.
fn addresses() -> Vec<(String, &'static str)> {
    const DETECTION: &str = "http.original_ip_detection.";

    let detected = |kind: &str, settings: &str| {
        let extension = extension(&format!("{DETECTION}{kind}"), settings);
        changed(REMOTE, &format!("original_ip_detection_extensions: [{extension}]"))
    };
    let early = |header: &str| {
        let settings = format!(
            ", mutations: [{{ append: {{ header: {{ key: {header}, value: \"%REQ(x-me)%\" }}, append_action: OVERWRITE_IF_EXISTS_OR_ADD }} }}]"
        );
        let extension = extension("http.early_header_mutation.header_mutation.v3.HeaderMutation", &settings);
        with_lines_after(REMOTE, &format!("early_header_mutation_extensions: [{extension}]"))
    };
    vec![
        (detected("xff.v3.XffConfig", ", xff_num_trusted_hops: 0"), "even if a client wrote it"),
        (detected("xff.v3.XffConfig", ""), "even if a client wrote it"),
        (
            detected(
                "xff.v3.XffConfig",
                ", xff_trusted_cidrs: { cidrs: [{ address_prefix: 0.0.0.0, prefix_len: 0 }] }",
            ),
            "even if a client wrote it",
        ),
        (
            detected("custom_header.v3.CustomHeaderConfig", ", header_name: x-real-ip"),
            "takes the client address from a header",
        ),
        (early("x-forwarded-for"), "early_header_mutation_extensions sets x-forwarded-for"),
        (early("X-Api-Key"), "early_header_mutation_extensions sets x-api-key"),
    ]
}

/// Returns changes of headers that are added or removed after the decision.
fn headers() -> Vec<(String, &'static str)> {
    let added = |name: &str, value: &str| {
        route(&format!("request_headers_to_add: [{{ header: {{ key: {name}, value: \"{value}\" }} }}]"))
    };
    let removed = |name: &str| route(&format!("request_headers_to_remove: [{name}]"));
    let mutation = |mutation: &str| {
        format!("header_mutation.v3.HeaderMutation, mutations: {{ request_mutations: [{{ {mutation} }}] }}")
    };
    vec![
        (
            filter(
                true,
                "ip_tagging.v3.IPTagging, request_type: BOTH, ip_tags: [{ ip_tag_name: madrid, ip_list: [{ address_prefix: \
                 127.0.0.0, prefix_len: 8 }] }], ip_tag_header: { header: x-latchkey-store, action: SANITIZE }",
                "",
            ),
            "ip_tag_header is unknown",
        ),
        (
            filter(
                true,
                "local_ratelimit.v3.LocalRateLimit, stat_prefix: l, request_headers_to_add_when_not_enforced: [{ header: { key: \
                 x-latchkey-store, value: madrid } }]",
                "",
            ),
            "request_headers_to_add_when_not_enforced is unknown",
        ),
        (
            filter(
                true,
                "ratelimit.v3.RateLimit, domain: d, rate_limit_service: { transport_api_version: V3, grpc_service: { envoy_grpc: { \
                 cluster_name: shop } } }",
                "",
            ),
            "the filter added is after ext_authz",
        ),
        (
            filter(
                true,
                "header_mutation.v3.HeaderMutation, mutations: { query_parameter_mutations: [{ append: { record: { key: site, value: \
                 a } } }] }",
                "",
            ),
            "query_parameter_mutations is unknown",
        ),
        (
            filter(false, &mutation("append: { header: { key: authorization, value: Bearer lk_a } }"), ""),
            "the filter added sets authorization, so every client has the key",
        ),
        (
            filter(true, &mutation("append: { header: { key: x-zone, value: \"%REQ(x-tenant)%\" } }"), ""),
            "sets x-zone after",
        ),
        (filter(true, &mutation("remove: content-type"), ""), "removes content-type after the decision"),
        (added("x-shop", "%REQ(x-tenant)%"), "request_headers_to_add sets x-shop after the decision to something"),
        (added("x-shop", "%PATH(WQ)%"), "request_headers_to_add sets x-shop"),
        (added("x-shop", "%DYNAMIC_METADATA(envoy.lb:t)%"), "request_headers_to_add sets x-shop"),
        (added("x-shop", "%REQUESTED_SERVER_NAME%"), "request_headers_to_add sets x-shop"),
        (added("x-method", "DELETE"), "request_headers_to_add sets x-method"),
        (added("x-original-host", "a"), "request_headers_to_add sets x-original-host"),
        (added("x-request-uri", "/b"), "request_headers_to_add sets x-request-uri"),
        (added("x-script-name", "/b"), "request_headers_to_add sets x-script-name"),
        (added("x-shop", "%DYNAMIC_METADATA(envoy.filters.http.ext_authz:a)%"), "request_headers_to_add sets x-shop"),
        (
            filter(
                false,
                "header_to_metadata.v3.Config, request_rules: [{ header: x-a, on_header_present: { metadata_namespace: \
                 envoy.filters.http.ext_authz, key: key_id } }]",
                "",
            ),
            "the filter added can forge the decision metadata of ext_authz",
        ),
        (removed("X-Store"), "request_headers_to_remove removes x-store after"),
        (removed("x-http-method-override"), "request_headers_to_remove removes x-http-method-override after"),
        (removed("content-encoding"), "request_headers_to_remove removes content-encoding after"),
    ]
}

/// Returns changes that determine where a request is sent.
fn ways() -> Vec<(String, &'static str)> {
    let conditional = |condition: &str| {
        let route =
            format!("- match: {{ prefix: /, {condition} }}\n                          route: {{ cluster: madrid }}\n");
        with_madrid(&changed(
            "                        - match: { prefix: / }\n",
            &format!("                        {route}                        - match: {{ prefix: / }}\n"),
        ))
    };
    let options = |settings: &str| {
        shop(&format!(
            "typed_extension_protocol_options: {{ envoy.extensions.upstreams.http.v3.HttpProtocolOptions: {{ \"@type\": \
             type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: {{ \
             http_protocol_options: {{}} }}{settings} }} }}"
        ))
    };
    let original = "    - name: shop\n      type: ORIGINAL_DST\n      lb_policy: CLUSTER_PROVIDED\n";
    let original = |more: &str| {
        let end = DEPLOYED.find(SHOP).unwrap();
        format!("{}{original}{more}", &DEPLOYED[..end])
    };
    vec![
        (original(""), "type ORIGINAL_DST lets clients choose"),
        (
            original("      original_dst_lb_config: { use_http_header: true, http_header_name: x-to }\n"),
            "use_http_header lets",
        ),
        (
            original("      original_dst_lb_config: { metadata_key: { key: envoy.lb, path: [{ key: dst }] } }\n"),
            "original_dst_lb_config lets something other",
        ),
        (
            options(", upstream_http_protocol_options: { auto_sni: true, override_auto_sni_header: x-sni }"),
            "override_auto_sni_header is unknown",
        ),
        (options(", request_mirror_policies: [{ cluster: latchkey }]"), "request_mirror_policies is unknown"),
        (
            shop(&format!(
                "load_balancing_policy: {{ policies: [{{ typed_extension_config: {} }}] }}",
                extension(
                    "load_balancing_policies.override_host.v3.OverrideHost",
                    &format!(
                        ", override_host_sources: [{{ header: x-dst }}], fallback_policy: {{ policies: [{{ typed_extension_config: {} }}] }}",
                        extension("load_balancing_policies.round_robin.v3.RoundRobin", "")
                    )
                )
            )),
            "OverrideHost in typed_config is unknown",
        ),
        (
            shop("lb_subset_config: { fallback_policy: ANY_ENDPOINT, subset_selectors: [{ keys: [store] }] }"),
            "lb_subset_config is unknown",
        ),
        (
            shop(&format!(
                "transport_socket: {}",
                extension(
                    "transport_sockets.http_11_proxy.v3.Http11ProxyUpstreamTransport",
                    &format!(", transport_socket: {}", extension("transport_sockets.raw_buffer.v3.RawBuffer", ""))
                )
            )),
            "the transport socket http_11_proxy is unknown",
        ),
        (
            changed("address: 127.0.0.1, port_value: 8001", "address: 127.0.0.1, port_value: 9901"),
            "it leads to admin.address",
        ),
        (
            conditional("headers: [{ name: x-tenant, string_match: { exact: madrid } }]"),
            "x-tenant determines where a request is sent",
        ),
        (
            conditional("query_parameters: [{ name: tenant, string_match: { exact: madrid } }]"),
            "query_parameters determines where",
        ),
        (
            conditional("dynamic_metadata: [{ filter: envoy.lb, path: [{ key: a }], value: { present_match: true } }]"),
            "dynamic_metadata determines where",
        ),
        (
            changed(
                "                        - match: { prefix: / }\n",
                "                        - match: { prefix: /, headers: [{ name: x-tenant, present_match: true }] }\n                          \
                 route: { cluster: shop }\n                          request_headers_to_add: [{ header: { key: x-tag, value: madrid } }]\n                        \
                 - match: { prefix: / }\n",
            ),
            "x-tenant determines where a request is sent",
        ),
        (action("request_mirror_policies: [{ cluster: latchkey }]"), "request_mirror_policies also send each request"),
        (
            with_lines_after("domains: [\"*\"]", "request_mirror_policies: [{ cluster_header: x-c }]"),
            "request_mirror_policies also send each request",
        ),
        (
            with_madrid(&changed(
                "route: { cluster: shop, timeout: 30s }",
                "route: { weighted_clusters: { header_name: x-pick, clusters: [{ name: shop, weight: 1 }, { name: madrid, weight: 1 }] } }",
            )),
            "header_name is unknown",
        ),
        (action("upgrade_configs: [{ upgrade_type: h2c }]"), "the upgrade h2c creates a tunnel"),
        (with_lines_after(REMOTE, "upgrade_configs: [{ upgrade_type: h2c }]"), "the upgrade h2c creates a tunnel"),
        (with_lines_after("max_concurrent_streams: 100", "allow_connect: true"), "allow_connect is unknown"),
        (with_lines_after(REMOTE, "http_protocol_options: { enable_trailers: true }"), "enable_trailers is unknown"),
        (
            action("internal_redirect_policy: { response_headers_to_copy: [x-store] }"),
            "response_headers_to_copy is unknown",
        ),
    ]
}

/// Returns configurations that log keys, and configurations that are loaded from elsewhere.
fn others() -> Vec<(String, &'static str)> {
    let format = |command: &str| changed("%PATH(NQ)%", command);
    let layer = |layer: &str| {
        changed(
            "static_resources:",
            &format!("layered_runtime: {{ layers: [{{ name: a, {layer} }}] }}\n\nstatic_resources:"),
        )
    };
    vec![
        (format("%START_TIME(%Y)% %REQ(AUTHORIZATION)%"), "%REQ(AUTHORIZATION)% logs the header authorization"),
        (format("%REQ(X-Api-Key?authorization)%"), "logs the header"),
        (format("%DYNAMIC_METADATA(envoy.lb)%"), "logs something unknown"),
        (format("%ENVIRONMENT(LATCHKEY_TOKEN)%"), "logs something unknown"),
        (format("%FILTER_STATE(a)%"), "logs something unknown"),
        (
            with_lines_after(REMOTE, "tracing: { custom_tags: [{ tag: a, request_header: { name: authorization } }] }"),
            "custom_tags contain the header authorization",
        ),
        (
            changed(
                "log_format:",
                "log_format: { text_format_source: { filename: /etc/hostname } }\n                      x:",
            )
            .replace(
                &DEPLOYED[DEPLOYED.find("                        json_format:\n                          time").unwrap()
                    ..DEPLOYED.find("                # Envoy's own responses").unwrap()],
                "",
            )
            .replace("                      x:", ""),
            "the format is in another file",
        ),
        (layer("disk_layer: { symlink_root: /tmp }"), "the layer a is loaded from another source"),
        (layer("static_layer: { envoy: { reloadable_features: { x: true } } }"), "the runtime value envoy is unknown"),
        (format!("{DEPLOYED}\nheader_prefix: x-shop\n"), "header_prefix is unknown"),
        (format!("{DEPLOYED}\nflags_path: /tmp\n"), "flags_path is unknown"),
        (
            filter(false, "tap.v3.Tap, common_config: { admin_config: { config_id: a } }", ""),
            "records requests, which contain keys",
        ),
    ]
}

/// Returns configurations that look similar and are harmless.
fn harmless() -> Vec<String> {
    let cidrs = ", xff_trusted_cidrs: { cidrs: [{ address_prefix: 10.1.0.0, prefix_len: 16 }] }";
    vec![
        changed(MODE, "failureModeAllow: \"false\""),
        changed(MODE, "failure_mode_allow: no"),
        DEPLOYED
            .replace("# - { key: x-latchkey-profile, value: retailcrm }", "- { key: x-latchkey-profile, value: shop }"),
        changed(
            REMOTE,
            &format!(
                "original_ip_detection_extensions: [{}]",
                extension("http.original_ip_detection.xff.v3.XffConfig", cidrs)
            ),
        ),
        route("request_headers_to_add: [{ header: { key: x-shop-zone, value: \"%HOSTNAME%\" } }]"),
        route("request_headers_to_remove: [x-internal]"),
        filter(
            false,
            "local_ratelimit.v3.LocalRateLimit, stat_prefix: l, token_bucket: { max_tokens: 9, tokens_per_fill: 9, fill_interval: 1s \
             }, filter_enabled: { default_value: { numerator: 100 } }, status: { code: 429 }",
            "",
        ),
        filter(true, "ip_tagging.v3.IPTagging, request_type: BOTH, ip_tags: [{ ip_tag_name: a, ip_list: [] }]", ""),
        shop("outlier_detection: { consecutive_5xx: 5 }"),
        with_madrid(&changed(
            "                        - match: { prefix: / }\n",
            "                        - match: { prefix: /madrid/ }\n                          route: { cluster: madrid }\n                        - \
             match: { prefix: / }\n",
        )),
        with_madrid(&changed(
            "                    - name: shop\n                      domains: [\"*\"]\n",
            "                    - { name: madrid, domains: [m.example], routes: [{ match: { prefix: / }, route: { cluster: madrid } \
             }] }\n                    - name: shop\n                      domains: [\"*\"]\n",
        )),
        listener(
            MANAGER,
            ", stat_prefix: b, access_log: [{ name: a, typed_config: { \"@type\": \
             type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, log_format: { text_format_source: { \
             inline_string: \"%START_TIME(%Y-%m)% 100%% %RESP(SERVER)%\" } } } }], route_config: { virtual_hosts: [{ name: b, domains: \
             [\"*\"], routes: [{ match: { prefix: / }, direct_response: { status: 404 } }] }] }, http_filters: [{ name: r, typed_config: \
             { \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]",
        ),
    ]
}

#[test]
fn no_field_opens_a_door_that_is_called_safe() {
    let envoy_check = EnvoyCheck::new();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (yaml, expected) in [written(), questions(), addresses(), headers(), ways(), others()].concat() {
        tried += 1;
        let output = envoy_check.check(&yaml);
        let line = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
        if output.code != 1 || !line.contains(expected) {
            wrong.push(format!("{expected}: exit code {}, and {}{}", output.code, output.out, output.err));
        }
        if let Err(message) = validate(&envoy_check.file(&yaml)) {
            wrong.push(format!("Envoy does not take the sample of {expected}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_only_looks_like_one_is_no_hole() {
    let envoy_check = EnvoyCheck::new();
    let mut wrong = Vec::new();
    for (at, yaml) in harmless().into_iter().enumerate() {
        let output = envoy_check.check(&yaml);
        if output.code != 0 || !output.out.contains("assumed to be the cluster latchkey") {
            wrong.push(format!("sample {at}: {}{}", output.out, output.err));
        }
        if let Err(message) = validate(&envoy_check.file(&yaml)) {
            wrong.push(format!("Envoy does not take sample {at}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Two clusters for two hosts are two stores, unless a profile reads the store from the host.
#[test]
fn hosts_choose_no_cluster_unless_a_profile_reads_them() {
    let envoy_check = EnvoyCheck::new();
    std::fs::write(envoy_check.folder.path().join("latchkey.toml"), "").expect("a configuration");
    let yaml = &harmless()[10];
    let output = envoy_check.check(yaml);
    assert!(
        output.code == 1 && output.out.contains("virtual hosts lead to different clusters"),
        "{}{}",
        output.out,
        output.err
    );
}
