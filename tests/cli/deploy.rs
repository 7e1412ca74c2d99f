//! What stands in deploy/ names settings and services that there are.

use std::path::Path;

use latchkey::config::SETTINGS;
use latchkey::grpc::health::SERVICES;

/// Every file below deploy/, with its text.
fn files() -> Vec<(String, String)> {
    fn below(folder: &Path, into: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).expect("the folder is read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, into);
            } else {
                into.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a file of text")));
            }
        }
    }
    let mut files = Vec::new();
    below(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy")), &mut files);
    assert!(!files.is_empty());
    files
}

/// Every word of `text` that begins with `prefix`, without it.
fn words<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).map(move |(at, _)| {
        let word = &text[at + prefix.len()..];
        &word[..word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(word.len())]
    })
}

#[test]
fn every_setting_is_known() {
    let mut seen = 0;
    for (path, text) in files() {
        for name in words(&text, "LATCHKEY_") {
            let known = SETTINGS.iter().any(|setting| setting.name == name.to_lowercase());
            assert!(known, "{path}: LATCHKEY_{name} is not a setting");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn every_service_that_is_asked_for_its_health_is_told_of() {
    let mut seen = 0;
    for (path, text) in files() {
        for name in words(&text, "latchkey.v1.") {
            assert!(SERVICES.contains(&format!("latchkey.v1.{name}").as_str()), "{path}: {name} is no service");
            seen += 1;
        }
    }
    assert!(seen > 0);
}
