//! The differences of a change, in a cell: the images of the audit trail before and after, compared field by field.

use std::collections::BTreeSet;

use prost_types::value::Kind;
use prost_types::{Struct, Value};

/// Most characters of a value in a cell.
const MAX_CELL_CHARS: usize = 60;
/// Most members of a list that are named before they are counted.
const MAX_NAMED: usize = 5;

/// Describes each field that changed: `name: old → new`, or what a list gained and lost. For a created object, returns
/// its name; for a deleted one, nothing.
pub(super) fn difference(before: Option<&Struct>, after: Option<&Struct>) -> String {
    let (Some(before), Some(after)) = (before, after) else {
        return after.and_then(|after| after.fields.get("name")).map(short).unwrap_or_default();
    };
    let names: BTreeSet<&String> = before.fields.keys().chain(after.fields.keys()).collect();
    let changes = names.into_iter().filter_map(|name| {
        let (old, new) = (before.fields.get(name), after.fields.get(name));
        (old != new).then(|| format!("{name}: {}", change(old, new)))
    });
    changes.collect::<Vec<_>>().join("; ")
}

fn change(old: Option<&Value>, new: Option<&Value>) -> String {
    if let (Some(old), Some(new)) = (old.and_then(texts), new.and_then(texts)) {
        let gained: Vec<_> = new.difference(&old).map(|member| format!("+{member}")).collect();
        let lost: Vec<_> = old.difference(&new).map(|member| format!("−{member}")).collect();
        return [several(&gained, "added"), several(&lost, "removed")]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
    }
    let or = |value: Option<&Value>| value.map(short).filter(|text| !text.is_empty()).unwrap_or_else(|| "-".to_owned());
    format!("{} → {}", or(old), or(new))
}

/// Returns the members of a list of texts, either by itself or as the selection of an access.
fn texts(value: &Value) -> Option<BTreeSet<&str>> {
    let Kind::ListValue(list) = &selected(value).kind.as_ref()? else { return None };
    list.values
        .iter()
        .map(|member| match &member.kind {
            Some(Kind::StringValue(text)) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// Returns the selection of an access; any other value unchanged.
fn selected(value: &Value) -> &Value {
    match &value.kind {
        Some(Kind::StructValue(members)) if members.fields.len() == 1 => {
            members.fields.get("selected").unwrap_or(value)
        }
        _ => value,
    }
}

fn several(members: &[String], done: &str) -> String {
    if members.len() > MAX_NAMED { format!("{} {done}", members.len()) } else { members.join(" ") }
}

/// Formats a value for a cell.
fn short(value: &Value) -> String {
    let text = match &selected(value).kind {
        None | Some(Kind::NullValue(_)) => String::new(),
        Some(Kind::NumberValue(number)) => number.to_string(),
        Some(Kind::StringValue(text)) => text.clone(),
        Some(Kind::BoolValue(is)) => is.to_string(),
        Some(Kind::StructValue(members)) => identify(members),
        Some(Kind::ListValue(list)) if list.values.len() > MAX_NAMED => format!("{} entries", list.values.len()),
        Some(Kind::ListValue(list)) => list.values.iter().map(short).collect::<Vec<_>>().join(", "),
    };
    match text.char_indices().nth(MAX_CELL_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Returns how people identify an object: a token by its end, a revocation by its reason.
fn identify(members: &Struct) -> String {
    if let Some(hint) = members.fields.get("hint") {
        return format!("…{}", short(hint));
    }
    if let Some(reason) = members.fields.get("reason") {
        return short(reason);
    }
    members.fields.iter().map(|(name, value)| format!("{name}={}", short(value))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use prost_types::ListValue;

    use super::*;

    fn value(kind: Kind) -> Value {
        Value { kind: Some(kind) }
    }

    fn text(text: &str) -> Value {
        value(Kind::StringValue(text.to_owned()))
    }

    fn list(values: Vec<Value>) -> Value {
        value(Kind::ListValue(ListValue { values }))
    }

    fn image(fields: &[(&str, Value)]) -> Struct {
        Struct { fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect() }
    }

    fn selecting(members: &[&str]) -> Value {
        value(Kind::StructValue(image(&[("selected", list(members.iter().map(|member| text(member)).collect()))])))
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = image(&[("name", text("A")), ("active", value(Kind::BoolValue(true))), ("owner", text(""))]);
        let after = image(&[("name", text("A")), ("active", value(Kind::BoolValue(false))), ("owner", text("X"))]);
        assert_eq!(difference(Some(&before), Some(&after)), "active: true → false; owner: - → X");
        assert_eq!(difference(None, Some(&after)), "A");
        assert_eq!(difference(Some(&before), None), "");
    }

    #[test]
    fn lists_tell_what_they_gained_and_lost() {
        let changes =
            |old: Value, new: Value| difference(Some(&image(&[("stores", old)])), Some(&image(&[("stores", new)])));
        assert_eq!(changes(selecting(&["a", "b"]), selecting(&["b", "c"])), "stores: +c −a");
        assert_eq!(changes(selecting(&["a"]), text("all")), "stores: a → all");
        assert_eq!(changes(selecting(&[]), selecting(&["1", "2", "3", "4", "5", "6"])), "stores: 6 added");
    }

    #[test]
    fn tokens_are_told_by_their_ends_and_revocations_by_their_reasons() {
        let secret = |hint: &str| value(Kind::StructValue(image(&[("hint", text(hint)), ("id", text("sec_1"))])));
        let before = image(&[("secrets", list(vec![secret("abcd")]))]);
        let after = image(&[("secrets", list(vec![secret("wxyz"), secret("abcd")]))]);
        assert_eq!(difference(Some(&before), Some(&after)), "secrets: …abcd → …wxyz, …abcd");
        let revoked =
            image(&[("revoked", value(Kind::StructValue(image(&[("reason", text("lost")), ("at", text("t"))]))))]);
        assert_eq!(difference(Some(&image(&[])), Some(&revoked)), "revoked: - → lost");
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(short(&text(&"ж".repeat(100))).chars().count(), MAX_CELL_CHARS + 1);
    }
}
