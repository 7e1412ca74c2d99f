//! The pages of a company larger than any expected, with a thousand stores and a thousand methods: none exceeds the
//! size limit of the other pages, and none shifts while it loads.

use latchkey::proto::v1 as proto;

use crate::browser::chromium::Chromium;
use crate::browser::pages::{MAX_PAGE_BYTES, check_shift, transferred_bytes};
use helpers::test_server::{Engine, Selection, TestServer, built_in_book, key};

/// Number of stores, and of methods in the reference book.
const SIZE: usize = 1_000;

async fn create_company(server: &TestServer) {
    const TOWNS: [&str; 8] = ["Berlin", "Madrid", "Warszawa", "Lisboa", "København", "Praha", "Αθήνα", "Київ"];
    const GOODS: [&str; 7] = ["Garden", "Lamps", "Shoes", "Books", "Tea", "Bicycles", "Paper"];
    for number in 0..SIZE {
        let (town, goods) = (TOWNS[number * 7 / 3 % 8], GOODS[number * 5 / 2 % 7]);
        let store = proto::Store {
            code: format!("{}-{number:03}", goods.to_lowercase()),
            name: format!("{goods} {town} {number}"),
            kind: proto::StoreKind::OnlineStore.into(),
            platform: ["1c-bitrix", "opencart", "shopify", "magento", ""][number % 5].to_owned(),
            hosts: vec![format!("{}{number}.shop.example", goods.to_lowercase())],
            ..Default::default()
        };
        // There are no other replicas to wait for.
        let options =
            proto::WriteOptions { replica_wait: Some(prost_types::Duration::default()), ..Default::default() };
        let request = proto::CreateStoreRequest { store: Some(store), options: Some(options) };
        server.manager.stores().create_store(request).await.expect("a store is connected");
    }
    // Copies of the built-in book with other paths.
    let methods = (0..).flat_map(|copy| built_in_book().into_iter().map(move |method| (copy, method))).take(SIZE);
    let methods = methods.map(|(copy, method)| proto::Method {
        method: method.method.replace("/api/", &format!("/api/part{copy}/")),
        block: format!("{} {copy}", method.block),
        ..method
    });
    let request = proto::ImportMethodsRequest { methods: methods.collect(), ..Default::default() };
    server.manager.methods().import_methods(request).await.expect("the methods are imported");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_thousand_stores_and_methods_are_as_light_and_still_as_any() {
    let server = TestServer::start(Engine::Sqlite).await;
    create_company(&server).await;
    let methods: Vec<String> = (0..3).map(|copy| format!("GET /api/part{copy}/v*/orders/statuses")).collect();
    let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
    let made = server.create_key(key("partner", Selection::Only(&["garden-000"]), Selection::Only(&methods))).await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.sign_in(&server, "integration manager").await;
    let mut wrong = Vec::new();
    let one = format!("/integration/keys/{}", made.key.id);
    let edit = format!("{one}/edit");
    let lists = [
        "/integration/keys",
        "/integration/keys/new",
        "/integration/stores",
        "/integration/methods",
        "/oversight/audit",
    ];
    for path in lists.into_iter().chain([&*one, &*edit]) {
        tab.goto(path).await;
        check_shift(&tab, path, &mut wrong).await;
        let heavy = transferred_bytes(&tab).await;
        if heavy > MAX_PAGE_BYTES {
            wrong.push(format!("{path}: {heavy} bytes"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    tab.close().await;
}
