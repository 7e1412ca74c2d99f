//! Names of the contract's values for people.

use super::time::is_past;
use crate::proto::v1;
use crate::proto::v1::{Access, Reason, Role, ScopeKind, StoreKind, StoreUse};

/// Returns the name of a reason in the contract, without the common prefix.
pub(super) fn reason_name(reason: i32) -> String {
    Reason::try_from(reason).map_or_else(
        |_| format!("REASON_{reason}"),
        |reason| reason.as_str_name().trim_start_matches("REASON_").to_owned(),
    )
}

/// Describes a reason.
pub(super) fn reason(reason: i32) -> &'static str {
    match Reason::try_from(reason) {
        Ok(Reason::Allowed) => "every check passed",
        Ok(Reason::KeyMissing) => "the request has no key",
        Ok(Reason::KeyMalformed) => {
            "this cannot be a valid token: its length, characters or checksum are wrong; it was mistyped or cut off"
        }
        Ok(Reason::KeyUnknown) => "this token belongs to no key",
        Ok(Reason::KeyRevoked) => "the key, or this token of it, was revoked",
        Ok(Reason::KeyInactive) => "the key is switched off",
        Ok(Reason::KeyNotYetValid) => "the key is not valid yet",
        Ok(Reason::KeyExpired) => "the key has expired",
        Ok(Reason::SecretExpired) => "this token was replaced by a rotation and has expired",
        Ok(Reason::NetworkDenied) => "the client's address is unknown or outside the networks that the key allows",
        Ok(Reason::MethodRequired) => "the request names no method",
        Ok(Reason::PathAmbiguous) => "the path is ambiguous, so it is unclear which method it means",
        Ok(Reason::MethodUnknown) => {
            "the reference book has no such method; calling it requires access to all methods, and to all stores \
             unless the call names a store"
        }
        Ok(Reason::MethodDenied) => "the key has no access to this method",
        Ok(Reason::StoreRequired) => "this method requires a store, and the request names none",
        Ok(Reason::StoreUnknown) => "the request names a store that does not exist",
        Ok(Reason::StoreInactive) => "the request names a store that is switched off",
        Ok(Reason::StoreDenied) => "the key has no access to a store that the request names",
        Ok(Reason::NoStoreOpen) => "the key is limited to certain stores, and none of them exists and is switched on",
        Ok(Reason::MethodReadsNoStore) => {
            "the key is limited to certain stores, and this method takes no store, so a gateway cannot confine the \
             call to them"
        }
        Ok(Reason::Unspecified) | Err(_) => "a reason that this version does not know",
    }
}

/// Describes where customers may be searched.
pub(super) fn scope(scope: &v1::Scope) -> String {
    match scope.kind() {
        ScopeKind::All => "all stores, including stores added later".to_owned(),
        ScopeKind::Listed if scope.stores.is_empty() => "no active store".to_owned(),
        ScopeKind::Listed => scope.stores.join(", "),
        ScopeKind::Large => "more than 200 stores: `latchkey introspect` lists them".to_owned(),
        ScopeKind::Unspecified => "a scope that this version does not know".to_owned(),
    }
}

/// Returns the current state of a key, in one word.
pub(super) fn state(key: &v1::Key) -> &'static str {
    if key.revoke_time.is_some() {
        "revoked"
    } else if key.active == Some(false) {
        "off"
    } else if is_past(key.expire_time.as_ref()) {
        "expired"
    } else if key.not_before.is_some() && !is_past(key.not_before.as_ref()) {
        "not yet valid"
    } else {
        "active"
    }
}

/// Describes a key's access to a set, in a cell: `all`, `none`, a few by name, or how many.
pub(super) fn access(access: Access, members: &[String], things: &str) -> String {
    match (access, members) {
        (Access::All, _) => "all".to_owned(),
        (Access::Unspecified, _) => "unknown".to_owned(),
        (Access::Selected, []) => "none".to_owned(),
        (Access::Selected, few) if few.len() <= 3 && few.iter().map(String::len).sum::<usize>() <= 60 => few.join(", "),
        (Access::Selected, many) => format!("{} {things}", many.len()),
    }
}

/// Returns the role as it is typed.
pub(super) const fn role(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Editor => "editor",
        Role::Viewer => "viewer",
        Role::Authorizer => "authorizer",
        Role::Unspecified => "unknown",
    }
}

/// Returns the kind of store as it is typed.
pub(super) const fn kind(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Site => "site",
        StoreKind::LandingPage => "landing-page",
        StoreKind::OnlineStore => "online-store",
        StoreKind::Unspecified => "unknown",
    }
}

/// Returns the use of stores as it is typed.
pub(super) const fn store_use(store_use: StoreUse) -> &'static str {
    match store_use {
        StoreUse::None => "none",
        StoreUse::Shared => "shared",
        StoreUse::Optional => "optional",
        StoreUse::Required => "required",
        StoreUse::Unspecified => "unknown",
    }
}

/// Returns `yes` or `no`.
pub(super) const fn yes_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// Formats a count with its noun; `one` is the singular.
pub(super) fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_the_contract_has_words() {
        let mut texts = std::collections::BTreeSet::new();
        for number in 1..=20 {
            assert!(Reason::try_from(number).is_ok());
            assert!(texts.insert(reason(number)), "{} says what another says", reason_name(number));
            assert!(!reason_name(number).starts_with("REASON"));
        }
        assert!(Reason::try_from(21).is_err(), "a reason was added: give it words, and count it here");
    }

    #[test]
    fn access_is_short_in_a_cell() {
        let codes = |codes: &[&str]| codes.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(access(Access::All, &[], "stores"), "all");
        assert_eq!(access(Access::Selected, &[], "stores"), "none");
        assert_eq!(access(Access::Selected, &codes(&["a", "b"]), "stores"), "a, b");
        assert_eq!(access(Access::Selected, &codes(&["a", "b", "c", "d"]), "stores"), "4 stores");
    }

    #[test]
    fn the_state_of_a_key_is_what_would_refuse_it_first() {
        let past = Some(prost_types::Timestamp { seconds: 1, nanos: 0 });
        let future = Some(prost_types::Timestamp { seconds: 250_000_000_000, nanos: 0 });
        let key = |change: fn(&mut v1::Key)| {
            let mut key = v1::Key { active: Some(true), ..Default::default() };
            change(&mut key);
            key
        };
        assert_eq!(state(&key(|_| {})), "active");
        assert_eq!(state(&v1::Key { expire_time: past, ..key(|_| {}) }), "expired");
        assert_eq!(state(&v1::Key { not_before: future, ..key(|_| {}) }), "not yet valid");
        assert_eq!(state(&v1::Key { expire_time: past, ..key(|key| key.active = Some(false)) }), "off");
        assert_eq!(state(&v1::Key { revoke_time: past, ..key(|key| key.active = Some(false)) }), "revoked");
    }
}
