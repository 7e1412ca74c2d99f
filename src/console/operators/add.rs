//! Creating an operator. Its token is shown once.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{OperatorForm, SHOWN, roles};
use crate::console::Console;
use crate::console::answer::{Answer, page as answer, page_with};
use crate::console::form::Errors;
use crate::console::layout::Page;
use crate::console::nav::Place;
use crate::console::posted::Posted;
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::registry::{Error, OperatorWithToken, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "operators/add.html")]
struct AddPage {
    page: Page,
    form: OperatorForm,
    errors: Errors,
    roles: Vec<(&'static str, &'static str)>,
    why: String,
}

/// The operator, with its token for the first and last time.
#[derive(Template)]
#[template(path = "operators/made.html")]
struct MadePage {
    page: Page,
    id: String,
    name: String,
    token: String,
    /// Whether the user is this operator, whose session the rotation ends.
    own: bool,
}

/// Shows the form.
pub(super) async fn form(State(console): State<Console>, session: Session) -> Answer {
    session.need(Permission::Administer)?;
    show(&console, &session, StatusCode::OK, OperatorForm::default(), Errors::none(), String::new())
}

/// Saves it and shows its token, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, posted: Posted) -> Answer {
    let session = &posted.session;
    session.need(Permission::Administer)?;
    let form = OperatorForm::read(&posted.fields);
    let why = posted.fields.trimmed("why");
    let mut errors = Errors::none();
    let draft = form.draft(&mut errors);
    if errors.is_empty() {
        let options = WriteOptions { comment: why.clone(), replica_wait: None };
        match console.registry.create_operator(&session.caller, &draft, &options).await {
            Ok((made, written)) => {
                let notice = console.notice("operator_added", &written).await;
                let page = Page::new(&console, session, Place::Operators, ENGLISH.operators.made_title);
                return show_token(page.with_notice(notice), session, &made);
            }
            Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => errors.extend(&violations),
            Err(error) => return Err(error.into()),
        }
    }
    errors.reword("operator.role", ENGLISH.operators.choose_role);
    show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, form, errors, why)
}

/// Shows the page with a token.
pub(super) fn show_token(page: Page, session: &Session, made: &OperatorWithToken) -> Answer {
    answer(&MadePage {
        page,
        id: made.operator.id.to_string(),
        name: made.operator.name.clone(),
        token: made.token.reveal().to_owned(),
        own: made.operator.id == session.caller.id,
    })
}

fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    form: OperatorForm,
    errors: Errors,
    why: String,
) -> Answer {
    let page = Page::new(console, session, Place::Operators, ENGLISH.operators.add_title);
    page_with(status, &AddPage { page, form, errors, roles: roles(), why })
}
