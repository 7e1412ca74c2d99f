//! Switching something on and off in place, in a list and on a page of its own.

use http::StatusCode;

use super::Console;
use super::answer::{Answer, go};
use super::failure::Failure;
use super::form::Fields;
use super::paths::is_local;
use crate::registry::{Error, Result, Written};

/// Whether the form says on or off.
pub(super) fn wanted(fields: &Fields) -> std::result::Result<bool, Failure> {
    match fields.text("active") {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Failure::BadAddress(String::new())),
    }
}

/// A switch of one thing.
#[derive(Debug)]
pub(super) struct Switch<'a> {
    /// Where to go if the form does not say where it was sent from.
    pub(super) page: &'a str,
    /// The place on that page.
    pub(super) place: &'a str,
    /// The name of what was done.
    pub(super) what: &'a str,
    /// Shown if somebody else changed the thing since the form was made.
    pub(super) changed_meanwhile: &'a str,
}

impl Switch<'_> {
    /// Goes back to where the form was sent from. What somebody else changed meanwhile is left as it is.
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
