//! Creating an operator. Its token is shown once.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{FORM_FIELDS, OperatorForm, roles};
use crate::console::Console;
use crate::console::form::FieldErrors;
use crate::console::form_post::FormPost;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::render::{PageResult, render, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::registry::{Error, OperatorWithToken, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "operators/add.html")]
struct AddOperatorPage {
    page: PageLayout,
    form: OperatorForm,
    errors: FieldErrors,
    roles: Vec<(&'static str, &'static str)>,
    why: String,
}

/// The operator, with its token for the first and last time.
#[derive(Template)]
#[template(path = "operators/token.html")]
struct OperatorTokenPage {
    page: PageLayout,
    id: String,
    name: String,
    token: String,
    /// Whether the user is this operator, whose session the rotation ends.
    own: bool,
}

/// Shows the form.
pub(super) async fn form(State(console): State<Console>, session: Session) -> PageResult {
    session.require(Permission::Administer)?;
    show(&console, &session, StatusCode::OK, OperatorForm::default(), FieldErrors::none(), String::new())
}

/// Saves it and shows its token, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Administer)?;
    let form = OperatorForm::read(&post.fields);
    let why = post.fields.trimmed("why");
    let mut errors = FieldErrors::none();
    let draft = form.draft(&mut errors);
    if errors.is_empty() {
        let options = WriteOptions { comment: why.clone(), replica_wait: None };
        match console.registry.create_operator(&session.caller, &draft, &options).await {
            Ok((issued, written)) => {
                let notice = console.notice("operator_added", &written).await;
                let page = PageLayout::new(&console, session, Section::Operators, ENGLISH.operators.created_title);
                return show_token(page.with_notice(notice), session, &issued);
            }
            Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => errors.extend(&violations),
            Err(error) => return Err(error.into()),
        }
    }
    errors.reword("operator.role", ENGLISH.operators.choose_role);
    show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, form, errors, why)
}

/// Shows the page with a token.
pub(super) fn show_token(page: PageLayout, session: &Session, issued: &OperatorWithToken) -> PageResult {
    render(&OperatorTokenPage {
        page,
        id: issued.operator.id.to_string(),
        name: issued.operator.name.clone(),
        token: issued.token.reveal().to_owned(),
        own: issued.operator.id == session.caller.id,
    })
}

fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    form: OperatorForm,
    errors: FieldErrors,
    why: String,
) -> PageResult {
    let page = PageLayout::new(console, session, Section::Operators, ENGLISH.operators.add_title);
    render_with(status, &AddOperatorPage { page, form, errors, roles: roles(), why })
}
