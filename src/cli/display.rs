//! Names of the contract's values for people, some of whom type them.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::time::is_past;
use crate::proto::v1::{self, Access, Reason, Role, ScopeKind, StoreKind, StoreUse};

/// Makes values of the contract arguments: each with the word that is typed, and its description in `--help`.
macro_rules! arguments {
    ($($name:ident { $($value:ident: $word:literal, $help:literal;)* })*) => {$(
        impl ValueEnum for $name {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$value),*]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                match self {
                    Self::Unspecified => None,
                    $(Self::$value => Some(PossibleValue::new($word).help($help)),)*
                }
            }
        }
    )*};
}

arguments! {
    Access {
        All: "all", "Everything, including members added later";
        Selected: "selected", "The listed members";
    }
    Role {
        Admin: "admin", "Everything, including operators";
        Editor: "editor", "Read and change keys, stores and methods";
        Viewer: "viewer", "Read keys, stores, methods, the audit trail, usage and servers";
        Authorizer: "authorizer", "Request decisions, nothing else";
    }
    StoreKind {
        Site: "site", "A regular site";
        LandingPage: "landing-page", "A landing page";
        OnlineStore: "online-store", "A full online store on a CMS";
    }
    StoreUse {
        None: "none", "Calls name no store; the result may belong to stores";
        Shared: "shared", "Read-only, and the result belongs to no store, such as a list of countries; open to every \
                           key with access to the method";
        Optional: "optional", "Calls may name a store";
        Required: "required", "Calls must name a store, unless the key is bound to one";
    }
}

/// Returns the value as it is typed.
pub(super) fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(|| "unknown".to_owned(), |value| value.get_name().to_owned())
}

/// Returns the name of a reason in the contract, without the common prefix.
pub(super) fn reason_name(reason: i32) -> String {
    Reason::try_from(reason).map_or_else(
        |_| format!("REASON_{reason}"),
        |reason| reason.as_str_name().trim_start_matches("REASON_").to_owned(),
    )
}

pub(super) fn reason(reason: i32) -> &'static str {
    match Reason::try_from(reason).unwrap_or_default() {
        Reason::Allowed => "every check passed",
        Reason::KeyMissing => "the request has no key",
        Reason::KeyMalformed => {
            "this cannot be a valid token: its length, characters or checksum are wrong; it was mistyped or cut off"
        }
        Reason::KeyUnknown => "this token belongs to no key",
        Reason::KeyRevoked => "the key, or this token of it, was revoked",
        Reason::KeyInactive => "the key is switched off",
        Reason::KeyNotYetValid => "the key is not valid yet",
        Reason::KeyExpired => "the key has expired",
        Reason::SecretExpired => "this token was replaced by a rotation and has expired",
        Reason::NetworkDenied => "the client's address is unknown or outside the networks that the key allows",
        Reason::MethodRequired => "the request names no method",
        Reason::PathAmbiguous => "the path is ambiguous, so it is unclear which method it means",
        Reason::MethodUnknown => {
            "the reference book has no such method; calling it requires access to all methods, and to all stores \
             unless the call names a store"
        }
        Reason::MethodDenied => "the key has no access to this method",
        Reason::StoreRequired => "this method requires a store, and the request names none",
        Reason::StoreUnknown => "the request names a store that does not exist",
        Reason::StoreInactive => "the request names a store that is switched off",
        Reason::StoreDenied => "the key has no access to a store that the request names",
        Reason::NoStoreOpen => "the key is limited to certain stores, and none of them exists and is switched on",
        Reason::MethodReadsNoStore => {
            "the key is limited to certain stores, and this method takes no store, so a gateway cannot confine the \
             call to them"
        }
        Reason::Unspecified => "a reason that this version does not know",
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
