//! Findings about a file, and the names of its parts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::tree::text;
use crate::cli::check::finding::{CheckVerdict, Finding};
use crate::config::profiles::Profile;

/// Where findings are added, about which subject and location, and the profiles that they depend on.
#[derive(Clone, Copy)]
pub(super) struct Report<'a> {
    pub(super) profiles: &'a BTreeMap<String, Profile>,
    pub(super) findings: &'a RefCell<Vec<Finding>>,
    /// The clusters that the filters call, and the location of the first filter of each.
    pub(super) decision_services: &'a RefCell<BTreeMap<String, String>>,
    pub(super) what: &'static str,
    pub(super) place: &'a str,
}

/// A problem and its explanation. It exists where `matches`.
pub(super) struct Rule {
    pub(super) verdict: CheckVerdict,
    pub(super) matches: fn(&Value) -> bool,
    pub(super) note: &'static str,
}

/// Defines rules for a part of the file: `Fail if condition => note;`.
macro_rules! rules {
    ($name:ident($part:ident): $($verdict:ident if $condition:expr => $note:literal;)*) => {
        const $name: &[$crate::cli::check::envoy::report::Rule] = &[$($crate::cli::check::envoy::report::Rule {
            verdict: $crate::cli::check::finding::CheckVerdict::$verdict,
            matches: |$part| $condition,
            note: $note,
        }),*];
    };
}
pub(super) use rules;

pub(super) fn is_of_this_machine(address: &str) -> bool {
    address == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl<'a> Report<'a> {
    /// Returns the report for findings about this subject.
    pub(super) fn about(self, what: &'static str) -> Self {
        Self { what, ..self }
    }

    /// Returns the report for findings at this location.
    pub(super) fn at<'b>(self, place: &'b str) -> Report<'b>
    where
        'a: 'b,
    {
        Report { place, ..self }
    }

    pub(super) fn fail(self, note: impl Into<String>) {
        self.add(CheckVerdict::Fail, note);
    }

    pub(super) fn warn(self, note: impl Into<String>) {
        self.add(CheckVerdict::Warn, note);
    }

    /// Reports that `thing` is unknown, and therefore not considered safe.
    pub(super) fn unknown(self, thing: impl fmt::Display) {
        self.fail(format!(
            "{thing} is unknown: it might let requests bypass the decision or change them after it; remove it"
        ));
    }

    fn add(self, verdict: CheckVerdict, note: impl Into<String>) {
        let note = note.into();
        let note = if self.place.is_empty() { note } else { format!("{}: {note}", self.place) };
        self.findings.borrow_mut().push(Finding { verdict, what: self.what, note });
    }

    /// Adds the rules' findings about `value`.
    pub(super) fn apply(self, rules: &[Rule], value: &Value) {
        for rule in rules.iter().filter(|rule| (rule.matches)(value)) {
            self.add(rule.verdict, rule.note);
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
