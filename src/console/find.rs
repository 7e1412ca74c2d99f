//! Finding the key of a token. The token is sent in a form, is looked up, and appears in no page, address or log.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;

use super::answer::{Answer, page as answer, page_with};
use super::form::Errors;
use super::layout::Page;
use super::nav::Place;
use super::posted::Posted;
use super::session::Session;
use super::texts::ENGLISH;
use super::time::Moment;
use super::{Console, paths};
use crate::model::decision::Reason;
use crate::model::time::Timestamp;
use crate::registry::{Error, FoundSecret, TokenText};

#[derive(Debug, Template)]
#[template(path = "find.html")]
struct FindPage {
    page: Page,
    errors: Errors,
    found: Option<Belongs>,
}

/// The key that a token belongs to.
#[derive(Debug)]
struct Belongs {
    id: String,
    name: String,
    owner: String,
    hint: String,
    /// Why it grants access to nothing; empty if it is valid.
    faults: Vec<&'static str>,
    /// When the token ended, or will end.
    ended: Option<Moment>,
    ends: Option<Moment>,
    created: Moment,
    last_used: Option<Moment>,
    deleted: bool,
    /// Address of the history of the key.
    trail: String,
}

/// Returns the route of the page.
pub(super) fn routes() -> Router<Console> {
    Router::new().route(paths::FIND, get(form).post(submit))
}

async fn form(State(console): State<Console>, session: Session) -> Answer {
    let page = Page::new(&console, &session, Place::Find, ENGLISH.find.title);
    answer(&FindPage { page, errors: Errors::none(), found: None })
}

async fn submit(State(console): State<Console>, posted: Posted) -> Answer {
    let token = TokenText(posted.fields.trimmed("token"));
    let page = Page::new(&console, &posted.session, Place::Find, ENGLISH.find.title);
    let mut errors = Errors::none();
    match console.registry.find_key(&token).await {
        Ok(found) => {
            let found = Some(Belongs::new(found, console.authority.now()));
            return answer(&FindPage { page, errors, found });
        }
        Err(Error::Invalid(violations)) => errors.extend(&violations),
        Err(Error::TokenUnknown) => errors.add("token", ENGLISH.find.unknown),
        Err(error) => return Err(error.into()),
    }
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &FindPage { page, errors, found: None })
}

impl Belongs {
    fn new(found: FoundSecret, now: Timestamp) -> Self {
        let t = &ENGLISH.find;
        let (key, secret) = (found.key, found.secret);
        let status = key.status(now);
        let over = secret.expires.filter(|expires| *expires <= now);
        let faults = [
            (found.deleted, t.key_deleted),
            (status.contains(Reason::KeyRevoked), t.key_revoked),
            (status.contains(Reason::KeyInactive), t.key_off),
            (status.contains(Reason::KeyExpired), t.key_expired),
            (status.contains(Reason::KeyNotYetValid), t.key_early),
            (found.ended.is_some() || over.is_some(), t.ended),
        ];
        let id = key.id.to_string();
        Self {
            trail: paths::trail("key", &id),
            id,
            name: key.spec.name,
            owner: key.spec.owner,
            hint: secret.hint,
            faults: faults.into_iter().filter_map(|(is_so, text)| is_so.then_some(text)).collect(),
            ended: found.ended.or(over).map(Moment),
            ends: secret.expires.filter(|expires| now < *expires && found.ended.is_none()).map(Moment),
            created: Moment(secret.created),
            last_used: secret.last_used.map(Moment),
            deleted: found.deleted,
        }
    }
}
