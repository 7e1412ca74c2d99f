//! The state at a revision, rebuilt from the changes up to it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use latchkey::model::time::Timestamp;
use serde_json::Value;

use super::history::Change;
use super::record::{DecisionRequest, Verdict};
use super::token;
use crate::naive;
use crate::naive_decide::{Facts, decide};

/// Maximum number of stores that a scope lists.
const MAX_SCOPE: usize = 200;

/// Stores, methods and keys at a revision. Every new object gets a number that was never used before.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) revision: u64,
    numbers: u32,
    stores: Vec<(u32, String, bool)>,
    methods: Vec<(u32, String, bool)>,
    required: Vec<u32>,
    storeless: Vec<u32>,
    shared: Vec<u32>,
    book: Vec<naive::Method>,
    keys: HashMap<String, Key>,
}

#[derive(Debug, Default)]
struct Key {
    deleted: bool,
    revoked: bool,
    active: bool,
    stores: Option<Vec<u32>>,
    methods: Option<Vec<u32>>,
    not_before: Option<i64>,
    expires: Option<i64>,
    networks: Vec<String>,
    /// Live secrets, and until when each is valid.
    secrets: BTreeMap<String, Option<i64>>,
    /// Every secret, past and present.
    ever: HashSet<String>,
}

impl State {
    /// Applies the changes of the next revision.
    pub(super) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            self.revision = change.revision;
            match change.kind.as_str() {
                "store" => self.apply_store(change),
                "method" => self.apply_method(change),
                _ => {}
            }
        }
        if changes.iter().any(|change| change.kind == "method") {
            self.book = naive::book(&self.methods).expect("no write lets two methods clash");
        }
        // Keys refer to stores and methods as of the end of the revision.
        for change in changes.iter().filter(|change| change.kind == "key") {
            self.apply_key(change);
        }
    }

    fn next_number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    fn apply_store(&mut self, change: &Change) {
        let at = self.stores.iter().position(|(_, code, _)| *code == change.subject);
        match (&change.after, at) {
            (None, Some(at)) => drop(self.stores.remove(at)),
            (None, None) => {}
            (Some(image), Some(at)) => self.stores[at].2 = read_bool(image, "active"),
            (Some(image), None) => {
                let number = self.next_number();
                self.stores.push((number, change.subject.clone(), read_bool(image, "active")));
            }
        }
    }

    fn apply_method(&mut self, change: &Change) {
        let at = self.methods.iter().position(|(_, identity, retired)| *identity == change.subject && !retired);
        let Some(image) = &change.after else {
            if let Some(at) = at {
                self.methods[at].2 = true;
            }
            return;
        };
        let number = match at {
            Some(at) => self.methods[at].0,
            None => {
                let number = self.next_number();
                self.methods.push((number, change.subject.clone(), false));
                number
            }
        };
        for (store_use, list) in
            [("required", &mut self.required), ("none", &mut self.storeless), ("shared", &mut self.shared)]
        {
            list.retain(|other| *other != number);
            if image["store_use"] == store_use {
                list.push(number);
            }
        }
    }

    fn apply_key(&mut self, change: &Change) {
        let mut key = self.keys.remove(&change.subject).unwrap_or_default();
        if let Some(image) = &change.after {
            let secrets = image["secrets"].as_array().expect("an image of a key lists its secrets");
            let secret =
                |secret: &Value| (secret["id"].as_str().expect("an id").to_owned(), read_time(&secret["expires"]));
            key.secrets = secrets.iter().map(secret).collect();
            key.ever.extend(key.secrets.keys().cloned());
            key.revoked = !image["revoked"].is_null();
            key.active = read_bool(image, "active");
            key.not_before = read_time(&image["not_before"]);
            key.expires = read_time(&image["expires"]);
            let networks = image["networks"].as_array().expect("an image of a key lists its networks");
            key.networks = networks.iter().map(|network| network.as_str().expect("a network").to_owned()).collect();
            let numbered = |code: &String| self.stores.iter().find(|(_, other, _)| other == code).map(|found| found.0);
            key.stores = selected(&image["stores"]).map(|codes| codes.iter().filter_map(numbered).collect());
            let live = |identity: &String| {
                self.methods.iter().find(|(_, other, retired)| other == identity && !retired).map(|found| found.0)
            };
            key.methods = selected(&image["methods"]).map(|identities| identities.iter().filter_map(live).collect());
        } else {
            key.deleted = true;
        }
        self.keys.insert(change.subject.clone(), key);
    }

    /// Returns every verdict that is correct at some time from `from` to `until`: one, if nothing expires meanwhile.
    pub(super) fn verdicts(
        &self,
        request: &DecisionRequest,
        owner: Option<&(String, String)>,
        from: i64,
        until: i64,
    ) -> Vec<Verdict> {
        if let Some(reason) = token::format_error(&request.token) {
            return vec![self.verdict_without_key(reason)];
        }
        let Some((id, secret)) = owner else { return vec![self.verdict_without_key("KEY_UNKNOWN")] };
        let Some(key) = self.keys.get(id).filter(|key| key.ever.contains(secret)) else {
            return vec![self.verdict_without_key("KEY_UNKNOWN")];
        };
        let live = key.secrets.get(secret);
        let times = [key.not_before, key.expires, live.copied().flatten()];
        let turns = times.iter().flatten().filter(|time| (from..=until).contains(*time));
        let moments: Vec<i64> = [from, until].into_iter().chain(turns.flat_map(|time| [*time - 1, *time])).collect();
        let mut verdicts = Vec::new();
        for now in moments {
            let verdict = self.verdict(request, id, secret, key, times, live.is_some(), now);
            if !verdicts.contains(&verdict) {
                verdicts.push(verdict);
            }
        }
        verdicts
    }

    #[expect(clippy::too_many_arguments, reason = "what a key is at one time, and when that is")]
    fn verdict(
        &self,
        request: &DecisionRequest,
        id: &str,
        secret: &str,
        key: &Key,
        times: [Option<i64>; 3],
        live: bool,
        now: i64,
    ) -> Verdict {
        let standing = match key {
            Key { deleted: true, .. } => "deleted",
            Key { revoked: true, .. } => "revoked",
            _ if !live => "revoked",
            Key { active: true, .. } => "active",
            _ => "inactive",
        };
        let within = |network: &String| request.client.is_some_and(|client| contains(network, client));
        let call = decide(&Facts {
            standing,
            times,
            admitted: key.networks.is_empty() || key.networks.iter().any(within),
            key_stores: key.stores.as_deref(),
            key_methods: key.methods.as_deref(),
            stores: &self.stores,
            methods: &self.methods,
            book: &self.book,
            required: &self.required,
            storeless: &self.storeless,
            shared: &self.shared,
            gateway: None,
            method: &request.method,
            store: &request.store,
            further: &request.stores,
            now,
        });
        if !call.key {
            return self.verdict_without_key("KEY_UNKNOWN");
        }
        let identity = |number: &u32| {
            let found = self.methods.iter().find(|(other, ..)| other == number);
            found.expect("it was resolved among these").1.clone()
        };
        Verdict {
            allowed: call.failed.is_empty(),
            reason: call.failed.first().copied().unwrap_or("ALLOWED").to_owned(),
            failed: call.failed.iter().map(ToString::to_string).collect(),
            key: id.to_owned(),
            secret: secret.to_owned(),
            store: call.store.unwrap_or_default(),
            scope: call.scope.map(|codes| if codes.len() > MAX_SCOPE { vec!["more".to_owned()] } else { codes }),
            denied: call.denied,
            methods: call.methods.iter().map(identity).collect(),
            within_scope: call.within_scope,
            revision: self.revision,
        }
    }

    fn verdict_without_key(&self, reason: &str) -> Verdict {
        Verdict {
            reason: reason.to_owned(),
            failed: vec![reason.to_owned()],
            revision: self.revision,
            ..Verdict::default()
        }
    }
}

fn read_bool(image: &Value, field: &str) -> bool {
    image[field].as_bool().unwrap_or_else(|| panic!("an image says whether it is {field}: {image}"))
}

/// Returns microseconds since 1970; `None` if the value is empty.
fn read_time(value: &Value) -> Option<i64> {
    let text = value.as_str()?;
    Some(text.parse::<Timestamp>().expect("a time in an image").as_micros())
}

/// Returns the selection of an access; `None` means all.
fn selected(access: &Value) -> Option<Vec<String>> {
    if access == "all" {
        return None;
    }
    let members = access["selected"].as_array().expect("an access is all, or selects");
    Some(members.iter().map(|member| member.as_str().expect("a member is text").to_owned()).collect())
}

/// Returns whether a network in CIDR notation contains an address, bit by bit.
fn contains(network: &str, address: IpAddr) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let (base, length) = network.split_once('/').expect("a network is in CIDR notation");
    let base = bits(base.parse().expect("a network begins with an address"));
    let address = match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    let address = bits(address);
    let length: usize = length.parse().expect("a length");
    let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    base.len() == address.len() && (0..length).all(|at| bit(&base, at) == bit(&address, at))
}
