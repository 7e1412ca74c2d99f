//! Texts of Oversight › Audit trail and Replicas, and of finding a key.

use super::section::texts;

texts! {
    /// The audit trail.
    AuditTexts {
        about: "Type",
        subject: "ID or code",
        subject_hint: "Key ID, store code, …",
        actor: "Changed by",
        actor_hint: "Name or ID of an operator",
        no_such_actor: "There is no operator with this name, and never was.",
        from: "From (UTC)",
        until: "Until (UTC)",
        all_of_it: "Full history",
        revision: "Revision",
        by: "by",
        nothing_found: "No changes match.",
        nothing_found_advice: "Remove a filter, or show the whole audit trail.",
    }

    /// The replicas.
    ReplicaTexts {
        lead: "Every change has a revision. A replica decides by the latest revision it has applied.",
        latest: "Latest revision",
        bound: "Replicas out of sync for longer than this deny every request",
        refresh: "Refresh",
        host: "Replica",
        state: "State",
        live: "Live",
        unresponsive: "Unresponsive",
        unresponsive_help: "It hasn't reported recently: it was stopped, or it can't reach storage. Writes don't wait for it.",
        applied: "Applied",
        behind: "behind",
        current: "up to date",
        reported: "Last report",
        ago: "ago",
        bound_of: "Max. staleness",
        other: "differs",
        not_reported: "not reported",
        differ: "Replicas have different values of max_staleness. Set the same value on all of them.",
        version: "Version",
        started: "Started",
        own: "this page",
        empty: "No replica has reported yet. Refresh in a moment.",
        lost: "Lost changes",
        lost_lead: "Replicas had applied these changes, but storage no longer has them: it was restored from a backup, or failed over to a standby that hadn't received them. Keys that they revoked work again. To revoke those keys again, run: latchkey replicas lost --reapply",
        lost_what: "Subject",
        lost_action: "Action",
        lost_noticed: "Noticed",
    }

    /// Finding a key by its token.
    FindTexts {
        lead: "Found a token in a log, a repository or an email? Paste it to see which key it belongs to. It won't be stored.",
        token: "Token",
        token_help: "The whole token. If you only have the last four characters, search the list of keys.",
        submit: "Find",
        unknown: "No key has this token, and none ever had it.",
        found: "The token belongs to",
        open: "View key",
        trail: "History",
        state: "State",
        live: "The token is valid.",
        ended: "The token is no longer valid.",
        ends: "Token expires",
        key_off: "The key is switched off.",
        key_revoked: "The key is revoked.",
        key_deleted: "The key is deleted.",
        key_expired: "The key has expired.",
        key_early: "The key isn't valid yet.",
        created: "Created",
    }
}
