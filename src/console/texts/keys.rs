//! Texts of Integration › API access keys.

use super::section::texts;

texts! {
    /// The list.
    KeyTexts {
        text_hint: "Name, owner, comment, ID or last four characters",
        activity_off: "Switched off",
        access: "Access type",
        access_selected: "Individual stores",
        store: "Has access to store",
        method: "Has access to method",
        lifecycle: "Expiry and usage",
        lifecycle_expiring: "Expires within 30 days",
        lifecycle_never: "Never used",
        lifecycle_unused: "Not used for 90 days",
        column_key: "Key",
        all_stores: "All stores",
        all_methods: "All methods",
        no_stores: "No stores",
        no_methods: "No methods",
        empty: "There are no keys yet.",
        empty_advice: "A key lets one partner or module call your services. Add the first one; its token is generated for you.",
        nothing_found: "No keys match.",
        nothing_found_advice: "Remove a filter, or show all keys.",
        changed_meanwhile: "Someone changed this key since the list was loaded. Check it before you switch it on or off.",
    }
}

/// Formats the number of methods that a key has access to, out of all.
pub(in crate::console) fn methods_of(count: usize, all: usize) -> String {
    format!("{count} of {all}")
}
