//! Adding a method to the reference book.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{FORM_FIELDS, MethodForm, reword, uses};
use crate::console::Console;
use crate::console::error::PageError;
use crate::console::form::FieldErrors;
use crate::console::form_post::FormPost;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::paths;
use crate::console::render::{PageResult, redirect, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::registry::{Error, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "methods/add.html")]
struct AddMethodPage {
    page: PageLayout,
    form: MethodForm,
    errors: FieldErrors,
    uses: Vec<(&'static str, &'static str)>,
    /// Titles of blocks to choose from.
    titles: Vec<String>,
    /// Whether the identity can be edited, which is only possible until the method exists.
    new: bool,
    why: String,
}

/// Shows the form.
pub(super) async fn form(State(console): State<Console>, session: Session) -> PageResult {
    session.require(Permission::Edit)?;
    show(&console, &session, StatusCode::OK, MethodForm::default(), FieldErrors::none(), String::new()).await
}

/// Saves it, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let form = MethodForm::read(&post.fields);
    let why = post.fields.trimmed("why");
    let mut errors = FieldErrors::none();
    let draft = form.draft(&mut errors);
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    if errors.is_empty() {
        match console.registry.create_method(&session.caller, &draft, &options).await {
            Ok((method, written)) => {
                let page = paths::method(&method.identity.to_string());
                return Ok(redirect(&console.path_with_notice(&page, "method_added", &written).await));
            }
            Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => errors.extend(&violations),
            Err(error) => return Err(error.into()),
        }
    }
    reword(&mut errors);
    show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, form, errors, why).await
}

async fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    form: MethodForm,
    errors: FieldErrors,
    why: String,
) -> PageResult {
    let titles = console.block_titles().await?;
    let page = PageLayout::new(console, session, Section::Methods, ENGLISH.methods.add_title);
    render_with(status, &AddMethodPage { page, form, errors, uses: uses(), titles, new: true, why })
}

impl Console {
    /// Returns the titles of the existing blocks.
    pub(super) async fn block_titles(&self) -> Result<Vec<String>, PageError> {
        let titles: BTreeSet<String> = self.all_methods().await?.iter().map(|method| method.block.clone()).collect();
        Ok(titles.into_iter().collect())
    }
}
