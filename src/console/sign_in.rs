//! Signing in with an operator's token, and out.

use askama::Template;
use axum::extract::{RawQuery, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{StatusCode, header};

use super::answer::{Answer, go, is_local, page as answer, page_with};
use super::failure::Failure;
use super::form::{self, Fields, Posted};
use super::layout::Page;
use super::{Console, HOME, cookies, csrf, peer};
use crate::model::operator::Permission;
use crate::registry::{Caller, SignedOut, TokenText};

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: Page,
    /// Why there is no session any more.
    why: &'static str,
    /// What is wrong with the token.
    error: &'static str,
    /// Where to go then.
    next: String,
}

/// On to the sign-in page, which says why and goes on to `wanted`.
pub(super) fn send_to(why: Option<SignedOut>, wanted: &str) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(why) = why {
        query.append_pair("why", name(why));
    }
    if !wanted.is_empty() && wanted != "/" {
        query.append_pair("next", wanted);
    }
    let query = query.finish();
    let path = if query.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?{query}") };
    let mut response = Redirect::to(&path).into_response();
    if why.is_some() {
        for cookie in cookies::clear() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

const ALL: [SignedOut; 6] =
    [SignedOut::Unknown, SignedOut::Idle, SignedOut::Over, SignedOut::Revoked, SignedOut::Expired, SignedOut::Changed];

const fn name(why: SignedOut) -> &'static str {
    match why {
        SignedOut::Unknown => "unknown",
        SignedOut::Idle => "idle",
        SignedOut::Over => "over",
        SignedOut::Revoked => "revoked",
        SignedOut::Expired => "expired",
        SignedOut::Changed => "changed",
    }
}

/// `/`: where people land.
pub(super) async fn home() -> Response {
    go(HOME)
}

/// The form.
pub(super) async fn page(State(console): State<Console>, RawQuery(query): RawQuery) -> Answer {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let page = Page::bare(&console, super::texts::ENGLISH.sign_in.title);
    let t = &page.t.sign_in;
    let why = match ALL.into_iter().find(|why| name(*why) == query.text("why")) {
        None => "",
        Some(SignedOut::Unknown) => t.why_unknown,
        Some(SignedOut::Idle) => t.why_idle,
        Some(SignedOut::Over) => t.why_over,
        Some(SignedOut::Revoked) => t.why_revoked,
        Some(SignedOut::Expired) => t.why_expired,
        Some(SignedOut::Changed) => t.why_changed,
    };
    answer(&SignInPage { why, error: "", next: query.text("next").to_owned(), page })
}

/// Takes the token, begins a session.
pub(super) async fn submit(State(console): State<Console>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    // Without a session there is no token for the form; that it comes from here is told by the browser.
    if !csrf::is_same_origin(&parts.headers, &parts.uri) {
        return Err(Failure::ForeignForm);
    }
    let address = peer::address(&parts.extensions);
    console.attempts.admit(address).map_err(Failure::TooMany)?;
    let before = cookies::read(&parts.headers, console.secure);
    let over_tls = cookies::over_tls(&parts.headers, console.secure);
    let fields = form::read(&Request::from_parts(parts, ()), body).await?;

    let token = TokenText(fields.trimmed("token"));
    let operator = console.authority.operator(token.0.as_bytes()).await?;
    let page = Page::bare(&console, super::texts::ENGLISH.sign_in.title);
    let refuse = |page: Page, status, error| {
        console.attempts.failed(address);
        tracing::warn!(address = address.map(tracing::field::display), "a sign-in to the console was refused");
        page_with(status, &SignInPage { why: "", error, next: fields.text("next").to_owned(), page })
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
    let next = fields.text("next");
    let mut response = go(if is_local(next) { next } else { HOME });
    response.headers_mut().append(header::SET_COOKIE, cookies::set(&session, over_tls));
    Ok(response)
}

/// Ends the session.
pub(super) async fn sign_out(State(console): State<Console>, posted: Posted) -> Answer {
    console.registry.sign_out(&posted.session.caller, &posted.session.token).await?;
    let mut response = go("/sign-in");
    for cookie in cookies::clear() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    // Whatever the browser still keeps of our pages goes, too.
    response.headers_mut().insert("clear-site-data", http::HeaderValue::from_static("\"cache\""));
    Ok(response)
}
