//! Texts of the form of a key. `{}` are places that are filled in.

use super::section::texts;

texts! {
    /// Adding and changing a key.
    KeyForm {
        add_title: "Add an API access key",
        edit_title: "Change",
        token: "Key",
        token_help: "Generated for you. It works once you have saved, and is shown only now and once more after saving: copy it then and keep it where your partner can find it. Latchkey keeps no copy.",
        name: "Name",
        name_help: "For people: who uses it and what for.",
        owner: "Owner",
        owner_help: "Who answers for it: a person, a team, a partner.",
        comment: "Comment",
        labels: "Labels",
        labels_help: "One per line, name=value.",
        access: "Access type",
        all_stores: "Access to all stores",
        all_stores_help: "Also to ones added later. For a module that exports orders of a multi-site platform and binds them to its stores.",
        selected_stores: "Access to individual stores",
        selected_stores_help: "Exactly the ones ticked below. For stores on different platforms: one key for each platform.",
        stores: "The stores",
        search_stores: "Search stores",
        no_platform: "Platform not said",
        switched_off: "switched off",
        methods: "Allowed API methods",
        all_methods: "All methods",
        all_methods_help: "Also ones added to the reference book later.",
        selected_methods: "Chosen methods",
        selected_methods_help: "Exactly the ones ticked below. For third parties that should not see all data.",
        search_methods: "Search methods",
        method_of: "method",
        methods_of: "methods",
        whole_block: "the whole block",
        whole_platform: "all stores of the platform",
        no_methods_yet: "The reference book is empty. Import one, or allow all methods.",
        no_stores_yet: "There are no stores yet. Add them first, or give access to all stores.",
        chosen_of: "{} of {}",
        nothing_found: "Nothing here fits the search.",
        limits: "Validity and networks",
        not_before: "Valid from (UTC)",
        expires: "Valid until (UTC)",
        time_help: "Empty: no limit.",
        networks: "Networks",
        networks_help: "Calls must come from one of these, one per line, such as 203.0.113.0/24. Empty: from anywhere.",
        reach_title: "What this key will reach",
        reach: "This key will open {} on {}.",
        reach_all_stores: "all stores, also ones added later",
        reach_all_methods: "all methods, also ones added later",
        reach_no_store: "no store at all",
        reach_no_method: "no method at all",
        reach_stores: "{} of {} stores",
        reach_methods: "{} of {} methods",
        reach_binds: "Calls that name no store go to that one.",
        reach_unknown: "Choose the access type and the methods to see what the key will reach.",
        show_reach: "Show what it will reach",
        save_new: "Save the key",
        choose_one: "Choose one of the two.",
        label_twice: "A label stands there twice.",
        why: "Why",
        why_help: "For the audit trail; may stay empty.",
        made_title: "The key is saved",
        made_now: "Copy the token now. This is the last time that it is shown.",
        made_keep: "Give it to whoever will call with it. If it gets lost, rotate the key: it gets another token.",
        made_open: "To the key",
        made_another: "Add another one",
    }
}

/// Puts `values` into the places of `text`, one after the other.
pub(in crate::console) fn fill(text: &str, values: &[&str]) -> String {
    let mut parts = text.split("{}");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        filled.push_str(values.get(at).copied().unwrap_or_default());
        filled.push_str(part);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn places_are_filled_in_their_order_and_once() {
        assert_eq!(fill("{} of {}.", &["{}", "7"]), "{} of 7.");
        assert_eq!(fill("{} and {}", &["one"]), "one and ");
    }
}
