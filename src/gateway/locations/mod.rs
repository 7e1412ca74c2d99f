//! Locations of keys and stores in a request: a strict reader for each.

pub(crate) mod body;
pub(crate) mod cookies;
pub(crate) mod decode;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod multipart;
pub(crate) mod names;
pub(crate) mod parameters;

use std::borrow::Cow;
use std::collections::HashSet;

use super::fault::Fault;

/// Most distinct stores that a request may mention.
pub(crate) const MAX_STORES: usize = 1000;

/// Keys and stores found in a request.
#[derive(Default)]
pub(crate) struct Extracted<'r> {
    /// The key, decoded; the same in all locations.
    pub(crate) key: Option<Cow<'r, str>>,
    /// Keys in locations where none is expected: each must equal the key.
    stray_keys: Vec<Cow<'r, str>>,
    /// The codes of all stores that the request mentions, each once, in the order found.
    pub(crate) stores: Vec<Cow<'r, str>>,
    known: HashSet<Cow<'r, str>>,
    /// Some of them limit the call.
    pub(crate) limits_call: bool,
    /// Why some part of the request could not be inspected, if it could matter.
    pub(crate) uninspected: Option<Uninspected>,
    /// No parameter may be added to the query.
    pub(crate) query_full: bool,
    /// The query parameters that hold the key, as on the wire.
    pub(crate) key_parameters: Vec<&'r [u8]>,
}

/// What the part of a request that could not be inspected might contain. Such a request passes only for keys to which
/// it could make no difference.
#[derive(Debug)]
pub(crate) struct Uninspected {
    /// Why it could not be inspected, and what to send instead.
    pub(crate) why: Fault,
    /// A store could be named there.
    pub(crate) stores: bool,
    /// Another verb could be requested there.
    pub(crate) verb: bool,
}

impl<'r> Extracted<'r> {
    /// Adds a key. An empty one counts as none.
    pub(crate) fn add_key(&mut self, key: Cow<'r, str>) -> Result<(), Fault> {
        if key.is_empty() {
            return Ok(());
        }
        let other = self.key.replace(key);
        if other.is_some() && other != self.key { Err(Fault::KeysDiffer) } else { Ok(()) }
    }

    /// Adds a key from a location where none is expected but some framework would read it.
    pub(crate) fn add_stray_key(&mut self, key: Cow<'r, str>) {
        if !key.is_empty() && !self.stray_keys.contains(&key) && self.stray_keys.len() < 2 {
            self.stray_keys.push(key);
        }
    }

    /// Checks that all keys found are the same.
    pub(crate) fn check_single_key(&self) -> Result<(), Fault> {
        let differs = |stray: &Cow<'_, str>| self.key.as_ref().is_some_and(|key| key != stray);
        if self.stray_keys.iter().any(differs) { Err(Fault::KeysDiffer) } else { Ok(()) }
    }

    /// Adds a store; returns a fault beyond [`MAX_STORES`] distinct ones.
    pub(crate) fn add_store(&mut self, code: Cow<'r, str>, limits_call: bool) -> Result<(), Fault> {
        self.limits_call |= limits_call;
        if self.stores.last() == Some(&code) || self.known.contains(&code) {
            return Ok(());
        }
        if self.stores.len() == MAX_STORES {
            return Err(Fault::TooManyStores);
        }
        // A set only from the second store on: usually there is one.
        if self.stores.len() == 1 {
            self.known.insert(self.stores[0].clone());
        }
        if !self.stores.is_empty() {
            self.known.insert(code.clone());
        }
        self.stores.push(code);
        Ok(())
    }
}
