//! Permitted readings of an allowed request by a framework: nothing but what was decided.

use serde::Deserialize;

use crate::frameworks::fixture::{Key, Profile, STORES};
use crate::frameworks::raw::header;

/// What a framework read.
#[derive(Debug, Deserialize)]
pub struct FrameworkReading {
    /// The methods that it would run: `VERB profile tail`.
    pub routes: Vec<String>,
    /// Locations and values of stores.
    pub stores: Vec<(String, String)>,
    /// Locations and values of keys.
    pub keys: Vec<(String, String)>,
    /// Locations and values of `siteBy`.
    pub fixed: Vec<(String, String)>,
    /// The host, as its interfaces return it.
    pub hosts: Vec<String>,
    /// Headers that it treats as Latchkey's: the end of the name, and the value.
    pub ours: Vec<(String, String)>,
    /// The verb, for messages.
    pub verb: String,
    /// The path used for routing, for messages.
    pub path: String,
}

/// Latchkey's decision, from the headers of a request.
#[derive(Debug)]
pub struct Decision<'a> {
    profile: &'static Profile,
    key: &'a Key,
    store: Option<String>,
}

/// A reading that differs from the decision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Violation {
    /// Store, key, method, fixed, identity or scope.
    pub what: &'static str,
    /// Description.
    pub description: String,
}

/// Normalizes a text as the most lenient reader does.
fn lax(text: &str) -> String {
    let mut text = text.replace('+', " ");
    for _ in 0..3 {
        let mut decoded = Vec::new();
        let mut rest = text.as_bytes();
        while let [byte, tail @ ..] = rest {
            let escaped = (*byte == b'%').then(|| tail.get(..2)).flatten();
            let escaped = escaped.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
            decoded.push(escaped.unwrap_or(*byte));
            rest = if escaped.is_some() { &tail[2..] } else { tail };
        }
        text = String::from_utf8_lossy(&decoded).into_owned();
    }
    text.replace('\0', "").to_lowercase()
}

/// Returns the stores that some reader finds in a value.
fn named(value: &str) -> impl Iterator<Item = &'static str> {
    let value = lax(value);
    STORES.into_iter().filter(move |store| value.contains(store))
}

fn is_header(from: &str) -> bool {
    matches!(from, "header" | "headers" | "$_SERVER" | "getallheaders" | "bearer")
}

impl<'a> Decision<'a> {
    /// Parses the request sent by the proxy. Headers with exactly our names are Latchkey's: proxies drop a client's.
    ///
    /// # Errors
    ///
    /// It contains no key.
    pub fn from_request(raw: &[u8], profile: &'static Profile, keys: &'a [Key]) -> Result<Self, Violation> {
        let id = header(raw, "x-latchkey-key-id").unwrap_or_default();
        let key = keys.iter().find(|key| key.id == id).ok_or_else(|| Violation {
            what: "identity",
            description: format!("the request was sent on with the key id `{id}`"),
        })?;
        let store = header(raw, "x-latchkey-store").filter(|store| !store.is_empty());
        Ok(Self { profile, key, store })
    }

    /// Returns all parts of a reading that differ from the decision.
    #[must_use]
    pub fn violations(&self, reading: &FrameworkReading, keys: &[Key]) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut add = |what: &'static str, description: String| found.push(Violation { what, description });
        for (from, value) in &reading.stores {
            if self.is_governed(from, reading) {
                for store in named(value).filter(|store| !self.is_decided(store)) {
                    add("store", format!("reads the store {store} from {from}"));
                }
            }
        }
        if self.profile.name == "host" {
            for host in &reading.hosts {
                let name = host.to_ascii_lowercase();
                let name = name.trim_end_matches('.');
                if let Some(store) = STORES.into_iter().find(|store| format!("{store}.shop.test") == name)
                    && !self.is_decided(store)
                {
                    add("store", format!("takes the host for {store}'s"));
                }
            }
        }
        for (from, value) in &reading.keys {
            let other = keys.iter().find(|key| value.contains(&key.token) && key.id != self.key.id);
            let governed = match from.as_str() {
                "bearer" => self.profile.bearer,
                from => is_header(from) || self.profile.key_parameter,
            };
            if let Some(other) = other.filter(|_| governed) {
                add("key", format!("reads the key {} from {from} and not {}", other.name, self.key.name));
            }
        }
        for route in &reading.routes {
            let method = Self::method_of(route, self.profile);
            if !self.key.methods.contains(&method.as_str()) {
                add("method", format!("runs {route}"));
            }
        }
        if self.profile.fixed {
            for (from, value) in reading.fixed.iter().filter(|(_, value)| value != "code") {
                add("fixed", format!("reads siteBy={value} from {from}"));
            }
        }
        self.identity(reading, &mut add);
        self.scope(reading, &mut add);
        found
    }

    /// Returns `VERB tail` of a method of this profile; otherwise the route itself, which no key has access to.
    fn method_of(route: &str, profile: &Profile) -> String {
        let mut words = route.splitn(3, ' ');
        let (verb, name, tail) = (words.next(), words.next(), words.next());
        if name == Some(profile.name) {
            return format!("{} {}", verb.unwrap_or_default(), tail.unwrap_or_default());
        }
        route.to_owned()
    }

    fn is_decided(&self, store: &str) -> bool {
        self.key.stores.is_empty()
            || self.key.has_store(store) && self.store.as_deref().is_none_or(|decision| decision == store)
    }

    /// Returns whether the service reads that location: a name read from one kind of parameter is read from all, since
    /// frameworks merge them.
    fn is_governed(&self, from: &str, reading: &FrameworkReading) -> bool {
        let parameters = |place: &str| ["query:", "form:", "json:"].iter().any(|kind| place.starts_with(kind));
        if is_header(from) {
            self.profile.stores.contains(&"header:x-store")
        } else if from.ends_with(" order") {
            // An order has its own store when it is created.
            reading.routes.iter().any(|route| route == "POST crm /orders/create")
        } else if from.ends_with(" filter") {
            self.profile.stores.iter().any(|place| place.ends_with(":filter[sites][]"))
        } else {
            self.profile.stores.iter().any(|place| parameters(place))
        }
    }

    fn identity(&self, reading: &FrameworkReading, add: &mut impl FnMut(&'static str, String)) {
        for (name, value) in &reading.ours {
            let right = match name.as_str() {
                "key-id" => *value == self.key.id,
                "store" => Some(value.as_str()).filter(|value| !value.is_empty()) == self.store.as_deref(),
                "stores" => value.split(',').all(|store| store.is_empty() || self.key.stores.contains(&store)),
                "scope" => value == if self.key.stores.is_empty() { "all" } else { "listed" },
                _ => value.bytes().all(|byte| byte.is_ascii_digit()),
            };
            if !right {
                add("identity", format!("takes `{value}` for x-latchkey-{name}"));
            }
        }
        if !reading.ours.iter().any(|(name, value)| name == "key-id" && *value == self.key.id) {
            add("identity", "does not see the key's id".to_owned());
        }
    }

    /// Checks that a call of a service that does not apply the scope contains a store that the service finds.
    fn scope(&self, reading: &FrameworkReading, add: &mut impl FnMut(&'static str, String)) {
        if self.profile.scope_applied || self.key.stores.is_empty() || reading.routes.is_empty() {
            return;
        }
        let names = |(from, value): &(String, String)| {
            !is_header(from) && !value.is_empty() && self.key.stores.contains(&value.as_str())
        };
        if !reading.stores.iter().any(names) {
            add("scope", "finds no store, and so is not confined to one".to_owned());
        }
    }
}
