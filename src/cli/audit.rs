//! `latchkey audit`: who changed what, when and why. A change is shown by comparing the images before and after it,
//! field by field.

use std::collections::BTreeSet;

use clap::Args;
use prost_types::value::Kind;
use prost_types::{Struct, Value};

use super::context::CommandContext;
use super::keys;
use super::output::{CommandOutput, CommandResult};
use super::time::{TimeArg, format_time, parse_time};
use crate::proto::v1;

const MAX_CELL_CHARS: usize = 60;
/// Most members of a list that are named before they are counted.
const MAX_NAMED: usize = 5;

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Only changes of this key (ID, or name if it is unique)
    #[arg(long, value_name = "KEY", group = "subject")]
    key: Option<String>,
    /// Only changes of this store (code)
    #[arg(long, value_name = "CODE", group = "subject")]
    store: Option<String>,
    /// Only changes of this method (`VERB pattern`)
    #[arg(long, value_name = "METHOD", group = "subject")]
    method: Option<String>,
    /// Only changes of this operator (ID)
    #[arg(long, value_name = "OPERATOR", group = "subject")]
    operator: Option<String>,
    /// Only changes made by this operator (ID)
    #[arg(long, value_name = "OPERATOR", default_value = "", hide_default_value = true)]
    by: String,
    /// Start of the range: 2026-01-31, or 7d for 7 days ago
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    since: Option<TimeArg>,
    /// End of the range: 2026-01-31, or 1d for 1 day ago
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    until: Option<TimeArg>,
    /// Maximum number of results
    #[arg(long, value_name = "NUMBER", default_value_t = 50, conflicts_with = "all")]
    limit: usize,
    /// Show all of them
    #[arg(long)]
    all: bool,
}

impl AuditArgs {
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let (kind, id) = match (self.key, self.store, self.method, self.operator) {
            (Some(key), ..) => ("key", keys::resolve_key_id(context, key).await?),
            (_, Some(store), ..) => ("store", store),
            (_, _, Some(method), _) => ("method", method),
            (.., Some(operator)) => ("operator", operator),
            (None, None, None, None) => ("", String::new()),
        };
        let filter = v1::ListChangesRequest {
            subject_kind: kind.to_owned(),
            subject_id: id,
            actor: self.by,
            start_time: self.since.map(TimeArg::in_past),
            end_time: self.until.map(TimeArg::in_past),
            ..Default::default()
        };
        let limit = (!self.all).then_some(self.limit);
        // One more than is shown, to find out whether there are more.
        let mut changes = context.list_changes(filter, limit.map(|limit| limit.saturating_add(1))).await?;
        let more = limit.is_some_and(|limit| changes.len() > limit);
        changes.truncate(limit.unwrap_or(usize::MAX));
        let listed = v1::ListChangesResponse { changes, ..Default::default() };
        let output = context.render(&listed, |response| table(&response.changes))?;
        Ok(if more { output.with_note("there are older changes: use --limit or --all to see more") } else { output })
    }
}

fn table(changes: &[v1::Change]) -> CommandOutput {
    let rows = changes.iter().map(|change| {
        [
            change.revision.to_string(),
            format_time(change.time.as_ref()),
            change.actor_name.clone(),
            change.action.clone(),
            format!("{} {}", change.subject_kind, change.subject_id),
            difference(change.before.as_ref(), change.after.as_ref()),
            change.comment.clone(),
        ]
    });
    CommandOutput::table("changes", ["REVISION", "WHEN", "WHO", "DID", "SUBJECT", "WHAT", "WHY"], rows)
}

/// Describes each field that changed: `name: old → new`, or what a list gained and lost. For a created object, returns
/// its name; for a deleted one, nothing.
fn difference(before: Option<&Struct>, after: Option<&Struct>) -> String {
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
        return [several(gained, "added"), several(lost, "removed")].concat().join(" ");
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

fn several(members: Vec<String>, done: &str) -> Vec<String> {
    if members.len() > MAX_NAMED { vec![format!("{} {done}", members.len())] } else { members }
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
