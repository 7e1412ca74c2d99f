//! Random books and requests, in two kinds: small alphabets with many collisions, and the real book's paths, mutated.

/// SplitMix64: small, random enough, and the same on all platforms.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 up to, not including, `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a bound is small");
        usize::try_from(self.next() % bound).expect("less than the bound")
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

/// A book of methods `(number, "VERB pattern", retired)`.
pub type Methods = Vec<(u32, String, bool)>;

/// Returns the shape, independent of parameter names.
fn shape(method: &str) -> String {
    let erased: Vec<&str> = method.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect();
    erased.join("/")
}

/// Numbers the methods, retires some, and, unless `clashes` is true, removes conflicting ones.
fn finish(random: &mut Random, written: Vec<String>, clashes: bool) -> Methods {
    let mut methods: Methods = Vec::new();
    for (number, text) in (1..).zip(written) {
        let retired = random.percent(20);
        let clash = methods.iter().any(|(_, other, other_retired)| !other_retired && shape(other) == shape(&text));
        if clashes || retired || !clash {
            methods.push((number, text, retired));
        }
    }
    // The order must not matter.
    for at in (1..methods.len()).rev() {
        let other = random.below(at + 1);
        methods.swap(at, other);
    }
    methods
}

const PARTS: [&str; 17] =
    ["a", "a", "A", "b", "a1", "a.b", "+a", "aB", "a*", "a1*", "A*", "b*", "{x}", "{x}", "{x}", "**", "**"];

const VALUES: [&str; 44] = [
    "a", "a", "a", "b", "b", "A", "B", "a1", "a1", "A1", "a12", "A12", "b1", "a.b", "A.B", "a.x", "a.b.c", "a%20",
    "%20a", "%20%20A1", "%61", "%41", "a+", "+a", "+A", "a1.b", "a1%2Eb", "a1b", "aB", "ab", "a%3Bx", "a%C2%A0",
    "a%25", "a1%3F", "1", "%D0%B7", "з", "a b", "%2b%61", "a%2Cb", "-", "...", "a%23", "A%2e",
];

const FAULTS: [&str; 16] =
    ["", ".", "..", "%2e", "%2E.", "a;b", "%2f", "%5C", "\\", "%", "%z1", "%00", "\u{1}", "%FF", "%D0", "%7f"];

/// Draws a book over a small alphabet.
pub fn small_book(random: &mut Random) -> Methods {
    let count = random.below(14);
    let mut written = Vec::new();
    for _ in 0..count {
        let depth = random.below(5);
        let mut pattern = random.pick(&["GET ", "GET ", "POST ", "HEAD "]).to_owned();
        if depth == 0 {
            pattern.push('/');
        }
        for at in 0..depth {
            let mut part = random.pick(&PARTS);
            while part == "**" && at + 1 < depth {
                part = random.pick(&PARTS);
            }
            let name = format!("{{{}{at}}}", random.pick(&["x", "y"]));
            pattern = pattern + "/" + if part == "{x}" { &name } else { part };
        }
        written.push(pattern);
    }
    let clashes = random.percent(10);
    finish(random, written, clashes)
}

/// Draws a path over a small alphabet, half of them matching a method of the book.
pub fn small_path(random: &mut Random, methods: &Methods) -> String {
    let mut path = String::new();
    if methods.is_empty() || random.percent(50) {
        for _ in 0..random.below(6) {
            let values: &[&str] = if random.percent(3) { &FAULTS } else { &VALUES };
            path = path + "/" + random.pick(values);
        }
    } else {
        let method = &methods[random.below(methods.len())].1;
        for part in method.split('/').skip(1) {
            path.push('/');
            let segment = match part {
                _ if random.percent(15) => random.pick(&VALUES).to_owned(),
                "**" => format!("{}/{}", random.pick(&VALUES), random.pick(&VALUES)),
                _ if part.starts_with('{') => random.pick(&VALUES).to_owned(),
                _ => part.replace('*', random.pick(&["1", "2", "12"])),
            };
            path += &segment;
            if random.percent(5) {
                path += random.pick(&[".b", "%20", ".", "+", "1"]);
            }
        }
    }
    if path.is_empty() && random.percent(90) {
        path.push('/');
    }
    if random.percent(5) {
        path += random.pick(&["?", "?a=/../", "#", "#?", "?\\%"]);
    }
    path
}

/// Draws a verb, or `None`.
pub fn verb(random: &mut Random) -> Option<&'static str> {
    random.pick(&[Some("GET"), Some("GET"), Some("POST"), Some("HEAD"), None, None])
}

const OTHERS: [&str; 10] = [
    "GET /**",
    "GET /api/**",
    "POST /api/v*/orders/**",
    "GET /api/v5/orders/history",
    "GET /api/v5/orders/{id}",
    "GET /api/v1*/orders/{id}",
    "GET /api/{version}/orders/{id}",
    "HEAD /api/v*/orders/{id}",
    "HEAD /api/v*/customers/history",
    "DELETE /api/v*/orders/{id}",
];

/// Returns all of the real book or some of it, sometimes with methods like those of other books.
pub fn real_book(random: &mut Random, real: &[&str]) -> Methods {
    let mut written: Vec<String> = if random.percent(10) {
        real.iter().map(|method| (*method).to_owned()).collect()
    } else {
        (0..5 + random.below(40)).map(|_| random.pick(real).to_owned()).collect()
    };
    for other in OTHERS {
        if random.percent(15) {
            written.push(other.to_owned());
        }
    }
    finish(random, written, false)
}

const WORDS: [&str; 24] = [
    "1043",
    "A-17",
    "a.b",
    "history",
    "History",
    "history.json",
    "notes",
    "create",
    "Create",
    "packs",
    "PACKS",
    "statuses",
    "dictionaries",
    "setting",
    "upload",
    "operations",
    "combine",
    "edit",
    "%D0%B7",
    "a%20b",
    "a%2Fb",
    "..",
    "v5",
    "x+y",
];

/// Draws a path of the real book, mostly of one of `methods`, fills in parameters, then mutates it up to 3 times.
pub fn real_path(random: &mut Random, methods: &Methods, real: &[&str]) -> String {
    let method = if random.percent(60) { &methods[random.below(methods.len())].1 } else { random.pick(real) };
    let pattern = method.split_once(' ').expect("a verb and a pattern").1;
    let mut path = String::new();
    for part in pattern.split('/').skip(1) {
        path.push('/');
        if part.starts_with('{') || part == "**" {
            path += random.pick(&WORDS);
        } else if part == "v*" {
            path += random.pick(&["v5", "v5", "v4", "v12", "V5", "v", "v5.1"]);
        } else {
            path += &part.replace('*', "2");
        }
    }
    for _ in 0..random.below(4) {
        path = mutate(random, path);
    }
    path
}

fn mutate(random: &mut Random, path: String) -> String {
    let at = loop {
        let at = random.below(path.len() + 1);
        if path.is_char_boundary(at) {
            break at;
        }
    };
    let (before, behind) = path.split_at(at);
    let next = behind.chars().next();
    match (random.below(9), next) {
        // Letter case.
        (0, Some(next)) if next.is_ascii_lowercase() => {
            format!("{before}{}{}", next.to_ascii_uppercase(), &behind[1..])
        }
        // An equivalent escape, or another one.
        (1, Some(next)) if next.is_ascii_alphanumeric() => format!("{before}%{:02x}{}", u32::from(next), &behind[1..]),
        (2, Some(next)) => format!("{before}{}", &behind[next.len_utf8()..]),
        (3, _) => {
            let inserted = random.pick(&[
                "/", ".", "%20", "+", ";", "%", "%2F", "\\", "?", "#", "%00", "a", "1", "з", "%25", "%C2%A0", "..",
            ]);
            format!("{before}{inserted}{behind}")
        }
        // A segment added, removed or replaced.
        (4, _) => format!("{path}/{}", random.pick(&WORDS)),
        (5, _) => path.rsplit_once('/').map_or_else(String::new, |(head, _)| head.to_owned()),
        (6, _) => {
            let mut parts: Vec<&str> = path.split('/').collect();
            let at = random.below(parts.len());
            parts[at] = random.pick(&WORDS);
            parts.join("/")
        }
        (7, _) => path.clone() + random.pick(&[".json", ".", "%20", "?site=main", "#f", "/", "%2ejson", "+1"]),
        _ => path,
    }
}
