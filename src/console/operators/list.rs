//! The list of operators.

use askama::Template;
use axum::extract::State;

use super::form::parse_role;
use crate::console::{
    Console, DisplayTime as _, ENGLISH, Filters, FormFields, ListPage, Notice, PageLayout, PageResult, Section,
    Session, paths, render_with,
};
use crate::model::id::OperatorId;
use crate::model::operator::{Operator, Permission};
use crate::registry::ListOperators;

#[derive(Debug, Template)]
#[template(path = "operators/list.html")]
struct OperatorsPage {
    page: PageLayout,
    /// Each with whether it has expired.
    list: ListPage<(Operator, bool)>,
    /// The signed-in operator.
    own: OperatorId,
}

pub(super) async fn page(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
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
    let page = PageLayout::new(&session, Section::Operators, ENGLISH.nav.operators);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&query, console.authority.now()));
    render_with(list.status(), &OperatorsPage { page, list, own: session.caller.id })
}
