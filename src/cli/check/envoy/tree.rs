//! Access to Envoy's configuration, which may spell a field in snake case or in camel case.

use serde_json::Value;

/// Returns the field of this name in snake case; `None` if it is missing or null.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object.get(name).or_else(|| object.get(&camel(name))).filter(|value| !value.is_null())
}

/// Returns the field at the end of a path of names and list positions, such as `a/0/c`.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('/').try_fold(value, |value, name| match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        _ => field(value, name),
    })
}

/// Returns whether there is a field at the path.
pub(super) fn has(value: &Value, path: &str) -> bool {
    at(value, path).is_some()
}

/// Returns whether the field at the path is true, in any of the words that Envoy's YAML reader accepts.
pub(super) fn is_true(value: &Value, path: &str) -> bool {
    const WORDS: [&str; 4] = ["true", "yes", "on", "y"];

    let word = |text: &str| WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    at(value, path).is_some_and(|value| *value == Value::Bool(true) || value.as_str().is_some_and(word))
}

/// Returns the text at the path; empty if there is none.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the list at the path; empty if there is none. A single value counts as a list of one.
pub(super) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    match at(value, path) {
        Some(Value::Array(list)) => list,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

/// Returns the number at the path, written as a number or as text.
pub(super) fn number(value: &Value, path: &str) -> Option<u64> {
    let value = at(value, path)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Returns the full type name of an extension, and its configuration.
pub(super) fn typed(value: &Value) -> (&str, &Value) {
    (text(value, "@type").rsplit('/').next().unwrap_or_default(), value)
}

/// Returns the full type name of an extension that `value` configures, and its configuration.
pub(super) fn extension(value: &Value) -> (&str, &Value) {
    field(value, "typed_config").map_or(("", &Value::Null), typed)
}

/// Returns the members of the map at the path, or nothing without a map.
pub(super) fn members<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    at(value, path).and_then(Value::as_object).into_iter().flatten()
}

/// Returns whether a word is in a list of words, which are separated by spaces.
pub(super) fn is_among(word: &str, words: &str) -> bool {
    words.split(' ').any(|one| one == word)
}

/// Calls `visit` with every object of `value`, outer ones first, and its location.
pub(super) fn walk<'a>(value: &'a Value, place: &str, visit: &mut impl FnMut(&'a Value, &str)) {
    match value {
        Value::Object(members) => {
            let place = placed(value, place);
            visit(value, &place);
            for member in members.values() {
                walk(member, &place, visit);
            }
        }
        Value::Array(list) => list.iter().for_each(|member| walk(member, place, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the location of an object, named by the listeners, virtual hosts and routes around it.
pub(super) fn placed(value: &Value, place: &str) -> String {
    let name = text(value, "name");
    let further = if has(value, "filter_chains") {
        format!("listener {name}")
    } else if has(value, "domains") {
        format!("virtual host {name}")
    } else if let Some(matched) = field(value, "match").filter(|matched| matched.is_object()) {
        let paths = ["prefix", "path", "path_separated_prefix", "safe_regex/regex"];
        let path = paths.into_iter().map(|path| text(matched, path)).find(|path| !path.is_empty());
        format!("route {}", if name.is_empty() { path.unwrap_or("without a path") } else { name })
    } else {
        return place.to_owned();
    };
    if place.is_empty() { further } else { format!("{place}, {further}") }
}

pub(super) fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.extend(letters);
    }
    camel
}
