//! Texts of Oversight › Audit trail and Replicas, and of finding a key.

use super::section::texts;

texts! {
    /// The audit trail.
    Audit {
        title: "Audit trail",
        about: "About",
        subject: "Which one",
        subject_hint: "Id of a key, code of a store, …",
        actor: "Who",
        actor_hint: "Name or id of an operator",
        no_such_actor: "No operator has or had this name.",
        from: "From (UTC)",
        until: "Until (UTC)",
        all_of_it: "All about it",
        revision: "Revision",
        by: "by",
        nothing_found: "Nothing on record fits.",
        nothing_found_advice: "Take a filter away, or begin with the whole trail.",
    }
}

texts! {
    /// The replicas.
    Replicas {
        title: "Replicas",
        lead: "Every change has a revision. A replica decides by the newest one that it has applied.",
        head: "Newest revision",
        bound: "A replica that has heard nothing for this long allows nothing",
        seconds: "s",
        again: "Look again",
        host: "Replica",
        state: "State",
        live: "Live",
        silent: "Silent",
        silent_help: "It has not reported lately: it was stopped, or is cut off from storage. Writes do not wait for it.",
        applied: "Applied",
        behind: "behind",
        current: "up to date",
        reported: "Reported",
        ago: "ago",
        bound_of: "Allows without proof for",
        other: "differs",
        not_reported: "not reported",
        differ: "Replicas have different settings of max_staleness. A write names each replica by its own. Set the same on all.",
        version: "Version",
        started: "Started",
        own: "made this page",
        empty: "No replica has reported yet. Look again in a moment.",
        lost: "Lost changes",
        lost_lead: "Replicas had applied these changes, and the database doesn't have them any more: it was restored from a backup, or failed over to a standby that hadn't received them. Keys revoked by them work again. To revoke them again run: latchkey replicas lost --reapply",
        lost_revision: "Revision",
        lost_what: "What",
        lost_action: "Action",
        lost_noticed: "Noticed",
    }
}

texts! {
    /// Finding a key by its token.
    Find {
        title: "Find a key",
        lead: "Whose token is this? Paste one that turned up in a log, a repository or a mail. It is looked up and kept nowhere.",
        token: "Token",
        token_help: "The whole token. The last four characters are enough for the list of keys.",
        submit: "Find",
        unknown: "No key has or had this token.",
        found: "The token belongs to",
        open: "To the key",
        trail: "Its history",
        state: "State",
        live: "The token is good.",
        ended: "The token has ended.",
        ends: "The token ends",
        key_off: "The key is switched off.",
        key_revoked: "The key is revoked.",
        key_deleted: "The key is deleted.",
        key_expired: "The key's validity is over.",
        key_early: "The key's validity has not begun.",
        created: "Made",
        owner: "Owner",
        last_used: "Last used",
        hint: "Token",
    }
}
