//! Where keys and stores are in a request: a strict reader for each place.

pub(crate) mod body;
pub(crate) mod decode;
pub(crate) mod headers;
pub(crate) mod json;
pub(crate) mod multipart;
pub(crate) mod names;
pub(crate) mod parameters;

use std::borrow::Cow;

use super::fault::Fault;

/// What was found in a request.
#[derive(Default)]
pub(crate) struct Found<'r> {
    /// The key, decoded; in all places the same.
    pub(crate) key: Option<Cow<'r, str>>,
    /// The codes of all stores that the request mentions, in the order found.
    pub(crate) stores: Vec<Cow<'r, str>>,
    /// Some of them limit the call.
    pub(crate) named: bool,
    /// There may be stores that could not be seen.
    pub(crate) unseen: bool,
    /// No parameter may be added to the query.
    pub(crate) full: bool,
    /// The query parameters that hold the key, as on the wire.
    pub(crate) key_parameters: Vec<&'r [u8]>,
}

impl<'r> Found<'r> {
    /// Takes a key found. An empty one is none.
    pub(crate) fn take_key(&mut self, key: Cow<'r, str>) -> Result<(), Fault> {
        if key.is_empty() {
            return Ok(());
        }
        match &self.key {
            Some(other) if *other != key => Err(Fault::KeysDiffer),
            Some(_) => Ok(()),
            None => {
                self.key = Some(key);
                Ok(())
            }
        }
    }

    /// Takes a store found.
    pub(crate) fn take_store(&mut self, code: Cow<'r, str>, counts: bool) {
        if !self.stores.contains(&code) {
            self.stores.push(code);
        }
        self.named |= counts;
    }
}
