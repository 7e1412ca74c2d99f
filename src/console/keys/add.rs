//! Adding a key. Its token is generated with the form and travels only in the form: if saving fails, the form shows it
//! again; it is never stored or put in an address.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::choices::Choices;
use super::form::{KeyForm, reword};
use crate::console::{
    Console, ENGLISH, FormFields, FormPost, PageLayout, PageResult, Session, paths, render, render_with,
};
use crate::model::key::Key;
use crate::model::operator::Permission;
use crate::registry::{CreateKey, TokenText};

#[derive(Debug, Template)]
#[template(path = "keys/add.html")]
struct AddKeyPage {
    page: PageLayout,
    form: KeyForm,
    choices: Choices,
}

/// The created key, with its token for the last time.
#[derive(Template)]
#[template(path = "keys/token.html")]
pub(super) struct KeyTokenPage {
    pub(super) page: PageLayout,
    pub(super) key: Key,
    pub(super) token: String,
    pub(super) reach: String,
    /// Whether it was rotated, not created.
    pub(super) rotated: bool,
}

/// Shows the form, empty or with the settings of another key (`?from=`).
pub(super) async fn form(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    session.require(Permission::Edit)?;
    let mut form = match query.text("from") {
        "" => KeyForm::default(),
        id => KeyForm::from_image(&console.registry.key(id).await?.image()),
    };
    form.token = TokenText(console.registry.new_token().reveal().to_owned());
    show(&console, &session, StatusCode::OK, form).await
}

/// Saves it, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let mut form = KeyForm::read(&post.fields);
    if form.token.0.is_empty() {
        // The user emptied the field: a key always has a token.
        form.token = TokenText(console.registry.new_token().reveal().to_owned());
    }
    if post.fields.has("show") {
        return show(&console, session, StatusCode::OK, form).await;
    }
    let request = CreateKey { key: form.draft(), token: form.token.clone(), request_id: String::new() };
    let options = form.texts.options();
    if form.texts.errors.is_empty() {
        match console.registry.create_key(&session.caller, &request, &options).await {
            Ok((issued, written)) => {
                let page = PageLayout::new(session, paths::KEYS, ENGLISH.key_form.created_title);
                let page = page.with_notice(console.notice("added", &written).await);
                let reach = Choices::new(&console, &form).await?.describe_reach(&form);
                return render(&KeyTokenPage { page, key: issued.key, token: form.token.0, reach, rotated: false });
            }
            Err(error) => form.texts.errors.extend_from(error)?,
        }
    } else {
        // Further errors are still collected.
        form.texts.errors.extend(&console.registry.check_new_key(&request, &options));
    }
    reword(&mut form.texts.errors);
    show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, form).await
}

async fn show(console: &Console, session: &Session, status: StatusCode, form: KeyForm) -> PageResult {
    let choices = Choices::new(console, &form).await?;
    let page = PageLayout::new(session, paths::KEYS, ENGLISH.key_form.add_title);
    render_with(status, &AddKeyPage { page: page.with_scripts(&["key-form.js"]), form, choices })
}
