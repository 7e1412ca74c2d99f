//! Sessions: the cookie leads to a row in storage, the row to the operator's current state.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::Method;
use http::request::Parts;

use super::{Console, PageError, cookies, csrf};
use crate::budget::CallBudget;
use crate::model::operator::Permission;
use crate::registry::{Caller, SessionEnd, SessionToken};

/// The session of a signed-in operator.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) token: SessionToken,
    pub(super) caller: Caller,
    /// The token of this session's forms.
    pub(super) csrf: String,
}

impl Session {
    /// Returns whether the operator's role has the permission. Pages use it to hide actions; the registry checks again.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.caller.role.may(permission)
    }

    /// Returns an error without the permission.
    pub(super) fn require(&self, permission: Permission) -> Result<(), PageError> {
        if self.may(permission) { Ok(()) } else { Err(PageError::Forbidden(permission)) }
    }
}

impl FromRequestParts<Console> for Session {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, PageError> {
        // Only pages can be returned to, not forms.
        let return_to = if parts.method == Method::GET {
            parts.uri.path_and_query().map(|path| path.as_str().to_owned()).unwrap_or_default()
        } else {
            String::new()
        };
        let Some(token) = cookies::read(&parts.headers, console.secure) else {
            return Err(PageError::SignedOut { why: None, return_to });
        };
        match console
            .registry
            .session(&token, console.authority.now(), |row| console.authority.decision_time(row))
            .await?
        {
            Ok(signed_in) if signed_in.caller.role.may(Permission::View) => {
                if let Some(call) = parts.extensions.get::<Arc<CallBudget>>() {
                    call.mark_known().map_err(|_| PageError::Busy)?;
                }
                Ok(Self { csrf: csrf::token(&token), token, caller: signed_in.caller })
            }
            Ok(_) => Err(PageError::SignedOut { why: Some(SessionEnd::Changed), return_to }),
            Err(why) => Err(PageError::SignedOut { why: Some(why), return_to }),
        }
    }
}
