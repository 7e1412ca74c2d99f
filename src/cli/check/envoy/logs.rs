//! Access logs and traces: whether keys are written down in them. Keys travel in queries and headers.

use serde_json::Value;

use super::Report;
use super::tree::{at, field, list, typed, walk};

const WHAT: &str = "access log";

/// Looks at everything that writes requests down in a connection manager, which asks about them or does not.
pub(super) fn look(manager: &Value, asks: bool, place: &str, report: &mut Report<'_>) {
    walk(manager, place, &mut |value, place| {
        for name in ["access_log", "upstream_log"] {
            for log in list(value, name) {
                one(log, place, report);
            }
        }
    });
    if asks && list(manager, "access_log").is_empty() {
        report.warn(
            WHAT,
            place,
            "access_log is missing: why a request was refused, and whose it was, is written down nowhere; copy the one of \
             the example, which writes no key",
        );
    }
    if field(manager, "tracing").is_some() {
        report.warn(
            "tracing",
            place,
            "spans carry the address of each request with its query, and keys travel in queries: keep them from whoever may \
             not have the keys, or leave tracing out",
        );
    }
}

fn one(log: &Value, place: &str, report: &mut Report<'_>) {
    let (kind, config) = field(log, "typed_config").map_or(("", &Value::Null), typed);
    let last = kind.rsplit('.').next().unwrap_or_default();
    match last {
        "FileAccessLog" | "StdoutAccessLog" | "StderrAccessLog" | "FluentdAccessLogConfig" => {
            let formats = ["log_format", "format", "json_format", "typed_json_format", "record"];
            let mut formats = formats.into_iter().filter_map(|name| field(config, name)).peekable();
            if formats.peek().is_none() {
                report.fail(
                    WHAT,
                    place,
                    "Envoy's default format has the path with its query, and keys travel in queries; give a format, with \
                     %PATH(NQ)% for the path",
                );
            }
            formats.for_each(|format| strings(format, place, report));
            if at(config, "log_format/text_format_source/filename").is_some() {
                report.warn(WHAT, place, "the format is in another file, which is not seen here");
            }
        }
        "HttpGrpcAccessLogConfig" => report.fail(
            WHAT,
            place,
            "the log over gRPC sends the path with its query, and keys travel in queries; use one with a format",
        ),
        "OpenTelemetryAccessLogConfig" => strings(config, place, report),
        other => report.warn(WHAT, place, &format!("{other} is not known here: look whether it writes keys down")),
    }
}

/// Looks at each text of a format.
fn strings(format: &Value, place: &str, report: &mut Report<'_>) {
    match format {
        Value::String(text) => {
            for command in text.split('%').skip(1).step_by(2) {
                if let Some(why) = tells(command, report) {
                    report.fail(WHAT, place, &format!("%{command}% writes {why}"));
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|member| strings(member, place, report)),
        Value::Object(members) => members.values().for_each(|member| strings(member, place, report)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What a command of a format writes that nobody should read.
fn tells(command: &str, report: &Report<'_>) -> Option<String> {
    const QUERY: &str = "the path with its query, and keys travel in queries; write %PATH(NQ)%";

    let (name, rest) = command.split_once('(').unwrap_or((command.split(':').next().unwrap_or_default(), ""));
    let argument = rest.split(')').next().unwrap_or_default().to_ascii_lowercase();
    match name {
        "REQ" => argument.split('?').find_map(|header| match header.trim() {
            ":path" | "x-envoy-original-path" | "x-original-uri" | "x-forwarded-uri" => Some(QUERY.to_owned()),
            header if report.is_key_header(header) => Some(format!("the header {header}, and keys travel in it")),
            _ => None,
        }),
        "PATH" if !argument.starts_with("nq") => Some(QUERY.to_owned()),
        "QUERY_PARAM" | "QUERY_PARAMS" => Some("a part of the query, and keys travel in queries".to_owned()),
        "CEL" | "TYPED_CEL" | "COALESCE" => {
            let shown = ["request.path", "request.query", "request.headers", ":path", "authorization"];
            let shown = shown.iter().any(|shown| command.to_ascii_lowercase().contains(shown));
            shown.then(|| "a part of the request that keys travel in".to_owned())
        }
        _ => None,
    }
}
