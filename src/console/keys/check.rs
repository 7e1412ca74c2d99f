//! "Check access": the decision if the key called now.

use std::net::IpAddr;

use crate::console::texts::key_page;
use crate::console::{Console, ENGLISH, FormFields, PageError};
use crate::model::decision::{Decision, Request, Scope, StoresFrom};
use crate::model::key::Key;

/// The checked call, and the result.
#[derive(Debug, Default)]
pub(super) struct AccessCheck {
    pub(super) method: String,
    pub(super) store: String,
    pub(super) address: String,
    pub(super) wrong_address: bool,
    pub(super) verdict: Option<AccessVerdict>,
}

#[derive(Debug)]
pub(super) struct AccessVerdict {
    pub(super) allowed: bool,
    /// Every failed check: its name and its meaning.
    pub(super) failed: Vec<(&'static str, &'static str)>,
    /// The store of the call.
    pub(super) store: String,
    pub(super) scope: String,
    /// It is allowed only within the scope, which a gateway can't enforce.
    pub(super) within_scope: bool,
    /// The matching entries of the reference book.
    pub(super) methods: Vec<String>,
    pub(super) revision: u64,
}

/// Checks the call in the address, if it has one.
pub(super) async fn check(console: &Console, key: &Key, query: &FormFields) -> Result<AccessCheck, PageError> {
    if !query.has("check_method") {
        return Ok(AccessCheck::default());
    }
    let mut check = AccessCheck {
        method: query.trimmed("check_method"),
        store: query.trimmed("check_store"),
        address: query.trimmed("check_address"),
        ..AccessCheck::default()
    };
    let client: Option<IpAddr> = check.address.parse().ok();
    check.wrong_address = client.is_none() && !check.address.is_empty();
    if !check.wrong_address {
        let request = Request {
            method: &check.method,
            store: &check.store,
            stores: &[],
            stores_from: StoresFrom::Service,
            client,
        };
        check.verdict = Some(console.authority.dry_run(key, &request, AccessVerdict::new).await?);
    }
    Ok(check)
}

impl AccessVerdict {
    fn new(decision: &Decision<'_>) -> Self {
        let t = &ENGLISH.key_page;
        Self {
            allowed: decision.allowed(),
            failed: decision.failed.iter().map(|reason| (reason.as_str(), key_page::reason(reason))).collect(),
            store: decision.store.unwrap_or_default().to_owned(),
            scope: match &decision.scope {
                None => String::new(),
                Some(Scope::All) => t.check_scope_all.to_owned(),
                Some(Scope::Large) => t.check_scope_large.to_owned(),
                Some(Scope::Listed(codes)) if codes.is_empty() => t.check_scope_none.to_owned(),
                Some(Scope::Listed(codes)) => codes.join(", "),
            },
            within_scope: decision.scope_must_be_applied,
            methods: decision.methods.iter().map(|entry| entry.identity.to_string()).collect(),
            revision: decision.revision.0,
        }
    }
}
