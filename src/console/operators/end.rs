//! Rotating an operator's token, and revoking the operator.

use axum::extract::{Path, State};
use http::StatusCode;

use super::add::show_token;
use super::show::{Beside, show};
use crate::console::Console;
use crate::console::answer::{Answer, go};
use crate::console::form::Errors;
use crate::console::layout::Page;
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::posted::Posted;
use crate::console::texts::ENGLISH;
use crate::registry::{Error, Precondition, WriteOptions};

/// Rotates its token and shows the new one, once.
pub(super) async fn rotate(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    if posted.fields.text("sure") != "yes" {
        return unsure(&console, &posted, &id, "sure_rotate").await;
    }
    let (made, written) =
        console.registry.rotate_operator(&posted.session.caller, &id, &WriteOptions::default()).await?;
    let notice = console.notice("operator_rotated", &written).await;
    let page = Page::new(&console, &posted.session, Place::Operators, ENGLISH.operators.rotated_title);
    show_token(page.with_notice(notice), &posted.session, &made)
}

/// Revokes it permanently.
pub(super) async fn revoke(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    if posted.fields.text("sure") != "yes" {
        return unsure(&console, &posted, &id, "sure").await;
    }
    let options = WriteOptions { comment: posted.fields.trimmed("reason"), replica_wait: None };
    match console.registry.revoke_operator(&posted.session.caller, &id, &options).await {
        Ok((_, written)) => Ok(go(&console.done(paths::OPERATORS, "operator_revoked", &written).await)),
        Err(Error::Precondition(state @ Precondition::LastAdmin)) => {
            again(&console, &posted, &id, "sure", &state.to_string()).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn unsure(console: &Console, posted: &Posted, id: &str, field: &str) -> Answer {
    again(console, posted, id, field, ENGLISH.common.sure_first).await
}

async fn again(console: &Console, posted: &Posted, id: &str, field: &str, what: &str) -> Answer {
    let mut errors = Errors::none();
    errors.add(field, what);
    let beside = Beside { errors, ..Beside::default() };
    show(console, &posted.session, StatusCode::UNPROCESSABLE_ENTITY, id, beside).await
}
