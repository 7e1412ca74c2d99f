//! The list of operators.

use askama::Template;
use axum::extract::{RawQuery, State};

use super::form::{ROLES, roles};
use crate::console::Console;
use crate::console::answer::{Answer, page_with};
use crate::console::done::Notice;
use crate::console::form::Fields;
use crate::console::layout::Page;
use crate::console::lists::{self, ListPage};
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::console::time::Moment;
use crate::model::operator::{Operator, Permission};
use crate::registry::{Choice, ListOperators, PageInput};

#[derive(Debug, Template)]
#[template(path = "operators/list.html")]
struct OperatorsPage {
    page: Page,
    list: ListPage<Filters, Row>,
    roles: Vec<(&'static str, &'static str)>,
}

/// The filters of the list; one of them widens it.
#[derive(Debug)]
struct Filters {
    role: String,
    /// `yes` to include revoked ones.
    revoked: String,
}

impl lists::Filters for Filters {
    const PATH: &'static str = paths::OPERATORS;

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        vec![("role", &*self.role), ("revoked", &*self.revoked)]
    }
}

/// An operator in the list.
#[derive(Debug)]
struct Row {
    id: String,
    name: String,
    role: &'static str,
    hint: String,
    expires: Option<Moment>,
    expired: bool,
    revoked: Option<Moment>,
    created: Moment,
    /// Whether it is the signed-in operator.
    own: bool,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> Answer {
    session.need(Permission::Administer)?;
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let revoked = if fields.text("revoked") == "yes" { "yes" } else { "" };
    let filters = Filters { role: fields.trimmed("role"), revoked: revoked.to_owned() };
    let from = fields.trimmed("page");
    let wanted = ListOperators {
        page: PageInput { size: 0, token: from.clone() },
        role: ROLES.into_iter().find(|known| known.as_str() == filters.role).map_or(Choice::Unset, Choice::Is),
        include_revoked: !filters.revoked.is_empty(),
    };
    let own = session.caller.id;
    let row = |one: Operator| Row { own: one.id == own, ..Row::new(one, &console) };
    let found = console.registry.operators(&wanted).await;
    let list = ListPage::new(filters, from, found, |operators| operators.into_iter().map(row).collect())?;
    let page = Page::new(&console, &session, Place::Operators, ENGLISH.operators.title);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::read(&fields, console.authority.now()));
    page_with(list.status(), &OperatorsPage { page, list, roles: roles() })
}

impl Row {
    fn new(operator: Operator, console: &Console) -> Self {
        let moment = console.authority.decision_time(operator.row_revision);
        Self {
            id: operator.id.to_string(),
            name: operator.name,
            role: operator.role.as_str(),
            hint: operator.hint,
            expires: operator.expires.map(Moment),
            expired: operator.expires.is_some_and(|expires| moment.is_past(expires)),
            revoked: operator.revoked.map(Moment),
            created: Moment(operator.created),
            own: false,
        }
    }
}
