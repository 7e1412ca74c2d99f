//! Texts of Integration › Stores.

use super::section::texts;

texts! {
    /// Stores.
    StoreTexts {
        add_title: "Add a store",
        text_hint: "Code, name or host name",
        kind_site: "Site",
        kind_landing_page: "Landing page",
        kind_online_store: "Online store",
        kind_help: "A store is a regular site, a landing page, or a full online store on a CMS.",
        choose_kind: "Choose the kind of store.",
        platform_help: "The platform it runs on, such as bitrix or opencart. All stores of a platform can be selected for a key with one click.",
        hosts: "Host names",
        hosts_help: "One per line, such as shop.example. A host name can belong to one store only.",
        code_help: "Identifies the store in calls. You can't change it later. Use Latin letters, digits, dots, hyphens and underscores.",
        name_help: "A name that your team will recognize.",
        off_help: "While a store is switched off, every call for it is refused, whatever the key.",
        store: "Store",
        empty: "There are no stores yet.",
        empty_advice: "Keys give access to stores. Add each site, landing page and online store once.",
        nothing_found: "No stores match.",
        nothing_found_advice: "Remove a filter, or show all stores.",
        changed_meanwhile: "Someone changed this store since the list was loaded. Check it before you switch it on or off.",
        save_new: "Add store",
        delete: "Delete",
        delete_help: "Keys lose access to it and gain nothing. If you later add a store with the same code, it counts as a different store. The history stays in the audit trail.",
        delete_sure: "Yes, delete this store",
        delete_now: "Delete store",
        rebinding: "Not deleted yet. Without this store, the following keys would have exactly one store left. Their calls that name no store would then go to that store.",
        rebinding_allow: "I understand: let these calls go to the remaining store",
    }
}
