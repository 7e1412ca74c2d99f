//! Access logs and traces: whether they contain keys. Keys are sent in queries and headers.

use serde_json::Value;

use super::headers::{self, commands};
use super::report::Report;
use super::tree::{extension, field, has, list, text, walk};

const WHAT: &str = "access log";

/// Checks everything that logs requests in a connection manager, which requests decisions about them or does not.
pub(super) fn check(manager: &Value, has_ext_authz: bool, report: Report<'_>) {
    let report = report.about(WHAT);
    walk(manager, report.place, &mut |value, place| {
        for log in ["access_log", "upstream_log"].iter().flat_map(|name| list(value, name)) {
            check_log(log, report.at(place));
        }
    });
    if has_ext_authz && list(manager, "access_log").is_empty() {
        report.warn(
            "access_log is missing, so nothing records why a request was refused and whose it was; copy the one from \
             the example, which logs no keys",
        );
    }
    walk(manager, report.place, &mut |value, place| {
        for tag in list(value, "custom_tags") {
            check_tag(tag, report.at(place));
        }
    });
    if has(manager, "tracing") {
        report.about("tracing").warn(
            "spans contain the URL of each request including the query, which can contain keys: restrict access to \
             them, or remove tracing",
        );
    }
}

fn check_tag(tag: &Value, report: Report<'_>) {
    let name = text(tag, "request_header/name");
    let leak = leaked_by("REQ", name, report);
    if let Some(why) = leak.filter(|_| !name.is_empty()) {
        report.about("tracing").fail(format!("custom_tags contain {why}"));
    }
    check_format(field(tag, "value").unwrap_or(&Value::Null), report);
}

pub(super) fn check_log(log: &Value, report: Report<'_>) {
    let report = report.about(WHAT);
    let (kind, config) = extension(log);
    match kind.rsplit('.').next().unwrap_or_default() {
        "FileAccessLog" | "StdoutAccessLog" | "StderrAccessLog" | "FluentdAccessLogConfig" => {
            let formats = ["log_format", "format", "json_format", "typed_json_format", "record"];
            let mut formats = formats.into_iter().filter_map(|name| field(config, name)).peekable();
            if formats.peek().is_none() {
                report.fail(
                    "Envoy's default format logs the path with the query, which can contain keys; set a format with \
                     %PATH(NQ)% for the path",
                );
            }
            formats.for_each(|format| check_format(format, report));
            if has(config, "log_format/text_format_source/filename") {
                report.fail("the format is in another file, which could not be checked");
            }
        }
        "HttpGrpcAccessLogConfig" => report
            .fail("the gRPC log contains the path with the query, which can contain keys; use a log with a format"),
        "OpenTelemetryAccessLogConfig" => check_format(config, report),
        other => report.fail(format!("{other} is unknown and might log keys; remove it")),
    }
}

fn check_format(format: &Value, report: Report<'_>) {
    match format {
        Value::String(text) => match commands(text) {
            Some(commands) => {
                for (name, argument, whole) in commands {
                    if let Some(why) = leaked_by(name, argument, report) {
                        report.fail(format!("%{whole}% logs {why}"));
                    }
                }
            }
            None => report.fail("a format has a % that is not understood; write %% for a literal percent sign"),
        },
        Value::Array(list) => list.iter().for_each(|member| check_format(member, report)),
        Value::Object(members) => members.values().for_each(|member| check_format(member, report)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Prefixes of commands that log nothing from a request's address, headers or body.
const HARMLESS: &str = "\
    ACCESS_LOG_TYPE BYTES_ COMMON_DURATION CONNECTION_ DOWNSTREAM_ DURATION EMIT_TIME GRPC_STATUS HOSTNAME PROTOCOL \
    REQUESTED_SERVER_NAME REQUEST_DURATION REQUEST_TX_DURATION RESPONSE_ ROUNDTRIP_DURATION ROUTE_NAME START_TIME \
    STREAM_ID TRACE_ID UNIQUE_ID";

/// Returns what a command of a format logs, or may log, that must stay secret.
fn leaked_by(name: &str, argument: &str, report: Report<'_>) -> Option<String> {
    const QUERY: &str = "the path with the query, which can contain keys; write %PATH(NQ)%";

    let argument = argument.to_ascii_lowercase();
    match name {
        "REQ" => argument.split('?').find_map(|header| match header.trim() {
            ":path"
            | "x-envoy-original-path"
            | "x-original-uri"
            | "x-forwarded-uri"
            | "x-original-url"
            | "x-rewrite-url" => Some(QUERY.to_owned()),
            header if report.is_key_header(header) => Some(format!("the header {header}, which can contain keys")),
            "cookie" => Some("the header cookie, which can contain sessions".to_owned()),
            _ => None,
        }),
        "PATH" if argument == "nq" || argument.starts_with("nq:") => None,
        "PATH" => Some(QUERY.to_owned()),
        "QUERY_PARAM" | "QUERY_PARAMS" => Some("a part of the query, which can contain keys".to_owned()),
        "DYNAMIC_METADATA" if argument.split(':').next() == Some(headers::DECISION) => None,
        "RESP" | "TRAILER" | "VIRTUAL_CLUSTER_NAME" | "LOCAL_REPLY_BODY" | "CUSTOM_FLAGS" => None,
        _ if name.starts_with("UPSTREAM_") && !name.contains("METADATA") && !name.contains("FILTER_STATE") => None,
        _ if HARMLESS.split(' ').any(|known| name.starts_with(known)) => None,
        _ => Some("something unknown that might contain keys; remove it".to_owned()),
    }
}
