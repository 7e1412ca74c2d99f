//! The audit trail: who, when, what, before and after, why.

use std::time::Duration;

use askama::Template;
use axum::extract::State;

use super::history::HistoryEntry;
use super::reference_cache::every;
use super::{
    Console, ENGLISH, FieldErrors, Filters, FormFields, ListPage, PageError, PageLayout, PageResult, Session, paths,
    render_with,
};
use crate::model::change::Change;
use crate::model::operator::Permission;
use crate::registry::{ListChanges, ListOperators};

#[derive(Debug, Template)]
#[template(path = "oversight/audit.html")]
struct AuditPage {
    page: PageLayout,
    list: ListPage<HistoryEntry>,
    kinds: [(&'static str, &'static str); 4],
    /// Whether the user may see operators.
    may_administer: bool,
}

pub(super) async fn page(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    let filters = Filters::read(paths::AUDIT, &["kind", "subject", "actor", "from", "until"], &query);
    let mut errors = FieldErrors::default();
    let request = request(&console, &filters, &mut errors).await?;
    let list = if errors.is_empty() {
        let entries = |changes: Vec<Change>| changes.into_iter().map(HistoryEntry::from).collect();
        ListPage::new(filters, console.registry.changes(&request).await, entries)?
    } else {
        ListPage::invalid(filters, errors)
    };
    let t = &ENGLISH.subjects;
    let template = AuditPage {
        page: PageLayout::new(&session, paths::AUDIT, ENGLISH.nav.audit).with_scripts(&["list.js"]),
        list,
        kinds: [("key", t.key), ("store", t.store), ("method", t.method), ("operator", t.operator)],
        may_administer: session.may(Permission::Administer),
    };
    render_with(template.list.status(), &template)
}

/// Builds the request to the registry. Dates are whole days: the last one is included.
async fn request(console: &Console, filters: &Filters, errors: &mut FieldErrors) -> Result<ListChanges, PageError> {
    let start = errors.parse_time("start_time", filters.get("from"));
    let end = errors.parse_time("end_time", filters.get("until"));
    let actor = console.operator_id(filters.get("actor")).await?;
    if actor.is_none() {
        errors.add("actor", ENGLISH.audit.no_such_actor);
    }
    Ok(ListChanges {
        page: filters.page(0),
        subject_kind: filters.owned("kind"),
        subject_id: filters.owned("subject"),
        actor: actor.unwrap_or_default(),
        start: start.map(Into::into),
        end: end.map(|end| end.plus(Duration::from_hours(24)).into()),
    })
}

impl Console {
    /// Returns the id of the operator with this id or name; an active one takes precedence over revoked ones.
    async fn operator_id(&self, id_or_name: &str) -> Result<Option<String>, PageError> {
        if id_or_name.is_empty() || id_or_name.starts_with("op_") {
            return Ok(Some(id_or_name.to_owned()));
        }
        let list = |page| async move {
            self.registry.operators(&ListOperators { page, include_revoked: true, ..ListOperators::default() }).await
        };
        let mut named = every(list).await?;
        named.retain(|operator| operator.name == id_or_name);
        let active = named.iter().find(|operator| operator.revoked.is_none());
        Ok(active.or(named.first()).map(|operator| operator.id.to_string()))
    }
}
