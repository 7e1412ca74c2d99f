//! HTTP connection managers: whether each requests decisions, how it changes requests, and which addresses it trusts.

use serde_json::Value;

use super::filters::{self, FilterPosition};
use super::report::{Report, Rule};
use super::tree::{field, is_true, list, number, text, typed};
use super::{ext_authz, headers, logs, routes};
use crate::cli::check::finding::CheckVerdict::{Fail, Warn};

const FILTER: &str = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
const WHAT: &str = "listener";

const RULES: [Rule; 6] = [
    Rule {
        verdict: Fail,
        matches: |manager| {
            !is_true(manager, "use_remote_address") && field(manager, "original_ip_detection_extensions").is_none()
        },
        note: "use_remote_address is not true: a client can forge its address in x-forwarded-for, and keys restricted \
             to networks rely on it; set it to true, and set xff_num_trusted_hops behind a load balancer",
    },
    Rule {
        verdict: Warn,
        matches: |manager| is_true(manager, "normalize_path"),
        note: "normalize_path is true: ambiguous paths are normalized before the decision, although Latchkey would \
             refuse them; a service that reads the original path elsewhere sees a different one",
    },
    Rule {
        verdict: Warn,
        matches: |manager| is_true(manager, "merge_slashes"),
        note: "merge_slashes is true: paths with empty segments are normalized before the decision, although Latchkey \
             would refuse them",
    },
    Rule {
        verdict: Warn,
        matches: |manager| {
            let kept = ["", "IMPLEMENTATION_SPECIFIC_DEFAULT", "KEEP_UNCHANGED", "REJECT_REQUEST"];
            !kept.contains(&text(manager, "path_with_escaped_slashes_action"))
        },
        note: "path_with_escaped_slashes_action unescapes slashes: a store or an identifier with a slash becomes a \
             different path before the decision; set it to KEEP_UNCHANGED or REJECT_REQUEST",
    },
    Rule {
        verdict: Fail,
        matches: |manager| is_true(manager, "http_protocol_options/allow_chunked_length"),
        note: "http_protocol_options.allow_chunked_length is true: some services treat a request with two lengths as \
             two requests, and there is no decision about the second; remove it",
    },
    Rule {
        verdict: Fail,
        matches: |manager| field(manager, "rds").is_some() || field(manager, "scoped_routes").is_some(),
        note: "routes are loaded from another source and could not be checked: they might disable ext_authz or rewrite \
             paths",
    },
];

/// Checks a connection manager.
pub(super) fn check(manager: &Value, place: &str, config: &Value, report: &mut Report<'_>) {
    let filters = list(manager, "http_filters");
    // A listener that only redirects to https, or responds by itself, needs no decision.
    if !filters.iter().any(is_ext_authz) && filters.iter().all(is_router) && !routes::forward(manager) {
        logs::check(manager, false, place, report);
        return;
    }
    check_filters(filters, place, config, report);
    for upgrade in list(manager, "upgrade_configs") {
        let own = list(upgrade, "filters");
        let kind = text(upgrade, "upgrade_type");
        if !own.is_empty() && !own.iter().any(is_ext_authz) {
            report.fail(
                WHAT,
                place,
                &format!("filters of the upgrade {kind} lack ext_authz: such requests bypass Latchkey"),
            );
        } else if !own.is_empty() {
            check_filters(own, place, config, report);
        }
        routes::check_upgrade(kind, WHAT, place, report);
    }
    report.apply(&RULES, manager, WHAT, place);
    check_client_address(manager, filters, place, report);
    check_early_mutations(manager, place, report);
    check_ip_detection(manager, place, report);
    let names: Vec<&str> =
        filters.iter().filter(|filter| is_ext_authz(filter)).map(|filter| text(filter, "name")).collect();
    routes::check(manager, &names, place, report);
    logs::check(manager, !names.is_empty(), place, report);
}

/// Returns whether a filter is ext_authz.
fn is_ext_authz(filter: &Value) -> bool {
    field(filter, "typed_config").is_some_and(|config| typed(config).0 == FILTER)
}

fn is_router(filter: &Value) -> bool {
    field(filter, "typed_config")
        .is_some_and(|config| typed(config).0 == "envoy.extensions.filters.http.router.v3.Router")
}

/// Checks how Latchkey receives the client's address.
fn check_client_address(manager: &Value, filters: &[Value], place: &str, report: &mut Report<'_>) {
    let mut ext_authz =
        filters.iter().filter(|filter| is_ext_authz(filter)).filter_map(|filter| field(filter, "typed_config"));
    let is_sent = ext_authz.all(|config| ext_authz::metadata(typed(config).1, "x-latchkey-client").is_some());
    let balanced = number(manager, "xff_num_trusted_hops").unwrap_or(0) > 0
        || field(manager, "original_ip_detection_extensions").is_some();
    if balanced && !is_sent {
        report.warn(
            WHAT,
            place,
            "Envoy determines the client address behind load balancers but does not pass it to Latchkey: keys \
             restricted to networks are refused; add x-latchkey-client to grpc_service.initial_metadata",
        );
    }
}

/// Checks what changes a request before any filter.
fn check_early_mutations(manager: &Value, place: &str, report: &mut Report<'_>) {
    let settings = list(manager, "early_header_mutation_extensions").iter();
    for config in settings.filter_map(|extension| field(extension, "typed_config")) {
        let (kind, config) = typed(config);
        if kind != "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation" {
            report.unknown(WHAT, place, "one of early_header_mutation_extensions");
        }
        let wrong: Vec<String> =
            list(config, "mutations").iter().filter_map(|one| headers::changed_early(one, report)).collect();
        for note in wrong {
            report.fail(WHAT, place, &format!("early_header_mutation_extensions {note}; remove it"));
        }
    }
    if field(manager, "early_header_mutation_extensions").is_some() {
        report.warn(
            WHAT,
            place,
            "early_header_mutation_extensions change requests before the decision: check that they do not change what \
             the service reads in another form",
        );
    }
}

/// Checks where the client's address is taken from.
fn check_ip_detection(manager: &Value, place: &str, report: &mut Report<'_>) {
    for extension in list(manager, "original_ip_detection_extensions") {
        let (kind, config) = field(extension, "typed_config").map_or(("", &Value::Null), typed);
        let short = kind.strip_prefix("envoy.extensions.http.original_ip_detection.").unwrap_or_default();
        match short {
            "xff.v3.XffConfig" => {
                let networks = list(config, "xff_trusted_cidrs/cidrs");
                let everybody = networks.iter().any(|network| number(network, "prefix_len").unwrap_or(0) == 0);
                if everybody || networks.is_empty() && number(config, "xff_num_trusted_hops").unwrap_or(0) == 0 {
                    report.fail(
                        WHAT,
                        place,
                        "original_ip_detection_extensions takes the client address from x-forwarded-for even if a \
                         client wrote it: clients can forge it, and keys restricted to networks rely on it; set \
                         xff_trusted_cidrs to the networks of the load balancers, or set use_remote_address to true \
                         together with xff_num_trusted_hops",
                    );
                } else if networks.is_empty() {
                    report.warn(
                        WHAT,
                        place,
                        "original_ip_detection_extensions takes the client address from x-forwarded-for: make sure \
                         that only the load balancers can reach the listener",
                    );
                }
            }
            "custom_header.v3.CustomHeaderConfig" => report.fail(
                WHAT,
                place,
                "original_ip_detection_extensions takes the client address from a header that any client can forge, \
                 and keys restricted to networks rely on it; use x-forwarded-for with xff_trusted_cidrs",
            ),
            _ => report.fail(
                WHAT,
                place,
                "original_ip_detection_extensions has an unknown extension: keys restricted to networks may rely on a \
                 forged address",
            ),
        }
    }
}

/// Checks the filters that a request passes, in their order.
fn check_filters(filters: &[Value], place: &str, config: &Value, report: &mut Report<'_>) {
    let ext_authz = filters.iter().position(is_ext_authz);
    if ext_authz.is_none() {
        report.fail("filters", place, "it has no ext_authz filter: all its requests bypass Latchkey");
    }
    for (at, filter) in filters.iter().enumerate() {
        if !is_ext_authz(filter) {
            let position = if ext_authz.is_some_and(|ext_authz| at > ext_authz) {
                FilterPosition::After
            } else {
                FilterPosition::Before
            };
            filters::check(filter, position, place, report);
            continue;
        }
        if is_true(filter, "disabled") {
            report.fail(
                "filters",
                place,
                "the ext_authz filter is disabled: only routes that enable it request decisions",
            );
        }
        if let Some(settings) = field(filter, "typed_config") {
            ext_authz::check(typed(settings).1, place, config, report);
        }
    }
}
