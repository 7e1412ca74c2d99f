//! A proxy forwards to the shop exactly what was decided. Many thousands of requests are combined at random from pieces
//! that different services read differently; a request that reaches the shop is read as leniently as by any service,
//! and must still be a method and a store within the key's access.

use crate::proxies::Fixture;
use crate::proxies::proxy::{Proxy, Upstreams};
use crate::proxies::shop::{ClientConnection, Message, Shop};

pub(crate) const PROFILE: &str = "keys = [\"header:x-api-key\", \"query:apiKey\"]\n\
                       stores = [\"query:site\", \"query:filter[sites][]\"]\nupstream_applies_scope = true\n";
/// For proxies that send bodies.
const WITH_BODIES: &str = "keys = [\"header:x-api-key\", \"query:apiKey\"]\n\
                           stores = [\"query:site\", \"query:filter[sites][]\", \"form:site\", \"form:filter[sites][]\",\n                           \"json:site\"]\n\
                           upstream_applies_scope = true\n";

/// Requests through each proxy, over several connections. `LATCHKEY_TEST_CASES` sets another number: `make agreement`
/// has 100 000 in all.
const REQUESTS: usize = 6_000;
/// Concurrent connections.
const CALLERS: usize = 4;

const PATHS: [&str; 24] = [
    "/api/v5/orders",
    "/api/v5/orders/statuses",
    "/api/v5/orders/create",
    "/api/v5/orders/",
    "/api/v5//orders",
    "/api/v5/orders/../orders/create",
    "/api/v5/orders/%2e%2e/orders",
    "/api/v5/orders%2Fcreate",
    "/api/v5/orders%2fstatuses",
    "/api/v5/%6frders",
    "/api/v5/orders%3Fsite=madrid",
    "/api/v5/orders;site=madrid",
    "/api/v5/orders%00",
    "/api/v5/orders%",
    "/API/v5/orders",
    "/api/v5/Orders",
    "/api/v55/orders",
    "/api/v*/orders",
    "/api/v5/orders%20",
    "/./api/v5/orders",
    "/api\\v5/orders",
    "/api/v5/orders/statuses.json",
    "/api/v5/{x}/orders",
    "/api/v5/orders/statuses%23",
];
const PAIRS: [&str; 30] = [
    "site=berlin",
    "site=berlin",
    "site=berlin",
    "site=madrid",
    "site=",
    "site",
    "Site=madrid",
    "%73ite=madrid",
    "%20site=madrid",
    "site%00=madrid",
    "site[]=madrid",
    "site[0]=madrid",
    "site%5B%5D=madrid",
    "site=berlin%26site=madrid",
    "+site=madrid",
    "filter[sites][]=berlin",
    "filter[sites][]=madrid",
    "filter[sites][0]=madrid",
    "filter%5Bsites%5D%5B%5D=madrid",
    "filter.sites=madrid",
    "x=1",
    "x=%D0%BA",
    "y=a;site=madrid",
    ";site=madrid",
    "=",
    "a==b",
    "z={env.PATH}",
    "api%4Bey=x",
    "si%74e=berlin",
    "site=berlin%00",
];

/// Splitmix64: a reproducible sequence.
struct RequestGenerator(u64);

impl RequestGenerator {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(bound).expect("a number")).expect("a small number")
    }

    fn target(&mut self, token: &str) -> String {
        // Half of the paths are plain, so that for many requests the query is checked.
        let path = if self.below(2) == 0 { PATHS[self.below(2)] } else { PATHS[self.below(PATHS.len())] };
        let mut target = path.to_owned();
        // One byte is changed sometimes.
        if self.below(12) == 0 {
            let at = 1 + self.below(target.len() - 1);
            let byte = ["%2f", "%25", "?", "/", ".", "&", "{", "~"][self.below(8)];
            target.replace_range(at..=at, byte);
        }
        let mut pairs: Vec<String> = (0..self.below(4)).map(|_| PAIRS[self.below(PAIRS.len())].to_owned()).collect();
        if self.below(3) == 0 {
            pairs.insert(self.below(pairs.len() + 1), format!("apiKey={token}"));
        }
        for (at, pair) in pairs.iter().enumerate() {
            target.push_str(if at == 0 { "?" } else { ["&", "&", "&&"][self.below(3)] });
            target.push_str(pair);
        }
        target
    }
}

impl RequestGenerator {
    /// Returns a body and its content type.
    fn body(&mut self) -> (&'static str, String) {
        let store = ["berlin", "berlin", "madrid"][self.below(3)];
        let name = ["site", "site", "Site", "x"][self.below(4)];
        match self.below(6) {
            0 | 1 => {
                let pairs: Vec<&str> = (0..=self.below(3)).map(|_| PAIRS[self.below(PAIRS.len())]).collect();
                ("application/x-www-form-urlencoded", pairs.join("&"))
            }
            2 => {
                let part = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{store}\r\n");
                let twice = if self.below(4) == 0 { part.clone() } else { String::new() };
                ("multipart/form-data; boundary=XX", format!("{part}{twice}--XX--\r\n"))
            }
            3 => ("application/json", format!("{{\"{name}\":\"{store}\"}}")),
            4 => ("application/json", format!("{{\"site\":\"berlin\",\"{name}\":\"{store}\"}}")),
            _ => (["text/plain", "application/json, text/plain", ""][self.below(3)], format!("{name}={store}")),
        }
    }
}

/// Decodes percent-encoding wherever it is well-formed, repeatedly.
fn decoded(text: &str) -> String {
    let mut text = text.replace('+', " ");
    loop {
        let bytes = text.as_bytes();
        let mut out = String::new();
        let mut at = 0;
        while at < bytes.len() {
            let hex =
                (bytes[at] == b'%').then(|| text.get(at + 1..at + 3).and_then(|two| u8::from_str_radix(two, 16).ok()));
            if let Some(Some(byte)) = hex {
                out.push(char::from(byte));
                at += 3;
            } else {
                out.push(char::from(bytes[at]));
                at += 1;
            }
        }
        if out == text {
            return out;
        }
        text = out;
    }
}

/// Returns every store that some service could read from the query, and from values hidden in the path.
fn stores_read(target: &str) -> Vec<String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut stores = Vec::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // PHP removes leading spaces, brackets and everything after a NUL; other services ignore case.
        let name = decoded(name).to_ascii_lowercase();
        let name = name.trim_start().split('\0').next().unwrap_or_default();
        let is_site = name == "site" || name.starts_with("site[");
        let is_filter = name.starts_with("filter[sites]") || name == "filter.sites" || name == "filter_sites";
        if is_site || is_filter {
            stores.push(decoded(value));
        }
    }
    stores
}

/// Returns whether the path, read as leniently as possible, is a method that the key has access to.
pub(crate) fn is_open(path: &str) -> bool {
    let path = decoded(path).replace('\\', "/").to_ascii_lowercase();
    let path = path.split(['?', '#', ';', '\0']).next().unwrap_or_default().trim_end();
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            other => segments.push(other),
        }
    }
    let [api, version, orders, rest @ ..] = segments.as_slice() else { return false };
    let digits = version.strip_prefix('v').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    *api == "api" && digits && *orders == "orders" && (rest.is_empty() || rest == ["statuses"])
}

/// Returns the query without the key, ignoring order and empty parts.
fn rest_of_query(target: &str) -> Vec<String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut pairs: Vec<String> = query
        .split('&')
        .filter(|pair| !pair.starts_with("apiKey="))
        // `a` and `a=` are equal, and so are escaped braces: proxies rewrite them.
        .map(|pair| pair.strip_suffix('=').unwrap_or(pair).replace('{', "%7B").replace('}', "%7D"))
        .filter(|pair| !pair.is_empty())
        .collect();
    pairs.sort();
    pairs
}

/// Returns every store that some service could read from a body.
fn stores_in(body: &str) -> Vec<String> {
    let mut stores = stores_read(&format!("?{body}"));
    let lower = body.to_ascii_lowercase();
    for (name, end) in [("name=\"site\"\r\n\r\n", '\r'), ("\"site\":\"", '"')] {
        let found =
            lower.match_indices(name).map(|(at, _)| lower[at + name.len()..].split(end).next().unwrap_or_default());
        stores.extend(found.map(str::to_owned));
    }
    stores
}

/// Requests through one proxy.
#[derive(Clone)]
struct ProxyClient {
    shop: Shop,
    port: u16,
    token: String,
    bodies: bool,
}

impl ProxyClient {
    /// Sends requests over one connection. Returns how many reached the shop, and how many were refused.
    fn send_requests(&self, caller: usize, requests: usize, seed: u64) -> (usize, usize) {
        let mut generator = RequestGenerator(seed);
        let (mut reached, mut refused) = (0, 0);
        let mut line = None;
        let header = format!("x-api-key: {}", self.token);
        for number in 0..requests {
            let target = generator.target(&self.token);
            let verb = ["GET", "GET", "GET", "POST"][generator.below(4)];
            let (kind, body) =
                if self.bodies && generator.below(5) == 0 { generator.body() } else { ("", String::new()) };
            let case = format!("{caller}-{number}");
            let named = format!("x-case: {case}");
            let kind = format!("content-type: {kind}");
            let mut headers = vec![&*named];
            if !target.contains(&self.token) {
                headers.push(&header);
            }
            if !body.is_empty() {
                headers.push(&kind);
            }
            let mut caller =
                line.take().unwrap_or_else(|| ClientConnection::connect(self.port).expect("the proxy listens"));
            let answer = caller.send(verb, target.as_bytes(), &headers, body.as_bytes());
            // Proxies close the connection after some requests that are invalid HTTP.
            if answer.as_ref().is_ok_and(|answer| answer.header("connection") != Some("close")) {
                line = Some(caller);
            }
            let sent = self.shop.take_with("x-case", &case);
            let Some(got) = sent.first() else {
                let status = answer.map_or(400, |answer| answer.status());
                assert!((400..500).contains(&status), "{verb} {target} {body}: {status}: nothing is undecided here");
                refused += 1;
                continue;
            };
            assert_eq!(sent.len(), 1);
            self.assert_agrees(verb, &target, &body, got);
            reached += 1;
        }
        (reached, refused)
    }

    /// Checks that the shop received the request as sent, and nothing outside the key's access.
    fn assert_agrees(&self, verb: &str, target: &str, body: &str, got: &Message) {
        let (path, shown) = (target.split('?').next().unwrap_or_default(), got.target());
        assert_eq!(got.line.split(' ').next(), Some(verb));
        assert_eq!(shown.split('?').next().unwrap_or_default(), path, "{target}: the path is handed on as it came");
        assert_eq!(rest_of_query(shown), rest_of_query(target), "{target}: so is the query, but for the key");
        assert_eq!(got.text(), body, "{target}: and the body");
        assert!(!got.to_text().contains(&self.token), "{target}");
        assert!(verb == "GET" && is_open(path), "{verb} {target} reached the shop as {shown}");
        let mut stores = stores_read(shown);
        stores.extend(stores_in(body));
        assert!(
            stores.iter().all(|store| store == "berlin"),
            "{target} reached the shop as {shown} {body}: {stores:?}"
        );
        assert_eq!(got.header("x-latchkey-store"), Some("berlin"), "{target}");
    }
}

async fn check_agreement(start: impl FnOnce(Upstreams<'_>) -> Proxy, bodies: bool, seed: u64) {
    let fixture = Fixture::start(if bodies { WITH_BODIES } else { PROFILE }).await;
    let proxy = fixture.start_proxy(start);
    let header = format!("x-api-key: {}", fixture.token);
    helpers::support::eventually("the proxy has found its Latchkey", std::time::Duration::from_secs(20), || {
        (proxy.request("GET", "/api/v5/orders?site=berlin", &[&header], "").status() == 200).then_some(())
    });
    let _ = fixture.shop.take();
    let requests = std::env::var("LATCHKEY_TEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(REQUESTS);
    let client = ProxyClient { shop: fixture.shop.clone(), port: proxy.port, token: fixture.token.clone(), bodies };
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let client = client.clone();
            let seed = seed * 1_000 + u64::try_from(caller).expect("a small number");
            std::thread::spawn(move || client.send_requests(caller, requests / CALLERS, seed))
        })
        .collect();
    let sums: Vec<(usize, usize)> = callers.into_iter().map(|caller| caller.join().expect("all agree")).collect();
    let (reached, refused) = sums.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!(fixture.shop.take(), [], "nothing reaches the shop that nobody asked");
    assert!(reached > requests / 40 && refused > requests / 4, "both happen: {reached} reached, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_hands_on_what_was_decided() {
    check_agreement(Proxy::envoy, true, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_hands_on_what_was_decided() {
    check_agreement(Proxy::nginx, false, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_hands_on_what_was_decided() {
    check_agreement(Proxy::caddy, false, 3).await;
}
