//! The form of an operator: what was typed, as it was typed, and what the registry makes of it.

use serde_json::Value;

use crate::console::form::{Errors, Fields};
use crate::console::texts::ENGLISH;
use crate::console::time::{self, Read};
use crate::model::operator::{Operator, Role};
use crate::registry::{Choice, OperatorDraft};

/// The fields of the registry that have a place in the form, where what is wrong with them is shown.
pub(super) const SHOWN: [&str; 6] =
    ["operator.name", "operator.role", "operator.expire_time", "options.comment", "sure", "sure_rotate"];

/// The roles, the least first.
pub(super) const ROLES: [Role; 4] = [Role::Authorizer, Role::Viewer, Role::Editor, Role::Admin];

/// What stands in the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OperatorForm {
    pub(super) name: String,
    pub(super) role: String,
    pub(super) expires: String,
}

impl OperatorForm {
    /// What was sent.
    pub(super) fn read(fields: &Fields) -> Self {
        Self { name: fields.trimmed("name"), role: fields.trimmed("role"), expires: fields.trimmed("expires") }
    }

    /// What an operator says of itself.
    pub(super) fn of(operator: &Operator) -> Self {
        Self::of_image(&operator.image())
    }

    /// What the audit trail says of an operator.
    pub(super) fn of_image(image: &Value) -> Self {
        let text = |field: &str| image.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let expires = text("expires").parse().map(time::written).unwrap_or_default();
        Self { name: text("name"), role: text("role"), expires }
    }

    /// What can be changed, to be laid over what somebody else made of it.
    pub(super) fn parts(&mut self) -> [&mut String; 3] {
        [&mut self.name, &mut self.role, &mut self.expires]
    }

    /// What the registry is given. What it could not be told, because it cannot be read, is added to `errors`.
    pub(super) fn draft(&self, errors: &mut Errors) -> OperatorDraft {
        let expires = time::read(&self.expires);
        if expires == Read::Nonsense {
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

/// The roles for a field to choose from: what it sends, what people read of it.
pub(super) fn roles() -> Vec<(&'static str, &'static str)> {
    ROLES.into_iter().map(|role| (role.as_str(), meaning(role))).collect()
}

/// What a role may do.
pub(super) const fn meaning(role: Role) -> &'static str {
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
        let form = OperatorForm::of_image(&image);
        assert_eq!(form.expires, "2027-01-02T03:04:05");
        let mut errors = Errors::none();
        assert_eq!(form.draft(&mut errors).role, Choice::Is(Role::Authorizer));
        assert!(errors.is_empty());
        let soon = OperatorForm { expires: "soon".to_owned(), ..OperatorForm::default() };
        assert_eq!(soon.draft(&mut errors).role, Choice::Unset, "nobody gets a role unasked");
        assert_eq!(errors.at("operator.expire_time").len(), 1);
    }
}
