//! Signing in with an operator's token, and out.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{Extensions, StatusCode, header};
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

use super::form::PendingForm;
use super::paths::is_local;
use super::sign_in_limiter::FailureLimit;
use super::{
    Console, ENGLISH, FormFields, FormPost, PageError, PageLayout, PageResult, cookies, csrf, form_post, paths,
    redirect, render, render_with,
};
use crate::budget::OPEN_BODY;
use crate::model::operator::Permission;
use crate::registry::{Caller, SessionEnd, TokenText};

#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    page: PageLayout,
    /// Why the session ended.
    why: &'static str,
    error: &'static str,
    /// The address to continue with.
    next: String,
    pending: PendingForm,
}

/// A form that was kept, to be sent in the new session.
#[derive(Debug, Template)]
#[template(path = "resend.html")]
struct ResendPage {
    page: PageLayout,
    pending: PendingForm,
}

/// Shows the sign-in page with a form that it keeps.
pub(super) fn page_with_pending_form(why: SessionEnd, pending: PendingForm) -> Response {
    let page = PageLayout::without_session(ENGLISH.sign_in.title);
    let template = SignInPage { why: reason(why).1, error: "", next: String::new(), pending, page };
    match render_with(StatusCode::FORBIDDEN, &template) {
        Ok(mut response) => {
            cookies::clear(response.headers_mut());
            response
        }
        Err(failure) => failure.into_response(),
    }
}

/// Redirects to the sign-in page, which gives the reason and continues to `return_to`.
pub(super) fn redirect_to_sign_in(why: Option<SessionEnd>, return_to: &str) -> Response {
    let return_to = if return_to == "/" { "" } else { return_to };
    let path = paths::with_query(paths::SIGN_IN, &[("why", why.map_or("", |why| reason(why).0)), ("next", return_to)]);
    let mut response = Redirect::to(&path).into_response();
    if why.is_some() {
        cookies::clear(response.headers_mut());
    }
    response
}

const REASONS: [SessionEnd; 6] = [
    SessionEnd::Unknown,
    SessionEnd::Idle,
    SessionEnd::Over,
    SessionEnd::Revoked,
    SessionEnd::Expired,
    SessionEnd::Changed,
];

/// Returns the name of a reason in the address, and its text.
const fn reason(why: SessionEnd) -> (&'static str, &'static str) {
    let t = &ENGLISH.sign_in;
    match why {
        SessionEnd::Unknown => ("unknown", t.why_unknown),
        SessionEnd::Idle => ("idle", t.why_idle),
        SessionEnd::Over => ("over", t.why_over),
        SessionEnd::Revoked => ("revoked", t.why_revoked),
        SessionEnd::Expired => ("expired", t.why_expired),
        SessionEnd::Changed => ("changed", t.why_changed),
    }
}

pub(super) async fn page(query: FormFields) -> PageResult {
    let page = PageLayout::without_session(ENGLISH.sign_in.title);
    let why = REASONS.map(reason).into_iter().find(|(name, _)| *name == query.text("why")).map_or("", |(_, why)| why);
    render(&SignInPage { why, error: "", next: query.text("next").to_owned(), pending: PendingForm::default(), page })
}

/// Returns the address of the peer of the connection, if the server recorded it.
fn peer_address(extensions: &Extensions) -> Option<IpAddr> {
    let plain = extensions.get::<TcpConnectInfo>();
    let info = plain.or_else(|| extensions.get::<TlsConnectInfo<TcpConnectInfo>>().map(TlsConnectInfo::get_ref))?;
    Some(info.remote_addr()?.ip().to_canonical())
}

/// Checks the token and begins a session.
pub(super) async fn submit(State(console): State<Console>, request: Request) -> PageResult {
    let (parts, body) = request.into_parts();
    // Without a session there is no token for the form; its origin is checked by the browser's headers.
    if !csrf::is_same_origin(&parts.headers, &parts.uri) {
        return Err(PageError::ForeignForm);
    }
    let address = peer_address(&parts.extensions);
    let before = cookies::read(&parts.headers, console.secure);
    let over_tls = cookies::over_tls(&parts.headers, console.secure);
    let fields = form_post::read_form(&Request::from_parts(parts, ()), body, OPEN_BODY).await?;

    let token = TokenText(fields.trimmed("token"));
    let operator = console.authority.operator(token.0.as_bytes()).await?;
    let refuse = |status, error| {
        // Counted only now: a valid token is accepted, whatever others at this address do.
        let shown = address.map(tracing::field::display);
        match console.sign_in_limiter.record_failure(address) {
            FailureLimit::Within => tracing::warn!(address = shown, "console sign-in refused"),
            FailureLimit::Exceeded { first, retry_after } => {
                if first {
                    let what = "console sign-ins keep being refused; further ones from this address are not logged";
                    tracing::warn!(address = shown, for_seconds = retry_after.as_secs(), what);
                }
                return Err(PageError::TooMany(retry_after));
            }
        }
        let (next, pending) = (fields.text("next").to_owned(), PendingForm::read(&fields));
        let page = PageLayout::without_session(ENGLISH.sign_in.title);
        render_with(status, &SignInPage { why: "", error, next, pending, page })
    };
    let Some(operator) = operator else {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, ENGLISH.sign_in.wrong_token);
    };
    if !operator.role.may(Permission::View) {
        return refuse(StatusCode::FORBIDDEN, ENGLISH.sign_in.role_has_no_pages);
    }
    let caller = Caller { id: operator.id, name: operator.name, role: operator.role };
    let session = console.registry.sign_in(&caller, &token, before.as_ref()).await?;
    let (next, pending) = (fields.text("next"), PendingForm::read(&fields));
    let mut response = if is_local(&pending.path) {
        let page = PageLayout::without_session(ENGLISH.sign_in.kept_title);
        render(&ResendPage { page: PageLayout { csrf: csrf::token(&session), ..page }, pending })?
    } else {
        redirect(if is_local(next) { next } else { paths::KEYS })
    };
    response.headers_mut().append(header::SET_COOKIE, cookies::set(&session, over_tls));
    Ok(response)
}

pub(super) async fn sign_out(State(console): State<Console>, post: FormPost) -> PageResult {
    console.registry.sign_out(&post.session.caller, &post.session.token).await?;
    let mut response = redirect(paths::SIGN_IN);
    cookies::clear(response.headers_mut());
    // Also removes pages that the browser has cached.
    response.headers_mut().insert("clear-site-data", http::HeaderValue::from_static("\"cache\""));
    Ok(response)
}
