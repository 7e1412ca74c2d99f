//! The README says what the program says of itself.

use latchkey::config::SETTINGS;
use latchkey::telemetry::metrics::Metrics;

use crate::program::Program;

fn readme() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    std::fs::read_to_string(path).expect("README.md is there")
}

#[test]
fn every_setting_has_its_row_and_no_row_is_left_over() {
    let row = |name: &str, default: &str, meaning: &str| {
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        format!("| `{name}` | {default} | {meaning} |")
    };
    let expected: Vec<_> = SETTINGS.iter().map(|setting| row(setting.name, setting.default, setting.meaning)).collect();
    let readme = readme();
    let table = readme.lines().skip_while(|line| *line != "| setting | default | meaning |").skip(2);
    let rows: Vec<_> = table.take_while(|line| line.starts_with('|')).map(str::to_owned).collect();
    assert_eq!(rows, expected, "the table should be:\n{}", expected.join("\n"));
}

#[test]
fn the_exit_codes_are_those_of_the_help() {
    let folder = tempfile::tempdir().expect("a folder");
    let help = Program::at(folder.path()).run(&["--help"]).done();
    let codes: Vec<_> = help.lines().skip_while(|line| *line != "Exit codes:").skip(1).map(str::trim).collect();
    let readme = readme();
    let table = readme.lines().skip_while(|line| *line != "| exit code | meaning |").skip(2);
    let rows: Vec<_> = table
        .take_while(|line| line.starts_with('|'))
        .map(|row| row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect::<Vec<_>>())
        .collect();
    let told: Vec<_> =
        codes.iter().filter_map(|line| line.split_once(' ')).map(|(code, what)| [code, what.trim()]).collect();
    assert!(told.len() > 9, "{help}");
    assert_eq!(rows, told);
}

#[test]
fn every_metric_is_told_of() {
    let readme = readme();
    let metrics = Metrics::new();
    // A family has no series before its first one.
    metrics.storage_call("poll", std::time::Duration::ZERO, "ok");
    metrics.gateway_refusals("REQUEST_AMBIGUOUS", "REPEATED");
    metrics.overload("decision", "calls");
    let _ = metrics.shed("decision");
    let encoded = metrics.encode();
    let described = encoded.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut count = 0;
    for (name, sort) in described.filter_map(|line| line.split_once(' ')) {
        let name = if sort == "counter" { format!("`{name}_total`") } else { format!("`{name}`") };
        assert!(readme.contains(&name), "README.md does not tell of {name}");
        count += 1;
    }
    assert_eq!(readme.matches("`latchkey_").count(), count, "README.md tells of metrics that are not there");
}
