//! Switching an object on and off in place, in a list and on a page of its own.

use http::StatusCode;

use super::paths::is_local;
use super::{Console, FormFields, PageError, PageResult};
use crate::registry::{Error, Result, Written};

/// Returns whether the form switches on or off.
pub(super) fn parse_active(fields: &FormFields) -> std::result::Result<bool, PageError> {
    match fields.text("active") {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(PageError::BadAddress(String::new())),
    }
}

#[derive(Debug)]
pub(super) struct Switch<'a> {
    /// The page to return to if the form does not name the sender's page.
    pub(super) page: &'a str,
    /// The fragment on that page.
    pub(super) fragment: &'a str,
    /// The name of the action.
    pub(super) action: &'a str,
    /// Shown if somebody else changed the object since the form was rendered.
    pub(super) changed_meanwhile: &'a str,
}

impl Switch<'_> {
    /// Returns to the sender's page. A change by somebody else in the meantime is not overwritten.
    pub(super) async fn respond<T>(
        &self,
        console: &Console,
        fields: &FormFields,
        switched: Result<(T, Written)>,
    ) -> PageResult {
        match switched {
            Ok((_, written)) => {
                let back = fields.text("back");
                let back = if is_local(back) { back } else { self.page };
                let back = format!("{back}#{}", self.fragment);
                Ok(console.redirect_visible(&back, self.action, &written).await)
            }
            Err(Error::Stale(_)) => Err(PageError::Refused(StatusCode::CONFLICT, self.changed_meanwhile.to_owned())),
            Err(error) => Err(error.into()),
        }
    }
}
