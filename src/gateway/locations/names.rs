//! Names of parameters, read strictly and loosely.
//!
//! Services read names in their own ways: PHP removes leading spaces, treats `.` and spaces as `_` and `site[]` as
//! `site`; others ignore case, decode twice, or treat `a.b` as `a[b]`. A name that any of them could read as one that
//! matters must be written exactly as that one, or the request is refused. Two names are compared *loosely* by folding
//! both: decoded until nothing changes, in lower case, every run of characters other than letters and digits replaced
//! by a step down (if it has a bracket, a control byte or, in the second folding, a dot) or an underscore.

use super::decode;
use crate::model::path::hex_byte;

/// A name that matters, prepared for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParameterName {
    exact: Box<str>,
    /// Whether it may be given several times.
    pub(crate) repeated: bool,
    folded: Box<[u8]>,
}

/// A parameter's name as the client wrote it.
#[derive(Debug)]
pub(crate) struct WrittenName<'a> {
    raw: &'a [u8],
    /// Whether its bytes may be percent-encoded.
    encoded: bool,
    /// Both foldings; `None` for a name of letters, digits and underscores, which nearly equals its folding.
    folded: Option<[Vec<u8>; 2]>,
}

/// How services read a written name, compared with one that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameMatch {
    /// It is another name.
    Other,
    /// It is that name, for every service.
    Exact,
    /// It is a parent of that name: `filter` for `filter[sites]`.
    Parent,
    /// It is that name, or a child of it, for some services.
    Loose,
}

impl ParameterName {
    /// Creates a name as configured; `repeated` ones may also be written `name[]` and `name[0]`.
    pub(crate) fn new(name: &str, repeated: bool) -> Self {
        Self { exact: name.into(), repeated, folded: fold(name.as_bytes(), false).into() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.exact
    }

    /// Returns how `written` is read, compared with this name.
    pub(crate) fn compare(&self, written: &WrittenName<'_>) -> NameMatch {
        if written.is_exactly(self) {
            return NameMatch::Exact;
        }
        if cfg!(without_guard = "strictness") {
            return NameMatch::Other;
        }
        let Some(foldings) = &written.folded else {
            return self.compare_folded(written.raw);
        };
        match (self.compare_folded(&foldings[0]), self.compare_folded(&foldings[1])) {
            (NameMatch::Loose, _) | (_, NameMatch::Loose) => NameMatch::Loose,
            (NameMatch::Parent, _) | (_, NameMatch::Parent) => NameMatch::Parent,
            _ => NameMatch::Other,
        }
    }

    /// Compares with a folded name, ignoring case.
    fn compare_folded(&self, folded: &[u8]) -> NameMatch {
        let ours: &[u8] = &self.folded;
        // A marker of some form libraries: `_site` unsets `site`.
        let theirs = match folded {
            [b'_', rest @ ..] if ours.first() != Some(&b'_') => rest,
            _ => folded,
        };
        let shorter = ours.len().min(theirs.len());
        if shorter == 0 || !ours[..shorter].eq_ignore_ascii_case(&theirs[..shorter]) {
            return NameMatch::Other;
        }
        match (ours.get(shorter), theirs.get(shorter)) {
            (None, None | Some(b'/')) => NameMatch::Loose,
            (Some(b'/'), None) => NameMatch::Parent,
            _ => NameMatch::Other,
        }
    }
}

impl<'a> WrittenName<'a> {
    /// Wraps a name as written; `encoded` if services percent-decode it.
    pub(crate) fn new(raw: &'a [u8], encoded: bool) -> Self {
        let clean = raw.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') && raw.last() != Some(&b'_');
        let folded = (!clean).then(|| {
            let decoded = decode::fully(raw);
            [fold(&decoded, false), fold(&decoded, true)]
        });
        Self { raw, encoded, folded }
    }

    /// Returns whether some service reads a part of the name as a property of JavaScript's prototypes.
    pub(crate) fn inherits(&self) -> bool {
        let inherits = |folded: &Vec<u8>| {
            let steps: Vec<&[u8]> = folded.split(|byte| *byte == b'/').collect();
            steps.windows(2).any(|two| *two == [b"constructor".as_slice(), b"prototype"])
        };
        self.folded.as_ref().is_some_and(|foldings| {
            // Folding treats underscores next to brackets as one step.
            memchr::memmem::find(&decode::fully(self.raw), b"__proto__").is_some() || foldings.iter().any(inherits)
        })
    }

    pub(crate) fn printable(&self) -> String {
        decode::printable(self.raw)
    }

    fn is_exactly(&self, name: &ParameterName) -> bool {
        let mut rest = self.raw;
        if self.folded.is_none() && !name.exact.contains('[') {
            return rest == name.exact.as_bytes();
        }
        for expected in name.exact.bytes() {
            if self.next(&mut rest) != Some(expected) {
                return false;
            }
        }
        if rest.is_empty() {
            return true;
        }
        if !name.repeated || self.next(&mut rest) != Some(b'[') {
            return false;
        }
        for _ in 0..4 {
            match self.next(&mut rest) {
                Some(b']') => return rest.is_empty(),
                Some(byte) if byte.is_ascii_digit() => {}
                _ => return false,
            }
        }
        false
    }

    /// Returns the next byte if every service reads it alike: an escaped letter is not, because some do not decode.
    fn next(&self, rest: &mut &[u8]) -> Option<u8> {
        let (byte, len) = match **rest {
            [b'%', high, low, ..] if self.encoded => {
                let byte = hex_byte(high, low)?;
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                    return None;
                }
                (byte, 3)
            }
            [b'+' | b'%', ..] if self.encoded => return None,
            [byte, ..] => (byte, 1),
            [] => return None,
        };
        *rest = &rest[len..];
        Some(byte)
    }
}

/// Folds a decoded name.
fn fold(name: &[u8], dots_nest: bool) -> Vec<u8> {
    let lowered;
    let name = match std::str::from_utf8(name) {
        Ok(text) if !text.is_ascii() => {
            // The long s is an s to libraries that fold case as Unicode does, and decoders drop a byte order mark.
            lowered = text.to_lowercase().replace('ſ', "s").replace('\u{feff}', "");
            lowered.as_bytes()
        }
        _ => name,
    };
    let mut folded: Vec<u8> = Vec::with_capacity(name.len());
    let (mut run, mut nests, mut underscore) = (false, false, false);
    for byte in name {
        if byte.is_ascii_alphanumeric() || !byte.is_ascii() {
            if run && !folded.is_empty() {
                folded.push(if nests { b'/' } else { b'_' });
            } else if underscore {
                folded.push(b'_');
            }
            (run, nests, underscore) = (false, false, false);
            folded.push(byte.to_ascii_lowercase());
        } else {
            run = true;
            nests |= matches!(byte, b'[' | b']') || byte.is_ascii_control() || dots_nest && *byte == b'.';
            underscore |= matches!(byte, b'_' | b'.');
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_some_service_could_read_it() {
        for (name, repeated, expected, spellings) in [
            ("site", false, NameMatch::Exact, &["site"][..]),
            ("filter[sites]", true, NameMatch::Exact, &["filter[sites]", "filter[sites][]", "filter[sites][0]"]),
            ("filter[sites]", true, NameMatch::Exact, &["filter%5Bsites%5d%5B17%5D"]),
            ("filter[sites]", false, NameMatch::Exact, &["filter[sites]"]),
            ("api_key", false, NameMatch::Exact, &["api_key"]),
            ("_method", false, NameMatch::Exact, &["_method"]),
            // Letter case, also of Unicode.
            ("site", false, NameMatch::Loose, &["Site", "SITE", "%C5%BFite"]),
            ("apiKey", false, NameMatch::Loose, &["api\u{212a}ey"]),
            // Brackets and dots.
            ("site", false, NameMatch::Loose, &["site[]", "site[0]", "site[a]", "[site]", "site[", "site]"]),
            ("site", false, NameMatch::Loose, &["site.", ".site", "site.x", "site%5B%5D", "site%255B%255D"]),
            ("order", false, NameMatch::Loose, &["order[customer][site]"]),
            // Spaces, control bytes and other marks.
            ("site", false, NameMatch::Loose, &["%20site", "+site", "site%20", "\tsite", "site%00", "site%00x"]),
            ("site", false, NameMatch::Loose, &["_site", "!site", "\u{feff}site", "%EF%BB%BFsite"]),
            // Escapes, also of escapes.
            ("site", false, NameMatch::Loose, &["si%74e", "s%69te", "%73ite", "si%2574e", "%u0073ite"]),
            ("filter[sites]", true, NameMatch::Loose, &["filter[sites][a]", "filter[ sites]", "filter[Sites][]"]),
            ("filter[sites]", true, NameMatch::Loose, &["filter.sites", "filter[sites", "filter[sites][0][a]"]),
            ("filter[sites]", false, NameMatch::Loose, &["filter[sites][]"]),
            ("api_key", false, NameMatch::Loose, &["api.key", "api key", "api%20key", "API_KEY", "api-key"]),
            ("_method", false, NameMatch::Loose, &[".method", "%20_method", "[_method]", "_Method"]),
            ("filter[sites]", true, NameMatch::Parent, &["filter", "FILTER", "filter[]", "filter%00"]),
            ("site", false, NameMatch::Other, &["sites", "siteBy", "site_name", "website", "filter", "s", ""]),
            ("site", false, NameMatch::Other, &["id[site]", "%E2%82", "si%zzte"]),
            ("filter[sites]", true, NameMatch::Other, &["filter[ids][]", "filter[sites2]", "filter_sites"]),
            ("filter[sites]", true, NameMatch::Other, &["filters[sites]"]),
            ("_method", false, NameMatch::Other, &["method"]),
        ] {
            for raw in spellings {
                let found = ParameterName::new(name, repeated).compare(&WrittenName::new(raw.as_bytes(), true));
                assert_eq!(found, expected, "{raw} for {name}");
            }
        }
    }

    #[test]
    fn names_that_objects_inherit_from_are_known() {
        for name in ["__proto__[site]", "a[__proto__]", "__proto__.site", "constructor[prototype][site]", "%5F_proto__"]
        {
            assert!(WrittenName::new(name.as_bytes(), true).inherits(), "{name}");
        }
        for name in ["proto", "constructor", "prototype", "constructor[x]", "a_proto", "site"] {
            assert!(!WrittenName::new(name.as_bytes(), true).inherits(), "{name}");
        }
    }
}
