//! Texts of the page of a key, and of what can be done to it there.

use super::section::texts;
use crate::model::decision::Reason;

texts! {
    /// The page of a key.
    KeyPage {
        change: "Change",
        duplicate: "Duplicate",
        facts: "The key",
        id: "Id",
        standing: "Activity",
        owner: "Owner",
        comment: "Comment",
        labels: "Labels",
        validity: "Validity",
        from: "from",
        until: "until",
        unlimited: "no limit",
        networks: "Networks",
        anywhere: "from anywhere",
        created: "Created",
        updated: "Changed",
        last_used: "Last used",
        revoked_at: "Revoked",
        none: "—",
        tokens: "Tokens",
        token: "Token",
        issued: "made here",
        supplied: "brought along",
        ends: "Ends",
        with_key: "with the key",
        no_tokens: "No token of this key is good any more.",
        end_token: "End now",
        end_token_help: "Whoever presents this token is refused at once.",
        rotate: "Rotate",
        rotate_help: "The key gets a second token. The one there is goes on being good for the overlap, so that your partner can change over.",
        two_tokens: "There are two tokens. Another rotation is possible once the older one has ended.",
        overlap: "Overlap",
        overlap_none: "None: the old token ends at once",
        overlap_hour: "1 hour",
        overlap_day: "1 day",
        overlap_week: "7 days",
        overlap_month: "30 days",
        rotate_now: "Make another token",
        rotated_title: "The key has another token",
        stores: "The stores",
        stores_all: "All stores, also ones added later.",
        stores_none: "No store: the key opens no method that is about stores.",
        store: "Store",
        last_use: "Last use",
        not_lately: "not in 90 days",
        named_none: "Calls that named no store, or several",
        methods: "Allowed API methods",
        methods_all: "All methods, also ones added later.",
        methods_none: "No method: the key opens nothing.",
        never_used: "Allowed and not called in 90 days",
        used: "Allowed and called in 90 days",
        all_used: "Every allowed method was called in the last 90 days.",
        usage: "Calls in the last 30 days",
        usage_none: "No calls in the last 30 days.",
        allowed: "allowed",
        refused: "refused",
        day: "Day (UTC)",
        as_table: "As a table",
        most: "at most a day",
        check: "Check access",
        check_help: "What would be decided if this key called now. Nothing is counted as a use.",
        check_method: "Method",
        check_method_hint: "GET /api/v5/orders/statuses",
        check_store: "Store",
        check_store_hint: "code, or empty",
        check_address: "From address",
        check_address_hint: "any, if empty",
        check_now: "Check",
        check_allowed: "Allowed",
        check_denied: "Refused",
        check_bound: "Store",
        check_scope: "Stores in scope",
        check_scope_all: "all stores",
        check_scope_none: "no store",
        check_scope_large: "more than 200 stores",
        check_within_scope: "Only for a service that stays within the stores in scope. A gateway refuses this call unless its profile has upstream_applies_scope: the key is for certain stores, and the method reads no store.",
        check_judged_as: "Judged as",
        check_revision: "Revision",
        check_bad_address: "This is no IP address.",
        history: "History",
        history_none: "Nothing is on record.",
        history_older: "Older changes",
        was: "was",
        now: "now",
        added: "added",
        removed: "removed",
        ending: "End the key",
        revoke: "Revoke",
        revoke_help: "For good: every token of the key ends at once, and nothing brings it back. To pause it, switch it off instead.",
        reason: "Reason",
        reason_help: "For the audit trail and for whoever finds the key later.",
        revoke_now: "Revoke the key",
        delete: "Delete",
        delete_help: "Takes the key out of all lists. The audit trail keeps what it was. Tick the box, so that it is no accident.",
        delete_sure: "Yes, delete this key",
        delete_now: "Delete the key",
        delete_unsure: "Tick the box first.",
    }
}

texts! {
    /// What was done, by the audit trail's names.
    Actions {
        create: "Created",
        update: "Changed",
        rotate: "Rotated",
        revoke: "Revoked",
        revoke_secret: "Token ended",
        delete: "Deleted",
        import: "Imported",
        retire: "Retired",
        recover: "Recovered",
        sign_in: "Signed in",
        sign_out: "Signed out",
    }
}

texts! {
    /// What changes are about, by the audit trail's names.
    Subjects {
        key: "Key",
        store: "Store",
        method: "Method",
        operator: "Operator",
    }
}

texts! {
    /// Fields, by the names that the audit trail has for them.
    FieldNames {
        name: "Name",
        owner: "Owner",
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
        store_use: "Store use",
        store_places: "Store places",
        scope: "Scope",
        position: "Position",
    }
}

texts! {
    /// Changing a key.
    KeyEdit {
        title: "Change an API access key",
        stale: "Somebody else changed this key while you were at it. Nothing of yours was saved yet, and nothing of either is lost.",
        stale_theirs: "What was changed meanwhile:",
        stale_kept: "The form below has those changes where you had changed nothing, and yours where you had. Look it over and save again.",
        stale_both: "You both changed this; the form has yours:",
        stale_was_theirs: "theirs",
        narrowing: "This takes access away. In the last 30 days it would have refused:",
        narrowing_none: "This takes access away. None of the calls of the last 30 days would have been refused.",
        narrowing_calls: "calls",
        narrowing_on: "on",
        narrowing_unknown: "a method outside the reference book",
        narrowing_further: "further kinds of calls",
        narrowing_open: "calls named no store or several; the counts do not tell whether they would be refused.",
        narrowing_truncated: "There were more kinds of calls than can be looked at here: it may be more.",
        save: "Save",
        save_all_the_same: "Save all the same",
        revoked: "The key is revoked: only name, owner, comment and labels can still be changed.",
    }
}

/// Why a call is refused.
pub(in crate::console) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::KeyMissing => "No token was presented.",
        Reason::KeyMalformed => "The token cannot be one.",
        Reason::KeyUnknown => "No key has this token.",
        Reason::KeyRevoked => "The key is revoked, or has no live token.",
        Reason::KeyInactive => "The key is switched off.",
        Reason::KeyNotYetValid => "The key's validity has not begun.",
        Reason::KeyExpired => "The key's validity is over.",
        Reason::SecretExpired => "The token's overlap after a rotation is over.",
        Reason::NetworkDenied => "The client's address is outside the key's networks, or unknown.",
        Reason::MethodRequired => "No method was named.",
        Reason::PathAmbiguous => "The path can be read in more than one way.",
        Reason::MethodUnknown => {
            "The reference book has no such method, and the key is not open enough for calls outside it."
        }
        Reason::MethodDenied => "The key does not open this method.",
        Reason::StoreRequired => "A store must be named.",
        Reason::StoreUnknown => "A store named does not exist.",
        Reason::StoreInactive => "A store named is switched off.",
        Reason::StoreDenied => "The key does not open a store named.",
        Reason::NoStoreOpen => {
            "The key is for certain stores, and none of them exists and is switched on: it opens no store."
        }
        Reason::MethodReadsNoStore => {
            "The key is for certain stores, and this method reads no store: a gateway cannot keep the call within them."
        }
    }
}
