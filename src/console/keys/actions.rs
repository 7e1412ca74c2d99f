//! Rotating a key's token, revoking one token, revoking and deleting the key.

use axum::extract::{Path, State};
use http::StatusCode;

use super::add::KeyTokenPage;
use super::show;
use crate::console::Console;
use crate::console::form::{FieldErrors, FormFields};
use crate::console::form_post::FormPost;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::paths;
use crate::console::render::{PageResult, redirect, render};
use crate::console::texts::ENGLISH;
use crate::registry::{Error, RawDuration, RotateKey, SubjectRef, TokenText, WriteOptions};

fn key_with_etag(id: &str, post: &FormPost) -> SubjectRef {
    SubjectRef { id: id.to_owned(), etag: post.fields.text("etag").to_owned() }
}

/// Rotates the token and shows it once. Sending the form again is refused: its etag is that of the earlier key.
pub(super) async fn rotate(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let hours: i64 = match post.fields.text("overlap") {
        "none" => 0,
        "hour" => 1,
        "week" => 7 * 24,
        "month" => 30 * 24,
        _ => 24,
    };
    let overlap = Some(RawDuration { seconds: hours * 3_600, nanos: 0 });
    let request = RotateKey { key: key_with_etag(&id, &post), overlap, token: TokenText::default() };
    let (issued, written) =
        console.registry.rotate_key(&post.session.caller, &request, &WriteOptions::default()).await?;
    let title = PageLayout::new(&console, &post.session, Section::Keys, ENGLISH.key_page.rotated_title);
    render(&KeyTokenPage {
        page: title.with_notice(console.notice("rotated", &written).await),
        token: issued.token.as_ref().map(|token| token.reveal().to_owned()).unwrap_or_default(),
        key: issued.key,
        reach: String::new(),
        rotated: true,
    })
}

/// Revokes one token of the key.
pub(super) async fn revoke_token(
    State(console): State<Console>,
    Path((id, secret)): Path<(String, String)>,
    post: FormPost,
) -> PageResult {
    let (_, written) = console.registry.revoke_secret(&post.session.caller, &secret, &WriteOptions::default()).await?;
    Ok(redirect(&console.path_with_notice(&paths::key(&id), "token_ended", &written).await))
}

/// Revokes the key permanently.
pub(super) async fn revoke(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let reason = post.fields.trimmed("reason");
    let key = key_with_etag(&id, &post);
    match console.registry.revoke_key(&post.session.caller, &key, &reason, &WriteOptions::default()).await {
        Ok((_, written)) => Ok(redirect(&console.path_with_notice(&paths::key(&id), "revoked", &written).await)),
        Err(Error::Invalid(violations)) => {
            show_error(&console, &post, &id, FieldErrors::from_violations(&violations), reason).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Deletes the key.
pub(super) async fn delete(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    if !post.fields.has("sure") {
        let mut errors = FieldErrors::none();
        errors.add("sure", ENGLISH.key_page.delete_unsure);
        return show_error(&console, &post, &id, errors, String::new()).await;
    }
    let key = key_with_etag(&id, &post);
    let written = console.registry.delete_key(&post.session.caller, &key, &WriteOptions::default()).await?;
    Ok(redirect(&console.path_with_notice(paths::KEYS, "deleted", &written).await))
}

/// Shows the page of the key again, with the errors.
async fn show_error(console: &Console, post: &FormPost, id: &str, errors: FieldErrors, reason: String) -> PageResult {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    show::show(console, &post.session, id, &FormFields::default(), status, errors, reason).await
}
