//! Every page: axe-core finds nothing, in light and dark; nothing is wider than a phone; no page exceeds 100 KiB.
//!
//! With LATCHKEY_SCREENSHOTS set (`make screenshots`) a picture of every page is saved in that folder, too.

use std::path::{Path, PathBuf};

use latchkey::proto::v1 as proto;
use serde_json::Value;

use crate::browser::chromium::Chromium;
use crate::browser::tab::Tab;
use helpers::test_server::{Engine, Selection, TestServer, key};

/// Widths of the pictures: a desktop and a phone.
const WIDTHS: [u32; 2] = [1_440, 390];
/// Width of the narrowest supported screen.
const MIN_WIDTH: u32 = 360;
/// Maximum size of a page with everything it loads, in bytes transferred.
pub(crate) const MAX_PAGE_BYTES: u64 = 100 * 1024;

/// Maximum layout shift while a page is opened; users notice ten times as much. On a busy machine a table may load in
/// two pieces, header first, and its columns get their widths with the second: 0.003.
const MAX_SHIFT: f64 = 0.01;

/// Name and path of a page.
type NamedPath = (&'static str, String);

fn axe() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&path).expect("axe-core is needed: run `make setup`")
}

/// The rules of axe-core about colours, as far as they are among its default rules.
const COLOUR_RULES: &str = ", runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] }";

/// Returns the accessibility violations of this page by the default rules of axe-core, narrowed by `run_only`.
async fn axe_violations(tab: &Tab, axe: &str, run_only: &str) -> Vec<String> {
    if tab.eval("typeof axe").await != "object" {
        tab.run(axe).await;
    }
    let found = tab
        .eval_async(&format!(
            "const done = arguments[arguments.length - 1];\
             axe.run(document, {{ resultTypes: ['violations']{run_only} }}).then(\
               (result) => done(result.violations.map((v) => `${{v.id}}: ${{v.help}}: ` +\
                 v.nodes.slice(0, 3).map((n) => n.html + ' ' + n.failureSummary).join(' | '))),\
               (error) => done([String(error)]));",
        ))
        .await;
    let Value::Array(found) = found else { return vec![format!("axe-core answers {found}")] };
    found.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
}

/// Returns the bytes of the page and of what it loaded, as transferred or as they would be without a cache.
pub(crate) async fn transferred_bytes(tab: &Tab) -> u64 {
    let entries = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]";
    let sum = tab.eval(&format!("{entries}.reduce((sum, entry) => sum + entry.encodedBodySize + 300, 0)")).await;
    sum.as_u64().expect("a number of bytes")
}

/// Returns the cumulative layout shift since the page was opened, without shifts caused by clicks or keys; and the
/// elements that moved.
async fn layout_shift(tab: &Tab) -> (f64, String) {
    let measured = tab
        .eval_async(
            "const done = arguments[arguments.length - 1];\
             let sum = 0; const what = [];\
             new PerformanceObserver((list) => { for (const entry of list.getEntries()) {\
               if (entry.hadRecentInput) continue;\
               sum += entry.value;\
               for (const { node } of entry.sources) what.push((node?.outerHTML ?? node?.data ?? '').slice(0, 120));\
             } }).observe({ type: 'layout-shift', buffered: true });\
             requestAnimationFrame(() => setTimeout(() => done([sum, what.join(' | ')]), 100));",
        )
        .await;
    (measured[0].as_f64().expect("a measure"), measured[1].as_str().unwrap_or_default().to_owned())
}

/// Adds a finding if a page that was just opened shifts.
pub(crate) async fn check_shift(tab: &Tab, name: &str, wrong: &mut Vec<String>) {
    let (far, what) = layout_shift(tab).await;
    if far > MAX_SHIFT {
        wrong.push(format!("{name}: shifted by {far}: {what}"));
    }
}

/// Checks a page in all ways and adds the findings to `wrong`.
async fn check_page(tab: &Tab, name: &str, axe: &str, pictures: Option<&Path>, wrong: &mut Vec<String>) {
    tab.resize(1_440, 900).await;
    check_shift(tab, name, wrong).await;
    let heavy = transferred_bytes(tab).await;
    if heavy > MAX_PAGE_BYTES {
        wrong.push(format!("{name}: {heavy} bytes"));
    }
    // Dark pages differ in nothing but colours.
    for (scheme, run_only) in [("light", ""), ("dark", COLOUR_RULES)] {
        tab.set_color_scheme(scheme).await;
        wrong.extend(
            axe_violations(tab, axe, run_only).await.into_iter().map(|what| format!("{name}, {scheme}: {what}")),
        );
        for width in WIDTHS {
            if let Some(folder) = pictures {
                tab.resize(width, 900).await;
                tab.screenshot(width, 2_400, &folder.join(format!("{name}-{width}-{scheme}.png"))).await;
            }
        }
    }
    tab.set_color_scheme("light").await;
    check_widths(tab, name, wrong).await;
}

/// Checks that the page fits all screens from the narrowest on.
async fn check_widths(tab: &Tab, name: &str, wrong: &mut Vec<String>) {
    for width in [MIN_WIDTH, 700, 961, 1_217] {
        tab.resize(width, 800).await;
        let wide = tab.eval("document.documentElement.scrollWidth").await.as_u64().expect("a width");
        if wide > width.into() {
            let culprit = tab
                .eval(&format!(
                    "[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > {width})\
                     .slice(-1).map((e) => e.outerHTML.slice(0, 200)).join()"
                ))
                .await;
            wrong.push(format!("{name}: {wide} px wide on a screen of {width}: {culprit}"));
        }
    }
    tab.resize(1_440, 900).await;
}

fn stores() -> Vec<proto::Store> {
    use proto::StoreKind::{LandingPage, OnlineStore, Site};
    let store = |code: &str, name: &str, kind: proto::StoreKind, platform: &str, host: &str| proto::Store {
        code: code.to_owned(),
        name: name.to_owned(),
        kind: kind.into(),
        platform: platform.to_owned(),
        hosts: vec![host.to_owned()],
        ..Default::default()
    };
    vec![
        store("garden-at", "Gartenwelt Österreich", OnlineStore, "1c-bitrix", "gartenwelt.example"),
        store("garden-de", "Gartenwelt Deutschland", OnlineStore, "1c-bitrix", "garten.example"),
        store("garden-pl", "Ogród Polska", OnlineStore, "1c-bitrix", "ogrod.example"),
        store("lamps", "Lampenladen", OnlineStore, "opencart", "lampen.example"),
        store("lamps-outlet", "Lampenladen Outlet", OnlineStore, "opencart", "outlet.lampen.example"),
        store("spring-sale", "Spring sale", LandingPage, "tilda", "spring.example"),
        store("b2b", "Wholesale catalogue", Site, "", "b2b.example"),
    ]
}

/// Fills the server with a realistic company.
async fn create_company(server: &TestServer) -> Vec<NamedPath> {
    server.import_book().await;
    for store in stores() {
        let request = proto::CreateStoreRequest { store: Some(store), options: None };
        server.manager.stores().create_store(request).await.expect("a store is connected");
    }
    server.set_store_active("spring-sale", false).await;
    let statuses: &[&str] = &["GET /api/v*/orders/statuses"];
    let orders: &[&str] =
        &["GET /api/v*/orders", "POST /api/v*/orders/create", "POST /api/v*/orders/{externalId}/edit"];
    let year = helpers::test_server::far_future();
    let rows: [(&str, &str, Selection<'_>, Selection<'_>); 8] = [
        (
            "Warehouse sync",
            "Logistics",
            Selection::Only(&["garden-at", "garden-de", "garden-pl", "lamps"]),
            Selection::Only(orders),
        ),
        ("Landing page of the spring sale", "Marketing", Selection::Only(&["spring-sale"]), Selection::Only(orders)),
        ("Old marketplace module", "Marketplaces", Selection::Only(&["lamps"]), Selection::All),
        ("Lamps: OpenCart module", "IT", Selection::Only(&["lamps", "lamps-outlet"]), Selection::All),
        ("Gardens: 1C-Bitrix module", "IT", Selection::All, Selection::All),
        ("CPA network Admitad", "Marketing", Selection::All, Selection::Only(statuses)),
        (
            "Wholesale portal",
            "Sales",
            Selection::Only(&["b2b"]),
            Selection::Only(&["GET /api/v*/orders", "GET /api/v*/customers"]),
        ),
        ("Price feed", "", Selection::Only(&[]), Selection::Only(&[])),
    ];
    let mut made_keys = Vec::new();
    for (name, owner, stores, methods) in rows {
        let made = proto::Key { owner: owner.to_owned(), ..key(name, stores, methods) };
        let made = if name.starts_with("Wholesale") { proto::Key { expire_time: Some(year), ..made } } else { made };
        let made = server.create_key(made).await;
        for _ in 0..3 {
            let _ = server.authorize(&made.token, "GET /api/v5/orders/statuses", "").await;
        }
        made_keys.push(made.key);
    }
    if server.engine == Engine::Postgres {
        add_usage(server, &made_keys[0]).await;
    }
    let ids: Vec<String> = made_keys.into_iter().map(|key| key.id).collect();
    server.revoke_key(&ids[2], "The marketplace was left").await;
    let off = proto::Key { id: ids[7].clone(), active: Some(false), ..Default::default() };
    server.update_key(off, &["active"]).await;
    let one = &ids[0];
    let owned = proto::Key { id: one.clone(), owner: "Logistics, Ms. Nowak".to_owned(), ..Default::default() };
    server.update_key(owned, &["owner"]).await;
    let operator = server.create_operator("auditor", proto::Role::Viewer, Some(year)).await.0;
    let page = |name: &'static str, path: &str| (name, path.to_owned());
    vec![
        page("keys", "/integration/keys"),
        page("keys-none", "/integration/keys?text=nothing"),
        page("keys-wrong", "/integration/keys?store=-"),
        ("key", format!("/integration/keys/{one}?check_method=GET+%2Fapi%2Fv5%2Fcustomers&check_store=b2b#check")),
        ("key-edit", format!("/integration/keys/{one}/edit")),
        ("key-unconfirmed", {
            let replicas =
                ["rep_01978f7c-7a3e-7c1f-b1a2-c3d4e5f60718", "rep_01978f7c-7a3e-7c1f-b1a2-c3d4e5f60719"].join(",");
            format!("/integration/keys/{one}?done=revoked&pending={replicas}&until=4102444800000000")
        }),
        page("stores", "/integration/stores"),
        page("store-add", "/integration/stores/new"),
        page("store", "/integration/store/garden-de"),
        page("methods", "/integration/methods"),
        page("method-add", "/integration/methods/new"),
        page("method", "/integration/method?method=GET+%2Fapi%2Fv*%2Forders%2Fstatuses"),
        page("import", "/integration/methods/import"),
        page("find", "/integration/find"),
        page("audit", "/oversight/audit"),
        page("audit-none", "/oversight/audit?until=2001-01-01"),
        page("replicas", "/oversight/replicas"),
        page("operators", "/oversight/operators"),
        page("operator-add", "/oversight/operators/new"),
        ("operator", format!("/oversight/operators/{}", operator.id)),
        page("no-page", "/nowhere"),
    ]
}

/// Adds a month of calls of a key, as they would be counted.
async fn add_usage(server: &TestServer, key: &proto::Key) {
    use latchkey::storage::{Feed as _, Options, UsageIncrement, open};
    let database = server.database.as_ref().expect("pictures are of a server on Postgres");
    let storage = open(Options::new(database.url().parse().expect("a database URL"))).await.expect("storage opens");
    let now = server.get_key(&key.id).await.expect("it is there").create_time.expect("a time").seconds;
    let method = "POST /api/v*/orders/create".parse().expect("an identity");
    let method = storage.method(&method).await.expect("storage answers").expect("it is there").number;
    let mut uses = Vec::new();
    for (day, code) in (0_i64..30).flat_map(|day| ["garden-at", "garden-de", "lamps"].map(|code| (day, code))) {
        let code = code.parse().expect("a code");
        let store = storage.store(&code).await.expect("storage answers").expect("it is there").number;
        let calls = u64::try_from(120 + (day * 37) % 90 - if day % 7 > 4 { 100 } else { 0 }).expect("some");
        for (allowed, calls) in [(true, calls), (false, calls / 17)] {
            uses.push(UsageIncrement {
                key: key.id.parse().expect("an id"),
                secret: key.secrets[0].id.parse().expect("an id"),
                method: Some(method),
                store: Some(store),
                allowed,
                calls,
                last: latchkey::model::time::Timestamp::from_micros((now - day * 86_400) * 1_000_000),
            });
        }
    }
    storage.add_usage(&uses).await.expect("uses are counted");
}

/// Checks the pages that are reached through an action.
async fn check_forms(tab: &Tab, axe: &str, pictures: Option<&Path>, wrong: &mut Vec<String>) {
    tab.goto("/integration/keys/new").await;
    tab.type_into("#name", "CPA network").await;
    tab.click("[name=store_access][value=selected]").await;
    tab.click("[data-access=store] .group-head").await;
    tab.click("[name=method_access][value=selected]").await;
    tab.type_into("[data-access=method] [data-search]", "orders/statuses").await;
    tab.click("[name=methods][value='GET /api/v*/orders/statuses']").await;
    tab.run("document.activeElement.blur(); scrollTo(0, 0)").await;
    check_page(tab, "key-add", axe, pictures, wrong).await;
    tab.type_into("#networks", "nowhere").await;
    tab.press("Save").await;
    tab.wait_for_text("Not saved").await;
    check_page(tab, "key-add-wrong", axe, pictures, wrong).await;
    tab.type_into("#networks", "").await;
    tab.press("Save").await;
    tab.wait_for_text("Key saved").await;
    check_page(tab, "key-made", axe, pictures, wrong).await;
    tab.goto("/integration/methods/import?book=retailcrm").await;
    tab.run("const f = document.getElementById('yaml'); f.value = f.value.replace(/summary: G/g, 'summary: g')").await;
    tab.press("Preview changes").await;
    tab.wait_for_text("What would change").await;
    check_page(tab, "import-shown", axe, pictures, wrong).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_open_to_everybody_light_and_dark_and_fits_a_phone() {
    let pictures = std::env::var_os("LATCHKEY_SCREENSHOTS").map(PathBuf::from);
    // Pictures show a month of calls, which are added to the database of a running server.
    let server = TestServer::start(if pictures.is_some() { Engine::Postgres } else { Engine::Sqlite }).await;
    let pages = create_company(&server).await;
    let (_, token) = server.create_operator("Maria Sommer", proto::Role::Admin, None).await;
    if let Some(folder) = &pictures {
        std::fs::create_dir_all(folder).expect("a folder for pictures");
    }
    let pictures = pictures.as_deref();
    let axe = axe();
    let mut wrong = Vec::new();
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.goto("/sign-in").await;
    check_page(&tab, "sign-in", &axe, pictures, &mut wrong).await;
    tab.sign_in_with(&token).await;
    for (name, path) in &pages {
        tab.resize(WIDTHS[1], 844).await;
        tab.goto(path).await;
        check_shift(&tab, &format!("{name} on a phone"), &mut wrong).await;
        tab.resize(WIDTHS[0], 900).await;
        tab.goto(path).await;
        check_page(&tab, name, &axe, pictures, &mut wrong).await;
    }
    check_forms(&tab, &axe, pictures, &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Checks the measurement itself: here something does shift.
    tab.goto("/integration/keys").await;
    tab.run("document.querySelector('main').before(document.querySelector('table').cloneNode(true))").await;
    assert!(layout_shift(&tab).await.0 > MAX_SHIFT, "a page that shifts is noticed");
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_any_script_and_length_break_no_layout_and_are_no_markup() {
    let server = TestServer::start(Engine::Sqlite).await;
    let long = "Ж".repeat(200);
    let unbroken = "W".repeat(200);
    let arabic = "متجر الحدائق ".repeat(15).trim().to_owned();
    let emoji = "👩‍🚀🏳️‍🌈".repeat(20);
    let markup =
        "<script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'>\"'><svg onload=hurt()>".to_owned();
    let (mut codes, mut ids) = (Vec::new(), Vec::new());
    for (at, text) in [&long, &unbroken, &arabic, &emoji, &markup].into_iter().enumerate() {
        let code = format!("{}{at}", "c".repeat(63));
        let store = proto::Store {
            code: code.clone(),
            name: text.clone(),
            kind: proto::StoreKind::Site.into(),
            platform: text.chars().take(100).collect(),
            hosts: vec![format!("{}.{at}.example", vec!["h".repeat(60); 3].join("."))],
            ..Default::default()
        };
        let request = proto::CreateStoreRequest { store: Some(store), options: None };
        server.manager.stores().create_store(request).await.expect("a store is connected");
        let method = proto::Method {
            method: format!("GET /{}/{at}", "m".repeat(200)),
            block: text.chars().take(100).collect(),
            summary: text.clone(),
            description: text.repeat(3),
            store_use: proto::StoreUse::Optional.into(),
            ..Default::default()
        };
        let request = proto::CreateMethodRequest {
            method: Some(method.clone()),
            options: helpers::test_server::with_comment(text),
        };
        server.manager.methods().create_method(request).await.expect("a method is added");
        let (stores, methods) = ([&*code], [&*method.method]);
        let made = proto::Key {
            owner: text.clone(),
            comment: text.repeat(3),
            labels: [("a".repeat(63), "b".repeat(200))].into(),
            ..key(text, Selection::Only(&stores), Selection::Only(&methods))
        };
        let made = server.create_key(made).await;
        let _ = server.authorize(&made.token, &method.method, &code).await;
        server.create_operator(text, proto::Role::Viewer, None).await;
        codes.push(code);
        ids.push(made.key.id);
    }
    server.revoke_key(&ids[4], &markup).await;
    let (_, token) = server.create_operator("chief", proto::Role::Admin, None).await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.sign_in_with(&token).await;
    let mut paths = vec![
        "/integration/keys".to_owned(),
        "/integration/keys/new".to_owned(),
        "/integration/stores".to_owned(),
        "/integration/methods".to_owned(),
        "/oversight/audit".to_owned(),
        "/oversight/operators".to_owned(),
        format!("/integration/keys?text={}", "W".repeat(200)),
        format!("/integration/method?method=GET+%2F{}%2F4", "m".repeat(200)),
    ];
    for at in [0, 1, 2, 3, 4] {
        paths.push(format!("/integration/store/{}", codes[at]));
        paths.push(format!("/integration/keys/{}", ids[at]));
        paths.push(format!("/integration/keys/{}/edit", ids[at]));
    }
    let mut wrong = Vec::new();
    for path in &paths {
        tab.goto(path).await;
        check_widths(&tab, path, &mut wrong).await;
        if tab.eval("typeof window.hurt").await != "undefined" {
            wrong.push(format!("{path}: markup was run"));
        }
        if tab.eval("document.querySelectorAll('main script, main img').length").await != 0 {
            wrong.push(format!("{path}: markup became elements"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    tab.close().await;
}
