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

impl Console {
    /// Returns to the object's `fragment` on the sender's page, or on `page` if the form does not name the sender's. A
    /// change by somebody else since the form was rendered is not overwritten, and is shown as `changed_meanwhile`.
    pub(super) async fn switched<T>(
        &self,
        fields: &FormFields,
        (page, fragment): (&str, &str),
        action: &str,
        changed_meanwhile: &str,
        switched: Result<(T, Written)>,
    ) -> PageResult {
        match switched {
            Ok((_, written)) => {
                let back = Some(fields.text("back")).filter(|back| is_local(back)).unwrap_or(page);
                Ok(self.redirect_visible(&format!("{back}#{fragment}"), action, &written).await)
            }
            Err(Error::Stale(_)) => Err(PageError::Refused(StatusCode::CONFLICT, changed_meanwhile.to_owned())),
            Err(error) => Err(error.into()),
        }
    }
}
