//! Reading forms that were sent from one of our own pages.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use http::header;

use super::Console;
use super::failure::Failure;
use super::form::{Fields, Kept};
use super::session::Session;
use super::{cookies, csrf, paths};
use crate::budget::OPEN_BODY;

/// Largest form of a session, in bytes: ten thousand stores, or a reference book as a file.
const LARGEST: usize = 4 * 1024 * 1024;
/// Largest form that is kept during a sign-in, in bytes. It is sent back with the sign-in form, a few bytes longer for
/// each field.
const LARGEST_KEPT: usize = OPEN_BODY / 2;

/// Forms that are not kept during a sign-in: a pasted token must not be shown to another person, and signing out is
/// already done.
const NOT_KEPT: [&str; 2] = [paths::FIND, paths::SIGN_OUT];

/// A form of a session, sent from one of our own pages.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) session: Session,
    pub(super) fields: Fields,
}

impl FromRequest<Console> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        if !csrf::is_same_origin(&parts.headers, &parts.uri) {
            return Err(Failure::ForeignForm);
        }
        let session = match Session::from_request_parts(&mut parts, console).await {
            Err(Failure::SignedOut { why: Some(why), .. }) => {
                let kept = kept(console, parts, body).await;
                return Err(kept.map_or(Failure::SignedOut { why: Some(why), wanted: String::new() }, |kept| {
                    Failure::SignedOutTyping { why, kept }
                }));
            }
            session => session?,
        };
        let fields = read(&Request::from_parts(parts, ()), body, LARGEST).await?;
        if !csrf::is_token(&session.token, fields.text(csrf::FIELD)) {
            return Err(Failure::ForeignForm);
        }
        Ok(Self { session, fields })
    }
}

/// Returns the form of an ended session, if it was rendered for that session and is not too long.
async fn kept(console: &Console, parts: http::request::Parts, body: axum::body::Body) -> Option<Kept> {
    let token = cookies::read(&parts.headers, console.secure)?;
    let path = parts.uri.path().to_owned();
    let fields = read(&Request::from_parts(parts, ()), body, LARGEST_KEPT).await.ok()?;
    let ours = csrf::is_token(&token, fields.text(csrf::FIELD)) && !NOT_KEPT.contains(&&*path);
    ours.then_some(Kept { path, fields })
}

/// Reads the fields of a form of at most `most` bytes.
pub(super) async fn read(request: &Request<()>, body: axum::body::Body, most: usize) -> Result<Fields, Failure> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Failure::ForeignForm);
    }
    let bytes = to_bytes(body, most).await.map_err(|error| unread(&error))?;
    Ok(Fields::parse(&bytes))
}

/// Returns why a body could not be read to its end.
fn unread(error: &axum::Error) -> Failure {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        match error.downcast_ref::<tonic::Status>().map(tonic::Status::code) {
            Some(tonic::Code::Unavailable) => return Failure::Busy,
            Some(tonic::Code::DeadlineExceeded) => return Failure::TooSlow,
            _ => cause = error.source(),
        }
    }
    Failure::TooLarge
}
