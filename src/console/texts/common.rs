//! Texts that no section owns.

use super::section::texts;

texts! {
    /// On every page.
    CommonTexts {
        product: "Latchkey",
        skip: "Skip to content",
        sections: "Sections",
        sign_out: "Sign out",
        signed_in_as: "Signed in as",
        back: "Back",
        next_page: "Next page",
        first_page: "First page",
        never: "never",
        copy: "Copy",
        copied: "Copied",
        cancel: "Cancel",
        any: "Any",
        filter: "Filter",
        clear: "Clear",
        why: "Reason",
        why_help: "Optional. Kept in the audit trail.",
        no_time: "Enter the time like this: 2027-03-31 18:00.",
        sure_first: "Tick the box to confirm.",
        last_changed: "Last changed",
        pages: "Pages",
        stale: "Someone else changed this while you were editing. Your changes aren't saved yet; nothing is lost.",
        save: "Save",
        not_saved: "Not saved.",
        fix_one: "Fix the highlighted field.",
        fix_several: "Fix the highlighted fields.",
    }

    /// The navigation.
    NavTexts {
        integration: "Integration",
        keys: "API access keys",
        stores: "Stores",
        methods: "Reference book",
        find: "Find a key",
        oversight: "Oversight",
        audit: "Audit trail",
        replicas: "Replicas",
        operators: "Operators",
    }

    /// Signing in.
    SignInTexts {
        title: "Sign in",
        token: "Operator token",
        token_help: "Starts with lko_. On the first start, Latchkey writes one to the file admin.token in its data folder. After that, an administrator issues them.",
        submit: "Sign in",
        wrong_token: "We don't recognize this token. It may be mistyped, expired or revoked.",
        role_has_no_pages: "This operator can only request decisions and has no access to the console. Sign in with the token of a viewer, an editor or an admin.",
        kept: "Sign in to continue. What you typed is kept.",
        kept_title: "You're signed in again",
        kept_help: "What you typed is still here. Send it now or discard it.",
        kept_send: "Send what I typed",
        kept_drop: "Discard it",
        why_unknown: "You're no longer signed in. Please sign in again.",
        why_idle: "You were signed out after an hour without activity.",
        why_over: "You were signed out because a session lasts at most 12 hours.",
        why_revoked: "You were signed out because your operator was revoked. If you didn't expect this, contact an administrator.",
        why_expired: "You were signed out because your operator has expired. Ask an administrator to extend it.",
        why_changed: "You were signed out because your operator's name, role, token or expiry changed. Please sign in again.",
    }

    /// Error pages.
    PageErrorTexts {
        home: "Go to the start page",
        not_found: "Page not found",
        not_found_advice: "It may have been deleted, or the address is incomplete. The audit trail shows what was deleted.",
        forbidden: "Your role doesn't allow this",
        forbidden_advice: "Nothing was changed. An administrator can give you another role.",
        foreign_form: "The form was not accepted",
        foreign_form_advice: "It came from another site or from an earlier session. Nothing was changed. Go back, reload the page and send it again.",
        too_large: "The form is too large",
        too_large_advice: "Nothing was changed. Send less at a time.",
        too_many: "Too many failed sign-ins",
        too_many_advice: "We don't recognize this token. Check it before you try again: a valid token still signs in.",
        too_slow: "The form took too long to send",
        too_slow_advice: "Nothing was changed. Check your connection and send it again.",
        busy: "The server is busy",
        busy_advice: "Nothing was changed. Try again in a moment.",
        refused: "This can't be done right now",
        refused_advice: "Nothing was changed.",
        bad_address: "This address isn't valid",
        bad_address_advice: "It may be incomplete or was changed. Start again from the list.",
        unavailable: "Storage is unavailable",
        unavailable_advice: "Nothing was changed. Latchkey keeps deciding requests from memory for a while. Try again in a moment.",
        loading: "This server is loading its data",
        loading_advice: "It decides again once everything is loaded. Try again in a moment.",
        stale: "This server can't confirm that its data is current",
        stale_advice: "It denies every request until it can. The Replicas page and the server's log show why. Try again in a moment.",
        behind: "This server doesn't have the latest changes yet",
        behind_advice: "Another server saved a change that this one has yet to apply. Reload the page in a moment.",
        changing: "The data kept changing",
        changing_advice: "The key, the stores or the methods changed while access was checked. Reload the page.",
        incomplete: "Storage seems to be incomplete",
        incomplete_advice: "It lacks data that it had before, as in the middle of a restore. Try again once the restore is complete.",
        outcome_unknown: "We don't know whether it was saved",
        outcome_unknown_advice: "The connection to storage broke while saving. Check whether the change is there before you repeat it.",
        internal: "Something went wrong on our side",
        internal_advice: "You didn't cause this. The server's log has the details.",
    }
}
