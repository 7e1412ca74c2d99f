//! Findings about a file, and the names of its parts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::tree::text;
use crate::cli::check::finding::{CheckVerdict, Finding};
use crate::config::profiles::Profile;

/// The findings, and the context that they depend on.
pub(super) struct Report<'a> {
    pub(super) profiles: &'a BTreeMap<String, Profile>,
    pub(super) findings: Vec<Finding>,
    /// The clusters that the filters call, and the location of the first filter of each.
    pub(super) decision_services: BTreeMap<String, String>,
}

/// A problem and its explanation. It exists where `matches`.
pub(super) struct Rule {
    pub(super) verdict: CheckVerdict,
    pub(super) matches: fn(&Value) -> bool,
    pub(super) note: &'static str,
}

/// Returns whether an address is reachable from this machine alone.
pub(super) fn is_of_this_machine(address: &str) -> bool {
    address == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Report<'_> {
    pub(super) fn fail(&mut self, what: &'static str, place: &str, note: &str) {
        self.add(CheckVerdict::Fail, what, place, note);
    }

    pub(super) fn warn(&mut self, what: &'static str, place: &str, note: &str) {
        self.add(CheckVerdict::Warn, what, place, note);
    }

    /// Reports that `thing` is unknown, and therefore not considered safe.
    pub(super) fn unknown(&mut self, what: &'static str, place: &str, thing: &str) {
        let note =
            format!("{thing} is unknown: it might let requests bypass the decision or change them after it; remove it");
        self.fail(what, place, &note);
    }

    pub(super) fn add(&mut self, verdict: CheckVerdict, what: &'static str, place: &str, note: &str) {
        let note = if place.is_empty() { note.to_owned() } else { format!("{place}: {note}") };
        self.findings.push(Finding { verdict, what, note });
    }

    /// Adds the rules' findings about `value`.
    pub(super) fn apply(&mut self, rules: &[Rule], value: &Value, what: &'static str, place: &str) {
        for rule in rules.iter().filter(|rule| (rule.matches)(value)) {
            self.add(rule.verdict, what, place, rule.note);
        }
    }
}

/// Returns the distinctive part of a type's name.
pub(super) fn short<'a>(kind: &'a str, prefix: &str) -> &'a str {
    kind.strip_prefix(prefix).and_then(|rest| rest.split('.').next()).unwrap_or(kind)
}

/// Returns the name of a filter in a finding.
pub(super) fn display_name<'a>(short: &'a str, filter: &'a Value) -> &'a str {
    if short.is_empty() { text(filter, "name") } else { short }
}
