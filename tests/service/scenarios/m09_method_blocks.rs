//! M9: allowed API methods, chosen from the reference book of API methods, which lists and describes them in blocks;
//! clicking a block's title checks or unchecks the whole block.

use std::collections::BTreeSet;

use latchkey::proto::v1 as proto;
use proto::{ImportMethodsRequest, Key, ListMethodsRequest, Method, Reason, StoreUse};
use tonic::Code;

use helpers::calls::reason;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, built_in_book, key};

const ORDERS: &str = "Orders";

on_both_engines!(
    the_book_lists_and_describes_every_method_in_blocks,
    a_block_is_checked_and_unchecked_whole,
    a_block_holds_the_methods_it_had_when_it_was_checked,
    a_retired_method_is_not_handed_to_holders_of_a_wider_one,
    an_import_tells_what_it_would_change_and_whom_it_concerns,
    a_method_is_changed_without_becoming_another,
);

async fn list(server: &TestServer, request: ListMethodsRequest) -> Vec<Method> {
    let mut methods = Vec::new();
    let mut request = request;
    loop {
        let page = server.manager.methods().list_methods(request.clone()).await.expect("methods are listed");
        let page = page.into_inner();
        methods.extend(page.methods);
        if page.next_page_token.is_empty() {
            return methods;
        }
        request.page_token = page.next_page_token;
    }
}

async fn block(server: &TestServer, title: &str) -> Vec<String> {
    let request = ListMethodsRequest { block: title.to_owned(), ..Default::default() };
    list(server, request).await.into_iter().map(|method| method.method).collect()
}

fn identities(methods: &[Method]) -> Vec<&str> {
    methods.iter().map(|method| method.method.as_str()).collect()
}

async fn the_book_lists_and_describes_every_method_in_blocks(server: &TestServer) {
    let sent = server.import_book().await;
    assert_eq!(sent.len(), 199);
    let read = list(server, ListMethodsRequest { page_size: 60, ..Default::default() }).await;
    let titles: BTreeSet<&str> = sent.iter().map(|method| method.block.as_str()).collect();
    assert!(titles.len() > 10, "{titles:?}");
    let mut blocks: Vec<&str> = read.iter().map(|method| method.block.as_str()).collect();
    blocks.dedup();
    assert_eq!(blocks.len(), titles.len(), "each block stands together");
    for title in &titles {
        let in_book: Vec<&Method> = sent.iter().filter(|method| method.block == *title).collect();
        let in_list: Vec<&Method> = read.iter().filter(|method| method.block == *title).collect();
        assert_eq!(in_list.len(), in_book.len(), "{title}");
        for (listed, sent) in in_list.into_iter().zip(in_book) {
            assert!(!listed.summary.is_empty() && listed.create_time.is_some() && !listed.etag.is_empty());
            let same = Method {
                position: listed.position,
                create_time: listed.create_time,
                update_time: listed.update_time,
                etag: listed.etag.clone(),
                ..sent.clone()
            };
            assert_eq!(*listed, same, "within a block methods stand in the order of the book, as it describes them");
        }
    }
    let found = list(server, ListMethodsRequest { text: "CURRENT statuses".to_owned(), ..Default::default() }).await;
    assert_eq!(identities(&found), ["GET /api/v*/orders/statuses"], "by what it is said to do");
    let found = list(server, ListMethodsRequest { text: "/ORDERS/stat".to_owned(), ..Default::default() }).await;
    assert_eq!(identities(&found), ["GET /api/v*/orders/statuses"], "by what it is");
}

async fn a_block_is_checked_and_unchecked_whole(server: &TestServer) {
    server.import_book().await;
    let orders = block(server, ORDERS).await;
    assert!(orders.len() > 10 && orders.contains(&"GET /api/v*/orders".to_owned()), "{orders:?}");
    let partner = server.create_key(key("partner", All, Only(&["GET /api/v*/customers"]))).await;
    let change = async |methods: Vec<String>| {
        let changed = Key { id: partner.key.id.clone(), methods, ..Default::default() };
        server.update_key(changed, &["methods"]).await
    };
    let questions = ["GET /api/v5/orders", "POST /api/v5/orders/77/edit", "GET /api/v5/orders/history"];
    for call in questions {
        server.authorize(&partner.token, call, "").await.must_refuse(Reason::MethodDenied);
    }
    let mut checked = partner.key.methods.clone();
    checked.extend(orders.iter().cloned());
    let with_block = change(checked.clone()).await;
    checked.sort();
    assert_eq!(with_block.methods, checked);
    for call in questions.iter().chain(&["GET /api/v5/customers"]) {
        server.authorize(&partner.token, call, "").await.must_allow();
    }
    let unchecked = with_block.methods.into_iter().filter(|method| !orders.contains(method)).collect();
    let without = change(unchecked).await;
    assert_eq!(without.methods, ["GET /api/v*/customers"]);
    for call in questions {
        server.authorize(&partner.token, call, "").await.must_refuse(Reason::MethodDenied);
    }
    server.authorize(&partner.token, "GET /api/v5/customers", "").await.must_allow();
}

async fn a_block_holds_the_methods_it_had_when_it_was_checked(server: &TestServer) {
    server.import_book().await;
    let orders = block(server, ORDERS).await;
    let orders: Vec<&str> = orders.iter().map(String::as_str).collect();
    let partner = server.create_key(key("partner", All, Only(&orders))).await;
    let everything = server.create_key(key("module", All, All)).await;
    server.authorize(&partner.token, "GET /api/v5/orders/returns", "").await.must_allow();

    // Before, that was an order with this name; from now on it is a separate method.
    server.create_method("GET /api/v*/orders/returns", StoreUse::Optional).await;
    assert!(block(server, ORDERS).await.contains(&"GET /api/v*/orders/returns".to_owned()));
    server.authorize(&partner.token, "GET /api/v5/orders/returns", "").await.must_refuse(Reason::MethodDenied);
    server.authorize(&everything.token, "GET /api/v5/orders/returns", "").await.must_allow();
}

async fn a_retired_method_is_not_handed_to_holders_of_a_wider_one(server: &TestServer) {
    server.import_book().await;
    let (wider, narrow) = ("GET /api/v*/orders/{externalId}", "GET /api/v*/orders/history");
    let reader = server.create_key(key("reads single orders", All, Only(&[wider]))).await;
    let historian = server.create_key(key("reads the history", All, Only(&[narrow]))).await;
    let module = server.create_key(key("module", All, All)).await;
    let call = "GET /api/v5/orders/history";
    server.authorize(&reader.token, "GET /api/v5/orders/77", "").await.must_allow();
    server.authorize(&reader.token, call, "").await.must_refuse(Reason::MethodDenied);
    server.authorize(&historian.token, call, "").await.must_allow();

    let request = proto::DeleteMethodRequest { method: narrow.to_owned(), ..Default::default() };
    let deleted = server.manager.methods().delete_method(request.clone()).await.expect("it is retired").into_inner();
    assert_eq!(deleted.keys_narrowed, 1);
    server.authorize(&reader.token, call, "").await.must_refuse(Reason::MethodUnknown);
    server.authorize(&historian.token, call, "").await.must_refuse(Reason::MethodUnknown);
    server.authorize(&module.token, call, "").await.must_allow();
    assert_eq!(server.get_key(&historian.key.id).await.expect("the key stays").methods, [""; 0]);
    let gone = server.manager.methods().delete_method(request).await.expect_err("it is retired already");
    assert_eq!((gone.code(), reason(&gone).as_str()), (Code::NotFound, "METHOD_NOT_FOUND"));
    let refused = server.manager.create_key(key("late", All, Only(&[narrow]))).await;
    assert_eq!(refused.expect_err("it cannot be selected any more").code(), Code::InvalidArgument);

    server.create_method(narrow, StoreUse::None).await;
    server.authorize(&reader.token, call, "").await.must_refuse(Reason::MethodDenied);
    server.authorize(&historian.token, call, "").await.must_refuse(Reason::MethodDenied);
    server.authorize(&reader.token, "GET /api/v5/orders/77", "").await.must_allow();
}

async fn an_import_tells_what_it_would_change_and_whom_it_concerns(server: &TestServer) {
    let mut book = server.import_book().await;
    let partner = server.create_key(key("partner", All, Only(&["GET /api/v*/costs", "GET /api/v*/orders"]))).await;
    let module = server.create_key(key("module", All, All)).await;
    let head = server.latest_revision().await;
    let again = ImportMethodsRequest { methods: built_in_book(), ..Default::default() };
    let answer = server.manager.methods().import_methods(again).await.expect("imported").into_inner();
    assert_eq!((answer.unchanged, answer.written), (199, None), "the same book again changes nothing");
    assert_eq!(server.latest_revision().await, head);

    let at = |book: &[Method], identity: &str| {
        book.iter().position(|method| method.method == identity).expect("the book has it")
    };
    let dropped = at(&book, "GET /api/v*/costs");
    book.remove(dropped);
    let changed = at(&book, "GET /api/v*/orders");
    book[changed].summary = "List orders, as this shop calls them".to_owned();
    book.push(Method {
        method: "GET /api/v*/returns".to_owned(),
        block: "Returns".to_owned(),
        summary: "List returns".to_owned(),
        store_use: StoreUse::None.into(),
        ..Default::default()
    });
    for (dry_run, refusal) in [(true, Reason::MethodUnknown), (false, Reason::MethodDenied)] {
        let request = ImportMethodsRequest { methods: book.clone(), retire_missing: true, dry_run, options: None };
        let answer = server.manager.methods().import_methods(request).await.expect("told").into_inner();
        assert_eq!(answer.added, ["GET /api/v*/returns"]);
        assert_eq!(answer.changed, ["GET /api/v*/orders"]);
        assert_eq!(answer.retired, ["GET /api/v*/costs"]);
        assert_eq!(answer.unchanged, 197);
        let [gaining] = answer.gaining.as_slice() else { panic!("one key gains: {answer:?}") };
        assert_eq!((gaining.key_id.as_str(), gaining.name.as_str()), (module.key.id.as_str(), "module"));
        assert_eq!((gaining.methods.as_slice(), answer.gaining_total), (&["GET /api/v*/returns".to_owned()][..], 1));
        let [losing] = answer.losing.as_slice() else { panic!("one key loses: {answer:?}") };
        assert_eq!((losing.key_id.as_str(), losing.name.as_str()), (partner.key.id.as_str(), "partner"));
        assert_eq!((losing.methods.as_slice(), answer.losing_total), (&["GET /api/v*/costs".to_owned()][..], 1));
        assert_eq!(answer.written.is_some(), !dry_run);
        server.authorize(&partner.token, "GET /api/v5/returns", "").await.must_refuse(refusal);
        let costs = server.authorize(&partner.token, "GET /api/v5/costs", "").await;
        if dry_run {
            costs.must_allow()
        } else {
            costs.must_refuse(Reason::MethodUnknown)
        };
        assert_eq!(server.latest_revision().await, head + u64::from(!dry_run), "one revision, or none");
    }
    server.authorize(&partner.token, "GET /api/v5/orders", "").await.must_allow();
}

async fn a_method_is_changed_without_becoming_another(server: &TestServer) {
    let made = server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let partner = server.create_key(key("partner", Only(&["berlin", "madrid"]), Only(&["GET /api/v*/orders"]))).await;
    server.authorize(&partner.token, "GET /api/v5/orders", "").await.must_allow();
    let changed = Method {
        store_use: StoreUse::Required.into(),
        summary: "List orders of one store".to_owned(),
        store_places: vec!["query:site".to_owned()],
        ..made.clone()
    };
    let request = proto::UpdateMethodRequest {
        method: Some(changed.clone()),
        update_mask: helpers::test_server::mask(&["store_use", "summary", "store_places"]),
        options: None,
    };
    let answer = server.manager.methods().update_method(request.clone()).await.expect("it is changed").into_inner();
    let answered = answer.method.expect("an answer has a method");
    assert_eq!(
        (answered.store_use(), answered.store_places.as_slice()),
        (StoreUse::Required, &changed.store_places[..])
    );
    assert_ne!(answered.etag, made.etag);
    server.authorize(&partner.token, "GET /api/v5/orders", "").await.must_refuse(Reason::StoreRequired);
    server.authorize(&partner.token, "GET /api/v5/orders", "berlin").await.must_allow();

    let stale = server.manager.methods().update_method(request).await.expect_err("its etag is out of date");
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let twin = Method { method: "GET /api/v*/{anything}".to_owned(), ..made };
    let request = proto::CreateMethodRequest { method: Some(twin.clone()), options: None };
    server.manager.methods().create_method(request).await.expect("a wider one may stand beside it");
    let same_shape = Method { method: "GET /api/v*/{other}".to_owned(), ..twin };
    let request = proto::CreateMethodRequest { method: Some(same_shape), options: None };
    let taken = server.manager.methods().create_method(request).await.expect_err("by another name it is the same");
    assert_eq!((taken.code(), reason(&taken).as_str()), (Code::AlreadyExists, "METHOD_TAKEN"));
}
