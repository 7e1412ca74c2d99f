//! The book describes the program as it is: every setting, metric, reason and exit code, and none that does not exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use latchkey::config::SETTINGS;
use latchkey::model::decision::Reason;
use latchkey::telemetry::metrics::Metrics;
use serde_json::Value;

use crate::cli::program::Program;

/// Environment variables that are not settings: the key that `latchkey authorize` checks.
const OTHER_VARIABLES: [&str; 1] = ["LATCHKEY_KEY"];

/// Names that look like metrics: the table that marks an emptied database.
const OTHER_NAMES: [&str; 1] = ["latchkey_replaced"];

/// Suffixes of the series of a histogram.
const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_count", "_sum"];

fn place(chapter: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src").join(chapter)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

/// Returns the README and all chapters, with their paths.
fn documents() -> Vec<(PathBuf, String)> {
    let folder = std::fs::read_dir(place("")).expect("docs/src can be read");
    let chapters = folder.map(|entry| entry.expect("docs/src is read to its end").path());
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let markdown = chapters.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    markdown.chain([readme]).map(|path| (path.clone(), read(&path))).collect()
}

/// Returns the rows of the table with this heading.
fn rows<'a>(chapter: &'a str, heading: &str) -> Vec<&'a str> {
    let table = chapter.lines().skip_while(|line| *line != heading).skip(2);
    table.take_while(|line| line.starts_with('|')).collect()
}

/// Returns the name in the first cell of each row.
fn names(chapter: &str, heading: &str) -> Vec<String> {
    let cells = rows(chapter, heading).into_iter().filter_map(|row| row.split('`').nth(1));
    cells.map(str::to_owned).collect()
}

/// Returns each word of `text` that begins with `prefix`, followed by letters, digits or `_`.
fn words<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(prefix).filter_map(move |(at, _)| {
        let end = text[at..].find(|c| !is_part(c)).map_or(text.len(), |length| at + length);
        (!text[..at].ends_with(is_part)).then(|| &text[at..end])
    })
}

/// Compares a table of a chapter with its expected rows. LATCHKEY_BLESS=1 rewrites the table.
fn expect_rows(chapter: &str, heading: &str, expected: &[String]) {
    let text = read(&place(chapter));
    if std::env::var_os("LATCHKEY_BLESS").is_some() {
        let (before, after) = text.split_once(&format!("{heading}\n")).expect("the table begins");
        let line = after.lines().next().expect("a line follows the heading");
        let after: String =
            after.lines().skip_while(|line| line.starts_with('|')).map(|line| format!("{line}\n")).collect();
        let text = format!("{before}{heading}\n{line}\n{}\n{after}", expected.join("\n"));
        std::fs::write(place(chapter), text).expect("the chapter can be written");
        return;
    }
    assert_eq!(rows(&text, heading), expected, "LATCHKEY_BLESS=1 writes the table of {chapter} again");
}

#[test]
fn every_setting_has_its_row_and_no_row_is_left_over() {
    let row = |name: &str, default: &str, meaning: &str| {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        format!("| `{name}` | {default} | {meaning} |")
    };
    let expected: Vec<_> = SETTINGS.iter().map(|setting| row(setting.name, setting.default, setting.meaning)).collect();
    expect_rows("configuration.md", "| setting | default | meaning |", &expected);
}

#[test]
fn no_document_invents_a_setting() {
    let variable = |name: &str| format!("LATCHKEY_{}", name.to_uppercase());
    let known: BTreeSet<String> = SETTINGS.iter().map(|setting| variable(setting.name)).collect();
    for (path, text) in documents() {
        for name in words(&text, "LATCHKEY_") {
            let exists = known.contains(name) || OTHER_VARIABLES.contains(&name);
            assert!(exists, "{}: {name} is the variable of no setting", path.display());
        }
    }
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = Program::at(folder.path()).run(&["--help"]).success();
    let codes: Vec<_> = help.lines().skip_while(|line| *line != "Exit codes:").skip(1).map(str::trim).collect();
    let codes = codes.iter().filter_map(|line| line.split_once(' '));
    let expected: Vec<_> = codes.map(|(code, what)| format!("| {code} | {} |", what.trim())).collect();
    assert!(expected.len() > 9, "{help}");
    expect_rows("command-line.md", "| exit code | meaning |", &expected);
}

#[test]
fn every_reason_has_its_row_in_the_order_of_the_checks() {
    let expected: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(names(&read(&place("concepts.md")), "| reason | what failed |"), expected);
}

#[test]
fn every_metric_has_its_row_and_no_document_invents_one() {
    let metrics = Metrics::new();
    // A family has no series before its first sample.
    metrics.storage_call("poll", std::time::Duration::ZERO, "ok");
    metrics.gateway_refusals("REQUEST_AMBIGUOUS", "REPEATED");
    metrics.overload("decision", "calls");
    let _ = metrics.shed("decision");
    let encoded = metrics.encode();
    let described = encoded.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let expected: BTreeSet<String> = described
        .map(|(name, kind)| if kind == "counter" { format!("{name}_total") } else { name.to_owned() })
        .collect();
    let rows = names(&read(&place("metrics.md")), "| metric | meaning |");
    let unique: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(unique.len(), rows.len(), "each metric has one row: {rows:?}");
    assert_eq!(unique, expected, "the table of metrics.md");
    for (path, text) in documents() {
        for name in words(&text, "latchkey_") {
            let series = OF_HISTOGRAMS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
            let exists = expected.contains(series) || OTHER_NAMES.contains(&name);
            assert!(exists, "{}: there is no metric {name}", path.display());
        }
    }
}

#[test]
fn the_excerpt_of_envoys_file_agrees_with_the_file() {
    let chapter = read(&place("gateways.md"));
    let (_, excerpt) = chapter.split_once("<!-- test: envoy -->\n```yaml\n").expect("the chapter marks the excerpt");
    let (excerpt, _) = excerpt.split_once("```").expect("the excerpt ends");
    let excerpt: Value = serde_saphyr::from_str(excerpt).expect("the excerpt is YAML");
    let file = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/envoy/envoy.yaml"));
    let file: Value = serde_saphyr::from_str(&file).expect("the file is YAML");
    let filter = &excerpt[0];
    assert_eq!(filter["name"], "envoy.filters.http.ext_authz");
    assert!(occurs(filter, &file), "deploy/envoy/envoy.yaml has no filter with all of {filter:#}");
    let mut other = filter.clone();
    other["typed_config"]["failure_mode_allow"] = true.into();
    assert!(!occurs(&other, &file), "a difference is seen");
}

/// Returns whether `part` occurs anywhere in `whole`.
fn occurs(part: &Value, whole: &Value) -> bool {
    let below = match whole {
        Value::Object(members) => members.values().any(|value| occurs(part, value)),
        Value::Array(values) => values.iter().any(|value| occurs(part, value)),
        _ => false,
    };
    below || is_part(part, whole)
}

/// Returns whether `whole` contains everything of `part`, at the same position.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|whole| is_part(value, whole)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.iter().all(|value| whole.iter().any(|whole| is_part(value, whole)))
        }
        _ => part == whole,
    }
}

#[test]
fn words_are_found_whole() {
    let text = "`LATCHKEY_A`, XLATCHKEY_B LATCHKEY_C_1.";
    assert_eq!(words(text, "LATCHKEY_").collect::<Vec<_>>(), ["LATCHKEY_A", "LATCHKEY_C_1"]);
}
