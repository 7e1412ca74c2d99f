//! The table of the administration port: gRPC, and the console's forms and addresses.

use std::net::SocketAddr;

use latchkey::proto::v1 as proto;
use prost::Message;
use prost::bytes::Bytes;
use prost_types::FieldMask;

use super::raw::{Call, Connection};
use super::requests::filled;
use super::table::{Payload, RequestKind, Target, assert_linear};
use helpers::calls::{METHODS, STORES, key_with_access};

fn keys(method: &str, message: &impl Message) -> Payload {
    let path = match method {
        "CreateKey" => "/latchkey.v1.KeyService/CreateKey",
        "UpdateKey" => "/latchkey.v1.KeyService/UpdateKey",
        "ImportKeys" => "/latchkey.v1.KeyService/ImportKeys",
        "ListKeys" => "/latchkey.v1.KeyService/ListKeys",
        "FindKey" => "/latchkey.v1.KeyService/FindKey",
        "ImportMethods" => "/latchkey.v1.MethodService/ImportMethods",
        "CreateMethod" => "/latchkey.v1.MethodService/CreateMethod",
        "CreateStore" => "/latchkey.v1.StoreService/CreateStore",
        other => panic!("no path of {other}"),
    };
    Payload::Call(Call { path, message: Bytes::from(message.encode_to_vec()) })
}

fn key() -> proto::Key {
    key_with_access("a key", &[], &METHODS)
}

fn create(key: proto::Key) -> Payload {
    keys("CreateKey", &proto::CreateKeyRequest { key: Some(key), ..Default::default() })
}

fn list(count: usize, part: impl Fn(usize) -> String) -> Vec<String> {
    (0..count).map(part).collect()
}

fn import(bytes: usize, one: impl Fn(usize) -> proto::ImportedKey) -> Payload {
    let first = one(0).encoded_len() + 4;
    let keys_of = (0..bytes / first).map(one).collect();
    keys("ImportKeys", &proto::ImportKeysRequest { keys: keys_of, dry_run: true, options: None })
}

fn imported(number: usize, stores: &[&str]) -> proto::ImportedKey {
    proto::ImportedKey {
        key: Some(key_with_access("old", stores, &METHODS[..1])),
        secret: Some(proto::imported_key::Secret::Sha256(format!("{number:064x}"))),
        hint: String::new(),
    }
}

fn method(identity: String, block: String) -> proto::Method {
    proto::Method {
        method: identity,
        block,
        summary: "It does something".to_owned(),
        store_use: proto::StoreUse::Optional.into(),
        ..Default::default()
    }
}

fn book(bytes: usize, one: impl Fn(usize) -> proto::Method) -> Payload {
    let first = one(0).encoded_len() + 4;
    let methods = (0..bytes / first).map(one).collect();
    keys("ImportMethods", &proto::ImportMethodsRequest { methods, retire_missing: false, dry_run: true, options: None })
}

/// A console user who has signed in.
struct ConsoleSession {
    address: SocketAddr,
    cookie: String,
    csrf: String,
}

impl ConsoleSession {
    fn sign_in(address: SocketAddr, token: &str) -> Self {
        let mut session = Self { address, cookie: String::new(), csrf: String::new() };
        let Payload::Text(form) = session.form("/sign-in", &format!("token={token}")) else {
            unreachable!("it is text")
        };
        let answer = exchange(address, &form);
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("signed in");
        session.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let Payload::Text(page) = session.page("/integration/keys/new", "") else { unreachable!("it is text") };
        let page = exchange(address, &page);
        let (_, csrf) = page.split_once("name=\"csrf\" value=\"").expect("the form has a token of the session's");
        session.csrf = csrf.split('"').next().unwrap_or_default().to_owned();
        session
    }

    fn page(&self, path: &str, more: &str) -> Payload {
        let Self { address, cookie, .. } = self;
        let text =
            format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncookie: {cookie}{more}\r\n\r\n");
        Payload::Text(text.into_bytes())
    }

    fn form(&self, path: &str, fields: &str) -> Payload {
        let Self { address, cookie, csrf } = self;
        let body = format!("csrf={csrf}&{fields}");
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\norigin: http://{address}\r\ncookie: {cookie}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        Payload::Text(text.into_bytes())
    }
}

/// Sends a request and returns the whole response.
fn exchange(address: SocketAddr, text: &[u8]) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).expect("the console listens");
    stream.write_all(text).expect("it is taken");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is answered");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_at_the_administration_port_grows_as_its_input() {
    let _serial = crate::SERIAL.lock().await;
    let (server, client, _file) = super::decisions::server().await;
    let (made, _) = client.create_key(key_with_access("used", &STORES[..2], &METHODS)).await.expect("a key is made");
    let admin = server.admin_token();
    let mut rows: Vec<RequestKind> = Vec::new();
    let mut row = |name: &str, bytes: usize, make: Box<dyn Fn(usize) -> Payload>| {
        rows.push(RequestKind { name: name.to_owned(), make, bytes });
    };

    row(
        "CreateKey, unknown stores",
        40_000,
        Box::new(|bytes| create(proto::Key { stores: list(bytes / 8, |number| format!("s{number:05}")), ..key() })),
    );
    row(
        "CreateKey, one store again and again",
        40_000,
        Box::new(|bytes| create(proto::Key { stores: list(bytes / 8, |_| STORES[0].to_owned()), ..key() })),
    );
    row(
        "CreateKey, too many stores",
        400_000,
        Box::new(|bytes| create(proto::Key { stores: list(bytes / 8, |number| format!("s{number:05}")), ..key() })),
    );
    row(
        "CreateKey, unknown methods",
        40_000,
        Box::new(|bytes| {
            create(proto::Key { methods: list(bytes / 16, |number| format!("GET /a/{number:06}")), ..key() })
        }),
    );
    row(
        "CreateKey, networks",
        400_000,
        Box::new(|bytes| {
            create(proto::Key {
                networks: list(bytes / 12, |number| format!("10.{}.{}.0/24", number % 200, number / 200)),
                ..key()
            })
        }),
    );
    row(
        "CreateKey, labels",
        400_000,
        Box::new(|bytes| {
            let labels = (0..bytes / 14).map(|number| (format!("l{number:06}"), "1".to_owned())).collect();
            create(proto::Key { labels, ..key() })
        }),
    );
    row(
        "CreateKey, a long name",
        400_000,
        Box::new(|bytes| create(proto::Key { name: "ж ".repeat(bytes / 3), ..key() })),
    );
    let id = made.id.clone();
    row(
        "UpdateKey, a mask of one field",
        200_000,
        Box::new(move |bytes| {
            let update_mask = Some(FieldMask { paths: list(bytes / 6, |_| "name".to_owned()) });
            let key = Some(proto::Key { id: id.clone(), ..Default::default() });
            keys("UpdateKey", &proto::UpdateKeyRequest { key, update_mask, options: None })
        }),
    );
    row(
        "UpdateKey, a mask of no fields",
        200_000,
        Box::new(|bytes| {
            let update_mask = Some(FieldMask { paths: list(bytes / 8, |number| format!("f{number:05}")) });
            keys("UpdateKey", &proto::UpdateKeyRequest { update_mask, ..Default::default() })
        }),
    );
    row("ImportKeys", 300_000, Box::new(|bytes| import(bytes, |number| imported(number, &STORES[..1]))));
    row("ImportKeys, one token", 300_000, Box::new(|bytes| import(bytes, |_| imported(7, &STORES[..1]))));
    row(
        "ImportKeys, unknown stores",
        300_000,
        Box::new(|bytes| {
            import(bytes, |number| {
                let mut one = imported(number, &[]);
                one.key.as_mut().expect("it has one").stores = vec![format!("s{number:06}")];
                one
            })
        }),
    );
    row("ImportKeys, empty ones", 2_000_000, Box::new(|bytes| import(bytes / 2, |_| proto::ImportedKey::default())));
    row(
        "ImportMethods, distinct",
        100_000,
        Box::new(|bytes| book(bytes, |number| method(format!("GET /book/{number:06}"), format!("Block {number:06}")))),
    );
    row(
        "ImportMethods, one shape",
        100_000,
        Box::new(|bytes| book(bytes, |number| method(format!("GET /book/{{a{number:06}}}"), "Block".to_owned()))),
    );
    row(
        "ImportMethods, one spelling",
        100_000,
        Box::new(|bytes| {
            book(bytes, |number| {
                let spelled = (0..16).map(|bit| if number >> bit & 1 == 1 { 'A' } else { 'a' });
                method(format!("GET /{}", spelled.collect::<String>()), "Block".to_owned())
            })
        }),
    );
    row(
        "ImportMethods, verbs",
        100_000,
        Box::new(|bytes| {
            book(bytes, |number| {
                let verb = (0..4).map(|place| char::from(b'A' + (number / 26_usize.pow(place) % 26) as u8));
                method(format!("{} /verbs", verb.collect::<String>()), "Block".to_owned())
            })
        }),
    );
    row(
        "CreateMethod, places",
        200_000,
        Box::new(|bytes| {
            let store_places = list(bytes / 13, |number| format!("query:s{number:05}"));
            let method = Some(proto::Method { store_places, ..method("GET /p".to_owned(), "Block".to_owned()) });
            keys("CreateMethod", &proto::CreateMethodRequest { method, options: None })
        }),
    );
    row(
        "CreateStore, hosts",
        400_000,
        Box::new(|bytes| {
            let hosts = list(bytes / 16, |number| format!("h{number:06}.test"));
            let store =
                Some(proto::Store { code: "new".to_owned(), name: "New".to_owned(), hosts, ..Default::default() });
            keys("CreateStore", &proto::CreateStoreRequest { store, options: None })
        }),
    );
    row(
        "ListKeys, a long text",
        400_000,
        Box::new(|bytes| {
            keys("ListKeys", &proto::ListKeysRequest { text: "a ".repeat(bytes / 2), ..Default::default() })
        }),
    );
    row(
        "ListKeys, a long page token",
        400_000,
        Box::new(|bytes| {
            keys("ListKeys", &proto::ListKeysRequest { page_token: "A".repeat(bytes), ..Default::default() })
        }),
    );
    row(
        "ListKeys, a long method",
        400_000,
        Box::new(|bytes| {
            let method = format!("GET {}", "/a".repeat(bytes / 2));
            keys("ListKeys", &proto::ListKeysRequest { method, ..Default::default() })
        }),
    );
    row(
        "FindKey, a long token",
        400_000,
        Box::new(|bytes| keys("FindKey", &proto::FindKeyRequest { token: "a".repeat(bytes) })),
    );

    let address = server.addresses().admin;
    let signed_out = ConsoleSession { address, cookie: "latchkey=none".to_owned(), csrf: "none".to_owned() };
    let session = std::sync::Arc::new({
        let admin = admin.clone();
        tokio::task::spawn_blocking(move || ConsoleSession::sign_in(address, &admin)).await.expect("signed in")
    });
    row(
        "console, without a session: a form",
        24_000,
        Box::new(move |bytes| {
            signed_out.form("/integration/keys/new", &filled(bytes, |number| format!("stores={number:x}&")))
        }),
    );
    let mut page = |name: &str, make: fn(&ConsoleSession, usize) -> Payload| {
        let session = std::sync::Arc::clone(&session);
        row(name, 6_000, Box::new(move |bytes| make(&session, bytes)));
    };
    page("console, cookies", |session, bytes| {
        session.page("/integration/keys", &filled(bytes, |number| format!("; c{number:x}=1")))
    });
    page("console, filters", |session, bytes| {
        session.page(&format!("/integration/keys?{}", filled(bytes, |number| format!("text={number:x}&"))), "")
    });
    let mut form = |name: &str, bytes: usize, make: fn(&ConsoleSession, usize) -> Payload| {
        let session = std::sync::Arc::clone(&session);
        row(name, bytes, Box::new(move |bytes| make(&session, bytes)));
    };
    form("console, a key's stores", 400_000, |session, bytes| {
        let stores = filled(bytes, |number| format!("stores={number:x}&"));
        session.form("/integration/keys/new", &format!("name=a&store_access=selected&method_access=all&{stores}"))
    });
    form("console, a key's labels", 400_000, |session, bytes| {
        let labels = filled(bytes, |number| format!("l{number:x}%0A"));
        session.form("/integration/keys/new", &format!("name=a&labels={labels}"))
    });
    form("console, one label again and again", 400_000, |session, bytes| {
        session.form("/integration/keys/new", &format!("name=a&labels={}", "l%0A".repeat(bytes / 4)))
    });
    form("console, a key's networks", 400_000, |session, bytes| {
        let networks = filled(bytes, |number| format!("10.{}.{}.0/24%0A", number % 200, number / 200));
        session.form("/integration/keys/new", &format!("name=a&networks={networks}"))
    });
    form("console, a book of distinct methods", 200_000, |session, bytes| {
        let methods =
            filled(bytes, |number| format!("      - {{method: GET /b/{number:06}, summary: a, store_use: none}}\n"));
        import_form(session, &format!("    methods:\n{methods}"))
    });
    form("console, a book with every method wrong", 200_000, |session, bytes| {
        let methods = filled(bytes, |number| format!("      - {{method: get {number}, store_use: no}}\n"));
        import_form(session, &format!("    methods:\n{methods}"))
    });
    form("console, a book of one shape", 200_000, |session, bytes| {
        let methods = filled(bytes, |number| format!("      - {{method: GET /b/{{a{number}}}, store_use: none}}\n"));
        import_form(session, &format!("    methods:\n{methods}"))
    });
    form("console, a book that is nested", 20_000, |session, bytes| {
        import_form(session, &format!("    methods: {}{}\n", "[".repeat(bytes / 2), "]".repeat(bytes / 2)))
    });
    form("console, a book of anchors", 100_000, |session, bytes| {
        let aliases = filled(bytes, |number| format!("      - &a{number} [*a{}]\n", number.saturating_sub(1)));
        import_form(session, &format!("    methods:\n{aliases}"))
    });
    let target = Target { pid: server.pid(), connection: Connection::new(address, &admin), address };
    assert_linear("The administration port", &target, rows).await;
}

fn import_form(session: &ConsoleSession, rest: &str) -> Payload {
    let yaml = format!("format: 1\ntitle: Book\nblocks:\n  - title: Block\n{rest}");
    let yaml: String = yaml
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    session.form("/integration/methods/import", &format!("yaml={yaml}"))
}
