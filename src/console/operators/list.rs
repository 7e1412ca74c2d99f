//! The list of operators.

use askama::Template;
use axum::extract::{RawQuery, State};

use super::LIST;
use super::form::{ROLES, roles};
use crate::console::Console;
use crate::console::answer::{Answer, page as answer};
use crate::console::form::Fields;
use crate::console::layout::{Page, Place};
use crate::console::lists::{self, listed};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::console::time::Moment;
use crate::model::operator::{Operator, Permission};
use crate::registry::{Choice, ListOperators, PageInput};

#[derive(Debug, Template)]
#[template(path = "operators/list.html")]
struct ListPage {
    page: Page,
    role: String,
    revoked: bool,
    roles: Vec<(&'static str, &'static str)>,
    rows: Vec<Row>,
    narrow: bool,
    /// Addresses of the first and of the next page; empty: this is it, there is none.
    first: String,
    next: String,
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
    /// Whether it is the reader.
    own: bool,
}

/// The page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> Answer {
    session.need(Permission::Administer)?;
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let (role, from) = (fields.trimmed("role"), fields.trimmed("page"));
    let revoked = fields.text("revoked") == "yes";
    let list = ListOperators {
        page: PageInput { size: 0, token: from.clone() },
        role: ROLES.into_iter().find(|known| known.as_str() == role).map_or(Choice::Unset, Choice::Is),
        include_revoked: revoked,
    };
    // Nothing but the page can be wrong in what is asked.
    let (listed, _) = listed(console.registry.operators(&list).await)?;
    let shown = if revoked { "yes" } else { "" };
    let at = |page: &str| lists::address(LIST, &[("role", &role), ("revoked", shown), ("page", page)]);
    let own = session.caller.id;
    let template = ListPage {
        page: Page::new(&console, &session, Place::Operators, ENGLISH.operators.title)
            .with_scripts(&["list.js"])
            .with_done(fields.text("done")),
        revoked,
        roles: roles(),
        narrow: !role.is_empty() || revoked || !from.is_empty(),
        first: if from.is_empty() { String::new() } else { at("") },
        next: if listed.next.is_empty() { String::new() } else { at(&listed.next) },
        rows: listed.items.into_iter().map(|one| Row { own: one.id == own, ..Row::new(one, &console) }).collect(),
        role,
    };
    answer(&template)
}

impl Row {
    fn new(operator: Operator, console: &Console) -> Self {
        let moment = console.authority.moment(operator.row_revision);
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
