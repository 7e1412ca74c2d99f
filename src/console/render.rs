//! Responses: pages, and redirects to other pages.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use http::StatusCode;

use super::error::PageError;

pub(super) type PageResult = Result<Response, PageError>;

pub(super) fn render(template: &impl Template) -> PageResult {
    render_with(StatusCode::OK, template)
}

/// Renders a page with another status, such as 422 for a form with invalid fields.
pub(super) fn render_with(status: StatusCode, template: &impl Template) -> PageResult {
    let html = template.render().map_err(|error| {
        tracing::error!(error = %error, "page failed");
        PageError::Internal
    })?;
    Ok((status, Html(html)).into_response())
}

/// Redirects to another page of the console with GET, so that a reload repeats nothing.
pub(super) fn redirect(path: &str) -> Response {
    Redirect::to(path).into_response()
}
