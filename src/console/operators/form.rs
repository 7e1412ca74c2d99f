//! The form of an operator, and the registry's types built from it.

use crate::console::{ENGLISH, Field, Form};
use crate::model::operator::Role;
use crate::registry::{Choice, OperatorDraft};

pub(super) const FIELDS: [Field; 3] = [Field::Line("name"), Field::Line("role"), Field::Time("expires")];

/// The registry's fields that the form has, next to which it shows their errors.
pub(super) const FORM_FIELDS: [&str; 6] =
    ["operator.name", "operator.role", "operator.expire_time", "options.comment", "sure", "sure_rotate"];

/// The roles, in ascending order of permissions.
const ROLES: [Role; 4] = [Role::Authorizer, Role::Viewer, Role::Editor, Role::Admin];

/// Builds the draft for the registry. Input that can't be parsed is an error of the form.
pub(super) fn draft(form: &mut Form) -> OperatorDraft {
    OperatorDraft {
        name: form.text("name").to_owned(),
        role: parse_role(form.text("role")),
        expires: form.parse_time("expires", "operator.expire_time"),
    }
}

pub(super) fn parse_role(name: &str) -> Choice<Role> {
    ROLES.into_iter().find(|role| role.as_str() == name).map_or(Choice::Unset, Choice::Is)
}

/// Returns the options of the field for roles: the value sent, the name shown.
pub(super) fn roles() -> [(&'static str, &'static str); 4] {
    ROLES.map(|role| (role.as_str(), role_description(role)))
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
    use crate::console::FormFields;

    #[test]
    fn a_form_says_what_its_operator_says() {
        let image = serde_json::json!({"name": "crm", "role": "authorizer", "expires": "2027-01-02T03:04:05Z"});
        let mut form = Form::from_image(&FIELDS, &image);
        assert_eq!(form.text("expires"), "2027-01-02T03:04:05");
        assert_eq!(draft(&mut form).role, Choice::Is(Role::Authorizer));
        assert!(form.errors.is_empty());
        let mut soon = Form::read(&FIELDS, &FormFields::parse(b"expires=soon"));
        assert_eq!(draft(&mut soon).role, Choice::Unset, "nobody gets a role unasked");
        assert_eq!(soon.errors.at("operator.expire_time").len(), 1);
    }
}
