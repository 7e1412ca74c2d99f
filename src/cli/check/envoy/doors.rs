//! HTTP connection managers: whether each one asks, what it does to a request before and after that, and whom it believes.

use serde_json::Value;

use super::tree::{field, is_true, list, text, typed};
use super::{Report, Rule, asking, logs, routes};
use crate::cli::check::Verdict::{Fail, Warn};

const FILTER: &str = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
const WHAT: &str = "listener";

const RULES: [Rule; 7] = [
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
        is_there: |manager| text(manager, "path_with_escaped_slashes_action").starts_with("UNESCAPE"),
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
        verdict: Warn,
        is_there: |manager| field(manager, "rds").is_some() || field(manager, "scoped_routes").is_some(),
        said: "routes come from elsewhere and are not seen here: look that none switches ext_authz off, and none rewrites \
               paths",
    },
];

/// Filters that change requests, by a part of their type.
const CHANGING: [&str; 11] = [
    ".lua.",
    ".wasm.",
    ".ext_proc.",
    ".golang.",
    ".header_mutation.",
    ".decompressor.",
    "transcoder",
    ".dynamic_modules.",
    ".composite.",
    ".transform.",
    ".connect_grpc_bridge.",
];

/// Looks at a connection manager.
pub(super) fn look(manager: &Value, place: &str, config: &Value, report: &mut Report<'_>) {
    let filters = list(manager, "http_filters");
    chain(filters, place, config, report);
    for upgrade in list(manager, "upgrade_configs") {
        let own = list(upgrade, "filters");
        if !own.is_empty() && !own.iter().any(asks) {
            let kind = text(upgrade, "upgrade_type");
            report.fail(
                WHAT,
                place,
                &format!("filters of the upgrade {kind} lack ext_authz: such requests are judged by nobody"),
            );
        }
    }
    report.hold(&RULES, manager, WHAT, place);
    let names: Vec<&str> = filters.iter().filter(|filter| asks(filter)).map(|filter| text(filter, "name")).collect();
    routes::look(manager, &names, place, report);
    logs::look(manager, !names.is_empty(), place, report);
}

/// Whether a filter is ext_authz.
fn asks(filter: &Value) -> bool {
    field(filter, "typed_config").is_some_and(|config| typed(config).0 == FILTER)
}

/// Looks at the filters that a request passes, in their order.
fn chain(filters: &[Value], place: &str, config: &Value, report: &mut Report<'_>) {
    let Some(asking) = filters.iter().position(asks) else {
        let elsewhere = filters.iter().any(|filter| field(filter, "config_discovery").is_some());
        if elsewhere {
            report.warn(
                "filters",
                place,
                "config_discovery brings filters from elsewhere: whether one asks is not seen here",
            );
        } else {
            report.fail("filters", place, "it has no filter ext_authz: whatever comes here is judged by nobody");
        }
        return;
    };
    for filter in filters.iter().filter(|filter| asks(filter)) {
        if is_true(filter, "disabled") {
            report.fail("filters", place, "the filter ext_authz is disabled: only routes that switch it on ask");
        }
        if let Some(settings) = field(filter, "typed_config") {
            asking::look(typed(settings).1, place, config, report);
        }
    }
    for (at, filter) in filters.iter().enumerate() {
        let kind = field(filter, "typed_config").map_or("", |config| typed(config).0);
        let name = text(filter, "name");
        if kind.contains(".cache.") {
            let said = if at < asking {
                format!(
                    "the filter {name} stands before ext_authz: what was allowed to one key is answered to everybody"
                )
            } else {
                format!(
                    "the filter {name} answers one key with what another was allowed, unless the answer says for whom it is"
                )
            };
            report.fail("filters", place, &said);
        }
        if at > asking && CHANGING.iter().any(|changing| kind.contains(changing)) {
            let said = format!(
                "the filter {name} stands behind ext_authz and can change what was decided about: put it before, or see \
                 that it leaves path, query, body and x-latchkey-… alone"
            );
            report.warn("filters", place, &said);
        }
        if at > asking && field(filter, "config_discovery").is_some() {
            report.warn(
                "filters",
                place,
                &format!("the filter {name} behind ext_authz comes from elsewhere and is not seen here"),
            );
        }
    }
}
