//! Adding a key. Its token is generated with the form and travels only in the form: if saving fails, the form shows it
//! again; it is never stored or put in an address.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;

use super::choices::{Group, blocks, platforms};
use super::form::{KeyForm, reword};
use super::reach::sentence;
use crate::console::Console;
use crate::console::answer::{Answer, page, page_with};
use crate::console::done::Notice;
use crate::console::failure::Failure;
use crate::console::form::{Errors, Fields};
use crate::console::layout::Page;
use crate::console::nav::Place;
use crate::console::posted::Posted;
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::key::Key;
use crate::model::operator::Permission;
use crate::registry::{CreateKey, Error, TokenText, WriteOptions, Written};

#[derive(Debug, Template)]
#[template(path = "keys/add.html")]
struct AddPage {
    page: Page,
    form: KeyForm,
    errors: Errors,
    platforms: Vec<Group>,
    blocks: Vec<Group>,
    reach: String,
    why: String,
}

/// The created key, with its token for the last time.
#[derive(Template)]
#[template(path = "keys/made.html")]
pub(super) struct MadePage {
    pub(super) page: Page,
    pub(super) key: Key,
    pub(super) token: String,
    pub(super) reach: String,
    /// Whether it was rotated, not created.
    pub(super) rotated: bool,
}

/// Shows the form, empty or with the settings of another key (`?from=`).
pub(super) async fn form(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> Answer {
    session.need(Permission::Edit)?;
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let mut form = match query.text("from") {
        "" => KeyForm::default(),
        id => KeyForm::of(&console.registry.key(id).await?.spec),
    };
    console.registry.new_token().reveal().clone_into(&mut form.token);
    show(&console, &session, StatusCode::OK, form, Errors::none(), String::new()).await
}

/// Saves it, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, posted: Posted) -> Answer {
    posted.session.need(Permission::Edit)?;
    let mut form = KeyForm::read(&posted.fields);
    if form.token.is_empty() {
        // The user emptied the field: a key always has a token.
        console.registry.new_token().reveal().clone_into(&mut form.token);
    }
    let why = posted.fields.trimmed("why");
    let mut errors = Errors::none();
    let draft = form.draft(&mut errors);
    if posted.fields.has("show") {
        return show(&console, &posted.session, StatusCode::OK, form, Errors::none(), why).await;
    }
    let request = CreateKey { key: draft, token: TokenText(form.token.clone()), request_id: String::new() };
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    match console.create(&posted.session, &request, &options, errors).await? {
        Ok((key, written)) => {
            let notice = console.notice("added", &written).await;
            made(&console, &posted.session, key, &form, notice).await
        }
        Err(errors) => show(&console, &posted.session, StatusCode::UNPROCESSABLE_ENTITY, form, errors, why).await,
    }
}

impl Console {
    /// Creates a key unless its form already has `errors`; in that case, further errors are still collected.
    async fn create(
        &self,
        session: &Session,
        request: &CreateKey,
        options: &WriteOptions,
        mut errors: Errors,
    ) -> Result<Result<(Key, Written), Errors>, Failure> {
        if errors.is_empty() {
            match self.registry.create_key(&session.caller, request, options).await {
                Ok((made, written)) => return Ok(Ok((made.key, written))),
                Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => errors.extend(&violations),
                Err(error) => return Err(error.into()),
            }
        } else {
            errors.extend(&self.registry.check_new_key(request, options));
        }
        reword(&mut errors);
        Ok(Err(errors))
    }
}

async fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    form: KeyForm,
    errors: Errors,
    why: String,
) -> Answer {
    let platforms = platforms(&console.all_stores().await?, &form);
    let blocks = blocks(&console.all_methods().await?, &form);
    let reach = sentence(&form, &platforms, &blocks);
    let page = Page::new(console, session, Place::Keys, ENGLISH.key_form.add_title).with_scripts(&["key-form.js"]);
    page_with(status, &AddPage { page, form, errors, platforms, blocks, reach, why })
}

async fn made(
    console: &Console,
    session: &Session,
    key: Key,
    form: &KeyForm,
    notice: Option<Notice>,
) -> Result<Response, Failure> {
    let platforms = platforms(&console.all_stores().await?, form);
    let blocks = blocks(&console.all_methods().await?, form);
    let reach = sentence(form, &platforms, &blocks);
    let title = Page::new(console, session, Place::Keys, ENGLISH.key_form.made_title);
    page(&MadePage { page: title.with_notice(notice), key, token: form.token.clone(), reach, rotated: false })
}
