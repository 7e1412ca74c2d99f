//! What the list of keys is narrowed by: it lives in the address, and so survives reload, Back and a message to a colleague.

use std::time::Duration;

use super::super::form::Fields;
use super::LIST;
use crate::model::time::Timestamp;
use crate::registry::{AccessKind, Choice, ListKeys, PageInput};

const DAY: Duration = Duration::from_hours(24);

/// The filters as the address has them.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    pub(super) text: String,
    pub(super) activity: String,
    pub(super) access: String,
    pub(super) store: String,
    pub(super) method: String,
    pub(super) owner: String,
    pub(super) life: String,
    /// When the first page was made: what is counted from now must not move from page to page.
    at: Timestamp,
    /// Where the page begins.
    page: String,
}

impl Filters {
    /// Reads them from an address that was opened at `now`.
    pub(super) fn read(query: &str, now: Timestamp) -> Self {
        let fields = Fields::parse(query.as_bytes());
        let page = fields.trimmed("page");
        let at = fields.text("at").parse().ok().filter(|_| !page.is_empty()).map(Timestamp::from_micros);
        Self {
            text: fields.trimmed("text"),
            activity: fields.trimmed("activity"),
            access: fields.trimmed("access"),
            store: fields.trimmed("store"),
            method: fields.trimmed("method"),
            owner: fields.trimmed("owner"),
            life: fields.trimmed("life"),
            at: at.unwrap_or(now),
            page,
        }
    }

    fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("text", &*self.text),
            ("activity", &*self.activity),
            ("access", &*self.access),
            ("store", &*self.store),
            ("method", &*self.method),
            ("owner", &*self.owner),
            ("life", &*self.life),
        ]
    }

    /// Whether anything is left out by them.
    pub(super) fn narrow(&self) -> bool {
        self.pairs().iter().any(|(_, value)| !value.is_empty())
    }

    /// The address of the page that begins at `page`; empty: of the first.
    pub(super) fn address(&self, page: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.pairs() {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if !page.is_empty() {
            query.append_pair("at", &self.at.as_micros().to_string()).append_pair("page", page);
        }
        let query = query.finish();
        if query.is_empty() { LIST.to_owned() } else { format!("{LIST}?{query}") }
    }

    /// The address of this very page.
    pub(super) fn here(&self) -> String {
        self.address(&self.page)
    }

    /// Whether this is not the first page.
    pub(super) fn is_further(&self) -> bool {
        !self.page.is_empty()
    }

    /// What the registry is asked.
    pub(super) fn list(&self) -> ListKeys {
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
        match &*self.life {
            "expiring" => list.expire_before = Some(self.at.plus(30 * DAY).into()),
            "expired" => list.expire_before = Some(self.at.into()),
            "never" => list.used = Some(false),
            "unused" => list.unused_since = Some(self.at.minus(90 * DAY).into()),
            _ => {}
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_live_in_the_address() {
        let now = Timestamp::from_micros(7_000_000);
        let filters = Filters::read("text=+a%26b+&activity=on&life=&page=", now);
        assert_eq!(filters.address(""), "/integration/keys?text=a%26b&activity=on");
        assert_eq!(filters.address("r1"), "/integration/keys?text=a%26b&activity=on&at=7000000&page=r1");
        assert!(filters.narrow() && !Filters::read("other=1", now).narrow());
    }

    #[test]
    fn what_is_counted_from_now_stays_from_page_to_page() {
        let first = Filters::read("life=unused", Timestamp::from_micros(7_000_000));
        let address = first.address("r1");
        let second = Filters::read(address.split_once('?').unwrap().1, Timestamp::from_micros(9_000_000));
        assert_eq!(second.list().unused_since, first.list().unused_since);
    }
}
