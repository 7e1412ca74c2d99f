//! Finding the key of a token. The token is sent in a form, is looked up, and appears in no page, address or log.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::{Console, ENGLISH, FieldErrors, FormPost, PageLayout, PageResult, Session, paths, render, render_with};
use crate::model::decision::Reason;
use crate::model::key::{Key, Secret};
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
    key: Key,
    secret: Secret,
    deleted: bool,
    /// Why it grants access to nothing; empty if it is valid.
    problems: Vec<&'static str>,
    /// When the token ended, or will end.
    ended: Option<Timestamp>,
    ends: Option<Timestamp>,
    /// Address of the history of the key.
    full_history: String,
}

pub(super) async fn form(session: Session) -> PageResult {
    let page = PageLayout::new(&session, paths::FIND, ENGLISH.nav.find);
    render(&FindPage { page, errors: FieldErrors::default(), found: None })
}

pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    let token = TokenText(post.fields.trimmed("token"));
    let page = PageLayout::new(&post.session, paths::FIND, ENGLISH.nav.find);
    let mut errors = FieldErrors::default();
    match console.registry.find_key(&token).await {
        Ok(found) => {
            let found = Some(FoundKey::new(found, console.authority.now()));
            return render(&FindPage { page, errors, found });
        }
        Err(Error::TokenUnknown) => errors.add("token", ENGLISH.find.unknown),
        Err(error) => errors.extend_from(error)?,
    }
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &FindPage { page, errors, found: None })
}

impl FoundKey {
    fn new(found: FoundSecret, now: Timestamp) -> Self {
        let t = &ENGLISH.find;
        let FoundSecret { key, secret, deleted, ended } = found;
        let status = key.status(now);
        let over = secret.expires.filter(|expires| *expires <= now);
        let problems = [
            (deleted, t.key_deleted),
            (status.contains(Reason::KeyRevoked), t.key_revoked),
            (status.contains(Reason::KeyInactive), t.key_off),
            (status.contains(Reason::KeyExpired), t.key_expired),
            (status.contains(Reason::KeyNotYetValid), t.key_early),
            (ended.is_some() || over.is_some(), t.ended),
        ];
        Self {
            problems: problems.into_iter().filter_map(|(is_so, text)| is_so.then_some(text)).collect(),
            ended: ended.or(over),
            ends: secret.expires.filter(|expires| now < *expires && ended.is_none()),
            full_history: paths::subject_changes("key", &key.id.to_string()),
            key,
            secret,
            deleted,
        }
    }
}
