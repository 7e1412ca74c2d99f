//! The form of an operator: the input as typed, and the registry's types built from it.

use serde_json::Value;

use crate::console::form::{FieldErrors, FormFields};
use crate::console::texts::ENGLISH;
use crate::console::time::{self, TimeInput};
use crate::model::operator::{Operator, Role};
use crate::registry::{Choice, OperatorDraft};

/// The registry's fields that the form has, next to which it shows their errors.
pub(super) const FORM_FIELDS: [&str; 6] =
    ["operator.name", "operator.role", "operator.expire_time", "options.comment", "sure", "sure_rotate"];

/// The roles, in ascending order of permissions.
pub(super) const ROLES: [Role; 4] = [Role::Authorizer, Role::Viewer, Role::Editor, Role::Admin];

/// The contents of the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OperatorForm {
    pub(super) name: String,
    pub(super) role: String,
    pub(super) expires: String,
}

impl OperatorForm {
    /// Reads the form that was sent.
    pub(super) fn read(fields: &FormFields) -> Self {
        Self { name: fields.trimmed("name"), role: fields.trimmed("role"), expires: fields.trimmed("expires") }
    }

    /// Builds the form of an existing operator.
    pub(super) fn from_operator(operator: &Operator) -> Self {
        Self::from_image(&operator.image())
    }

    /// Builds the form from an image of the audit trail.
    pub(super) fn from_image(image: &Value) -> Self {
        let text = |field: &str| image.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let expires = text("expires").parse().map(time::format_input).unwrap_or_default();
        Self { name: text("name"), role: text("role"), expires }
    }

    /// Returns the editable fields, to be merged with somebody else's change.
    pub(super) fn editable_fields(&mut self) -> [&mut String; 3] {
        [&mut self.name, &mut self.role, &mut self.expires]
    }

    /// Builds the draft for the registry. Input that can't be parsed is added to `errors`.
    pub(super) fn draft(&self, errors: &mut FieldErrors) -> OperatorDraft {
        let expires = time::parse_input(&self.expires);
        if expires == TimeInput::Invalid {
            errors.add("operator.expire_time", ENGLISH.common.no_time);
        }
        let role = ROLES.into_iter().find(|role| role.as_str() == self.role);
        OperatorDraft {
            name: self.name.clone(),
            role: role.map_or(Choice::Unset, Choice::Is),
            expires: expires.time().map(Into::into),
        }
    }
}

/// Returns the options of the field for roles: the value sent, the name shown.
pub(super) fn roles() -> Vec<(&'static str, &'static str)> {
    ROLES.into_iter().map(|role| (role.as_str(), role_description(role))).collect()
}

/// Describes the permissions of a role.
pub(super) const fn role_description(role: Role) -> &'static str {
    let t = &ENGLISH.operators;
    match role {
        Role::Admin => t.role_admin,
        Role::Editor => t.role_editor,
        Role::Viewer => t.role_viewer,
        Role::Authorizer => t.role_authorizer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_its_operator_says() {
        let image = serde_json::json!({"name": "crm", "role": "authorizer", "expires": "2027-01-02T03:04:05Z"});
        let form = OperatorForm::from_image(&image);
        assert_eq!(form.expires, "2027-01-02T03:04:05");
        let mut errors = FieldErrors::none();
        assert_eq!(form.draft(&mut errors).role, Choice::Is(Role::Authorizer));
        assert!(errors.is_empty());
        let soon = OperatorForm { expires: "soon".to_owned(), ..OperatorForm::default() };
        assert_eq!(soon.draft(&mut errors).role, Choice::Unset, "nobody gets a role unasked");
        assert_eq!(errors.at("operator.expire_time").len(), 1);
    }
}
