//! Rotating a key's token, revoking one token, revoking and deleting the key.

use axum::extract::{Path, State};
use http::StatusCode;

use super::add::MadePage;
use super::show;
use crate::console::Console;
use crate::console::answer::{Answer, go, page};
use crate::console::form::{Errors, Fields};
use crate::console::layout::Page;
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::posted::Posted;
use crate::console::texts::ENGLISH;
use crate::registry::{Error, RawDuration, RotateKey, SubjectRef, TokenText, WriteOptions};

fn named(id: &str, posted: &Posted) -> SubjectRef {
    SubjectRef { id: id.to_owned(), etag: posted.fields.text("etag").to_owned() }
}

/// Rotates the token and shows it once. Sending the form again is refused: its etag is that of the earlier key.
pub(super) async fn rotate(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let hours: i64 = match posted.fields.text("overlap") {
        "none" => 0,
        "hour" => 1,
        "week" => 7 * 24,
        "month" => 30 * 24,
        _ => 24,
    };
    let overlap = Some(RawDuration { seconds: hours * 3_600, nanos: 0 });
    let request = RotateKey { key: named(&id, &posted), overlap, token: TokenText::default() };
    let (made, written) =
        console.registry.rotate_key(&posted.session.caller, &request, &WriteOptions::default()).await?;
    let title = Page::new(&console, &posted.session, Place::Keys, ENGLISH.key_page.rotated_title);
    page(&MadePage {
        page: title.with_notice(console.notice("rotated", &written).await),
        token: made.token.as_ref().map(|token| token.reveal().to_owned()).unwrap_or_default(),
        key: made.key,
        reach: String::new(),
        rotated: true,
    })
}

/// Revokes one token of the key.
pub(super) async fn end_token(
    State(console): State<Console>,
    Path((id, secret)): Path<(String, String)>,
    posted: Posted,
) -> Answer {
    let (_, written) =
        console.registry.revoke_secret(&posted.session.caller, &secret, &WriteOptions::default()).await?;
    Ok(go(&console.done(&paths::key(&id), "token_ended", &written).await))
}

/// Revokes the key permanently.
pub(super) async fn revoke(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let reason = posted.fields.trimmed("reason");
    let key = named(&id, &posted);
    match console.registry.revoke_key(&posted.session.caller, &key, &reason, &WriteOptions::default()).await {
        Ok((_, written)) => Ok(go(&console.done(&paths::key(&id), "revoked", &written).await)),
        Err(Error::Invalid(violations)) => again(&console, &posted, &id, Errors::of(&violations), reason).await,
        Err(error) => Err(error.into()),
    }
}

/// Deletes the key.
pub(super) async fn delete(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    if !posted.fields.has("sure") {
        let mut errors = Errors::none();
        errors.add("sure", ENGLISH.key_page.delete_unsure);
        return again(&console, &posted, &id, errors, String::new()).await;
    }
    let key = named(&id, &posted);
    let written = console.registry.delete_key(&posted.session.caller, &key, &WriteOptions::default()).await?;
    Ok(go(&console.done(paths::KEYS, "deleted", &written).await))
}

/// Shows the page of the key again, with the errors.
async fn again(console: &Console, posted: &Posted, id: &str, errors: Errors, reason: String) -> Answer {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    show::show(console, &posted.session, id, &Fields::default(), status, errors, reason).await
}
