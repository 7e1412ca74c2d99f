//! The list of operators.

use askama::Template;
use axum::extract::{RawQuery, State};

use super::form::{ROLES, roles};
use crate::console::Console;
use crate::console::form::FormFields;
use crate::console::layout::PageLayout;
use crate::console::lists::{self, ListPage};
use crate::console::nav::Section;
use crate::console::notice::Notice;
use crate::console::paths;
use crate::console::render::{PageResult, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::console::time::DisplayTime;
use crate::model::operator::{Operator, Permission};
use crate::registry::{Choice, ListOperators, PageInput};

#[derive(Debug, Template)]
#[template(path = "operators/list.html")]
struct OperatorsPage {
    page: PageLayout,
    list: ListPage<OperatorFilters, OperatorRow>,
    roles: Vec<(&'static str, &'static str)>,
}

/// The filters of the list; one of them widens it.
#[derive(Debug)]
struct OperatorFilters {
    role: String,
    /// `yes` to include revoked ones.
    revoked: String,
}

impl lists::ListFilters for OperatorFilters {
    const PATH: &'static str = paths::OPERATORS;

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        vec![("role", &*self.role), ("revoked", &*self.revoked)]
    }
}

/// An operator in the list.
#[derive(Debug)]
struct OperatorRow {
    id: String,
    name: String,
    role: &'static str,
    hint: String,
    expires: Option<DisplayTime>,
    expired: bool,
    revoked: Option<DisplayTime>,
    created: DisplayTime,
    /// Whether it is the signed-in operator.
    own: bool,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> PageResult {
    session.require(Permission::Administer)?;
    let fields = FormFields::parse(query.unwrap_or_default().as_bytes());
    let revoked = if fields.text("revoked") == "yes" { "yes" } else { "" };
    let filters = OperatorFilters { role: fields.trimmed("role"), revoked: revoked.to_owned() };
    let from = fields.trimmed("page");
    let request = ListOperators {
        page: PageInput { size: 0, token: from.clone() },
        role: ROLES.into_iter().find(|known| known.as_str() == filters.role).map_or(Choice::Unset, Choice::Is),
        include_revoked: !filters.revoked.is_empty(),
    };
    let own = session.caller.id;
    let row = |one: Operator| OperatorRow { own: one.id == own, ..OperatorRow::new(one, &console) };
    let found = console.registry.operators(&request).await;
    let list = ListPage::new(filters, from, found, |operators| operators.into_iter().map(row).collect())?;
    let page = PageLayout::new(&console, &session, Section::Operators, ENGLISH.operators.title);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&fields, console.authority.now()));
    render_with(list.status(), &OperatorsPage { page, list, roles: roles() })
}

impl OperatorRow {
    fn new(operator: Operator, console: &Console) -> Self {
        let moment = console.authority.decision_time(operator.row_revision);
        Self {
            id: operator.id.to_string(),
            name: operator.name,
            role: operator.role.as_str(),
            hint: operator.hint,
            expires: operator.expires.map(DisplayTime),
            expired: operator.expires.is_some_and(|expires| moment.is_past(expires)),
            revoked: operator.revoked.map(DisplayTime),
            created: DisplayTime(operator.created),
            own: false,
        }
    }
}
