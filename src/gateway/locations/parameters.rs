//! Parameters: pairs of a query or an urlencoded form, fields of a multipart form, and the members of a JSON object,
//! which frameworks pass to a service under the same names.

use std::borrow::Cow;

use super::body::may_be_json;
use super::json::{self, Json};
use super::names::{NameMatch, WrittenName};
use super::{Extracted, decode, multipart};
use crate::gateway::fault::Fault;
use crate::gateway::plan::{GovernedParameter, ParameterUse};
use crate::gateway::request::split_once;
use crate::model::method::StoreLocation;
use crate::model::pattern::Verb;

/// PHP and others ignore further parameters. Express counts those that are empty.
const MAX_PARAMETERS: usize = 1000;
/// Longest name, in bytes, that could be read as one that matters, however it is escaped.
const MAX_NAME: usize = 4096;

/// Where parameters are read, and whether they limit the call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Location {
    kind: StoreLocation,
    /// Every framework reads them there, so a store named there limits the call.
    limits_call: bool,
    /// The method's entry may override `limits_call`: it may declare that its service reads them there.
    limits_call_if_own: bool,
}

/// A reader of parameters.
pub(crate) struct Parameters<'p, 'r, 'f> {
    governed: &'p [GovernedParameter],
    location: Location,
    extracted: &'f mut Extracted<'r>,
    /// The occurrences of each governed one, and whether a parent of it occurred.
    seen: Vec<(usize, bool)>,
    count: usize,
}

enum ParameterValue<'r, 'j> {
    /// Percent-encoded bytes.
    Encoded(&'r [u8]),
    /// Bytes as they are.
    Bytes(&'r [u8]),
    /// A member of a JSON object.
    Json(&'j Json<'r>),
    /// A file, or a field that some services treat as one.
    File,
}

impl Location {
    /// The query, which every service reads.
    pub(crate) const QUERY: Self = Self { kind: StoreLocation::Query, limits_call: true, limits_call_if_own: true };

    /// Returns the location of a form; `sized` if its length is given. PHP reads forms of POST alone; the method's
    /// entry may declare that its service reads them, and may do so for other verbs.
    pub(crate) fn form(verb: Option<Verb>, sized: bool) -> Self {
        let limits_call_if_own = sized && !matches!(verb, None | Some(Verb::GET | Verb::HEAD));
        Self { kind: StoreLocation::Form, limits_call: sized && verb == Some(Verb::POST), limits_call_if_own }
    }

    /// Returns the location of JSON; `plain` if its type is JSON and its length is given.
    pub(crate) fn json(verb: Option<Verb>, plain: bool) -> Self {
        let limits_call_if_own = plain && !matches!(verb, None | Some(Verb::GET | Verb::HEAD));
        let limits_call = plain && matches!(verb, Some(Verb::POST | Verb::PUT | Verb::PATCH));
        Self { kind: StoreLocation::Json, limits_call, limits_call_if_own }
    }

    /// Returns whether a store found here by this use limits the call.
    pub(crate) fn limits_call_by(self, used: &ParameterUse) -> bool {
        let ParameterUse::Store { location, limits_call, own, .. } = used else { return false };
        *limits_call && *location == self.kind && self.limits_call(*own)
    }

    /// Returns whether stores found here limit the call, given whether the method's `own` entry declares this.
    pub(crate) const fn limits_call(self, own: bool) -> bool {
        self.limits_call || own && self.limits_call_if_own
    }

    const fn label(self) -> &'static str {
        match self.kind {
            StoreLocation::Form => "form",
            StoreLocation::Json => "JSON",
            _ => "query",
        }
    }
}

/// Returns whether a service that reads bodies of any type as urlencoded forms, as Bottle does, would find a parameter
/// that matters in `body`.
pub(crate) fn is_form_to_some(body: &[u8], governed: &[GovernedParameter]) -> bool {
    body.split(|byte| matches!(byte, b'&' | b';')).any(|pair| {
        let (name, value) = split_once(pair, b'=');
        // In files, anything may stand between these bytes; in JSON, names have quotes, which no service removes.
        if name.len() + value.len() == pair.len() || name.len() > MAX_NAME || name.contains(&b'"') {
            return false;
        }
        let written = WrittenName::new(name, true);
        governed.iter().any(|one| matches!(one.name.compare(&written), NameMatch::Exact | NameMatch::Loose))
    })
}

impl<'p, 'r, 'f> Parameters<'p, 'r, 'f> {
    pub(crate) fn new(governed: &'p [GovernedParameter], location: Location, extracted: &'f mut Extracted<'r>) -> Self {
        Self { governed, location, extracted, seen: vec![(0, false); governed.len()], count: 0 }
    }

    /// Reads a query or an urlencoded form.
    pub(crate) fn urlencoded(mut self, text: &'r [u8]) -> Result<(), Fault> {
        for pair in text.split(|byte| *byte == b'&') {
            if pair.is_empty() {
                self.count += 1;
                continue;
            }
            let (name, value) = split_once(pair, b'=');
            // Some services also split at a semicolon; in a value it truncates: the rest is neither a store nor a key.
            let first = usize::from(!name.contains(&b';'));
            for other in pair.split(|byte| *byte == b';').skip(first) {
                let (name, _) = split_once(other, b'=');
                self.refuse(&WrittenName::new(name, true))?;
            }
            self.read_parameter(&WrittenName::new(name, true), name, &ParameterValue::Encoded(value))?;
        }
        self.finish()
    }

    pub(crate) fn multipart(mut self, body: &'r [u8], boundary: &[u8]) -> Result<(), Fault> {
        multipart::read(body, boundary, |part| {
            // Some services use this field's value as the encoding of all others.
            if part.name.eq_ignore_ascii_case(b"_charset_") {
                return Err(Fault::Multipart("a part is not valid UTF-8"));
            }
            let value = if part.plain { ParameterValue::Bytes(part.value) } else { ParameterValue::File };
            self.read_parameter(&WrittenName::new(part.name, false), part.name, &value).map(drop)
        })?;
        self.finish()
    }

    /// Reads the members of a JSON value. A value that is not an object has none; it is a fault if the method's entry
    /// declares that one names the store.
    pub(crate) fn json(mut self, json: &Json<'r>) -> Result<(), Fault> {
        match json {
            Json::Object(members) => members.iter().try_for_each(|(name, value)| self.read_member(name, value)),
            Json::Null => Ok(()),
            Json::Array(_) | Json::Other | Json::Text(_) => {
                let is_own = |used: &ParameterUse| {
                    matches!(used, ParameterUse::Store { location: StoreLocation::Json, own: true, .. })
                };
                let missed = self.governed.iter().find(|governed| governed.uses.iter().any(is_own));
                missed.map_or(Ok(()), |governed| Err(Fault::NotACode(name_of(governed))))
            }
        }
    }

    /// Refuses a name that is not allowed here.
    fn refuse(&self, written: &WrittenName<'_>) -> Result<(), Fault> {
        let hit = self.governed.iter().find(|one| one.name.compare(written) != NameMatch::Other);
        hit.map_or(Ok(()), |one| Err(self.misspelt(written, one)))
    }

    fn misspelt(&self, written: &WrittenName<'_>, governed: &GovernedParameter) -> Fault {
        if governed.uses.contains(&ParameterUse::Override) {
            return Fault::OverrideParameter(written.printable());
        }
        Fault::Spelling { found: self.named(&written.printable()), expected: name_of(governed) }
    }

    /// Returns what messages call a parameter.
    fn named(&self, name: &str) -> String {
        format!("{} parameter {name}", self.location.label())
    }

    /// Reads a member of a JSON object. `name` is written as a parameter is: `filter[sites]` for a nested member.
    fn read_member(&mut self, name: &str, value: &Json<'r>) -> Result<(), Fault> {
        let written = WrittenName::new(name.as_bytes(), false);
        let is_parent = self.read_parameter(&written, b"", &ParameterValue::Json(value))?;
        if let (true, Json::Object(members)) = (is_parent, value) {
            for (inner, value) in members {
                self.read_member(&format!("{name}[{inner}]"), value)?;
            }
        }
        Ok(())
    }

    /// Reads a parameter. Returns whether it is a parent of one that matters.
    fn read_parameter(
        &mut self,
        written: &WrittenName<'_>,
        raw: &'r [u8],
        value: &ParameterValue<'r, '_>,
    ) -> Result<bool, Fault> {
        self.count += 1;
        if written.inherits() {
            return Err(Fault::Inherits(self.named(&written.printable())));
        }
        let mut is_parent = false;
        for (at, governed) in self.governed.iter().enumerate() {
            match governed.name.compare(written) {
                NameMatch::Other => {}
                NameMatch::Parent => {
                    self.seen[at].1 = true;
                    is_parent = true;
                }
                NameMatch::Loose => return Err(self.misspelt(written, governed)),
                NameMatch::Exact => {
                    self.seen[at].0 += 1;
                    if self.count > MAX_PARAMETERS && self.location.kind != StoreLocation::Json {
                        return Err(Fault::TooMany(self.location.label(), MAX_PARAMETERS));
                    }
                    if self.seen[at].0 > 1 && !governed.name.repeated {
                        return Err(Fault::Repeated(self.named(governed.name.as_str())));
                    }
                    self.read_value(governed, written, raw, value)?;
                }
            }
        }
        Ok(is_parent)
    }

    fn read_value(
        &mut self,
        governed: &GovernedParameter,
        written: &WrittenName<'_>,
        raw: &'r [u8],
        value: &ParameterValue<'r, '_>,
    ) -> Result<(), Fault> {
        if governed.uses.contains(&ParameterUse::Override) {
            return Err(Fault::OverrideParameter(written.printable()));
        }
        let text = match value {
            ParameterValue::Encoded(bytes) => decode::value(bytes),
            ParameterValue::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            ParameterValue::File => None,
            ParameterValue::Json(json) => return self.use_value(governed, raw, json),
        };
        let text = text.ok_or_else(|| Fault::Undecodable(self.named(governed.name.as_str())))?;
        self.use_value(governed, raw, &Json::Text(text))
    }

    /// Uses a decoded value: one of a query or a form is text.
    fn use_value(&mut self, governed: &GovernedParameter, raw: &'r [u8], value: &Json<'r>) -> Result<(), Fault> {
        let here = self.location.kind;
        let not_a_code = || Fault::NotACode(name_of(governed));
        for used in &governed.uses {
            let limits_call = self.location.limits_call_by(used);
            match (used, value) {
                (ParameterUse::Key(_), Json::Null) | (ParameterUse::Override, _) => {}
                (ParameterUse::Key(location), Json::Text(key)) => {
                    if *location == here {
                        self.extracted.add_key(key.clone())?;
                    } else {
                        self.extracted.add_stray_key(key.clone());
                    }
                    if here == StoreLocation::Query && !self.extracted.key_parameters.contains(&raw) {
                        self.extracted.key_parameters.push(raw);
                    }
                }
                (ParameterUse::Key(_), _) => return Err(Fault::KeyNotText(name_of(governed))),
                (ParameterUse::Fixed(only), Json::Text(text)) if **only == **text => {}
                (ParameterUse::Fixed(only), _) => {
                    return Err(Fault::Fixed { name: name_of(governed), value: only.to_string() });
                }
                (ParameterUse::Store { .. }, _) if self.is_skipped(governed, used) => {}
                (ParameterUse::Store { steps, .. }, value) if steps.is_empty() => match value {
                    Json::Null => {}
                    Json::Text(code) => self.extracted.add_store(code.clone(), limits_call)?,
                    Json::Array(items) if governed.name.repeated => {
                        for item in items {
                            let Json::Text(code) = item else { return Err(not_a_code()) };
                            self.extracted.add_store(code.clone(), limits_call)?;
                        }
                    }
                    Json::Array(_) | Json::Object(_) | Json::Other => return Err(not_a_code()),
                },
                // Where no service expects JSON, text that is not JSON holds no store.
                (ParameterUse::Store { location, .. }, value)
                    if *location != here
                        && match value {
                            Json::Text(text) => !may_be_json(text.as_bytes()),
                            Json::Other | Json::Null => true,
                            Json::Array(_) | Json::Object(_) => false,
                        } => {}
                (ParameterUse::Store { steps, .. }, value) => {
                    json::add_stores(value, steps, governed.name.as_str(), limits_call, self.extracted)?;
                }
            }
        }
        Ok(())
    }

    /// Returns whether another use of the parameter reads the same here, or the parameter holds something else here.
    fn is_skipped(&self, governed: &GovernedParameter, used: &ParameterUse) -> bool {
        let ParameterUse::Store { location: of, steps, .. } = used else { return false };
        let here = self.location.kind;
        let is_read = |other: &ParameterUse| match other {
            ParameterUse::Store { location, steps: same, .. } => *location == here && same == steps,
            _ => false,
        };
        *of != here && (governed.excepted.contains(&here) || governed.uses.iter().any(is_read))
    }

    fn finish(self) -> Result<(), Fault> {
        for (governed, (times, is_parent)) in self.governed.iter().zip(&self.seen) {
            if *is_parent && *times > 0 {
                return Err(Fault::Overlapping(self.named(governed.name.as_str())));
            }
            // An added parameter could be lost after it.
            self.extracted.query_full |= *is_parent;
        }
        self.extracted.query_full |= self.count >= MAX_PARAMETERS / 2;
        Ok(())
    }
}

fn name_of(governed: &GovernedParameter) -> String {
    governed.name.as_str().to_owned()
}
