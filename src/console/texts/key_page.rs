//! Texts of the page of a key, and of the actions there.

use super::section::texts;
use crate::model::decision::Reason;

texts! {
    /// The page of a key.
    KeyPageTexts {
        duplicate: "Duplicate",
        id: "ID",
        validity: "Validity",
        from: "from",
        until: "until",
        unlimited: "no limit",
        anywhere: "any address",
        created: "Created",
        tokens: "Tokens",
        token: "Token",
        issued: "generated",
        supplied: "imported",
        with_key: "with the key",
        no_tokens: "This key has no valid token.",
        revoke_token: "Revoke token",
        revoke_token_help: "Calls with this token are refused immediately.",
        rotate: "Rotate",
        rotate_help: "Creates a second token. The current token keeps working during the overlap, so your partner has time to switch.",
        two_tokens: "This key already has two tokens. You can rotate it again when the older one has expired or is revoked.",
        overlap: "Overlap",
        overlap_none: "None: revoke the current token now",
        overlap_hour: "1 hour",
        overlap_day: "1 day",
        overlap_week: "7 days",
        overlap_month: "30 days",
        rotated_title: "New token created",
        stores_all: "All stores, including stores added later.",
        stores_none: "No stores: this key can't call methods that concern a store.",
        store: "Store",
        not_lately: "not in the last 90 days",
        named_none: "Calls that named no store or more than one",
        methods_all: "All methods, including methods added later.",
        methods_none: "No methods: this key can't call anything.",
        never_used: "Allowed, but not called in the last 90 days",
        used: "Allowed and called in the last 90 days",
        all_used: "Every allowed method was called in the last 90 days.",
        usage: "Calls in the last 30 days",
        usage_none: "No calls in the last 30 days.",
        allowed: "allowed",
        refused: "refused",
        day: "Day (UTC)",
        as_table: "Show as table",
        peak: "peak:",
        call_a_day: "call a day",
        calls_a_day: "calls a day",
        check: "Check access",
        check_help: "Shows what Latchkey would decide if this key made this call now. It doesn't count as usage.",
        check_method_hint: "GET /api/v5/orders/statuses",
        check_store_hint: "Code (optional)",
        check_address: "Client address",
        check_address_hint: "IP address (optional)",
        check_now: "Check",
        check_allowed: "Allowed",
        check_denied: "Refused",
        check_scope: "Stores in scope",
        check_scope_all: "all stores",
        check_scope_none: "no store",
        check_scope_large: "more than 200 stores",
        check_within_scope: "Only for services that restrict the result to the stores in scope: this key is limited to certain stores, and the method takes no store. A gateway refuses this call unless its profile sets upstream_applies_scope.",
        check_matched: "Matched method",
        check_bad_address: "Enter a valid IP address.",
        history: "History",
        history_none: "No changes recorded.",
        history_older: "Older changes",
        was: "was",
        now: "now",
        added: "added",
        removed: "removed",
        ending: "Revoke or delete",
        revoke: "Revoke",
        revoke_help: "Permanent: all tokens of this key stop working immediately, and it can't be restored. To pause the key, switch it off instead.",
        reason_help: "Kept in the audit trail and shown on the key.",
        revoke_now: "Revoke key",
        delete: "Delete",
        delete_help: "Removes the key permanently. Its history stays in the audit trail. Tick to confirm.",
        delete_sure: "Yes, delete this key",
        delete_now: "Delete key",
    }

    /// Actions, by their names in the audit trail.
    ActionTexts {
        create: "Created",
        update: "Changed",
        rotate: "Rotated",
        revoke: "Revoked",
        revoke_secret: "Revoked token",
        delete: "Deleted",
        import: "Imported",
        retire: "Retired",
        recover: "Recovered",
        sign_in: "Signed in",
        sign_out: "Signed out",
    }

    /// Subjects of changes, by their names in the audit trail.
    SubjectTexts {
        key: "Key",
        store: "Store",
        method: "Method",
        operator: "Operator",
    }

    /// Fields, by their names in the audit trail: labels of forms, lists and changes.
    FieldNames {
        name: "Name",
        owner: "Owner",
        contact: "Contact (e-mail)",
        comment: "Comment",
        active: "Active",
        revoked: "Revoked",
        stores: "Stores",
        methods: "Methods",
        not_before: "Valid from",
        expires: "Valid until",
        networks: "Networks",
        labels: "Labels",
        secrets: "Tokens",
        code: "Code",
        kind: "Kind",
        platform: "Platform",
        hosts: "Hosts",
        role: "Role",
        hint: "Token",
        method: "Method",
        block: "Block",
        summary: "Summary",
        description: "Description",
        store_use: "Store",
        store_places: "Where calls name the store",
        scope: "Scope",
        position: "Position",
    }

    /// Editing a key.
    KeyEditTexts {
        title: "Edit API access key",
        stale: "Someone else changed this key while you were editing. Your changes aren't saved yet; nothing is lost.",
        stale_theirs: "What they changed:",
        stale_kept: "The form below combines both: their values where you changed nothing, and yours where you did. Check it and save again.",
        stale_both: "You both changed these fields. The form has your values:",
        stale_was_theirs: "their value",
        narrowing: "This removes access. In the last 30 days, it would have refused:",
        narrowing_none: "This removes access. It wouldn't have refused any call of the last 30 days.",
        narrowing_call: "call",
        narrowing_calls: "calls",
        narrowing_on: "on",
        narrowing_unknown: "a method that isn't in the reference book",
        narrowing_further: "more kinds of calls",
        narrowing_open_one: "call named no store or more than one. We can't tell whether it would be refused.",
        narrowing_open: "calls named no store or more than one. We can't tell whether these would be refused.",
        narrowing_truncated: "Only part of the calls could be checked. The real number may be higher.",
        save_all_the_same: "Save anyway",
        revoked: "This key is revoked. You can only edit its name, owner, contact, comment and labels.",
    }
}

/// Returns the text of the reason for a refusal.
pub(in crate::console) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::KeyMissing => "The request has no token.",
        Reason::KeyMalformed => "This can't be a valid token: its length, characters or checksum are wrong.",
        Reason::KeyUnknown => "This token belongs to no key.",
        Reason::KeyRevoked => "The key is revoked, or it has no valid token.",
        Reason::KeyInactive => "The key is switched off.",
        Reason::KeyNotYetValid => "The key isn't valid yet.",
        Reason::KeyExpired => "The key has expired.",
        Reason::SecretExpired => "The token has expired: the overlap after its rotation is over.",
        Reason::NetworkDenied => "The client's address is unknown, or outside the networks that the key allows.",
        Reason::MethodRequired => "The request names no method.",
        Reason::PathAmbiguous => "The path is ambiguous.",
        Reason::MethodUnknown => {
            "The reference book has no such method. Calling such methods requires access to all methods, and to all stores unless the call names a store."
        }
        Reason::MethodDenied => "The key has no access to this method.",
        Reason::StoreRequired => "The request must name a store.",
        Reason::StoreUnknown => "The request names a store that doesn't exist.",
        Reason::StoreInactive => "The request names a store that is switched off.",
        Reason::StoreDenied => "The key has no access to a store that the request names.",
        Reason::NoStoreOpen => "The key is limited to certain stores, and none of them exists and is switched on.",
        Reason::MethodReadsNoStore => {
            "The key is limited to certain stores, and this method takes no store, so a gateway can't confine the call to them."
        }
    }
}
