//! Modifications of requests by an attacker: each function makes one, of a kind that some reader reads differently.

use std::io::Write as _;

use crate::frameworks::bodies;
use crate::frameworks::generate::AttackContext;
use crate::frameworks::random::Random;
use crate::frameworks::request::Request;
use crate::frameworks::targets;

/// One kind of change.
pub type Change = fn(&AttackContext<'_>, &mut Random, &mut Request);

/// Every kind, some twice so that they are tried more often.
pub const ALL: [(&str, Change); 24] = [
    ("query", query),
    ("query", query),
    ("form", bodies::form),
    ("form", bodies::form),
    ("JSON", bodies::json),
    ("JSON", bodies::json),
    ("multipart", bodies::multipart),
    ("multipart", bodies::multipart),
    ("content type", content_type),
    ("content type", content_type),
    ("content coding", content_coding),
    ("override header", override_header),
    ("override", override_parameter),
    ("our header", our_header),
    ("our header", our_header),
    ("store or key header", governed_header),
    ("environment header", environment_header),
    ("cookie", cookie),
    ("host", targets::host),
    ("host", targets::host),
    ("path", targets::path),
    ("path", targets::path),
    ("framing", targets::framing),
    ("verb", targets::verb),
];

/// Names that some reader treats as the store's.
const STORE_NAMES: [&str; 41] = [
    "site",
    "site",
    "site",
    "Site",
    "SITE",
    "site[]",
    "site[0]",
    "site[a]",
    "s%69te",
    "%73ite",
    "%20site",
    "+site",
    "site%00",
    "site%00x",
    "site.",
    "site%20",
    "[site]",
    "site[",
    "site]",
    "+AHM-ite",
    "_site",
    "%EF%BB%BFsite",
    "%C5%BFite",
    "si%2574e",
    "filter[sites][]",
    "filter[sites]",
    "filter[sites][0]",
    "filter[sites][a]",
    "filter.sites",
    "filter%5Bsites%5D%5B%5D",
    "filter%5bsites%5d",
    "filter[sites",
    "filter[sites]x",
    "filter[]sites",
    "filter%00[sites][]",
    "__proto__[site]",
    "constructor[prototype][site]",
    "a[__proto__][site]",
    "filter[__proto__][sites][]",
    "site;x",
    "x;site",
];
const KEY_NAMES: [&str; 8] = ["apiKey", "apikey", "api%4Bey", "apiKey[]", "api_key", "apiKey%00", "+apiKey", "apiKey;"];
const OVERRIDE_NAMES: [&str; 12] = [
    "_method",
    "_METHOD",
    "_method[]",
    "%5Fmethod",
    "_%6Dethod",
    ".method",
    "+_method",
    "_method%00",
    " _method",
    "__method",
    "method",
    "_Method",
];
const VERBS: [&str; 8] = ["DELETE", "PUT", "GET", "POST", "delete", "PATCH", "HEAD", "OPTIONS"];

/// Returns a significant name and value for queries and forms.
pub fn pair(context: &AttackContext<'_>, random: &mut Random) -> Vec<u8> {
    let (name, value) = match random.below(10) {
        0..=5 => (random.pick(&STORE_NAMES), store(context, random)),
        6 => (random.pick(&KEY_NAMES), context.other.token.clone()),
        7 => ("siteBy", random.pick(&["id", "code", "externalId"]).to_owned()),
        8 => ("order", order(context, random)),
        _ => (random.pick(&OVERRIDE_NAMES), random.pick(&VERBS).to_owned()),
    };
    format!("{name}={value}").into_bytes()
}

/// Returns the code of a store, mostly one outside the key's access.
pub fn store(context: &AttackContext<'_>, random: &mut Random) -> String {
    let code = if random.percent(75) { context.closed } else { context.open };
    match random.below(14) {
        0 => format!("%{:02X}{}", code.as_bytes()[0], &code[1..]),
        1 => format!("{code}%00"),
        2 => format!("{code}+"),
        3 => format!("{},{code}", context.open),
        4 => format!("{};site={code}", context.open),
        5 => code.to_uppercase(),
        _ => code.to_owned(),
    }
}

fn order(context: &AttackContext<'_>, random: &mut Random) -> String {
    let code = if random.percent(60) { context.closed } else { context.open };
    match random.below(5) {
        0 => format!("{{\"site\":\"{}\",\"site\":\"{code}\"}}", context.open),
        1 => format!("{{\"Site\":\"{code}\"}}"),
        2 => format!("%7B%22site%22%3A%22{code}%22%7D"),
        3 => format!("\u{feff}{{\"site\":\"{code}\"}}"),
        _ => format!("{{\"site\":\"{code}\"}}"),
    }
}

fn query(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    for _ in 0..=random.below(2) {
        let at = random.below(request.query.len() + 1);
        request.query.insert(at, pair(context, random));
    }
    if random.percent(8) {
        let extra: &[&[u8]] = &[b"", b"=", b"==", b"&", b"a;b", b"?", b"x=?site=madrid", b"{env.HOME}", b"%"];
        request.query.push(random.pick(extra).to_vec());
    }
    if random.percent(3) {
        for number in 0..random.pick(&[25, 120, 1_010]) {
            request.query.insert(0, format!("p{number}=1").into_bytes());
        }
    }
}

const TYPES: [&str; 42] = [
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-8",
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=utf-16",
    "application/json; charset=utf-7",
    "application/json; x=y",
    "application/json, text/plain",
    "application/JSON",
    "text/json",
    "application/x-json",
    "application/vnd.shop.v1+json",
    "application/vnd.api+json",
    "application/merge-patch+json",
    "application/ld+json",
    "application/problem+json",
    "application/json-patch+json",
    "image/png",
    "image/png; x=/json",
    "image/png; x=+json",
    "image/jpeg;a=application/json",
    "application/octet-stream",
    "application/octet-stream; q=/json",
    "application/pdf",
    "application/zip;/json",
    "audio/x+json",
    "video/json",
    "text/plain",
    "text/plain; charset=x/json",
    "text/xml",
    "application/xml",
    "application/jsonp",
    "application/json5",
    "application/x-ndjson",
    "application/json ",
    "application/x-www-form-urlencoded;boundary=XX",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/x-www-form-urlencoded, application/json",
    "multipart/form-data",
    "multipart/form-data; boundary=XX",
    "*/*",
    "",
];

/// Returns a content type.
pub fn any_type(random: &mut Random) -> &'static str {
    random.pick(&TYPES)
}

fn content_type(_: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    match random.below(8) {
        0 => request.remove("Content-Type"),
        1 => request.header("Content-Type", any_type(random)),
        2 => request.header(random.pick(&["Content_Type", "Content.Type", "content type"]), any_type(random)),
        3 => {
            for (name, value) in &mut request.headers {
                if name.eq_ignore_ascii_case(b"content-type") {
                    let odd = [
                        "; charset=utf-16le",
                        ";charset=iso-8859-1",
                        "; x=/json",
                        "; charset=utf-7",
                        "; boundary=YY",
                        ",text/json",
                        ";",
                        "; charset=utf-8; charset=utf-16",
                    ];
                    value.extend(random.pick(&odd).bytes());
                }
            }
        }
        _ => request.replace("Content-Type", any_type(random)),
    }
}

fn content_coding(_: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let name = random.pick(&["Content-Encoding", "Content-Encoding", "Content_Encoding", "content-encoding "]);
    let coding =
        random.pick(&["gzip", "deflate", "identity", "x-gzip", "gzip, identity", "", "br", "identity, gzip", "GZIP"]);
    request.header(name, coding);
    if coding.to_ascii_lowercase().contains("gzip") && random.percent(80) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&request.body).expect("a vector takes everything");
        request.body = encoder.finish().expect("a vector takes everything");
    } else if coding == "deflate" && random.percent(80) {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&request.body).expect("a vector takes everything");
        request.body = encoder.finish().expect("a vector takes everything");
    }
}

/// Returns a header's name with other separators, and sometimes another case.
fn folded(random: &mut Random, name: &str) -> String {
    let mark =
        random.pick(&['-', '_', '.', '_', '.', '!', '~', '*', '+', '^', '|', '`', '\'', '#', '$', '%', '&', ' ']);
    let mixed = random.percent(25);
    let write = |letter: char, random: &mut Random| match letter {
        '-' if !mixed || random.percent(50) => mark,
        other => other,
    };
    let name: String = name.chars().map(|letter| write(letter, random)).collect();
    if random.percent(20) { name.to_lowercase() } else { name }
}

fn override_header(_: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let names = [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X-Method",
        "HTTP-Method-Override",
        "X-Http-Method-Override",
    ];
    let name = random.pick(&names);
    request.header(folded(random, name), random.pick(&VERBS));
    if random.percent(40) {
        request.verb = b"POST".to_vec();
    }
}

fn override_parameter(_: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let pair = format!("{}={}", random.pick(&OVERRIDE_NAMES), random.pick(&VERBS)).into_bytes();
    if random.percent(50) || request.body.first() == Some(&b'{') {
        request.query.push(pair);
    } else {
        if request.body.is_empty() {
            request.replace("Content-Type", any_type(random));
        } else {
            request.body.push(b'&');
        }
        request.body.extend(pair);
    }
}

fn our_header(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let (name, value) = match random.below(6) {
        0 => ("X-Latchkey-Key-Id", context.other.id.clone()),
        1 => ("X-Latchkey-Stores", context.closed.to_owned()),
        2 => ("X-Latchkey-Scope", "all".to_owned()),
        3 => ("X-Latchkey-Revision", "evil".to_owned()),
        _ => ("X-Latchkey-Store", context.closed.to_owned()),
    };
    let name = folded(random, name);
    if random.percent(5) {
        request.header("Connection", format!("close, {name}"));
    }
    request.header(name, value);
}

fn governed_header(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    match random.below(4) {
        0 => request.header(folded(random, "X-Api-Key"), &context.other.token),
        1 => request.header(folded(random, "Authorization"), format!("Bearer {}", context.other.token)),
        2 => request.header(random.pick(&["HTTP-X-Store", "X-Store\t", "HTTP_X_STORE", "X--Store"]), context.closed),
        _ => request.header(folded(random, "X-Store"), context.closed),
    }
}

/// Adds a header that servers and gateway interfaces put into the environment of a request.
fn environment_header(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let names = [
        "SCRIPT_NAME",
        "Script-Name",
        "SCRIPT.NAME",
        "PATH_INFO",
        "Path-Info",
        "REQUEST_URI",
        "Request-Uri",
        "REQUEST_METHOD",
        "Request-Method",
        "QUERY_STRING",
        "Query-String",
        "X-Script-Name",
        "X-Forwarded-Prefix",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X_ORIGINAL_URL",
        "X.Rewrite.Url",
        "X-Forwarded-Path",
        "Unencoded-Url",
        "IIS-WasUrlRewritten",
        "HTTP_HOST",
        "X-Forwarded-Host",
        "X_Forwarded_Host",
        "X.Forwarded.Host",
        "X-Host",
        "Forwarded",
        "X-Forwarded-Server",
        "Proxy",
        "Redirect-Url",
        "Orig-Path-Info",
        "X-Forwarded-Uri",
        "SERVER_NAME",
        "RAW_URI",
        "X-Sendfile-Type",
        "X-Envoy-Original-Path",
        "X-Envoy-Original-Method",
        "X-Original-Method",
        "X-Forwarded-Method",
    ];
    let name = random.pick(&names);
    let profile = context.profile.name;
    let value = match random.below(10) {
        8 | 9 => format!("/{profile}/v5/files"),
        0 => format!("/{profile}/v5/orders/history"),
        1 => format!("/{profile}/v5/orders"),
        2 => format!("/{profile}"),
        3 => "/orders".to_owned(),
        4 => format!("{}.shop.test", context.closed),
        5 => format!("host={}.shop.test", context.closed),
        6 => "DELETE".to_owned(),
        _ => format!("site={}", context.closed),
    };
    request.header(name, value);
}

fn cookie(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let pair = String::from_utf8_lossy(&pair(context, random)).into_owned();
    let cookie = match random.below(4) {
        0 => format!("a=1; {pair}"),
        1 => format!("{pair}; b=2"),
        2 => format!("a=\"1; {pair}\""),
        _ => pair,
    };
    request.header(random.pick(&["Cookie", "Cookie", "Cookie", "cookie", "Cookie_", "Cookie2"]), cookie);
}

/// Changes a few bytes somewhere.
pub fn flip(random: &mut Random, request: &mut Request) {
    const BITS: [&[u8]; 26] = [
        b"%00",
        b"%20",
        b"+",
        b"[]",
        b"[",
        b"]",
        b".",
        b";",
        b"&",
        b"=",
        b"%25",
        b"\t",
        b"\x0b",
        b"\"",
        b"{",
        b"}",
        b",",
        b"_",
        b"-",
        b"/",
        b"\\",
        b"%2e",
        b"..",
        b"\xef\xbb\xbf",
        b"\xc0\xaf",
        b"\x80",
    ];
    let in_body = !request.body.is_empty() && random.percent(50);
    let headers = request.headers.len();
    let text = if in_body {
        &mut request.body
    } else if random.percent(30) && !request.query.is_empty() {
        let at = random.below(request.query.len());
        &mut request.query[at]
    } else if random.percent(50) && headers > 0 {
        let at = random.below(headers);
        if random.percent(30) { &mut request.headers[at].0 } else { &mut request.headers[at].1 }
    } else {
        &mut request.path
    };
    let at = random.below(text.len() + 1);
    match random.below(4) {
        0 if at < text.len() => drop(text.remove(at)),
        1 if at < text.len() => text[at] ^= 0x20,
        2 if at < text.len() => drop(text.splice(at..=at, format!("%{:02x}", text[at]).into_bytes())),
        _ => drop(text.splice(at..at, random.pick(&BITS).iter().copied())),
    }
}
