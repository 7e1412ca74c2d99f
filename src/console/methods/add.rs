//! Adding a method to the reference book.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{MethodForm, SHOWN, reword, uses};
use crate::console::Console;
use crate::console::answer::{Answer, go, page_with};
use crate::console::failure::Failure;
use crate::console::form::Errors;
use crate::console::layout::Page;
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::posted::Posted;
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::registry::{Error, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "methods/add.html")]
struct AddPage {
    page: Page,
    form: MethodForm,
    errors: Errors,
    uses: Vec<(&'static str, &'static str)>,
    /// Titles of blocks to choose from.
    titles: Vec<String>,
    /// Whether the identity can be edited, which is only possible until the method exists.
    new: bool,
    why: String,
}

/// Shows the form.
pub(super) async fn form(State(console): State<Console>, session: Session) -> Answer {
    session.need(Permission::Edit)?;
    show(&console, &session, StatusCode::OK, MethodForm::default(), Errors::none(), String::new()).await
}

/// Saves it, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, posted: Posted) -> Answer {
    let session = &posted.session;
    session.need(Permission::Edit)?;
    let form = MethodForm::read(&posted.fields);
    let why = posted.fields.trimmed("why");
    let mut errors = Errors::none();
    let draft = form.draft(&mut errors);
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    if errors.is_empty() {
        match console.registry.create_method(&session.caller, &draft, &options).await {
            Ok((method, written)) => {
                let page = paths::method(&method.identity.to_string());
                return Ok(go(&console.done(&page, "method_added", &written).await));
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
    errors: Errors,
    why: String,
) -> Answer {
    let titles = console.block_titles().await?;
    let page = Page::new(console, session, Place::Methods, ENGLISH.methods.add_title);
    page_with(status, &AddPage { page, form, errors, uses: uses(), titles, new: true, why })
}

impl Console {
    /// Returns the titles of the existing blocks.
    pub(super) async fn block_titles(&self) -> Result<Vec<String>, Failure> {
        let titles: BTreeSet<String> = self.all_methods().await?.iter().map(|method| method.block.clone()).collect();
        Ok(titles.into_iter().collect())
    }
}
