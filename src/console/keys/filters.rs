//! Filters of the list of keys, in the address, so that they survive reload, Back and a message to a colleague.

use std::time::Duration;

use crate::console::form::FormFields;
use crate::console::{lists, paths};
use crate::model::time::Timestamp;
use crate::registry::{AccessKind, Choice, ListKeys, PageInput};

const DAY: Duration = Duration::from_hours(24);

/// The filters as in the address.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyFilters {
    pub(super) text: String,
    pub(super) activity: String,
    pub(super) access: String,
    pub(super) store: String,
    pub(super) method: String,
    pub(super) owner: String,
    pub(super) lifecycle: String,
    /// When the first page was rendered: relative times must not move from page to page.
    at: Timestamp,
    /// The token of the page.
    pub(super) page: String,
}

impl KeyFilters {
    /// Reads them from an address that was opened at `now`.
    pub(super) fn read(fields: &FormFields, now: Timestamp) -> Self {
        let page = fields.trimmed("page");
        let at = fields.text("at").parse().ok().filter(|_| !page.is_empty()).map(Timestamp::from_micros);
        Self {
            text: fields.trimmed("text"),
            activity: fields.trimmed("activity"),
            access: fields.trimmed("access"),
            store: fields.trimmed("store"),
            method: fields.trimmed("method"),
            owner: fields.trimmed("owner"),
            lifecycle: fields.trimmed("life"),
            at: at.unwrap_or(now),
            page,
        }
    }

    /// Builds the request to the registry.
    pub(super) fn request(&self) -> ListKeys {
        let (active, revoked) = match &*self.activity {
            "on" => (Some(true), None),
            "off" => (Some(false), Some(false)),
            "revoked" => (None, Some(true)),
            _ => (None, None),
        };
        let store_access = match &*self.access {
            "all" => Choice::Is(AccessKind::All),
            "selected" => Choice::Is(AccessKind::Selected),
            _ => Choice::Unset,
        };
        let mut list = ListKeys {
            page: PageInput { size: 0, token: self.page.clone() },
            active,
            revoked,
            store_access,
            store: self.store.clone(),
            method: self.method.clone(),
            text: self.text.clone(),
            owner: self.owner.clone(),
            ..ListKeys::default()
        };
        match &*self.lifecycle {
            "expiring" => list.expire_before = Some(self.at.plus(30 * DAY).into()),
            "expired" => list.expire_before = Some(self.at.into()),
            "never" => list.used = Some(false),
            "unused" => list.unused_since = Some(self.at.minus(90 * DAY).into()),
            _ => {}
        }
        list
    }
}

impl lists::ListFilters for KeyFilters {
    const PATH: &'static str = paths::KEYS;

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("text", &*self.text),
            ("activity", &*self.activity),
            ("access", &*self.access),
            ("store", &*self.store),
            ("method", &*self.method),
            ("owner", &*self.owner),
            ("life", &*self.lifecycle),
        ]
    }

    fn shared(&self) -> Option<(&'static str, String)> {
        Some(("at", self.at.as_micros().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_from_now_stays_from_page_to_page() {
        let read =
            |query: &str, now| KeyFilters::read(&FormFields::parse(query.as_bytes()), Timestamp::from_micros(now));
        let first = read("life=unused", 7_000_000);
        let at = lists::ListFilters::shared(&first).unwrap().1;
        let second = read(&format!("life=unused&at={at}&page=r1"), 9_000_000);
        assert_eq!(second.request().unused_since, first.request().unused_since);
        let again = read(&format!("life=unused&at={at}"), 9_000_000);
        assert_ne!(again.request().unused_since, first.request().unused_since, "the first page begins now");
    }
}
