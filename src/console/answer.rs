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

/// Whether `path` is a place within the console: no other site, and nothing that a browser could take for one.
pub(super) fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_our_own_are_gone_to() {
        for good in ["/", "/integration/keys?text=a%20b&store=main#x"] {
            assert!(is_local(good), "{good}");
        }
        for bad in ["", "keys", "//evil.test", "/\\evil.test", "/a\r\nSet-Cookie: a", "https://evil.test/", "/ä"] {
            assert!(!is_local(bad), "{bad}");
        }
    }
}
