//! Parameters of a query or an urlencoded form, and fields of one in parts.

use std::borrow::Cow;

use super::json::{self, Codes, Json};
use super::names::{Reading, Written};
use super::{Found, decode, multipart};
use crate::gateway::fault::Fault;
use crate::gateway::plan::{Governed, Use};

/// Beyond this many parameters PHP and others see no further ones.
const MAX: usize = 1000;

/// Parameters as they are read.
pub(crate) struct Parameters<'p, 'r, 'f> {
    governed: &'p [Governed],
    /// `query` or `form`, for people.
    location: &'static str,
    found: &'f mut Found<'r>,
    /// How often each governed one was given, and whether one above it was.
    seen: Vec<(usize, bool)>,
    count: usize,
}

/// What a parameter holds.
enum Value<'r> {
    /// Percent-encoded bytes.
    Encoded(&'r [u8]),
    /// Bytes as they are.
    Bytes(&'r [u8]),
    /// A file, which nobody reads as a value.
    File,
}

/// Reads a query or an urlencoded form.
pub(crate) fn urlencoded<'r>(
    text: &'r [u8],
    location: &'static str,
    governed: &[Governed],
    found: &mut Found<'r>,
) -> Result<(), Fault> {
    let mut parameters = Parameters::new(governed, location, found);
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        // To some services a semicolon separates, too.
        for further in pair.split(|byte| *byte == b';').skip(1) {
            let (name, _) = halves(further);
            parameters.refuse(&Written::new(name, true))?;
        }
        let (name, value) = halves(pair);
        parameters.take(&Written::new(name, true), name, &Value::Encoded(value))?;
    }
    parameters.finish()
}

/// Reads a form in parts.
pub(crate) fn multipart<'r>(
    body: &'r [u8],
    boundary: &[u8],
    governed: &[Governed],
    found: &mut Found<'r>,
) -> Result<(), Fault> {
    let mut parameters = Parameters::new(governed, "form", found);
    multipart::read(body, boundary, |part| {
        // Some take what this field says for the encoding of all others.
        if part.name.eq_ignore_ascii_case(b"_charset_") {
            return Err(Fault::Multipart("a part is not in UTF-8"));
        }
        let value = if part.file { Value::File } else { Value::Bytes(part.value) };
        parameters.take(&Written::new(part.name, false), part.name, &value)
    })?;
    parameters.finish()
}

fn halves(pair: &[u8]) -> (&[u8], &[u8]) {
    pair.iter().position(|byte| *byte == b'=').map_or((pair, &[]), |at| (&pair[..at], &pair[at + 1..]))
}

impl<'p, 'r, 'f> Parameters<'p, 'r, 'f> {
    fn new(governed: &'p [Governed], location: &'static str, found: &'f mut Found<'r>) -> Self {
        Self { governed, location, found, seen: vec![(0, false); governed.len()], count: 0 }
    }

    /// Refuses a name that must not stand where it does.
    fn refuse(&self, written: &Written<'_>) -> Result<(), Fault> {
        let governed = self.governed.iter();
        let hit = governed.map(|one| (one, one.name.read(written))).find(|(_, reading)| *reading != Reading::Other);
        hit.map_or(Ok(()), |(one, _)| Err(self.misspelt(written, one)))
    }

    fn misspelt(&self, written: &Written<'_>, governed: &Governed) -> Fault {
        if governed.uses.contains(&Use::Override) {
            return Fault::OverrideParameter(written.told());
        }
        Fault::Spelling { location: self.location, found: written.told(), expected: governed.name.as_str().to_owned() }
    }

    fn take(&mut self, written: &Written<'_>, raw: &'r [u8], value: &Value<'r>) -> Result<(), Fault> {
        self.count += 1;
        for (at, governed) in self.governed.iter().enumerate() {
            match governed.name.read(written) {
                Reading::Other => {}
                Reading::Above => self.seen[at].1 = true,
                Reading::Loose => return Err(self.misspelt(written, governed)),
                Reading::Exact => {
                    self.seen[at].0 += 1;
                    if self.count > MAX {
                        return Err(Fault::TooMany(self.location));
                    }
                    if self.seen[at].0 > 1 && !governed.name.repeated() {
                        return Err(Fault::Repeated { location: self.location, name: told(governed) });
                    }
                    self.read(governed, written, raw, value)?;
                }
            }
        }
        Ok(())
    }

    fn read(
        &mut self,
        governed: &Governed,
        written: &Written<'_>,
        raw: &'r [u8],
        value: &Value<'r>,
    ) -> Result<(), Fault> {
        if governed.uses.contains(&Use::Override) {
            return Err(Fault::OverrideParameter(written.told()));
        }
        let text = match value {
            Value::Encoded(bytes) => decode::value(bytes),
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Value::File => None,
        };
        let undecodable = || Fault::Undecodable { location: self.location, name: told(governed) };
        let text = text.ok_or_else(undecodable)?;
        for used in &governed.uses {
            match used {
                Use::Key => {
                    self.found.take_key(text.clone())?;
                    if self.location == QUERY && !self.found.key_parameters.contains(&raw) {
                        self.found.key_parameters.push(raw);
                    }
                }
                Use::Fixed(only) if **only != *text => {
                    return Err(Fault::Fixed { name: told(governed), value: only.to_string() });
                }
                Use::Fixed(_) | Use::Override => {}
                Use::Store { steps, counts } if steps.is_empty() => self.found.take_store(text.clone(), *counts),
                Use::Store { steps, counts } => {
                    let place = told(governed);
                    let codes = pointed(&text, steps, &place)?;
                    let counts = *counts && !codes.gap;
                    for code in codes.codes {
                        self.found.take_store(Cow::Owned(code.into_owned()), counts);
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Fault> {
        for (governed, (times, above)) in self.governed.iter().zip(&self.seen) {
            if *above && *times > 0 {
                return Err(Fault::Overlapping { location: self.location, name: told(governed) });
            }
            // What would be added could be lost behind it.
            self.found.full |= *above;
        }
        self.found.full |= self.count >= MAX / 2;
        Ok(())
    }
}

fn told(governed: &Governed) -> String {
    governed.name.as_str().to_owned()
}

/// How the query is called.
pub(crate) const QUERY: &str = "query";

/// The codes that `steps` lead to in JSON text.
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
