//! Findings about a file, and the names of its parts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tree::text;
use crate::cli::check::finding::{Finding, Verdict};
use crate::config::profiles::Profile;

/// The findings, and the context that they depend on.
pub(super) struct Report<'a> {
    pub(super) profiles: &'a BTreeMap<String, Profile>,
    pub(super) findings: Vec<Finding>,
    /// The clusters that the filters call, and the location of the first filter of each.
    pub(super) asked: BTreeMap<String, String>,
}

/// A problem and its explanation. It exists where `is_there`.
pub(super) struct Rule {
    pub(super) verdict: Verdict,
    pub(super) is_there: fn(&Value) -> bool,
    pub(super) said: &'static str,
}

/// Returns whether an address is reachable from this machine alone.
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

    /// Reports that `thing` is unknown, and therefore not considered safe.
    pub(super) fn unknown(&mut self, what: &'static str, place: &str, thing: &str) {
        let said =
            format!("{thing} is unknown: it might let requests bypass the decision or change them after it; remove it");
        self.fail(what, place, &said);
    }

    pub(super) fn add(&mut self, verdict: Verdict, what: &'static str, place: &str, said: &str) {
        let said = if place.is_empty() { said.to_owned() } else { format!("{place}: {said}") };
        self.findings.push(Finding { verdict, what, said });
    }

    /// Adds the rules' findings about `value`.
    pub(super) fn hold(&mut self, rules: &[Rule], value: &Value, what: &'static str, place: &str) {
        for rule in rules.iter().filter(|rule| (rule.is_there)(value)) {
            self.add(rule.verdict, what, place, rule.said);
        }
    }
}

/// Returns the distinctive part of a type's name.
pub(super) fn short<'a>(kind: &'a str, prefix: &str) -> &'a str {
    kind.strip_prefix(prefix).and_then(|rest| rest.split('.').next()).unwrap_or(kind)
}

/// Returns the name of a filter in a finding.
pub(super) fn shown<'a>(short: &'a str, filter: &'a Value) -> &'a str {
    if short.is_empty() { text(filter, "name") } else { short }
}
