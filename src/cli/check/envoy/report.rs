//! What is found in a file, and how its parts are called.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tree::text;
use crate::cli::check::finding::{Finding, Verdict};
use crate::config::profiles::Profile;

/// What is found, and what the finding goes by.
pub(super) struct Report<'a> {
    pub(super) profiles: &'a BTreeMap<String, Profile>,
    pub(super) findings: Vec<Finding>,
    /// Whom the filters ask, and where the first of them stands.
    pub(super) asked: BTreeMap<String, String>,
}

/// Something that would be wrong, and why. It is wrong where `is_there`.
pub(super) struct Rule {
    pub(super) verdict: Verdict,
    pub(super) is_there: fn(&Value) -> bool,
    pub(super) said: &'static str,
}

/// Whether an address is reached from this machine alone.
pub(super) fn is_of_this_machine(address: &str) -> bool {
    address == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Report<'_> {
    pub(super) fn fail(&mut self, what: &'static str, place: &str, said: &str) {
        self.add(Verdict::Fail, what, place, said);
    }

    pub(super) fn warn(&mut self, what: &'static str, place: &str, said: &str) {
        self.add(Verdict::Warn, what, place, said);
    }

    /// Reports that `thing` is not known: whatever it is, it is not called safe.
    pub(super) fn unknown(&mut self, what: &'static str, place: &str, thing: &str) {
        let said = format!(
            "{thing} is not known here: whether it lets requests past the decision, or changes them behind it, cannot be \
             said; leave it out"
        );
        self.fail(what, place, &said);
    }

    pub(super) fn add(&mut self, verdict: Verdict, what: &'static str, place: &str, said: &str) {
        let said = if place.is_empty() { said.to_owned() } else { format!("{place}: {said}") };
        self.findings.push(Finding { verdict, what, said });
    }

    /// Adds what the rules find wrong with `value`.
    pub(super) fn hold(&mut self, rules: &[Rule], value: &Value, what: &'static str, place: &str) {
        for rule in rules.iter().filter(|rule| (rule.is_there)(value)) {
            self.add(rule.verdict, what, place, rule.said);
        }
    }
}

/// The part of a type's name that tells what it is.
pub(super) fn short<'a>(kind: &'a str, prefix: &str) -> &'a str {
    kind.strip_prefix(prefix).and_then(|rest| rest.split('.').next()).unwrap_or(kind)
}

/// What a filter is called in a finding.
pub(super) fn shown<'a>(short: &'a str, filter: &'a Value) -> &'a str {
    if short.is_empty() { text(filter, "name") } else { short }
}
