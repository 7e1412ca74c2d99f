//! HTTP connection managers: whether each one asks, what it does to a request before and after that, and whom it believes.

use serde_json::Value;

use super::filters::{self, Stands};
use super::tree::{at, field, is_true, list, number, text, typed};
use super::{Report, Rule, asking, known, logs, routes};
use crate::cli::check::Verdict::{Fail, Warn};

const FILTER: &str = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
const WHAT: &str = "listener";

const RULES: [Rule; 10] = [
    Rule {
        verdict: Fail,
        is_there: |manager| {
            !is_true(manager, "use_remote_address") && field(manager, "original_ip_detection_extensions").is_none()
        },
        said: "use_remote_address is not true: a client writes its own address into x-forwarded-for, and keys that are \
               limited to networks believe it; set it to true, and xff_num_trusted_hops behind a load balancer",
    },
    Rule {
        verdict: Warn,
        is_there: |manager| is_true(manager, "normalize_path"),
        said: "normalize_path is true: paths that can be read in two ways are mended before they are judged, where Latchkey \
               would refuse them; a service that gets the original elsewhere reads another",
    },
    Rule {
        verdict: Warn,
        is_there: |manager| is_true(manager, "merge_slashes"),
        said: "merge_slashes is true: paths with empty segments are mended before they are judged, where Latchkey would \
               refuse them",
    },
    Rule {
        verdict: Warn,
        is_there: |manager| {
            let action = at(manager, "path_with_escaped_slashes_action");
            let kept = ["", "IMPLEMENTATION_SPECIFIC_DEFAULT", "KEEP_UNCHANGED", "REJECT_REQUEST"];
            action.is_some_and(|action| {
                action.as_str().map_or(action.as_u64().is_none_or(|number| number > 2), |word| !kept.contains(&word))
            })
        },
        said: "path_with_escaped_slashes_action unescapes: a store or an identifier with a slash in it becomes another path \
               before it is judged; set it to KEEP_UNCHANGED or REJECT_REQUEST",
    },
    Rule {
        verdict: Fail,
        is_there: |manager| is_true(manager, "http_protocol_options/allow_chunked_length"),
        said: "http_protocol_options.allow_chunked_length is true: a request with two lengths is two requests to some \
               services, and the second is judged by nobody; leave it out",
    },
    Rule {
        verdict: Warn,
        is_there: |manager| !list(manager, "upgrade_configs").is_empty(),
        said: "upgrade_configs let connections change over to another protocol: what is sent there is judged by nobody",
    },
    Rule {
        verdict: Fail,
        is_there: |manager| field(manager, "rds").is_some() || field(manager, "scoped_routes").is_some(),
        said: "routes come from elsewhere and are not seen here: whether one switches ext_authz off, or rewrites paths, cannot \
               be said",
    },
    Rule {
        verdict: Warn,
        is_there: |manager| field(manager, "early_header_mutation_extensions").is_some(),
        said: "early_header_mutation_extensions change requests before they are judged: look that they leave alone what the \
               service reads elsewhere",
    },
    Rule {
        verdict: Fail,
        is_there: |manager| {
            let known = ["xff.v3.XffConfig", "custom_header.v3.CustomHeaderConfig"];
            list(manager, "original_ip_detection_extensions").iter().any(|extension| {
                let kind = field(extension, "typed_config").map_or("", |config| typed(config).0);
                let short = kind.strip_prefix("envoy.extensions.http.original_ip_detection.").unwrap_or_default();
                !known.contains(&short)
            })
        },
        said: "original_ip_detection_extensions has one that is not known here: whom keys that are limited to networks \
               believe cannot be said",
    },
    Rule {
        verdict: Warn,
        is_there: |manager| {
            list(manager, "original_ip_detection_extensions").iter().any(|extension| {
                field(extension, "typed_config").is_some_and(|config| typed(config).0.contains(".custom_header."))
            })
        },
        said: "original_ip_detection_extensions take the client's address from a header: let nobody reach the listener but \
               the load balancer that sets it",
    },
];

/// Looks at a connection manager.
pub(super) fn look(manager: &Value, place: &str, config: &Value, report: &mut Report<'_>) {
    let filters = list(manager, "http_filters");
    known::fields(manager, known::MANAGER, WHAT, place, report);
    // A listener that only redirects to https, or answers by itself, needs nobody's leave.
    if !filters.iter().any(asks) && filters.iter().all(is_router) && !routes::forward(manager) {
        logs::look(manager, false, place, report);
        return;
    }
    chain(filters, place, config, report);
    for upgrade in list(manager, "upgrade_configs") {
        let own = list(upgrade, "filters");
        let kind = text(upgrade, "upgrade_type");
        if !own.is_empty() && !own.iter().any(asks) {
            report.fail(
                WHAT,
                place,
                &format!("filters of the upgrade {kind} lack ext_authz: such requests are judged by nobody"),
            );
        } else if !own.is_empty() {
            chain(own, place, config, report);
        }
        if kind.to_ascii_lowercase().starts_with("connect") {
            let said = format!("the upgrade {kind} makes a tunnel: what goes through it is judged by nobody");
            report.fail(WHAT, place, &said);
        }
    }
    report.hold(&RULES, manager, WHAT, place);
    client(manager, filters, place, report);
    let names: Vec<&str> = filters.iter().filter(|filter| asks(filter)).map(|filter| text(filter, "name")).collect();
    routes::look(manager, &names, place, report);
    logs::look(manager, !names.is_empty(), place, report);
}

/// Whether a filter is ext_authz.
fn asks(filter: &Value) -> bool {
    field(filter, "typed_config").is_some_and(|config| typed(config).0 == FILTER)
}

fn is_router(filter: &Value) -> bool {
    field(filter, "typed_config")
        .is_some_and(|config| typed(config).0 == "envoy.extensions.filters.http.router.v3.Router")
}

/// Looks at what Latchkey learns of the client's address.
fn client(manager: &Value, filters: &[Value], place: &str, report: &mut Report<'_>) {
    let mut asking = filters.iter().filter(|filter| asks(filter)).filter_map(|filter| field(filter, "typed_config"));
    let told = asking.all(|config| asking::metadata(typed(config).1, "x-latchkey-client").is_some());
    let balanced = number(manager, "xff_num_trusted_hops").unwrap_or(0) > 0
        || field(manager, "original_ip_detection_extensions").is_some();
    if balanced && !told {
        report.warn(
            WHAT,
            place,
            "Envoy finds out who the client is behind load balancers, and Latchkey does not learn it: keys that are limited to \
             networks are refused; add x-latchkey-client to grpc_service.initial_metadata",
        );
    }
}

/// Looks at the filters that a request passes, in their order.
fn chain(filters: &[Value], place: &str, config: &Value, report: &mut Report<'_>) {
    let asking = filters.iter().position(asks);
    if asking.is_none() {
        report.fail("filters", place, "it has no filter ext_authz: whatever comes here is judged by nobody");
    }
    for (at, filter) in filters.iter().enumerate() {
        if !asks(filter) {
            let stands = if asking.is_some_and(|asking| at > asking) { Stands::Behind } else { Stands::Before };
            filters::look(filter, stands, place, report);
            continue;
        }
        known::fields(filter, known::HTTP_FILTER, "filters", place, report);
        if is_true(filter, "disabled") {
            report.fail("filters", place, "the filter ext_authz is disabled: only routes that switch it on ask");
        }
        if let Some(settings) = field(filter, "typed_config") {
            asking::look(typed(settings).1, place, config, report);
        }
    }
}
