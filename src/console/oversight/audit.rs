//! The audit trail: who, when, what, before and after, why.

use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};

use crate::console::Console;
use crate::console::answer::{Answer, page_with};
use crate::console::failure::Failure;
use crate::console::form::{Errors, Fields};
use crate::console::layout::Page;
use crate::console::lists::{self, ListPage};
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::console::time;
use crate::console::trail::Entry;
use crate::model::change::Change;
use crate::model::operator::Permission;
use crate::model::time::Timestamp;
use crate::registry::{ListChanges, ListOperators, PageInput};

#[derive(Debug, Template)]
#[template(path = "oversight/audit.html")]
struct AuditPage {
    page: Page,
    list: ListPage<Filters, Entry>,
    kinds: [(&'static str, &'static str); 4],
    /// Whether the user may see operators.
    administers: bool,
}

/// The filters of the audit trail.
#[derive(Debug, Default)]
struct Filters {
    kind: String,
    subject: String,
    /// Id or name of an operator.
    actor: String,
    from: String,
    until: String,
    page: String,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> Answer {
    let filters = Filters::read(&Fields::parse(query.unwrap_or_default().as_bytes()));
    let from = filters.page.clone();
    let mut errors = Errors::none();
    let wanted = filters.list(&console, &mut errors).await?;
    let list = if errors.is_empty() {
        let entries = |changes: Vec<Change>| changes.into_iter().map(Entry::from).collect();
        ListPage::new(filters, from, console.registry.changes(&wanted).await, entries)?
    } else {
        ListPage::wrong(filters, from, errors)
    };
    let t = &ENGLISH.subjects;
    let template = AuditPage {
        page: Page::new(&console, &session, Place::Audit, ENGLISH.audit.title).with_scripts(&["list.js"]),
        list,
        kinds: [("key", t.key), ("store", t.store), ("method", t.method), ("operator", t.operator)],
        administers: session.may(Permission::Administer),
    };
    page_with(template.list.status(), &template)
}

impl lists::Filters for Filters {
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

impl Filters {
    fn read(fields: &Fields) -> Self {
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
    async fn list(&self, console: &Console, errors: &mut Errors) -> Result<ListChanges, Failure> {
        let day = Duration::from_hours(24);
        let start = date(&self.from, "start_time", errors);
        let end = date(&self.until, "end_time", errors).map(|end| end.plus(day));
        let actor = console.operator_called(&self.actor).await?;
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

fn date(text: &str, field: &str, errors: &mut Errors) -> Option<Timestamp> {
    let read = time::read(text);
    if read == time::Read::Nonsense {
        errors.add(field, ENGLISH.common.no_time);
    }
    read.time()
}

impl Console {
    /// Returns the id of the operator with this id or name; an active one takes precedence over revoked ones.
    async fn operator_called(&self, called: &str) -> Result<Option<String>, Failure> {
        if called.is_empty() || called.starts_with("op_") {
            return Ok(Some(called.to_owned()));
        }
        let mut list = ListOperators { include_revoked: true, ..ListOperators::default() };
        list.page.size = 1_000;
        let mut revoked = None;
        loop {
            let listed = self.registry.operators(&list).await?;
            for operator in listed.items.iter().filter(|operator| operator.name == called) {
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
