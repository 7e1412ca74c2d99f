//! The audit trail: who, when, what, before and after, why.

use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};

use crate::console::Console;
use crate::console::error::PageError;
use crate::console::form::{FieldErrors, FormFields};
use crate::console::history::HistoryEntry;
use crate::console::layout::PageLayout;
use crate::console::lists::{self, ListPage};
use crate::console::nav::Section;
use crate::console::paths;
use crate::console::render::{PageResult, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::console::time;
use crate::model::change::Change;
use crate::model::operator::Permission;
use crate::model::time::Timestamp;
use crate::registry::{ListChanges, ListOperators, PageInput};

#[derive(Debug, Template)]
#[template(path = "oversight/audit.html")]
struct AuditPage {
    page: PageLayout,
    list: ListPage<AuditFilters, HistoryEntry>,
    kinds: [(&'static str, &'static str); 4],
    /// Whether the user may see operators.
    may_administer: bool,
}

/// The filters of the audit trail.
#[derive(Debug, Default)]
struct AuditFilters {
    kind: String,
    subject: String,
    /// Id or name of an operator.
    actor: String,
    from: String,
    until: String,
    page: String,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> PageResult {
    let filters = AuditFilters::read(&FormFields::parse(query.unwrap_or_default().as_bytes()));
    let from = filters.page.clone();
    let mut errors = FieldErrors::none();
    let request = filters.request(&console, &mut errors).await?;
    let list = if errors.is_empty() {
        let entries = |changes: Vec<Change>| changes.into_iter().map(HistoryEntry::from).collect();
        ListPage::new(filters, from, console.registry.changes(&request).await, entries)?
    } else {
        ListPage::invalid(filters, from, errors)
    };
    let t = &ENGLISH.subjects;
    let template = AuditPage {
        page: PageLayout::new(&console, &session, Section::Audit, ENGLISH.audit.title).with_scripts(&["list.js"]),
        list,
        kinds: [("key", t.key), ("store", t.store), ("method", t.method), ("operator", t.operator)],
        may_administer: session.may(Permission::Administer),
    };
    render_with(template.list.status(), &template)
}

impl lists::ListFilters for AuditFilters {
    const PATH: &'static str = paths::AUDIT;

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("kind", &*self.kind),
            ("subject", &*self.subject),
            ("actor", &*self.actor),
            ("from", &*self.from),
            ("until", &*self.until),
        ]
    }
}

impl AuditFilters {
    fn read(fields: &FormFields) -> Self {
        Self {
            kind: fields.trimmed("kind"),
            subject: fields.trimmed("subject"),
            actor: fields.trimmed("actor"),
            from: fields.trimmed("from"),
            until: fields.trimmed("until"),
            page: fields.trimmed("page"),
        }
    }

    /// Builds the request to the registry. Dates are whole days: the last one is included.
    async fn request(&self, console: &Console, errors: &mut FieldErrors) -> Result<ListChanges, PageError> {
        let day = Duration::from_hours(24);
        let start = date(&self.from, "start_time", errors);
        let end = date(&self.until, "end_time", errors).map(|end| end.plus(day));
        let actor = console.operator_id(&self.actor).await?;
        if actor.is_none() {
            errors.add("actor", ENGLISH.audit.no_such_actor);
        }
        Ok(ListChanges {
            page: PageInput { size: 0, token: self.page.clone() },
            subject_kind: self.kind.clone(),
            subject_id: self.subject.clone(),
            actor: actor.unwrap_or_default(),
            start: start.map(Into::into),
            end: end.map(Into::into),
        })
    }
}

fn date(text: &str, field: &str, errors: &mut FieldErrors) -> Option<Timestamp> {
    let read = time::parse_input(text);
    if read == time::TimeInput::Invalid {
        errors.add(field, ENGLISH.common.no_time);
    }
    read.time()
}

impl Console {
    /// Returns the id of the operator with this id or name; an active one takes precedence over revoked ones.
    async fn operator_id(&self, id_or_name: &str) -> Result<Option<String>, PageError> {
        if id_or_name.is_empty() || id_or_name.starts_with("op_") {
            return Ok(Some(id_or_name.to_owned()));
        }
        let mut list = ListOperators { include_revoked: true, ..ListOperators::default() };
        list.page.size = 1_000;
        let mut revoked = None;
        loop {
            let listed = self.registry.operators(&list).await?;
            for operator in listed.items.iter().filter(|operator| operator.name == id_or_name) {
                if operator.revoked.is_none() {
                    return Ok(Some(operator.id.to_string()));
                }
                revoked.get_or_insert_with(|| operator.id.to_string());
            }
            if listed.next.is_empty() {
                return Ok(revoked);
            }
            list.page.token = listed.next;
        }
    }
}
