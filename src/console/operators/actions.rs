//! Rotating an operator's token, and revoking the operator.

use axum::extract::{Path, State};
use http::StatusCode;

use super::add::show_token;
use super::show::{OperatorFormState, show};
use crate::console::Console;
use crate::console::form::FieldErrors;
use crate::console::form_post::FormPost;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::paths;
use crate::console::render::{PageResult, redirect};
use crate::console::texts::ENGLISH;
use crate::registry::{Error, Precondition, WriteOptions};

/// Rotates its token and shows the new one, once.
pub(super) async fn rotate(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    if post.fields.text("sure") != "yes" {
        return ask_to_confirm(&console, &post, &id, "sure_rotate").await;
    }
    let (issued, written) =
        console.registry.rotate_operator(&post.session.caller, &id, &WriteOptions::default()).await?;
    let notice = console.notice("operator_rotated", &written).await;
    let page = PageLayout::new(&console, &post.session, Section::Operators, ENGLISH.operators.rotated_title);
    show_token(page.with_notice(notice), &post.session, &issued)
}

/// Revokes it permanently.
pub(super) async fn revoke(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    if post.fields.text("sure") != "yes" {
        return ask_to_confirm(&console, &post, &id, "sure").await;
    }
    let options = WriteOptions { comment: post.fields.trimmed("reason"), replica_wait: None };
    match console.registry.revoke_operator(&post.session.caller, &id, &options).await {
        Ok((_, written)) => {
            Ok(redirect(&console.path_with_notice(paths::OPERATORS, "operator_revoked", &written).await))
        }
        Err(Error::Precondition(violated @ Precondition::LastAdmin)) => {
            show_error(&console, &post, &id, "sure", &violated.to_string()).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn ask_to_confirm(console: &Console, post: &FormPost, id: &str, field: &str) -> PageResult {
    show_error(console, post, id, field, ENGLISH.common.sure_first).await
}

async fn show_error(console: &Console, post: &FormPost, id: &str, field: &str, what: &str) -> PageResult {
    let mut errors = FieldErrors::none();
    errors.add(field, what);
    let state = OperatorFormState { errors, ..OperatorFormState::default() };
    show(console, &post.session, StatusCode::UNPROCESSABLE_ENTITY, id, state).await
}
