//! Parameters: pairs of a query or an urlencoded form, fields of a multipart form, and the members of a JSON object,
//! which frameworks pass to a service under the same names.

use std::borrow::Cow;

use super::body::may_be_json;
use super::json::{self, Codes, Json};
use super::names::{Reading, Written};
use super::{Found, decode, multipart};
use crate::gateway::fault::Fault;
use crate::gateway::plan::{Governed, Use};
use crate::model::method::StoreLocation;
use crate::model::pattern::Verb;

/// PHP and others ignore further parameters. Express counts those that are empty.
const MAX: usize = 1000;
/// Longest name, in bytes, that could be read as one that matters, however it is escaped.
const MAX_NAME: usize = 4096;

/// Where parameters are read, and whether they limit the call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Location {
    of: StoreLocation,
    /// Every framework reads them there, so a store named there limits the call.
    counts: bool,
    /// The method's entry may override `counts`: it may declare that its service reads them there.
    counts_if_own: bool,
}

/// Parameters while they are read.
pub(crate) struct Parameters<'p, 'r, 'f> {
    governed: &'p [Governed],
    location: Location,
    found: &'f mut Found<'r>,
    /// The occurrences of each governed one, and whether a parent of it occurred.
    seen: Vec<(usize, bool)>,
    count: usize,
}

/// The value of a parameter.
enum Value<'r, 'j> {
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
    pub(crate) const QUERY: Self = Self { of: StoreLocation::Query, counts: true, counts_if_own: true };

    /// Returns the location of a form; `sized` if its length is given. PHP reads forms of POST alone; the method's
    /// entry may declare that its service reads them, and may do so for other verbs.
    pub(crate) fn form(verb: Option<Verb>, sized: bool) -> Self {
        let counts_if_own = sized && !matches!(verb, None | Some(Verb::GET | Verb::HEAD));
        Self { of: StoreLocation::Form, counts: sized && verb == Some(Verb::POST), counts_if_own }
    }

    /// Returns the location of JSON; `plain` if its type is JSON and its length is given.
    pub(crate) fn json(verb: Option<Verb>, plain: bool) -> Self {
        let counts_if_own = plain && !matches!(verb, None | Some(Verb::GET | Verb::HEAD));
        let counts = plain && matches!(verb, Some(Verb::POST | Verb::PUT | Verb::PATCH));
        Self { of: StoreLocation::Json, counts, counts_if_own }
    }

    /// Returns whether a store found here by this use limits the call.
    pub(crate) fn counts(self, used: &Use) -> bool {
        let Use::Store { location, counts, own, .. } = used else { return false };
        *counts && *location == self.of && self.limits(*own)
    }

    /// Returns whether stores found here limit the call, given whether the method's `own` entry declares this.
    pub(crate) const fn limits(self, own: bool) -> bool {
        self.counts || own && self.counts_if_own
    }

    /// Returns the name of the location, for people.
    const fn told(self) -> &'static str {
        match self.of {
            StoreLocation::Form => "form",
            StoreLocation::Json => "JSON",
            _ => "query",
        }
    }
}

/// Reads a query or an urlencoded form.
pub(crate) fn urlencoded<'r>(
    text: &'r [u8],
    location: Location,
    governed: &[Governed],
    found: &mut Found<'r>,
) -> Result<(), Fault> {
    let mut parameters = Parameters::new(governed, location, found);
    for pair in text.split(|byte| *byte == b'&') {
        if pair.is_empty() {
            parameters.count += 1;
            continue;
        }
        let (name, value) = halves(pair);
        // Some services also split at a semicolon; in a value it truncates: the rest is neither a store nor a key.
        let first = usize::from(!name.contains(&b';'));
        for other in pair.split(|byte| *byte == b';').skip(first) {
            let (name, _) = halves(other);
            parameters.refuse(&Written::new(name, true))?;
        }
        parameters.take(&Written::new(name, true), name, &Value::Encoded(value))?;
    }
    parameters.finish()
}

/// Returns whether a service that reads bodies of any type as urlencoded forms, as Bottle does, would find a parameter
/// that matters in `body`.
pub(crate) fn is_form_to_some(body: &[u8], governed: &[Governed]) -> bool {
    body.split(|byte| matches!(byte, b'&' | b';')).any(|pair| {
        let (name, value) = halves(pair);
        // In files, anything may stand between these bytes; in JSON, names have quotes, which no service removes.
        if name.len() + value.len() == pair.len() || name.len() > MAX_NAME || name.contains(&b'"') {
            return false;
        }
        let written = Written::new(name, true);
        governed.iter().any(|one| matches!(one.name.read(&written), Reading::Exact | Reading::Loose))
    })
}

/// Reads a multipart form.
pub(crate) fn multipart<'r>(
    body: &'r [u8],
    boundary: &[u8],
    location: Location,
    governed: &[Governed],
    found: &mut Found<'r>,
) -> Result<(), Fault> {
    let mut parameters = Parameters::new(governed, location, found);
    multipart::read(body, boundary, |part| {
        // Some services use this field's value as the encoding of all others.
        if part.name.eq_ignore_ascii_case(b"_charset_") {
            return Err(Fault::Multipart("a part is not valid UTF-8"));
        }
        let value = if part.plain { Value::Bytes(part.value) } else { Value::File };
        parameters.take(&Written::new(part.name, false), part.name, &value).map(drop)
    })?;
    parameters.finish()
}

/// Reads the members of a JSON value. A value that is not an object has none; it is a fault if the method's entry
/// declares that one names the store.
pub(crate) fn json<'r>(
    json: &Json<'r>,
    location: Location,
    governed: &[Governed],
    found: &mut Found<'r>,
) -> Result<(), Fault> {
    let members = match json {
        Json::Object(members) => members,
        Json::Null => return Ok(()),
        Json::Array(_) | Json::Other | Json::Text(_) => {
            let is_own = |used: &Use| matches!(used, Use::Store { location: StoreLocation::Json, own: true, .. });
            let missed = governed.iter().find(|governed| governed.uses.iter().any(is_own));
            return missed.map_or(Ok(()), |governed| Err(Fault::NotACode(told(governed))));
        }
    };
    let mut parameters = Parameters::new(governed, location, found);
    for (name, value) in members {
        parameters.member(name, value)?;
    }
    Ok(())
}

fn halves(pair: &[u8]) -> (&[u8], &[u8]) {
    pair.iter().position(|byte| *byte == b'=').map_or((pair, &[]), |at| (&pair[..at], &pair[at + 1..]))
}

impl<'p, 'r, 'f> Parameters<'p, 'r, 'f> {
    fn new(governed: &'p [Governed], location: Location, found: &'f mut Found<'r>) -> Self {
        Self { governed, location, found, seen: vec![(0, false); governed.len()], count: 0 }
    }

    /// Refuses a name that is not allowed here.
    fn refuse(&self, written: &Written<'_>) -> Result<(), Fault> {
        let governed = self.governed.iter();
        let hit = governed.map(|one| (one, one.name.read(written))).find(|(_, reading)| *reading != Reading::Other);
        hit.map_or(Ok(()), |(one, _)| Err(self.misspelt(written, one)))
    }

    fn misspelt(&self, written: &Written<'_>, governed: &Governed) -> Fault {
        if governed.uses.contains(&Use::Override) {
            return Fault::OverrideParameter(written.told());
        }
        Fault::Spelling {
            location: self.location.told(),
            found: written.told(),
            expected: governed.name.as_str().to_owned(),
        }
    }

    /// Reads a member of a JSON object. `name` is written as a parameter is: `filter[sites]` for a nested member.
    fn member(&mut self, name: &str, value: &Json<'r>) -> Result<(), Fault> {
        let written = Written::new(name.as_bytes(), false);
        let above = self.take(&written, b"", &Value::Json(value))?;
        if let (true, Json::Object(members)) = (above, value) {
            for (inner, value) in members {
                self.member(&format!("{name}[{inner}]"), value)?;
            }
        }
        Ok(())
    }

    /// Reads a parameter. Returns whether it is a parent of one that matters.
    fn take(&mut self, written: &Written<'_>, raw: &'r [u8], value: &Value<'r, '_>) -> Result<bool, Fault> {
        self.count += 1;
        if written.inherits() {
            return Err(Fault::Inherits { location: self.location.told(), name: written.told() });
        }
        let mut above = false;
        for (at, governed) in self.governed.iter().enumerate() {
            match governed.name.read(written) {
                Reading::Other => {}
                Reading::Above => {
                    self.seen[at].1 = true;
                    above = true;
                }
                Reading::Loose => return Err(self.misspelt(written, governed)),
                Reading::Exact => {
                    self.seen[at].0 += 1;
                    if self.count > MAX && self.location.of != StoreLocation::Json {
                        return Err(Fault::TooMany(self.location.told()));
                    }
                    if self.seen[at].0 > 1 && !governed.name.repeated() {
                        return Err(Fault::Repeated { location: self.location.told(), name: told(governed) });
                    }
                    self.read(governed, written, raw, value)?;
                }
            }
        }
        Ok(above)
    }

    fn read(
        &mut self,
        governed: &Governed,
        written: &Written<'_>,
        raw: &'r [u8],
        value: &Value<'r, '_>,
    ) -> Result<(), Fault> {
        if governed.uses.contains(&Use::Override) {
            return Err(Fault::OverrideParameter(written.told()));
        }
        let text = match value {
            Value::Encoded(bytes) => decode::value(bytes),
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Value::File => None,
            Value::Json(json) => return self.read_json(governed, json),
        };
        let undecodable = || Fault::Undecodable { location: self.location.told(), name: told(governed) };
        let text = text.ok_or_else(undecodable)?;
        for used in &governed.uses {
            match used {
                Use::Key(location) => {
                    self.take_key(*location, text.clone())?;
                    if self.location.of == StoreLocation::Query && !self.found.key_parameters.contains(&raw) {
                        self.found.key_parameters.push(raw);
                    }
                }
                Use::Fixed(only) if **only != *text => {
                    return Err(Fault::Fixed { name: told(governed), value: only.to_string() });
                }
                Use::Fixed(_) | Use::Override => {}
                Use::Store { .. } if self.is_passed_over(governed, used) => {}
                Use::Store { steps, .. } if steps.is_empty() => {
                    self.found.take_store(text.clone(), self.location.counts(used))?;
                }
                // Where no service expects JSON, text that is not JSON holds no store.
                Use::Store { location, .. } if *location != self.location.of && !may_be_json(text.as_bytes()) => {}
                Use::Store { steps, .. } => {
                    let codes = pointed(&text, steps, &told(governed))?;
                    self.take_codes(codes, used)?;
                }
            }
        }
        Ok(())
    }

    fn read_json(&mut self, governed: &Governed, json: &Json<'r>) -> Result<(), Fault> {
        let not_a_code = || Fault::NotACode(told(governed));
        for used in &governed.uses {
            match (used, json) {
                (Use::Key(_), Json::Null) | (Use::Override, _) => {}
                (Use::Key(location), Json::Text(key)) => self.take_key(*location, key.clone())?,
                (Use::Key(_), _) => return Err(Fault::KeysDiffer),
                (Use::Fixed(only), Json::Text(text)) if **only == **text => {}
                (Use::Fixed(only), _) => {
                    return Err(Fault::Fixed { name: told(governed), value: only.to_string() });
                }
                (Use::Store { .. }, _) if self.is_passed_over(governed, used) => {}
                (Use::Store { steps, .. }, json) if steps.is_empty() => match json {
                    Json::Null => {}
                    Json::Text(code) => self.found.take_store(code.clone(), self.location.counts(used))?,
                    Json::Array(items) if governed.name.repeated() => {
                        let counts = self.location.counts(used);
                        for item in items {
                            let Json::Text(code) = item else { return Err(not_a_code()) };
                            self.found.take_store(code.clone(), counts)?;
                        }
                    }
                    Json::Array(_) | Json::Object(_) | Json::Other => return Err(not_a_code()),
                },
                (Use::Store { location, .. }, json)
                    if *location != self.location.of
                        && match json {
                            Json::Text(text) => !may_be_json(text.as_bytes()),
                            Json::Other | Json::Null => true,
                            Json::Array(_) | Json::Object(_) => false,
                        } => {}
                (Use::Store { steps, .. }, json) => {
                    let mut codes = Codes::default();
                    json::follow(json, steps, &told(governed), &mut codes)?;
                    self.take_codes(codes, used)?;
                }
            }
        }
        Ok(())
    }

    /// Adds the key if one is expected here; otherwise it must equal the key.
    fn take_key(&mut self, location: StoreLocation, key: Cow<'r, str>) -> Result<(), Fault> {
        if location == self.location.of {
            return self.found.take_key(key);
        }
        self.found.take_stray_key(key);
        Ok(())
    }

    fn take_codes(&mut self, codes: Codes<'_>, used: &Use) -> Result<(), Fault> {
        let counts = self.location.counts(used) && !codes.gap;
        for code in codes.codes {
            self.found.take_store(Cow::Owned(code.into_owned()), counts)?;
        }
        Ok(())
    }

    /// Returns whether another use of the parameter reads the same here, or the parameter holds something else here.
    fn is_passed_over(&self, governed: &Governed, used: &Use) -> bool {
        let Use::Store { location: of, steps, .. } = used else { return false };
        let here = self.location.of;
        let is_read = |other: &Use| matches!(other, Use::Store { location, steps: same, .. } if *location == here && same == steps);
        *of != here && (governed.excepted.contains(&here) || governed.uses.iter().any(is_read))
    }

    fn finish(self) -> Result<(), Fault> {
        for (governed, (times, above)) in self.governed.iter().zip(&self.seen) {
            if *above && *times > 0 {
                return Err(Fault::Overlapping { location: self.location.told(), name: told(governed) });
            }
            // An added parameter could be lost after it.
            self.found.full |= *above;
        }
        self.found.full |= self.count >= MAX / 2;
        Ok(())
    }
}

fn told(governed: &Governed) -> String {
    governed.name.as_str().to_owned()
}

/// Returns the codes that `steps` lead to in JSON text.
fn pointed<'a>(text: &'a str, steps: &[json::Step], place: &str) -> Result<Codes<'a>, Fault> {
    let mut codes = Codes::default();
    if text.is_empty() {
        codes.gap = true;
        return Ok(codes);
    }
    let json = json::read(text.as_bytes(), place)?;
    if matches!(json, Json::Text(_)) {
        return Err(Fault::Json(place.to_owned()));
    }
    json::follow(&json, steps, place, &mut codes)?;
    Ok(codes)
}
