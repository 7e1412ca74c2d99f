//! Adding a key. Its token is generated with the form and travels only in the form: if saving fails, the form shows it
//! again; it is never stored or put in an address.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;

use super::choices::{ChoiceGroup, blocks, platforms};
use super::form::{KeyForm, reword};
use super::reach::describe_reach;
use crate::console::Console;
use crate::console::error::PageError;
use crate::console::form::{FieldErrors, FormFields};
use crate::console::form_post::FormPost;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::notice::Notice;
use crate::console::render::{PageResult, render, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::key::Key;
use crate::model::operator::Permission;
use crate::registry::{CreateKey, Error, TokenText, WriteOptions, Written};

#[derive(Debug, Template)]
#[template(path = "keys/add.html")]
struct AddKeyPage {
    page: PageLayout,
    form: KeyForm,
    errors: FieldErrors,
    platforms: Vec<ChoiceGroup>,
    blocks: Vec<ChoiceGroup>,
    reach: String,
    why: String,
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
pub(super) async fn form(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> PageResult {
    session.require(Permission::Edit)?;
    let query = FormFields::parse(query.unwrap_or_default().as_bytes());
    let mut form = match query.text("from") {
        "" => KeyForm::default(),
        id => KeyForm::from_spec(&console.registry.key(id).await?.spec),
    };
    console.registry.new_token().reveal().clone_into(&mut form.token);
    show(&console, &session, StatusCode::OK, form, FieldErrors::none(), String::new()).await
}

/// Saves it, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    post.session.require(Permission::Edit)?;
    let mut form = KeyForm::read(&post.fields);
    if form.token.is_empty() {
        // The user emptied the field: a key always has a token.
        console.registry.new_token().reveal().clone_into(&mut form.token);
    }
    let why = post.fields.trimmed("why");
    let mut errors = FieldErrors::none();
    let draft = form.draft(&mut errors);
    if post.fields.has("show") {
        return show(&console, &post.session, StatusCode::OK, form, FieldErrors::none(), why).await;
    }
    let request = CreateKey { key: draft, token: TokenText(form.token.clone()), request_id: String::new() };
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    match console.create(&post.session, &request, &options, errors).await? {
        Ok((key, written)) => {
            let notice = console.notice("added", &written).await;
            show_created(&console, &post.session, key, &form, notice).await
        }
        Err(errors) => show(&console, &post.session, StatusCode::UNPROCESSABLE_ENTITY, form, errors, why).await,
    }
}

impl Console {
    /// Creates a key unless its form already has `errors`; in that case, further errors are still collected.
    async fn create(
        &self,
        session: &Session,
        request: &CreateKey,
        options: &WriteOptions,
        mut errors: FieldErrors,
    ) -> Result<Result<(Key, Written), FieldErrors>, PageError> {
        if errors.is_empty() {
            match self.registry.create_key(&session.caller, request, options).await {
                Ok((issued, written)) => return Ok(Ok((issued.key, written))),
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
    errors: FieldErrors,
    why: String,
) -> PageResult {
    let platforms = platforms(&console.all_stores().await?, &form);
    let blocks = blocks(&console.all_methods().await?, &form);
    let reach = describe_reach(&form, &platforms, &blocks);
    let page =
        PageLayout::new(console, session, Section::Keys, ENGLISH.key_form.add_title).with_scripts(&["key-form.js"]);
    render_with(status, &AddKeyPage { page, form, errors, platforms, blocks, reach, why })
}

async fn show_created(
    console: &Console,
    session: &Session,
    key: Key,
    form: &KeyForm,
    notice: Option<Notice>,
) -> Result<Response, PageError> {
    let platforms = platforms(&console.all_stores().await?, form);
    let blocks = blocks(&console.all_methods().await?, form);
    let reach = describe_reach(form, &platforms, &blocks);
    let title = PageLayout::new(console, session, Section::Keys, ENGLISH.key_form.created_title);
    render(&KeyTokenPage { page: title.with_notice(notice), key, token: form.token.clone(), reach, rotated: false })
}
