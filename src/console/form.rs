//! The fields of forms and of addresses, including repeated ones, and the errors in them.

use std::collections::HashSet;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::csrf;
use super::error::PageError;
use super::texts::ENGLISH;
use super::time;
use crate::model::time::Timestamp;
use crate::model::violations::{Violation, Violations};
use crate::registry::Error;

/// The fields of a form or of an address, in their order. Not printable: they may contain tokens.
#[derive(Clone, Default)]
pub(super) struct FormFields(Vec<(String, String)>);

/// Most errors that a page shows.
const MAX_ERRORS: usize = 200;
/// Prefix of the fields of a form that the sign-in page keeps.
const PENDING_PREFIX: &str = "kept.";

/// A form from one of our own pages whose sender's session had ended: the sign-in page keeps it, so that no input is
/// lost.
#[derive(Debug, Default)]
pub(super) struct PendingForm {
    /// The address that it was sent to; empty if no form is kept.
    pub(super) path: String,
    pub(super) fields: FormFields,
}

impl PendingForm {
    /// Reads what the sign-in page sends of it.
    pub(super) fn read(fields: &FormFields) -> Self {
        let pending = fields
            .0
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(PENDING_PREFIX)?.to_owned(), value.clone())));
        Self { path: fields.text("again").to_owned(), fields: FormFields(pending.collect()) }
    }

    /// Returns its fields, except for the token of the ended session.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &(String, String)> {
        self.fields.0.iter().filter(|(name, _)| name != csrf::FIELD)
    }
}

/// The errors of a form's fields, by the registry's names of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldErrors(Vec<Violation>);

impl std::fmt::Debug for FormFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FormFields").field(&self.0.len()).finish()
    }
}

impl FormFields {
    /// Parses `application/x-www-form-urlencoded`. Line ends are normalized for storage.
    pub(super) fn parse(text: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(text);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n"))).collect())
    }

    /// Returns the first value of this name; empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// Returns the same without leading and trailing white space, which is never intended.
    pub(super) fn trimmed(&self, name: &str) -> String {
        self.text(name).trim().to_owned()
    }

    pub(super) fn all<T: FromIterator<String>>(&self, name: &str) -> T {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    }

    /// Returns whether there is a value of this name, such as that of a button that was pressed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }
}

/// The fields of the address, where a handler takes no form.
impl<S: Sync> FromRequestParts<S> for FormFields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default().as_bytes()))
    }
}

impl FieldErrors {
    pub(super) fn one(field: &str, description: &str) -> Self {
        Self(vec![Violation { field: field.to_owned(), description: description.to_owned() }])
    }

    /// Adds the violations that the registry found.
    pub(super) fn extend(&mut self, violations: &Violations) {
        self.0.extend_from_slice(violations.listed());
    }

    /// Adds the violations of a write that the registry refused; any other error is one of the request as a whole.
    pub(super) fn extend_from(&mut self, error: Error) -> Result<(), PageError> {
        match error {
            Error::Invalid(violations) | Error::Taken { violations, .. } => self.extend(&violations),
            error => return Err(error.into()),
        }
        Ok(())
    }

    /// Replaces the description of a field's error, if it has one, by `description`.
    pub(super) fn reword(&mut self, field: &str, description: &str) {
        for error in self.0.iter_mut().filter(|error| error.field == field) {
            description.clone_into(&mut error.description);
        }
    }

    /// Adds an error that was found while a field was read.
    pub(super) fn add(&mut self, field: &str, description: &str) {
        if self.0.len() < MAX_ERRORS {
            self.0.extend(Self::one(field, description).0);
        }
    }

    /// Parses a time; adds an error of `field` if that is impossible. Returns `None` for an empty text.
    pub(super) fn parse_time(&mut self, field: &str, text: &str) -> Option<Timestamp> {
        time::parse_input(text).unwrap_or_else(|_| {
            self.add(field, ENGLISH.common.no_time);
            None
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the errors of a field or its members (`key.stores`, `key.stores[3]`), to be shown next to it.
    pub(super) fn at(&self, field: &str) -> Vec<&str> {
        let is_at =
            |at: &str| at.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']));
        self.0.iter().filter(|error| is_at(&error.field)).map(|error| &*error.description).collect()
    }

    /// Returns the errors of fields other than `shown`, each with its name, to be shown at the top.
    pub(super) fn except(&self, shown: &[impl AsRef<str>]) -> Vec<String> {
        let at_fields: HashSet<&str> = shown.iter().flat_map(|field| self.at(field.as_ref())).collect();
        let others = self.0.iter().filter(|error| !at_fields.contains(&*error.description));
        others.map(describe).collect()
    }
}

/// Describes a violation for people: the field by its name in the console, and the error.
pub(super) fn describe(violation: &Violation) -> String {
    let last = violation.field.rsplit('.').next().unwrap_or_default();
    let name = last.split('[').next().unwrap_or_default();
    let label = ENGLISH.fields.get(name).map_or_else(|| name.replace('_', " "), str::to_owned);
    if label.is_empty() { violation.description.clone() } else { format!("{label}: {}", violation.description) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_repeat_and_keep_their_order() {
        let fields = FormFields::parse("stores=b&stores=a&note=x%0D%0Ay+&store=".as_bytes());
        assert_eq!(fields.all::<Vec<_>>("stores"), ["b", "a"]);
        assert_eq!((fields.text("note"), fields.trimmed("note").as_str()), ("x\ny ", "x\ny"));
        assert!(fields.has("store") && !fields.has("other"));
        assert_eq!(format!("{fields:?}"), "FormFields(4)");
    }

    #[test]
    fn errors_stand_beside_their_fields() {
        let mut errors = FieldErrors::one("key.stores[3]", "no such store");
        errors.add("key.stores_x", "odd");
        errors.add("key.labels[a]", "bad label");
        assert_eq!(errors.at("key.stores"), ["no such store"]);
        assert_eq!(errors.at("key.labels"), ["bad label"]);
        assert_eq!(errors.except(&["key.stores", "key.labels"]), ["stores x: odd"]);
    }
}
