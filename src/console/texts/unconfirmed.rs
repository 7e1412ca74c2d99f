//! Texts of writes that some replicas have not confirmed yet. Each begins with the action and continues with the risk
//! of such a replica; both are listed here by the names of [`super::common::DoneTexts`].

use super::section::texts;

texts! {
    /// Which replicas have not confirmed a write. The first placeholder is one of [`RiskTexts`].
    UnconfirmedTexts {
        one: "1 replica has not confirmed yet and {} for up to {}: {}",
        several: "{} replicas have not confirmed yet and {} for up to {}: {}",
        unknown: "Which replicas have confirmed is not known: storage did not respond after saving. Any replica {} for up to {}.",
    }
}

texts! {
    /// Completed actions.
    OutcomeTexts {
        saved: "Saved.",
        added: "The key is added.",
        rotated: "The key has a new token.",
        revoked: "The key is revoked.",
        deleted: "The key is deleted.",
        token_ended: "The token is revoked.",
        key_on: "The key is switched on.",
        key_off: "The key is switched off.",
        store_added: "The store is added.",
        store_deleted: "The store is deleted.",
        store_on: "The store is switched on.",
        store_off: "The store is switched off.",
        method_added: "The method is added.",
        method_retired: "The method is retired.",
        imported: "Reference book imported.",
        operator_added: "The operator is added.",
        operator_rotated: "The operator has a new token.",
        operator_revoked: "The operator is revoked.",
    }
}

texts! {
    /// What a replica that has not confirmed may still do.
    RiskTexts {
        saved: "may still decide as before this change",
        added: "may not know this key",
        rotated: "may not know the new token, and may still allow the old one",
        revoked: "may still allow this key",
        deleted: "may still allow this key",
        token_ended: "may still allow this token",
        key_on: "may still refuse this key",
        key_off: "may still allow this key",
        store_added: "may not know this store",
        store_deleted: "may still allow calls for this store",
        store_on: "may still refuse calls for this store",
        store_off: "may still allow calls for this store",
        method_added: "may not know this method",
        method_retired: "may still allow this method",
        imported: "may still decide by the reference book as it was",
        operator_added: "may not know this operator",
        operator_rotated: "may still accept the old token",
        operator_revoked: "may still accept this operator",
    }
}
