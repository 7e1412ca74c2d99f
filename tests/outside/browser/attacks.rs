//! Other sites, other users of the machine and readers of the disk get nothing from the console in a real browser.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use latchkey::proto::v1 as proto;

use crate::browser::chromium::Chromium;
use helpers::test_server::{DecisionAssertions as _, Engine, Selection, TestServer, key};

/// Starts another site, which returns this page for every request.
fn another_site(page: String) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            let length = page.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let _ = stream.write_all(format!("{head}{page}").as_bytes());
        }
    });
    port
}

/// Returns the files in the folder that contain this text, in UTF-8 or UTF-16.
fn on_disk(folder: &Path, text: &str) -> Vec<String> {
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(on_disk(&path, text));
        } else if path.file_name().is_some_and(|name| name != "driver.log") {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
            if has(text.as_bytes()) || has(&wide) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_neither_frames_pages_nor_sends_forms() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("partner", Selection::All, Selection::All)).await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.sign_in(&server, "integration manager").await;
    let console = format!("http://{}", server.process.addresses().admin);
    let csrf = tab.eval("document.querySelector('[name=csrf]').value").await;
    let csrf = csrf.as_str().expect("a token").to_owned();

    // `localhost` is a different site than 127.0.0.1. The attacker even knows the token of the form.
    let revoke = format!("{console}/integration/keys/{}/revoke", made.key.id);
    let form = format!(
        "<form method=post action='{revoke}'><input name=csrf value='{csrf}'><input name=reason value=evil></form>\
         <script>document.forms[0].submit()</script>"
    );
    tab.goto(&format!("http://localhost:{}/", another_site(form))).await;
    tab.wait_for_text("The form was not accepted").await;
    let _ = server.authorize(&made.token, "GET /api/v5/orders", "").await.must_allow();

    let frame = format!("<p>bait</p><iframe src='{console}/integration/keys' width=600 height=400></iframe>");
    tab.goto(&format!("http://localhost:{}/", another_site(frame))).await;
    tab.wait_for_text("bait").await;
    tab.enter_frame().await;
    assert!(!tab.source().await.contains("API access keys"), "nobody frames the console");
    tab.leave_frame().await;

    // Requests from another site carry no session; requests from the console itself do.
    tab.goto("/integration/keys").await;
    tab.wait_for_text("partner").await;
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_gone_from_pages_addresses_history_caches_disk_and_logs_after_its_last_showing() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (_, admin) = server.create_operator("chief", proto::Role::Admin, None).await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.sign_in_with(&admin).await;

    tab.follow("Add").await;
    let token = tab.value("#token").await;
    tab.type_into("#name", "partner").await;
    tab.click("[name=store_access][value=all]").await;
    tab.click("[name=method_access][value=all]").await;
    tab.press("Save").await;
    tab.wait_for_text("Key saved").await;
    assert!(!tab.path().await.contains(&token), "no address has it");
    tab.follow("View key").await;
    tab.wait_for_text("partner").await;
    let _ = server.authorize(&token, "GET /api/v5/orders", "").await.must_allow();

    // Going back shows no page with the token; the form has a new one.
    tab.back().await;
    assert!(!tab.source().await.contains(&token), "Back does not show it again");
    tab.goto("/integration/keys/new").await;
    assert_ne!(tab.value("#token").await, token);

    tab.goto("/oversight/operators/new").await;
    tab.type_into("#name", "auditor").await;
    tab.click("[name=role][value=viewer]").await;
    tab.press("Add operator").await;
    tab.wait_for_text("Operator added").await;
    let operator = tab.value("#token").await;
    tab.goto("/oversight/operators").await;

    tab.goto("/integration/find").await;
    tab.type_into("#token", &token).await;
    tab.press("Find").await;
    tab.wait_for_text("The token is valid.").await;
    assert!(!tab.path().await.contains(&token) && !tab.source().await.contains(&token));
    tab.goto("/oversight/audit").await;
    assert!(!tab.source().await.contains(&token) && !tab.source().await.contains(&operator));
    tab.press("Sign out").await;
    tab.wait_for_text("Operator token").await;
    tab.back().await;
    assert!(!tab.source().await.contains("partner"), "who has signed out leaves no pages behind");
    tab.close().await;
    for secret in [&token, &operator, &*admin] {
        assert_eq!(on_disk(chromium.folder(), secret), Vec::<String>::new(), "the browser keeps no token");
        for log in [server.process.stdout(), server.process.stderr()] {
            assert!(!log.contains(secret), "the log has a token");
        }
    }
}
