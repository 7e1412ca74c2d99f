//! Tests which methods are open to keys of every store.

use std::collections::HashSet;

use super::{retailcrm, violations, with_method};
use crate::books::parse;
use crate::model::method::StoreUse;

#[test]
fn only_what_belongs_to_no_store_is_shared() {
    let book = retailcrm();
    let methods: Vec<_> = book.blocks.iter().flat_map(|block| &block.methods).collect();
    let shared: HashSet<&str> = methods
        .iter()
        .filter(|method| method.store_use == StoreUse::Shared)
        .map(|method| method.method.as_str())
        .collect();
    // What shop modules read before they send their first order.
    for list in ["statuses", "countries", "delivery-types", "payment-types", "order-types", "order-methods", "units"] {
        assert!(shared.contains(format!("GET /api/v*/reference/{list}").as_str()), "{list}");
    }
    assert!(shared.iter().all(|method| method.starts_with("GET /api/")), "{shared:?}");
    // Records, people, secrets, data of certain stores, and a GET that changes state.
    for part in [
        "/orders",
        "/customers",
        "/costs",
        "/files",
        "/loyalty",
        "/tasks",
        "/users",
        "/user-groups",
        "/segments",
        "/history",
        "/setting/",
        "/integration-modules",
        "/couriers",
        "/legal-entities",
        "/sites",
        "/stores",
        "/mg-channels",
        "/statistic",
        "/telephony",
        "/verification",
        "/payment/",
        "/delivery/",
        "/store/",
    ] {
        let found: Vec<_> = shared.iter().filter(|method| method.contains(part)).collect();
        assert!(found.is_empty(), "{part}: {found:?}");
    }
}

#[test]
fn only_what_reads_and_carries_no_store_can_be_shared() {
    for method in ["GET /a", "HEAD /a"] {
        assert!(parse(&with_method(&format!("method: {method}\nstore_use: shared"))).is_ok(), "{method}");
    }
    for method in ["POST /a", "PUT /a", "DELETE /a", "PURGE /a", "OPTIONS /a"] {
        let found = violations(&with_method(&format!("method: {method}\nstore_use: shared")));
        assert!(found[0].contains("store_use cannot be shared: shared is only for methods that read"), "{found:?}");
    }
    let found = violations(&with_method("method: GET /a\nstore_use: shared\nstore_places: [\"query:site\"]"));
    assert!(found[0].contains("remove them or choose optional"), "{found:?}");
}
