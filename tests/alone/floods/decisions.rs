//! The table of the decision port: decisions, Envoy, and proxies that use HTTP.

use std::io::Write as _;

use super::raw::{Call, Connection};
use super::requests::{self as worst, PROFILE, UNKNOWN, filled};
use super::table::{Payload, RequestKind, Target, assert_linear};
use helpers::calls::{Client, METHODS, STORES, key_with_access};
use helpers::support::process::LatchkeyProcess;

type Make = fn(&str, usize) -> Call;
type Extra = fn(usize) -> String;

/// Starts a server with a key, whose token is returned, and with a profile that inspects every location.
pub async fn server() -> (LatchkeyProcess, Client, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().expect("a file is made");
    file.write_all(PROFILE.as_bytes()).expect("the file is written");
    let server = LatchkeyProcess::builder().env("LATCHKEY_CONFIG", file.path()).start();
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    (server, client, file)
}

/// Returns a proxy's request about another request.
fn forwarded(key: &str, extra: &str) -> Payload {
    let text = format!(
        "GET /forward-auth/nginx/everywhere HTTP/1.1\r\nhost: latchkey\r\nconnection: close\r\nx-latchkey-caller: {key}\r\n\
         x-original-method: GET\r\nx-original-uri: /api/v5/orders\r\nx-original-host: api.example\r\nx-original-client: 10.0.0.1\r\n{extra}\r\n"
    );
    Payload::Text(text.into_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_at_the_decision_port_grows_as_its_input() {
    let _serial = crate::SERIAL.lock().await;
    const BODY: usize = 440 << 10;
    const HEAD: usize = 24 << 10;
    let (server, client, _file) = server().await;
    let key = key_with_access("used", &STORES[..2], &METHODS);
    let (_, valid) = client.create_key(key).await.expect("a key is made");
    let admin = server.admin_token();
    let calls: [(&str, usize, Make); 23] = [
        ("Check, JSON, distinct stores", BODY, worst::json_stores),
        ("Check, JSON, distinct members", BODY, worst::json_members),
        ("Check, JSON, depth", BODY, worst::json_depth),
        ("Check, JSON, escapes", BODY, worst::json_escapes),
        ("Check, form, distinct stores", BODY, worst::form_stores),
        ("Check, form, distinct names", BODY, worst::form_names),
        ("Check, form, layers of escapes", BODY, worst::form_layers),
        ("Check, multipart, distinct stores", BODY, worst::parts_stores),
        ("Check, multipart, almost boundaries", BODY, worst::parts_almost),
        ("Check, multipart, headers of a part", BODY, worst::parts_headers),
        ("Check, query, distinct stores", HEAD, worst::query_stores),
        ("Check, query, distinct names", HEAD, worst::query_names),
        ("Check, path, segments", 4 << 10, worst::path_segments),
        ("Check, headers, distinct names", HEAD, worst::headers_names),
        ("Check, headers, distinct stores", HEAD, worst::headers_stores),
        ("Check, cookies", HEAD, worst::cookies),
        ("Authorize, distinct stores", 4_500, worst::authorize_stores),
        ("Authorize, path", 3_900, worst::authorize_path),
        ("IntrospectKey, length of the key", BODY, worst::introspect_key),
        ("BatchAuthorize, distinct stores", BODY, worst::batch_stores),
        ("BatchAuthorize, paths", BODY, worst::batch_paths),
        ("BatchAuthorize, empty questions", BODY, worst::batch_empty),
        ("BatchAuthorize, wrong questions", 30_000, worst::batch_wrong),
    ];
    let mut rows = Vec::new();
    for (name, bytes, make) in calls {
        for (whose, key) in [("valid key", valid.clone()), ("no such key", UNKNOWN.to_owned())] {
            let make = move |bytes: usize| Payload::Call(make(&key, bytes));
            rows.push(RequestKind { name: format!("{name}, {whose}"), make: Box::new(make), bytes });
        }
    }
    let proxied: [(&str, Extra); 4] = [
        ("forward-auth, headers", |bytes| filled(bytes, |number| format!("x-{number:x}: 1\r\n"))),
        ("forward-auth, stores", |bytes| filled(bytes, |number| format!("x-store: {number:x}\r\n"))),
        ("forward-auth, cookies", |bytes| {
            format!("cookie: {}\r\n", filled(bytes, |number| format!("c{number:x}=1; ")))
        }),
        ("forward-auth, addresses", |bytes| {
            format!("x-forwarded-for: {}1.2.3.4\r\n", filled(bytes, |number| format!("10.0.{}.1, ", number % 256)))
        }),
    ];
    for (name, extra) in proxied {
        for (whose, key) in [("valid key", valid.clone()), ("no such key", UNKNOWN.to_owned())] {
            let admin = admin.clone();
            let make = move |bytes: usize| forwarded(&admin, &format!("x-api-key: {key}\r\n{}", extra(bytes)));
            rows.push(RequestKind { name: format!("{name}, {whose}"), make: Box::new(make), bytes: 24 << 10 });
        }
    }
    let address = server.addresses().decision;
    let target = Target { pid: server.pid(), connection: Connection::new(address, &admin), address };
    assert_linear("The decision port", &target, rows).await;
}
