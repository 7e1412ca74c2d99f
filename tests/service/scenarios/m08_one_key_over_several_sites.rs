//! M8: one key over several sites joins their customers: the decision contains the stores in scope, so that a CRM finds
//! a customer by phone or e-mail among them and nowhere else; separate keys separate customer bases.

use std::collections::BTreeMap;

use latchkey::proto::v1 as proto;
use proto::{Decision, Reason, ScopeKind, StoreKind, StoreUse};

use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key};

const SEND: &str = "POST /api/v5/orders/create";
const CUSTOMERS: &str = "GET /api/v5/customers";

on_both_engines!(
    one_key_over_several_sites_finds_their_customers_and_nobody_elses,
    separate_keys_keep_customer_bases_apart,
    the_scope_follows_the_stores,
);

/// A CRM that finds customers by phone, only in the stores that a decision permits.
struct Customers(BTreeMap<&'static str, &'static str>);

impl Customers {
    fn new() -> Self {
        Self([("+49 1", "berlin"), ("+34 2", "madrid"), ("+48 3", "warsaw")].into())
    }

    /// Returns the store of the customer with this phone, if the decision permits it.
    fn find(&self, decision: &Decision, phone: &str) -> Option<&'static str> {
        let store = self.0.get(phone).copied()?;
        let scope = decision.scope.as_ref()?;
        let open = match scope.kind() {
            ScopeKind::All => true,
            ScopeKind::Listed => scope.stores.iter().any(|open| open == store),
            ScopeKind::Large | ScopeKind::Unspecified => false,
        };
        open.then_some(store)
    }
}

async fn create_test_data(server: &TestServer) {
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_method("GET /api/v*/customers", StoreUse::Optional).await;
    server.create_stores(&["berlin", "madrid", "warsaw"]).await;
    server.create_store("promo", StoreKind::LandingPage, "tilda").await;
}

async fn one_key_over_several_sites_finds_their_customers_and_nobody_elses(server: &TestServer) {
    create_test_data(server).await;
    let customers = Customers::new();
    let shared = server.create_key(key("sites and landing page", Only(&["berlin", "madrid", "promo"]), All)).await;
    let order = server.crm.authorize(&shared.token, SEND, "promo").await.expect("decided").must_allow();
    assert_eq!(order.store, "promo", "the order belongs to the landing page");
    assert_eq!(order.scope_codes(), Some(vec!["berlin", "madrid", "promo"]));
    assert_eq!(customers.find(&order, "+49 1"), Some("berlin"), "its customer came from a site before");
    assert_eq!(customers.find(&order, "+34 2"), Some("madrid"));
    assert_eq!(customers.find(&order, "+48 3"), None, "a store outside the key is not searched");
    assert_eq!(customers.find(&order, "+99"), None);

    let full = server.create_key(key("full access", All, All)).await;
    let order = server.crm.authorize(&full.token, SEND, "promo").await.expect("decided").must_allow();
    assert_eq!(customers.find(&order, "+48 3"), Some("warsaw"), "full access joins all sites");

    let search = server.crm.authorize(&shared.token, CUSTOMERS, "").await.expect("decided").must_allow();
    assert_eq!((search.store.as_str(), customers.find(&search, "+34 2")), ("", Some("madrid")), "no store is named");
}

async fn separate_keys_keep_customer_bases_apart(server: &TestServer) {
    create_test_data(server).await;
    let customers = Customers::new();
    let berlin = server.create_key(key("berlin", Only(&["berlin"]), All)).await;
    let madrid = server.create_key(key("madrid", Only(&["madrid"]), All)).await;
    for (own, phone, other_phone, other_store) in
        [(&berlin, "+49 1", "+34 2", "madrid"), (&madrid, "+34 2", "+49 1", "berlin")]
    {
        let search = server.crm.authorize(&own.token, CUSTOMERS, "").await.expect("decided").must_allow();
        assert!(customers.find(&search, phone).is_some());
        assert_eq!(customers.find(&search, other_phone), None, "the other base stays closed");
        let refused = server.crm.authorize(&own.token, CUSTOMERS, other_store).await.expect("decided");
        let refused = refused.must_refuse(Reason::StoreDenied);
        assert_eq!(customers.find(&refused, phone), None, "a refusal opens nothing at all");
    }
}

async fn the_scope_follows_the_stores(server: &TestServer) {
    create_test_data(server).await;
    let issued = server.create_key(key("two sites", Only(&["berlin", "madrid"]), All)).await;
    let scope = async || {
        let decision = server.crm.authorize(&issued.token, CUSTOMERS, "").await.expect("decided").must_allow();
        decision.scope.expect("a scope").stores
    };
    assert_eq!(scope().await, ["berlin", "madrid"]);
    server.set_store_active("berlin", false).await;
    assert_eq!(scope().await, ["madrid"]);
    server.set_store_active("berlin", true).await;
    let more = ["warsaw", "berlin", "madrid"].map(str::to_owned).to_vec();
    let changed = proto::Key { id: issued.key.id.clone(), stores: more, ..Default::default() };
    server.update_key(changed, &["stores"]).await;
    assert_eq!(scope().await, ["berlin", "madrid", "warsaw"]);
    let request = proto::DeleteStoreRequest { code: "berlin".to_owned(), ..Default::default() };
    server.manager.stores().delete_store(request).await.expect("two stores are left");
    assert_eq!(scope().await, ["madrid", "warsaw"]);
}
