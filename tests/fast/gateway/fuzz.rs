//! Random and mutated requests against lenient services: in an allowed request none of them finds a key or a store that
//! the decision did not cover, and each usual one finds the store that limits the call to its key's scope.
//!
//! A run makes the same requests every time, unless `LATCHKEY_TEST_SEED` sets another seed. Every request that ever
//! mattered is in `tests/fast/gateway/corpus`, one part of a request per line; each line is tried unchanged and mutated.
//! `LATCHKEY_TEST_SEED=$RANDOM cargo test --test fast -- gateway::fuzz` searches further.

use latchkey::gateway::{Allow, Outcome};

use crate::gateway::harness::{GATEWAY, TestRequest, get, post};
use crate::gateway::lenient::{self, ODD, USUAL};

pub(crate) const CASES: u64 = 20_000;
const NAMES: [&str; 14] = [
    "site",
    "site",
    "site",
    "filter[sites][]",
    "filter[sites][0]",
    "filter[sites]",
    "filter[ids][]",
    "filter",
    "by",
    "limit",
    "x",
    "order",
    "apiKey",
    "_method",
];
const VALUES: [&str; 12] =
    ["main", "main", "main", "main", "second", "second", "off", "", "m%61in", "nowhere", "None", "main%00"];

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

pub(crate) fn seed() -> u64 {
    std::env::var("LATCHKEY_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// Tries the corpus, then mutations of it and results of `make`. At least `least` percent must be allowed, so that the
/// property means something.
pub(crate) fn run(
    corpus: &str,
    least: u64,
    make: impl Fn(&mut Random) -> Vec<u8>,
    holds: impl Fn(&[u8], &mut Random) -> bool,
) {
    let corpus: Vec<Vec<u8>> = corpus.lines().filter(|line| !line.is_empty()).map(unescape).collect();
    let mut random = Random(seed().wrapping_mul(0x1_0001));
    let mut allowed = 0;
    for line in &corpus {
        for _ in 0..4 {
            allowed += u64::from(holds(line, &mut random));
        }
    }
    for _ in 0..CASES {
        let mut input = if random.percent(30) { corpus[random.below(corpus.len())].clone() } else { make(&mut random) };
        if random.percent(30) {
            mutate(&mut random, &mut input);
        }
        allowed += u64::from(holds(&input, &mut random));
    }
    assert!(allowed * 100 >= CASES * least, "only {allowed} of {CASES} were allowed");
}

pub(crate) fn mutate(random: &mut Random, input: &mut Vec<u8>) {
    const BITS: [&[u8]; 24] = [
        b"%00", b"%20", b"+", b"[]", b"[", b"]", b".", b";", b"&", b"=", b"%25", b"\r\n", b"\n", b"\"", b"{", b"}",
        b",", b"_", b"-", b"/", b"\\", b"%2e", b"..", b"#",
    ];
    for _ in 0..=random.below(3) {
        let at = random.below(input.len() + 1);
        match random.below(5) {
            0 if at < input.len() => drop(input.remove(at)),
            1 if at < input.len() => input[at] ^= 0x20,
            2 if at < input.len() => {
                let escaped = format!("%{:02x}", input[at]);
                input.splice(at..=at, escaped.into_bytes());
            }
            3 => {
                let end = (at + random.below(20)).min(input.len());
                let copy = input[at..end].to_vec();
                let to = random.below(input.len() + 1);
                input.splice(to..to, copy);
            }
            _ => drop(input.splice(at..at, random.pick(&BITS).iter().copied())),
        }
    }
}

pub(crate) fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [byte, tail @ ..] = rest {
        (rest, _) = match (byte, tail) {
            (b'\\', [b'x', high, low, tail @ ..]) => {
                let digits = [*high, *low];
                let byte = u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap();
                (tail, bytes.push(byte))
            }
            (b'\\', [b'r', tail @ ..]) => (tail, bytes.push(b'\r')),
            (b'\\', [b'n', tail @ ..]) => (tail, bytes.push(b'\n')),
            (b'\\', [other, tail @ ..]) => (tail, bytes.push(*other)),
            _ => (tail, bytes.push(*byte)),
        };
    }
    bytes
}

/// Returns parameters: mostly regular, some as only some services read them.
pub(crate) fn parameters(random: &mut Random) -> Vec<u8> {
    let mut text = String::new();
    for at in 0..=random.below(4) {
        if at > 0 {
            text += if random.percent(92) { "&" } else { random.pick(&[";", "&&", "&;", "?"]) };
        }
        let mut name = random.pick(&NAMES).to_owned();
        if random.percent(15) {
            let letter = random.below(name.len());
            name = match random.below(8) {
                0 => format!("%{:02X}{}", name.as_bytes()[0], &name[1..]),
                1 => name[..letter].to_owned() + &name[letter..].to_uppercase(),
                2 => format!("{}{name}", random.pick(&["%20", "+", "_", "[", ".", "%00", "!"])),
                3 => format!("{name}{}", random.pick(&["[]", "[0]", "%00x", ".", "%20", "[", ".x", "%5B%5D"])),
                4 => name.replace('[', "%5B").replace(']', "%5d"),
                5 => name.replace('[', "%255B"),
                6 => name.replace('[', "."),
                _ => name.replace('s', "%73"),
            };
        }
        let value = random.pick(&VALUES).to_owned();
        let value = match &*name {
            "order" => "%7B%22customer%22:%7B%22site%22:%22".to_owned() + &value + "%22%7D%7D",
            "apiKey" => GATEWAY.key(random.pick(&["one", "two"])).to_owned(),
            _ => value,
        };
        text += &format!("{name}={value}");
    }
    text.into_bytes()
}

/// Returns the stores that the key of this name has access to.
pub(crate) fn open(key: &str) -> &'static [&'static str] {
    match key {
        "one" => &["main"],
        "two" => &["main", "second"],
        _ => panic!("{key} is not for these tests"),
    }
}

fn allow(request: &TestRequest) -> Option<Allow> {
    match GATEWAY.check("retailcrm", request) {
        Outcome::Allow(allow) => Some(allow),
        Outcome::Refuse(respond) => {
            assert!((400..500).contains(&respond.status), "{} was answered {}", request.describe(), respond.status);
            None
        }
        Outcome::Answer(_) => panic!("{} was answered", request.describe()),
    }
}

fn covered(request: &TestRequest, who: &str, seen: &[String], key: &str) {
    for store in seen {
        assert!(open(key).contains(&store.as_str()), "{who} sees the store {store:?} in {}", request.describe());
    }
}

pub(crate) const PLACES: [&[&str]; 2] = [&["site"], &["filter", "sites"]];

/// Checks a query or form of an upstream request.
fn check_parameters(request: &TestRequest, text: &[u8], key: &str) {
    for (who, reader) in USUAL.iter().chain(&ODD) {
        for place in PLACES {
            covered(request, who, &reader(text, place), key);
        }
        for token in reader(text, &["apiKey"]) {
            assert!(token == GATEWAY.key(key), "{who} sees another key in {}", request.describe());
        }
        assert!(reader(text, &["_method"]).is_empty(), "{who} sees another method in {}", request.describe());
    }
}

#[test]
fn no_query_is_read_otherwise_than_it_was_decided_on() {
    let holds = |query: &[u8], random: &mut Random| {
        let key = random.pick(&["one", "two"]);
        let list = random.percent(50);
        let path = if list { "/api/v5/orders?" } else { "/api/v5/orders/7?" };
        let mut request = get(path).key(key);
        request.target.extend(query);
        let Some(allow) = allow(&request) else { return false };
        let target = allow.target(&request.target).into_owned();
        let at = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
        let query = target.get(at + 1..).unwrap_or_default();
        check_parameters(&request, query, key);
        for (who, reader) in USUAL {
            assert!(reader(query, &["apiKey"]).is_empty(), "{who} still sees the key of {}", request.describe());
            let place: &[&str] = if list { PLACES[1] } else { PLACES[0] };
            assert!(
                !reader(query, place).is_empty(),
                "{who} sees no store in {} of {}",
                target.escape_ascii(),
                request.describe()
            );
        }
        true
    };
    run(include_str!("corpus/query.txt"), 5, parameters, holds);
}

#[test]
fn no_form_is_read_otherwise_than_it_was_decided_on() {
    let holds = |form: &[u8], random: &mut Random| {
        let key = random.pick(&["one", "two"]);
        let request = post("/api/v5/orders/create").key(key).body("application/x-www-form-urlencoded", form);
        let Some(allow) = allow(&request) else { return false };
        check_parameters(&request, form, key);
        for (who, reader) in USUAL {
            let added = allow.set_parameters.iter().any(|(name, _)| name == "site");
            assert!(added || !reader(form, &["site"]).is_empty(), "{who} sees no store in {}", request.describe());
            for order in reader(form, &["order"]) {
                let mut seen = Vec::new();
                if let Some(json) = lenient::json(&order) {
                    lenient::seen(&json, &["customer", "site"], &mut seen);
                }
                covered(&request, who, &seen, key);
            }
        }
        true
    };
    run(include_str!("corpus/form.txt"), 5, parameters, holds);
}

#[test]
fn no_json_is_read_otherwise_than_it_was_decided_on() {
    fn object(random: &mut Random, depth: usize) -> String {
        let mut text = "{".to_owned();
        for at in 0..=random.below(3) {
            text += if at > 0 { "," } else { "" };
            let name =
                random.pick(&["site", "site", "site", "Site", "\u{17f}ite", "s\\u0069te", "order", "customer", "x"]);
            let value = match random.below(12) {
                0 => "null".to_owned(),
                1 => "[]".to_owned(),
                2 => "7".to_owned(),
                3..=5 if depth > 0 => object(random, depth - 1),
                6 if depth > 0 => serde_json::to_string(&object(random, depth - 1)).unwrap(),
                _ => format!("\"{}\"", random.pick(&["main", "main", "main", "second", "off"])),
            };
            text += &format!("\"{name}\":{value}");
        }
        text + "}"
    }
    let make = |random: &mut Random| {
        let customer = format!("{{\"customer\":{}}}", object(random, 1));
        let text = match random.below(4) {
            0 => object(random, 3),
            1 => format!("{{\"site\":\"main\",\"order\":{customer}}}"),
            2 => format!("{{\"site\":\"main\",\"order\":{}}}", serde_json::to_string(&customer).unwrap()),
            _ => format!("{{\"site\":\"main\",\"x\":{}}}", object(random, 2)),
        };
        text.into_bytes()
    };
    let holds = |body: &[u8], random: &mut Random| {
        let key = random.pick(&["one", "two"]);
        let request = post("/api/v5/orders/create").key(key).body("application/json", body);
        if allow(&request).is_none() {
            return false;
        }
        let mut seen = Vec::new();
        if let Some(json) = lenient::json(&String::from_utf8_lossy(body)) {
            lenient::seen(&json, &["site"], &mut seen);
            lenient::seen(&json, &["order", "customer", "site"], &mut seen);
        }
        covered(&request, "somebody", &seen, key);
        true
    };
    run(include_str!("corpus/json.txt"), 5, make, holds);
}

#[test]
fn no_form_in_parts_is_read_otherwise_than_it_was_decided_on() {
    let make = |random: &mut Random| {
        let mut body = if random.percent(95) { String::new() } else { "preamble\r\n".to_owned() };
        for _ in 0..=random.below(3) {
            let name = random.pick(&["site", "site", "x", "order", "Site", "site[]", "by", "_method"]);
            let field = match random.below(14) {
                0 => format!("name={name}"),
                1 => format!("name=\"x\"; name=\"{name}\""),
                2 => format!("name=\"{name}\"; filename=\"x\""),
                3 => format!("filename=\"a\\\"; name=\"{name}\"; x=\""),
                _ => format!("name=\"{name}\""),
            };
            let more =
                random.pick(&["", "", "", "", "\r\nContent-Type: text/plain", "\r\nContent-Transfer-Encoding: base64"]);
            let value = random.pick(&[
                "main",
                "main",
                "main",
                "second",
                "x\n--XX\nContent-Disposition: form-data; name=\"site\"\n\nsecond",
            ]);
            body += &format!("--XX\r\nContent-Disposition: form-data; {field}{more}\r\n\r\n{value}\r\n");
        }
        (body + "--XX--\r\n").into_bytes()
    };
    let holds = |body: &[u8], random: &mut Random| {
        let key = random.pick(&["one", "two"]);
        let request = post("/api/v5/orders/create").key(key).body("multipart/form-data; boundary=XX", body);
        let Some(allow) = allow(&request) else { return false };
        let fields = lenient::parts(body, "XX");
        let named = |sought: &str| -> Vec<String> {
            fields.iter().filter(|(name, _)| name == sought).map(|(_, value)| value.clone()).collect()
        };
        covered(&request, "somebody", &named("site"), key);
        assert!(named("_method").is_empty(), "another method is seen in {}", request.describe());
        assert!(
            !named("site").is_empty() || !allow.set_parameters.is_empty(),
            "no store is seen in {}",
            request.describe()
        );
        true
    };
    run(include_str!("corpus/multipart.txt"), 5, make, holds);
}

#[test]
fn no_headers_are_read_otherwise_than_they_were_decided_on() {
    let make = |random: &mut Random| {
        let mut text = String::new();
        for _ in 0..=random.below(4) {
            let name = random.pick(&[
                "x-store",
                "X-Store",
                "x_store",
                "x-latchkey-store",
                "X_Latchkey_Stores",
                "x.latchkey.scope",
                "accept",
                "x-forwarded-for",
                "x-original-url",
                "connection",
                "x-store-2",
                "cookie",
                "authorization",
            ]);
            let value = random.pick(&["main", "main", "main", "second", "all", "x-store", "close", " main "]);
            text += &format!("{name}: {value}\n");
        }
        text.into_bytes()
    };
    let holds = |text: &[u8], random: &mut Random| {
        let key = random.pick(&["one", "two"]);
        let mut request = get("/shop/plain").key(key);
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
            request.headers.push((line[..at].to_vec(), line.get(at + 1..).unwrap_or_default().to_vec()));
        }
        let Outcome::Allow(allow) = GATEWAY.check("shop", &request) else { return false };
        let same = |a: &[u8], b: &str| a.eq_ignore_ascii_case(b.as_bytes());
        let mut upstream = request.headers.clone();
        upstream.retain(|(name, _)| {
            !allow.remove_headers.iter().any(|removed| same(name, removed))
                && !allow.set_headers.iter().any(|(set, _)| same(name, set))
        });
        let set = allow.set_headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.clone().into_bytes()));
        upstream.extend(set);
        let variables = lenient::cgi(&upstream);
        let store = variables.get("X_STORE").cloned();
        assert!(store.is_some(), "no store is seen in {}", request.describe());
        covered(&request, "cgi", &store.into_iter().collect::<Vec<_>>(), key);
        assert!(!variables.contains_key("X_API_KEY"), "the key is still seen in {}", request.describe());
        for (name, value) in variables.iter().filter(|(name, _)| name.starts_with("X_LATCHKEY_")) {
            let ours = allow
                .set_headers
                .iter()
                .any(|(set, to)| set.to_ascii_uppercase().replace('-', "_") == *name && to == value);
            assert!(ours, "{name} is {value:?} in {}", request.describe());
        }
        true
    };
    run(include_str!("corpus/headers.txt"), 5, make, holds);
}

#[test]
fn no_path_is_read_otherwise_than_it_was_decided_on() {
    let make = |random: &mut Random| {
        let mut path = String::new();
        for _ in 0..=random.below(3) {
            path += random.pick(&[
                "/api",
                "/api",
                "/v5",
                "/v5",
                "/orders",
                "/orders",
                "/statuses",
                "/statuses",
                "/history",
                "/7",
                "/..",
                "/.",
                "//",
                "/%2e%2e",
                "/costs",
            ]);
        }
        let whole = ["/api/v5/orders/statuses", "/api/v12/orders/statuses", "/api/v5/orders"];
        let path = if random.percent(60) { random.pick(&whole).to_owned() } else { path };
        path.into_bytes()
    };
    let holds = |path: &[u8], _: &mut Random| {
        let mut request = get("").key("cpa");
        request.target = path.to_vec();
        if allow(&request).is_none() {
            return false;
        }
        for (who, read) in readings(path) {
            let segments: Vec<&str> = read.split('/').filter(|segment| !segment.is_empty()).collect();
            let right = matches!(*segments, ["api", version, "orders", "statuses"]
                if version.strip_prefix('v').is_some_and(|number| number.parse::<u64>().is_ok()));
            assert!(right, "{who} reads {read:?} in {}", request.describe());
        }
        true
    };
    run(include_str!("corpus/path.txt"), 5, make, holds);
}

/// Returns the path as services read it: decoded once or twice, normalized, lowercased, without parts that some remove.
pub(crate) fn readings(path: &[u8]) -> Vec<(&'static str, String)> {
    let text = String::from_utf8_lossy(path).into_owned();
    let cut = text.split(['?', '#']).next().unwrap_or_default().to_owned();
    let query = text.split('?').next().unwrap_or_default().to_owned();
    let decode = |text: &str| {
        let mut decoded = Vec::new();
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let escape = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
            match escape.filter(|_| bytes[at] == b'%') {
                Some(byte) => {
                    decoded.push(byte);
                    at += 3;
                }
                None => {
                    decoded.push(bytes[at]);
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&decoded).into_owned()
    };
    let fold = |text: &str| {
        let mut segments: Vec<&str> = Vec::new();
        for segment in text.split(['/', '\\']) {
            match segment {
                "" | "." => {}
                ".." => drop(segments.pop()),
                other => segments.push(other),
            }
        }
        segments.join("/")
    };
    let parameters = |text: &str| -> String {
        text.split('/').map(|segment| segment.split(';').next().unwrap_or_default()).collect::<Vec<_>>().join("/")
    };
    vec![
        ("somebody who folds", fold(&decode(&cut))),
        ("somebody who folds first", decode(&fold(&cut))),
        ("somebody who decodes twice", fold(&decode(&decode(&cut)))),
        ("somebody who knows no fragment", fold(&decode(&query))),
        ("somebody who cuts parameters", fold(&parameters(&decode(&cut)))),
        ("somebody who ends at zero", fold(decode(&cut).split('\0').next().unwrap_or_default())),
        ("somebody in lower case", fold(&decode(&cut)).to_lowercase()),
    ]
}
