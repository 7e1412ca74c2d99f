//! Switching an object on and off in place, in a list and on a page of its own.

use http::StatusCode;

use super::Console;
use super::answer::{Answer, go};
use super::failure::Failure;
use super::form::Fields;
use super::paths::is_local;
use crate::registry::{Error, Result, Written};

/// Returns whether the form switches on or off.
pub(super) fn wanted(fields: &Fields) -> std::result::Result<bool, Failure> {
    match fields.text("active") {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Failure::BadAddress(String::new())),
    }
}

/// A switch of one object.
#[derive(Debug)]
pub(super) struct Switch<'a> {
    /// The page to return to if the form does not name the sender's page.
    pub(super) page: &'a str,
    /// The fragment on that page.
    pub(super) place: &'a str,
    /// The name of the action.
    pub(super) what: &'a str,
    /// Shown if somebody else changed the object since the form was rendered.
    pub(super) changed_meanwhile: &'a str,
}

impl Switch<'_> {
    /// Returns to the sender's page. A change by somebody else in the meantime is not overwritten.
    pub(super) async fn answer<T>(&self, console: &Console, fields: &Fields, switched: Result<(T, Written)>) -> Answer {
        match switched {
            Ok((_, written)) => {
                let back = fields.text("back");
                let back = if is_local(back) { back } else { self.page };
                let back = format!("{back}#{}", self.place);
                Ok(go(&console.done_quietly(&back, self.what, &written).await))
            }
            Err(Error::Stale(_)) => Err(Failure::Refused(StatusCode::CONFLICT, self.changed_meanwhile.to_owned())),
            Err(error) => Err(error.into()),
        }
    }
}
