//! Filters of the list of keys, in the address, so that they survive reload, Back and a message to a colleague.

use std::time::Duration;

use crate::console::{Filters, FormFields, paths};
use crate::model::time::Timestamp;
use crate::registry::{AccessKind, Choice, ListKeys};

const DAY: Duration = Duration::from_hours(24);

/// Reads the filters from an address that was opened at `now`, and builds the request to the registry.
pub(super) fn read(query: &FormFields, now: Timestamp) -> (Filters, ListKeys) {
    let names = ["text", "activity", "access", "store", "method", "owner", "life"];
    let mut filters = Filters::read(paths::KEYS, &names, query);
    // When the first page was rendered: relative times must not move from page to page.
    let at = query.text("at").parse().ok().filter(|_| !filters.page(0).token.is_empty());
    let at = at.map_or(now, Timestamp::from_micros);
    filters.shared = Some(("at", at.as_micros().to_string()));
    let (active, revoked) = match filters.get("activity") {
        "on" => (Some(true), None),
        "off" => (Some(false), Some(false)),
        "revoked" => (None, Some(true)),
        _ => (None, None),
    };
    let store_access = match filters.get("access") {
        "all" => Choice::Is(AccessKind::All),
        "selected" => Choice::Is(AccessKind::Selected),
        _ => Choice::Unset,
    };
    let mut list = ListKeys {
        page: filters.page(0),
        active,
        revoked,
        store_access,
        store: filters.owned("store"),
        method: filters.owned("method"),
        text: filters.owned("text"),
        owner: filters.owned("owner"),
        ..ListKeys::default()
    };
    match filters.get("life") {
        "expiring" => list.expire_before = Some(at.plus(30 * DAY).into()),
        "expired" => list.expire_before = Some(at.into()),
        "never" => list.used = Some(false),
        "unused" => list.unused_since = Some(at.minus(90 * DAY).into()),
        _ => {}
    }
    (filters, list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_from_now_stays_from_page_to_page() {
        let read = |query: &str, now| read(&FormFields::parse(query.as_bytes()), Timestamp::from_micros(now));
        let (first, request) = read("life=unused", 7_000_000);
        let at = first.shared.unwrap().1;
        let (_, second) = read(&format!("life=unused&at={at}&page=r1"), 9_000_000);
        assert_eq!(second.unused_since, request.unused_since);
        let (_, again) = read(&format!("life=unused&at={at}"), 9_000_000);
        assert_ne!(again.unused_since, request.unused_since, "the first page begins now");
    }
}
