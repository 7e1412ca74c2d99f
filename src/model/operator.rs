//! Operators: the callers of Latchkey itself, and the permissions of each role.

use super::change::Revision;
use super::id::OperatorId;
use super::marks::DecisionTime;
use super::text::named;
use super::time::Timestamp;

named! {
    /// The role of an operator, by the name that people write.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Role {
        /// Do everything, including managing operators.
        Admin = "admin",
        /// Read and change keys, stores and methods.
        Editor = "editor",
        /// Read keys, stores, methods, audit, usage and replicas.
        Viewer = "viewer",
        /// Request decisions, nothing else.
        Authorizer = "authorizer",
    }
}

/// The permission that a call requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Request decisions, or query one's own identity.
    Authorize,
    /// Read everything that is managed.
    View,
    /// Change keys, stores and methods.
    Edit,
    /// Read and change operators.
    Administer,
}

/// An operator, as managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Its identity.
    pub id: OperatorId,
    /// The display name, 1..=200 characters, unique among operators that are not revoked.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// When it expires; `None` means never.
    pub expires: Option<Timestamp>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// The last characters of its token.
    pub hint: String,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// The revision of its last change.
    pub row_revision: Revision,
}

impl Role {
    /// Returns whether an operator of this role has `permission`.
    pub const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Authorize => true,
            Permission::View => !matches!(self, Self::Authorizer),
            Permission::Edit => matches!(self, Self::Admin | Self::Editor),
            Permission::Administer => matches!(self, Self::Admin),
        }
    }
}

impl Operator {
    /// Returns the operator as recorded in the audit trail, without token or digest.
    pub fn image(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id, "name": self.name, "role": self.role, "expires": self.expires,
            "revoked": self.revoked, "hint": self.hint,
        })
    }

    /// Returns whether it is valid at this moment.
    pub fn is_valid(&self, now: impl Into<DecisionTime>) -> bool {
        let moment = now.into();
        self.revoked.is_none() && !self.expires.is_some_and(|expires| moment.is_past(expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_its_line_says() {
        use Permission::{Administer, Authorize, Edit, View};
        let table = [
            (Role::Admin, [true, true, true, true]),
            (Role::Editor, [true, true, true, false]),
            (Role::Viewer, [true, true, false, false]),
            (Role::Authorizer, [true, false, false, false]),
        ];
        for (role, expected) in table {
            assert_eq!(
                [Authorize, View, Edit, Administer].map(|permission| role.may(permission)),
                expected,
                "{role:?}"
            );
        }
    }
}
