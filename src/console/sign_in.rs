//! Signing in with an operator's token, and out.

use askama::Template;
use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{StatusCode, header};

use super::answer::{Answer, go, page as answer, page_with};
use super::assets::Assets;
use super::attempts::Failed;
use super::failure::Failure;
use super::form::{Fields, Kept};
use super::layout::Page;
use super::paths::{self, is_local};
use super::posted::{self, Posted};
use super::texts::ENGLISH;
use super::{Console, cookies, csrf, peer};
use crate::budget::OPEN_BODY;
use crate::model::operator::Permission;
use crate::registry::{Caller, SessionEnd, TokenText};

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    /// Why the session ended.
    why: &'static str,
    /// The error of the token.
    error: &'static str,
    /// The address to continue with.
    next: String,
    /// A form that is kept.
    kept: Kept,
}

/// A form that was kept, to be sent in the new session.
#[derive(Debug, Template)]
#[template(path = "kept.html")]
struct KeptPage {
    page: Page,
    kept: Kept,
}

/// Shows the sign-in page with a form that it keeps.
pub(super) fn keep(why: SessionEnd, kept: Kept) -> Response {
    let page = Page::of_assets(&Assets::new(), ENGLISH.sign_in.title);
    let template = SignInPage { why: told(why), error: "", next: String::new(), kept, page };
    let mut response = match page_with(StatusCode::FORBIDDEN, &template) {
        Ok(response) => response,
        Err(failure) => return failure.into_response(),
    };
    for cookie in cookies::clear() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Redirects to the sign-in page, which gives the reason and continues to `wanted`.
pub(super) fn send_to(why: Option<SessionEnd>, wanted: &str) -> Response {
    let wanted = if wanted == "/" { "" } else { wanted };
    let path = paths::with_query(paths::SIGN_IN, &[("why", why.map_or("", name)), ("next", wanted)]);
    let mut response = Redirect::to(&path).into_response();
    if why.is_some() {
        for cookie in cookies::clear() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

const ALL: [SessionEnd; 6] = [
    SessionEnd::Unknown,
    SessionEnd::Idle,
    SessionEnd::Over,
    SessionEnd::Revoked,
    SessionEnd::Expired,
    SessionEnd::Changed,
];

const fn name(why: SessionEnd) -> &'static str {
    match why {
        SessionEnd::Unknown => "unknown",
        SessionEnd::Idle => "idle",
        SessionEnd::Over => "over",
        SessionEnd::Revoked => "revoked",
        SessionEnd::Expired => "expired",
        SessionEnd::Changed => "changed",
    }
}

/// Redirects `/` to the start page.
pub(super) async fn home() -> Response {
    go(paths::HOME)
}

/// Shows the form.
pub(super) async fn page(State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let page = Page::bare(&console, ENGLISH.sign_in.title);
    let why = ALL.into_iter().find(|why| name(*why) == query.text("why")).map_or("", told);
    answer(&SignInPage { why, error: "", next: query.text("next").to_owned(), kept: Kept::default(), page })
}

/// Describes why the session ended, for people.
const fn told(why: SessionEnd) -> &'static str {
    let t = &ENGLISH.sign_in;
    match why {
        SessionEnd::Unknown => t.why_unknown,
        SessionEnd::Idle => t.why_idle,
        SessionEnd::Over => t.why_over,
        SessionEnd::Revoked => t.why_revoked,
        SessionEnd::Expired => t.why_expired,
        SessionEnd::Changed => t.why_changed,
    }
}

/// Checks the token and begins a session.
pub(super) async fn submit(State(console): State<Console>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    // Without a session there is no token for the form; its origin is checked by the browser's headers.
    if !csrf::is_same_origin(&parts.headers, &parts.uri) {
        return Err(Failure::ForeignForm);
    }
    let address = peer::address(&parts.extensions);
    let before = cookies::read(&parts.headers, console.secure);
    let over_tls = cookies::over_tls(&parts.headers, console.secure);
    let fields = posted::read(&Request::from_parts(parts, ()), body, OPEN_BODY).await?;

    let token = TokenText(fields.trimmed("token"));
    let operator = console.authority.operator(token.0.as_bytes()).await?;
    let page = Page::bare(&console, ENGLISH.sign_in.title);
    let refuse = |page: Page, status, error| {
        // Counted only now: a valid token is accepted, whatever others at this address do.
        let shown = address.map(tracing::field::display);
        match console.attempts.failed(address) {
            Failed::Few => tracing::warn!(address = shown, "console sign-in refused"),
            Failed::Many { first, left } => {
                if first {
                    let what = "console sign-ins keep being refused; further ones from this address are not logged";
                    tracing::warn!(address = shown, for_seconds = left.as_secs(), what);
                }
                return Err(Failure::TooMany(left));
            }
        }
        let (next, kept) = (fields.text("next").to_owned(), Kept::read(&fields));
        page_with(status, &SignInPage { why: "", error, next, kept, page })
    };
    let Some(operator) = operator else {
        let error = page.t.sign_in.wrong_token;
        return refuse(page, StatusCode::UNPROCESSABLE_ENTITY, error);
    };
    if !operator.role.may(Permission::View) {
        let error = page.t.sign_in.role_has_no_pages;
        return refuse(page, StatusCode::FORBIDDEN, error);
    }
    let caller = Caller { id: operator.id, name: operator.name.into(), role: operator.role };
    let session = console.registry.sign_in(&caller, &token, before.as_ref()).await?;
    let (next, kept) = (fields.text("next"), Kept::read(&fields));
    let mut response = if is_local(&kept.path) {
        let page = Page::bare(&console, ENGLISH.sign_in.kept_title);
        answer(&KeptPage { page: Page { csrf: csrf::token(&session), ..page }, kept })?
    } else {
        go(if is_local(next) { next } else { paths::HOME })
    };
    response.headers_mut().append(header::SET_COOKIE, cookies::set(&session, over_tls));
    Ok(response)
}

/// Ends the session.
pub(super) async fn sign_out(State(console): State<Console>, posted: Posted) -> Answer {
    console.registry.sign_out(&posted.session.caller, &posted.session.token).await?;
    let mut response = go(paths::SIGN_IN);
    for cookie in cookies::clear() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    // Also removes pages that the browser has cached.
    response.headers_mut().insert("clear-site-data", http::HeaderValue::from_static("\"cache\""));
    Ok(response)
}
