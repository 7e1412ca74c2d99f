//! The generator: honest requests of each key under each profile, and an attacker's modifications of them. It
//! implements the grammar of HTTP; [`crate::frameworks::attacks`] implements the differences between its readers.

use crate::frameworks::attacks;
use crate::frameworks::fixture::{Fixture, Key, PROFILES, Profile};
use crate::frameworks::random::Random;
use crate::frameworks::request::Request;

/// A request to try.
#[derive(Debug)]
pub struct Case {
    /// Its ingredients, for messages.
    pub label: String,
    /// The profile that applies to it.
    pub profile: &'static Profile,
    /// The request.
    pub request: Request,
}

/// Context of an attack.
#[derive(Debug)]
pub struct AttackContext<'a> {
    /// The profile.
    pub profile: &'static Profile,
    /// The key that the request presents.
    pub key: &'a Key,
    /// Another key.
    pub other: &'a Key,
    /// A store that the key has access to.
    pub open: &'static str,
    /// A store that it has no access to; for a key with access to all, another one than `open`.
    pub closed: &'static str,
}

/// A hand-written attack.
#[derive(Debug)]
pub struct Attack {
    /// Its kind and name.
    pub name: &'static str,
    profile: usize,
    key: usize,
    bytes: Vec<u8>,
}

/// Returns the hand-written attacks.
///
/// # Panics
///
/// When a line cannot be parsed.
#[must_use]
pub fn corpus(fixture: &Fixture) -> Vec<Attack> {
    let files = [
        include_str!("corpus/bodies.txt"),
        include_str!("corpus/multipart.txt"),
        include_str!("corpus/heads.txt"),
        include_str!("corpus/paths.txt"),
    ];
    let lines = files.into_iter().flat_map(str::lines).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut fields = line.splitn(4, " | ");
            let mut field = || fields.next().unwrap_or_else(|| panic!("four fields parted by ` | `: {line}"));
            let (name, profile, key, text) = (field(), field(), field(), field());
            let profile = PROFILES.iter().position(|known| known.name == profile).expect("a profile");
            let key = fixture.keys.iter().position(|known| known.name == key).expect("a key");
            Attack { name, profile, key, bytes: unescape(text) }
        })
        .collect()
}

impl Attack {
    /// Returns the attack as a request with the token of its key, or of another.
    #[must_use]
    pub fn case(&self, fixture: &Fixture) -> Case {
        let key = &fixture.keys[self.key];
        let other = fixture.keys.iter().find(|other| other.stores.contains(&"madrid")).expect("a key for madrid");
        let bytes = replace(&self.bytes, b"{key}", key.token.as_bytes());
        let bytes = replace(&bytes, b"{other}", other.token.as_bytes());
        Case { label: self.name.to_owned(), profile: &PROFILES[self.profile], request: Request::parse(&bytes) }
    }
}

/// Makes a request: an honest one or one of the corpus, modified up to a few times.
///
/// # Panics
///
/// When there are no keys.
#[must_use]
pub fn make(fixture: &Fixture, corpus: &[Attack], random: &mut Random) -> Case {
    let from_corpus = random.percent(20).then(|| &corpus[random.below(corpus.len())]);
    let profile = &PROFILES[from_corpus.map_or_else(|| random.below(PROFILES.len()), |attack| attack.profile)];
    let key = &fixture.keys[from_corpus.map_or_else(|| random.below(fixture.keys.len()), |attack| attack.key)];
    let context = AttackContext::new(fixture, profile, key, random);
    let mut case = match from_corpus {
        Some(attack) => attack.case(fixture),
        None => Case { label: "honest".to_owned(), profile, request: honest(&context, random) },
    };
    let changes = [0, 1, 1, 1, 1, 2, 2, 3][random.below(8)];
    for _ in 0..changes {
        let (name, change) = random.pick(&attacks::ALL);
        change(&context, random, &mut case.request);
        case.label = format!("{}, {name}", case.label);
    }
    if random.percent(8) {
        attacks::flip(random, &mut case.request);
        case.label.push_str(", bytes changed");
    }
    case
}

impl<'a> AttackContext<'a> {
    fn new(fixture: &'a Fixture, profile: &'static Profile, key: &'a Key, random: &mut Random) -> Self {
        let others: Vec<&Key> = fixture.keys.iter().filter(|other| other.id != key.id).collect();
        let open = if key.stores.is_empty() { "berlin" } else { random.pick(key.stores) };
        let closed = if key.stores.len() == 2 { "warsaw" } else { "madrid" };
        Self { profile, key, other: others[random.below(others.len())], open, closed }
    }
}

/// Makes an unmodified request.
pub fn untouched(fixture: &Fixture, random: &mut Random) -> Case {
    let profile = &PROFILES[random.below(PROFILES.len())];
    let key = &fixture.keys[random.below(fixture.keys.len())];
    let context = AttackContext::new(fixture, profile, key, random);
    Case { label: "honest".to_owned(), profile, request: honest(&context, random) }
}

/// Makes a request as an honest client sends it.
fn honest(context: &AttackContext<'_>, random: &mut Random) -> Request {
    let method = random.pick(context.key.methods);
    let (verb, tail) = method.split_once(' ').expect("VERB tail");
    let tail = tail.replace("{id}", random.pick(&["1", "17", "a-b", "x.y"]));
    let tail = tail.replace("{area}", context.profile.name).replace("{version}", "v5");
    let tail = tail.replace("{kind}", "orders").replace("{name}", random.pick(&["history", "17"]));
    let path = format!("/{}/v{}{tail}", context.profile.name, random.pick(&["5", "4"]));
    let mut request = Request { verb: verb.into(), path: path.into(), ..Request::default() };
    request.header("Host", "api.shop.test");
    let token = &context.key.token;
    match random.below(if context.profile.key_parameter { 4 } else { 2 }) {
        0 => request.header("X-Api-Key", token),
        1 if context.profile.bearer => request.header("Authorization", format!("Bearer {token}")),
        1 | 2 => request.query.push(format!("apiKey={token}").into()),
        _ if verb == "POST" => {
            request.header("Content-Type", "application/x-www-form-urlencoded");
            request.body = format!("apiKey={token}").into();
        }
        _ => request.header("X-Api-Key", token),
    }
    if random.percent(20) {
        request.query.push(random.pick(&["limit=20", "page=1", "x=%D0%BA", "filter[ids][]=1"]).into());
    }
    // If the service does not apply the scope, a store is required.
    if !context.profile.scope_applied || random.percent(70) {
        name_store(context, random, &mut request);
    }
    if random.percent(15) {
        request.header("Cookie", "session=1; theme=dark");
    }
    request
}

fn name_store(context: &AttackContext<'_>, random: &mut Random, request: &mut Request) {
    let (location, name) = random.pick(context.profile.stores).split_once(':').unwrap_or(("host", ""));
    let writes = request.verb == b"POST" || request.verb == b"PUT";
    let pair = format!("{name}={}", context.open);
    match location {
        "host" => request.replace("Host", format!("{}.shop.test", context.open)),
        "header" => request.header("X-Store", context.open),
        "json" if request.body.is_empty() && writes => {
            request.replace("Content-Type", "application/json");
            request.body = format!("{{\"site\":\"{}\"}}", context.open).into();
        }
        // PHP does not read the form of a PUT.
        "form" if request.body.is_empty() && request.verb == b"POST" => {
            request.replace("Content-Type", "application/x-www-form-urlencoded");
            request.body = pair.into();
        }
        "form" if !request.body.is_empty() => request.body.extend(format!("&{pair}").into_bytes()),
        _ => request.query.push(pair.into()),
    }
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len() + 64);
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        replaced.extend(&rest[..at]);
        replaced.extend(to);
        rest = &rest[at + from.len()..];
    }
    replaced.extend(rest);
    replaced
}

/// Decodes a line of the corpus: `\r`, `\n`, `\t`, `\\` and `\xNN` are escapes.
fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [byte, tail @ ..] = rest {
        let (written, after) = match (byte, tail) {
            (b'\\', [b'r', tail @ ..]) => (b'\r', tail),
            (b'\\', [b'n', tail @ ..]) => (b'\n', tail),
            (b'\\', [b't', tail @ ..]) => (b'\t', tail),
            (b'\\', [b'\\', tail @ ..]) => (b'\\', tail),
            (b'\\', [b'x', high, low, tail @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).expect("two hexadecimal digits");
                (u8::from_str_radix(digits, 16).expect("two hexadecimal digits"), tail)
            }
            (byte, tail) => (*byte, tail),
        };
        bytes.push(written);
        rest = after;
    }
    bytes
}
