//! Lists: pages that neither repeat nor skip, page tokens that fit their list only.

use latchkey::model::operator::Role;
use latchkey::registry::{ListKeys, ListMethods, ListOperators, ListStores, PageInput};

use crate::registry::harness::{draft_with_full_access, fields, harness};

fn page(size: i32, token: &str) -> PageInput {
    PageInput { size, token: token.to_owned() }
}

#[tokio::test]
async fn every_list_is_told_once_page_by_page() {
    let harness = harness().await;
    for number in 0..5 {
        harness.create_key(draft_with_full_access()).await;
        harness.create_store(&format!("s{number}")).await;
        harness.create_method(&format!("GET /m{number}")).await;
        harness.create_operator(&format!("o{number}"), Role::Viewer).await;
    }
    macro_rules! pages {
        ($list:ident, $request:ident) => {{
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let request = $request { page: page(2, &token), ..$request::default() };
                let listed = harness.registry.$list(&request).await.unwrap();
                seen.extend(listed.items);
                token = listed.next;
                if token.is_empty() {
                    break seen;
                }
            }
        }};
    }
    let keys: Vec<_> = pages!(keys, ListKeys).into_iter().map(|key| key.id).collect();
    assert!(keys.len() == 5 && keys.is_sorted_by(|a, b| a > b), "{keys:?}");
    let stores: Vec<_> = pages!(stores, ListStores).into_iter().map(|store| store.code.to_string()).collect();
    assert_eq!(stores, ["s0", "s1", "s2", "s3", "s4"]);
    let methods: Vec<_> = pages!(methods, ListMethods).into_iter().map(|method| method.position).collect();
    assert_eq!(methods, [1, 2, 3, 4, 5]);
    assert_eq!(pages!(operators, ListOperators).len(), 6);
}

#[tokio::test]
async fn a_token_of_another_list_or_other_filters_is_refused() {
    let harness = harness().await;
    for _ in 0..2 {
        harness.create_key(draft_with_full_access()).await;
    }
    let first = ListKeys { page: page(1, ""), ..ListKeys::default() };
    let token = harness.registry.keys(&first).await.unwrap().next;
    assert!(!token.is_empty());
    let filtered = ListKeys { page: page(1, &token), active: Some(true), ..ListKeys::default() };
    assert_eq!(fields(&harness.registry.keys(&filtered).await.unwrap_err()), ["page_token"]);
    let stores = ListStores { page: page(1, &token), ..ListStores::default() };
    assert_eq!(fields(&harness.registry.stores(&stores).await.unwrap_err()), ["page_token"]);
    let next = ListKeys { page: page(1, &token), ..ListKeys::default() };
    assert_eq!(harness.registry.keys(&next).await.unwrap().next, "");
}
