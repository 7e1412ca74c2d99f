//! The known parts of Envoy's configuration, listed in known.txt: each field is read as the type listed there, and
//! fields that are missing there are reported.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::report::Report;
use super::tree::{camel, placed, text, typed};

/// The fields of a message, each with its type.
type MessageFields = Vec<(&'static str, &'static str)>;

const BOOTSTRAP: &str = "envoy.config.bootstrap.v3.Bootstrap";

static MESSAGES: LazyLock<BTreeMap<&'static str, MessageFields>> = LazyLock::new(|| {
    let mut messages = BTreeMap::new();
    let mut fields: Option<&mut MessageFields> = None;
    for line in include_str!("known.txt").lines().filter(|line| !line.starts_with('#')) {
        match line.trim_start().split_once(": ") {
            None => fields = Some(messages.entry(line).or_default()),
            Some(one) => fields.iter_mut().for_each(|fields| fields.push(one)),
        }
    }
    messages
});

pub(super) fn is_known(kind: &str) -> bool {
    MESSAGES.contains_key(kind)
}

/// Returns the configuration with fields in snake case and values in their types, without unknown parts.
pub(super) fn read(config: &Value, report: Report<'_>) -> Value {
    read_message(config, BOOTSTRAP, report)
}

fn read_message(raw: &Value, name: &'static str, report: Report<'_>) -> Value {
    let report = report.about(subject(name));
    let mut read = Map::new();
    let (Some(members), Some(fields)) = (raw.as_object(), MESSAGES.get(name)) else {
        report.fail(format!("{} must be a map of fields", name.rsplit('.').next().unwrap_or(name)));
        return Value::Object(read);
    };
    let place = if name == "envoy.config.cluster.v3.Cluster" {
        format!("cluster {}", text(raw, "name"))
    } else {
        placed(raw, report.place)
    };
    let report = report.at(&place);
    for (written, value) in members {
        if written == "@type" {
            read.insert(written.clone(), value.clone());
            continue;
        }
        let Some((field, kind)) = fields.iter().find(|(field, _)| written == field || *written == camel(field)) else {
            report.unknown(written);
            continue;
        };
        if written != field && members.contains_key(*field) {
            report
                .about("file")
                .fail(format!("{written} occurs in two spellings, of which Envoy uses one; remove the other"));
        }
        // Null counts as missing.
        if !value.is_null()
            && let Some(value) = read_value(value, kind, field, report)
        {
            read.insert((*field).to_owned(), value);
        }
    }
    Value::Object(read)
}

/// Converts the value of a field to its expected type.
fn read_value(raw: &Value, kind: &'static str, field: &str, report: Report<'_>) -> Option<Value> {
    let wrong = |right: &str| {
        report.fail(format!("{field} has a value that could not be checked: write {right}"));
        None
    };
    if let Some(kind) = kind.strip_prefix("[]") {
        let Some(list) = raw.as_array() else { return wrong("a list") };
        return Some(list.iter().filter_map(|member| read_value(member, kind, field, report)).collect());
    }
    if let Some(kind) = kind.strip_prefix("{}") {
        let Some(map) = raw.as_object() else { return wrong("a map") };
        let members = map.iter().filter_map(|(name, one)| Some((name.clone(), read_value(one, kind, field, report)?)));
        return Some(Value::Object(members.collect()));
    }
    match kind {
        "free" => return Some(raw.clone()),
        "any" | "extension" => return Some(read_extension(raw, kind == "any", field, report)),
        message if message.contains('.') => return Some(read_message(raw, message, report)),
        _ => {}
    }
    let Some(written) = raw.as_str() else { return wrong("a single value") };
    match kind {
        "text" => Some(raw.clone()),
        "bool" => truth(written).map(Value::Bool).or_else(|| wrong("true or false")),
        "number" => plain_number(written).map(Value::from).or_else(|| wrong("a number in digits")),
        "duration" => {
            let seconds = written.strip_suffix('s').unwrap_or_default();
            let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "0"));
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits(whole) && digits(part) { Some(raw.clone()) } else { wrong("a time in seconds, such as 0.5s") }
        }
        words => {
            let mut known = words.split('|').filter(|word| !word.is_empty());
            // If the line ends in |, their numbers are not their positions.
            let number = plain_number(written).filter(|_| !words.ends_with('|'));
            let word = match number.and_then(|number| usize::try_from(number).ok()) {
                Some(number) => known.nth(number),
                None => known.find(|word| *word == written),
            };
            let one_of = || format!("one of {}", words.trim_end_matches('|').replace('|', ", "));
            word.map(Value::from).or_else(|| wrong(&one_of()))
        }
    }
}

fn read_extension(raw: &Value, is_any: bool, field: &str, report: Report<'_>) -> Value {
    let (kind, _) = typed(raw);
    if let Some((kind, _)) = MESSAGES.get_key_value(kind) {
        return read_message(raw, kind, report);
    }
    if is_any {
        let kind = if kind.is_empty() { "an extension without a type" } else { kind };
        report.unknown(format!("{kind} in {field}"));
    }
    raw.clone()
}

/// Returns how Envoy reads a bool. It accepts many words, some of them only without quotes, and refuses others.
fn truth(written: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(written));
    if is(&["true", "t", "yes", "y", "on", "1"]) {
        return Some(true);
    }
    is(&["false", "f", "no", "n", "off", "0"]).then_some(false)
}

/// Parses a number in digits. A leading 0 makes it octal in YAML as Envoy reads it, and decimal elsewhere.
fn plain_number(written: &str) -> Option<u64> {
    let plain = written == "0" || !written.starts_with('0') && written.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| written.parse().ok()).flatten()
}

fn subject(message: &str) -> &'static str {
    const SUBJECTS: [(&str, &str); 12] = [
        (".access_loggers.", "access log"),
        (".accesslog.", "access log"),
        (".ext_authz.", "ext_authz"),
        (".grpc_service.", "ext_authz"),
        ("GrpcService", "ext_authz"),
        (".filters.http.", "filters"),
        ("HttpFilter", "filters"),
        (".route.", "routes"),
        (".cluster.", "cluster"),
        (".endpoint.", "cluster"),
        ("listener", "listener"),
        ("http_connection_manager", "listener"),
    ];
    SUBJECTS.iter().find(|(part, _)| message.contains(part)).map_or("file", |(_, subject)| *subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_that_a_field_has_stands_in_the_list() {
        const KINDS: [&str; 7] = ["any", "bool", "duration", "extension", "free", "number", "text"];

        assert!(MESSAGES.len() > 100 && is_known(BOOTSTRAP), "{}", MESSAGES.len());
        for (message, fields) in MESSAGES.iter() {
            for (at, (field, kind)) in fields.iter().enumerate() {
                let kind = kind.trim_start_matches("[]").trim_start_matches("{}");
                assert!(
                    KINDS.contains(&kind) || kind.contains('|') || MESSAGES.contains_key(kind),
                    "{message}: {field}: {kind}"
                );
                assert!(!fields[..at].iter().any(|(other, _)| other == field), "{message}: {field} is there once");
            }
        }
    }

    #[test]
    fn bools_and_numbers_are_read_as_envoy_reads_them() {
        for (written, read) in
            [("true", true), ("t", true), ("1", true), ("Yes", true), ("F", false), ("0", false), ("off", false)]
        {
            assert_eq!(truth(written), Some(read), "{written}");
        }
        for neither in ["", "2", "ja", "true ", "truE!"] {
            assert_eq!(truth(neither), None, "{neither}");
        }
        assert_eq!(
            ["0", "100", "010", "0x10", "1e2", "", "-1"].map(plain_number),
            [Some(0), Some(100), None, None, None, None, None]
        );
    }
}
