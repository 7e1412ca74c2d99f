//! The published vectors through the proxies: the path that reaches the shop is the original one, and resolves in the
//! reference book to what was decided.

use std::collections::HashMap;
use std::path::Path;

use latchkey::model::book::{Book, Entry, MethodNumber, Resolution};
use latchkey::model::method::StoreUse;
use latchkey::model::path::{RequestMethod, canonicalize_bytes};
use latchkey::proto::v1 as proto;
use serde_json::Value;

use crate::proxies::Fixture;
use crate::proxies::agreement::{PROFILE, is_open};
use crate::proxies::proxy::{Proxy, Upstreams};
use crate::proxies::shop::{ClientConnection, Message};
use helpers::calls::{Client, key_with_access};

/// The books do not describe stores, and some of their requests contain one nevertheless.
const WITHOUT_STORES: &str = "keys = [\"header:x-api-key\"]\n";

/// Starts a proxy from its file in deploy/.
type Start = fn(Upstreams<'_>) -> Proxy;

fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    serde_json::from_str(&text).expect("the vectors are JSON")
}

/// Returns whether it can be the target of a request: characters that end the line or the target cannot.
fn is_target(target: &[u8]) -> bool {
    target.first() == Some(&b'/')
        && target.len() <= 2_000
        && !target.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0))
}

/// Returns whether an escape is unnecessary: of a letter, a digit, one of `-._~`, or the percent sign of an escape.
fn is_escaped_for_no_reason(target: &[u8]) -> bool {
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    target.windows(3).enumerate().filter(|(_, three)| three[0] == b'%').any(|(at, three)| match byte(&three[1..]) {
        Some(b'%') => target.get(at + 3..at + 5).is_some_and(|after| byte(after).is_some()),
        Some(byte) => byte.is_ascii_alphanumeric() || b"-._~".contains(&byte),
        None => false,
    })
}

/// Sends the vectors of paths with a key for selected methods and stores, and with one for everything, which also
/// passes ambiguous paths.
async fn vectors_agree(start: impl FnOnce(Upstreams<'_>) -> Proxy) {
    let fixture = Fixture::start(PROFILE).await;
    let client = Client::for_admin(&fixture.server);
    let (_, wide) = client.create_key(wide()).await.expect("a key is made");
    let proxy = fixture.start_proxy(start);
    let (partner, wide) = (format!("x-api-key: {}", fixture.token), format!("x-api-key: {wide}"));
    helpers::support::eventually("the proxy has found its Latchkey", std::time::Duration::from_secs(20), || {
        (proxy.request("GET", "/api/v5/orders?site=berlin", &[&partner], "").status() == 200).then_some(())
    });
    let _ = fixture.shop.take();
    let vectors = vectors("path.json");
    let mut reached = 0;
    for vector in &vectors {
        let target = bytes_of(&vector["input"]);
        if !is_target(&target) {
            continue;
        }
        let request = target.escape_ascii();
        for header in [&partner, &wide] {
            let answer =
                ClientConnection::connect(proxy.port).and_then(|mut line| line.send("GET", &target, &[header], b""));
            let status = answer.as_ref().map_or(400, Message::status);
            let sent = fixture.shop.take();
            assert!(sent.len() <= 1 && (sent.len() == 1) == (status == 200) && status < 500, "{request}: {answer:?}");
            let Some(sent) = sent.first() else { continue };
            // As letters, like the shop's copy of the bytes.
            let same: String = target.iter().map(|byte| char::from(*byte)).collect();
            assert_eq!(read(sent.target()), read(&same), "{request} is handed on as it came");
            assert!(
                header == &wide || is_open(same.split('?').next().unwrap_or_default()),
                "{request} reached the shop"
            );
            reached += 1;
        }
    }
    assert!(vectors.len() > 60 && reached > 15, "{reached} of {} reached the shop", vectors.len());
}

/// Returns a key for everything.
fn wide() -> proto::Key {
    let all = proto::Access::All.into();
    proto::Key { store_access: all, method_access: all, ..key_with_access("wide", &[], &[]) }
}

/// Returns the canonical path if there is one, otherwise the path unchanged; and the query. Caddy escapes characters
/// that are not allowed in an address, which changes nothing.
fn read(target: &str) -> (String, Option<String>) {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let bytes: Vec<u8> = path.chars().map(|letter| u8::try_from(letter).expect("a byte")).collect();
    let canonical = canonicalize_bytes(&bytes).map(|path| path.as_str().to_owned());
    let query = query.map(|query| query.replace('{', "%7B").replace('}', "%7D")).filter(|query| !query.is_empty());
    (canonical.unwrap_or_else(|_| path.to_owned()), query)
}

/// Returns the bytes of a vector's input.
fn bytes_of(input: &Value) -> Vec<u8> {
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    if let Some(plain) = input.as_str() {
        return plain.as_bytes().to_vec();
    }
    if let Some(hex) = input["hex"].as_str() {
        let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
        return (0..hex.len()).step_by(2).map(digits).collect();
    }
    let times = usize::try_from(input["times"].as_u64().unwrap_or_default()).expect("a small number");
    [text("before"), &text("repeat").repeat(times), text("after")].concat().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_hands_on_the_vectors_as_they_are() {
    vectors_agree(Proxy::envoy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_hands_on_the_vectors_as_they_are() {
    vectors_agree(Proxy::nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_hands_on_the_vectors_as_they_are() {
    vectors_agree(Proxy::caddy).await;
}

/// A reference book of the vectors.
struct VectorBook {
    name: String,
    /// Each method, and whether it is retired.
    methods: Vec<(String, bool)>,
    book: Book,
    /// Requests: a verb and a path.
    requests: Vec<(String, Vec<u8>)>,
}

impl VectorBook {
    fn read(vector: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let methods: Vec<String> = if let Some(file) = vector["methods_file"].as_str() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
            std::fs::read_to_string(path).expect("a list of methods").lines().map(str::to_owned).collect()
        } else {
            vector["methods"].as_array().expect("a list of methods").iter().map(text).collect()
        };
        let methods: Vec<(String, bool)> = methods
            .into_iter()
            .map(|method| {
                method.strip_prefix("retired ").map(|left| (left.to_owned(), true)).unwrap_or((method, false))
            })
            .collect();
        let entries = (1..).zip(&methods).map(|(number, (method, retired))| Entry {
            number: MethodNumber(number),
            identity: method.parse().unwrap_or_else(|error| panic!("{method}: {error}")),
            store_use: StoreUse::None,
            retired: *retired,
        });
        let book = Book::compile(entries).expect("a book");
        let mut requests = Vec::new();
        for request in vector["requests"].as_array().expect("requests") {
            let method = text(&request["method"]);
            // Every request through a proxy has a verb.
            let asked: Vec<(&str, &str)> = match method.split_once(' ').filter(|_| !method.starts_with('/')) {
                Some(verbal) => vec![verbal],
                None => ["GET", "POST", "HEAD"].map(|verb| (verb, &*method)).into(),
            };
            let asked = asked.into_iter().filter(|(_, path)| is_target(path.as_bytes()));
            requests.extend(asked.map(|(verb, path)| (verb.to_owned(), path.as_bytes().to_vec())));
        }
        Self { name: text(&vector["name"]), methods, book, requests }
    }

    fn live(&self) -> Vec<&str> {
        self.methods.iter().filter(|(_, retired)| !retired).map(|(method, _)| &**method).collect()
    }

    /// Returns the result of a request in the book; and the live method, if it is exactly one.
    fn resolve(&self, verb: &str, target: &[u8]) -> (String, Option<String>) {
        let path = match canonicalize_bytes(target) {
            Ok(path) => path,
            Err(fault) => return (fault.as_str().to_owned(), None),
        };
        let verb = RequestMethod::parse(&format!("{verb} /")).expect("a verb").verb;
        match self.book.resolve(verb, &path) {
            Resolution::One(entry) => {
                let method = entry.identity.to_string();
                (format!("one: {method}"), (!entry.retired).then_some(method))
            }
            Resolution::Ambiguous(entry) => (format!("ambiguous: {}", entry.identity), None),
            Resolution::Unknown => ("unknown".to_owned(), None),
            Resolution::Several(_) => panic!("a request with a verb is one method"),
        }
    }

    /// Adds its methods to the reference book of a server; the retired ones first, since two live ones cannot have the
    /// same shape.
    async fn create_methods(&self, client: &Client) {
        let method = |method: &str| proto::Method {
            method: method.to_owned(),
            block: "Vectors".to_owned(),
            summary: "A vector".to_owned(),
            store_use: proto::StoreUse::None.into(),
            ..Default::default()
        };
        for (retired, _) in self.methods.iter().filter(|(_, retired)| *retired) {
            let request = proto::CreateMethodRequest { method: Some(method(retired)), options: None };
            client.methods().create_method(request).await.expect("a method is made");
            let request = proto::DeleteMethodRequest { method: retired.clone(), ..Default::default() };
            client.methods().delete_method(request).await.expect("a method is retired");
        }
        let methods: Vec<_> = self.live().into_iter().map(method).collect();
        if !methods.is_empty() {
            let request = proto::ImportMethodsRequest { methods, ..Default::default() };
            client.methods().import_methods(request).await.expect("the methods are imported");
        }
    }
}

/// Tokens by access: exactly these methods, on all stores.
struct KeyRing<'a> {
    client: &'a Client,
    tokens: HashMap<Vec<String>, String>,
}

impl KeyRing<'_> {
    async fn key(&mut self, methods: Vec<&str>) -> String {
        let methods: Vec<String> = methods.into_iter().map(str::to_owned).collect();
        if let Some(token) = self.tokens.get(&methods) {
            return token.clone();
        }
        let named: Vec<&str> = methods.iter().map(String::as_str).collect();
        let key = proto::Key { store_access: proto::Access::All.into(), ..key_with_access("vectors", &[], &named) };
        let (_, token) = self.client.create_key(key).await.expect("a key is made");
        self.tokens.insert(methods, token.clone());
        token
    }
}

/// Requests that reached the shop with the key for their method, and that did not with the key for all upstreams.
#[derive(Default)]
struct Count {
    reached: usize,
    stopped: usize,
}

/// The port of a proxy, and the setup behind it.
struct Counter<'a> {
    fixture: &'a Fixture,
    proxy: &'a Proxy,
    vector_book: &'a VectorBook,
}

impl Counter<'_> {
    /// Sends a request, and returns whether it reached the shop. If so, it must be unchanged and have the same result.
    fn reaches(&self, verb: &str, target: &[u8], token: &str) -> bool {
        let request = format!("{}: {verb} {}", self.vector_book.name, target.escape_ascii());
        let header = format!("x-api-key: {token}");
        let answer =
            ClientConnection::connect(self.proxy.port).and_then(|mut line| line.send(verb, target, &[&header], b""));
        let status = answer.as_ref().map_or(400, Message::status);
        let sent = self.fixture.shop.take();
        assert!(sent.len() <= 1 && (sent.len() == 1) == (status == 200) && status < 500, "{request}: {answer:?}");
        let Some(sent) = sent.first() else { return false };
        let got: Vec<u8> = sent.target().chars().map(|letter| u8::try_from(letter).expect("a byte")).collect();
        let got_verb = sent.line.split(' ').next().unwrap_or_default();
        assert_eq!(got_verb, verb, "{request}");
        let came: String = target.iter().map(|byte| char::from(*byte)).collect();
        assert_eq!(read(sent.target()), read(&came), "{request} is handed on as it came");
        assert_eq!(self.vector_book.resolve(got_verb, &got).0, self.vector_book.resolve(verb, target).0, "{request}");
        true
    }
}

/// Sends every request of every book through a proxy: with the key for its method alone, with one for all other
/// methods, and with one for everything.
async fn books_agree(start: Start, all_reach: bool) {
    let mut count = Count::default();
    for vector in vectors("resolve.json") {
        let vector_book = VectorBook::read(&vector);
        // Another server for each book: retired methods still match.
        let fixture = Fixture::start_empty(WITHOUT_STORES).await;
        let client = Client::for_admin(&fixture.server);
        vector_book.create_methods(&client).await;
        let (_, wide) = client.create_key(wide()).await.expect("a key is made");
        let mut key_ring = KeyRing { client: &client, tokens: HashMap::new() };
        let proxy = fixture.start_proxy(start);
        let found = format!("x-api-key: {wide}");
        helpers::support::eventually("the proxy has found its Latchkey", std::time::Duration::from_secs(20), || {
            // Refused or not: there was a decision.
            (proxy.request("GET", "/somewhere/else", &[&found], "").status() < 500).then_some(())
        });
        let _ = fixture.shop.take();
        let counter = Counter { fixture: &fixture, proxy: &proxy, vector_book: &vector_book };
        for (verb, target) in &vector_book.requests {
            let request = format!("{}: {verb} {}", vector_book.name, target.escape_ascii());
            counter.reaches(verb, target, &wide);
            let (meaning, one) = vector_book.resolve(verb, target);
            let other_methods =
                vector_book.live().into_iter().filter(|method| one.as_deref() != Some(method)).collect();
            let other_methods = key_ring.key(other_methods).await;
            assert!(
                !counter.reaches(verb, target, &other_methods),
                "{request} is {meaning}, and reached the shop by other methods"
            );
            count.stopped += 1;
            let Some(one) = one else { continue };
            let only = key_ring.key(vec![&one]).await;
            let reached = counter.reaches(verb, target, &only);
            // A fragment is not part of a request; proxies treat it differently. Services that compare raw paths read
            // unnecessary escapes differently.
            let passes = !target.contains(&b'#') && !is_escaped_for_no_reason(target);
            assert!(reached || !all_reach || !passes, "{request} is {meaning}, which the key opens");
            count.reached += usize::from(reached);
        }
    }
    assert!(count.reached > 80 && count.stopped > 180, "{} reached the shop, {} did not", count.reached, count.stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_hands_on_what_the_vectors_of_books_say() {
    books_agree(Proxy::envoy, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_hands_on_what_the_vectors_of_books_say() {
    books_agree(Proxy::nginx, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_hands_on_what_the_vectors_of_books_say() {
    books_agree(Proxy::caddy, false).await;
}
