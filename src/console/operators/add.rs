//! Creating an operator. Its token is shown once.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{FIELDS, FORM_FIELDS, draft};
use crate::console::{
    Console, ENGLISH, Form, FormPost, Notice, PageLayout, PageResult, Section, Session, render, render_with,
};
use crate::model::operator::Permission;
use crate::registry::OperatorWithToken;

#[derive(Debug, Template)]
#[template(path = "operators/add.html")]
struct AddOperatorPage {
    page: PageLayout,
    form: Form,
}

/// The operator, with its token for the first and last time.
#[derive(Template)]
#[template(path = "operators/token.html")]
struct OperatorTokenPage<'a> {
    page: PageLayout,
    issued: &'a OperatorWithToken,
    /// Whether the user is this operator, whose session the rotation ends.
    own: bool,
}

pub(super) async fn form(session: Session) -> PageResult {
    session.require(Permission::Administer)?;
    show(&session, StatusCode::OK, Form::default())
}

/// Saves it and shows its token, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Administer)?;
    let mut form = Form::read(&FIELDS, &post.fields);
    let draft = draft(&mut form);
    if form.errors.is_empty() {
        match console.registry.create_operator(&session.caller, &draft, &form.options()).await {
            Ok((issued, written)) => {
                let notice = console.notice("operator_added", &written).await;
                return show_token(session, ENGLISH.operators.created_title, notice, &issued);
            }
            Err(error) => form.errors.extend_from(error)?,
        }
    }
    form.errors.reword("operator.role", ENGLISH.operators.choose_role);
    show(session, StatusCode::UNPROCESSABLE_ENTITY, form)
}

/// Shows the page with a token.
pub(super) fn show_token(
    session: &Session,
    title: &str,
    notice: Option<Notice>,
    issued: &OperatorWithToken,
) -> PageResult {
    let page = PageLayout::new(session, Section::Operators, title).with_notice(notice);
    render(&OperatorTokenPage { page, own: issued.operator.id == session.caller.id, issued })
}

fn show(session: &Session, status: StatusCode, form: Form) -> PageResult {
    let page = PageLayout::new(session, Section::Operators, ENGLISH.operators.add_title);
    render_with(status, &AddOperatorPage { page, form })
}
