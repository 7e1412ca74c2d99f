//! The fields that a change of the audit trail changed, from the images before and after: for the history of a key and
//! for the audit trail.

use std::collections::HashSet;

use serde_json::Value;

/// A field that differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldDifference {
    /// Its name in the image.
    pub(super) field: String,
    /// The old value; empty if there was none, or if `added` and `removed` describe the change.
    pub(super) before: String,
    /// The new value, as `before`.
    pub(super) after: String,
    /// New members of a list.
    pub(super) added: Vec<String>,
    /// Removed members of a list.
    pub(super) removed: Vec<String>,
}

/// Returns the fields that differ, ordered by name; for a created or deleted object, all that are not empty. Without id
/// and time of creation, which are those of the change.
pub(super) fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<FieldDifference> {
    let object = |image: Option<&Value>| image.and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (object(before), object(after));
    let mut fields: Vec<&String> = before.keys().chain(after.keys()).collect();
    fields.retain(|field| !matches!(field.as_str(), "id" | "created"));
    fields.sort_unstable();
    fields.dedup();
    fields.into_iter().filter_map(|field| difference(field, before.get(field), after.get(field))).collect()
}

fn difference(field: &str, before: Option<&Value>, after: Option<&Value>) -> Option<FieldDifference> {
    let (before, after) = (before.unwrap_or(&Value::Null), after.unwrap_or(&Value::Null));
    if before == after || (is_empty(before) && is_empty(after)) {
        return None;
    }
    let mut difference = FieldDifference { field: field.to_owned(), ..FieldDifference::default() };
    if let (Some(was), Some(is)) = (members(before), members(after)) {
        difference.added = without(&is, &was);
        difference.removed = without(&was, &is);
    } else {
        (difference.before, difference.after) = (text(before), text(after));
    }
    Some(difference)
}

fn without(list: &[String], other: &[String]) -> Vec<String> {
    let other: HashSet<&String> = other.iter().collect();
    list.iter().filter(|member| !other.contains(member)).cloned().collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(members) => members.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns the members of a list, of a selection, of labels, of secrets, each as a text; null is an empty list.
pub(super) fn members(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(members) => Some(members.iter().map(text).collect()),
        Value::Object(fields) => match fields.get("selected").and_then(Value::as_array) {
            Some(members) if fields.len() == 1 => Some(members.iter().map(text).collect()),
            _ => Some(fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect()),
        },
        Value::String(_) | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Renders a value for people.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        // A secret, by its hint.
        Value::Object(fields) if fields.contains_key("hint") => {
            let end = fields.get("expires").map(text).filter(|end| !end.is_empty());
            let hint = format!("…{}", fields.get("hint").map(text).unwrap_or_default());
            end.map_or_else(|| hint.clone(), |end| format!("{hint} → {end}"))
        }
        Value::Array(_) | Value::Object(_) => members(value).unwrap_or_default().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(before: &Value, after: &Value) -> Vec<String> {
        differences(Some(before), Some(after))
            .into_iter()
            .map(|d| format!("{}: {} > {} +{} -{}", d.field, d.before, d.after, d.added.join(","), d.removed.join(",")))
            .collect()
    }

    #[test]
    fn only_what_differs_is_told() {
        let before = json!({"name": "a", "owner": "", "active": true, "expires": null});
        let after = json!({"name": "b", "active": true, "expires": "2027-01-01T00:00:00Z"});
        assert_eq!(changes(&before, &after), ["expires:  > 2027-01-01T00:00:00Z + -", "name: a > b + -"]);
    }

    #[test]
    fn of_lists_what_came_and_went_is_told() {
        let before = json!({"stores": {"selected": ["a", "b"]}, "labels": {"x": "1"}});
        let after = json!({"stores": {"selected": ["b", "c"]}, "labels": {}});
        assert_eq!(changes(&before, &after), ["labels:  >  + -x=1", "stores:  >  +c -a"]);
        let all = json!({"stores": "all", "labels": {"x": "1"}});
        assert_eq!(changes(&before, &all), ["stores: a, b > all + -"]);
    }

    #[test]
    fn something_new_tells_all_that_it_says() {
        let image = json!({"code": "main", "hosts": ["a.test"], "platform": ""});
        let changes = differences(None, Some(&image));
        assert_eq!(changes.len(), 2);
        assert_eq!((changes[0].after.as_str(), changes[1].added.as_slice()), ("main", &["a.test".to_owned()][..]));
    }
}
