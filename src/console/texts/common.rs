//! Texts that no section owns.

use super::section::texts;

texts! {
    /// On every page.
    Common {
        product: "Latchkey",
        skip: "Skip to the content",
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
        why: "Why",
        why_help: "For the audit trail; may stay empty.",
        no_time: "This is no time; write it like 2027-03-31 18:00.",
        sure_first: "Tick the box first.",
        last_changed: "Changed",
        pages: "Pages",
        stale: "Somebody else changed this while you were at it. Nothing of yours was saved yet, and nothing of either is lost.",
        save: "Save",
        mend: "Nothing was saved. Please mend what is marked below:",
        mend_one: "One field needs another look.",
        mend_several: "Several fields need another look.",
    }
}

texts! {
    /// The navigation.
    Nav {
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
}

texts! {
    /// Signing in.
    SignIn {
        title: "Sign in",
        token: "Operator token",
        token_help: "It begins with lko_. The first start left one in the file admin.token in the data folder; other operators get theirs from an administrator.",
        submit: "Sign in",
        wrong_token: "This is not the token of an operator who may sign in: it is unknown, expired or revoked, or it was mistyped.",
        role_has_no_pages: "This operator may ask for decisions and has no pages to see. Use the token of a viewer, an editor or an admin.",
        kept: "What you typed is kept: sign in and go on with it.",
        kept_title: "You are signed in again",
        kept_help: "What you typed is still here. Send it now, or drop it.",
        kept_send: "Send what I typed",
        kept_drop: "Drop it",
        why_unknown: "You are not signed in any more. Please sign in again.",
        why_idle: "You were signed out because nothing was done for an hour.",
        why_over: "You were signed out because a session lasts twelve hours at most.",
        why_revoked: "You were signed out because your operator was revoked. Ask an administrator if that is a surprise.",
        why_expired: "You were signed out because your operator has expired. Ask an administrator for more time.",
        why_changed: "You were signed out because your operator was changed: its name, role, token or end. Please sign in again.",
    }
}

texts! {
    /// Pages that say why there is no page.
    Failures {
        home: "To the start page",
        not_found: "There is no such page",
        not_found_advice: "What was here may have been deleted, or the address was cut. The audit trail tells what became of it.",
        forbidden: "Your role does not allow this",
        forbidden_advice: "Nothing was changed. An administrator can give your operator another role.",
        foreign_form: "The form was not accepted",
        foreign_form_advice: "It was sent from another site, or from a page of an earlier sign-in. Nothing was changed. Go back, reload the page and send it again.",
        too_large: "The form is too large",
        too_large_advice: "Nothing was changed. Send less at once.",
        too_many: "Too many failed sign-ins",
        too_many_advice: "We don't recognize this token. Check it before you try again: a valid token still signs in.",
        too_slow: "The form took too long to arrive",
        too_slow_advice: "Nothing was changed. Check your connection and send it again.",
        busy: "Too much is going on right now",
        busy_advice: "Nothing was changed. Try again in a moment.",
        refused: "This cannot be done now",
        refused_advice: "Nothing was changed.",
        bad_address: "The address cannot be understood",
        bad_address_advice: "It may have been cut or changed. Begin anew from the list.",
        unavailable: "Storage cannot be reached",
        unavailable_advice: "Nothing was changed. Keys go on being decided from memory for a while. Try again in a moment.",
        outcome_unknown: "It is not known whether it was saved",
        outcome_unknown_advice: "The connection to storage broke while it was saved. Look whether the change is there before you repeat it.",
        internal: "Something is wrong on our side",
        internal_advice: "The log of the server tells more. Nothing that you did caused it.",
    }
}

texts! {
    /// What was done just now, by the name that stands in the address.
    Done {
        saved: "Saved.",
        revoked: "The key is revoked. Its tokens are refused from now on.",
        deleted: "The key is deleted.",
        token_ended: "The token is refused from now on.",
        store_added: "The store is connected.",
        store_deleted: "The store is deleted. No key opens it any more.",
        method_added: "The method is in the reference book.",
        method_retired: "The method is retired: keys with chosen methods do not open it any more.",
        imported: "The reference book is imported.",
        operator_revoked: "The operator is revoked and signed out.",
    }
}
