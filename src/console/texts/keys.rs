//! Texts of Integration › API access keys.

use super::section::texts;

texts! {
    /// The list.
    KeyTexts {
        title: "API access keys",
        add: "Add",
        filter: "Filter",
        clear: "Clear",
        text: "Search",
        text_hint: "Name, owner, comment, ID or last four characters",
        activity: "Activity",
        any: "Any",
        activity_on: "Active",
        activity_off: "Switched off",
        activity_revoked: "Revoked",
        access: "Access type",
        access_all: "All stores",
        access_selected: "Individual stores",
        store: "Has access to store",
        method: "Has access to method",
        owner: "Owner",
        lifecycle: "Expiry and usage",
        lifecycle_expiring: "Expires within 30 days",
        lifecycle_expired: "Expired",
        lifecycle_never: "Never used",
        lifecycle_unused: "Not used for 90 days",
        column_key: "Key",
        column_owner: "Owner",
        column_activity: "Activity",
        column_stores: "Stores",
        column_methods: "Methods",
        column_expires: "Expires",
        column_used: "Last used",
        all_stores: "All stores",
        all_methods: "All methods",
        no_stores: "No stores",
        no_methods: "No methods",
        on: "Active",
        off: "Off",
        revoked: "Revoked",
        switch_on: "Switch on",
        switch_off: "Switch off",
        no_owner: "—",
        no_end: "—",
        expired: "Expired",
        empty: "There are no keys yet.",
        empty_advice: "A key lets one partner or module call your services. Add the first one; its token is generated for you.",
        empty_reader: "An editor or an admin can add the first one.",
        nothing_found: "No keys match.",
        nothing_found_advice: "Remove a filter, or show all keys.",
        changed_meanwhile: "Someone changed this key since the list was loaded. Check it before you switch it on or off.",
    }
}

/// Formats the number of methods that a key has access to, out of all.
pub(in crate::console) fn methods_of(count: usize, all: usize) -> String {
    format!("{count} of {all}")
}
