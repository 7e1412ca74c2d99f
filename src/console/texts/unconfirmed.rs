//! Texts of writes: that they are done, and which replicas have not confirmed them yet.

use super::section::texts;

texts! {
    /// Which replicas have not confirmed a write. The first placeholder is the risk.
    UnconfirmedTexts {
        one: "1 replica has not confirmed yet and {} for up to {}: {}",
        several: "{} replicas have not confirmed yet and {} for up to {}: {}",
        unknown: "Which replicas have confirmed is not known: storage did not respond after saving. Any replica {} for up to {}.",
    }
}

/// The texts of a write.
#[derive(Debug)]
pub(in crate::console) struct WriteText {
    /// Its name in the address.
    pub(super) name: &'static str,
    /// The notice once every replica has confirmed it; empty if its effect is visible.
    pub(in crate::console) done: &'static str,
    /// The beginning of the notice while some have not.
    pub(in crate::console) outcome: &'static str,
    /// What these may still do.
    pub(in crate::console) risk: &'static str,
}

const fn write(name: &'static str, done: &'static str, outcome: &'static str, risk: &'static str) -> WriteText {
    WriteText { name, done, outcome, risk }
}

pub(super) const WRITES: [WriteText; 18] = [
    write("saved", "Saved.", "Saved.", "may still decide as before this change"),
    write("added", "", "The key is added.", "may not know this key"),
    write("rotated", "", "The key has a new token.", "may not know the new token, and may still allow the old one"),
    write("revoked", "Key revoked. Its tokens are now refused.", "The key is revoked.", "may still allow this key"),
    write("deleted", "Key deleted.", "The key is deleted.", "may still allow this key"),
    write("token_ended", "Token revoked. It is now refused.", "The token is revoked.", "may still allow this token"),
    write("key_on", "", "The key is switched on.", "may still refuse this key"),
    write("key_off", "", "The key is switched off.", "may still allow this key"),
    write("store_added", "Store added.", "The store is added.", "may not know this store"),
    write(
        "store_deleted",
        "Store deleted. No key has access to it any more.",
        "The store is deleted.",
        "may still allow calls for this store",
    ),
    write("store_on", "", "The store is switched on.", "may still refuse calls for this store"),
    write("store_off", "", "The store is switched off.", "may still allow calls for this store"),
    write("method_added", "Method added to the reference book.", "The method is added.", "may not know this method"),
    write(
        "method_retired",
        "Method retired. Keys with selected methods can no longer call it.",
        "The method is retired.",
        "may still allow this method",
    ),
    write(
        "imported",
        "Reference book imported.",
        "Reference book imported.",
        "may still decide by the reference book as it was",
    ),
    write("operator_added", "", "The operator is added.", "may not know this operator"),
    write("operator_rotated", "", "The operator has a new token.", "may still accept the old token"),
    write(
        "operator_revoked",
        "Operator revoked and signed out.",
        "The operator is revoked.",
        "may still accept this operator",
    ),
];
