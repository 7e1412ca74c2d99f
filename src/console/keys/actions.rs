//! Switching a key on and off, rotating its token, revoking one token, revoking and deleting the key.

use axum::extract::{Path, State};
use http::StatusCode;

use super::add::KeyTokenPage;
use super::show::KeyPage;
use crate::console::switch::parse_active;
use crate::console::{
    Console, ENGLISH, FieldErrors, FormFields, FormPost, PageLayout, PageResult, paths, render, render_with,
};
use crate::registry::{KeyDraft, RawDuration, RotateKey, SubjectRef, TokenText, Update, WriteOptions};

fn key_with_etag(id: &str, post: &FormPost) -> SubjectRef {
    SubjectRef { id: id.to_owned(), etag: post.fields.text("etag").to_owned() }
}

/// Applies the form's value unless the key changed since the form was rendered, and returns to the sender's page.
pub(super) async fn switch(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let active = parse_active(&post.fields)?;
    let update = Update {
        id: id.clone(),
        draft: KeyDraft { active: Some(active), ..KeyDraft::default() },
        mask: vec!["active".to_owned()],
        etag: post.fields.text("etag").to_owned(),
    };
    let switched = console.registry.update_key(&post.session.caller, &update, &WriteOptions::default()).await;
    let action = if active { "key_on" } else { "key_off" };
    console.switched(&post.fields, (paths::KEYS, &id), action, ENGLISH.keys.changed_meanwhile, switched).await
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
    let title = PageLayout::new(&post.session, paths::KEYS, ENGLISH.key_page.rotated_title);
    render(&KeyTokenPage {
        page: title.with_notice(console.notice("rotated", &written).await),
        token: issued.token.as_ref().map(|token| token.reveal().to_owned()).unwrap_or_default(),
        key: issued.key,
        reach: String::new(),
        rotated: true,
    })
}

pub(super) async fn revoke_token(
    State(console): State<Console>,
    Path((id, secret)): Path<(String, String)>,
    post: FormPost,
) -> PageResult {
    let (_, written) = console.registry.revoke_secret(&post.session.caller, &secret, &WriteOptions::default()).await?;
    Ok(console.redirect(&paths::key(&id), "token_ended", &written).await)
}

/// Revokes the key permanently.
pub(super) async fn revoke(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let reason = post.fields.trimmed("reason");
    let key = key_with_etag(&id, &post);
    match console.registry.revoke_key(&post.session.caller, &key, &reason, &WriteOptions::default()).await {
        Ok((_, written)) => Ok(console.redirect(&paths::key(&id), "revoked", &written).await),
        Err(error) => {
            let mut errors = FieldErrors::default();
            errors.extend_from(error)?;
            show_errors(&console, &post, &id, errors, reason).await
        }
    }
}

pub(super) async fn delete(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    if !post.fields.has("sure") {
        let errors = FieldErrors::one("sure", ENGLISH.common.sure_first);
        return show_errors(&console, &post, &id, errors, String::new()).await;
    }
    let key = key_with_etag(&id, &post);
    let written = console.registry.delete_key(&post.session.caller, &key, &WriteOptions::default()).await?;
    Ok(console.redirect(paths::KEYS, "deleted", &written).await)
}

async fn show_errors(console: &Console, post: &FormPost, id: &str, errors: FieldErrors, reason: String) -> PageResult {
    let mut shown = KeyPage::load(console, &post.session, id, &FormFields::default()).await?;
    (shown.errors, shown.reason) = (errors, reason);
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}
