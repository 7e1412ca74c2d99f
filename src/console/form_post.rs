//! Reading forms that were sent from one of our own pages.

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use http::header;

use super::form::PendingForm;
use super::{Console, FormFields, PageError, Session, cookies, csrf, paths};
use crate::budget::OPEN_BODY;

/// Largest form of a session, in bytes: ten thousand stores, or a reference book as a file.
const MAX_FORM_BYTES: usize = 4 * 1024 * 1024;
/// Largest form that is kept during a sign-in, in bytes. It is sent back with the sign-in form, a few bytes longer for
/// each field.
const MAX_PENDING_FORM_BYTES: usize = OPEN_BODY / 2;

/// Forms that are not kept during a sign-in: a pasted token must not be shown to another person, and signing out is
/// already done.
const NOT_RESUMABLE: [&str; 2] = [paths::FIND, paths::SIGN_OUT];

/// A form of a session, sent from one of our own pages.
#[derive(Debug)]
pub(super) struct FormPost {
    pub(super) session: Session,
    pub(super) fields: FormFields,
}

impl FromRequest<Console> for FormPost {
    type Rejection = PageError;

    async fn from_request(request: Request, console: &Console) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        if !csrf::is_same_origin(&parts.headers, &parts.uri) {
            return Err(PageError::ForeignForm);
        }
        let session = match Session::from_request_parts(&mut parts, console).await {
            Err(PageError::SignedOut { why: Some(why), .. }) => {
                return Err(match read_pending_form(console, parts, body).await {
                    Some(pending) => PageError::SignedOutWithForm { why, pending },
                    None => PageError::SignedOut { why: Some(why), return_to: String::new() },
                });
            }
            session => session?,
        };
        let fields = read_form(&Request::from_parts(parts, ()), body, MAX_FORM_BYTES).await?;
        if !csrf::is_valid_token(&session.token, fields.text(csrf::FIELD)) {
            return Err(PageError::ForeignForm);
        }
        Ok(Self { session, fields })
    }
}

/// Returns the form of an ended session, if it was rendered for that session and is not too long.
async fn read_pending_form(
    console: &Console,
    parts: http::request::Parts,
    body: axum::body::Body,
) -> Option<PendingForm> {
    let token = cookies::read(&parts.headers, console.secure)?;
    let path = parts.uri.path().to_owned();
    let fields = read_form(&Request::from_parts(parts, ()), body, MAX_PENDING_FORM_BYTES).await.ok()?;
    let ours = csrf::is_valid_token(&token, fields.text(csrf::FIELD)) && !NOT_RESUMABLE.contains(&&*path);
    ours.then_some(PendingForm { path, fields })
}

pub(super) async fn read_form(
    request: &Request<()>,
    body: axum::body::Body,
    most: usize,
) -> Result<FormFields, PageError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(PageError::ForeignForm);
    }
    let bytes = to_bytes(body, most).await.map_err(|error| body_error(&error))?;
    Ok(FormFields::parse(&bytes))
}

/// Returns why a body could not be read to its end.
fn body_error(error: &axum::Error) -> PageError {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        match error.downcast_ref::<tonic::Status>().map(tonic::Status::code) {
            Some(tonic::Code::Unavailable) => return PageError::Busy,
            Some(tonic::Code::DeadlineExceeded) => return PageError::TooSlow,
            _ => cause = error.source(),
        }
    }
    PageError::TooLarge
}
