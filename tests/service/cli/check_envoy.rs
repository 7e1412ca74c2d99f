//! Kind 13: configurations that Envoy accepts, and with which a request could reach the shop without a decision, or
//! differ from the request that was decided. `latchkey check --envoy` reports none of them as safe.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::program::{Program, RunOutput};

pub(crate) const DEPLOYED: &str = include_str!("../../../deploy/envoy/envoy.yaml");

/// A profile that reads the store from the host.
const BY_HOST: &str = "[profiles.shop]\nprefix = \"/\"\nstores = [\"host\", \"header:x-store\"]\n";

/// Lets Envoy validate the file; the error is Envoy's message.
pub(crate) fn validate(file: &Path) -> Result<(), String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/envoy/envoy/_bin/envoy");
    assert!(program.is_file(), "Envoy is needed: run `make setup`");
    let mut command = Command::new(program);
    command.args(["--mode", "validate", "-l", "error", "-c"]).arg(file).env("LATCHKEY_TOKEN", "token");
    let output = command.output().expect("Envoy runs");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(message) }
}

pub(crate) struct EnvoyCheck {
    pub(crate) folder: tempfile::TempDir,
}

impl EnvoyCheck {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("latchkey.toml"), BY_HOST).expect("a configuration");
        Self { folder }
    }

    pub(crate) fn file(&self, yaml: &str) -> PathBuf {
        let file = self.folder.path().join("envoy.yaml");
        std::fs::write(&file, yaml).expect("a file");
        file
    }

    pub(crate) fn check(&self, yaml: &str) -> RunOutput {
        let file = self.file(yaml);
        let program = Program::at(self.folder.path()).env("LATCHKEY_CONFIG", "latchkey.toml");
        program.run(&["check", "--envoy", file.to_str().expect("a path")])
    }
}

/// Returns the example with one replacement.
pub(crate) fn changed(from: &str, to: &str) -> String {
    assert!(DEPLOYED.contains(from), "deploy/envoy/envoy.yaml has {from}");
    DEPLOYED.replacen(from, to, 1)
}

/// Returns a line followed by further ones at the same depth.
pub(crate) fn with_lines_after(line: &str, more: &str) -> String {
    let at = DEPLOYED.find(line).unwrap_or_else(|| panic!("deploy/envoy/envoy.yaml has {line}"));
    let depth = at - DEPLOYED[..at].rfind('\n').map_or(0, |end| end + 1);
    let more: Vec<String> = more.lines().map(|more| format!("{}{more}", " ".repeat(depth))).collect();
    DEPLOYED.replacen(line, &format!("{line}\n{}", more.join("\n")), 1)
}

/// Returns a further listener with this filter.
pub(crate) fn listener(kind: &str, settings: &str) -> String {
    let filters = format!(
        "filters: [{{ name: f, typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.network.{kind}{settings} }} }}]"
    );
    let more = format!(
        "    - name: back\n      address: {{ socket_address: {{ address: 0.0.0.0, port_value: 8002 }} }}\n      filter_chains:\n        - {filters}\n\n  clusters:\n    - name: latchkey"
    );
    changed("  clusters:\n    - name: latchkey", &more)
}

/// Returns a further HTTP filter, before or after ext_authz.
pub(crate) fn filter(behind: bool, kind: &str, settings: &str) -> String {
    let stands = if behind { "- name: envoy.filters.http.router" } else { "- name: envoy.filters.http.ext_authz" };
    let filter = format!(
        "- name: added\n                    typed_config: {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.{kind}{settings} }}\n                  {stands}"
    );
    changed(stands, &filter)
}

/// Returns the route with additional fields in its action.
pub(crate) fn action(more: &str) -> String {
    changed("route: { cluster: shop, timeout: 30s }", &format!("route: {{ cluster: shop, {more} }}"))
}

pub(crate) fn route(more: &str) -> String {
    with_lines_after("route: { cluster: shop, timeout: 30s }", more)
}

/// Returns unsafe configurations, each with a part of the expected finding.
fn unsafe_configurations() -> Vec<(String, &'static str)> {
    const LUA: &str = "lua.v3.Lua, default_source_code: { inline_string: \"function envoy_on_request(h) end\" }";
    const HEADER: &str = "request_headers_to_add: [{ header: { key: NAME, value: a } }]";

    let added = |name: &str| route(&HEADER.replace("NAME", name));
    let manager = "http_connection_manager.v3.HttpConnectionManager, stat_prefix: b, route_config: { virtual_hosts: [{ name: b, \
                   domains: [\"*\"], routes: [{ match: { prefix: / }, route: { cluster: shop } }] }] }, http_filters: [{ name: r, \
                   typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]";
    let mutation = |name: &str| {
        format!(
            "header_mutation.v3.HeaderMutation, mutations: {{ request_mutations: [{{ append: {{ header: {{ key: {name}, value: a }} }} }}] }}"
        )
    };
    let per_route = |kind: &str, settings: &str| {
        route(&format!(
            "typed_per_filter_config:\n  envoy.filters.http.ext_authz: {{ \"@type\": type.googleapis.com/{kind}{settings} }}"
        ))
    };
    vec![
        // Listeners.
        (listener("tcp_proxy.v3.TcpProxy", ", stat_prefix: t, cluster: shop"), "the filter tcp_proxy forwards everything to shop"),
        (
            listener("redis_proxy.v3.RedisProxy", ", stat_prefix: r, settings: { op_timeout: 1s }, prefix_routes: { catch_all_route: { cluster: shop } }"),
            "the filter redis_proxy forwards everything",
        ),
        (
            listener("thrift_proxy.v3.ThriftProxy", ", stat_prefix: t, route_config: { routes: [{ match: { method_name: \"\" }, route: { cluster: shop } }] }"),
            "the filter thrift_proxy forwards everything",
        ),
        (listener(manager, ""), "listener back: it has no ext_authz filter"),
        (
            with_lines_after(
                "filter_chains:",
                "  - filter_chain_match: { destination_port: 9 }\n    filters: [{ name: t, typed_config: { \"@type\": \
                 type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: shop } }]",
            ),
            "listener clients: the filter tcp_proxy",
        ),
        (
            changed(
                "      filter_chains:\n",
                "      default_filter_chain: { filters: [{ name: t, typed_config: { \"@type\": \
                 type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: shop } }] }\n      filter_chains:\n",
            )
            .replacen("        - filters:\n", "        - filter_chain_match: { destination_port: 8000 }\n          filters:\n", 1),
            "listener clients: the filter tcp_proxy",
        ),
        (
            listener("tcp_proxy.v3.TcpProxy", ", stat_prefix: t, weighted_clusters: { clusters: [{ name: shop, weight: 1 }] }"),
            "the filter tcp_proxy forwards everything",
        ),
        (
            listener("direct_response.v3.Config", "").replace(
                "      address: { socket_address: { address: 0.0.0.0, port_value: 8002 } }\n",
                "      address: { socket_address: { address: 0.0.0.0, port_value: 8002, protocol: UDP } }\n      listener_filters: [{ name: u, typed_config: { \"@type\": \
                 type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig, stat_prefix: u, cluster: shop } }]\n",
            ).replace("      filter_chains:\n        - filters: [{ name: f, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config } }]\n", ""),
            "the filter udp_proxy forwards everything to shop",
        ),
        // Filters before the decision that bypass it, and filters after it.
        (filter(true, LUA, ""), "the filter lua is unknown"),
        (filter(false, LUA, ""), "the filter lua is unknown"),
        (filter(true, &mutation("X-Store"), ""), "the filter added is after ext_authz"),
        (filter(true, &mutation("X.Latchkey_Store"), ""), "the filter added is after ext_authz"),
        (filter(true, "decompressor.v3.Decompressor, decompressor_library: { name: g, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.compression.gzip.decompressor.v3.Gzip } }", ""), "the filter added is after ext_authz"),
        (filter(true, "ext_proc.v3.ExternalProcessor, grpc_service: { envoy_grpc: { cluster_name: shop } }", ""), "the filter ext_proc is unknown"),
        (filter(true, "grpc_http1_bridge.v3.Config", ""), "the filter added is after ext_authz"),
        (filter(true, "dynamic_forward_proxy.v3.FilterConfig, dns_cache_config: { name: d, dns_lookup_family: V4_ONLY }", ""), "dynamic_forward_proxy is unknown"),
        (filter(false, "composite.v3.Composite", ""), "the filter composite is unknown"),
        (filter(true, "set_filter_state.v3.Config", ""), "the filter set_filter_state is unknown"),
        (
            changed(
                "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\n                      upstream_http_filters: [{ name: m, typed_config: { \"@type\": \
                 type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation, mutations: { request_mutations: \
                 [{ append: { header: { key: x-store, value: x } } }] } } }, { name: c, typed_config: { \"@type\": \
                 type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec } }]",
            ),
            "the filter m is after ext_authz",
        ),
        (
            changed(
                "    - name: shop\n      type: STRICT_DNS\n",
                "    - name: shop\n      type: STRICT_DNS\n      typed_extension_protocol_options: { envoy.extensions.upstreams.http.v3.HttpProtocolOptions: { \"@type\": \
                 type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions, explicit_http_config: { http_protocol_options: {} }, http_filters: \
                 [{ name: m, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation, mutations: { \
                 request_mutations: [{ append: { header: { key: x-store, value: x } } }] } } }, { name: c, typed_config: { \"@type\": \
                 type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec } }] } }\n",
            ),
            "cluster shop: the filter m is after ext_authz",
        ),
        // Routes.
        (action("host_rewrite_literal: berlin.example"), "host_rewrite_literal changes the host after"),
        (action("auto_host_rewrite: true"), "auto_host_rewrite changes the host after"),
        (action("host_rewrite_header: x-h"), "host_rewrite_header changes the host after"),
        (action("host_rewrite_path_regex: { pattern: { regex: a }, substitution: b }"), "host_rewrite_path_regex changes"),
        (action("prefix_rewrite: /x"), "prefix_rewrite changes the path after"),
        (action("regex_rewrite: { pattern: { regex: a }, substitution: b }"), "regex_rewrite changes the path after"),
        (
            action("path_rewrite_policy: { name: p, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig, path_template_rewrite: /x } }")
                .replace("- match: { prefix: / }", "- match: { path_match_policy: { name: p, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, path_template: /a } } }"),
            "path_rewrite_policy changes the path after",
        ),
        (changed("route: { cluster: shop, timeout: 30s }", "route: { cluster_header: x-c }"), "cluster_header lets a header"),
        (
            changed("route: { cluster: shop, timeout: 30s }", "route: { weighted_clusters: { clusters: [{ name: shop, weight: 1, host_rewrite_literal: x }] } }"),
            "host_rewrite_literal changes the host after",
        ),
        (
            changed("route: { cluster: shop, timeout: 30s }", "route: { weighted_clusters: { clusters: [{ name: shop, weight: 1, typed_per_filter_config: { \
             envoy.filters.http.ext_authz: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: true } } }] } }"),
            "ext_authz is disabled:",
        ),
        (
            changed("route: { cluster: shop, timeout: 30s }", "route: { weighted_clusters: { clusters: [{ name: shop, weight: 1, \
             request_headers_to_add: [{ header: { key: x-latchkey-store, value: a } }] }] } }"),
            "request_headers_to_add sets x-latchkey-store",
        ),
        (changed("- match: { prefix: / }", "- match: { connect_matcher: {} }"), "connect_matcher accepts CONNECT"),
        (added("X-Store"), "request_headers_to_add sets x-store"),
        (added("x_store"), "request_headers_to_add sets x_store"),
        (added("X.Latchkey.Store"), "request_headers_to_add sets x.latchkey.store"),
        (added("X-Method-Override"), "request_headers_to_add sets x-method-override"),
        (added("script-name"), "request_headers_to_add sets script-name"),
        (added("authorization"), "request_headers_to_add sets authorization"),
        (per_route("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", ", disabled: true"), "ext_authz is disabled:"),
        (per_route("envoy.config.route.v3.FilterConfig", ", disabled: true"), "ext_authz is disabled:"),
        (
            per_route("envoy.config.route.v3.FilterConfig", ", config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: yes }"),
            "ext_authz is disabled:",
        ),
        (
            with_lines_after("domains: [\"*\"]", "typed_per_filter_config: { envoy.filters.http.ext_authz: { \"@type\": \
             type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: true } }"),
            "ext_authz is disabled:",
        ),
        (
            per_route("envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute", ", check_settings: { grpc_service: { envoy_grpc: { cluster_name: shop } } }"),
            "decisions come from a different service",
        ),
        // Values that Envoy parses as true.
        (changed("failure_mode_allow: false", "failure_mode_allow: yes"), "failure_mode_allow is true"),
        (
            changed("failure_mode_allow: false", "filter_enabled: { default_value: { numerator: 100, denominator: MILLION } }"),
            "filter_enabled lets requests bypass",
        ),
        // Elsewhere.
        (
            changed("static_resources:", "layered_runtime: { layers: [{ name: a, static_layer: { envoy.reloadable_features.x: true } }] }\n\nstatic_resources:"),
            "the runtime value envoy.reloadable_features.x is unknown",
        ),
        (changed("address: 127.0.0.1, port_value: 9901", "address: 0.0.0.0, port_value: 9901"), "admin.address can be reached"),
        (
            changed("    - name: shop\n      type: STRICT_DNS\n", "    - name: other\n      lb_policy: CLUSTER_PROVIDED\n      type: ORIGINAL_DST\n      original_dst_lb_config: { use_http_header: true }\n    - name: shop\n      type: STRICT_DNS\n"),
            "original_dst_lb_config.use_http_header",
        ),
    ]
}

/// Returns harmless configurations that the check recognizes.
fn safe() -> Vec<String> {
    let redirect = "http_connection_manager.v3.HttpConnectionManager, stat_prefix: b, access_log: [{ name: a, typed_config: { \"@type\": \
                    type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog, log_format: { text_format_source: { \
                    inline_string: \"%PATH(NQ)%\" } } } }], route_config: { virtual_hosts: [{ name: b, domains: [\"*\"], routes: [{ match: { \
                    prefix: / }, redirect: { https_redirect: true } }] }] }, http_filters: [{ name: r, typed_config: { \"@type\": \
                    type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]";
    vec![
        DEPLOYED.to_owned(),
        DEPLOYED.replace("# xff_num_trusted_hops", "xff_num_trusted_hops"),
        listener(redirect, ""),
        filter(true, "fault.v3.HTTPFault", ""),
        filter(false, "rbac.v3.RBAC", ""),
        filter(
            true,
            "header_mutation.v3.HeaderMutation, mutations: { request_mutations: [{ append: { header: { key: x-shop-zone, value: a } } }] }",
            "",
        ),
        route("request_headers_to_add: [{ header: { key: x-shop-zone, value: a } }]"),
        action("timeout: 5s, retry_policy: { retry_on: connect-failure }"),
        changed(
            "- match: { prefix: / }",
            "- match: { path: /alive }\n                          direct_response: { status: 200 }\n                          typed_per_filter_config: { envoy.filters.http.ext_authz: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: true } }\n                        - match: { prefix: / }",
        ),
        changed(
            "      # Behind a load balancer that uses the PROXY",
            "      access_log: []\n      # Behind a load balancer that uses the PROXY",
        ),
    ]
}

#[test]
fn no_open_door_is_called_safe() {
    let envoy_check = EnvoyCheck::new();
    let mut wrong = Vec::new();
    for (yaml, expected) in unsafe_configurations() {
        let output = envoy_check.check(&yaml);
        let line = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
        if output.code != 1 || !line.contains(expected) {
            wrong.push(format!("{expected}: exit code {}, and {}{}", output.code, output.out, output.err));
        }
        if let Err(message) = validate(&envoy_check.file(&yaml)) {
            wrong.push(format!("Envoy does not take the sample of {expected}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), unsafe_configurations().len(), wrong.join("\n"));
}

#[test]
fn what_is_known_is_no_hole() {
    let envoy_check = EnvoyCheck::new();
    for (at, yaml) in safe().into_iter().enumerate() {
        let output = envoy_check.check(&yaml);
        assert!(
            output.code == 0 && output.out.contains("no way around them was found"),
            "sample {at}: {}{}",
            output.out,
            output.err
        );
        validate(&envoy_check.file(&yaml)).unwrap_or_else(|message| panic!("sample {at}: {message}"));
    }
}

/// Unknown elements on the path of requests are reported as unknown, not as safe.
#[test]
fn what_is_not_known_is_said_to_be_so() {
    let envoy_check = EnvoyCheck::new();
    let network = [
        "wasm.v3.Wasm",
        "match_delegate.v3.Extension",
        "sni_dynamic_forward_proxy.v3.FilterConfig",
        "new_in_1_50.v3.New",
        "ext_proc.v3.NetworkProcessor",
    ];
    let http = ["wasm.v3.Wasm", "golang.v3.Config", "mcp_router.v3.McpRouter", "filter_chain.v3.Chain", "new.v3.New"];
    let mut samples: Vec<String> = network.iter().map(|kind| listener(kind, "")).collect();
    for kind in http {
        samples.extend([filter(true, kind, ""), filter(false, kind, "")]);
    }
    let cors = "typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors }";
    samples.push(filter(true, "cors.v3.Cors", "").replace(cors, "config_discovery: {}"));
    for field in ["new_in_1_50: {}", "matcher: {}"] {
        samples.extend([
            route(field),
            with_lines_after("domains: [\"*\"]", field),
            with_lines_after("use_remote_address: true", field),
        ]);
        samples.push(with_lines_after("failure_mode_allow: false", field));
        samples.push(action(field));
        samples.push(format!("{DEPLOYED}\n{field}\n"));
    }
    samples.push(action("cluster_specifier_plugin: p"));
    for instead in ["filter_action: {}", "name: nowhere"] {
        samples.push(changed("route: { cluster: shop, timeout: 30s }", instead));
    }
    samples.push(with_lines_after("use_remote_address: true", "rds: { route_config_name: a }"));
    samples.push(format!("{DEPLOYED}\ndynamic_resources: {{ lds_config: {{}} }}\n"));
    for (at, sample) in samples.iter().enumerate() {
        let output = envoy_check.check(sample);
        assert!(output.code == 1 && output.out.contains("FAIL"), "sample {at}: {}{}", output.out, output.err);
    }
}
