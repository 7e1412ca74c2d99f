//! Answers: pages, and ways to other pages.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::StatusCode;

use super::failure::Failure;

/// What a page's handler comes to.
pub(super) type Answer = Result<Response, Failure>;

/// A page.
pub(super) fn page(template: &impl Template) -> Answer {
    page_with(StatusCode::OK, template)
}

/// A page with another status, such as 422 for a form with wrong fields.
pub(super) fn page_with(status: StatusCode, template: &impl Template) -> Answer {
    let html = template.render().map_err(|error| {
        tracing::error!(error = %error, "page failed");
        Failure::Internal
    })?;
    Ok((status, Html(html)).into_response())
}

/// On to another page of the console with GET, so that reloading repeats nothing.
pub(super) fn go(path: &str) -> Response {
    Redirect::to(path).into_response()
}
