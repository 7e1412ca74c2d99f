//! Finding the key of a token. The token is sent in a form, is looked up, and appears in no page, address or log.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;

use super::form::FieldErrors;
use super::form_post::FormPost;
use super::layout::PageLayout;
use super::nav::Section;
use super::render::{PageResult, render, render_with};
use super::session::Session;
use super::texts::ENGLISH;
use super::time::DisplayTime;
use super::{Console, paths};
use crate::model::decision::Reason;
use crate::model::time::Timestamp;
use crate::registry::{Error, FoundSecret, TokenText};

#[derive(Debug, Template)]
#[template(path = "find.html")]
struct FindPage {
    page: PageLayout,
    errors: FieldErrors,
    found: Option<FoundKey>,
}

/// The key that a token belongs to.
#[derive(Debug)]
struct FoundKey {
    id: String,
    name: String,
    owner: String,
    hint: String,
    /// Why it grants access to nothing; empty if it is valid.
    problems: Vec<&'static str>,
    /// When the token ended, or will end.
    ended: Option<DisplayTime>,
    ends: Option<DisplayTime>,
    created: DisplayTime,
    last_used: Option<DisplayTime>,
    deleted: bool,
    /// Address of the history of the key.
    full_history: String,
}

/// Returns the route of the page.
pub(super) fn routes() -> Router<Console> {
    Router::new().route(paths::FIND, get(form).post(submit))
}

async fn form(State(console): State<Console>, session: Session) -> PageResult {
    let page = PageLayout::new(&console, &session, Section::Find, ENGLISH.find.title);
    render(&FindPage { page, errors: FieldErrors::none(), found: None })
}

async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    let token = TokenText(post.fields.trimmed("token"));
    let page = PageLayout::new(&console, &post.session, Section::Find, ENGLISH.find.title);
    let mut errors = FieldErrors::none();
    match console.registry.find_key(&token).await {
        Ok(found) => {
            let found = Some(FoundKey::new(found, console.authority.now()));
            return render(&FindPage { page, errors, found });
        }
        Err(Error::Invalid(violations)) => errors.extend(&violations),
        Err(Error::TokenUnknown) => errors.add("token", ENGLISH.find.unknown),
        Err(error) => return Err(error.into()),
    }
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &FindPage { page, errors, found: None })
}

impl FoundKey {
    fn new(found: FoundSecret, now: Timestamp) -> Self {
        let t = &ENGLISH.find;
        let (key, secret) = (found.key, found.secret);
        let status = key.status(now);
        let over = secret.expires.filter(|expires| *expires <= now);
        let problems = [
            (found.deleted, t.key_deleted),
            (status.contains(Reason::KeyRevoked), t.key_revoked),
            (status.contains(Reason::KeyInactive), t.key_off),
            (status.contains(Reason::KeyExpired), t.key_expired),
            (status.contains(Reason::KeyNotYetValid), t.key_early),
            (found.ended.is_some() || over.is_some(), t.ended),
        ];
        let id = key.id.to_string();
        Self {
            full_history: paths::subject_changes("key", &id),
            id,
            name: key.spec.name,
            owner: key.spec.owner,
            hint: secret.hint,
            problems: problems.into_iter().filter_map(|(is_so, text)| is_so.then_some(text)).collect(),
            ended: found.ended.or(over).map(DisplayTime),
            ends: secret.expires.filter(|expires| now < *expires && found.ended.is_none()).map(DisplayTime),
            created: DisplayTime(secret.created),
            last_used: secret.last_used.map(DisplayTime),
            deleted: found.deleted,
        }
    }
}
