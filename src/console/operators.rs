//! Oversight › Operators: who may call Latchkey itself. For admins.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use http::StatusCode;

use super::{
    Console, ENGLISH, Field, FieldErrors, Filters, Form, FormFields, FormPost, History, ListPage, Notice, PageError,
    PageLayout, PageResult, Session, found, paths, render, render_with,
};
use crate::model::id::OperatorId;
use crate::model::operator::{Operator, Permission, Role};
use crate::registry::{
    Choice, Error, ListOperators, OperatorDraft, OperatorWithToken, Precondition, Update, WriteOptions,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::OPERATORS, get(list))
        .route("/oversight/operators/new", get(add_form).post(add))
        .route("/oversight/operators/{id}", get(show).post(update))
        .route("/oversight/operators/{id}/rotate", post(rotate))
        .route("/oversight/operators/{id}/revoke", post(revoke))
}

#[derive(Debug, Template)]
#[template(path = "operators/list.html")]
struct OperatorsPage {
    page: PageLayout,
    /// Each with whether it has expired.
    list: ListPage<(Operator, bool)>,
    /// The signed-in operator.
    own: OperatorId,
}

async fn list(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    session.require(Permission::Administer)?;
    let mut filters = Filters::read(paths::OPERATORS, &["role", "revoked"], &query);
    let include_revoked = query.text("revoked") == "yes";
    for (_, value) in filters.values.iter_mut().filter(|(name, _)| *name == "revoked" && !include_revoked) {
        value.clear();
    }
    let request = ListOperators { page: filters.page(0), role: parse_role(filters.get("role")), include_revoked };
    let row = |operator: Operator| {
        let moment = console.authority.decision_time(operator.row_revision);
        let expired = operator.expires.is_some_and(|expires| moment.is_past(expires));
        (operator, expired)
    };
    let found = console.registry.operators(&request).await;
    let list = ListPage::new(filters, found, |operators| operators.into_iter().map(row).collect())?;
    let page = PageLayout::new(&session, paths::OPERATORS, ENGLISH.nav.operators);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&query, console.authority.now()));
    render_with(list.status(), &OperatorsPage { page, list, own: session.caller.id })
}

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

async fn add_form(session: Session) -> PageResult {
    session.require(Permission::Administer)?;
    show_add_form(&session, StatusCode::OK, Form::default())
}

/// Saves it and shows its token, or shows the form again with the errors.
async fn add(State(console): State<Console>, post: FormPost) -> PageResult {
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
    show_add_form(session, StatusCode::UNPROCESSABLE_ENTITY, form)
}

fn show_token(session: &Session, title: &str, notice: Option<Notice>, issued: &OperatorWithToken) -> PageResult {
    let page = PageLayout::new(session, paths::OPERATORS, title).with_notice(notice);
    render(&OperatorTokenPage { page, own: issued.operator.id == session.caller.id, issued })
}

fn show_add_form(session: &Session, status: StatusCode, form: Form) -> PageResult {
    let page = PageLayout::new(session, paths::OPERATORS, ENGLISH.operators.add_title);
    render_with(status, &AddOperatorPage { page, form })
}

#[derive(Debug, Template)]
#[template(path = "operators/show.html")]
struct OperatorPage {
    page: PageLayout,
    id: String,
    operator: Operator,
    form: Form,
    history: History,
    own: bool,
}

impl OperatorPage {
    async fn load(console: &Console, session: &Session, id: &str) -> Result<Self, PageError> {
        session.require(Permission::Administer)?;
        let operator = found(console.registry.operator(id).await)?;
        Ok(Self {
            page: PageLayout::new(session, paths::OPERATORS, operator.name.clone()),
            id: id.to_owned(),
            form: Form::from_image(&FIELDS, &operator.image()),
            history: console.history("operator", id).await?,
            own: operator.id == session.caller.id,
            operator,
        })
    }
}

async fn show(
    State(console): State<Console>,
    session: Session,
    Path(id): Path<String>,
    query: FormFields,
) -> PageResult {
    let mut shown = OperatorPage::load(&console, &session, &id).await?;
    shown.page.notice = Notice::from_query(&query, console.authority.now());
    render(&shown)
}

/// Saves it, or shows the page again with errors or a conflict.
async fn update(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Administer)?;
    let mut form = Form::read(&FIELDS, &post.fields);
    let etag = post.fields.text("etag");
    let draft = draft(&mut form);
    if form.errors.is_empty() {
        let mask = ["name", "role", "expire_time"].map(str::to_owned).to_vec();
        let update = Update { id: id.clone(), draft, mask, etag: etag.to_owned() };
        match console.registry.update_operator(&session.caller, &update, &form.options()).await {
            Ok((_, written)) => return Ok(console.redirect(&paths::operator(&id), "saved", &written).await),
            Err(Error::Precondition(violated @ Precondition::LastAdmin)) => {
                form.errors.add("operator.role", &violated.to_string());
            }
            Err(Error::Stale(_)) => {
                let mut shown = OperatorPage::load(&console, session, &id).await?;
                shown.form = console.merge(form, ("operator", &id), etag, &shown.operator.image()).await?;
                return render_with(StatusCode::CONFLICT, &shown);
            }
            Err(error) => form.errors.extend_from(error)?,
        }
    }
    let shown = OperatorPage::load(&console, session, &id).await?;
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &OperatorPage { form, ..shown })
}

/// Rotates its token and shows the new one, once.
async fn rotate(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    if post.fields.text("sure") != "yes" {
        return show_error(&console, session, &id, "sure_rotate", ENGLISH.common.sure_first).await;
    }
    let (issued, written) = console.registry.rotate_operator(&session.caller, &id, &WriteOptions::default()).await?;
    let notice = console.notice("operator_rotated", &written).await;
    show_token(session, ENGLISH.operators.rotated_title, notice, &issued)
}

async fn revoke(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    if post.fields.text("sure") != "yes" {
        return show_error(&console, session, &id, "sure", ENGLISH.common.sure_first).await;
    }
    let options = WriteOptions { comment: post.fields.trimmed("reason"), replica_wait: None };
    match console.registry.revoke_operator(&session.caller, &id, &options).await {
        Ok((_, written)) => Ok(console.redirect(paths::OPERATORS, "operator_revoked", &written).await),
        Err(Error::Precondition(violated @ Precondition::LastAdmin)) => {
            show_error(&console, session, &id, "sure", &violated.to_string()).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_error(console: &Console, session: &Session, id: &str, field: &str, what: &str) -> PageResult {
    let mut shown = OperatorPage::load(console, session, id).await?;
    shown.form.errors = FieldErrors::one(field, what);
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

const FIELDS: [Field; 3] = [Field::Line("name"), Field::Line("role"), Field::Time("expires")];

/// The registry's fields that the form has, next to which it shows their errors.
const FORM_FIELDS: [&str; 6] =
    ["operator.name", "operator.role", "operator.expire_time", "options.comment", "sure", "sure_rotate"];

/// The roles, in ascending order of permissions.
const ROLES: [Role; 4] = [Role::Authorizer, Role::Viewer, Role::Editor, Role::Admin];

/// Builds the draft for the registry. Input that can't be parsed is an error of the form.
fn draft(form: &mut Form) -> OperatorDraft {
    OperatorDraft {
        name: form.text("name").to_owned(),
        role: parse_role(form.text("role")),
        expires: form.parse_time("expires", "operator.expire_time"),
    }
}

fn parse_role(name: &str) -> Choice<Role> {
    ROLES.into_iter().find(|role| role.as_str() == name).map_or(Choice::Unset, Choice::Is)
}

/// Returns the options of the field for roles: the value sent, the name shown.
pub(super) fn roles() -> [(&'static str, &'static str); 4] {
    ROLES.map(|role| (role.as_str(), role_description(role)))
}

pub(super) const fn role_description(role: Role) -> &'static str {
    let t = &ENGLISH.operators;
    match role {
        Role::Admin => t.role_admin,
        Role::Editor => t.role_editor,
        Role::Viewer => t.role_viewer,
        Role::Authorizer => t.role_authorizer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_its_operator_says() {
        let image = serde_json::json!({"name": "crm", "role": "authorizer", "expires": "2027-01-02T03:04:05Z"});
        let mut form = Form::from_image(&FIELDS, &image);
        assert_eq!(form.text("expires"), "2027-01-02T03:04:05");
        assert_eq!(draft(&mut form).role, Choice::Is(Role::Authorizer));
        assert!(form.errors.is_empty());
        let mut soon = Form::read(&FIELDS, &FormFields::parse(b"expires=soon"));
        assert_eq!(draft(&mut soon).role, Choice::Unset, "nobody gets a role unasked");
        assert_eq!(soon.errors.at("operator.expire_time").len(), 1);
    }
}
