//! Reading keys: one, a page, or the key of a token.

use crate::model::id::KeyId;
use crate::model::key::Key;
use crate::model::pattern::MethodIdentity;
use crate::model::store::StoreCode;
use crate::model::token::Token;
use crate::model::violations::Violations;
use crate::registry::error::{Error, ResourceKind, Result};
use crate::registry::input::{AccessKind, Choice, PageInput, RawTime, TokenText};
use crate::registry::page::Binding;
use crate::registry::validate;
use crate::registry::{Listed, Registry};
use crate::storage::{FoundSecret, KeyFilter};

use super::check::ACCESS;

/// A request for a page of keys; all filters that are set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListKeys {
    /// The requested page.
    pub page: PageInput,
    /// Whether they are switched on and not revoked.
    pub active: Option<bool>,
    /// Whether they are revoked.
    pub revoked: Option<bool>,
    /// How much of the stores they have access to.
    pub store_access: Choice<AccessKind>,
    /// How much of the reference book they have access to.
    pub method_access: Choice<AccessKind>,
    /// The code of a store they have access to; empty: any.
    pub store: String,
    /// The identity of a method they have access to; empty: any.
    pub method: String,
    /// Text that occurs in them; empty: any.
    pub text: String,
    /// The owner, exactly; empty: any.
    pub owner: String,
    /// They expire before this time.
    pub expire_before: Option<RawTime>,
    /// They have not been used since this time.
    pub unused_since: Option<RawTime>,
    /// Whether they were ever used.
    pub used: Option<bool>,
}

impl Registry {
    /// Returns the key with this id.
    pub async fn key(&self, id: &str) -> Result<Key> {
        let id: KeyId = validate::checked(|violations| validate::parse(violations, "id", id))?;
        self.storage.key(id).await?.ok_or_else(|| Error::not_found(ResourceKind::Key, id))
    }

    /// Returns a page of keys, the newest first.
    pub async fn keys(&self, list: &ListKeys) -> Result<Listed<Key>> {
        let mut violations = Violations::new();
        let filter = filter(&mut violations, list);
        let binding = Binding::new("keys")
            .with("active", filter.active.as_ref())
            .with("revoked", filter.revoked.as_ref())
            .with("all_stores", filter.all_stores.as_ref())
            .with("all_methods", filter.all_methods.as_ref())
            .with("store", filter.store.as_ref())
            .with("method", filter.method.as_ref())
            .with("text", filter.text.as_ref())
            .with("owner", filter.owner.as_ref())
            .with("expire_before", filter.expire_before.as_ref())
            .with("unused_since", filter.unused_since.as_ref())
            .with("used", filter.used.as_ref());
        let page = binding.request(violations, &list.page)?;
        Ok(binding.listed(self.storage.keys(&filter, &page).await?))
    }

    /// Returns the key that a token belongs or belonged to.
    pub async fn find_key(&self, token: &TokenText) -> Result<FoundSecret> {
        let token = Token::parse(&token.0).map_err(|error| Violations::one("token", error))?;
        self.storage.find_key(&token.digest()).await?.ok_or(Error::TokenUnknown)
    }
}

fn filter(violations: &mut Violations, list: &ListKeys) -> KeyFilter {
    let store = (!list.store.is_empty()).then_some(&list.store);
    let method = (!list.method.is_empty()).then_some(&list.method);
    let all = |kind| kind == AccessKind::All;
    KeyFilter {
        active: list.active,
        revoked: list.revoked,
        all_stores: validate::optional(violations, "store_access", list.store_access, ACCESS).map(all),
        all_methods: validate::optional(violations, "method_access", list.method_access, ACCESS).map(all),
        store: store.and_then(|code| validate::parse::<StoreCode>(violations, "store", code)).map(String::from),
        method: method
            .and_then(|method| validate::parse::<MethodIdentity>(violations, "method", method))
            .map(|method| method.to_string()),
        text: validate::search(violations, "text", &list.text),
        owner: validate::search(violations, "owner", &list.owner),
        expire_before: validate::time(violations, "expire_before", list.expire_before),
        unused_since: validate::time(violations, "unused_since", list.unused_since),
        used: list.used,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::validate::tests::fields_in;

    #[test]
    fn filters_are_checked_all_at_once() {
        let list = ListKeys {
            store_access: Choice::Unknown(7),
            store: "-".to_owned(),
            method: "orders".to_owned(),
            text: "x".repeat(201),
            owner: "\u{0}".to_owned(),
            unused_since: Some(RawTime { seconds: i64::MIN, nanos: 0 }),
            ..ListKeys::default()
        };
        let fields = fields_in(|violations| filter(violations, &list));
        assert_eq!(fields, ["store_access", "store", "method", "text", "owner", "unused_since"]);
    }

    #[test]
    fn what_is_not_said_narrows_nothing() {
        let mut violations = Violations::new();
        assert_eq!(filter(&mut violations, &ListKeys::default()), KeyFilter::default());
        assert!(violations.is_empty());
    }
}
