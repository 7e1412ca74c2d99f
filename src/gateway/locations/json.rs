//! JSON, read so strictly that there is only one reading: one value with nothing after it, no duplicate member, no
//! member whose name differs from a governed one only in case, none that changes what JavaScript's objects inherit.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Extracted;
use crate::gateway::fault::Fault;

/// A JSON value. Numbers and booleans are never stores, so their values are not stored.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    Null,
    Other,
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// A step on the way to store codes within a JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PointerStep {
    /// Every element.
    Each,
    Member(Box<str>),
}

/// The store codes found by following steps.
#[derive(Default)]
struct StoreCodes {
    codes: Vec<String>,
    /// Some branch ended before there was a code.
    gap: bool,
}

pub(crate) fn steps(pointer: &str) -> impl Iterator<Item = PointerStep> {
    pointer.split('/').skip(1).map(|step| match step {
        "-" => PointerStep::Each,
        name => PointerStep::Member(name.replace("~1", "/").replace("~0", "~").into()),
    })
}

/// Parses `text`; the error names `location`.
pub(crate) fn read<'a>(text: &'a [u8], location: &str) -> Result<Json<'a>, Fault> {
    serde_json::from_slice(text).map_err(|_| Fault::Json(location.to_owned()))
}

/// Adds the stores that `steps` lead to in `json`. If some branch ends before there is one, they do not limit the call.
pub(crate) fn add_stores(
    json: &Json<'_>,
    steps: &[PointerStep],
    location: &str,
    limits_call: bool,
    extracted: &mut Extracted<'_>,
) -> Result<(), Fault> {
    let mut found = StoreCodes::default();
    follow(json, steps, location, &mut found)?;
    found.codes.into_iter().try_for_each(|code| extracted.add_store(Cow::Owned(code), limits_call && !found.gap))
}

fn follow(json: &Json<'_>, steps: &[PointerStep], location: &str, found: &mut StoreCodes) -> Result<(), Fault> {
    let Some((step, rest)) = steps.split_first() else {
        match json {
            Json::Null => found.gap = true,
            Json::Text(code) => found.codes.push(code.to_string()),
            Json::Other | Json::Array(_) | Json::Object(_) => return Err(Fault::NotACode(location.to_owned())),
        }
        return Ok(());
    };
    match (step, json) {
        (_, Json::Null) => found.gap = true,
        (_, Json::Array(items)) if items.is_empty() => found.gap = true,
        (PointerStep::Each, Json::Array(items)) => {
            items.iter().try_for_each(|item| follow(item, rest, location, found))?;
        }
        // PHP writes a list whose numbers have gaps as an object, and reads both alike.
        (PointerStep::Each, Json::Object(members)) => {
            found.gap |= members.is_empty();
            members.iter().try_for_each(|(_, member)| follow(member, rest, location, found))?;
        }
        (PointerStep::Member(name), Json::Object(members)) => match member(members, name, location)? {
            Some(member) => follow(member, rest, location, found)?,
            None => found.gap = true,
        },
        (_, Json::Text(text)) if text.is_empty() => found.gap = true,
        // Text that holds JSON, as in a form.
        (_, Json::Text(text)) => {
            let inner = read(text.as_bytes(), location)?;
            if matches!(inner, Json::Text(_)) {
                return Err(Fault::Json(location.to_owned()));
            }
            follow(&inner, steps, location, found)?;
        }
        (PointerStep::Member(_), Json::Array(_)) | (_, Json::Other) => {
            return Err(Fault::NotACode(location.to_owned()));
        }
    }
    Ok(())
}

/// Returns the member of this name; a fault if the name of another one differs only in case.
fn member<'m, 'a>(
    members: &'m [(Cow<'a, str>, Json<'a>)],
    name: &str,
    location: &str,
) -> Result<Option<&'m Json<'a>>, Fault> {
    let folded = fold(name);
    let mut exact = None;
    for (found, value) in members {
        if found == name {
            exact = Some(value);
        } else if fold(found) == folded {
            return Err(Fault::Json(location.to_owned()));
        }
    }
    Ok(exact)
}

/// Folds a name as libraries that ignore case do: Go treats the long s as an s, and some truncate at a zero byte.
fn fold(name: &str) -> String {
    let name = name.split('\0').next().unwrap_or_default();
    name.trim().to_lowercase().replace('ſ', "s")
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Other)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Json::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json<'de>, A::Error> {
        let mut all: Vec<(Cow<'de, str>, Json<'de>)> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some((name, member)) = members.next_entry::<Json<'de>, Json<'de>>()? {
            let Json::Text(name) = name else { return Err(A::Error::custom("a member name that is not a string")) };
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a member occurs twice"));
            }
            // Copied from object to object, these become inherited members: `site` of `{"__proto__":{"site":…}}`.
            let inherits = match &member {
                Json::Object(members) => name == "constructor" && members.iter().any(|(name, _)| name == "prototype"),
                _ => false,
            };
            if name == "__proto__" || inherits {
                return Err(A::Error::custom("a member would change the prototype of objects"));
            }
            all.push((name, member));
        }
        Ok(Json::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str, pointer: &str) -> Result<(Vec<String>, bool), Fault> {
        let json = read(text.as_bytes(), "p")?;
        let mut found = StoreCodes::default();
        follow(&json, &steps(pointer).collect::<Vec<_>>(), "p", &mut found)?;
        Ok((found.codes, found.gap))
    }

    #[test]
    fn codes_are_found_where_the_pointer_leads() {
        for (text, pointer, expected, gap) in [
            (r#"{"site":"a"}"#, "/site", &["a"][..], false),
            (r#"{"customer":{"site":"a","id":1}}"#, "/customer/site", &["a"], false),
            (r#"{"order":"{\"site\":\"a\"}"}"#, "/order/site", &["a"], false),
            (r#"[{"site":"a"},{"x":1}]"#, "/-/site", &["a"], true),
            (r#"{"1":{"site":"a"},"3":{"site":"b"}}"#, "/-/site", &["a", "b"], false),
            (r#"[{"sites":["a","b"]}]"#, "/-/sites/-", &["a", "b"], false),
            (r#"{"s\u0069te":"a"}"#, "/site", &["a"], false),
            (r#"{"site":null}"#, "/site", &[], true),
            ("{}", "/site", &[], true),
            ("[]", "/site", &[], true),
            (r#"{"other":"a"}"#, "/site", &[], true),
            ("null", "/site", &[], true),
        ] {
            let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
            assert_eq!(codes(text, pointer), Ok((expected, gap)), "{text} {pointer}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_a_fault() {
        for text in [
            // A member twice, or with a name that some read as `site`.
            &[r#"{"site":"a","site":"b"}"#, r#"{"x":{"y":1,"y":2},"site":"a"}"#, r#"{"site":"a","Site":"b"}"#][..],
            &[r#"{"Site":"b"}"#, "{\"\u{17f}ite\":\"b\"}", r#"{"site\u0000x":"b"}"#],
            // What only some parse.
            &[r#"{"site":"a"} {"site":"b"}"#, r#"{"site":"a",}"#, r#"{site:"a"}"#, r#"{"site":"a"/**/}"#],
            &["\u{feff}{\"site\":\"a\"}", r#"{"site":"\ud800"}"#, r#"{"site":NaN}"#, ""],
            // Inherited members.
            &[r#"{"__proto__":{"site":"b"}}"#, r#"{"site":"a","x":{"\u005f_proto__":{}}}"#],
            &[r#"{"constructor":{"prototype":{"site":"b"}}}"#],
        ]
        .concat()
        {
            assert_eq!(codes(text, "/site"), Err(Fault::Json("p".to_owned())), "{text}");
        }
        for text in [r#"{"site":1}"#, r#"{"site":["a"]}"#, r#"{"site":{"a":1}}"#, r#"[{"site":"a"}]"#, "true"] {
            assert_eq!(codes(text, "/site"), Err(Fault::NotACode("p".to_owned())), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(codes(&deep, "/site"), Err(Fault::Json("p".to_owned())));
    }
}
