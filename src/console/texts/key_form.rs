//! Texts of the form of a key. `{}` marks placeholders.

use super::section::texts;

texts! {
    /// Adding and editing a key.
    KeyFormTexts {
        add_title: "Add an API access key",
        token: "Key",
        token_help: "Generated for you. Becomes active when you save. You'll see it once more right after saving, then never again. Latchkey keeps no copy.",
        name_help: "Who uses the key, and what for.",
        owner_help: "Who is responsible for the key: a person, a team or a partner.",
        labels_help: "One per line, name=value.",
        all_stores: "Access to all stores",
        all_stores_help: "Including stores added later. For a module that exports orders from a multi-site platform and assigns them to its stores.",
        selected_stores: "Access to individual stores",
        selected_stores_help: "Only the stores ticked below. If your stores are on different platforms, create one key per platform.",
        search_stores: "Search stores",
        no_platform: "No platform",
        switched_off: "switched off",
        methods: "Allowed API methods",
        all_methods_help: "Including methods added to the reference book later.",
        selected_methods: "Selected methods",
        selected_methods_help: "Only the methods ticked below. For third parties that must not see all data.",
        search_methods: "Search methods",
        method_of: "method",
        methods_of: "methods",
        whole_block: "select the whole block",
        whole_platform: "select all stores of this platform",
        no_methods_yet: "The reference book is empty. Import one, or allow all methods.",
        no_stores_yet: "There are no stores yet. Add them first, or give access to all stores.",
        nothing_found: "No matches.",
        limits: "Validity and networks",
        not_before: "Valid from (UTC)",
        networks_help: "Only allow calls from these networks, one per line, such as 203.0.113.0/24. Leave empty to allow any address.",
        reach_title: "What this key can do",
        reach: "This key can call {} on {}.",
        reach_all_stores: "all stores, including stores added later",
        reach_all_methods: "all methods, including methods added later",
        reach_no_store: "no stores",
        reach_no_method: "no methods",
        reach_stores: "{} of {} stores",
        reach_methods: "{} of {} methods",
        reach_binds: "Calls that name no store go to that store.",
        reach_unknown: "Choose the access type and the methods to see what this key can do.",
        show_reach: "Show what it can do",
        choose_one: "Choose one of the two options.",
        label_twice: "Each label name can be used only once.",
        created_title: "Key saved",
        created_keep: "Give it to the partner or service that will use it. If it gets lost, rotate the key to create a new token.",
        created_open: "View key",
        created_another: "Add another key",
    }
}

/// Replaces the placeholders of `text` by `values`, in order.
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
