//! The response to a request that failed as a whole: a page that shows what went wrong and what to do, or the sign-in page.

use askama::Template;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use super::{Console, ENGLISH, PageError, PageLayout, Session, sign_in};
use crate::authority::Undecided;
use crate::registry;

#[derive(Debug, Template)]
#[template(path = "error.html")]
struct ErrorPage {
    page: PageLayout,
    what: String,
    advice: &'static str,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if let Self::SignedOut { why, return_to } = self {
            return sign_in::redirect_to_sign_in(why, &return_to);
        }
        if let Self::SignedOutWithForm { why, pending } = self {
            return sign_in::page_with_pending_form(why, pending);
        }
        let t = &ENGLISH.page_errors;
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        let (status, title, advice) = match &self {
            Self::SignedOut { .. } | Self::SignedOutWithForm { .. } | Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, t.internal, t.internal_advice)
            }
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, t.forbidden, t.forbidden_advice),
            Self::NotFound => (StatusCode::NOT_FOUND, t.not_found, t.not_found_advice),
            Self::ForeignForm => (StatusCode::FORBIDDEN, t.foreign_form, t.foreign_form_advice),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, t.too_large, t.too_large_advice),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, t.too_slow, t.too_slow_advice),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, t.too_many, t.too_many_advice),
            Self::Refused(status, _) => (*status, t.refused, t.refused_advice),
            Self::BadAddress(_) => (StatusCode::BAD_REQUEST, t.bad_address, t.bad_address_advice),
            Self::OutcomeUnknown => (unavailable, t.outcome_unknown, t.outcome_unknown_advice),
            Self::Busy | Self::NoDecision(Undecided::Overloaded) => (unavailable, t.busy, t.busy_advice),
            Self::Unavailable | Self::NoDecision(Undecided::Storage) => {
                (unavailable, t.unavailable, t.unavailable_advice)
            }
            Self::NoDecision(Undecided::Loading) => (unavailable, t.loading, t.loading_advice),
            Self::NoDecision(Undecided::Stale | Undecided::NoHeartbeat { .. }) => {
                (unavailable, t.stale, t.stale_advice)
            }
            Self::NoDecision(Undecided::Behind) => (unavailable, t.behind, t.behind_advice),
            Self::NoDecision(Undecided::Changing) => (unavailable, t.changing, t.changing_advice),
            Self::NoDecision(Undecided::Incomplete | Undecided::ForeignRevision) => {
                (unavailable, t.incomplete, t.incomplete_advice)
            }
        };
        let what = match &self {
            Self::Forbidden(permission) => registry::Error::CallerRefused(*permission).to_string(),
            Self::Refused(_, what) | Self::BadAddress(what) => what.clone(),
            _ => String::new(),
        };
        let page = ErrorPage { page: PageLayout::without_session(title), what, advice };
        let html = page.render().unwrap_or_else(|_| title.to_owned());
        let mut response = (status, Html(html)).into_response();
        if let Self::TooMany(left) = self {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(left.as_secs() + 1));
        }
        response
    }
}

/// Handles every address without a page: without a session, callers don't learn which addresses exist.
pub(super) async fn no_such_page(State(console): State<Console>, request: Request) -> PageError {
    let (mut parts, _) = request.into_parts();
    match Session::from_request_parts(&mut parts, &console).await {
        Ok(_) => PageError::NotFound,
        Err(failure) => failure,
    }
}

/// Handles requests with a method that the page does not support.
pub(super) async fn wrong_method() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, "this address does not support that method\n").into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_page_without_a_decision_blames_storage_only_if_it_did_not_respond() {
        let heartbeats = Undecided::NoHeartbeat { seconds: 90, because: "it is read-only" };
        for (undecided, title) in [
            (Undecided::Storage, "Storage is unavailable"),
            (Undecided::Loading, "This server is loading its data"),
            (Undecided::Stale, "This server can&#39;t confirm that its data is current"),
            (heartbeats, "This server can&#39;t confirm that its data is current"),
            (Undecided::Behind, "This server doesn&#39;t have the latest changes yet"),
            (Undecided::Changing, "The data kept changing"),
            (Undecided::Incomplete, "Storage seems to be incomplete"),
            (Undecided::Overloaded, "The server is busy"),
        ] {
            let response = PageError::from(undecided).into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            let page = response.into_body().collect().await.unwrap().to_bytes();
            let page = String::from_utf8(page.to_vec()).unwrap();
            assert!(page.contains(&format!("<h1>{title}</h1>")), "{undecided:?}: {page}");
        }
    }
}
