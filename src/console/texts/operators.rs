//! Texts of Oversight › Operators.

use super::section::texts;

texts! {
    /// Operators.
    OperatorTexts {
        lead: "People and services that can call Latchkey itself.",
        add_title: "Add an operator",
        name_help: "A person or a service. The audit trail shows this name.",
        choose_role: "Choose a role.",
        role_admin: "Can do everything, including managing operators.",
        role_editor: "Can read everything, and change keys, stores and the reference book.",
        role_viewer: "Can read keys, stores, the reference book, the audit trail and replicas.",
        role_authorizer: "Can only request decisions. For services; no access to the console.",
        you: "you",
        include_revoked: "Include revoked",
        nothing_found: "No operators match.",
        save_new: "Add operator",
        own_help: "This is you. If you save changes here, you'll have to sign in again.",
        changes_made: "Activity",
        created_title: "Operator added",
        rotated_title: "New token created",
        created_keep: "Anyone who has it can do what the role allows. If it gets lost, rotate it to create a new one.",
        created_own: "This signed you out. Sign in with the new token.",
        created_open: "View operators",
        rotate: "Rotate token",
        rotate_help: "Creates a new token. The current token and all sessions started with it end immediately.",
        rotate_sure: "Yes, revoke the current token",
        revoke: "Revoke",
        revoke_help: "Permanent: the token and all sessions of this operator end immediately. Its name stays in the audit trail.",
        revoke_sure: "Yes, revoke this operator",
        revoke_now: "Revoke operator",
    }
}
