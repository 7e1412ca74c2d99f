//! Routes: whether one of them switches the question off, or sends on something else than was decided about.

use serde_json::Value;

use super::tree::{field, is_true, list, text, typed, walk};
use super::{Report, asking};

const WHAT: &str = "routes";

/// Fields that change the path behind the decision.
const REWRITES: [&str; 4] = ["prefix_rewrite", "regex_rewrite", "path_rewrite_policy", "path_rewrite"];
/// Fields that change the host behind the decision.
const HOST_REWRITES: [&str; 5] =
    ["host_rewrite_literal", "host_rewrite_header", "host_rewrite_path_regex", "auto_host_rewrite", "host_rewrite"];

/// Looks at the routes of a connection manager whose filters of these names ask.
pub(super) fn look(manager: &Value, filters: &[&str], place: &str, report: &mut Report<'_>) {
    let Some(routes) = field(manager, "route_config") else { return };
    let by_host = report.profiles.values().any(|profile| profile.host);
    walk(routes, place, &mut |value, place| {
        for (name, settings) in field(value, "typed_per_filter_config").and_then(Value::as_object).into_iter().flatten()
        {
            let (kind, settings) = typed(settings);
            if filters.contains(&name.as_str()) || kind.ends_with(".ExtAuthzPerRoute") {
                per_route(settings, place, report);
            }
        }
        for name in REWRITES.iter().filter(|name| field(value, name).is_some()) {
            let said = format!(
                "{name} gives the service another path than was decided about: what the key opens is then another method, \
                 unless the reference book describes the paths that clients send"
            );
            report.warn(WHAT, place, &said);
        }
        for name in HOST_REWRITES.iter().filter(|name| by_host && field(value, name).is_some()) {
            let said = format!(
                "{name} gives the service another host than was decided about, and a profile takes the store from it"
            );
            report.warn(WHAT, place, &said);
        }
        for header in list(value, "request_headers_to_add") {
            let name = text(header, "header/key").to_ascii_lowercase();
            if name.starts_with("x-latchkey-") || name.contains("method-override") || name.contains("rewrite-ur") {
                report.fail(
                    WHAT,
                    place,
                    &format!("request_headers_to_add sets {name} behind the decision; leave it out"),
                );
            }
        }
        for name in list(value, "request_headers_to_remove").iter().filter_map(Value::as_str) {
            if name.to_ascii_lowercase().starts_with("x-latchkey-") {
                let said = format!(
                    "request_headers_to_remove takes {name} from the service: where it applies the scope, it is told none"
                );
                report.warn(WHAT, place, &said);
            }
        }
        if !list(value, "request_mirror_policies").is_empty() {
            let said = "request_mirror_policies send requests to another service as well: look that it may have them";
            report.warn(WHAT, place, said);
        }
    });
}

/// What a route, or a virtual host, has ext_authz do otherwise.
fn per_route(settings: &Value, place: &str, report: &mut Report<'_>) {
    if is_true(settings, "disabled") {
        report.fail(WHAT, place, "ext_authz is disabled there: whatever comes that way is judged by nobody");
    }
    let Some(check) = field(settings, "check_settings") else { return };
    if is_true(check, "disable_request_body_buffering") {
        report.fail(
            WHAT,
            place,
            "disable_request_body_buffering keeps bodies from Latchkey there: keys, stores and other methods in them are \
             not seen",
        );
    }
    if let Some(body) = field(check, "with_request_body") {
        asking::look_at_body(body, None, place, report);
    }
    if field(check, "grpc_service").is_some() || field(check, "http_service").is_some() {
        report.warn(WHAT, place, "another service is asked there than elsewhere: look that it is Latchkey");
    }
}
