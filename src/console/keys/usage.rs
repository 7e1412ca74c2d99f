//! The use of a key, for its page: calls by day and outcome, the last use of each store, methods that were never
//! called. And, before a narrowing is saved, the calls that it would have refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::form::KeyForm;
use crate::console::{Console, PageError};
use crate::model::key::{Access, Key};
use crate::model::time::Timestamp;
use crate::registry::{Choice, GetUsage, KeyUsage, UsageCount, UsagePeriod};

const DAY: Duration = Duration::from_hours(24);
/// How many days back last uses are searched.
pub(super) const USAGE_DAYS: u32 = 90;
/// How many days the chart has, and how many days of calls a narrowing is tested against.
pub(super) const CHART_DAYS: u32 = 30;
/// Height of the chart's bars.
const CHART_HEIGHT: u64 = 120;
/// Refusals listed before a narrowing is saved.
const MAX_LISTED: usize = 20;

/// A day of the chart: its date and calls, and the vertical position of its bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChartDay {
    pub(super) date: String,
    pub(super) allowed: u64,
    pub(super) refused: u64,
    pub(super) allowed_y: u64,
    pub(super) allowed_height: u64,
    pub(super) refused_y: u64,
    pub(super) refused_height: u64,
}

/// Calls that a narrowing would have refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefusedCalls {
    /// Empty for a method that is not in the reference book.
    pub(super) method: String,
    /// Empty if there was none, or several.
    pub(super) store: String,
    pub(super) calls: u64,
}

/// Effects of a narrowing on past calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Narrowing {
    /// Sorted by calls, most first; at most 20.
    pub(super) refused: Vec<RefusedCalls>,
    /// How many more there are.
    pub(super) further: usize,
    /// Calls that named no store or several; the counts don't show whether they would be refused.
    pub(super) undetermined: u64,
    /// Whether there were more counts than one request returns.
    pub(super) truncated: bool,
}

impl Narrowing {
    /// Returns whether no past call would be refused, or might be.
    pub(super) const fn is_harmless(&self) -> bool {
        self.refused.is_empty() && self.undetermined == 0 && !self.truncated
    }
}

impl Console {
    /// Returns the use of a key in the last `days`.
    pub(super) async fn usage(&self, key: &Key, days: u32, now: Timestamp) -> Result<KeyUsage, PageError> {
        let start = now.minus(DAY * days);
        let request = GetUsage {
            key_id: key.id.to_string(),
            start: Some(start.into()),
            end: None,
            period: Choice::Is(UsagePeriod::Day),
        };
        Ok(self.registry.usage(&request, now).await?)
    }
}

/// Returns the day on which each store was last used with the key.
pub(super) fn last_by_store(counts: &[UsageCount]) -> BTreeMap<&str, Timestamp> {
    counts.iter().filter(|count| count.allowed).map(|count| (&*count.store, count.start)).collect()
}

/// Splits the methods granted into those with an allowed call and those without.
pub(super) fn by_use(granted: &[String], counts: &[UsageCount]) -> (Vec<String>, Vec<String>) {
    let used: BTreeSet<_> = counts.iter().filter(|count| count.allowed).map(|count| &*count.method).collect();
    granted.iter().cloned().partition(|method| used.contains(method.as_str()))
}

/// Builds the chart of the last days until `now`.
pub(super) fn chart(counts: &[UsageCount], now: Timestamp) -> Vec<ChartDay> {
    let mut days: Vec<(String, u64, u64)> =
        (0..CHART_DAYS).rev().map(|back| (now.minus(DAY * back).date(), 0, 0)).collect();
    for count in counts {
        let date = count.start.date();
        if let Some(day) = days.iter_mut().find(|day| day.0 == date) {
            let sum = if count.allowed { &mut day.1 } else { &mut day.2 };
            *sum = sum.saturating_add(count.calls);
        }
    }
    let peak = days.iter().map(|day| day.1.saturating_add(day.2)).max().unwrap_or(0).max(1);
    // Any calls at all are visible, however few in comparison.
    let scaled = |calls: u64| {
        if calls == 0 {
            0
        } else {
            (u128::from(calls) * u128::from(CHART_HEIGHT) / u128::from(peak)).try_into().unwrap_or(CHART_HEIGHT).max(1)
        }
    };
    days.into_iter()
        .map(|(date, allowed, refused)| {
            let (allowed_height, refused_height) = (scaled(allowed), scaled(refused));
            let allowed_y = CHART_HEIGHT.saturating_sub(allowed_height);
            ChartDay {
                date,
                allowed,
                refused,
                allowed_y,
                allowed_height,
                refused_y: allowed_y.saturating_sub(refused_height),
                refused_height,
            }
        })
        .collect()
}

/// Returns the calls of `key` that `form` would have refused; `None` if it narrows nothing.
pub(super) fn narrowing(key: &Key, form: &KeyForm, usage: &KeyUsage) -> Option<Narrowing> {
    let (stores, methods) = (form.stores.choice()?, form.methods.choice()?);
    let (fewer_stores, fewer_methods) = (narrows(&key.spec.stores, &stores), narrows(&key.spec.methods, &methods));
    if !fewer_stores && !fewer_methods {
        return None;
    }
    let mut refused: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut narrowing = Narrowing { truncated: usage.truncated, ..Narrowing::default() };
    for count in usage.counts.iter().filter(|count| count.allowed) {
        let by_method = fewer_methods && !form.methods.includes(&count.method);
        let by_store = fewer_stores && !count.store.is_empty() && !form.stores.includes(&count.store);
        if by_method || by_store {
            let calls = refused.entry((&count.method, &count.store)).or_default();
            *calls = calls.saturating_add(count.calls);
        } else if fewer_stores && count.store.is_empty() {
            narrowing.undetermined = narrowing.undetermined.saturating_add(count.calls);
        }
    }
    let mut refused: Vec<_> = refused
        .into_iter()
        .map(|((method, store), calls)| RefusedCalls { method: method.to_owned(), store: store.to_owned(), calls })
        .collect();
    refused.sort_by_key(|refused| std::cmp::Reverse(refused.calls));
    narrowing.further = refused.len().saturating_sub(MAX_LISTED);
    refused.truncate(MAX_LISTED);
    narrowing.refused = refused;
    Some(narrowing)
}

/// Returns whether `after` grants less than `before`.
fn narrows(before: &Access<String>, after: &Access<String>) -> bool {
    match (before, after) {
        (_, Access::All) => false,
        (Access::All, Access::Selected(_)) => true,
        (Access::Selected(before), Access::Selected(after)) => {
            let after: BTreeSet<&String> = after.iter().collect();
            before.iter().any(|member| !after.contains(member))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(start: &str, method: &str, store: &str, allowed: bool, calls: u64) -> UsageCount {
        UsageCount { start: start.parse().unwrap(), method: method.to_owned(), store: store.to_owned(), allowed, calls }
    }

    #[test]
    fn bars_stand_on_each_other_and_the_least_is_seen() {
        let counts = [
            count("2026-11-24T00:00:00Z", "GET /a", "x", true, 1),
            count("2026-11-25T00:00:00Z", "GET /a", "x", true, 900),
            count("2026-11-25T00:00:00Z", "GET /b", "x", true, 600),
            count("2026-11-25T00:00:00Z", "GET /a", "x", false, 500),
        ];
        let days = chart(&counts, "2026-11-25T13:00:00Z".parse().unwrap());
        assert_eq!((days.len(), days[0].date.as_str(), days[29].date.as_str()), (30, "2026-10-27", "2026-11-25"));
        assert_eq!((days[28].allowed_height, days[28].refused_height), (1, 0));
        assert_eq!((days[29].allowed, days[29].refused), (1_500, 500));
        assert_eq!(
            (days[29].allowed_y, days[29].allowed_height, days[29].refused_y, days[29].refused_height),
            (30, 90, 0, 30)
        );
    }

    #[test]
    fn what_is_granted_and_not_called_is_told() {
        let counts = [
            count("2026-11-24T00:00:00Z", "GET /a", "", true, 1),
            count("2026-11-24T00:00:00Z", "GET /b", "", false, 1),
        ];
        let granted = ["GET /a".to_owned(), "GET /b".to_owned()];
        assert_eq!(by_use(&granted, &counts).1, ["GET /b"], "a refused call is no use");
    }
}
