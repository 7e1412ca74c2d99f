//! Switching something on and off in place, in a list and on a page of its own.

use http::StatusCode;

use super::answer::{Answer, go, is_local};
use super::failure::Failure;
use super::form::Fields;
use crate::registry::{Error, Result};

/// Whether the form says on or off.
pub(super) fn wanted(fields: &Fields) -> std::result::Result<bool, Failure> {
    match fields.text("active") {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Failure::BadAddress(String::new())),
    }
}

/// Goes back to where the form was sent from, or to `page`, and there to `place`; what somebody else changed meanwhile is
/// left as it is, and told.
pub(super) fn answer<T>(
    switched: Result<T>,
    fields: &Fields,
    page: &str,
    place: &str,
    changed_meanwhile: &str,
) -> Answer {
    match switched {
        Ok(_) => {
            let back = fields.text("back");
            let back = if is_local(back) { back } else { page };
            Ok(go(&format!("{back}#{place}")))
        }
        Err(Error::Stale(_)) => Err(Failure::Refused(StatusCode::CONFLICT, changed_meanwhile.to_owned())),
        Err(error) => Err(error.into()),
    }
}
