//! Forms in which objects are edited, and conflicting changes of an object by two people: what the first changed, and
//! the second's form merged with it. Keys, whose fields depend on each other, have further rules (`keys::edit`).

use serde_json::Value;

use super::diff::{self, FieldDifference, differences};
use super::{Console, FieldErrors, FormFields, PageError, time};
use crate::model::change::Change;
use crate::registry::{RawTime, WriteOptions};

/// A field of a form, by its name there and in images of the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Line(&'static str),
    /// One member of a list per line.
    Lines(&'static str),
    Time(&'static str),
}

/// A form as typed: fields of one text each, the reason of the change, and why it was not saved.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Form {
    values: Vec<(Field, String)>,
    /// The comment for the audit trail.
    pub(super) why: String,
    pub(super) errors: FieldErrors,
    /// The changes that somebody else made meanwhile.
    pub(super) concurrent_edit: Option<ConcurrentEdit>,
}

/// Changes that somebody else made while a form was filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConcurrentEdit {
    /// The oldest first.
    pub(super) changes: Vec<Change>,
    /// The fields changed by all of them together.
    pub(super) differences: Vec<FieldDifference>,
}

impl Field {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Line(name) | Self::Lines(name) | Self::Time(name) => name,
        }
    }
}

impl Form {
    /// Reads the form that was sent.
    pub(super) fn read(fields: &[Field], sent: &FormFields) -> Self {
        let value = |field: &Field| match field {
            Field::Lines(name) => sent.text(name).to_owned(),
            Field::Line(name) | Field::Time(name) => sent.trimmed(name),
        };
        let values = fields.iter().map(|field| (*field, value(field))).collect();
        Self { values, why: sent.trimmed("why"), ..Self::default() }
    }

    /// Builds the form of an existing object from its image in the audit trail.
    pub(super) fn from_image(fields: &[Field], image: &Value) -> Self {
        let value = |field: &Field| {
            let value = image.get(field.name()).unwrap_or(&Value::Null);
            match field {
                Field::Line(_) => diff::text(value),
                Field::Lines(_) => diff::members(value).unwrap_or_default().join("\n"),
                Field::Time(_) => diff::text(value).parse().map(time::format_input).unwrap_or_default(),
            }
        };
        Self { values: fields.iter().map(|field| (*field, value(field))).collect(), ..Self::default() }
    }

    /// Returns the value of a field; an empty form has all of them.
    pub(super) fn text(&self, name: &str) -> &str {
        let value = self.values.iter().find(|(field, _)| field.name() == name);
        debug_assert!(value.is_some() || self.values.is_empty(), "no field is named {name}: {:?}", self.values);
        value.map_or("", |(_, value)| value)
    }

    /// Returns the lines of a field that are not empty.
    pub(super) fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        self.text(name).lines().map(str::trim).filter(|line| !line.is_empty())
    }

    /// Parses a time; if that is impossible, it is an error of the registry's field `at`.
    pub(super) fn parse_time(&mut self, name: &str, at: &str) -> Option<RawTime> {
        let text = self.text(name).to_owned();
        self.errors.parse_time(at, &text).map(Into::into)
    }

    /// Returns the options for saving it.
    pub(super) fn options(&self) -> WriteOptions {
        WriteOptions { comment: self.why.clone(), replica_wait: None }
    }

    /// Merges it with the current values: a field that is as in `base`, where its user began, takes the value of
    /// `theirs`. Returns the fields that the user changed, each with the value of `theirs`.
    pub(super) fn merge(&mut self, base: &Self, theirs: &Self) -> Vec<(&'static str, String)> {
        let mut changed = Vec::new();
        for (field, mine) in &mut self.values {
            let theirs = theirs.text(field.name()).to_owned();
            if mine == base.text(field.name()) {
                *mine = theirs;
            } else if *mine != theirs {
                changed.push((field.name(), theirs));
            }
        }
        changed
    }
}

impl ConcurrentEdit {
    /// Summarizes these changes of an object, the oldest first.
    pub(super) fn new(changes: Vec<Change>, now: &Value) -> Self {
        Self { differences: differences(base_image(&changes), Some(now)), changes }
    }
}

/// Returns the second's base: the image before the first change since then.
pub(super) fn base_image(changes: &[Change]) -> Option<&Value> {
    changes.first().and_then(|change| change.before.as_ref())
}

impl Console {
    /// Merges a form of a user who began at `etag` into the object, which is `now`.
    pub(super) async fn merge(
        &self,
        mut form: Form,
        (kind, id): (&str, &str),
        etag: &str,
        now: &Value,
    ) -> Result<Form, PageError> {
        let mut changes = self.changes_since(kind, id, etag).await?;
        // Sign-ins and sign-outs of an operator are recorded as changes without differences.
        changes.retain(|change| change.before != change.after);
        if let Some(base) = base_image(&changes) {
            let fields: Vec<_> = form.values.iter().map(|(field, _)| *field).collect();
            form.merge(&Form::from_image(&fields, base), &Form::from_image(&fields, now));
        }
        Ok(Form { concurrent_edit: Some(ConcurrentEdit::new(changes, now)), ..form })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_loses_anything() {
        let form = |a: &str, b: &str| {
            Form::from_image(&[Field::Line("a"), Field::Line("b")], &serde_json::json!({"a": a, "b": b}))
        };
        let mut mine = form("mine", "old");
        mine.merge(&form("old", "old"), &form("old", "theirs"));
        assert_eq!((mine.text("a"), mine.text("b")), ("mine", "theirs"));
    }
}
